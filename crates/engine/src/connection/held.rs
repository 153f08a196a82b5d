//! Packets that came before the keys for them: kept, a few of each level and fewer for strangers, and handed out when the keys come.
//! Never more than its bounds.

use alloc::vec::Vec;

use inquic_platform::{Instant, memory};
use inquic_wire::{Level, Role};

use super::Connection;
use crate::counters::Drop;
use crate::limits;
use crate::trace::What;

/// Packets that came before the keys for them.
#[derive(Default)]
pub(super) struct HeldPackets {
    pub(super) packets: Vec<HeldPacket>,
}

pub(super) struct HeldPacket {
    /// When it came.
    pub(super) at: Instant,
    pub(super) level: Level,
    pub(super) ecn: u8,
    pub(super) bytes: Vec<u8>,
}

impl HeldPackets {
    /// Keeps a packet if there is room for one more of its level, of which `most` are kept.
    pub(super) fn hold(
        &mut self,
        at: Instant,
        most: usize,
        level: Level,
        ecn: u8,
        bytes: &[u8],
    ) -> bool {
        let same = self
            .packets
            .iter()
            .filter(|held| held.level == level)
            .count();
        if same >= most || bytes.len() > limits::HELD_PACKET_BYTES {
            return false;
        }
        let held = |bytes| HeldPacket {
            at,
            level,
            ecn,
            bytes,
        };
        memory::copied(bytes).is_some_and(|bytes| memory::pushed(&mut self.packets, held(bytes)))
    }

    /// Packets that are kept.
    pub(super) const fn len(&self) -> usize {
        self.packets.len()
    }

    /// The oldest kept packet of a level whose keys have come.
    pub(super) fn take(&mut self, level: Level) -> Option<HeldPacket> {
        let at = self.packets.iter().position(|held| held.level == level)?;
        let taken = memory::taken(&mut self.packets, at);
        if self.packets.is_empty() {
            self.packets = Vec::new();
        }
        taken
    }
}

impl Connection {
    /// Keeps a packet until its keys come, or counts it as dropped. A stranger's share is small.
    pub(super) fn hold(&mut self, now: Instant, level: Level, ecn: u8, packet: &[u8]) {
        let most = match (self.role, level) {
            (Role::Client, Level::Handshake) => limits::HELD_FLIGHT,
            _ if self.carried.paths.active().is_validated() => limits::HELD_PACKETS,
            _ => limits::HELD_PACKETS_UNVALIDATED,
        };
        if self.held.hold(now, most, level, ecn, packet) {
            self.recovery.trace.note(|| What::Held(level));
        } else {
            self.drop_packet(Drop::NoKeys);
        }
    }
}

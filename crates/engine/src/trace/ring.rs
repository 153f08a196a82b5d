//! The records that a home has not taken yet: a fixed number of them, the newest left out and counted when it is full.

use alloc::collections::VecDeque;

use inquic_platform::{Instant, memory};
use inquic_wire::frame::{Frame, Frames};
use inquic_wire::{Level, Role};

use super::{Record, Seen, What};
use crate::limits;

pub(super) struct Ring {
    /// When what is noted happens.
    now: Instant,
    records: VecDeque<Record>,
    missed: u32,
}

impl Ring {
    /// All its memory at once; `None` when there is none.
    pub(super) fn new(now: Instant) -> Option<Self> {
        let mut records = VecDeque::new();
        records.try_reserve_exact(limits::TRACE_RECORDS).ok()?;
        Some(Self {
            now,
            records,
            missed: 0,
        })
    }

    /// Threads of a home may bring moments in another order than the connection's lock; records keep the lock's.
    pub(super) fn at(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(super) fn push(&mut self, what: What) {
        if self.records.len() >= limits::TRACE_RECORDS {
            self.missed = self.missed.saturating_add(1);
            return;
        }
        memory::put_back(&mut self.records, Record { at: self.now, what });
    }

    /// The frames of a packet, up to [`limits::TRACE_FRAMES`] of them: one byte is enough for a frame, and none is to cost more than a
    /// few records.
    pub(super) fn push_frames(&mut self, level: Level, to: Role, exponent: u8, payload: &[u8]) {
        let mut room = limits::TRACE_FRAMES;
        // What is no frame is an offence, with which the connection closes.
        for frame in Frames::new(payload, level, to).map_while(Result::ok) {
            let Some(left) = room.checked_sub(1) else {
                return self.push(What::FramesLeftOut);
            };
            room = left;
            self.push(What::Frame(Seen::of(&frame, exponent)));
            if let Frame::Ack(ack) = &frame {
                for range in ack.ranges() {
                    let Some(left) = room.checked_sub(1) else {
                        return self.push(What::FramesLeftOut);
                    };
                    room = left;
                    self.push(What::Frame(Seen::AckRange {
                        smallest: *range.start(),
                        largest: *range.end(),
                    }));
                }
                if let Some(counts) = ack.ecn {
                    self.push(What::Frame(Seen::AckEcn(counts)));
                }
            }
        }
    }

    pub(super) fn take(&mut self) -> Option<Record> {
        self.records.pop_front()
    }

    pub(super) const fn take_missed(&mut self) -> u32 {
        core::mem::replace(&mut self.missed, 0)
    }
}

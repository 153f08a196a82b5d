//! What happens on a connection, for whoever watches it: packets, frames, losses and changes of state in, fixed records out.
//!
//! Without the feature `trace` nothing in here leaves a trace in the code: `Trace` is empty, and what would be noted is not even
//! worked out. With it a home may ask for the records of a connection, takes them after each of its calls, and writes them as it
//! likes. A record is a `Copy` value of bounded size with no bytes in it that a peer chose freely, and what does not fit into the
//! ring is counted and forgotten: watching a connection never makes it fail (attacks: own diagnostics overflow).

mod frame;
#[cfg(feature = "trace")]
mod ring;
#[cfg(all(test, feature = "trace"))]
mod tests;

pub use frame::Seen;

use inquic_platform::{Duration, Instant};
use inquic_wire::{Level, Role, Space, Version};

use crate::counters::Drop;
use crate::path::EcnState;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// When, on the home's clock.
    pub at: Instant,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A packet was made, and leaves with its datagram. Its frames follow.
    Sent(Packet),
    /// A packet was received and is authentic. Its frames follow.
    Received(Packet),
    /// A frame of the packet before it.
    Frame(Seen),
    /// The packet before it has more frames than are noted of one.
    FramesLeftOut,
    /// A packet was not processed.
    Dropped(Drop),
    /// A packet came before its keys and is kept for them.
    Held(Level),
    /// A packet of ours was declared lost.
    Lost {
        /// Its space.
        space: Space,
        /// Its number.
        number: u64,
    },
    /// What the recovery knows after an acknowledgement, a loss or a timeout.
    Metrics(Metrics),
    /// The window was reduced.
    Reduced,
    /// Packets were lost for so long that the window begins anew (RFC 9002 §7.6).
    PersistentCongestion,
    /// The connection uses another version.
    Version(Version),
    /// A Retry packet was followed.
    Retried,
    /// A Version Negotiation packet was followed, or ended the connection.
    VersionNegotiated,
    /// The peer's transport parameters are known; see [`crate::Connection::peer_parameters`].
    Parameters,
    /// Both 1-RTT keys are there: the handshake is complete.
    Complete,
    /// The handshake is confirmed.
    Confirmed,
    /// The keys of a space of the handshake are gone.
    Discarded(Space),
    /// Both directions have other 1-RTT keys.
    KeyUpdate {
        /// The peer began it.
        by_peer: bool,
        /// How many there have been.
        updates: u64,
    },
    /// Another path is active; see [`crate::Connection::path`].
    Migrated,
    /// A path was found good, or not.
    PathChecked(bool),
    /// Full packets have another size, in bytes of UDP payload.
    Mtu(u16),
    /// The connection has ended; see [`crate::Connection::close_reason`].
    Over,
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Its level.
    pub level: Level,
    /// Its number.
    pub number: u64,
    /// Bytes of its frames.
    pub payload: u16,
}

/// What the recovery knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// The smallest round-trip time, in microseconds.
    pub min_rtt_us: u32,
    /// The smoothed round-trip time, in microseconds.
    pub smoothed_rtt_us: u32,
    /// The newest round-trip time, in microseconds.
    pub latest_rtt_us: u32,
    /// Its variation, in microseconds.
    pub rtt_variance_us: u32,
    /// Probe timeouts since the last acknowledgement.
    pub pto_count: u16,
    /// The congestion window, in bytes.
    pub congestion_window: u64,
    /// Bytes in flight.
    pub bytes_in_flight: u64,
    /// The slow start threshold in bytes; `u64::MAX` when there is none.
    pub ssthresh: u64,
    /// Whether the path carries ECN marks.
    pub ecn: EcnState,
}

/// Where a connection notes what happens.
#[derive(Default)]
pub(crate) struct Trace {
    #[cfg(feature = "trace")]
    ring: Option<inquic_platform::Own<ring::Ring>>,
}

#[cfg(feature = "trace")]
impl Trace {
    /// Begins to note. `false` when there is no memory for it.
    pub(crate) fn start(&mut self, now: Instant) -> bool {
        self.ring = ring::Ring::new(now).and_then(inquic_platform::Own::new);
        self.ring.is_some()
    }

    /// Whether anybody watches.
    pub(crate) const fn is_on(&self) -> bool {
        self.ring.is_some()
    }

    /// What happens from here on happens at `now`.
    #[inline]
    pub(crate) fn at(&mut self, now: Instant) {
        if let Some(ring) = &mut self.ring {
            ring.at(now);
        }
    }

    #[inline]
    pub(crate) fn note(&mut self, what: impl FnOnce() -> What) {
        if let Some(ring) = &mut self.ring {
            ring.push(what());
        }
    }

    /// A packet and its frames; `to` is the role of whoever receives it, `exponent` scales the delays in its ACK frames.
    #[inline]
    pub(crate) fn packet(
        &mut self,
        wrap: impl FnOnce(Packet) -> What,
        (level, number): (Level, u64),
        to: Role,
        exponent: u8,
        payload: &[u8],
    ) {
        if let Some(ring) = &mut self.ring {
            ring.push(wrap(Packet {
                level,
                number,
                payload: u16::try_from(payload.len()).unwrap_or(u16::MAX),
            }));
            ring.push_frames(level, to, exponent, payload);
        }
    }

    /// The oldest record that was not taken.
    pub(crate) fn take(&mut self) -> Option<Record> {
        self.ring.as_mut()?.take()
    }

    /// Records that found no room since this was asked last.
    pub(crate) fn take_missed(&mut self) -> u32 {
        self.ring.as_mut().map_or(0, |ring| ring.take_missed())
    }
}

#[cfg(not(feature = "trace"))]
impl Trace {
    #[inline(always)]
    pub(crate) const fn is_on(&self) -> bool {
        false
    }

    #[inline(always)]
    pub(crate) fn at(&mut self, _now: Instant) {}

    #[inline(always)]
    pub(crate) fn note(&mut self, _what: impl FnOnce() -> What) {}

    #[inline(always)]
    pub(crate) fn packet(
        &mut self,
        _wrap: impl FnOnce(Packet) -> What,
        _packet: (Level, u64),
        _to: Role,
        _exponent: u8,
        _payload: &[u8],
    ) {
    }
}

/// Microseconds that fit a record; longer times saturate, at more than an hour.
pub(crate) fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

const _: () = assert!(
    size_of::<Record>() <= crate::limits::TRACE_RECORD_BYTES,
    "kept a thousand times for each connection that is watched"
);

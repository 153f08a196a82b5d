//! One sent packet in 24 bytes, which of them may grow the window, and what an ACK says of them. Nothing in here knows of the ring that it lies in.

use inquic_platform::Instant;

use super::limits;

/// One sent packet.
#[derive(Clone, Copy)]
pub(super) struct Record {
    /// Its number.
    pub(super) number: u64,
    /// When it was sent.
    pub(super) sent: Instant,
    /// Index of its first frame; wraps.
    pub(super) frames_at: u32,
    /// Its bytes.
    pub(super) size: u16,
    /// The number of frames in the low twelve bits, flags above.
    pub(super) bits: u16,
}

/// What an ACK acknowledged for the first time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Newly {
    /// Packets.
    pub(super) packets: u64,
    /// Bytes that were in flight.
    pub(super) bytes: u64,
    /// Those of them that may grow the window.
    pub(super) growth: u64,
    /// Whether any packet was ack-eliciting.
    pub(super) eliciting: bool,
    /// When the ACK's largest packet was sent, if it was among them.
    pub(super) largest_sent: Option<Instant>,
    /// When the newest of them was sent.
    pub(super) newest_sent: Option<Instant>,
    /// Its number.
    pub(super) newest: u64,
    /// Bytes of the ACK's largest packet, if it was among them.
    pub(super) largest_size: u16,
}

/// Send times of packets whose acknowledgement may grow the window, both included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growing {
    /// The first after the start of the recovery period.
    pub(super) from: Instant,
    /// When the window was last full; a packet sent later never saw it full.
    pub(super) until: Instant,
}

impl Record {
    #[inline]
    pub(super) const fn is_acked(&self) -> bool {
        self.bits & ACKED != 0
    }

    #[inline]
    pub(super) const fn is_eliciting(&self) -> bool {
        self.bits & ELICITING != 0
    }

    #[inline]
    pub(super) const fn is_in_flight(&self) -> bool {
        self.bits & IN_FLIGHT != 0
    }

    #[inline]
    pub(super) const fn is_ack_only(&self) -> bool {
        self.bits & (ELICITING | IN_FLIGHT) == 0
    }

    /// Whether it was sent on another path than the active one, so that its round trip is not the active path's.
    pub(super) const fn is_elsewhere(&self) -> bool {
        self.is_ack_only() && self.bits & ELSEWHERE != 0
    }

    #[inline]
    pub(super) const fn frames(&self) -> usize {
        (self.bits & FRAMES) as usize
    }
}

impl Growing {
    /// No packet may.
    pub(super) const NOTHING: Self = Self {
        from: Instant::from_nanos(1),
        until: Instant::ZERO,
    };

    #[inline]
    pub(super) fn includes(self, sent: Instant) -> bool {
        self.from <= sent && sent <= self.until
    }
}

/// The bits that count frames.
const FRAMES: u16 = limits::FRAMES_PER_PACKET as u16;
/// The peer has it.
pub(super) const ACKED: u16 = 1 << 12;
/// The peer has to acknowledge it.
pub(super) const ELICITING: u16 = 1 << 13;
/// It counts against the window. With neither this nor [`ELICITING`] it only acknowledged.
pub(super) const IN_FLIGHT: u16 = 1 << 14;
/// Its frames were told as to be sent again, in a probe.
pub(super) const RETOLD: u16 = 1 << 15;
/// It was sent on another path. Such a packet has no frames that could be told, so the bit is free.
pub(super) const ELSEWHERE: u16 = RETOLD;

const _: () = assert!(size_of::<Record>() <= 24, "kept for each packet in flight");

//! Which packet numbers of one space have come, and when they are to be acknowledged (RFC 9000 §13.2). Packets in, ACK
//! decisions out; it never writes a frame itself.

use inquic_platform::{Duration, Instant, Own};
use inquic_wire::frame::EcnCounts;
use inquic_wire::{AckFrequency, Space};

use crate::limits;
use crate::ranges::{Inserted, RangeSet};

/// The received side of one packet number space.
#[derive(Default)]
pub(crate) struct Received {
    numbers: RangeSet,
    /// Every number below counts as received: its range was forgotten.
    floor: u64,
    /// When the largest number came, for the ACK's delay.
    largest_at: Instant,
    /// Ack-eliciting packets since the last ACK left.
    eliciting: u32,
    due: Due,
    ecn: EcnCounts,
    ecn_seen: bool,
    /// When the last ACK left.
    acked_at: Instant,
    /// How the peer wants acknowledgements, once it has said so.
    asked: Option<Own<Asked>>,
}

/// What the newest ACK_FREQUENCY frame of the peer asks for.
#[derive(Clone, Copy)]
struct Asked {
    sequence: u64,
    /// Ack-eliciting packets without an ACK.
    threshold: u32,
    max_ack_delay: Duration,
    /// How far packets may be out of order.
    reordering: u64,
    /// The largest number that the last ACK named.
    reported: Option<u64>,
    /// Whether the packet before was marked CE.
    congested: bool,
}

/// When the next ACK is to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Due {
    /// Nothing waits for an acknowledgement.
    #[default]
    Never,
    /// Not later than this.
    At(Instant),
    /// With the next packet.
    Now,
}

impl Received {
    /// Whether the packet must not be processed: it came before, or is too old to tell.
    pub(crate) fn is_duplicate(&self, number: u64) -> bool {
        number < self.floor || self.numbers.contains(number)
    }

    /// Whether there is memory to note one more packet: what cannot be noted must not be acted on.
    pub(crate) fn has_room(&mut self) -> bool {
        self.numbers.has_room()
    }

    /// A packet of this space was opened for the first time.
    pub(crate) fn on_packet(&mut self, now: Instant, number: u64, ecn: u8) {
        let largest = self.numbers.largest();
        if self.numbers.insert(number, number, limits::RECEIVED_RANGES) == Inserted::Full {
            if let Some((_, last)) = self.numbers.pop_first() {
                self.floor = last.saturating_add(1);
            }
            self.numbers.insert(number, number, limits::RECEIVED_RANGES);
        }
        if largest.is_none_or(|largest| number > largest) {
            self.largest_at = now;
        }
        self.count_ecn(ecn);
    }

    /// The packet just given to [`Received::on_packet`] asks for an acknowledgement.
    pub(crate) fn on_ack_eliciting(
        &mut self,
        now: Instant,
        space: Space,
        number: u64,
        max_ack_delay: Duration,
        ecn: u8,
    ) {
        self.eliciting = self.eliciting.saturating_add(1);
        if self.asked.is_some() {
            return self.on_ack_eliciting_as_asked(now, number, ecn);
        }
        //= RFC 9000 §13.2.2: A receiver SHOULD send an ACK frame after receiving at least two ack-eliciting packets.
        let second = self.eliciting >= 2;
        //= RFC 9000 §13.2.1: an endpoint MUST acknowledge all ack-eliciting Initial and Handshake packets immediately
        let handshake = space != Space::Application;
        //= RFC 9000 §13.2.1: packets marked with the ECN Congestion Experienced (CE) codepoint in the IP header SHOULD be
        //= acknowledged immediately
        let congested = ecn == ECN_CE;
        if second || handshake || congested || self.is_out_of_order(number) {
            self.due = Due::Now;
        } else if self.due == Due::Never {
            self.due = Due::At(now + max_ack_delay);
        }
    }

    /// The same when the peer has said how it wants acknowledgements.
    #[inline(never)]
    fn on_ack_eliciting_as_asked(&mut self, now: Instant, number: u64, ecn: u8) {
        let Some(asked) = &mut self.asked else {
            return;
        };
        // draft-ietf-quic-ack-frequency §6.4: with a high threshold only the first of several marked packets hurries.
        let marked = ecn == ECN_CE;
        let congested = marked && !(asked.threshold > 1 && asked.congested);
        asked.congested = marked;
        let asked = **asked;
        let enough = self.eliciting > asked.threshold;
        let reordered = match asked.reordering {
            0 => false,
            1 => self.is_out_of_order(number),
            gap => self.has_gap_of(gap, asked.reported),
        };
        if enough || congested || reordered {
            self.due = Due::Now;
        } else if self.due == Due::Never {
            self.due = Due::At(now + asked.max_ack_delay);
        }
    }

    /// Whether the first missing packet that the peer cannot know of yet is `gap` or more below the largest that came
    /// (draft-ietf-quic-ack-frequency §6.2).
    fn has_gap_of(&self, gap: u64, reported: Option<u64>) -> bool {
        if self.numbers.len() <= 1 {
            return false;
        }
        let Some(largest) = self.numbers.largest() else {
            return false;
        };
        let known = reported.map_or(0, |reported| reported.saturating_sub(gap).saturating_add(1));
        let mut at = known.max(self.floor);
        while at < largest {
            let stretch = self.numbers.stretch(at);
            if !stretch.is_known {
                return largest.saturating_sub(at) >= gap;
            }
            at = stretch.last.saturating_add(1);
        }
        false
    }

    /// ACK_FREQUENCY came. Its numbers were checked. `false`, and nothing has changed, when there is no memory for what it says.
    #[must_use]
    pub(crate) fn on_ack_frequency(&mut self, frequency: &AckFrequency) -> bool {
        let before = self.asked.as_deref().copied();
        if before.is_some_and(|asked| frequency.sequence <= asked.sequence) {
            return true;
        }
        let threshold = u32::try_from(frequency.threshold).unwrap_or(u32::MAX);
        let asked = Asked {
            sequence: frequency.sequence,
            // Nobody makes us acknowledge each packet (attacks: many tiny packets).
            threshold: threshold.max(1),
            max_ack_delay: Duration::from_micros(frequency.max_ack_delay_us),
            reordering: frequency.reordering,
            reported: before.and_then(|asked| asked.reported),
            congested: before.is_some_and(|asked| asked.congested),
        };
        match &mut self.asked {
            Some(known) => **known = asked,
            none => *none = Own::new(asked),
        }
        self.asked.is_some()
    }

    /// IMMEDIATE_ACK came. An ACK leaves at once, unless one has just left.
    pub(crate) fn on_immediate_ack(&mut self, now: Instant) {
        let at = self.acked_at + Duration::from_micros(limits::MIN_ACK_DELAY_US);
        self.due = match self.due {
            Due::Now => Due::Now,
            _ if at <= now => Due::Now,
            Due::At(before) => Due::At(before.min(at)),
            Due::Never => Due::At(at),
        };
    }

    /// A packet that is not the next after the largest, or has a gap below it, shows reordering or loss.
    fn is_out_of_order(&self, number: u64) -> bool {
        //= RFC 9000 §13.2.1: an endpoint SHOULD generate and send an ACK frame without delay when it receives an
        //= ack-eliciting packet either:
        let is_largest = self.numbers.largest() == Some(number);
        let follows = number == self.floor || self.numbers.contains(number.wrapping_sub(1));
        !is_largest || !follows
    }

    /// Whether an ACK is to leave now.
    pub(crate) fn ack_is_due(&self, now: Instant) -> bool {
        match self.due {
            Due::Never => false,
            Due::At(at) => at <= now,
            Due::Now => true,
        }
    }

    /// Whether anything waits for an acknowledgement, due or not: then it rides along with whatever leaves.
    pub(crate) fn ack_is_useful(&self) -> bool {
        self.due != Due::Never
    }

    /// When the next ACK is due, if it is not due now already.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.due {
            Due::Never => None,
            Due::At(at) => Some(at),
            Due::Now => Some(Instant::ZERO),
        }
    }

    /// An ACK frame with everything in here has been written.
    pub(crate) fn on_ack_sent(&mut self, now: Instant) {
        self.eliciting = 0;
        self.due = Due::Never;
        self.acked_at = now;
        let largest = self.numbers.largest();
        if let Some(asked) = &mut self.asked {
            asked.reported = largest;
        }
    }

    /// The peer has our ACK up to `largest`; it need not be repeated (RFC 9000 §13.2.4).
    pub(crate) fn on_ack_acknowledged(&mut self, largest: u64) {
        // The newest range stays, so that the largest number is never forgotten.
        let keep = self
            .numbers
            .largest()
            .map_or(0, |newest| newest.min(largest));
        if self.numbers.len() > 1 {
            self.floor = self.floor.max(keep);
            self.numbers.remove_below(keep);
        }
    }

    /// The largest number received.
    pub(crate) fn largest(&self) -> Option<u64> {
        self.numbers.largest()
    }

    /// What an ACK frame says: ranges, the delay since the largest, ECN counts when any mark was seen.
    pub(crate) fn numbers(&self) -> &RangeSet {
        &self.numbers
    }

    pub(crate) fn delay(&self, now: Instant) -> Duration {
        now.since(self.largest_at)
    }

    pub(crate) fn ecn(&self) -> Option<EcnCounts> {
        self.ecn_seen.then_some(self.ecn)
    }

    /// Forgets everything, when the space's keys are discarded.
    pub(crate) fn discard(&mut self) {
        self.numbers.clear();
        self.due = Due::Never;
    }

    fn count_ecn(&mut self, ecn: u8) {
        let count = match ecn {
            ECN_ECT0 => &mut self.ecn.ect0,
            ECN_ECT1 => &mut self.ecn.ect1,
            ECN_CE => &mut self.ecn.ce,
            _ => return,
        };
        *count = count.saturating_add(1);
        self.ecn_seen = true;
    }
}

const ECN_ECT1: u8 = 0b01;
const ECN_ECT0: u8 = 0b10;
const ECN_CE: u8 = 0b11;

#[cfg(test)]
mod tests;

//! The sent log and a moment come in, the packets that count as lost go out. It must never look past the oldest packet that
//! is neither acknowledged nor lost.

use inquic_platform::{Duration, Instant};

use super::congestion::LostPacket;
use super::frames::SentFrame;
use super::rtt::{GRANULARITY, Rtt};
use super::sent::Log;

/// What loss detection needs to know about the rest of the connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge {
    pub(super) now: Instant,
    /// Age at which a packet below the largest acknowledged is lost.
    pub(super) delay: Duration,
    /// When the first round-trip sample was taken; packets sent until then say nothing about persistent congestion.
    pub(super) first_sample: Option<Instant>,
    /// How long a row of lost packets has to be for persistent congestion.
    pub(super) persistent: Duration,
    /// When the newest packet acknowledged in another space was sent.
    pub(super) acked_elsewhere: Option<Instant>,
    /// Numbers between a packet and a later one that was acknowledged, which count as its loss.
    pub(super) threshold: u64,
}

/// What loss detection found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    /// Packets that were in flight.
    pub(super) packets: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Bytes of lost probes of the path's MTU, which only leave the flight.
    pub(super) probe_bytes: u64,
    /// When the newest of them was sent.
    pub(super) newest_sent: Option<Instant>,
    /// Whether the row of lost packets shows persistent congestion.
    pub(super) persistent: bool,
}

impl Log {
    /// Takes acknowledged and lost packets off the front, and sets the time at which the next one is lost.
    ///
    /// Numbers and send times grow together, so the first packet that is still open ends the search: all behind it are younger.
    /// `packets` hears of each lost packet that was in flight.
    pub(super) fn detect_lost(
        &mut self,
        judge: &Judge,
        fates: &mut dyn FnMut(SentFrame),
        packets: &mut dyn FnMut(&LostPacket),
    ) -> Lost {
        let mut lost = Lost::default();
        self.loss_time = None;
        loop {
            if self.pop_acked() {
                self.lost_since = None;
            }
            let Some(oldest) = self.oldest() else {
                break;
            };
            let Some(distance) = self
                .acked_below
                .checked_sub(oldest.number.saturating_add(1))
                .filter(|distance| *distance > 0)
            else {
                break;
            };
            let expires = oldest.sent + judge.delay;
            // A packet that only acknowledged is not worth a timer: it leaves once a later one has arrived.
            let is_lost =
                distance >= judge.threshold || expires <= judge.now || oldest.is_ack_only();
            if !is_lost {
                //= RFC 9002 §6.1.2: If packets sent prior to the largest acknowledged packet cannot yet
                //= be declared lost, then a timer SHOULD be set for the remaining time.
                self.loss_time = Some(expires);
                break;
            }
            //= RFC 9000 §14.4: Loss of
            //= a QUIC packet that is carried in a PMTU probe is therefore not a
            //= reliable indication of congestion and SHOULD NOT trigger a congestion
            //= control reaction
            if oldest.is_in_flight() && self.oldest_is_mtu_probe() {
                lost.probe_bytes = lost.probe_bytes.saturating_add(u64::from(oldest.size));
            } else if oldest.is_in_flight() {
                self.note_lost_size(&oldest);
                lost.packets = lost.packets.saturating_add(1);
                lost.bytes = lost.bytes.saturating_add(u64::from(oldest.size));
                lost.newest_sent = lost.newest_sent.max(Some(oldest.sent));
                if oldest.is_eliciting() && self.extends_row(oldest.sent, judge) {
                    lost.persistent = true;
                }
                packets(&self.as_lost(&oldest));
            }
            self.pop(fates);
        }
        lost
    }

    /// Adds an ack-eliciting packet to the row of lost ones; says whether the row is long enough for persistent congestion.
    fn extends_row(&mut self, sent: Instant, judge: &Judge) -> bool {
        //= RFC 9002 §7.6.2: The persistent congestion period SHOULD NOT start until there is at
        //= least one RTT sample.
        if judge.first_sample.is_none_or(|first| sent <= first) {
            return false;
        }
        let since = match self.lost_since {
            //= RFC 9002 §7.6.2: across all packet number spaces, none of the packets sent between
            //= the send times of these two packets are acknowledged;
            Some(since) if judge.acked_elsewhere.is_none_or(|acked| acked <= since) => since,
            _ => sent,
        };
        //= RFC 9002 §7.6.2: the duration between the send times of these two packets exceeds
        //= the persistent congestion duration (Section 7.6.1); and
        let is_long = sent.since(since) > judge.persistent;
        // One row is told once; what is lost after it begins another.
        self.lost_since = if is_long { None } else { Some(since) };
        is_long
    }
}

/// Age at which a packet sent before an acknowledged one counts as lost (RFC 9002 §6.1.2).
pub(super) fn loss_delay(rtt: &Rtt) -> Duration {
    let longest = rtt.smoothed.max(rtt.latest);
    //= RFC 9002 §6.1.2: To avoid declaring packets as lost too early, this time threshold MUST
    //= be set to at least the local timer granularity, as indicated by the kGranularity constant.
    longest.saturating_mul(9).div(8).max(GRANULARITY)
}

/// How long a row of lost packets has to be for persistent congestion (RFC 9002 §7.6.1).
pub(super) fn persistent_duration(rtt: &Rtt, max_ack_delay: Duration) -> Duration {
    (rtt.pto_base() + max_ack_delay).saturating_mul(PERSISTENT_THRESHOLD)
}

/// Probe timeouts in a row of lost packets that shows persistent congestion (RFC 9002 §7.6.1).
const PERSISTENT_THRESHOLD: u64 = 3;

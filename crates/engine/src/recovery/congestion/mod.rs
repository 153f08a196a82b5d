//! Packets sent, acknowledgements and losses come in; the congestion window and the pace go out (RFC 9002 §7). The window must never
//! be below two packets or above the configured ceiling, and never grow while it is not used.

mod bbr;
mod cubic;
mod hystart;
mod loss_based;
mod newreno;
#[cfg(test)]
mod tests;

use inquic_platform::{Duration, Instant, Own};

pub(super) use self::bbr::Bbr;
pub(super) use self::bbr::Snapshot;
use self::loss_based::LossBased;
use super::record::Growing;
use super::{Config, limits};

/// Which congestion controller to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// CUBIC (RFC 9438).
    #[default]
    Cubic,
    /// NewReno (RFC 9002 §7).
    NewReno,
    /// BBR version 3 (draft-ietf-ccwg-bbr-06): a model of the path's bandwidth and delay instead of a window that losses shrink.
    /// Where there is no memory for the model it is CUBIC.
    Bbr,
}

/// The congestion controller of one path.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every connection has the large one, and asks it for each packet"
)]
pub(super) enum Controller {
    LossBased(LossBased),
    Bbr(Own<Bbr>),
}

/// What one ACK tells the controller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    /// Bytes in flight that were acknowledged.
    pub(super) acked: u64,
    /// Those of them that may grow the window.
    pub(super) growth: u64,
    /// Bytes that are still in flight.
    pub(super) in_flight: u64,
    /// When the newest acknowledged packet was sent.
    pub(super) newest_sent: Instant,
    /// What was known then, if the controller had it kept.
    pub(super) snapshot: Option<Snapshot>,
    /// The round-trip sample, if there was one.
    pub(super) sample: Option<Duration>,
    /// The smoothed round-trip time.
    pub(super) smoothed: Duration,
    /// The smallest round-trip time of the connection.
    pub(super) min_rtt: Duration,
}

/// A packet in flight that was declared lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct LostPacket {
    pub(super) number: u64,
    pub(super) size: u16,
    /// What was known when it was sent, if the controller had it kept.
    pub(super) snapshot: Option<Snapshot>,
}

impl Controller {
    pub(super) fn new(config: &Config) -> Self {
        match config.algorithm {
            Algorithm::Cubic | Algorithm::NewReno => Self::LossBased(LossBased::new(config)),
            Algorithm::Bbr => Own::new(Bbr::new(config))
                .map_or_else(|| Self::LossBased(LossBased::new(config)), Self::Bbr),
        }
    }

    /// Begins anew, as on another path.
    pub(super) fn begin_again(&mut self, config: &Config) {
        match self {
            Self::LossBased(controller) => *controller = LossBased::new(config),
            Self::Bbr(controller) => **controller = Bbr::new(config),
        }
    }

    /// The first packet after a time with nothing in flight. Says whether the pace changed.
    pub(super) fn on_restart(&mut self, now: Instant) -> bool {
        match self {
            Self::LossBased(controller) => {
                controller.on_restart(now);
                false
            }
            Self::Bbr(controller) => controller.on_restart(now),
        }
    }

    /// Whether there is something that records have to remember.
    #[inline]
    pub(super) const fn has_snapshots(&self) -> bool {
        matches!(self, Self::Bbr(_))
    }

    /// What the record of a packet that is sent now has to remember; `in_flight` counts it.
    #[inline]
    pub(super) fn snapshot(&self, in_flight: u64) -> Option<Snapshot> {
        match self {
            Self::LossBased(_) => None,
            Self::Bbr(controller) => Some(controller.snapshot(in_flight)),
        }
    }

    /// A packet was sent; `in_flight` counts it. `is_dry`: the next one has to wait for the pacer.
    #[inline]
    pub(super) fn on_sent(&mut self, now: Instant, in_flight: u64, is_dry: bool) {
        match self {
            Self::LossBased(controller) => controller.on_sent(now, in_flight, is_dry),
            Self::Bbr(controller) => controller.on_sent(in_flight),
        }
    }

    /// The application has nothing more to send: neither the window nor pacing held it back.
    pub(super) fn on_app_limited(&mut self, in_flight: u64) {
        match self {
            Self::LossBased(controller) => controller.on_app_limited(),
            Self::Bbr(controller) => controller.on_app_limited(in_flight),
        }
    }

    /// Packets whose acknowledgement may grow the window.
    pub(super) fn growing(&self) -> Growing {
        match self {
            Self::LossBased(controller) => controller.growing(),
            Self::Bbr(_) => Growing::NOTHING,
        }
    }

    /// Packets were acknowledged.
    pub(super) fn on_delivery(&mut self, now: Instant, delivery: &Delivery) {
        match self {
            Self::LossBased(controller) => controller.on_delivery(now, delivery),
            Self::Bbr(controller) => controller.on_delivery(now, delivery),
        }
    }

    /// One packet was lost. [`Controller::on_congestion`] follows when all of the same moment were told.
    pub(super) fn on_lost_packet(&mut self, now: Instant, lost: &LostPacket) {
        match self {
            Self::LossBased(_) => {}
            Self::Bbr(controller) => controller.on_lost_packet(now, lost),
        }
    }

    /// A packet sent then was lost or marked. Says whether that began a recovery period.
    pub(super) fn on_congestion(&mut self, now: Instant, sent: Instant) -> bool {
        match self {
            Self::LossBased(controller) => controller.on_congestion(now, sent),
            Self::Bbr(controller) => controller.on_congestion(now, sent),
        }
    }

    /// The path marked so many packets more; [`Controller::on_congestion`] was told.
    pub(super) fn on_mark(&mut self, now: Instant, packets: u64) {
        match self {
            Self::LossBased(controller) => controller.on_mark(),
            Self::Bbr(controller) => controller.on_mark(now, packets),
        }
    }

    /// Nothing was lost since the last recovery period began. Says whether anything was taken back.
    pub(super) fn on_spurious(&mut self) -> bool {
        match self {
            Self::LossBased(controller) => controller.on_spurious(),
            Self::Bbr(controller) => controller.on_spurious(),
        }
    }

    /// Everything sent for a long time was lost.
    pub(super) fn on_persistent_congestion(&mut self) {
        match self {
            Self::LossBased(controller) => controller.on_persistent_congestion(),
            Self::Bbr(controller) => controller.on_persistent_congestion(),
        }
    }

    /// Takes another datagram size.
    pub(super) fn set_mds(&mut self, mds: u16) {
        match self {
            Self::LossBased(controller) => controller.set_mds(mds),
            Self::Bbr(controller) => controller.set_mds(mds),
        }
    }

    #[inline]
    pub(super) fn window(&self) -> u64 {
        match self {
            Self::LossBased(controller) => controller.window(),
            Self::Bbr(controller) => controller.window(),
        }
    }

    pub(super) const fn ssthresh(&self) -> u64 {
        match self {
            Self::LossBased(controller) => controller.ssthresh(),
            Self::Bbr(_) => u64::MAX,
        }
    }

    #[inline]
    pub(super) fn mds(&self) -> u64 {
        match self {
            Self::LossBased(controller) => controller.mds(),
            Self::Bbr(controller) => controller.mds(),
        }
    }

    pub(super) fn in_slow_start(&self) -> bool {
        match self {
            Self::LossBased(controller) => controller.in_slow_start(),
            Self::Bbr(controller) => controller.is_starting(),
        }
    }

    /// Bytes that the pacer lets out in a round trip of that length.
    pub(super) fn paced_bytes(&self, smoothed: Duration) -> u64 {
        match self {
            Self::LossBased(controller) => controller.paced_bytes(),
            Self::Bbr(controller) => controller.paced_bytes(smoothed),
        }
    }

    /// Time worth of packets that leaves at once while others are on their way, up to a burst. BBR sends whole bursts: with shorter trains
    /// a queue that it took for the path's delay was never found out, where a path lost nine tenths of its bandwidth.
    pub(super) const fn train(&self) -> Duration {
        match self {
            Self::LossBased(_) => limits::TRAIN_TIME,
            Self::Bbr(_) => Duration::from_secs(1),
        }
    }

    /// Bytes of heap that it holds.
    pub(super) const fn heap_bytes(&self) -> usize {
        match self {
            Self::LossBased(_) => 0,
            Self::Bbr(_) => size_of::<Bbr>(),
        }
    }
}

//= RFC 9002 §7.2: Endpoints SHOULD use an initial congestion
//= window of ten times the maximum datagram size (max_datagram_size),
//= while limiting the window to the larger of 14,720 bytes or twice the
//= maximum datagram size.
fn initial_window(mds: u64) -> u64 {
    let limit = mds.saturating_mul(2).max(14_720);
    mds.saturating_mul(10).min(limit)
}

//! What recovery knows, for those who ask, and the steps that its calls share. Nothing in here decides what to send.

use inquic_platform::{Duration, Instant};
use inquic_wire::{Ack, Space};

use super::congestion::{Controller, LostPacket};
use super::frames::{Fate, SentFrame};
use super::loss::{self, Judge, Lost};
use super::pacing::{Pacer, Rate};
use super::record::Newly;
use super::reordering::Reordering;
use super::sent::Log;
use super::{Algorithm, Config, INITIAL_RTT, Recovery, Rtt, Stats, limits};
use crate::trace::{Trace, What};

impl Recovery {
    /// The round-trip time.
    #[must_use]
    pub const fn rtt(&self) -> &Rtt {
        &self.rtt
    }

    /// Probe timeouts since the last acknowledgement.
    #[must_use]
    pub const fn pto_count(&self) -> u32 {
        self.pto_count
    }

    /// Bytes sent that count against the window.
    #[must_use]
    pub const fn bytes_in_flight(&self) -> u64 {
        self.bytes_in_flight
    }

    /// The congestion window in bytes.
    #[must_use]
    pub fn congestion_window(&self) -> u64 {
        self.controller.window()
    }

    /// The slow start threshold in bytes; `u64::MAX` before the first loss.
    #[must_use]
    pub const fn ssthresh(&self) -> u64 {
        self.controller.ssthresh()
    }

    /// Whether the window still grows by what is acknowledged.
    #[must_use]
    pub fn in_slow_start(&self) -> bool {
        self.controller.in_slow_start()
    }

    /// The largest number sent in a space.
    #[must_use]
    pub const fn largest_sent(&self, space: Space) -> Option<u64> {
        self.log(space).largest_sent()
    }

    /// The largest number that the peer acknowledged in a space.
    #[must_use]
    pub const fn largest_acked(&self, space: Space) -> Option<u64> {
        self.log(space).largest_acked()
    }

    /// Whether an ack-eliciting packet of a space has neither been acknowledged nor lost.
    #[must_use]
    pub const fn in_flight_ack_eliciting(&self, space: Space) -> bool {
        self.log(space).eliciting() > 0
    }

    /// When the newest ack-eliciting packet of a space was sent; none where none is in flight.
    #[must_use]
    pub const fn eliciting_since(&self, space: Space) -> Option<Instant> {
        let log = self.log(space);
        if log.eliciting() > 0 {
            Some(log.last_eliciting)
        } else {
            None
        }
    }

    /// ACK-only packets sent in a space since the last ack-eliciting one.
    #[must_use]
    pub const fn ack_only_since_eliciting(&self, space: Space) -> u32 {
        self.log(space).ack_only_run()
    }

    /// Whether the next ACK should carry a PING: the peer has not been asked for an acknowledgement for [`limits::ACK_ONLY`]
    /// packets, and none is under way.
    #[must_use]
    pub const fn needs_ping(&self, space: Space) -> bool {
        let log = self.log(space);
        log.ack_only_run() >= limits::ACK_ONLY && log.eliciting() == 0
    }

    /// The oldest packet of a space that is neither acknowledged nor lost.
    #[must_use]
    pub fn oldest_open(&self, space: Space) -> Option<u64> {
        self.log(space).oldest().map(|record| record.number)
    }

    /// 1-RTT packets of more than 1,200 bytes that were lost since one of a full size arrived, since a smaller one was lost, or
    /// since [`Recovery::set_max_datagram_size`].
    #[must_use]
    pub const fn large_lost(&self) -> u32 {
        self.application.large_lost
    }

    /// What happened so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Packets that the sent logs hold.
    #[must_use]
    pub fn remembered(&self) -> usize {
        Space::ALL
            .into_iter()
            .fold(0, |sum, space| sum.saturating_add(self.log(space).len()))
    }

    /// Bytes that count against the window, summed up over the sent logs.
    #[must_use]
    pub fn bytes_in_logs(&self) -> u64 {
        Space::ALL.into_iter().fold(0, |sum, space| {
            sum.saturating_add(self.log(space).bytes_in_flight())
        })
    }

    /// Packets sent that are remembered.
    #[must_use]
    pub fn packets_in_logs(&self) -> usize {
        Space::ALL
            .into_iter()
            .fold(0, |sum, space| sum.saturating_add(self.log(space).len()))
    }

    /// Bytes of heap that recovery holds.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        Space::ALL
            .into_iter()
            .fold(self.reordering.heap_bytes(), |sum, space| {
                sum.saturating_add(self.log(space).heap_bytes())
            })
            .saturating_add(self.controller.heap_bytes())
    }

    /// Another congestion controller takes over, and begins anew. Nothing happens when it is the same.
    pub fn set_algorithm(&mut self, algorithm: Algorithm) {
        if self.config.algorithm != algorithm {
            self.config.algorithm = algorithm;
            self.controller = self.config.controller();
            self.fit_log();
            self.set_rate(self.last_event);
        }
    }

    /// Lets the log have as many packets as its memory is worth with this controller.
    pub(super) fn fit_log(&mut self) {
        let snapshots = self.controller.has_snapshots();
        self.most_sent = limits::sent_packets(self.config.sent_bytes, snapshots);
    }

    /// Takes a round-trip sample if the ACK gives one (RFC 9002 §5.1).
    pub(super) fn sample(
        &mut self,
        now: Instant,
        space: Space,
        newly: &Newly,
        ack_delay: Duration,
    ) -> Option<Duration> {
        let sent = newly.largest_sent.filter(|_| newly.eliciting)?;
        if self.is_older_than_path(sent) {
            return None;
        }
        let sample = self.heard_at(now, space, sent).since(sent);
        let ack_delay = match space {
            //= RFC 9002 §5.3: MAY ignore the acknowledgment delay for Initial packets
            Space::Initial => Duration::ZERO,
            //= RFC 9002 §5.3: MUST use the lesser of the acknowledgment delay and the peer's
            //= max_ack_delay after the handshake is confirmed;
            _ if self.context.handshake_confirmed => ack_delay.min(self.max_ack_delay),
            _ => ack_delay,
        };
        self.rtt.on_sample(now, sample, ack_delay);
        Some(sample)
    }

    /// When an ACK that is processed now may have come: the last moment at which we were certainly awake.
    ///
    /// A probe timeout that is overdue by more than its own period was slept through, as when a machine was suspended or its clock
    /// jumped, and the ACK waited meanwhile. Counted in full, that time would keep the next probe away for as long.
    fn heard_at(&self, now: Instant, space: Space, sent: Instant) -> Instant {
        let period = self.pto(space);
        if now <= sent + period || !self.is_probe_armed(space) {
            return now;
        }
        let due = self.log(space).last_eliciting + self.backed_off(period);
        if due + period >= now {
            return now;
        }
        // Later than that it is nowhere forbidden: acknowledgements that could not be read are no time of the path.
        //= RFC 9002 §5.3: an endpoint SHOULD subtract such local delays from its RTT
        //= sample until the handshake is confirmed.
        due.max(sent + period)
    }

    pub(super) fn detect_lost(
        &mut self,
        now: Instant,
        space: Space,
        fates: &mut dyn FnMut(Fate, SentFrame),
    ) -> Lost {
        let others = Space::ALL.into_iter().filter(|other| *other != space);
        let judge = Judge {
            now,
            delay: loss::loss_delay(&self.rtt),
            first_sample: self.rtt.first_sample,
            persistent: loss::persistent_duration(&self.rtt, self.max_ack_delay),
            threshold: self.reordering.threshold(),
            acked_elsewhere: others
                .filter_map(|other| self.log(other).newest_acked_sent)
                .max(),
        };
        let Self {
            initial,
            handshake,
            application,
            reordering,
            controller,
            trace,
            ..
        } = self;
        let log = match space {
            Space::Initial => initial,
            Space::Handshake => handshake,
            Space::Application => application,
        };
        let mut note = |lost: &LostPacket| {
            match space {
                Space::Initial | Space::Handshake => reordering.on_lost_elsewhere(),
                Space::Application => reordering.on_lost(lost.number),
            }
            trace.note(|| What::Lost {
                space,
                number: lost.number,
            });
            controller.on_lost_packet(now, lost);
        };
        log.detect_lost(&judge, &mut |frame| fates(Fate::Lost, frame), &mut note)
    }

    /// Answers a loss. Says whether a recovery period began with it.
    pub(super) fn on_lost(&mut self, now: Instant, lost: &Lost) -> bool {
        let bytes = lost.bytes.saturating_add(lost.probe_bytes);
        self.bytes_in_flight = self.bytes_in_flight.saturating_sub(bytes);
        self.stats.packets_lost = self.stats.packets_lost.saturating_add(lost.packets);
        self.stats.bytes_lost = self.stats.bytes_lost.saturating_add(lost.bytes);
        let reduced = lost
            .newest_sent
            .is_some_and(|sent| self.on_congestion(now, sent));
        if lost.packets > 0 {
            self.reordering.settle(reduced);
        }
        if lost.persistent {
            self.reordering.close();
            self.trace.note(|| What::PersistentCongestion);
            self.controller.on_persistent_congestion();
            self.stats.persistent_congestions = self.stats.persistent_congestions.saturating_add(1);
        }
        reduced || lost.persistent
    }

    pub(super) fn on_congestion(&mut self, now: Instant, sent: Instant) -> bool {
        let reduced = self.controller.on_congestion(now, sent);
        if reduced {
            self.stats.congestion_events = self.stats.congestion_events.saturating_add(1);
            self.has_rescue = true;
            self.trace.note(|| What::Reduced);
        }
        reduced
    }

    /// Packets that were declared lost are acknowledged late. If they are all for which the window was reduced, it was for nothing.
    pub(super) fn on_late(&mut self, now: Instant, ack: &Ack<'_>) {
        let acked_below = self
            .application
            .acked_below
            .max(ack.largest.saturating_add(1));
        if self.reordering.on_acked(acked_below, ack.ranges()) && self.controller.on_spurious() {
            self.stats.spurious_congestions = self.stats.spurious_congestions.saturating_add(1);
            self.set_rate(now);
        }
    }

    pub(super) fn reset_path(&mut self) {
        self.controller.begin_again(&self.config);
        self.reordering = Reordering::new();
        self.rtt = Rtt::new(self.config.initial_rtt);
        self.pacer = Pacer::new();
        self.pto_count = 0;
        self.has_rescue = false;
        self.set_rate(self.last_event);
    }

    pub(super) fn set_rate(&mut self, now: Instant) {
        let smoothed = self.rtt.smoothed;
        let rate = Rate {
            bytes: self.controller.paced_bytes(smoothed),
            smoothed,
            train: self.controller.train(),
            mds: self.controller.mds(),
        };
        self.pacer.set_rate(now, &rate);
    }

    pub(super) fn is_older_than_path(&self, sent: Instant) -> bool {
        self.path_since.is_some_and(|since| sent < since)
    }

    #[inline]
    pub(super) const fn log(&self, space: Space) -> &Log {
        match space {
            Space::Initial => &self.initial,
            Space::Handshake => &self.handshake,
            Space::Application => &self.application,
        }
    }

    #[inline]
    pub(super) const fn log_mut(&mut self, space: Space) -> &mut Log {
        match space {
            Space::Initial => &mut self.initial,
            Space::Handshake => &mut self.handshake,
            Space::Application => &mut self.application,
        }
    }
}

impl Config {
    pub(super) fn controller(&self) -> Controller {
        Controller::new(self)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            initial_rtt: INITIAL_RTT,
            max_datagram_size: 1_200,
            max_window: limits::WINDOW,
            hystart: true,
            sent_bytes: usize::MAX,
        }
    }
}

/// The peer's acknowledgement delay until it says another (RFC 9000 §18.2).
pub(super) const MAX_ACK_DELAY: Duration = Duration::from_millis(25);

const _: () = assert!(
    size_of::<Recovery>() <= limits::RECOVERY_BYTES + size_of::<Trace>(),
    "kept for each connection"
);

//! What acknowledgements, losses and the system tell of the path: how large its datagrams may be and whether it carries ECN marks.
//! Probes of its MTU go out, each a datagram of its own; nothing in here lets a third party lower what the peer acknowledges.

use core::net::SocketAddr;

use inquic_platform::{Instant, SealJob};
use inquic_wire::frame::Ack;
use inquic_wire::{Level, Space};

use super::Connection;
use super::transmit::Transmit;
use crate::limits;
use crate::path::Reported;
use crate::recovery::{Acked, Allowance, SentFrame};
use crate::trace::What;

impl Connection {
    /// The system refused to send a datagram of `bytes` bytes of UDP payload because of its size (EMSGSIZE). Its packets count as
    /// sent and are found lost like any others; what follows is of the size that every path carries, and larger ones are probed
    /// again.
    pub fn on_refused(&mut self, now: Instant, bytes: usize) {
        self.carried.mtu.on_refused(now, bytes);
        self.follow_path(now);
    }

    /// An ICMP message for a datagram from us to `remote` says that no more than `bytes` bytes of UDP payload get through. It is
    /// not believed: at most it has a probe sent, which will tell.
    pub fn on_too_big(&mut self, remote: SocketAddr, bytes: usize) {
        //= RFC 9000 §14.2.1: ICMP message validation MUST include matching IP addresses and UDP
        //= ports [RFC8085] and, when possible, connection IDs to an active QUIC
        //= session.
        if remote == self.carried.paths.active().path.remote {
            self.carried.mtu.on_too_big(bytes);
        }
    }

    /// An ACK frame acknowledged packets for the first time; `before` was the largest number until then.
    pub(super) fn on_acked(
        &mut self,
        now: Instant,
        space: Space,
        ack: &Ack<'_>,
        acked: &Acked,
        before: Option<u64>,
    ) {
        let reported = Reported {
            newly: acked.packets,
            largest: ack.largest,
            is_newest: before < Some(ack.largest),
            oldest_open: self.recovery.oldest_open(space),
            counts: ack.ecn,
        };
        if let Some(congested) = self.ecn.on_ack(space, &reported) {
            //= RFC 9002 §7.1: If a path has been validated to support Explicit Congestion
            //= Notification (ECN) [RFC3168] [RFC8311], QUIC treats a Congestion
            //= Experienced (CE) codepoint in the IP header as a signal of
            //= congestion.
            self.recovery.on_ecn_ce(now, space, congested);
        }
        self.note_metrics();
        self.follow_path(now);
    }

    /// A probe timeout: something about the packets may be why nothing is heard.
    pub(super) fn on_silence(&mut self, now: Instant) {
        self.ecn.on_timeout();
        if !self.is_confirmed() {
            self.carried.mtu.on_handshake_timeout();
        }
        self.follow_path(now);
    }

    /// Makes full packets as large as the path is known to carry.
    pub(super) fn follow_path(&mut self, now: Instant) {
        if self.recovery.large_lost() >= limits::MTU_LOSSES {
            self.carried.mtu.on_black_hole(now);
        }
        self.carried.mtu.settle(now);
        self.fit_path();
    }

    /// Full packets have the size that the path is known to carry.
    pub(super) fn fit_path(&mut self) {
        let size = self.carried.mtu.size();
        if self.max_datagram != usize::from(size) {
            self.max_datagram = usize::from(size);
            self.recovery.set_max_datagram_size(size);
            self.recovery.trace.note(|| What::Mtu(size));
        }
    }

    /// Builds a probe of the path's MTU when one is due, and somebody has full packets to send.
    pub(super) fn transmit_mtu_probe(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        let size = self.due_probe(now).filter(|&size| size <= out.len())?;
        let datagram = out.get_mut(..size)?;
        let built = self.build_mtu_probe(datagram)?;
        let number = built.number;
        let mut job = SealJob::NONE;
        let frames = [SentFrame::MtuProbe { number }];
        self.settle(now, &built, datagram, &frames, &mut job)?;
        self.carried
            .mtu
            .on_probe_sent(number, u16::try_from(size).unwrap_or(u16::MAX));
        self.seal(now, Level::OneRtt, datagram, &[job])?;
        let mark = self.ecn.mark();
        self.ecn
            .on_sent(Space::Application, 1, number..=number, mark);
        Some(self.transmitted(size, size, mark))
    }

    fn due_probe(&mut self, now: Instant) -> Option<usize> {
        let [.., probes] = self.probes;
        let is_wanted = self.has_full_packets
            && probes == 0
            && self.is_confirmed()
            && self.carried.wants_data()
            && self.carried.paths.active().is_validated();
        if !is_wanted {
            return None;
        }
        let size = self.carried.mtu.next_probe(now)?;
        //= RFC 9002 §7: An endpoint MUST NOT send a packet if it would cause bytes_in_flight
        //= (see Appendix B.2) to be larger than the congestion window
        match self.recovery.allowance(now) {
            Allowance::Bytes(bytes) if bytes >= u64::from(size) => Some(usize::from(size)),
            _ => None,
        }
    }
}

//! Packet scripts in virtual time, one behaviour a test.

extern crate std;

mod acks;
mod bbr;
mod bounds;
mod congestion;
mod link;
mod losses;
mod network;
mod pacing;
mod probes;
mod properties;
mod rtts;
mod sizes;
mod spurious;

use std::ops::RangeInclusive;
use std::vec;
use std::vec::Vec;

use inquic_platform::{Duration, Instant};
use inquic_wire::frame::write_ack;
use inquic_wire::{Frame, Frames, Level, PeerError, Role, Space, Writer};

use super::{Acked, Config, Fate, Recovery, SentFrame, SentPacket, Timeout, TimerContext};

/// One end and all that it was told.
struct Script {
    recovery: Recovery,
    told: Vec<(Fate, u64)>,
}

impl Script {
    fn new(config: &Config, role: Role) -> Self {
        Self {
            recovery: Recovery::new(config, role),
            told: Vec::new(),
        }
    }

    /// A server whose handshake is confirmed.
    fn connected() -> Self {
        let mut script = Self::new(&Config::default(), Role::Server);
        script.recovery.set_timer_context(CONFIRMED);
        script
    }

    /// A client that has sent nothing yet.
    fn client() -> Self {
        Self::new(&Config::default(), Role::Client)
    }

    /// Sends an ack-eliciting packet of 1,200 bytes; its frame is known by the number.
    fn sends(&mut self, now: Instant, space: Space, number: u64) {
        self.sends_bytes(now, space, number, 1_200);
    }

    fn sends_bytes(&mut self, now: Instant, space: Space, number: u64, size: u16) {
        let packet = SentPacket {
            number,
            size,
            ack_eliciting: true,
            in_flight: true,
        };
        let frame = SentFrame::Crypto {
            offset: number,
            len: 1,
        };
        self.recovery.on_packet_sent(now, space, packet, &[frame]);
    }

    fn sends_all(&mut self, now: Instant, space: Space, numbers: RangeInclusive<u64>) {
        for number in numbers {
            self.sends(now, space, number);
        }
    }

    fn sends_ack_only(&mut self, now: Instant, space: Space, number: u64) {
        let packet = SentPacket {
            number,
            size: 40,
            ack_eliciting: false,
            in_flight: false,
        };
        let frame = SentFrame::Ack { largest: number };
        self.recovery.on_packet_sent(now, space, packet, &[frame]);
    }

    /// Receives an ACK without delay. `ranges` descend.
    fn acked(&mut self, now: Instant, space: Space, ranges: &[RangeInclusive<u64>]) -> Acked {
        self.tries_ack(now, space, ranges, Duration::ZERO).unwrap()
    }

    fn acked_after(&mut self, now: Instant, space: Space, number: u64, delay: Duration) -> Acked {
        self.tries_ack(now, space, &[number..=number], delay)
            .unwrap()
    }

    fn tries_ack(
        &mut self,
        now: Instant,
        space: Space,
        ranges: &[RangeInclusive<u64>],
        delay: Duration,
    ) -> Result<Acked, PeerError> {
        let mut buffer = vec![0; 64 + 16 * ranges.len()];
        let mut w = Writer::new(&mut buffer);
        let written = write_ack(&mut w, ranges.iter().cloned(), 0, None).unwrap();
        assert_eq!(written, ranges.len());
        let payload = w.written().to_vec();
        let Some(Ok(Frame::Ack(ack))) = Frames::new(&payload, Level::OneRtt, Role::Server).next()
        else {
            panic!("an ACK was written");
        };
        let told = &mut self.told;
        self.recovery
            .on_ack(now, space, &ack, delay, false, &mut |fate, frame| {
                told.push((fate, number_of(frame)));
            })
    }

    fn expires(&mut self, now: Instant) -> Timeout {
        let told = &mut self.told;
        self.recovery.on_timeout(now, &mut |_, fate, frame| {
            told.push((fate, number_of(frame)));
        })
    }

    /// What was told of since the last call, in the order of the numbers.
    fn takes(&mut self, wanted: Fate) -> Vec<u64> {
        let mut numbers: Vec<u64> = self
            .told
            .iter()
            .filter(|(fate, _)| *fate == wanted)
            .map(|(_, number)| *number)
            .collect();
        self.told.retain(|(fate, _)| *fate != wanted);
        numbers.sort_unstable();
        numbers
    }

    fn probes(&mut self, space: Space) -> Vec<u64> {
        let mut numbers = Vec::new();
        self.recovery
            .probe_frames(space, &mut |frame| numbers.push(number_of(frame)));
        numbers
    }

    /// Gives the connection a first round-trip sample with one packet.
    fn samples(&mut self, sent: Instant, number: u64, rtt: Duration) {
        self.sends(sent, APP, number);
        self.acked(sent + rtt, APP, &[number..=number]);
        self.told.clear();
    }
}

fn number_of(frame: SentFrame) -> u64 {
    match frame {
        SentFrame::Crypto { offset, .. } => offset,
        SentFrame::Ack { largest } => largest,
        SentFrame::MtuProbe { number } => number,
        other => panic!("{other:?} is not in the script"),
    }
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn at(count: u64) -> Instant {
    Instant::ZERO + ms(count)
}

const APP: Space = Space::Application;
const CONFIRMED: TimerContext = TimerContext {
    handshake_confirmed: true,
    has_handshake_keys: true,
    peer_validated: true,
    at_amplification_limit: false,
    application_ready: true,
};

//! What recovery costs for a packet sent and a packet acknowledged: `recovery_cost [MILLIONS OF PACKETS]`.
//!
//! The times are of this machine. Under `valgrind --tool=callgrind` the instruction count is repeatable.

use inquic_engine::recovery::{Config, Recovery, SentFrame, SentPacket, TimerContext};
use inquic_platform::{Duration, Instant};
use inquic_wire::frame::write_ack;
use inquic_wire::{Ack, Frame, Frames, Level, Role, Space, Writer};

fn main() {
    let millions = std::env::args()
        .nth(1)
        .map_or(4, |text| text.parse().expect("a number"));
    for window in [64, 1_000, 10_000] {
        measure(millions, window, window.min(64));
    }
    measure(millions, 1_000, 2);
}

#[expect(clippy::disallowed_methods, reason = "this program measures time")]
fn clock() -> std::time::Instant {
    std::time::Instant::now()
}

/// A flow of full packets with one frame each.
struct Flow {
    recovery: Recovery,
    number: u64,
    acked: u64,
}

impl Flow {
    fn send(&mut self, now: Instant, count: u64) {
        let frame = SentFrame::Crypto {
            offset: 0,
            len: 1_200,
        };
        for _ in 0..count {
            let packet = SentPacket {
                number: self.number,
                size: 1_200,
                ack_eliciting: true,
                in_flight: true,
            };
            self.recovery
                .on_packet_sent(now, Space::Application, packet, &[frame]);
            self.number += 1;
        }
    }

    /// Writes the ACK of the next `count` packets, as a peer would that repeats a thousand.
    fn ack(&mut self, buffer: &mut [u8], count: u64) -> usize {
        self.acked += count;
        let range = self.acked.saturating_sub(1_000)..=self.acked - 1;
        let mut writer = Writer::new(buffer);
        write_ack(&mut writer, core::iter::once(range), 0, None).expect("it has room");
        writer.position()
    }
}

fn parse(payload: &[u8]) -> Ack<'_> {
    match Frames::new(payload, Level::OneRtt, Role::Server).next() {
        Some(Ok(Frame::Ack(ack))) => ack,
        other => panic!("an ACK was written, not {other:?}"),
    }
}

/// Keeps `window` packets in flight and acknowledges `batch` at a time.
fn measure(millions: u64, window: u64, batch: u64) {
    let mut flow = Flow {
        recovery: Recovery::new(&Config::default(), Role::Server),
        number: 0,
        acked: 0,
    };
    flow.recovery.set_timer_context(TimerContext {
        handshake_confirmed: true,
        has_handshake_keys: true,
        peer_validated: true,
        at_amplification_limit: false,
        application_ready: true,
    });
    flow.send(Instant::ZERO, window);
    let rounds = millions * 1_000_000 / batch;
    let (mut sending, mut acking, mut told) = (0, 0, 0_u64);
    let mut buffer = [0; 64];
    for round in 0..rounds {
        let now = Instant::ZERO + Duration::from_micros(50 * round);
        let len = flow.ack(&mut buffer, batch);
        let ack = parse(&buffer[..len]);
        let begin = clock();
        flow.recovery
            .on_ack(
                now,
                Space::Application,
                &ack,
                Duration::ZERO,
                true,
                &mut |_, _| told += 1,
            )
            .expect("it was sent");
        acking += begin.elapsed().as_nanos();
        let begin = clock();
        flow.send(now, batch);
        sending += begin.elapsed().as_nanos();
    }
    let begin = clock();
    for _ in 0..rounds {
        core::hint::black_box(clock());
    }
    let overhead = begin.elapsed().as_nanos();
    let packets = u128::from(rounds * batch);
    println!(
        "window {window}, {batch} an ACK: {} ns to send, {} ns to acknowledge a packet ({told} told)",
        sending.saturating_sub(overhead) / packets,
        acking.saturating_sub(overhead) / packets
    );
}

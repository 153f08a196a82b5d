//! What a packet costs, and that it costs no memory. Measured with `cargo test --release -- --ignored --nocapture speed`.

use super::*;
use std::time::Instant as Clock;

#[test]
fn a_steady_flow_allocates_nothing() {
    let mut script = Script::connected();
    let mut number = 0;
    let mut heap = 0;
    for round in 0..200 {
        for _ in 0..500 {
            script.sends(at(round), APP, number);
            number += 1;
        }
        script.acked(at(round), APP, &[number - 500..=number - 1]);
        script.told.clear();
        if round == 10 {
            heap = script.recovery.allocated_bytes();
        }
    }
    assert_eq!(script.recovery.allocated_bytes(), heap);
}

#[test]
#[ignore = "measures"]
fn speed_of_a_packet() {
    for window in [64, 1_000, 10_000] {
        measures(window, window.min(64));
    }
    measures(1_000, 2);
}

#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
/// Keeps `window` packets in flight and acknowledges `batch` at a time.
fn measures(window: u64, batch: u64) {
    let mut script = Script::connected();
    let frame = SentFrame::Crypto {
        offset: 0,
        len: 1_200,
    };
    let frames = [frame];
    let mut number = 0;
    let mut send = |recovery: &mut Recovery, now, count| {
        for _ in 0..count {
            let packet = SentPacket {
                number,
                size: 1_200,
                ack_eliciting: true,
                in_flight: true,
            };
            recovery.on_packet_sent(now, APP, packet, &frames);
            number += 1;
        }
        number
    };
    send(&mut script.recovery, at(0), window);
    let rounds = 4_000_000 / batch;
    let (mut sending, mut acking, mut told) = (0, 0, 0_u64);
    let mut acked = 0;
    let mut buffer = [0; 64];
    for round in 0..rounds {
        let now = Instant::ZERO + Duration::from_micros(50 * round);
        acked += batch;
        let len = {
            let mut w = Writer::new(&mut buffer);
            write_ack(
                &mut w,
                core::iter::once(acked.saturating_sub(1_000)..=acked - 1),
                0,
                None,
            )
            .unwrap();
            w.position()
        };
        let Some(Ok(Frame::Ack(ack))) =
            Frames::new(&buffer[..len], Level::OneRtt, Role::Server).next()
        else {
            panic!("an ACK was written");
        };
        let clock = Clock::now();
        script
            .recovery
            .on_ack(now, APP, &ack, ms(0), true, &mut |_, _| told += 1)
            .unwrap();
        acking += clock.elapsed().as_nanos();
        let clock = Clock::now();
        send(&mut script.recovery, now, batch);
        sending += clock.elapsed().as_nanos();
    }
    let clock = Clock::now();
    for _ in 0..rounds {
        core::hint::black_box(Clock::now());
    }
    let overhead = clock.elapsed().as_nanos();
    let (sending, acking) = (sending - overhead, acking - overhead);
    let packets = u128::from(rounds * batch);
    std::println!(
        "window {window}, {batch} an ACK: {} ns to send, {} ns to acknowledge a packet ({told} told)",
        sending / packets,
        acking / packets
    );
}

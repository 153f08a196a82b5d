//! Packets sent, ACK frames of any content and time in any order. No panic; the window keeps its floor; what is in flight never
//! exceeds what was sent; each frame has one fate; something in flight that may be probed has a deadline.
#![no_main]

mod common;

use common::Choices;
use inquic_engine::recovery::{
    Algorithm, Config, Recovery, SentFrame, SentPacket, Timeout, TimerContext,
};
use inquic_platform::{Duration, Instant};
use inquic_wire::{Frame, Frames, Level, Role, Space, StreamId, Writer, frame::write_ack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices(input);
    let kind = choices.byte();
    let role = if kind & 1 == 0 {
        Role::Client
    } else {
        Role::Server
    };
    let algorithm = if kind & 2 == 0 {
        Algorithm::Cubic
    } else {
        Algorithm::NewReno
    };
    let config = Config {
        algorithm,
        hystart: kind & 4 != 0,
        ..Config::default()
    };
    let mut recovery = Recovery::new(&config, role);
    let context = TimerContext {
        handshake_confirmed: kind & 8 != 0,
        has_handshake_keys: true,
        peer_validated: true,
        at_amplification_limit: false,
        application_ready: true,
    };
    recovery.set_timer_context(context);
    let mut now = Instant::ZERO + Duration::from_secs(1);
    let mut next = [0_u64; 3];
    let mut gone = [false; 3];
    let mut fates = 0_usize;
    let mut sent = 0_usize;
    for _ in 0..OPERATIONS {
        if choices.is_empty() {
            break;
        }
        let space = Space::ALL[choices.below(3)];
        let at = space.index();
        match choices.byte() % 8 {
            0..=2 if !gone[at] => {
                for _ in 0..=choices.byte() % 32 {
                    let eliciting = choices.byte() & 7 != 0;
                    let frame = SentFrame::Stream {
                        id: StreamId::from_u64(0).unwrap(),
                        offset: next[at],
                        len: 1,
                        fin: false,
                    };
                    let frames: &[SentFrame] = if eliciting { &[frame] } else { &[] };
                    sent += frames.len();
                    let packet = SentPacket {
                        number: next[at],
                        size: 1_200,
                        ack_eliciting: eliciting,
                        in_flight: eliciting,
                    };
                    recovery.on_packet_sent(now, space, packet, frames);
                    next[at] += 1;
                }
            }
            3 if !gone[at] => {
                recovery.on_number_skipped(space, next[at]);
                next[at] += 1;
            }
            4 | 5 if !gone[at] => {
                if acknowledge(
                    &mut choices,
                    &mut recovery,
                    now,
                    space,
                    next[at],
                    &mut fates,
                )
                .is_none()
                {
                    break;
                }
            }
            6 => {
                now = now + Duration::from_micros(choices.number() % 10_000_000);
                let mut lost = 0;
                let timeout = recovery.on_timeout(now, &mut |_, _, _| lost += 1);
                fates += lost;
                if let Timeout::Probe { space, packets } = timeout {
                    assert!((1..=2).contains(&packets));
                    recovery.probe_frames(space, &mut |_| fates += 1);
                }
            }
            7 if choices.byte() < 4 => {
                recovery.discard_space(space);
                gone[at] = true;
            }
            _ => {}
        }
        assert!(recovery.congestion_window() >= 2 * 1_200);
        assert!(recovery.bytes_in_flight() <= sent as u64 * 1_200);
        // A frame told in a probe may be told once more, as acknowledged.
        assert!(fates <= 2 * sent, "{fates} fates of {sent} frames");
        let armed = Space::ALL.into_iter().any(|space| {
            recovery.in_flight_ack_eliciting(space)
                && (space != Space::Application || context.handshake_confirmed)
        });
        assert!(!armed || recovery.deadline().is_some());
    }
});

/// An ACK frame of any ranges; none when it was an offence.
fn acknowledge(
    choices: &mut Choices<'_>,
    recovery: &mut Recovery,
    now: Instant,
    space: Space,
    next: u64,
    fates: &mut usize,
) -> Option<()> {
    let mut ranges = Vec::new();
    let mut above = if choices.byte() == 0 {
        choices.number()
    } else {
        next.saturating_sub(choices.below(4) as u64)
    };
    for _ in 0..=choices.byte() % 40 {
        let Some(last) = above.checked_sub(1) else {
            break;
        };
        let first = last.saturating_sub(choices.byte() as u64 % 8);
        ranges.push(first..=last);
        let Some(gap) = first.checked_sub(1 + choices.byte() as u64 % 4) else {
            break;
        };
        above = gap;
    }
    if ranges.is_empty() {
        return Some(());
    }
    let mut buffer = [0; 2_000];
    let mut writer = Writer::new(&mut buffer);
    write_ack(&mut writer, ranges.iter().cloned(), 0, None).ok()?;
    let mut frames = Frames::new(writer.written(), Level::OneRtt, Role::Client);
    let Some(Ok(Frame::Ack(ack))) = frames.next() else {
        panic!("written just now")
    };
    let delay = Duration::from_micros(choices.number());
    recovery
        .on_ack(now, space, &ack, delay, false, &mut |_, _| *fates += 1)
        .ok()?;
    Some(())
}

const OPERATIONS: usize = 300;

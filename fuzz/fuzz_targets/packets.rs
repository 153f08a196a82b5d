//! Authentic packets with any frames, in either role and at every level. The engine goes on or closes with a transport error,
//! keeps its own rules in what it sends, and holds no more memory than its windows.
#![no_main]

mod common;

use common::Choices;
use inquic_engine::CloseReason;
use inquic_platform::Duration;
use inquic_sim::{Attacker, Bits, Duel, Early, Settings, frames};
use inquic_wire::frame::{
    write_ack, write_crypto, write_datagram_header, write_handshake_done, write_max_data,
    write_max_stream_data, write_max_streams, write_new_connection_id, write_new_token,
    write_path_challenge, write_reset_stream, write_retire_connection_id, write_stop_sending,
    write_stream, write_stream_data_blocked, write_streams_blocked,
};
use inquic_wire::{ConnectionId, Direction, Full, Level, StreamId, Writer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let since = common::begin();
    let mut choices = Choices(input);
    let mut duel = duel(&mut choices);
    let mut streams = Vec::new();
    for _ in 0..OPERATIONS {
        if choices.is_empty()
            || duel
                .handle
                .is_some_and(|handle| duel.host.get(handle).is_none())
        {
            break;
        }
        operate(&mut choices, &mut duel, &mut streams);
        // Opened and looked at: the victim keeps the rules whatever it got.
        duel.count(|_| true);
        duel.heard.clear();
        duel.datagrams.clear();
    }
    let closed = duel.handle.and_then(|handle| {
        let connection = duel.host.get(handle)?;
        connection.close_reason().map(CloseReason::copied)
    });
    assert!(
        !matches!(closed, Some(CloseReason::Transport(error)) if error.code == inquic_wire::Code::Internal)
    );
    // Three probe timeouts may be long: the attacker may have made the path look slow.
    duel.wait(Duration::from_secs(3_600));
    assert!(
        duel.host.endpoint.is_empty(),
        "silence ends every connection"
    );
    drop(duel);
    let peak = common::peak(since);
    assert!(peak <= PEAK, "{peak} bytes at once");
});

/// A victim in the state that the first byte chooses.
fn duel(choices: &mut Choices<'_>) -> Duel {
    let mut settings = Settings::default();
    let stage = choices.byte();
    if stage & 0x80 != 0 {
        settings.config.max_datagram_frame_size = 1_000;
    }
    if stage & 0x40 != 0 {
        settings.early = Early::Accept;
    }
    let mut duel = if stage & 1 == 0 {
        Duel::with_open_server(&settings)
    } else {
        Duel::with_open_client(&settings)
    };
    match stage >> 1 & 3 {
        0 => duel,
        1 => {
            let parameters = duel.attacker.parameters();
            if duel.is_server() {
                let mut hello = Attacker::message(Some(&parameters), 250);
                if stage & 0x20 != 0 {
                    // The flag of 0-RTT, behind the type, the offset and the length of the CRYPTO frame.
                    hello[4] |= 0x80;
                }
                let initial = duel.attacker.initial(&hello);
                duel.send_datagram(&initial);
                duel.follow_server_id();
            } else {
                duel.send(Level::Initial, &Attacker::message(None, 90));
            }
            duel
        }
        _ => duel.connected(),
    }
}

fn operate(choices: &mut Choices<'_>, duel: &mut Duel, streams: &mut Vec<StreamId>) {
    match choices.byte() % 16 {
        // Packets, most of them in order.
        kind @ 0..=9 => {
            let level = match kind {
                0 => Level::Initial,
                1 => Level::Handshake,
                2 | 6 => Level::ZeroRtt,
                _ => Level::OneRtt,
            };
            let gap = choices.byte();
            let at = level.index();
            let number = match gap {
                0..=199 => duel.attacker.numbers[at],
                200..=239 => duel.attacker.numbers[at] + u64::from(gap - 199),
                _ => duel.attacker.numbers[at].saturating_sub(u64::from(gap - 239)),
            };
            duel.attacker.numbers[at] = duel.attacker.numbers[at].max(number + 1);
            let bits = Bits {
                flipped: if gap == 240 { choices.byte() & 0x1c } else { 0 },
            };
            let mut payload = if kind < 6 {
                let len = choices.u16() as usize % 1_400;
                choices.bytes(len).to_vec()
            } else {
                well_formed(choices)
            };
            if level == Level::Initial && duel.is_server() {
                payload.resize(payload.len().max(1_150), 0);
            }
            let packet = duel.attacker.packet_with(level, number, bits, &payload);
            duel.send_datagram(&packet);
        }
        10 => duel.wait(Duration::from_millis(choices.number() % 100_000)),
        11 => duel.attacker.update_keys(),
        _ => application(choices, duel, streams),
    }
}

/// Frames whose shape is right, with any numbers in them.
fn well_formed(choices: &mut Choices<'_>) -> Vec<u8> {
    let count = 1 + choices.below(8);
    frames(|w| (0..count).try_for_each(|_| write_one(choices, w)))
}

fn write_one(choices: &mut Choices<'_>, w: &mut Writer<'_>) -> Result<(), Full> {
    let id = StreamId::from_u64(u64::from(choices.byte()) % 32).expect("small");
    let direction = [Direction::Bidirectional, Direction::Unidirectional][choices.below(2)];
    match choices.byte() % 21 {
        0..=3 => {
            let (offset, len) = (choices.number() % 100_000, choices.below(100));
            write_stream(w, id, offset, len, choices.byte() < 64, false).map(drop)
        }
        4 => write_reset_stream(w, id, 1, choices.number() % 100_000),
        5 => write_stop_sending(w, id, choices.number()),
        6 => write_max_data(w, choices.number()),
        7 => write_max_stream_data(w, id, choices.number()),
        8 => write_max_streams(w, direction, choices.number() % (1 << 60)),
        9 => write_stream_data_blocked(w, id, choices.number()),
        10 => write_streams_blocked(w, direction, choices.number() % (1 << 60)),
        11 => {
            let sequence = u64::from(choices.byte() % 32);
            let prior_to = u64::from(choices.byte()) % (sequence + 1);
            let id = ConnectionId::new(&[choices.byte(); 8]).expect("short");
            write_new_connection_id(w, sequence, prior_to, &id, &[choices.byte(); 16])
        }
        12 => write_retire_connection_id(w, u64::from(choices.byte() % 16)),
        13 => write_path_challenge(w, [choices.byte(); 8]),
        14 => write_new_token(w, &vec![7; 1 + choices.below(300)]),
        15 => write_handshake_done(w),
        16 => {
            let (offset, len) = (choices.number() % 300_000, choices.below(200));
            write_crypto(w, offset, len).map(drop)
        }
        17 => {
            let len = choices.below(200);
            write_datagram_header(w, len, false)?;
            w.zeros(len)
        }
        // Most of what the victim has sent, with holes.
        _ => {
            let mut ranges = Vec::new();
            let mut above = u64::from(choices.byte());
            for _ in 0..=choices.below(8) {
                let first = above.saturating_sub(u64::from(choices.byte() % 16));
                ranges.push(first..=above);
                let Some(next) = first.checked_sub(2 + u64::from(choices.byte() % 3)) else {
                    break;
                };
                above = next;
            }
            write_ack(w, ranges.into_iter(), choices.number(), None).map(drop)
        }
    }
}

fn application(choices: &mut Choices<'_>, duel: &mut Duel, streams: &mut Vec<StreamId>) {
    let now = duel.now;
    let Some(handle) = duel.handle else { return };
    let Some(connection) = duel.host.get(handle) else {
        return;
    };
    let direction = [Direction::Bidirectional, Direction::Unidirectional][choices.below(2)];
    let chosen = streams.get(choices.below(streams.len())).copied();
    match (choices.below(12), chosen) {
        (0, _) => streams.extend(connection.open(direction).ok()),
        (1, _) => streams.extend(connection.accept(direction)),
        (2, _) => drop(connection.initiate_key_update(now)),
        (3, _) => connection.send_ping(),
        (4, Some(id)) => drop(connection.write(id, &vec![7; usize::from(choices.u16())])),
        (5, Some(id)) => drop(connection.read(now, id, &mut vec![0; usize::from(choices.u16())])),
        (6, Some(id)) => drop(connection.streams().map(|streams| streams.finish(id))),
        (7, Some(id)) => drop(connection.streams().map(|streams| streams.reset(id, 3))),
        (8, Some(id)) => drop(connection.streams().map(|streams| streams.stop(id, 4))),
        (10, _) => drop(connection.send_datagram(&vec![7; choices.below(1_300)], true)),
        (11, _) => drop(connection.take_datagram(&mut vec![0; choices.below(300)])),
        (9, _) if choices.byte() < 8 => connection.close(now, 5, b"enough"),
        _ => {}
    }
    streams.truncate(64);
    duel.flush();
}

const OPERATIONS: usize = 200;
/// Receive and send windows, two hosts' worth of buffers, and what the attacker heard.
const PEAK: usize = 6 << 20;

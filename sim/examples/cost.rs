//! What single datagrams cost whoever gets them: `cost KIND COUNT`, without the making of the datagrams and the sending of answers.
//!
//! Callgrind counts the instructions of one function: `valgrind --tool=callgrind --toggle-collect='*victim*' cost short 1000`.

use std::hint::black_box;
use std::net::SocketAddr;
use std::process::ExitCode;

use inquic_engine::limits;
use inquic_platform::{Duration, Instant};
use inquic_sim::{Duel, Host, Settings, frames};
use inquic_wire::frame::{write_ack, write_ping};
use inquic_wire::{ConnectionId, Level};

/// What is counted.
#[inline(never)]
fn victim(host: &mut Host, now: Instant, from: SocketAddr, datagram: &mut [u8]) {
    host.receive(black_box(now), black_box(from), black_box(datagram));
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_default();
    let count = arguments.next().and_then(|count| count.parse().ok());
    let (Some(count), Some(run)) = (count, find(&kind)) else {
        eprintln!("cost short|reset|known|initial|frames|acks COUNT");
        return ExitCode::FAILURE;
    };
    run(count);
    ExitCode::SUCCESS
}

fn find(kind: &str) -> Option<fn(u32)> {
    Some(match kind {
        "short" => |count| unknown(count, true),
        "reset" => |count| unknown(count, false),
        "known" => known,
        "initial" => initial,
        "frames" => small_frames,
        "acks" => acks,
        _ => return None,
    })
}

fn address(index: u32) -> SocketAddr {
    let [a, b, c, d] = index.to_be_bytes();
    SocketAddr::from(([10, b, c, d], 1_024 + u16::from(a)))
}

/// Short headers with ids that nobody has: once no more resets are given, or each answered by one.
fn unknown(count: u32, is_limited: bool) {
    let mut duel = Duel::with_server(&Settings::default());
    let datagram = |index: u32| {
        let mut datagram = vec![0x41; 1_200];
        datagram[1..5].copy_from_slice(&index.to_be_bytes());
        datagram
    };
    if is_limited {
        for index in 0..limits::STATELESS_PER_SECOND {
            duel.host
                .receive(duel.now, address(index), &mut datagram(index));
        }
    }
    for index in 0..count {
        let mut datagram = datagram(index);
        victim(&mut duel.host, duel.now, address(index), &mut datagram);
    }
}

/// Short headers with the id of a connection, which do not open.
fn known(count: u32) {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    let from = duel.address;
    for _ in 0..count {
        let ping = frames(|w| write_ping(w).and_then(|()| w.zeros(1_160)));
        let mut forged = duel.attacker.packet(Level::OneRtt, &ping);
        *forged.last_mut().expect("a tag") ^= 1;
        victim(&mut duel.host, duel.now, from, &mut forged);
    }
}

/// Initial packets from everywhere that do not open.
fn initial(count: u32) {
    let mut duel = Duel::with_server(&Settings::default());
    for index in 0..count {
        duel.attacker.dcid = ConnectionId::new(&u64::from(index).to_be_bytes()).expect("short");
        let mut forged = duel.attacker.initial(&[1; 1_000]);
        victim(&mut duel.host, duel.now, address(index), &mut forged);
    }
}

/// Packets full of the smallest frame, 1,100 of them.
fn small_frames(count: u32) {
    let mut duel = Duel::with_open_server(&Settings::default()).connected();
    let from = duel.address;
    for _ in 0..count {
        let mut pings = duel.attacker.packet(Level::OneRtt, &[1; 1_100]);
        victim(&mut duel.host, duel.now, from, &mut pings);
        duel.flush();
        duel.heard.clear();
        duel.datagrams.clear();
    }
}

/// Acknowledgements of every second of a thousand packets, again and again.
fn acks(count: u32) {
    let mut duel = Duel::with_open_server(&Settings::default()).connected();
    let from = duel.address;
    for _ in 0..1_200 {
        duel.send(Level::OneRtt, &frames(write_ping));
        duel.wait(Duration::from_micros(10));
    }
    let mut numbers: Vec<u64> = duel.heard.iter().map(|packet| packet.number).collect();
    numbers.sort_unstable();
    let ranges = numbers.iter().rev().step_by(2).take(500);
    let ranges: Vec<_> = ranges.map(|&number| number..=number).collect();
    let all = frames(|w| write_ack(w, ranges.iter().cloned(), 0, None).map(|_| ()));
    for _ in 0..count {
        let mut ack = duel.attacker.packet(Level::OneRtt, &all);
        victim(&mut duel.host, duel.now, from, &mut ack);
        duel.flush();
        duel.heard.clear();
        duel.datagrams.clear();
    }
}

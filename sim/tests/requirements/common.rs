//! What several of these tests need: frames of a victim, and an honest handshake that is watched.

use inquic_platform::{Duration, Instant};
use inquic_sim::{Attacker, Duel, Host, Opened, Settings, frames};
use inquic_wire::frame::{write_ack, write_ping};
use inquic_wire::{Frame, Frames, Header, Level, LongKind, Role};

pub(crate) fn ping() -> Vec<u8> {
    frames(write_ping)
}

pub(crate) fn ack(ranges: &[std::ops::RangeInclusive<u64>]) -> Vec<u8> {
    frames(|w| write_ack(w, ranges.iter().cloned(), 0, None).map(|_| ()))
}

/// The role of whoever sends to the attacker.
pub(crate) fn victim(duel: &Duel) -> Role {
    if duel.is_server() {
        Role::Server
    } else {
        Role::Client
    }
}

/// The frames of an opened packet, as its receiver reads them.
pub(crate) fn frames_of<'a>(packet: &'a Opened, sender: Role) -> Vec<Frame<'a>> {
    Frames::new(&packet.payload, packet.level, sender.peer())
        .map(|frame| frame.expect("a frame that is permitted"))
        .collect()
}

/// Acknowledges everything that was heard at a level.
pub(crate) fn acknowledge(duel: &mut Duel, level: Level) {
    let heard = duel.heard.iter().filter(|packet| packet.level == level);
    let mut numbers: Vec<u64> = heard.map(|packet| packet.number).collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    let mut ranges: Vec<std::ops::RangeInclusive<u64>> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(range) if *range.start() <= number + 1 => *range = number..=*range.end(),
            _ => ranges.push(number..=number),
        }
    }
    let frame = ack(&ranges);
    duel.send(level, &frame);
}

/// Whether a datagram begins with an Initial packet.
pub(crate) fn is_initial(datagram: &[u8]) -> bool {
    matches!(
        Header::parse_greased(datagram, 8),
        Ok(Header::Long {
            kind: LongKind::Initial,
            ..
        })
    )
}

/// Every packet header of a datagram.
pub(crate) fn headers(datagram: &[u8]) -> Vec<Header> {
    let mut headers = Vec::new();
    let mut rest = datagram;
    while let Ok(header) = Header::parse_greased(rest, 8) {
        let end = match header {
            Header::Long { end, .. } | Header::Short { end, .. } => end,
            _ => rest.len(),
        };
        headers.push(header);
        rest = &rest[end..];
        if rest.is_empty() {
            break;
        }
    }
    headers
}

/// Every datagram of an honest handshake and the moments after it, with whether the client sent it.
pub(crate) fn watched(client: Settings, server: Settings) -> Vec<(bool, Vec<u8>)> {
    let address = |text: &str| text.parse().unwrap();
    let mut ends = [
        Host::new(address("192.0.2.1:50000"), client, 11),
        Host::new(address("192.0.2.2:4433"), server, 22),
    ];
    let addresses = [ends[0].address, ends[1].address];
    ends[1].listen();
    let mut now = Instant::from_nanos(1_000_000_000);
    ends[0].connect(now, addresses[1], &[]);
    let mut seen = Vec::new();
    for _ in 0..200 {
        for from in 0..2 {
            let mut sent = Vec::new();
            ends[from].transmit(now, &mut |datagram| sent.push(datagram.to_vec()));
            now = now + Duration::from_millis(5);
            for datagram in sent {
                seen.push((from == 0, datagram.clone()));
                ends[1 - from].receive(now, addresses[from], &mut datagram.clone());
            }
            ends[from].expire(now);
        }
    }
    seen
}

/// A server that has got the hello of an honest client, and its first flight is on the way.
pub(crate) fn half_way() -> Duel {
    let mut duel = Duel::with_server(&Settings::default());
    let parameters = duel.attacker.parameters();
    let hello = duel
        .attacker
        .initial(&Attacker::message(Some(&parameters), 250));
    duel.send_datagram(&hello);
    duel.follow_server_id();
    duel
}

//! Validation of paths, as a peer sees it that answers from elsewhere.

use std::net::SocketAddr;

use inquic_platform::Duration;
use inquic_sim::{Bits, Duel, Settings, frames};
use inquic_wire::frame::{write_path_response, write_ping};
use inquic_wire::{Frame, Frames, Level, Role};

/// What the victim sends now: each challenge, and where it went.
fn challenges(duel: &mut Duel) -> Vec<(SocketAddr, [u8; 8])> {
    let mut sent = Vec::new();
    duel.host
        .transmit_each(duel.now, &mut |datagram| sent.push(datagram));
    let mut found = Vec::new();
    for datagram in sent {
        for packet in duel.attacker.open(&datagram.bytes) {
            for frame in Frames::new(&packet.payload, packet.level, Role::Client).flatten() {
                if let Frame::PathChallenge(data) = frame {
                    found.push((datagram.to, data));
                }
            }
        }
    }
    found
}

/// A client shows up at another address, and answers the challenge that goes there from `answers_from`, if at all. Whether the
/// server is with the new address in the end.
fn stays(answers_from: Option<&str>) -> bool {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    let there: SocketAddr = "203.0.113.7:40000".parse().unwrap();
    duel.send(Level::OneRtt, &frames(write_ping));
    let earlier = duel.attacker.numbers[Level::OneRtt.index()];
    duel.attacker.numbers[Level::OneRtt.index()] += 10;
    let ping = frames(|w| write_ping(w).and_then(|()| w.zeros(1_100)));
    let mut ping = duel.attacker.packet(Level::OneRtt, &ping);
    duel.host.receive(duel.now, there, &mut ping);
    let challenges = challenges(&mut duel);
    let asked = challenges.iter().find(|(to, _)| *to == there);
    let (_, data) = asked.expect("the new address is asked");
    if let Some(from) = answers_from {
        let response = frames(|w| write_path_response(w, *data));
        // Its number is below the last, so that it moves nothing by itself.
        let mut response =
            duel.attacker
                .packet_with(Level::OneRtt, earlier, Bits::default(), &response);
        duel.host
            .receive(duel.now, from.parse().unwrap(), &mut response);
    }
    duel.wait(Duration::from_secs(10));
    assert_eq!(duel.connection().close_reason(), None);
    duel.connection().path().remote == there
}

#[test]
fn a_response_validates_the_path_of_its_challenge_wherever_it_comes_from() {
    assert!(stays(Some("203.0.113.7:40000")));
    assert!(stays(Some("192.0.2.1:50000")), "by the other path");
    assert!(!stays(None), "without an answer the server goes back");
}

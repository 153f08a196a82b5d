//! The end: answers to what still comes, and nothing forgotten.

use inquic_engine::{CloseReason, Drop};
use inquic_platform::Duration;
use inquic_sim::{Attacker, Duel, Settings, frames};
use inquic_wire::frame::{write_ack, write_connection_close, write_ping};
use inquic_wire::{Code, Frame, Level};

fn is_close(frame: &Frame<'_>) -> bool {
    matches!(
        frame,
        Frame::ConnectionClose { .. } | Frame::ApplicationClose { .. }
    )
}

/// Row 71.
#[test]
fn a_million_packets_into_closing_get_21_answers() {
    let mut duel = Duel::with_open_server(&Settings::default()).connected();
    let now = duel.now;
    duel.connection().close(now, 1, b"");
    duel.flush();
    let packet = duel.attacker.packet(Level::OneRtt, &frames(write_ping));
    for _ in 0..1_000_000 {
        duel.send_datagram(&packet);
    }
    let answers = duel.count(is_close);
    assert!((20..=21).contains(&answers), "{answers}");
    assert_eq!(duel.connection().stats().drops.of(Drop::Closed), 1_000_000);
}

/// Row 71.
#[test]
fn a_close_is_not_answered() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    let close = frames(|w| write_connection_close(w, Code::NoError, 0, b""));
    for _ in 0..100 {
        duel.send(Level::OneRtt, &close);
    }
    assert_eq!(duel.datagrams.len(), 0);
    assert!(matches!(
        duel.connection().close_reason(),
        Some(CloseReason::PeerTransport { .. })
    ));
    duel.wait(Duration::from_secs(4));
    assert!(duel.host.handles().is_empty() && duel.host.endpoint.is_empty());
}

#[test]
fn close_of_a_server_that_has_used_its_credit_follows_when_more_comes() {
    let settings = Settings {
        certificate: 20_000,
        ..Settings::default()
    };
    let mut duel = Duel::with_server(&settings);
    let parameters = duel.attacker.parameters();
    let hello = duel
        .attacker
        .initial(&Attacker::message(Some(&parameters), 250));
    duel.send_datagram(&hello);
    assert!(duel.bytes_out > 2_400, "the credit is used up");
    let now = duel.now;
    duel.connection().fail_handshake(now, 40);
    duel.flush();
    duel.wait(Duration::from_millis(500));
    assert_eq!(duel.count(is_close), 0);
    let more = duel.attacker.initial(&frames(write_ping));
    duel.send_datagram(&more);
    assert!(duel.count(is_close) >= 1);
    assert!(duel.bytes_out <= 3 * duel.bytes_in);
}

#[test]
fn what_comes_after_a_long_sleep_finds_the_connection_over() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    duel.connection().send_ping();
    duel.flush();
    let largest = duel.heard.last().unwrap().number;
    // The clock jumps, and what came before is read before any timer runs.
    duel.now = duel.now + Duration::from_secs(3_600);
    let ack = frames(|w| write_ack(w, std::iter::once(largest..=largest), 0, None).map(|_| ()));
    duel.send(Level::OneRtt, &ack);
    assert!(duel.host.handles().is_empty() && duel.host.endpoint.is_empty());
}

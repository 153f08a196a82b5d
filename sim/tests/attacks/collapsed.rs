//! Losses that a peer made up, so that nothing we owe it may leave: what it asks for meanwhile must not pile up (row 56).

use inquic_platform::Duration;
use inquic_sim::{Duel, Settings, frames, repeated};
use inquic_wire::frame::{
    write_ack, write_data_blocked, write_max_data, write_max_streams, write_new_connection_id,
    write_path_challenge, write_ping, write_streams_blocked,
};
use inquic_wire::{Code, ConnectionId, Direction, Frame, Level};

fn acknowledge(duel: &mut Duel, numbers: std::ops::RangeInclusive<u64>) {
    let ack = frames(|w| write_ack(w, std::iter::once(numbers), 0, None).map(|_| ()));
    duel.send(Level::OneRtt, &ack);
}

fn largest(duel: &Duel) -> u64 {
    let one_rtt = duel
        .heard
        .iter()
        .filter(|packet| packet.level == Level::OneRtt);
    one_rtt.map(|packet| packet.number).max().unwrap_or(0)
}

/// A server whose window is two packets, because all but one of those that it sent in ten seconds are said to be lost; and it
/// has filled that window again.
fn collapsed() -> Duel {
    let mut duel = Duel::with_open_server(&Settings::default()).connected();
    for _ in 0..2 {
        duel.connection().send_ping();
        duel.flush();
        duel.wait(Duration::from_millis(20));
        let newest = largest(&duel);
        acknowledge(&mut duel, newest..=newest);
    }
    for _ in 0..10 {
        duel.connection().send_ping();
        duel.flush();
        duel.wait(Duration::from_secs(1));
    }
    let newest = largest(&duel);
    acknowledge(&mut duel, newest..=newest);
    let stats = duel.connection().stats();
    assert_eq!(stats.congestion_window, 2 * stats.datagram_size);
    let id = duel.connection().open(Direction::Unidirectional).unwrap();
    duel.connection().write(id, &[7; 10_000]).unwrap();
    duel.flush();
    assert!(duel.connection().stats().bytes_in_flight > stats.datagram_size);
    duel.datagrams.clear();
    duel.heard.clear();
    duel
}

/// Rows 27 and 56.
#[test]
fn challenges_in_a_collapsed_window_leave_one_answer() {
    let mut duel = collapsed();
    let packets = repeated(200, 10_000);
    let many =
        frames(|w| (0..100_u64).try_for_each(|index| write_path_challenge(w, index.to_be_bytes())));
    for _ in 0..packets {
        duel.send(Level::OneRtt, &many);
        duel.datagrams.clear();
    }
    let is_answer = |frame: &Frame<'_>| matches!(frame, Frame::PathResponse(_));
    assert!(
        duel.count(is_answer) < 10,
        "the window is full: {}",
        duel.count(is_answer)
    );
    // Room again: what was kept comes.
    duel.heard.clear();
    for _ in 0..20 {
        let newest = largest(&duel);
        acknowledge(&mut duel, 0..=newest);
        duel.wait(Duration::from_millis(50));
    }
    assert!(duel.count(is_answer) <= inquic_engine::limits::PATHS);
    assert_eq!(duel.connection().close_reason(), None);
}

/// Rows 28 and 56.
#[test]
fn ids_in_a_collapsed_window_are_limited_as_ever() {
    let mut duel = collapsed();
    let taken = (1..1_000_000_u64).take_while(|&sequence| {
        let issue = frames(|w| {
            let id = ConnectionId::new(&sequence.to_be_bytes()).unwrap();
            write_new_connection_id(w, sequence, sequence, &id, &[sequence as u8; 16])
        });
        duel.send(Level::OneRtt, &issue);
        duel.offence().is_none()
    });
    let taken = taken.count();
    assert!(taken <= inquic_engine::limits::CIDS_RETIRING, "{taken}");
    assert_eq!(duel.offence(), Some(Code::ConnectionIdLimit));
}

/// Rows 39 and 56.
#[test]
fn repeated_frames_in_a_collapsed_window_leave_one_answer_of_a_kind() {
    let mut duel = collapsed();
    let many = frames(|w| {
        for _ in 0..60 {
            write_data_blocked(w, 0)?;
            write_streams_blocked(w, Direction::Bidirectional, 0)?;
            write_streams_blocked(w, Direction::Unidirectional, 0)?;
            write_max_data(w, 5)?;
            write_max_streams(w, Direction::Bidirectional, 5)?;
            write_ping(w)?;
        }
        Ok(())
    });
    for _ in 0..repeated(200, 20_000) {
        duel.send(Level::OneRtt, &many);
        duel.datagrams.clear();
        duel.heard.clear();
    }
    assert_eq!(duel.connection().close_reason(), None);
    let stats = duel.connection().stats();
    assert!(stats.bytes_in_flight <= stats.congestion_window + 3 * stats.datagram_size);
    let is_answer = |frame: &Frame<'_>| {
        !matches!(
            frame,
            Frame::Ack(_) | Frame::Ping | Frame::Padding { .. } | Frame::Stream { .. }
        )
    };
    let newest = largest(&duel);
    acknowledge(&mut duel, 0..=newest);
    duel.wait(Duration::from_millis(50));
    assert!(
        duel.count(is_answer) <= 10,
        "one of each of ten kinds at most"
    );
}

//! The first flights: split, slow, held back, without end.

use inquic_engine::Drop;
use inquic_platform::Duration;
use inquic_sim::{Attacker, Duel, Settings, frames, repeated};
use inquic_wire::frame::{
    write_ack, write_crypto, write_new_token, write_path_challenge, write_ping,
};
use inquic_wire::{Code, Frame, Level};

fn crypto(offset: u64, data: &[u8]) -> Vec<u8> {
    frames(|w| {
        write_crypto(w, offset, data.len())?.copy_from_slice(data);
        Ok(())
    })
}

/// The message of a client's first flight, without its frame.
fn hello(duel: &Duel, padding: usize) -> Vec<u8> {
    let frame = Attacker::message(Some(&duel.attacker.parameters()), padding);
    let Some(Ok(Frame::Crypto { data, .. })) =
        inquic_wire::Frames::new(&frame, Level::Initial, inquic_wire::Role::Server).next()
    else {
        panic!("a CRYPTO frame")
    };
    data.to_vec()
}

/// Row 12.
#[test]
fn hello_in_single_bytes_in_the_worst_order_is_put_together() {
    let mut duel = Duel::with_open_server(&Settings::default());
    let hello = hello(&duel, 16_000);
    let mut pieces: Vec<Vec<u8>> = hello
        .iter()
        .enumerate()
        .rev()
        .map(|(at, &byte)| crypto(at as u64, &[byte]))
        .collect();
    while !pieces.is_empty() {
        let payload: Vec<u8> = pieces.drain(..pieces.len().min(180)).flatten().collect();
        let datagram = duel.attacker.initial(&payload);
        duel.send_datagram(&datagram);
    }
    assert_eq!(duel.connection().close_reason(), None);
    duel.follow_server_id();
    duel.send(Level::Handshake, &Attacker::message(None, 36));
    assert!(duel.connection().is_connected());
}

/// Row 12.
#[test]
fn hello_with_too_many_holes_or_beyond_the_buffer_is_refused() {
    let mut duel = Duel::with_server(&Settings::default());
    for first in (0..400_u64).step_by(100) {
        let payload: Vec<u8> = (first..first + 100)
            .flat_map(|index| crypto(1 + 2 * index, b"x"))
            .collect();
        let datagram = duel.attacker.initial(&payload);
        duel.send_datagram(&datagram);
    }
    assert_eq!(duel.offence(), Some(Code::CryptoBufferExceeded));

    let mut duel = Duel::with_server(&Settings::default());
    let datagram = duel.attacker.initial(&crypto(65_535, b"x"));
    duel.send_datagram(&datagram);
    assert_eq!(duel.offence(), None, "the last byte of the buffer");
    let datagram = duel.attacker.initial(&crypto(65_536, b"x"));
    duel.send_datagram(&datagram);
    assert_eq!(duel.offence(), Some(Code::CryptoBufferExceeded));
}

/// Row 13.
#[test]
fn slow_handshake_is_over_after_ten_seconds() {
    let mut duel = Duel::with_server(&Settings::default());
    let hello = hello(&duel, 1_000);
    for second in 0..11_usize {
        let datagram = duel
            .attacker
            .initial(&crypto(second as u64, &hello[second..=second]));
        duel.send_datagram(&datagram);
        assert_eq!(duel.host.endpoint.half_open(), 1);
        if second == 9 {
            duel.wait(Duration::from_millis(999));
            assert_eq!(duel.host.endpoint.half_open(), 1);
            duel.wait(Duration::from_millis(1));
            assert_eq!(duel.host.endpoint.half_open(), 0);
            assert!(duel.host.endpoint.is_empty());
            return;
        }
        duel.wait(Duration::from_secs(1));
    }
}

/// Row 40.
#[test]
fn packets_without_keys_are_kept_one_of_a_kind_for_a_stranger() {
    let mut duel = Duel::with_server(&Settings::default());
    let hello = hello(&duel, 1_000);
    // Half a hello: no Handshake keys yet.
    let first = duel.attacker.initial(&crypto(0, &hello[..100]));
    duel.send_datagram(&first);
    let count = repeated(10_000, 100_000);
    for index in 0..count {
        let mut packet = duel.attacker.packet(Level::Handshake, &[0; 40]);
        packet[40] ^= index as u8;
        duel.send_datagram(&packet);
    }
    let stats = duel.connection().stats();
    assert_eq!(stats.drops.of(Drop::NoKeys), count - 1);
    assert_eq!(stats.packets_received, 1);
}

/// Row 40.
#[test]
fn packets_without_keys_are_kept_four_of_a_kind_by_a_client() {
    let mut duel = Duel::with_client(&Settings::default());
    let count = repeated(1_000, 100_000);
    for _ in 0..count {
        duel.send(Level::OneRtt, &frames(write_ping));
    }
    assert_eq!(duel.connection().stats().drops.of(Drop::NoKeys), count - 4);
    let parameters = duel.attacker.parameters();
    duel.shake(&parameters);
    assert!(duel.connection().is_connected());
    assert_eq!(duel.connection().stats().packets_received, 3 + 4);
}

/// Row 40.
#[test]
fn a_flight_of_a_server_before_its_keys_is_kept_and_no_more() {
    let mut duel = Duel::with_client(&Settings::default());
    for _ in 0..100 {
        duel.send(Level::Handshake, &frames(write_ping));
    }
    assert_eq!(duel.connection().stats().drops.of(Drop::NoKeys), 100 - 9);
    let parameters = duel.attacker.parameters();
    duel.shake(&parameters);
    assert!(duel.connection().is_connected());
    assert_eq!(duel.connection().stats().packets_received, 3 + 9);
}

/// Row 30.
#[test]
fn handshake_messages_without_end_are_refused() {
    let mut duel = Duel::with_open_client(&Settings::default()).connected();
    let mut offset = 0;
    while duel.offence().is_none() {
        duel.send(Level::OneRtt, &crypto(offset, &[0x55; 1_000]));
        offset += 1_000;
        assert!(offset <= 256 * 1024 + 1_000);
    }
    assert_eq!(duel.offence(), Some(Code::CryptoBufferExceeded));
}

/// Row 31.
#[test]
fn only_the_two_newest_tokens_are_kept() {
    let mut duel = Duel::with_open_client(&Settings::default()).connected();
    let count = repeated(100_000, 1_000_000);
    for index in 0..count {
        duel.send(
            Level::OneRtt,
            &frames(|w| write_new_token(w, &index.to_be_bytes())),
        );
        duel.datagrams.clear();
        duel.heard.clear();
    }
    // Too long to be kept.
    duel.send(Level::OneRtt, &frames(|w| write_new_token(w, &[7; 1_000])));
    assert_eq!(
        duel.connection().take_token(),
        Some((count - 1).to_be_bytes().to_vec())
    );
    assert_eq!(
        duel.connection().take_token(),
        Some((count - 2).to_be_bytes().to_vec())
    );
    assert_eq!(duel.connection().take_token(), None);
}

/// A packet that was taken for lost is sent again: what it brings twice would link two connections.
#[test]
fn a_token_that_comes_again_is_not_another_one() {
    let mut duel = Duel::with_open_client(&Settings::default()).connected();
    for token in [b"first", b"other", b"first", b"other"] {
        duel.send(Level::OneRtt, &frames(|w| write_new_token(w, token)));
    }
    assert_eq!(duel.connection().take_token(), Some(b"other".to_vec()));
    assert_eq!(duel.connection().take_token(), Some(b"first".to_vec()));
    assert_eq!(duel.connection().take_token(), None);
    // Taken ones, too.
    duel.send(Level::OneRtt, &frames(|w| write_new_token(w, b"other")));
    assert_eq!(duel.connection().take_token(), None);
}

/// Row 27.
#[test]
fn only_the_newest_challenge_is_answered() {
    let mut duel = Duel::with_open_server(&Settings::default()).connected();
    let many =
        frames(|w| (0..100_u64).try_for_each(|index| write_path_challenge(w, index.to_be_bytes())));
    let packets = repeated(1_000, 10_000) as usize;
    for _ in 0..packets {
        duel.send(Level::OneRtt, &many);
    }
    let answers = duel.count(|frame| matches!(frame, Frame::PathResponse(_)));
    assert!(answers <= packets, "one for each packet at most: {answers}");
    assert!(answers >= 1);
    assert_eq!(
        duel.count(|frame| *frame == Frame::PathResponse(99_u64.to_be_bytes())),
        answers
    );
}

#[test]
fn answer_to_a_challenge_fills_its_datagram() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    duel.send(Level::OneRtt, &frames(|w| write_path_challenge(w, [9; 8])));
    let is_response = |frame: &Frame<'_>| matches!(frame, Frame::PathResponse(_));
    assert_eq!(duel.count(is_response), 1);
    assert!(
        duel.heard.iter().all(|packet| packet.datagram >= 1_200),
        "RFC 9000 §8.2.2"
    );
}

/// Row 39.
#[test]
fn repeated_frames_leave_one_answer_of_a_kind() {
    use inquic_wire::frame::{
        write_data_blocked, write_max_data, write_max_stream_data, write_max_streams,
        write_stream_data_blocked, write_streams_blocked,
    };
    use inquic_wire::{Direction, Role, StreamId};
    let mut duel = Duel::with_open_server(&Settings::default()).connected();
    let id = StreamId::new(Role::Client, Direction::Bidirectional, 0).unwrap();
    let many = frames(|w| {
        for _ in 0..60 {
            write_data_blocked(w, 0)?;
            write_stream_data_blocked(w, id, 0)?;
            write_streams_blocked(w, Direction::Bidirectional, 0)?;
            write_streams_blocked(w, Direction::Unidirectional, 0)?;
            write_max_data(w, 5)?;
            write_max_stream_data(w, id, 5)?;
            write_max_streams(w, Direction::Bidirectional, 5)?;
            write_ping(w)?;
        }
        Ok(())
    });
    // Sixty of each kind in a packet.
    let packets = repeated(2_000, 17_000) as usize;
    for _ in 0..packets {
        duel.send(Level::OneRtt, &many);
        duel.datagrams.clear();
    }
    let answers =
        duel.count(|frame| !matches!(frame, Frame::Ack(_) | Frame::Ping | Frame::Padding { .. }));
    assert!(answers <= packets, "{answers}");
    assert_eq!(duel.connection().close_reason(), None);
    assert!(duel.connection().stats().bytes_in_flight <= 15_000);
}

#[test]
fn handshake_messages_that_wait_for_pacing_have_a_deadline() {
    let settings = Settings {
        certificate: 60_000,
        ..Settings::default()
    };
    let mut duel = Duel::with_server(&settings);
    let parameters = duel.attacker.parameters();
    let hello = duel
        .attacker
        .initial(&Attacker::message(Some(&parameters), 250));
    duel.send_datagram(&hello);
    duel.follow_server_id();
    for _ in 0..2 {
        duel.wait(Duration::from_millis(100));
        let numbers = duel
            .heard
            .iter()
            .filter(|packet| packet.level == Level::Handshake);
        let largest = numbers.map(|packet| packet.number).max().unwrap();
        let ack = frames(|w| write_ack(w, std::iter::once(0..=largest), 0, None).map(|_| ()));
        duel.send(Level::Handshake, &ack);
    }
    let stats = duel.connection().stats();
    assert!(
        stats.bytes_in_flight + 1_200 <= stats.congestion_window,
        "pacing holds it back"
    );
    let now = duel.now;
    let wait = duel.host.next_deadline().unwrap().since(now);
    assert!(wait <= Duration::from_millis(50), "{wait:?}");
}

#[test]
fn large_packet_full_of_small_frames_loses_track_of_none() {
    let mut config = inquic_engine::Config {
        udp_payload: 9_000,
        ..inquic_engine::Config::default()
    };
    config.streams.max_streams_uni = 4_000;
    // What pays for so many, at either end.
    config.streams.connection_window.initial = 8 << 20;
    config.streams.send_buffer = 4 << 20;
    let settings = Settings {
        config,
        ..Settings::default()
    };
    let faults = inquic_sim::Faults::default();
    let mut world = inquic_sim::World::new(1, settings.clone(), settings, faults);
    let (client, server) = world.connected();
    let streams = world.at_client(client).streams().unwrap();
    for _ in 0..4_000 {
        let id = streams
            .open(inquic_wire::Direction::Unidirectional)
            .unwrap();
        streams.finish(id).unwrap();
    }
    world.run_for(Duration::from_secs(1));
    let mut accepted = 0;
    let incoming = world.at_server(server);
    while incoming
        .accept(inquic_wire::Direction::Unidirectional)
        .is_some()
    {
        accepted += 1;
    }
    assert_eq!(accepted, 4_000);
    let alive = world.at_client(client).streams().unwrap().stats().open;
    assert_eq!(alive, 0, "each end was acknowledged");
}

//! 0-RTT across links: accepted, rejected, with other limits than before, and what a server keeps of it.

use inquic_engine::datagram::DatagramError;
use inquic_engine::{CloseReason, Config, Drop, Event, Handle};
use inquic_platform::Duration;
use inquic_sim::{Attacker, Duel, Early, Faults, Settings, World, frames};
use inquic_wire::frame::{write_ping, write_stream};
use inquic_wire::{
    Code, Direction, Frame, Frames, Level, Role, StreamId, TransportParameters, Writer,
};

/// What a server with such settings tells its clients, as a client remembers it.
fn remembered(server: &Settings) -> Vec<u8> {
    let mut world = World::new(99, Settings::default(), server.clone(), Faults::default());
    let (_, server) = world.connected();
    let mut out = [0; 512];
    let len = world.at_server(server).transport_parameters(&mut out);
    out[..len].to_vec()
}

fn accepting() -> Settings {
    Settings {
        early: Early::Accept,
        ..Settings::default()
    }
}

fn with_window(early: Early, window: u64, streams: u64) -> Settings {
    let mut config = Config::default();
    config.streams.stream_window.initial = window;
    config.streams.connection_window.initial = window;
    config.streams.max_streams_bidi = streams;
    Settings {
        config,
        early,
        ..Settings::default()
    }
}

fn with_datagrams(largest: u16) -> Settings {
    let mut settings = accepting();
    settings.config.max_datagram_frame_size = largest;
    settings
}

/// A client that remembers `before`, towards a server with settings `now`.
fn world(seed: u64, before: &Settings, now: Settings, faults: Faults) -> (World, Handle) {
    let client = Settings {
        early: Early::Offer(remembered(before)),
        config: now.config.clone(),
        ..Settings::default()
    };
    let mut world = World::new(seed, client, now, faults);
    let handle = world.client.connect(world.now, world.server.address, &[]);
    (world, handle)
}

fn byte(offset: usize) -> u8 {
    (offset ^ offset >> 8) as u8
}

/// The client sends `size` bytes on a stream from the start; they must arrive once, in order and complete.
fn deliver(world: &mut World, client: Handle, size: usize) -> StreamId {
    let data: Vec<u8> = (0..size).map(byte).collect();
    let id = world
        .at_client(client)
        .open(Direction::Bidirectional)
        .expect("before the handshake is complete");
    let (mut written, mut read) = (0, 0);
    let complete = world.run_until(Duration::from_secs(60), |world| {
        let closed = world
            .at_client(client)
            .close_reason()
            .map(CloseReason::copied);
        assert_eq!(closed, None, "after {:?}", world.now);
        if let Ok(taken) = world.at_client(client).write(id, &data[written..]) {
            written += taken;
            if written == size {
                let _ = world.at_client(client).streams().unwrap().finish(id);
            }
        }
        let Some(&server) = world.server.handles().first() else {
            return false;
        };
        let now = world.now;
        let connection = world.at_server(server);
        connection.accept(Direction::Bidirectional);
        let mut out = [0; 4_096];
        while let Ok(some) = connection.read(now, id, &mut out) {
            for &got in &out[..some.bytes] {
                assert_eq!(got, byte(read));
                read += 1;
            }
            if some.fin {
                assert_eq!(read, size);
                return true;
            }
            if some.bytes == 0 {
                break;
            }
        }
        false
    });
    assert!(complete, "{read} of {size} bytes");
    id
}

#[test]
fn accepted_data_is_answered_after_one_round_trip() {
    let (mut world, client) = world(1, &accepting(), accepting(), Faults::default());
    let begin = world.now;
    assert!(world.at_client(client).is_early());
    let id = deliver(&mut world, client, 3_000);
    assert_eq!(world.now.since(begin), Duration::from_millis(10));
    let server = world.server.handles()[0];
    assert!(world.at_server(server).is_early(), "may be a replay");
    assert_eq!(world.at_server(server).early_data_accepted(), Some(true));
    world.at_server(server).write(id, b"answer").unwrap();
    let mut out = [0; 16];
    assert!(world.run_until(Duration::from_secs(1), |world| {
        let now = world.now;
        let read = world.at_client(client).read(now, id, &mut out);
        read.is_ok_and(|read| read.bytes == 6)
    }));
    assert_eq!(world.now.since(begin), Duration::from_millis(20));
    world.run_for(Duration::from_millis(100));
    assert!(!world.at_server(server).is_early());
    assert!(!world.at_client(client).is_early());
    assert_eq!(world.at_client(client).early_data_accepted(), Some(true));
    assert_eq!(world.at_client(client).stats().packets_lost, 0);
}

#[test]
fn both_ends_are_told_that_data_may_go_early() {
    let (mut world, client) = world(2, &accepting(), accepting(), Faults::default());
    world.run_for(Duration::from_millis(100));
    for events in [world.client.take_events(), world.server.take_events()] {
        let at = |wanted: Event| events.iter().position(|(_, event)| *event == wanted);
        assert!(at(Event::Early).unwrap() < at(Event::Connected).unwrap());
    }
    assert!(world.at_client(client).is_connected());
}

#[test]
fn rejected_data_is_sent_again_and_arrives_once() {
    let (mut world, client) = world(3, &accepting(), Settings::default(), Faults::default());
    deliver(&mut world, client, 5_000);
    assert_eq!(world.at_client(client).early_data_accepted(), Some(false));
    let server = world.server.handles()[0];
    assert_eq!(world.at_server(server).early_data_accepted(), None);
    assert!(
        world
            .server
            .take_events()
            .iter()
            .all(|(_, event)| *event != Event::Early)
    );
}

#[test]
fn data_arrives_once_across_bad_links_accepted_or_rejected() {
    for seed in 10..60 {
        println!("seed {seed}");
        let faults = Faults {
            loss: 150,
            duplication: 50,
            jitter: Duration::from_millis(15),
            ..Faults::default()
        };
        let now = if seed % 2 == 0 {
            accepting()
        } else {
            Settings::default()
        };
        let (mut world, client) = world(seed, &accepting(), now, faults);
        deliver(&mut world, client, 50_000);
    }
}

#[test]
fn retry_does_not_end_early_data() {
    let now = Settings {
        retry: inquic_engine::RetryPolicy::Always,
        ..accepting()
    };
    let (mut world, client) = world(4, &accepting(), now, Faults::default());
    let begin = world.now;
    deliver(&mut world, client, 2_000);
    assert_eq!(world.now.since(begin), Duration::from_millis(30));
    world.run_for(Duration::from_millis(100));
    assert_eq!(world.at_client(client).early_data_accepted(), Some(true));
}

#[test]
fn accepted_with_smaller_limits_is_an_offence_of_the_server() {
    for (before, now) in [
        (
            with_window(Early::Accept, 50_000, 10),
            with_window(Early::Accept, 49_999, 10),
        ),
        (
            with_window(Early::Accept, 50_000, 10),
            with_window(Early::Accept, 50_000, 9),
        ),
        (with_datagrams(1_200), with_datagrams(1_199)),
    ] {
        let (mut world, client) = world(5, &before, now, Faults::default());
        world.run_for(Duration::from_millis(100));
        let reason = world
            .client
            .take_events()
            .contains(&(client, Event::Closed));
        assert!(reason, "the client has closed");
        let Some(CloseReason::Transport(error)) = world
            .client
            .get(client)
            .and_then(|connection| connection.close_reason().map(CloseReason::copied))
        else {
            panic!("closed by the client")
        };
        assert_eq!(error.code, Code::ProtocolViolation);
    }
}

#[test]
fn accepted_with_larger_limits_goes_on_with_those() {
    let before = with_window(Early::Accept, 2_000, 10);
    let (mut world, client) = world(6, &before, accepting(), Faults::default());
    deliver(&mut world, client, 100_000);
    world.run_for(Duration::from_millis(100));
    assert_eq!(world.at_client(client).early_data_accepted(), Some(true));
}

#[test]
fn rejected_with_smaller_windows_keeps_to_those() {
    let before = with_window(Early::Accept, 50_000, 10);
    let now = with_window(Early::Off, 1_500, 10);
    let (mut world, client) = world(7, &before, now, Faults::default());
    deliver(&mut world, client, 40_000);
    let server = world.server.handles()[0];
    assert_eq!(world.at_server(server).close_reason(), None);
}

#[test]
fn rejected_with_fewer_streams_than_are_open_ends_the_connection() {
    let before = with_window(Early::Accept, 50_000, 3);
    let now = with_window(Early::Off, 50_000, 2);
    let (mut world, client) = world(8, &before, now, Faults::default());
    for _ in 0..3 {
        let id = world
            .at_client(client)
            .open(Direction::Bidirectional)
            .unwrap();
        world.at_client(client).write(id, b"x").unwrap();
    }
    world.run_for(Duration::from_millis(50));
    let connection = world.client.get(client).unwrap();
    assert!(matches!(
        connection.close_reason(),
        Some(CloseReason::Application { code: 0, .. })
    ));
}

#[test]
fn rejected_streams_that_were_reset_or_finished_come_to_the_same_end() {
    let (mut world, client) = world(9, &accepting(), Settings::default(), Faults::default());
    let connection = world.at_client(client);
    let reset = connection.open(Direction::Unidirectional).unwrap();
    connection.write(reset, b"gone").unwrap();
    let empty = connection.open(Direction::Unidirectional).unwrap();
    connection.streams().unwrap().finish(empty).unwrap();
    world.flush();
    let connection = world.at_client(client);
    connection.streams().unwrap().reset(reset, 7).unwrap();
    world.run_for(Duration::from_millis(200));
    let server = world.server.handles()[0];
    let now = world.now;
    let connection = world.at_server(server);
    while connection.accept(Direction::Unidirectional).is_some() {}
    let mut out = [0; 16];
    assert_eq!(
        connection.read(now, reset, &mut out),
        Err(inquic_engine::stream::ReadError::Reset(7))
    );
    assert!(connection.read(now, empty, &mut out).unwrap().fin);
    assert!(world.at_client(client).is_flushed());
}

#[test]
fn datagrams_go_early_and_a_rejection_loses_them() {
    for (accept, arrive) in [(true, 1), (false, 0)] {
        let mut before = accepting();
        before.config.max_datagram_frame_size = 1_200;
        let mut now = before.clone();
        if !accept {
            now.early = Early::Off;
        }
        let (mut world, client) = world(10, &before, now, Faults::default());
        let most = world.at_client(client).max_datagram_size().unwrap();
        let connection = world.at_client(client);
        let too_large = connection.send_datagram(&vec![1; most + 1], false);
        assert_eq!(too_large, Err(DatagramError::TooLarge(most)));
        connection.send_datagram(&vec![1; most], false).unwrap();
        world.run_for(Duration::from_millis(500));
        let server = world.server.handles()[0];
        let stats = world.at_server(server).stats().datagrams;
        assert_eq!(stats.received, arrive);
    }
}

#[test]
fn an_early_answer_keeps_to_three_times_what_came() {
    let (mut world, client) = world(11, &accepting(), accepting(), Faults::default());
    let id = deliver(&mut world, client, 10);
    let server = world.server.handles()[0];
    let connection = world.at_server(server);
    while connection.write(id, &[7; 10_000]).is_ok() {}
    world.flush();
    let stats = world.at_server(server).stats();
    assert!(stats.bytes_sent > 2_000, "{}", stats.bytes_sent);
    assert!(stats.bytes_sent <= 3 * stats.bytes_received);
}

#[test]
fn what_was_sent_early_is_not_flushed_before_it_arrived() {
    let (mut world, client) = world(12, &accepting(), accepting(), Faults::default());
    assert!(world.at_client(client).awaits_early());
    let id = world
        .at_client(client)
        .open(Direction::Unidirectional)
        .unwrap();
    world.at_client(client).write(id, b"x").unwrap();
    assert!(!world.at_client(client).is_flushed());
}

/// A server that accepts 0-RTT, after the hello of an attacker that offers it.
fn offered() -> Duel {
    let mut duel = Duel::with_server(&accepting());
    let mut hello = Attacker::message(Some(&duel.attacker.parameters()), 250);
    // The flag of an offer, behind the type, the offset and the length of the CRYPTO frame.
    hello[4] |= 0x80;
    let initial = duel.attacker.initial(&hello);
    duel.send_datagram(&initial);
    duel
}

fn stream_frame() -> Vec<u8> {
    frames(|w| {
        let id = StreamId::from_u64(0).unwrap();
        write_stream(w, id, 0, 4, false, false).map(|place| place.copy_from_slice(b"data"))
    })
}

#[test]
fn frames_that_0_rtt_may_not_carry_are_an_offence() {
    for payload in [
        &[0x02, 0, 0, 0, 0][..],
        &[0x06, 0, 0],
        &[0x07, 1, 9],
        &[0x19, 0],
        &[0x1b, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0x1e],
    ] {
        let mut duel = offered();
        duel.send(Level::ZeroRtt, payload);
        assert_eq!(duel.offence(), Some(Code::ProtocolViolation), "{payload:?}");
    }
    let mut duel = offered();
    duel.send(Level::ZeroRtt, &stream_frame());
    assert_eq!(duel.offence(), None);
    assert!(duel.connection().accept(Direction::Bidirectional).is_some());
}

#[test]
fn the_same_packet_twice_counts_once() {
    let mut duel = offered();
    let packet = duel.attacker.packet(Level::ZeroRtt, &stream_frame());
    for _ in 0..100 {
        duel.send_datagram(&packet);
    }
    assert_eq!(duel.connection().stats().drops.of(Drop::Duplicate), 99);
}

#[test]
fn a_server_that_was_not_asked_keeps_no_0_rtt_packet() {
    let mut duel = Duel::with_server(&accepting());
    let hello = Attacker::message(Some(&duel.attacker.parameters()), 250);
    let initial = duel.attacker.initial(&hello);
    duel.send_datagram(&initial);
    for _ in 0..100 {
        duel.send(Level::ZeroRtt, &stream_frame());
    }
    assert_eq!(duel.connection().stats().drops.of(Drop::KeysDiscarded), 100);
    assert_eq!(duel.connection().accept(Direction::Bidirectional), None);
}

/// Row 40: 0-RTT before the hello is whole.
#[test]
fn one_0_rtt_packet_of_a_stranger_is_kept_until_the_hello_is_whole() {
    let mut duel = Duel::with_server(&accepting());
    let mut hello = Attacker::message(Some(&duel.attacker.parameters()), 250);
    hello[4] |= 0x80;
    let Some(Ok(Frame::Crypto { data, .. })) =
        Frames::new(&hello, Level::Initial, Role::Server).next()
    else {
        panic!("a CRYPTO frame")
    };
    let crypto = |offset: usize, data: &[u8]| {
        frames(|w| {
            inquic_wire::frame::write_crypto(w, offset as u64, data.len())?.copy_from_slice(data);
            Ok(())
        })
    };
    let first = duel.attacker.initial(&crypto(0, &data[..100]));
    duel.send_datagram(&first);
    for _ in 0..100_000 {
        duel.send(Level::ZeroRtt, &frames(write_ping));
    }
    assert_eq!(duel.connection().stats().drops.of(Drop::NoKeys), 99_999);
    let rest = duel.attacker.initial(&crypto(100, &data[100..]));
    duel.send_datagram(&rest);
    assert_eq!(duel.connection().stats().packets_received, 3);
}

#[test]
fn a_server_forgets_the_keys_soon_after_the_handshake() {
    let mut duel = offered();
    duel.follow_server_id();
    duel.send(Level::Handshake, &Attacker::message(None, 36));
    assert!(duel.connection().is_connected());
    duel.send(Level::ZeroRtt, &frames(write_ping));
    assert_eq!(duel.connection().stats().drops.total(), 0, "a late one");
    duel.wait(Duration::from_secs(5));
    duel.send(Level::ZeroRtt, &frames(write_ping));
    assert_eq!(duel.connection().stats().drops.of(Drop::KeysDiscarded), 1);
}

#[test]
fn a_client_takes_no_0_rtt_packet() {
    let mut duel = Duel::with_client(&Settings::default());
    duel.send(Level::ZeroRtt, &frames(write_ping));
    assert_eq!(duel.connection().stats().drops.of(Drop::Unexpected), 1);
}

#[test]
fn remembered_parameters_that_are_none_leave_the_connection_as_it_was() {
    let mut world = World::plain(13);
    let client = world.client.connect(world.now, world.server.address, &[]);
    let connection = world.at_client(client);
    assert!(connection.begin_early_data(&[0x04, 0x09]).is_err());
    let mut buffer = [0; 64];
    let mut writer = Writer::new(&mut buffer);
    TransportParameters::default().encode(&mut writer).unwrap();
    let empty = writer.written().to_vec();
    assert!(connection.begin_early_data(&empty).is_ok());
    assert!(connection.begin_early_data(&empty).is_err(), "once");
    assert!(!connection.is_early(), "no keys yet");
    assert!(connection.open(Direction::Bidirectional).is_err());
}

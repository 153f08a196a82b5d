//! What a peer and an application together can make a working connection hold.

use inquic_engine::limits::working_bytes;
use inquic_engine::stream::Window;
use inquic_engine::stream::limits::{SEND_BUFFER, streams_at_once};
use inquic_platform::Duration;
use inquic_sim::{Attacker, Duel, Settings, frames};
use inquic_wire::frame::{write_crypto, write_stream};
use inquic_wire::{Direction, Level, Role, StreamId};

use crate::allocator::held;

fn settings(window: u64, send_buffer: usize) -> Settings {
    let mut settings = Settings::default();
    let streams = &mut settings.config.streams;
    streams.connection_window = Window {
        initial: window,
        ceiling: window,
    };
    streams.stream_window = streams.connection_window;
    streams.send_buffer = send_buffer;
    streams.stream_send_buffer = send_buffer;
    settings
}

/// The peer opens all streams that it may, of both types, and sends pieces of `piece` bytes on each with as many missing between
/// them, as far as the window goes. Nobody reads.
fn scatter(duel: &mut Duel, window: u64, piece: u64) {
    let most = duel.connection().config().streams;
    let counts = streams_at_once(window, [most.max_streams_bidi, most.max_streams_uni]);
    let streams: Vec<StreamId> = Direction::ALL
        .into_iter()
        .zip(counts)
        .flat_map(|(direction, count)| {
            (0..count).filter_map(move |index| StreamId::new(Role::Client, direction, index))
        })
        .collect();
    let share = window / streams.len() as u64;
    let mut offset = 1;
    while offset + piece <= share {
        for few in streams.chunks((1_000 / (piece as usize + 8)).max(1)) {
            let packet = frames(|writer| {
                for id in few {
                    let place = write_stream(writer, *id, offset, piece as usize, false, false)?;
                    place.fill(1);
                }
                Ok(())
            });
            duel.send(Level::OneRtt, &packet);
            duel.datagrams.clear();
            duel.heard.clear();
        }
        offset += 2 * piece;
    }
}

/// The application opens streams until it may open no more, and writes on them until nothing is taken.
fn write_all(duel: &mut Duel) {
    let connection = duel.connection();
    let mut streams = Vec::new();
    while let Ok(id) = connection.open(Direction::Unidirectional) {
        streams.push(id);
    }
    assert!(!streams.is_empty());
    for id in streams {
        while connection.write(id, &[1; 1_000]).is_ok() {}
    }
    duel.flush();
}

/// The peer sends as many handshake messages as are kept, all behind a hole, so that TLS takes none.
fn messages_behind_a_hole(duel: &mut Duel) {
    for piece in 0..65 {
        let packet = frames(|writer| {
            write_crypto(writer, 1 + piece * 1_000, 1_000)?.fill(1);
            Ok(())
        });
        duel.send(Level::OneRtt, &packet);
    }
}

/// What is sent besides data on streams.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Messages {
    None,
    Before,
    After,
}

/// What a connection holds whose peer and whose application use all that they were promised; `None` when the peer was sent away.
fn held_at_most(window: u64, send_buffer: usize, piece: u64, messages: Messages) -> Option<isize> {
    let duel = Duel::with_open_server(&settings(window, send_buffer));
    let mut parameters = duel.attacker.parameters();
    parameters.initial_max_streams_uni = 1 << 20;
    parameters.initial_max_data = 1 << 40;
    parameters.initial_max_stream_data_uni = 1 << 40;
    let mut duel = duel.connected_with(&parameters);
    if messages == Messages::Before {
        messages_behind_a_hole(&mut duel);
    }
    scatter(&mut duel, window, piece);
    if messages == Messages::After {
        messages_behind_a_hole(&mut duel);
    }
    if !duel.connection().is_connected() {
        return None;
    }
    write_all(&mut duel);
    duel.datagrams = Vec::new();
    duel.heard = Vec::new();
    let full = held() - duel.host.hello_bytes() as isize;
    let handle = duel.handle.unwrap();
    duel.host.forget(handle);
    // What comes back when it is gone is what it held.
    Some(full - held())
}

/// Rows 26 and 30 of the table of attacks.
#[test]
fn scattered_data_on_all_streams_and_a_full_send_buffer_are_held_in_what_was_promised() {
    for (window, send_buffer) in [(2_000, 5_000), (384 << 10, SEND_BUFFER), (1 << 20, 100_000)] {
        let promised = working_bytes(window, send_buffer) as isize;
        for piece in [1, 40, 600] {
            for messages in [Messages::None, Messages::Before, Messages::After] {
                let Some(held) = held_at_most(window, send_buffer, piece, messages) else {
                    // Too many pieces that are too small: the peer was sent away.
                    continue;
                };
                assert!(
                    held <= promised,
                    "{held} bytes of {promised} for a window of {window} and {send_buffer}, pieces of {piece}, messages {messages:?}"
                );
                assert!(
                    held > send_buffer as isize / 2,
                    "{held} bytes: this counts too little"
                );
            }
        }
    }
}

#[test]
fn handshake_messages_after_the_handshake_take_no_more_than_the_window_pays_for() {
    for (window, most) in [(2_000, 9_440), (384 << 10, 69_632)] {
        let mut held = [0; 2];
        for (held, sends) in held.iter_mut().zip([false, true]) {
            let mut duel = Duel::with_open_server(&settings(window, 5_000)).connected();
            if sends {
                messages_behind_a_hole(&mut duel);
            }
            assert_eq!(duel.connection().close_reason(), None);
            *held = duel.connection().audit().charged;
        }
        let [without, with] = held;
        assert!(with - without > most / 2, "{with} {without}");
        assert!(with - without <= most, "{with} {without}");
    }
}

/// What a connection holds after a handshake in which the client sent so many pieces of messages behind a hole.
fn held_after_pieces(pieces: u64) -> isize {
    let mut duel = Duel::with_open_server(&Settings::default());
    let parameters = duel.attacker.parameters();
    let hello = Attacker::message(Some(&parameters), 250);
    let initial = duel.attacker.initial(&hello);
    duel.send_datagram(&initial);
    duel.follow_server_id();
    let before = held();
    for piece in 1..=pieces {
        let packet = frames(|writer| {
            write_crypto(writer, piece * 1_000, 900)?.fill(1);
            Ok(())
        });
        duel.send(Level::Handshake, &packet);
    }
    duel.datagrams = Vec::new();
    duel.heard = Vec::new();
    let waiting = held() - before;
    assert!(
        waiting >= 900 * pieces as isize - 5_000,
        "{waiting}: they are kept"
    );
    duel.send(Level::Handshake, &Attacker::message(None, 36));
    assert!(duel.connection().is_connected());
    duel.wait(Duration::from_millis(100));
    duel.datagrams = Vec::new();
    duel.heard = Vec::new();
    let full = held() - duel.host.hello_bytes() as isize;
    let handle = duel.handle.unwrap();
    duel.host.forget(handle);
    full - held()
}

#[test]
fn handshake_messages_behind_a_hole_are_given_back_when_the_handshake_is_over() {
    let (without, with) = (held_after_pieces(0), held_after_pieces(50));
    assert!(
        with <= without + 2_048,
        "{with} bytes, and {without} without the pieces"
    );
}

//! Flow control as the sender keeps to it.

use inquic_platform::Duration;
use inquic_sim::{Duel, Settings, frames};
use inquic_wire::frame::{write_max_data, write_max_stream_data, write_max_streams};
use inquic_wire::{Direction, Frame, Level, Role, StreamId};

use crate::common::{acknowledge, frames_of};

/// A server whose peer lets it send 4,000 bytes in all, 3,000 on a stream, on two streams.
fn constrained() -> Duel {
    let duel = Duel::with_server(&Settings::default());
    let mut parameters = duel.attacker.parameters();
    parameters.initial_max_data = 4_000;
    parameters.initial_max_stream_data_uni = 3_000;
    parameters.initial_max_streams_uni = 2;
    duel.connected_with(&parameters)
}

/// The end of what was heard of each stream.
fn ends(duel: &Duel) -> Vec<(StreamId, u64)> {
    let mut ends: Vec<(StreamId, u64)> = Vec::new();
    for packet in &duel.heard {
        for frame in frames_of(packet, Role::Server) {
            let Frame::Stream {
                id, offset, data, ..
            } = frame
            else {
                continue;
            };
            let end = offset + data.len() as u64;
            match ends.iter_mut().find(|(known, _)| *known == id) {
                Some((_, known)) => *known = end.max(*known),
                None => ends.push((id, end)),
            }
        }
    }
    ends
}

fn run(duel: &mut Duel) {
    duel.flush();
    duel.wait(Duration::from_millis(200));
    acknowledge(duel, Level::OneRtt);
    duel.wait(Duration::from_millis(200));
}

#[test]
fn limits_that_do_not_grow_are_ignored() {
    let mut duel = constrained();
    let id = duel.connection().open(Direction::Unidirectional).unwrap();
    duel.connection().write(id, &[1; 10_000]).unwrap();
    let smaller = frames(|w| {
        write_max_data(w, 1_000)?;
        write_max_stream_data(w, id, 500)?;
        write_max_streams(w, Direction::Unidirectional, 1)
    });
    duel.send(Level::OneRtt, &smaller);
    run(&mut duel);
    assert_eq!(ends(&duel), [(id, 3_000)], "as if they had not come");
    let second = duel.connection().open(Direction::Unidirectional);
    assert!(second.is_ok(), "two streams, as was said first");
    assert!(duel.connection().open(Direction::Unidirectional).is_err());
    assert_eq!(duel.connection().close_reason(), None);
}

#[test]
fn neither_limit_of_the_peer_is_passed_by_a_byte() {
    let mut duel = constrained();
    let streams = [(); 2].map(|()| {
        let id = duel.connection().open(Direction::Unidirectional).unwrap();
        duel.connection().write(id, &[1; 10_000]).unwrap();
        id
    });
    run(&mut duel);
    let sent = ends(&duel);
    let all: u64 = sent.iter().map(|(_, end)| end).sum();
    assert_eq!(all, 4_000);
    assert!(sent.iter().all(|(_, end)| *end <= 3_000));
    duel.send(Level::OneRtt, &frames(|w| write_max_data(w, 20_000)));
    run(&mut duel);
    let mut expected = streams.map(|id| (id, 3_000));
    expected.sort_unstable();
    let mut sent = ends(&duel);
    sent.sort_unstable();
    assert_eq!(sent, expected);
}

#[test]
fn nothing_is_sent_past_the_end_that_was_told() {
    let mut duel = constrained();
    let id = duel.connection().open(Direction::Unidirectional).unwrap();
    duel.connection().write(id, &[1; 100]).unwrap();
    duel.connection().streams().unwrap().finish(id).unwrap();
    run(&mut duel);
    assert!(duel.connection().write(id, &[1; 100]).is_err());
    run(&mut duel);
    assert_eq!(ends(&duel), [(id, 100)]);
}

use inquic_wire::{Role, TransportParameters};

use super::helper::*;
use crate::stream::{Config, Streams};

/// The streams whose data is in each of the next packets.
fn turns(streams: &mut Streams, packets: usize) -> Vec<Vec<u64>> {
    (0..packets)
        .map(|_| {
            packet(streams, 1_200)
                .frames
                .iter()
                .map(|frame| match frame {
                    Out::Stream { id, .. } => *id,
                    other => panic!("{other:?}"),
                })
                .collect()
        })
        .collect()
}

#[test]
fn equal_streams_take_turns_by_packet() {
    let mut client = client();
    for _ in 0..3 {
        let id = client.open(UNI).unwrap();
        client.write(id, &[0; 5_000]).unwrap();
    }
    assert_eq!(turns(&mut client, 6), [[2], [6], [10], [2], [6], [10]]);
}

#[test]
fn higher_priority_goes_first() {
    let mut client = client();
    for priority in [0, 5, -1] {
        let id = client.open(UNI).unwrap();
        client.set_priority(id, priority).unwrap();
        client.write(id, &[0; 1_300]).unwrap();
    }
    assert_eq!(
        turns(&mut client, 4),
        [vec![6], vec![6, 2], vec![2, 10], vec![10]]
    );
}

#[test]
fn a_priority_that_changes_takes_effect_at_once() {
    let mut client = client();
    for _ in 0..2 {
        let id = client.open(UNI).unwrap();
        client.write(id, &[0; 5_000]).unwrap();
    }
    assert_eq!(turns(&mut client, 1), [[2]]);
    client.set_priority(id(2), 1).unwrap();
    assert_eq!(turns(&mut client, 2), [[2], [2]]);
}

#[test]
fn short_streams_share_a_packet() {
    let mut client = client();
    for _ in 0..4 {
        let id = client.open(UNI).unwrap();
        client.write(id, &[0; 100]).unwrap();
        client.finish(id).unwrap();
    }
    assert_eq!(turns(&mut client, 1), [[2, 6, 10, 14]]);
}

#[test]
fn a_blocked_stream_is_passed_over() {
    let mut client = Streams::new(&Config::new(Role::Client));
    client.set_peer_parameters(&TransportParameters {
        initial_max_stream_data_uni: 0,
        ..generous()
    });
    let (blocked, free) = (client.open(UNI).unwrap(), client.open(BIDI).unwrap());
    client.set_priority(blocked, 9).unwrap();
    client.write(blocked, &[0; 100]).unwrap();
    client.write(free, &[0; 5_000]).unwrap();
    let first = packet(&mut client, 1_200);
    assert_eq!(first.frames[0], Out::StreamDataBlocked { id: 2, limit: 0 });
    assert_eq!(turns(&mut client, 2), [[0], [0]]);
}

#[test]
fn lost_data_goes_before_new_data_of_the_same_priority_and_after_that_of_a_higher() {
    let mut client = client();
    let (a, b, c) = (
        client.open(UNI).unwrap(),
        client.open(UNI).unwrap(),
        client.open(UNI).unwrap(),
    );
    client.write(a, &[0; 100]).unwrap();
    let lost = packet(&mut client, 1_200);
    client.set_priority(c, 1).unwrap();
    client.write(b, &[0; 5_000]).unwrap();
    client.write(c, &[0; 1_000]).unwrap();
    lose(&mut client, &lost.sent);
    assert_eq!(turns(&mut client, 2), [vec![10, 2, 6], vec![6]]);
}

#[test]
fn a_fragment_too_small_to_be_worth_it_waits_for_the_next_packet() {
    let mut client = client();
    let (a, b) = (client.open(UNI).unwrap(), client.open(UNI).unwrap());
    client.write(a, &[0; 1_170]).unwrap();
    client.write(b, &[0; 1_000]).unwrap();
    assert_eq!(turns(&mut client, 2), [[2], [6]]);
}

//! What a ring keeps, and where its bounds are.

use alloc::vec::Vec;

use inquic_platform::Instant;
use inquic_wire::frame::{
    EcnCounts, write_ack, write_connection_close, write_new_connection_id, write_ping,
};
use inquic_wire::{Code, ConnectionId, Level, Role, Writer};

use super::ring::Ring;
use super::{Record, Seen, What};
use crate::limits;

fn taken(ring: &mut Ring) -> Vec<What> {
    core::iter::from_fn(|| ring.take())
        .map(|Record { what, .. }| what)
        .collect()
}

fn frames_of(payload: &[u8], exponent: u8) -> Vec<What> {
    let mut ring = Ring::new(Instant::ZERO).unwrap();
    ring.push_frames(Level::OneRtt, Role::Client, exponent, payload);
    taken(&mut ring)
}

#[test]
fn records_come_out_in_order_with_their_moments() {
    let mut ring = Ring::new(Instant::from_nanos(1)).unwrap();
    ring.push(What::Complete);
    ring.at(Instant::from_nanos(2));
    ring.push(What::Confirmed);
    let record = |at, what| Record {
        at: Instant::from_nanos(at),
        what,
    };
    assert_eq!(ring.take(), Some(record(1, What::Complete)));
    assert_eq!(ring.take(), Some(record(2, What::Confirmed)));
    assert_eq!(ring.take(), None);
}

#[test]
fn moments_of_records_never_go_back() {
    let mut ring = Ring::new(Instant::from_nanos(5)).unwrap();
    ring.at(Instant::from_nanos(3));
    ring.push(What::Complete);
    assert_eq!(ring.take().unwrap().at, Instant::from_nanos(5));
}

#[test]
fn full_ring_leaves_out_what_is_new_and_counts_it() {
    let mut ring = Ring::new(Instant::ZERO).unwrap();
    ring.push(What::Complete);
    for _ in 1..limits::TRACE_RECORDS {
        ring.push(What::Reduced);
    }
    assert_eq!(ring.take_missed(), 0);
    ring.push(What::Confirmed);
    assert_eq!(ring.take_missed(), 1);
    assert_eq!(ring.take_missed(), 0);
    let taken = taken(&mut ring);
    assert_eq!(taken.len(), limits::TRACE_RECORDS);
    assert_eq!(taken.first(), Some(&What::Complete));
    assert_eq!(taken.last(), Some(&What::Reduced));
}

#[test]
fn frames_beyond_the_bound_of_a_packet_are_left_out() {
    let mut payload = [1; limits::TRACE_FRAMES];
    let whole = frames_of(&payload, 0);
    assert_eq!(whole, [What::Frame(Seen::Ping); limits::TRACE_FRAMES]);
    let mut longer = [1; limits::TRACE_FRAMES + 1];
    let cut = frames_of(&longer, 0);
    assert_eq!(cut.len(), limits::TRACE_FRAMES + 1);
    assert_eq!(cut.last(), Some(&What::FramesLeftOut));
    // The ranges of an ACK count as frames.
    payload.fill(1);
    longer.fill(1);
    let ranges: Vec<_> = (0..limits::TRACE_FRAMES as u64)
        .rev()
        .map(|at| 3 * at..=3 * at)
        .collect();
    let mut bytes = [0; 1_200];
    let mut writer = Writer::new(&mut bytes);
    write_ack(&mut writer, ranges.into_iter(), 0, None).unwrap();
    let end = writer.position();
    let cut = frames_of(&bytes[..end], 0);
    assert_eq!(cut.len(), limits::TRACE_FRAMES + 1);
    assert_eq!(cut.last(), Some(&What::FramesLeftOut));
}

#[test]
fn acknowledgement_is_noted_with_its_ranges_and_counts() {
    let mut bytes = [0; 100];
    let mut writer = Writer::new(&mut bytes);
    let counts = EcnCounts {
        ect0: 7,
        ect1: 0,
        ce: 1,
    };
    write_ack(&mut writer, [8..=9, 1..=4].into_iter(), 5, Some(counts)).unwrap();
    let end = writer.position();
    assert_eq!(
        frames_of(&bytes[..end], 3),
        [
            What::Frame(Seen::Ack(40)),
            What::Frame(Seen::AckRange {
                smallest: 8,
                largest: 9
            }),
            What::Frame(Seen::AckRange {
                smallest: 1,
                largest: 4
            }),
            What::Frame(Seen::AckEcn(counts)),
        ]
    );
}

#[test]
fn delay_of_an_acknowledgement_saturates() {
    let mut bytes = [0; 100];
    let mut writer = Writer::new(&mut bytes);
    write_ack(&mut writer, [0..=0].into_iter(), (1 << 62) - 1, None).unwrap();
    let end = writer.position();
    let noted = frames_of(&bytes[..end], 255);
    assert_eq!(noted.first(), Some(&What::Frame(Seen::Ack(u64::MAX))));
}

#[test]
fn reset_tokens_and_reasons_are_not_noted() {
    let mut bytes = [0; 200];
    let mut writer = Writer::new(&mut bytes);
    let id = ConnectionId::new(&[7; 8]).unwrap();
    write_new_connection_id(&mut writer, 3, 1, &id, &[0xaa; 16]).unwrap();
    write_connection_close(&mut writer, Code::NoError, 6, b"a reason").unwrap();
    write_ping(&mut writer).unwrap();
    let end = writer.position();
    assert_eq!(
        frames_of(&bytes[..end], 0),
        [
            What::Frame(Seen::NewConnectionId {
                sequence: 3,
                retire_prior_to: 1,
                id
            }),
            What::Frame(Seen::ConnectionClose {
                code: Code::NoError,
                frame_type: 6
            }),
            What::Frame(Seen::Ping),
        ]
    );
}

#[test]
fn what_is_no_frame_ends_the_list() {
    // PING, then a type that nobody knows.
    assert_eq!(frames_of(&[1, 0x3f, 1], 0), [What::Frame(Seen::Ping)]);
}

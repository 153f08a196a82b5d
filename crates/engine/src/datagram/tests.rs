//! The queues of datagrams at their bounds, and what is told of them.

use alloc::vec;
use alloc::vec::Vec;

use inquic_wire::{Code, Frame, Frames, Level, Role, Writer};

use super::*;

/// Takes frames of any size, to a peer that does the same.
fn open() -> Datagrams {
    let mut datagrams = Datagrams::new(u16::MAX);
    datagrams.set_peer_limit(65_535);
    datagrams
}

/// The datagrams written into a packet with `room` bytes, and what was recorded.
fn packet(datagrams: &mut Datagrams, room: usize) -> (Vec<Vec<u8>>, Vec<SentFrame>) {
    let mut buffer = vec![0xee; room];
    let mut sent = Vec::new();
    let mut writer = Writer::new(&mut buffer);
    datagrams.write_frames(room - 1, &mut writer, &mut |frame| {
        sent.push(frame);
        true
    });
    let written = Frames::new(writer.written(), Level::OneRtt, Role::Client)
        .filter_map(|frame| match frame {
            Ok(Frame::Datagram { data, .. }) => Some(data.to_vec()),
            _ => None,
        })
        .collect();
    (written, sent)
}

#[test]
fn datagrams_are_taken_whole_and_in_order() {
    let mut datagrams = open();
    for data in [&b"one"[..], b"", b"three"] {
        datagrams.on_datagram(1, data, true).unwrap();
    }
    assert_eq!(datagrams.next_event(), Some(DatagramEvent::Received));
    assert_eq!(datagrams.next_event(), None);
    let mut out = [0; 8];
    assert_eq!(datagrams.take(&mut out), Some(3));
    assert_eq!(&out[..3], b"one");
    assert_eq!(datagrams.front(), Some(0));
    assert_eq!(datagrams.take(&mut out), Some(0));
    assert_eq!(datagrams.take(&mut out[..2]), Some(2), "the rest is lost");
    assert_eq!(datagrams.take(&mut out), None);
}

#[test]
fn datagram_without_support_is_an_offence() {
    let mut datagrams = Datagrams::new(0);
    let error = datagrams.on_datagram(1, b"", false).unwrap_err();
    assert_eq!(error.code, Code::ProtocolViolation);
}

#[test]
fn datagram_larger_than_we_take_is_an_offence() {
    let mut datagrams = Datagrams::new(100);
    // A type, a length of two bytes, and 97 bytes are 100.
    assert_eq!(datagrams.on_datagram(1, &[0; 97], true), Ok(()));
    assert_eq!(datagrams.on_datagram(1, &[0; 99], false), Ok(()));
    for (len, has_len) in [(98, true), (100, false)] {
        let error = datagrams
            .on_datagram(1, &vec![0; len], has_len)
            .unwrap_err();
        assert_eq!(error.code, Code::ProtocolViolation);
    }
}

#[test]
fn receive_queue_is_met_exactly_and_then_the_oldest_goes() {
    let mut datagrams = open();
    let each = limits::DATAGRAM_QUEUE / 64 - 10;
    for index in 0..64_u8 {
        datagrams.on_datagram(1, &vec![index; each], true).unwrap();
    }
    assert_eq!(datagrams.stats().dropped, 0);
    datagrams.on_datagram(1, b"", true).unwrap();
    assert_eq!(datagrams.stats().dropped, 1);
    let mut out = vec![0; each];
    datagrams.take(&mut out);
    assert_eq!(out[0], 1, "the first one is gone");
}

/// Row 36: DATAGRAM flood, the application does not read.
#[test]
fn flood_holds_64_kib_and_no_more() {
    let mut datagrams = open();
    for index in 0..1_000_000_usize {
        let data = [0x5a; 40];
        datagrams.on_datagram(1, &data[..index % 40], true).unwrap();
        assert!(datagrams.allocated_bytes() <= 64 * 1024);
    }
    let stats = datagrams.stats();
    assert_eq!(stats.received, 1_000_000);
    let mut kept = 0;
    while datagrams.take(&mut [0; 40]).is_some() {
        kept += 1;
    }
    assert_eq!(stats.dropped + kept, 1_000_000);
}

#[test]
fn send_queue_is_met_exactly_and_then_blocks_until_there_is_room() {
    let mut datagrams = open();
    let data = vec![1; limits::DATAGRAM_QUEUE / 64 - 10];
    for _ in 0..64 {
        assert_eq!(datagrams.send(&data, Some(2_000), false), Ok(None));
    }
    let blocked = datagrams.send(b"", Some(2_000), false);
    assert_eq!(blocked, Err(DatagramError::Blocked));
    assert_eq!(datagrams.next_event(), None);
    let (written, _) = packet(&mut datagrams, 1_100);
    assert_eq!(written, [data]);
    assert_eq!(datagrams.next_event(), Some(DatagramEvent::Room));
    assert_eq!(datagrams.send(b"", Some(2_000), false), Ok(None));
    assert!(datagrams.allocated_bytes() <= limits::DATAGRAM_QUEUE);
}

#[test]
fn largest_datagram_of_the_peer_fits_its_limit_with_a_length() {
    for (theirs, most) in [
        (0, None),
        (1, None),
        (2, Some(0)),
        (64, Some(62)),
        (66, Some(63)),
        (67, Some(64)),
        (1_200, Some(1_197)),
        (65_535, Some(limits::TRANSMIT_BYTES)),
        (u64::MAX >> 2, Some(limits::TRANSMIT_BYTES)),
    ] {
        let mut datagrams = Datagrams::new(0);
        datagrams.set_peer_limit(theirs);
        assert_eq!(datagrams.peer_limit(), most, "{theirs}");
        let frame = most.map_or(0, |len| 1 + varint_len(len as u64) + len);
        assert!(frame as u64 <= theirs);
    }
}

#[test]
fn datagram_too_large_is_refused_with_the_size_that_is_not() {
    let mut datagrams = open();
    let error = datagrams.send(&[0; 101], Some(100), false);
    assert_eq!(error, Err(DatagramError::TooLarge(100)));
    let error = datagrams.send(b"", None, false);
    assert_eq!(error, Err(DatagramError::Unsupported));
    assert_eq!(datagrams.send(&[0; 100], Some(100), false), Ok(None));
}

#[test]
fn datagram_that_just_fits_fills_its_packet_without_a_length() {
    // Room for the type and no length, for one spare byte, for a short length.
    for room in [100, 101, 102] {
        let mut datagrams = open();
        datagrams.send(&[7; 99], Some(99), false).unwrap();
        let mut buffer = vec![0xee; room];
        let mut writer = Writer::new(&mut buffer);
        datagrams.write_frames(99, &mut writer, &mut |_| true);
        assert_eq!(writer.remaining(), 0, "nothing can come behind it");
        let payload = writer.written().to_vec();
        let last = Frames::new(&payload, Level::OneRtt, Role::Client).last();
        let Some(Ok(Frame::Datagram { data, .. })) = last else {
            panic!("a datagram")
        };
        assert_eq!(data, [7; 99]);
    }
}

#[test]
fn datagram_that_a_smaller_path_cannot_carry_is_lost_and_not_in_the_way() {
    let mut datagrams = open();
    let number = datagrams.send(&[1; 1_300], Some(1_400), true).unwrap();
    datagrams.send(&[2; 100], Some(1_400), false).unwrap();
    let (written, _) = packet(&mut datagrams, 1_200);
    assert_eq!(written, [[2; 100]]);
    assert_eq!(datagrams.stats().lost, 1);
    assert_eq!(datagrams.take_fate(), Some((number.unwrap(), Fate::Lost)));
}

#[test]
fn fate_is_told_once_and_only_to_who_asked() {
    let mut datagrams = open();
    let first = datagrams.send(b"a", Some(99), true).unwrap().unwrap();
    assert_eq!(datagrams.send(b"b", Some(99), false), Ok(None));
    let second = datagrams.send(b"c", Some(99), true).unwrap().unwrap();
    let (_, sent) = packet(&mut datagrams, 100);
    assert_eq!(sent.len(), 3);
    for (frame, fate) in sent
        .iter()
        .zip([Fate::Lost, Fate::Lost, Fate::Acknowledged])
    {
        let SentFrame::Datagram { number } = *frame else {
            panic!("a datagram")
        };
        datagrams.on_fate(number, fate);
    }
    datagrams.on_fate(first, Fate::Acknowledged);
    assert_eq!(datagrams.next_event(), Some(DatagramEvent::Fates));
    assert_eq!(datagrams.take_fate(), Some((first, Fate::Lost)));
    assert_eq!(datagrams.take_fate(), Some((second, Fate::Acknowledged)));
    assert_eq!(datagrams.take_fate(), None);
    assert!(!datagrams.wants_to_send(), "nothing is sent a second time");
}

#[test]
fn fates_that_nobody_takes_are_bounded() {
    let mut datagrams = open();
    for _ in 0..limits::DATAGRAM_FATES {
        let number = datagrams.send(b"", Some(99), true).unwrap().unwrap();
        datagrams.on_fate(number, Fate::Acknowledged);
    }
    assert_eq!(
        datagrams.send(b"", Some(99), true),
        Err(DatagramError::Blocked)
    );
    assert_eq!(datagrams.send(b"", Some(99), false), Ok(None));
    datagrams.take_fate().unwrap();
    assert!(datagrams.send(b"", Some(99), true).is_ok());
}

#[test]
fn idle_connection_gives_the_queues_back() {
    let mut datagrams = open();
    datagrams.on_datagram(1, &[0; 1_000], true).unwrap();
    datagrams.shrink();
    assert!(datagrams.allocated_bytes() > 0, "what waits is kept");
    datagrams.take(&mut [0; 1_000]);
    datagrams.shrink();
    assert_eq!(datagrams.allocated_bytes(), 0);
}

#[test]
fn fates_that_nobody_has_taken_are_no_surplus_for_ever() {
    let mut datagrams = open();
    datagrams.send(b"a", Some(99), true).unwrap().unwrap();
    let (_, sent) = packet(&mut datagrams, 100);
    for frame in sent {
        let SentFrame::Datagram { number } = frame else {
            panic!("a datagram")
        };
        datagrams.on_fate(number, Fate::Acknowledged);
    }
    datagrams.shrink();
    assert!(!datagrams.has_surplus(), "nothing more can be given back");
    assert!(datagrams.take_fate().is_some());
    assert!(datagrams.has_surplus());
    datagrams.shrink();
    assert_eq!(datagrams.allocated_bytes(), 0);
}

#[test]
fn a_packet_that_does_not_count_takes_its_datagrams_with_it_and_no_others() {
    let mut datagrams = open();
    datagrams.on_datagram(1, b"before", true).unwrap();
    datagrams.on_datagram(2, b"with it", true).unwrap();
    datagrams.on_datagram(2, b"and this", true).unwrap();
    datagrams.withdraw(2);
    // It comes once more, whole this time.
    datagrams.on_datagram(3, b"with it", true).unwrap();
    datagrams.withdraw(4);
    assert_eq!(datagrams.stats().received, 2);
    let mut out = [0; 8];
    assert_eq!(datagrams.take(&mut out), Some(6));
    assert_eq!(&out[..6], b"before");
    assert_eq!(datagrams.take(&mut out), Some(7));
    assert_eq!(&out[..7], b"with it");
    assert_eq!(datagrams.take(&mut out), None);
}

#[test]
fn nothing_is_told_of_datagrams_that_went_with_their_packet() {
    let mut datagrams = open();
    datagrams.on_datagram(1, b"gone", true).unwrap();
    datagrams.withdraw(1);
    assert_eq!(datagrams.next_event(), None);
}

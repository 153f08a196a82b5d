use std::net::SocketAddr;

use inquic_platform::{Duration, Instant};

use super::{Bursts, Datagram, Discipline, Faults, Link, Marking, Partition, REORDERED_BY};
use crate::Fault;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn numbered(number: u16, len: usize, ecn: u8) -> Datagram {
    let address: SocketAddr = "192.0.2.1:1".parse().unwrap();
    let mut bytes = vec![0; len];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    Datagram {
        from: address,
        to: address,
        ecn,
        bytes,
    }
}

/// Sends so many datagrams of 1,200 bytes, one each millisecond; what arrives, in order.
fn through(faults: Faults, count: u16) -> (Vec<Datagram>, Link) {
    let mut link = Link::new(faults, 7);
    let mut arrived = Vec::new();
    for number in 0..count {
        let now = at(u64::from(number));
        link.send(now, numbered(number, 1_200, 2));
        arrived.extend(std::iter::from_fn(|| link.receive(now)));
    }
    arrived.extend(std::iter::from_fn(|| link.receive(at(1_000_000))));
    (arrived, link)
}

fn numbers(arrived: &[Datagram]) -> Vec<u16> {
    arrived
        .iter()
        .map(|datagram| u16::from_be_bytes([datagram.bytes[0], datagram.bytes[1]]))
        .collect()
}

#[test]
fn a_good_link_delivers_everything_once_and_in_order() {
    let (arrived, link) = through(Faults::default(), 1_000);
    assert!(numbers(&arrived).into_iter().eq(0..1_000));
    assert_eq!(link.dropped, 0);
}

#[test]
fn a_held_datagram_is_overtaken_by_a_hundred_at_most() {
    let faults = Faults {
        reordering: 20,
        delay: Duration::from_millis(1),
        ..Faults::default()
    };
    let (arrived, link) = through(faults, 5_000);
    let order = numbers(&arrived);
    assert_eq!(order.len(), 5_000);
    let mut most = 0;
    for (place, &number) in order.iter().enumerate() {
        let overtaken = order[..place]
            .iter()
            .filter(|&&other| other > number)
            .count();
        most = most.max(overtaken as u64);
    }
    assert!(link.tally.of(Fault::Reordering) > 50);
    assert!(
        (REORDERED_BY / 2..=REORDERED_BY + 1).contains(&most),
        "{most}"
    );
}

#[test]
fn bursts_lose_neighbours() {
    let bursts = Bursts {
        begin: 10,
        end: 100,
        loss: 1_000,
    };
    let faults = Faults {
        bursts: Some(bursts),
        ..Faults::default()
    };
    let (arrived, link) = through(faults, 10_000);
    let lost = link.tally.of(Fault::BurstLoss);
    let gaps = numbers(&arrived)
        .windows(2)
        .filter(|pair| pair[1] != pair[0] + 1)
        .count() as u64;
    // One in eleven is bad, and the bad come ten in a row.
    assert!((500..1_500).contains(&lost), "{lost}");
    assert!(lost > 5 * gaps, "{lost} in {gaps} gaps");
}

#[test]
fn what_is_larger_than_the_mtu_never_arrives() {
    for (mtu, arrives) in [(1_199, 0), (1_200, 10)] {
        let faults = Faults {
            mtu,
            ..Faults::default()
        };
        assert_eq!(through(faults, 10).0.len(), arrives);
    }
}

#[test]
fn a_partition_cuts_everything() {
    let faults = Faults {
        partition: Some(Partition::OneWay),
        ..Faults::default()
    };
    let (arrived, link) = through(faults, 10);
    assert!(arrived.is_empty());
    assert_eq!(link.tally.of(Fault::HalfPartition), 10);
}

#[test]
fn marks_are_bleached_exchanged_or_set() {
    for (ecn, seen) in [
        (Marking::Kept, 2),
        (Marking::Bleached, 0),
        (Marking::Remarked, 1),
        (Marking::AllCe, 3),
    ] {
        let faults = Faults {
            ecn,
            ..Faults::default()
        };
        assert!(
            through(faults, 10)
                .0
                .iter()
                .all(|datagram| datagram.ecn == seen)
        );
    }
}

#[test]
fn a_tail_drop_queue_fills_and_codel_keeps_it_short() {
    let wait = |discipline| {
        // Datagrams come at 1.2 MB/s and leave at 1.15: what is dropped must be one in twenty-five.
        let faults = Faults {
            rate: 1_150_000,
            queue: 100,
            discipline,
            delay: Duration::ZERO,
            ..Faults::default()
        };
        let mut link = Link::new(faults, 7);
        for number in 0..5_000 {
            link.send(at(u64::from(number)), numbered(number, 1_200, 0));
        }
        let last = std::iter::from_fn(|| {
            let next = link.next_arrival()?;
            link.receive(next).map(|_| next)
        });
        (last.last().unwrap().since(at(4_999)), link)
    };
    let (full, link) = wait(Discipline::TailDrop);
    assert!(full >= Duration::from_millis(100), "{full:?}");
    assert!(link.tally.of(Fault::TailDrop) > 50);
    let (short, link) = wait(Discipline::CoDel);
    assert!(short < full.div(2), "{short:?}");
    assert!(link.tally.of(Fault::CoDel) > 100);
}

#[test]
fn replayed_datagrams_are_copies_of_earlier_ones() {
    let faults = Faults {
        replay: 200,
        ..Faults::default()
    };
    let (arrived, link) = through(faults, 1_000);
    let replayed = link.tally.of(Fault::Replay);
    assert!(replayed > 100);
    assert_eq!(arrived.len() as u64, 1_000 + replayed);
}

#[test]
fn damage_changes_the_bytes_and_not_the_count() {
    let faults = Faults {
        corruption: 100,
        truncation: 100,
        extension: 100,
        ..Faults::default()
    };
    let (arrived, link) = through(faults, 1_000);
    assert_eq!(arrived.len(), 1_000);
    for fault in [Fault::Corruption, Fault::Truncation, Fault::Extension] {
        assert!(link.tally.of(fault) > 50, "{fault:?}");
    }
    assert!(arrived.iter().any(|datagram| datagram.bytes.len() > 1_200));
    assert!(arrived.iter().any(|datagram| datagram.bytes.len() < 1_200));
}

//! Datagrams across links: what arrives arrives whole and once, what is lost stays lost, and streams have their share.

use inquic_engine::datagram::DatagramError;
use inquic_engine::recovery::Fate;
use inquic_engine::{Config, Handle};
use inquic_platform::Duration;
use inquic_sim::{Faults, Settings, World};
use inquic_wire::Direction;

fn settings() -> Settings {
    Settings {
        config: Config {
            max_datagram_frame_size: u16::MAX,
            ..Config::default()
        },
        ..Settings::default()
    }
}

/// Everything that the server has received and not given out, as the numbers that the datagrams begin with.
fn drain(world: &mut World, server: Handle, into: &mut Vec<u32>) {
    let mut out = [0; 1_500];
    while let Some(len) = world.at_server(server).take_datagram(&mut out) {
        let number = u32::from_be_bytes(out[..4].try_into().unwrap());
        assert!(out[4..len].iter().all(|&byte| byte == number as u8));
        into.push(number);
    }
}

fn datagram(number: u32, len: usize) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.resize(len.max(4), number as u8);
    bytes
}

/// Sends `count` datagrams of changing size; those that arrived, and how many were told acknowledged and lost.
fn exchange(seed: u64, faults: Faults, count: u32) -> (Vec<u32>, u32, u32) {
    println!("seed {seed}");
    let mut world = World::new(seed, settings(), settings(), faults);
    let (client, server) = world.connected();
    let mut next = 0;
    let mut arrived = Vec::new();
    let (mut acknowledged, mut lost) = (0, 0);
    let done = world.run_until(Duration::from_secs(120), |world| {
        while next < count {
            let data = datagram(next, 20 + next as usize * 37 % 1_100);
            match world.at_client(client).send_datagram(&data, true) {
                Ok(number) => assert_eq!(number, Some(u64::from(next) + 1)),
                Err(DatagramError::Blocked) => break,
                Err(error) => panic!("{error:?}"),
            }
            next += 1;
        }
        drain(world, server, &mut arrived);
        while let Some((_, fate)) = world.at_client(client).take_datagram_fate() {
            match fate {
                Fate::Acknowledged => acknowledged += 1,
                Fate::Lost => lost += 1,
            }
        }
        acknowledged + lost == count
    });
    assert!(
        done,
        "every fate is told: {acknowledged} and {lost} of {count}"
    );
    drain(&mut world, server, &mut arrived);
    assert_eq!(world.at_client(client).stats().datagrams.sent, count.into());
    (arrived, acknowledged, lost)
}

#[test]
fn all_datagrams_arrive_in_order_on_a_good_link() {
    let (arrived, acknowledged, _) = exchange(1, Faults::default(), 5_000);
    assert_eq!(arrived, (0..5_000).collect::<Vec<_>>());
    assert_eq!(acknowledged, 5_000);
}

#[test]
fn what_a_bad_link_loses_stays_lost_and_the_rest_arrives_once() {
    for seed in 10..20 {
        let faults = Faults {
            loss: 100,
            duplication: 50,
            corruption: 20,
            jitter: Duration::from_millis(10),
            ..Faults::default()
        };
        let (arrived, acknowledged, lost) = exchange(seed, faults, 1_000);
        let mut once = arrived.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), arrived.len(), "none twice");
        assert!(lost > 0 && arrived.len() < 1_000, "none sent again");
        assert!(arrived.len() >= acknowledged as usize);
        assert!(arrived.len() > 700, "{} of 1,000", arrived.len());
    }
}

#[test]
fn datagrams_and_a_stream_share_the_path() {
    let faults = Faults {
        rate: 1_250_000,
        ..Faults::default()
    };
    let mut world = World::new(3, settings(), settings(), faults);
    let (client, server) = world.connected();
    let id = world
        .at_client(client)
        .open(Direction::Unidirectional)
        .unwrap();
    let begin = world.at_server(server).stats();
    let mut next = 0;
    let mut arrived = Vec::new();
    let mut streamed = 0;
    let end = world.now + Duration::from_secs(4);
    world.run_until(Duration::from_secs(4), |world| {
        while world.at_client(client).write(id, &[7; 4_096]).is_ok() {}
        loop {
            let data = datagram(next, 1_100);
            if world.at_client(client).send_datagram(&data, false).is_err() {
                break;
            }
            next += 1;
        }
        drain(world, server, &mut arrived);
        world.at_server(server).accept(Direction::Unidirectional);
        let now = world.now;
        let mut out = [0; 4_096];
        while let Ok(read) = world.at_server(server).read(now, id, &mut out) {
            if read.bytes == 0 {
                break;
            }
            streamed += read.bytes;
        }
        world.now >= end
    });
    let datagrams = arrived.len() * 1_100;
    let both = world.at_server(server).stats().bytes_received - begin.bytes_received;
    for share in [datagrams, streamed] {
        assert!(
            share as u64 * 10 > both * 3,
            "{datagrams} in datagrams and {streamed} in the stream of {both}"
        );
    }
}

#[test]
fn datagram_is_acknowledged_within_the_delay_that_we_promise() {
    let mut world = World::new(5, settings(), settings(), Faults::default());
    let (client, _) = world.connected();
    world.run_for(Duration::from_millis(200));
    let sent = world.now;
    world
        .at_client(client)
        .send_datagram(b"lonely", true)
        .unwrap();
    assert!(world.run_until(Duration::from_secs(1), |world| {
        world.at_client(client).take_datagram_fate().is_some()
    }));
    // A round trip of 20 ms and max_ack_delay.
    assert!(world.now.since(sent) <= Duration::from_millis(45));
}

#[test]
fn a_peer_that_takes_none_is_sent_none() {
    let mut world = World::new(6, settings(), Settings::default(), Faults::default());
    let (client, server) = world.connected();
    let refused = world.at_client(client).send_datagram(b"x", false);
    assert_eq!(refused, Err(DatagramError::Unsupported));
    // The other way about it works.
    assert_eq!(world.at_server(server).send_datagram(b"x", false), Ok(None));
}

#[test]
fn closing_waits_for_no_datagram_that_was_sent() {
    let mut world = World::new(7, settings(), settings(), Faults::default());
    let (client, _) = world.connected();
    world.at_client(client).send_datagram(b"x", false).unwrap();
    assert!(!world.at_client(client).is_flushed());
    world.flush();
    assert!(world.at_client(client).is_flushed());
}

#[test]
fn queues_that_are_emptied_on_an_idle_connection_are_given_back() {
    let mut world = World::new(8, settings(), settings(), Faults::default());
    let (client, server) = world.connected();
    world.run_for(Duration::from_secs(5));
    let held = |world: &mut World| {
        [
            world.at_client(client).audit().charged,
            world.at_server(server).audit().charged,
        ]
    };
    let before = held(&mut world);
    for number in 0..30 {
        let data = datagram(number, 1_000);
        world.at_client(client).send_datagram(&data, true).unwrap();
    }
    world.run_for(Duration::from_secs(5));
    let full = held(&mut world);
    assert!(full[1] >= before[1] + 30_000, "{full:?} after {before:?}");
    let mut numbers = Vec::new();
    drain(&mut world, server, &mut numbers);
    assert_eq!(numbers.len(), 30);
    while world.at_client(client).take_datagram_fate().is_some() {}
    world.run_for(Duration::from_secs(5));
    let left = held(&mut world);
    assert!(left.iter().all(|&bytes| bytes < 400), "{left:?}");
}

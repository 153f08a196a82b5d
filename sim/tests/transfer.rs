//! Bytes arrive once, in order and complete, whatever the link does.

use inquic_engine::recovery::Algorithm;
use inquic_engine::stream::{ReadError, WriteError};
use inquic_engine::{Config, Handle};
use inquic_platform::{CipherSuite, Duration, Instant};
use inquic_sim::{Faults, Settings, World};
use inquic_wire::{Direction, StreamId};

/// The byte at an offset of a stream: its own for each stream.
fn byte(id: StreamId, offset: u64) -> u8 {
    (offset ^ offset >> 8 ^ offset >> 16 ^ id.to_u64().wrapping_mul(31)) as u8
}

/// One stream's transfer from client to server.
struct Transfer {
    id: StreamId,
    size: u64,
    written: u64,
    finished: bool,
    read: u64,
    complete: bool,
}

impl Transfer {
    fn pump(&mut self, world: &mut World, client: Handle, server: Handle) {
        while !self.finished {
            let chunk: Vec<u8> = (self.written..(self.written + 4096).min(self.size))
                .map(|at| byte(self.id, at))
                .collect();
            if chunk.is_empty() {
                world
                    .at_client(client)
                    .streams()
                    .unwrap()
                    .finish(self.id)
                    .unwrap();
                self.finished = true;
                break;
            }
            match world.at_client(client).write(self.id, &chunk) {
                Ok(count) => self.written += count as u64,
                Err(WriteError::Blocked) => break,
                Err(error) => panic!("write: {error:?}"),
            }
        }
        let mut buffer = [0; 5000];
        while !self.complete {
            let now = world.now;
            match world.at_server(server).read(now, self.id, &mut buffer) {
                Ok(read) => {
                    for (index, &got) in buffer[..read.bytes].iter().enumerate() {
                        assert_eq!(got, byte(self.id, self.read + index as u64));
                    }
                    self.read += read.bytes as u64;
                    self.complete = read.fin;
                    if read.fin {
                        assert_eq!(self.read, self.size);
                    }
                    if read.bytes == 0 && !read.fin {
                        break;
                    }
                }
                Err(ReadError::Blocked | ReadError::Unknown) => break,
                Err(error) => panic!("read: {error:?}"),
            }
        }
    }
}

fn transfer(seed: u64, faults: Faults, settings: Settings, streams: u64, size: u64) -> World {
    println!("seed {seed}");
    let mut world = World::new(seed, settings.clone(), settings, faults);
    let (client, server) = world.connected();
    let mut transfers: Vec<Transfer> = (0..streams)
        .map(|_| {
            let id = world
                .at_client(client)
                .open(Direction::Bidirectional)
                .unwrap();
            Transfer {
                id,
                size,
                written: 0,
                finished: false,
                read: 0,
                complete: false,
            }
        })
        .collect();
    let done = world.run_until(Duration::from_secs(600), |world| {
        while world
            .at_server(server)
            .accept(Direction::Bidirectional)
            .is_some()
        {}
        for transfer in &mut transfers {
            transfer.pump(world, client, server);
        }
        transfers.iter().all(|transfer| transfer.complete)
    });
    assert!(
        done,
        "seed {seed}: not complete after ten minutes of virtual time"
    );
    world
}

#[test]
fn one_stream_crosses_a_good_link() {
    let mut world = transfer(1, Faults::default(), Settings::default(), 1, 4 << 20);
    let handle = world.client.handles()[0];
    assert_eq!(world.at_client(handle).stats().packets_lost, 0);
}

#[test]
fn every_cipher_suite_carries_data() {
    for suite in [
        CipherSuite::Aes128GcmSha256,
        CipherSuite::Aes256GcmSha384,
        CipherSuite::ChaCha20Poly1305Sha256,
        CipherSuite::Aes128CcmSha256,
    ] {
        transfer(
            2,
            Faults::default(),
            Settings {
                suite,
                ..Settings::default()
            },
            1,
            100_000,
        );
    }
}

#[test]
fn full_packets_of_another_size_carry_data() {
    for udp_payload in [1200, 1452, 9000] {
        let settings = Settings {
            config: Config {
                udp_payload,
                udp_payload_ceiling: Some(udp_payload),
                ..Config::default()
            },
            ..Settings::default()
        };
        let mut world = transfer(3, Faults::default(), settings, 1, 300_000);
        let handle = world.client.handles()[0];
        assert_eq!(
            world.at_client(handle).stats().datagram_size,
            u64::from(udp_payload)
        );
    }
}

#[test]
fn many_streams_cross_a_bad_link() {
    for seed in 10..30 {
        let faults = Faults {
            loss: 50,
            duplication: 50,
            corruption: 20,
            jitter: Duration::from_millis(15),
            ..Faults::default()
        };
        transfer(seed, faults, Settings::default(), 20, 50_000);
    }
}

#[test]
fn a_third_of_all_datagrams_may_be_lost() {
    for seed in 30..36 {
        let faults = Faults {
            loss: 300,
            ..Faults::default()
        };
        transfer(seed, faults, Settings::default(), 3, 100_000);
    }
}

#[test]
fn every_controller_crosses_a_slow_link_that_loses_and_reorders() {
    let mut lengths = Vec::new();
    for algorithm in [Algorithm::Cubic, Algorithm::NewReno, Algorithm::Bbr] {
        let faults = Faults {
            delay: Duration::from_millis(40),
            jitter: Duration::from_millis(5),
            loss: 20,
            rate: 1_250_000,
            queue: 60,
            ..Faults::default()
        };
        let settings = Settings {
            config: Config {
                algorithm,
                ..Config::default()
            },
            ..Settings::default()
        };
        let mut world = transfer(5, faults, settings, 3, 1_000_000);
        let handle = world.client.handles()[0];
        let stats = world.at_client(handle).stats();
        assert!(stats.packets_lost > 0, "{algorithm:?}");
        assert!(stats.congestion_window >= 2 * 1_200, "{algorithm:?}");
        lengths.push(world.now.since(Instant::ZERO));
    }
    println!("{lengths:?}");
    // Losses that are no congestion slow only the others down.
    assert!(lengths[2].saturating_mul(2) < lengths[0], "{lengths:?}");
}

#[test]
fn a_slow_link_with_a_short_queue_is_filled() {
    let faults = Faults {
        delay: Duration::from_millis(15),
        rate: 1_250_000,
        queue: 25,
        ..Faults::default()
    };
    let mut world = World::new(4, Settings::default(), Settings::default(), faults);
    let (client, server) = world.connected();
    let id = world
        .at_client(client)
        .open(Direction::Bidirectional)
        .unwrap();
    let mut one = Transfer {
        id,
        size: 10_000_000,
        written: 0,
        finished: false,
        read: 0,
        complete: false,
    };
    let begin = world.now;
    assert!(world.run_until(Duration::from_secs(60), |world| {
        world.at_server(server).accept(Direction::Bidirectional);
        one.pump(world, client, server);
        one.complete
    }));
    let kilobits = 10_000_000 * 8 / world.now.since(begin).as_millis();
    assert!(kilobits >= 9_100, "{kilobits} kbit/s of 10,000");
}

/// Both ends tell of each stream that may be opened in the place of one that is over.
fn prompt() -> Settings {
    let mut settings = Settings::default();
    settings.config.streams.is_prompt = true;
    settings.config.streams.max_streams_bidi = 8;
    settings.config.streams.max_streams_uni = 8;
    settings
}

/// Says `bytes` on a stream of one end, to the end, and waits until the other has read them.
fn say(world: &mut World, ends: (Handle, Handle), id: StreamId, by_client: bool) {
    let (client, server) = ends;
    let from = if by_client {
        world.at_client(client)
    } else {
        world.at_server(server)
    };
    assert_eq!(from.write(id, &[7; 1_000]), Ok(1_000));
    from.streams().unwrap().finish(id).unwrap();
    let mut out = [0; 2_000];
    assert!(world.run_until(Duration::from_secs(1), |world| {
        let now = world.now;
        world.at_server(server).accept(id.direction());
        let to = if by_client {
            world.at_server(server)
        } else {
            world.at_client(client)
        };
        to.read(now, id, &mut out).is_ok_and(|read| read.fin)
    }));
}

#[test]
fn a_request_takes_a_packet_and_so_does_its_answer() {
    let mut world = World::new(1, prompt(), prompt(), Faults::default());
    let ends @ (client, server) = world.connected();
    world.run_for(Duration::from_secs(1));
    let before = (
        world.at_client(client).stats().packets_sent,
        world.at_server(server).stats().packets_sent,
    );
    for _ in 0..100 {
        let id = world
            .at_client(client)
            .open(Direction::Bidirectional)
            .unwrap();
        say(&mut world, ends, id, true);
        say(&mut world, ends, id, false);
    }
    let requests = world.at_client(client).stats().packets_sent - before.0;
    let answers = world.at_server(server).stats().packets_sent - before.1;
    assert!(
        requests <= 105 && answers <= 105,
        "{requests} and {answers} packets"
    );
}

#[test]
fn more_streams_are_told_of_where_no_packet_goes_anyway() {
    let mut world = World::new(1, prompt(), prompt(), Faults::default());
    let ends @ (client, _) = world.connected();
    world.run_for(Duration::from_secs(1));
    let open = |world: &mut World| world.at_client(client).open(Direction::Unidirectional);
    let id = open(&mut world).unwrap();
    say(&mut world, ends, id, true);
    world.run_for(Duration::from_millis(500));
    for _ in 0..8 {
        open(&mut world).unwrap();
    }
    assert!(open(&mut world).is_err());
}

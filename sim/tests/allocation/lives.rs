//! Six lives of a connection, each a script for its application.

use inquic_engine::{Connection, RetryPolicy};
use inquic_platform::{Duration, Instant};
use inquic_wire::{Direction, StreamId};

use crate::allocator::engine;
use crate::life::Life;

/// A life: whether addresses are validated first, every how many datagrams one is lost, and what the application does.
pub(crate) struct Script {
    pub(crate) name: &'static str,
    retry: RetryPolicy,
    lost: u64,
    play: fn(&mut Life) -> bool,
}

pub(crate) const LIVES: [Script; 6] = [
    Script {
        name: "handshake and close",
        retry: RetryPolicy::Always,
        lost: 0,
        play: |_| true,
    },
    Script {
        name: "bulk on one stream",
        retry: RetryPolicy::WhenBusy,
        lost: 0,
        play: |life| bulk(life, 120_000, &mut |_, _, _| ()),
    },
    Script {
        name: "many short streams",
        retry: RetryPolicy::WhenBusy,
        lost: 0,
        play: |life| short_streams(life, 80),
    },
    Script {
        name: "loss and retransmission",
        retry: RetryPolicy::WhenBusy,
        lost: 7,
        play: |life| bulk(life, 60_000, &mut |_, _, _| ()),
    },
    Script {
        name: "key updates",
        retry: RetryPolicy::WhenBusy,
        lost: 0,
        play: |life| {
            bulk(life, 60_000, &mut |now, client, server| {
                // Refused while the last one is under way.
                let _ = engine(|| client.initiate_key_update(now));
                let _ = engine(|| server.initiate_key_update(now));
            })
        },
    },
    Script {
        name: "resets and stops",
        retry: RetryPolicy::WhenBusy,
        lost: 11,
        play: resets_and_stops,
    },
];

/// Plays a life from the first datagram to the last. Afterwards everything that the engine held is given back.
///
/// # Panics
///
/// When it neither completes nor closes, or does not end.
pub(crate) fn play(script: &Script) {
    let mut life = Life::new(script.retry);
    life.lost = script.lost;
    if !life.connect() {
        return;
    }
    let connected = life.run(Duration::from_secs(60), &mut |life| {
        life.both().is_some() || life.has_failed()
    });
    assert!(connected, "{}: neither connected nor closed", script.name);
    if !life.has_failed() {
        let completed = (script.play)(&mut life);
        assert!(
            completed || life.has_failed(),
            "{}: neither completed nor closed",
            script.name
        );
    }
    let now = life.now;
    for end in &mut life.ends {
        if let Some(connection) = &mut end.connection {
            engine(|| connection.close(now, 7, b"over"));
        }
    }
    life.run(Duration::from_secs(300), &mut |life| life.is_over());
    assert!(life.is_over(), "{}: it does not end", script.name);
}

/// Reads what has come on any stream; how many bytes, and how many streams ended.
fn read_all(now: Instant, connection: &mut Connection, streams: &mut Streams) -> (u64, u32) {
    let mut sum = (0, 0);
    for direction in [Direction::Bidirectional, Direction::Unidirectional] {
        while let Some(id) = engine(|| connection.accept(direction)) {
            streams.add(id);
        }
    }
    let mut out = [0; 4_096];
    for place in &mut streams.0 {
        let Some(id) = *place else { continue };
        loop {
            match engine(|| connection.read(now, id, &mut out)) {
                Ok(read) => {
                    sum.0 += read.bytes as u64;
                    if read.fin {
                        sum.1 += 1;
                        *place = None;
                        break;
                    }
                    if read.bytes == 0 {
                        break;
                    }
                }
                Err(inquic_engine::stream::ReadError::Blocked) => break,
                Err(_) => {
                    sum.1 += 1;
                    *place = None;
                    break;
                }
            }
        }
    }
    sum
}

/// Streams that are being read.
struct Streams([Option<StreamId>; 128]);

impl Streams {
    fn add(&mut self, id: StreamId) {
        let place = self.0.iter_mut().find(|place| place.is_none());
        *place.expect("no more than a hundred streams") = Some(id);
    }
}

/// Sends `len` bytes from the client; `also` happens now and then.
fn bulk(
    life: &mut Life,
    len: u64,
    also: &mut dyn FnMut(Instant, &mut Connection, &mut Connection),
) -> bool {
    let mut streams = Streams([None; 128]);
    let mut id = None;
    let (mut written, mut read, mut ended, mut turns) = (0, 0, 0, 0_u32);
    life.run(Duration::from_secs(100), &mut |life| {
        let now = life.now;
        if life.has_failed() {
            return true;
        }
        let Some((client, server)) = life.both() else {
            return false;
        };
        turns += 1;
        if turns.is_multiple_of(16) {
            also(now, client, server);
        }
        id = id.or_else(|| engine(|| client.open(Direction::Unidirectional)).ok());
        if let Some(id) = id
            && written < len
        {
            let chunk = [7; 4_096];
            let count = chunk.len().min((len - written) as usize);
            written += engine(|| client.write(id, &chunk[..count])).map_or(0, |it| it as u64);
            if written == len {
                let finished = engine(|| client.streams().map(|it| it.finish(id)));
                assert!(finished.is_ok());
            }
        }
        let (bytes, fins) = read_all(now, server, &mut streams);
        read += bytes;
        ended += fins;
        ended > 0
    });
    read == len && ended == 1 || life.has_failed()
}

/// Opens `count` streams from the client, each with a hundred bytes, answered by as many.
fn short_streams(life: &mut Life, count: u32) -> bool {
    let (mut at_server, mut at_client) = (Streams([None; 128]), Streams([None; 128]));
    let (mut opened, mut answered, mut ended) = (0, 0, 0);
    life.run(Duration::from_secs(100), &mut |life| {
        let now = life.now;
        if life.has_failed() {
            return true;
        }
        let Some((client, server)) = life.both() else {
            return false;
        };
        for _ in 0..8 {
            if opened == count {
                break;
            }
            let Ok(id) = engine(|| client.open(Direction::Unidirectional)) else {
                break;
            };
            send_whole(client, id);
            opened += 1;
        }
        let (_, fins) = read_all(now, server, &mut at_server);
        for _ in 0..fins {
            if let Ok(id) = engine(|| server.open(Direction::Unidirectional)) {
                send_whole(server, id);
                answered += 1;
            } else {
                // No memory for the answer: this client does without.
                ended += 1;
            }
        }
        let (_, fins) = read_all(now, client, &mut at_client);
        ended += fins;
        ended >= count
    });
    ended >= count && answered <= count || life.has_failed()
}

/// A hundred bytes and the end; where there is no memory for them, a reset.
fn send_whole(connection: &mut Connection, id: StreamId) {
    let whole = engine(|| connection.write(id, &[5; 100])) == Ok(100);
    let streams = connection.streams().expect("connected");
    // A stream that is over by now needs neither.
    let _ = if whole {
        engine(|| streams.finish(id))
    } else {
        engine(|| streams.reset(id, 1))
    };
}

/// Every second stream is reset by its writer, the others are stopped by their reader.
fn resets_and_stops(life: &mut Life) -> bool {
    let mut opened = 0_u32;
    let mut seen = 0_u32;
    life.run(Duration::from_secs(100), &mut |life| {
        if life.has_failed() {
            return true;
        }
        let Some((client, server)) = life.both() else {
            return false;
        };
        if opened < 30
            && let Ok(id) = engine(|| client.open(Direction::Bidirectional))
        {
            opened += 1;
            // Without memory for the bytes there is still a stream.
            let _ = engine(|| client.write(id, &[3; 700]));
            if opened.is_multiple_of(2) {
                let _ = engine(|| client.streams().map(|it| it.reset(id, 9)));
            }
        }
        while let Some(id) = engine(|| server.accept(Direction::Bidirectional)) {
            seen += 1;
            let streams = server.streams().expect("connected");
            // What is over already cannot be stopped.
            let _ = engine(|| streams.stop(id, 8));
            let _ = engine(|| streams.write(id, &[4; 50]));
            let _ = engine(|| streams.finish(id));
        }
        opened == 30 && seen == 30
    });
    opened == 30 && seen == 30 || life.has_failed()
}

//! What applications do in the lives: calls of both ends' connections, until all is done or the connection has failed. Each gives
//! `true` only when all was done.

use inquic_engine::Connection;
use inquic_engine::stream::ReadError;
use inquic_platform::{Duration, Instant};
use inquic_wire::{Direction, StreamId};

use crate::allocator::{engine, is_refusing};
use crate::life::Life;

/// Nothing but the handshake.
pub(crate) fn connected(life: &mut Life) -> bool {
    life.run(Duration::from_secs(60), &mut |life| {
        life.both().is_some() || life.has_failed()
    });
    life.both().is_some()
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
                Err(ReadError::Blocked) => break,
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

impl Default for Streams {
    fn default() -> Self {
        Self([None; 128])
    }
}

impl Streams {
    fn add(&mut self, id: StreamId) {
        let place = self.0.iter_mut().find(|place| place.is_none());
        *place.expect("no more than a hundred streams") = Some(id);
    }
}

/// Sends `len` bytes from the client; `also` happens now and then.
pub(crate) fn bulk(
    life: &mut Life,
    len: u64,
    also: &mut dyn FnMut(Instant, &mut Connection, &mut Connection),
) -> bool {
    let mut streams = Streams::default();
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
    read == len && ended == 1 && !life.has_failed()
}

/// Opens `count` streams from the client, each with a hundred bytes, answered by as many.
pub(crate) fn short_streams(life: &mut Life, count: u32) -> bool {
    let (mut at_server, mut at_client) = (Streams::default(), Streams::default());
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
    ended >= count && answered <= count && !life.has_failed()
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
pub(crate) fn resets_and_stops(life: &mut Life) -> bool {
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
    opened == 30 && seen == 30 && !life.has_failed()
}

/// Bulk with as many key updates as can be.
pub(crate) fn key_updates(life: &mut Life) -> bool {
    bulk(life, 60_000, &mut |now, client, server| {
        // Refused while the last one is under way.
        let _ = engine(|| client.initiate_key_update(now));
        let _ = engine(|| server.initiate_key_update(now));
    })
}

/// Datagrams of all sizes both ways, of every second of which the sender hears what became of it.
pub(crate) fn datagrams(life: &mut Life) -> bool {
    let (mut sent, mut got, mut fates) = ([0_u32; 2], [0_u32; 2], [0_u32; 2]);
    let arrived = life.run(Duration::from_secs(20), &mut |life| {
        if life.has_failed() {
            return true;
        }
        let Some((client, server)) = life.both() else {
            return false;
        };
        for (at, end) in [client, server].into_iter().enumerate() {
            if sent[at] < DATAGRAMS {
                let data = &[6; 1_100][..37 * sent[at] as usize % 1_100];
                let told = sent[at].is_multiple_of(2);
                let first = engine(|| end.send_datagram(data, told));
                let done = first.or_else(|_| engine(|| end.send_datagram(data, told)));
                assert!(done.is_ok(), "{done:?} once there is memory");
                sent[at] += 1;
            }
            while engine(|| end.take_datagram(&mut [0; 1_200])).is_some() {
                got[at] += 1;
            }
            while engine(|| end.take_datagram_fate()).is_some() {
                fates[at] += 1;
            }
        }
        got == [DATAGRAMS; 2] && fates == [DATAGRAMS / 2; 2]
    });
    // Nobody sends a datagram again that there was no memory to take.
    (arrived || is_refusing() && sent == [DATAGRAMS; 2]) && !life.has_failed()
}

/// The client goes to the server's preferred address by itself, and then to another address of its own, while it sends.
pub(crate) fn migrations(life: &mut Life) -> bool {
    let elsewhere = "203.0.113.9:40000".parse().expect("an address");
    let mut asked = false;
    let completed = bulk(life, 120_000, &mut |now, client, _| {
        if client.path().remote.port() == 443 && !asked {
            asked = engine(|| client.migrate(now, elsewhere)).is_ok();
        }
    });
    life.run(Duration::from_secs(20), &mut |life| {
        let client = &life.ends[0];
        client.migrations + client.failed_migrations == 2 || life.has_failed()
    });
    let moved = life.both().is_some_and(|(client, server)| {
        let path = client.path();
        path.remote.port() == 443
            && path.local == Some(elsewhere)
            && server.path().remote == elsewhere
    });
    // Whoever has no memory for another path stays where it is.
    completed && (moved || is_refusing()) && !life.has_failed()
}

/// Data in the first flight.
pub(crate) fn early(life: &mut Life) -> bool {
    let mut streams = Streams::default();
    let (mut id, mut written, mut read, mut ended) = (None, 0, 0, 0);
    let mut was_early = false;
    life.run(Duration::from_secs(60), &mut |life| {
        if life.has_failed() {
            return true;
        }
        let now = life.now;
        let [client, server] = &mut life.ends;
        if let Some(client) = &mut client.connection
            && (client.is_early() || client.is_connected())
            && written < EARLY
        {
            was_early |= client.is_early();
            id = id.or_else(|| engine(|| client.open(Direction::Unidirectional)).ok());
            if let Some(id) = id {
                let rest = &[9; EARLY][written..];
                written += engine(|| client.write(id, rest)).unwrap_or(0);
                if written == EARLY {
                    let finished = engine(|| client.streams().map(|it| it.finish(id)));
                    assert_eq!(finished, Ok(Ok(())));
                }
            }
        }
        if let Some(server) = &mut server.connection
            && (server.is_early() || server.is_connected())
        {
            let (bytes, fins) = read_all(now, server, &mut streams);
            read += bytes;
            ended += fins;
        }
        ended > 0 && life.both().is_some()
    });
    let accepted = life
        .both()
        .is_some_and(|(client, _)| client.early_data_accepted() == Some(true));
    let all = read == EARLY as u64 && ended == 1;
    all && (was_early && accepted || is_refusing()) && !life.has_failed()
}

/// Datagrams that each end sends.
const DATAGRAMS: u32 = 40;
/// Bytes of 0-RTT.
const EARLY: usize = 3_000;

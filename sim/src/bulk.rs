//! One stream from client to server, as fast as the connection takes it: bytes in at one end of a world, the same out at the other.

use inquic_engine::stream::{ReadError, WriteError};
use inquic_engine::{Handle, Stats};
use inquic_platform::Duration;
use inquic_wire::{Direction, StreamId};

use crate::World;

/// A transfer and the connection that it runs on.
#[derive(Debug)]
pub struct Bulk {
    /// The client's connection.
    pub client: Handle,
    /// The server's.
    pub server: Handle,
    /// Bytes that the server has read.
    pub read: u64,
    id: StreamId,
    size: u64,
    written: u64,
    finished: bool,
    complete: bool,
}

impl Bulk {
    /// Connects and begins to send `size` bytes.
    ///
    /// # Panics
    ///
    /// When there is no connection within ten seconds.
    pub fn begin(world: &mut World, size: u64) -> Self {
        let (client, server) = world.connected();
        let opened = world.at_client(client).open(Direction::Unidirectional);
        Self {
            client,
            server,
            read: 0,
            id: opened.expect("a server allows streams"),
            size,
            written: 0,
            finished: false,
            complete: false,
        }
    }

    /// Adds `bytes` to what is to be sent, before the end was written.
    pub const fn more(&mut self, bytes: u64) {
        self.size += bytes;
    }

    /// Runs until everything has arrived, for `at_most`; whether it has.
    pub fn run(&mut self, world: &mut World, at_most: Duration) -> bool {
        self.run_until(world, at_most, |_, _| false) && self.complete
    }

    /// Runs until `done` or until everything has arrived, for `at_most`; whether one of them came true.
    pub fn run_until(
        &mut self,
        world: &mut World,
        at_most: Duration,
        mut done: impl FnMut(&mut World, &Self) -> bool,
    ) -> bool {
        world.run_until(at_most, |world| {
            self.pump(world);
            self.complete || done(world, self)
        })
    }

    /// Runs for a length of virtual time without ending the stream.
    pub fn run_for(&mut self, world: &mut World, length: Duration) {
        let end = world.now + length;
        while {
            self.pump_open(world);
            world.step(end)
        } {}
    }

    /// What the client has done so far.
    pub fn stats(&self, world: &mut World) -> Stats {
        world.at_client(self.client).stats()
    }

    /// Writes and reads what there is, and the end.
    fn pump(&mut self, world: &mut World) {
        self.pump_open(world);
        if self.written == self.size && !self.finished {
            let streams = world.at_client(self.client).streams();
            self.finished = streams.is_ok_and(|streams| streams.finish(self.id).is_ok());
        }
    }

    fn pump_open(&mut self, world: &mut World) {
        while self.written < self.size {
            let chunk: Vec<u8> = (self.written..(self.written + 4_096).min(self.size))
                .map(byte)
                .collect();
            match world.at_client(self.client).write(self.id, &chunk) {
                Ok(count) => self.written += count as u64,
                Err(WriteError::Blocked) => break,
                Err(error) => panic!("write: {error:?}"),
            }
        }
        let mut buffer = [0; 8_192];
        while !self.complete {
            let now = world.now;
            world
                .at_server(self.server)
                .accept(Direction::Unidirectional);
            match world.at_server(self.server).read(now, self.id, &mut buffer) {
                Ok(read) => {
                    for (at, &got) in (self.read..).zip(&buffer[..read.bytes]) {
                        assert_eq!(got, byte(at), "at {at}");
                    }
                    self.read += read.bytes as u64;
                    self.complete = read.fin;
                    if read.bytes == 0 {
                        break;
                    }
                }
                Err(ReadError::Blocked | ReadError::Unknown) => break,
                Err(error) => panic!("read: {error:?}"),
            }
        }
    }
}

/// The byte at an offset.
const fn byte(at: u64) -> u8 {
    (at ^ at >> 8 ^ at >> 16) as u8
}

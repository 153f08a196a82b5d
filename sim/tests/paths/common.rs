//! A transfer in each direction, and what is looked at.

use std::net::SocketAddr;

use inquic_engine::{Config, Handle};
use inquic_platform::Duration;
use inquic_sim::{Crossing, Settings};
use inquic_wire::{Direction, StreamId};

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().expect("well formed")
}

pub(crate) fn inside() -> SocketAddr {
    address("192.0.2.1:50000")
}

pub(crate) fn with(config: Config) -> Settings {
    Settings {
        config,
        ..Settings::default()
    }
}

/// A connection with default settings, connected.
pub(crate) fn connected() -> (Crossing, Handle, Handle) {
    let mut crossing = Crossing::new(Settings::default(), Settings::default());
    let (client, server) = crossing.connected();
    (crossing, client, server)
}

/// Bytes from the server to the client.
pub(crate) struct Download {
    client: Handle,
    server: Handle,
    id: StreamId,
    left: usize,
    pub(crate) read: usize,
    size: usize,
}

impl Download {
    pub(crate) fn begin(
        crossing: &mut Crossing,
        client: Handle,
        server: Handle,
        size: usize,
    ) -> Self {
        let opened = crossing.at_server(server).open(Direction::Unidirectional);
        Self {
            client,
            server,
            id: opened.expect("the client allows streams"),
            left: size,
            read: 0,
            size,
        }
    }

    /// Writes and reads what can be; whether all has come.
    pub(crate) fn pump(&mut self, crossing: &mut Crossing) -> bool {
        let chunk = [7; 16 * 1024];
        while self.left > 0 {
            let some = &chunk[..self.left.min(chunk.len())];
            match crossing.at_server(self.server).write(self.id, some) {
                Ok(count) if count > 0 => self.left -= count,
                _ => break,
            }
        }
        let mut out = [0; 16 * 1024];
        let now = crossing.now;
        crossing
            .at_client(self.client)
            .accept(Direction::Unidirectional);
        while let Ok(read) = crossing.at_client(self.client).read(now, self.id, &mut out) {
            assert!(out[..read.bytes].iter().all(|&byte| byte == 7));
            self.read += read.bytes;
            if read.bytes == 0 {
                break;
            }
        }
        self.read == self.size
    }

    /// Runs until `bytes` have come.
    pub(crate) fn run_to(&mut self, crossing: &mut Crossing, bytes: usize) {
        let came = crossing.run_until(Duration::from_secs(60), |crossing| {
            self.pump(crossing);
            self.read >= bytes
        });
        assert!(came, "{} of {bytes} bytes", self.read);
    }
}

/// The peer's address as the server sees it.
pub(crate) fn remote(crossing: &mut Crossing, server: Handle) -> SocketAddr {
    crossing.at_server(server).path().remote
}

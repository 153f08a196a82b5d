//! Connections in memory for the tests of what runs over a connection: two ends, streams that are pipes.

use std::sync::Arc;

use tokio::io::DuplexStream;
use tokio::sync::{Mutex, mpsc};

use super::*;

/// One end of a connection in memory.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    outgoing: mpsc::Sender<DuplexStream>,
    incoming: Arc<Mutex<mpsc::Receiver<DuplexStream>>>,
}

/// Both ends of a connection in memory.
pub(crate) fn pair() -> (Memory, Memory) {
    let (to_b, at_b) = mpsc::channel(16);
    let (to_a, at_a) = mpsc::channel(16);
    let end = |outgoing, incoming| Memory {
        outgoing,
        incoming: Arc::new(Mutex::new(incoming)),
    };
    (end(to_b, at_a), end(to_a, at_b))
}

impl Streams for Memory {
    type Stream = DuplexStream;

    async fn open(&self) -> io::Result<DuplexStream> {
        let (here, there) = tokio::io::duplex(64 * 1024);
        self.outgoing
            .send(there)
            .await
            .map_err(|_| io::ErrorKind::ConnectionReset)?;
        Ok(here)
    }

    async fn accept(&self) -> io::Result<Option<DuplexStream>> {
        Ok(self.incoming.lock().await.recv().await)
    }

    fn close(&self, _: u64, _: &str) {}

    async fn gone(&self) {}
}

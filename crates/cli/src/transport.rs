//! Comes in: a connection of whatever kind. Goes out: the two things that the commands need of it.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::failure::Failure;

/// Bidirectional streams over a connection: inquic's in the command, memory in the tests.
pub(crate) trait Streams: Clone + Send + Sync + 'static {
    /// One stream. Shutting it down sends FIN; dropping it before gives it up.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Opens a stream.
    fn open(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Waits for a stream that the peer opened; nothing when the peer closed in order.
    fn accept(&self) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;

    /// Closes the connection in order, with an application's code. Does not wait.
    fn close(&self, code: u64, reason: &str);

    /// Waits until a connection that was closed here is over, but not long.
    fn gone(&self) -> impl Future<Output = ()> + Send;
}

/// What makes connections.
pub(crate) trait Dial: Clone + Send + Sync + 'static {
    /// What it makes.
    type Connection: Streams;

    /// Connects, and is done when the handshake is.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Failure>> + Send;
}

#[cfg(test)]
pub(crate) mod memory {
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
}

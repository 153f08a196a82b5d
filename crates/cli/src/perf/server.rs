//! Comes in: a connection. Goes out: answers to every exchange on it.

use std::sync::Arc;

use super::buffers::Buffers;
use super::exchange::answer;
use crate::transport::Streams;

/// Answers until the client closes. What goes wrong on a stream is the client's to see.
pub(crate) async fn serve<T: Streams>(connection: T, buffers: Arc<Buffers>) {
    while let Ok(Some(stream)) = connection.accept().await {
        let buffers = Arc::clone(&buffers);
        tokio::spawn(async move {
            drop(answer(stream, &buffers).await);
        });
    }
}

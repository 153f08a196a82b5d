//! The blocking face: std's way of sockets, `Read` and `Write`. A call that has to wait puts its thread to sleep.

mod connection;
mod listener;
mod stream;

pub use connection::Connection;
pub use listener::Listener;
pub use stream::{ReceiveStream, SendStream, Stream};

use std::task::{Context, Poll, Waker};

use crate::error::Error;
use crate::home::park;

/// Calls `poll` until it is ready; once only, when the caller does not want to wait.
fn wait<T>(
    nonblocking: bool,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<Result<T, Error>>,
) -> Result<T, Error> {
    if !nonblocking {
        return park::block_on(poll);
    }
    match poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(Error::WouldBlock),
    }
}

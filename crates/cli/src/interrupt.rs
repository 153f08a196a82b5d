//! Comes in: Ctrl-C, or the request to end that a service manager sends. Goes out: the end of what was waited for.

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{Exit, Failure};

/// Waits for `work`, but no longer than until the user wants to stop. What was dropped then cleans up behind itself.
pub(crate) async fn until_interrupted<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        stop = interrupted() => stop.and_then(|()| Err(Failure::interrupted())),
    }
}

/// Waits until the user wants to stop.
pub(crate) async fn interrupted() -> Result<(), Failure> {
    let failed = |e| Failure::new(Exit::Unexpected, format!("cannot wait for signals: {e}"), "report this");
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

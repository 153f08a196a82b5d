//! Comes in: Ctrl-C, or the request to end that a service manager sends. Goes out: the end of what was waited for.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Exit, Failure};

/// Whether the user wants to stop. From its making on, signals end what waits for it and no longer the process.
#[derive(Debug)]
pub(crate) struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    /// Takes the signals over.
    pub(crate) fn new() -> Result<Self, Failure> {
        let failed = |e| {
            Failure::new(
                Exit::Unexpected,
                format!("cannot wait for signals: {e}"),
                "report this",
            )
        };
        let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let terminate = signal(SignalKind::terminate()).map_err(failed)?;
        Ok(Self {
            interrupt,
            terminate,
        })
    }

    /// Waits until the user wants to stop.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for `work`, but no longer than until the user wants to stop. What was dropped then cleans up behind itself.
    pub(crate) async fn or<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            done = work => done,
            () = self.wait() => Err(Failure::interrupted()),
        }
    }
}

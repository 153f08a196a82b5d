//! The log of a connection, where logs are built in: what the engine noted goes out after each call on it. Without the feature
//! `qlog` there is nothing in here.

#[cfg(feature = "qlog")]
use std::path::Path;
#[cfg(feature = "qlog")]
use std::sync::Arc;

use inquic_platform::Instant;
use inquic_socket::Socket;

#[cfg(feature = "qlog")]
use crate::qlog::Log;

/// Where logs go, if anywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogTo {
    #[cfg(feature = "qlog")]
    pub(crate) directory: Option<Arc<Path>>,
}

impl LogTo {
    /// Whether there are to be logs.
    pub(crate) const fn is_wanted(&self) -> bool {
        #[cfg(feature = "qlog")]
        return self.directory.is_some();
        #[cfg(not(feature = "qlog"))]
        return false;
    }
}

/// The log of one connection, if it has one.
#[derive(Default)]
pub(super) struct Trace {
    #[cfg(feature = "qlog")]
    log: Option<Box<Log>>,
}

#[cfg(feature = "qlog")]
impl Trace {
    /// Begins the log of a connection that was just made.
    pub(super) fn begin(to: &LogTo, socket: &mut Socket, now: Instant) -> Self {
        let log = to
            .directory
            .as_ref()
            .and_then(|directory| Log::begin(directory, socket, now));
        Self {
            log: log.map(Box::new),
        }
    }

    /// Takes what the engine has noted.
    #[inline]
    pub(super) fn drain(&mut self, socket: &mut Socket) {
        if let Some(log) = &mut self.log {
            log.drain(socket);
        }
    }
}

#[cfg(not(feature = "qlog"))]
impl Trace {
    #[inline]
    pub(super) fn begin(_to: &LogTo, _socket: &mut Socket, _now: Instant) -> Self {
        Self {}
    }

    #[inline]
    pub(super) fn drain(&mut self, _socket: &mut Socket) {}
}

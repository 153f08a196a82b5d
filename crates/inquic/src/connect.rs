//! Connecting: a name's addresses in, the first connection that comes about out. Addresses are tried one after the other, the
//! next one while the last has not answered (RFC 8305), so that a family without a way costs a moment and not a timeout.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use inquic_handshake::{ClientConfig, Session};

use crate::error::Error;
use crate::home::port::Port;
use crate::home::tokens::Tokens;
use crate::home::trace::LogTo;
use crate::kernel;
use crate::transport::Owner;

/// `host:port`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// A DNS name or an IP address, without brackets.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
}

/// Connections under way to the addresses of one target.
pub(crate) struct Race {
    from: From,
    tls: ClientConfig,
    tokens: Arc<Tokens>,
    server_name: String,
    /// Whether a connection is of use before its handshake is complete.
    early: bool,
    addresses: std::vec::IntoIter<SocketAddr>,
    running: Vec<Owner>,
    /// The error that says most.
    error: Option<Error>,
}

/// Where connections begin.
pub(crate) enum From {
    /// On a port of this process, which the race holds.
    Port {
        port: Arc<Port>,
        config: Arc<inquic_engine::Config>,
        log_to: LogTo,
    },
    /// On sockets of the system.
    Kernel(kernel::Settings),
}

impl<'a> Target<'a> {
    pub(crate) fn parse(address: &'a str) -> Result<Self, Error> {
        let bad = || Error::BadAddress(address.to_owned());
        let (host, port) = address.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().map_err(|_| bad())?;
        if port == 0 {
            return Err(bad());
        }
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').ok_or_else(bad)?,
            None if host.contains(':') => return Err(bad()),
            None => host,
        };
        if host.is_empty() {
            return Err(bad());
        }
        Ok(Self { host, port })
    }

    /// The addresses of the host, by the system's resolver. It may take seconds.
    pub(crate) fn resolve(&self) -> Result<Vec<SocketAddr>, Error> {
        let found = (self.host, self.port).to_socket_addrs();
        self.found(found.map(Iterator::collect))
    }

    /// What a resolver's answer means.
    pub(crate) fn found(
        &self,
        found: io::Result<Vec<SocketAddr>>,
    ) -> Result<Vec<SocketAddr>, Error> {
        let unknown = |cause: String| Error::UnknownHost {
            host: self.host.to_owned(),
            cause,
        };
        match found {
            Ok(addresses) if addresses.is_empty() => Err(unknown("it has no address".into())),
            Ok(addresses) => Ok(addresses),
            Err(error) => Err(unknown(error.to_string())),
        }
    }
}

impl Race {
    /// With 0-RTT where it is to be early and a ticket allows it. A port is held by the caller; the race releases it.
    pub(crate) fn new(
        from: From,
        tls: ClientConfig,
        tokens: Arc<Tokens>,
        server_name: String,
        addresses: Vec<SocketAddr>,
        early: bool,
    ) -> Self {
        Self {
            from,
            tls,
            tokens,
            server_name,
            early,
            addresses: addresses.into_iter(),
            running: Vec::new(),
            error: None,
        }
    }

    /// Begins with the next address, if there is one. Returns whether there are more after it.
    pub(crate) fn start_next(&mut self) -> bool {
        while let Some(address) = self.addresses.next() {
            let session = if self.early {
                Session::client_early(&self.tls, &self.server_name)
            } else {
                Session::client(&self.tls, &self.server_name)
            };
            let session = session.map_err(Error::from);
            let owner = session.and_then(|session| match &self.from {
                From::Port {
                    port,
                    config,
                    log_to,
                } => port.connect(config, address, session, &self.tokens, log_to),
                From::Kernel(settings) => kernel::connect(settings, address, session, &self.tokens),
            });
            match owner {
                Ok(owner) => {
                    self.running.push(owner);
                    break;
                }
                Err(error) => self.note(error),
            }
        }
        self.addresses.len() > 0
    }

    /// Ready with the first connection that is established, or when all have failed.
    pub(crate) fn poll(&mut self, context: &Context<'_>) -> Poll<Result<Owner, Error>> {
        loop {
            let mut at = 0;
            while let Some(owner) = self.running.get(at) {
                let ready = if self.early {
                    owner.entry.poll_usable(context)
                } else {
                    owner.entry.poll_established(context)
                };
                match ready {
                    Poll::Ready(Ok(())) => return Poll::Ready(Ok(self.running.swap_remove(at))),
                    Poll::Ready(Err(error)) => {
                        self.running.swap_remove(at);
                        self.note(error);
                    }
                    Poll::Pending => at += 1,
                }
            }
            if !self.running.is_empty() {
                return Poll::Pending;
            }
            self.start_next();
            if self.running.is_empty() {
                let error = self.error.take();
                return Poll::Ready(Err(error.unwrap_or(Error::RuntimeStopped)));
            }
        }
    }

    fn note(&mut self, error: Error) {
        let weak = |error: &Error| matches!(error, Error::NoRoute(_) | Error::NoAnswer { .. });
        match &self.error {
            Some(known) if !weak(known) || weak(&error) => {}
            _ => self.error = Some(error),
        }
    }
}

impl Drop for Race {
    fn drop(&mut self) {
        if let From::Port { port, .. } = &self.from {
            port.release();
        }
    }
}

/// How long an address has for itself before the next one is tried as well (RFC 8305 §5).
pub(crate) const HEAD_START: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;

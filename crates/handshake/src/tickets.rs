//! Tickets are good in one version of QUIC only (RFC 9369 §5): rustls' tickets come in, and go out to connections of the version
//! that they were given in. No ticket of one version ever begins a connection of another.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use inquic_wire::Version;
use rustls::NamedGroup;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;
use rustls::server::ProducesTickets;

use crate::socket::HandshakeSocket;

/// The versions of the connection that a call of rustls is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    /// Of the client's first flight: tickets that begin it are of this version.
    pub(crate) original: Version,
    /// In use: tickets that are given are of this version.
    pub(crate) negotiated: Version,
}

impl Versions {
    /// Those of a socket.
    pub(crate) fn of(socket: &dyn HandshakeSocket) -> Self {
        Self {
            original: socket.original_version(),
            negotiated: socket.version(),
        }
    }
}

/// Runs `call`, which calls rustls, for a connection of these versions.
pub(crate) fn within<T>(versions: Versions, call: impl FnOnce() -> T) -> T {
    let before = VERSIONS.replace(versions);
    let result = call();
    VERSIONS.set(before);
    result
}

/// The versions of the connection that rustls is called for.
pub(crate) fn current() -> Versions {
    VERSIONS.get()
}

/// A server's tickets, with the version sealed in.
#[derive(Debug)]
pub(crate) struct ServerTickets(pub(crate) Arc<dyn ProducesTickets>);

impl ProducesTickets for ServerTickets {
    fn enabled(&self) -> bool {
        self.0.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let version = VERSIONS.get().negotiated.0.to_be_bytes();
        self.0.encrypt(&[&version, plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let plain = self.0.decrypt(cipher)?;
        let rest = plain.strip_prefix(&VERSIONS.get().original.0.to_be_bytes())?;
        Some(rest.to_vec())
    }
}

/// The tickets that servers gave to a client, apart by version.
pub(crate) struct ClientTickets {
    version_1: ClientSessionMemoryCache,
    version_2: ClientSessionMemoryCache,
}

impl ClientTickets {
    /// Of so many servers in each version.
    pub(crate) fn new(names: usize) -> Self {
        Self {
            version_1: ClientSessionMemoryCache::new(names),
            version_2: ClientSessionMemoryCache::new(names),
        }
    }

    const fn of(&self, version: Version) -> &ClientSessionMemoryCache {
        match version {
            Version::V2 => &self.version_2,
            _ => &self.version_1,
        }
    }
}

impl fmt::Debug for ClientTickets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ClientTickets")
    }
}

impl ClientSessionStore for ClientTickets {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.version_1.set_kx_hint(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.version_1.kx_hint(server_name)
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(
        &self,
        server_name: ServerName<'static>,
        ticket: Tls13ClientSessionValue,
    ) {
        let store = self.of(VERSIONS.get().negotiated);
        store.insert_tls13_ticket(server_name, ticket);
    }

    fn take_tls13_ticket(
        &self,
        server_name: &ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        self.of(VERSIONS.get().original)
            .take_tls13_ticket(server_name)
    }
}

thread_local! {
    /// Those of the connection that rustls is called for on this thread.
    static VERSIONS: Cell<Versions> = const {
        Cell::new(Versions {
            original: Version::V1,
            negotiated: Version::V1,
        })
    };
}

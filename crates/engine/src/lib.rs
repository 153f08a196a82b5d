//! QUIC as state machines: an endpoint for each UDP port and a connection for each peer (RFC 9000, 9001, 9002).
//!
//! Datagrams, time and the application's calls come in; datagrams, events and one deadline go out. No socket, clock, lock, thread
//! or key material is in here: a home passes them in through [`inquic_platform`]. What a peer sends never panics, never allocates
//! without one of the bounds in [`limits`], and is never acted on before it was found authentic.
//!
//! A packet on its way in passes the folders in this order, and the way out is the same backwards: `endpoint` (whose is it?),
//! `protect` (open it), `space` (seen before?), `recovery` (what did it acknowledge?), `path` (from where?), `handshake` (for TLS?),
//! `stream` (for the application?). `connection` alone knows them all.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        clippy::disallowed_macros,
        clippy::disallowed_methods,
        clippy::disallowed_types
    )
)]
#![cfg_attr(
    test,
    expect(
        clippy::disallowed_macros,
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "a test may abort when memory is refused"
    )
)]

extern crate alloc;

mod config;
pub mod connection;
mod counters;
pub mod datagram;
pub mod endpoint;
mod handshake;
pub mod limits;
mod path;
mod protect;
mod ranges;
pub mod recovery;
mod space;
pub mod stream;
pub mod trace;

pub use config::{Config, Settings};
pub use connection::{
    Audit, CloseReason, Connection, Event, HandshakeError, IdError, IdNumbers, KeyUpdateError,
    MigrateError, NotConnected, Received, SettingsError, Stats, Transmit,
};
pub use counters::{Drop, Drops};
pub use endpoint::{
    Claim, ClaimError, ConnectError, Endpoint, EndpointKeys, Handle, HeldDatagram, Incoming,
    Introduction, Listen, Listener, Members, Owner, OwnerError, RetryPolicy, Route, Routing,
    first_run,
};
pub use path::{EcnFailure, EcnFailures, EcnState, Path};

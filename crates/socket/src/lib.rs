//! Socket semantics over the engine: calls of programs and datagrams of a home in, results, readiness and errno values out.
//!
//! This is what sits between a program's `bind`, `listen`, `accept`, `connect`, `sendmsg`, `recvmsg`, `setsockopt`, `poll`,
//! `shutdown` and `close`, and the protocol. It never performs I/O, reads a clock, takes a lock or starts a thread.
//!
//! # Three types, two locks
//!
//! - [`Port`] is one UDP port: the engine's endpoint, which knows where a datagram belongs, and the listener with its queue
//!   of connections that wait for `accept`.
//! - [`Socket`] is one connection: the engine's connection, the state that socket calls add to it, and its readiness.
//! - [`Sock`] is what a descriptor of the C ABI stands for, from socket() to close(), with a `Socket` in it while there is a
//!   connection. Its module says what a home does with it; what follows is for homes of programs in Rust.
//!
//! A home puts one lock around each `Port` and one around each `Socket` or `Sock`. **Whoever holds a socket's lock may take its port's
//! lock; whoever holds a port's lock may take nothing.** So a datagram is routed under the port's lock, which is given back
//! before the socket's lock is taken; [`Port::service`] and [`Port::remove`] are called with the socket's lock held.
//!
//! # A home's loop
//!
//! 1. [`Port::route`] says where a datagram goes; a new connection comes from [`Port::admit`].
//! 2. [`Socket::receive`] takes the datagrams of one connection, [`Socket::expire`] the time that has passed.
//! 3. [`Socket::next_news`] tells what changed, until it has nothing more: whom to wake, and when TLS has something to do.
//! 4. [`Socket::transmit`] builds datagrams until it has none; [`Socket::next_deadline`] says when to call `expire`.
//! 5. [`Port::service`] is called when [`Socket::needs_port`] says so, and [`Port::remove`] after [`News::Gone`].
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

pub mod errno;
pub mod limits;
pub mod options;
pub mod port;
pub mod sock;
pub mod socket;

pub use errno::Errno;
pub use options::Options;
pub use port::Port;
pub use sock::Sock;
pub use socket::{News, Socket};

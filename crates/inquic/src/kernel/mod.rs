//! The kernel's home: connections by QUIC sockets of the system, as the module `quic.ko` gives them, or `inquic run`. The public API's calls
//! come in, socket calls go out. It never sees a packet, and decides nothing about the protocol; TLS is made here.
//!
//! A [`Connection`] is a socket with its handshake, a stream is a descriptor of its own, a [`Listener`] a socket that listens. One thread of the
//! process waits for all of them ([`reactor`]) and makes their handshakes.

mod choice;
mod connection;
mod datagrams;
mod end;
mod events;
mod handshake;
mod limits;
mod listener;
mod reactor;
mod settings;
mod stream;
mod sys;
mod transport;

pub(crate) use choice::{Choice, Home, is_there};
pub(crate) use connection::connect;
pub(crate) use listener::{Listener, Wishes};
pub(crate) use settings::Settings;

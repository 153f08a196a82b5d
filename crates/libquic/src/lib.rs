//! libquic: the TLS handshake of QUIC sockets for programs in C, by rustls. A descriptor of a QUIC socket and names of files come in,
//! an established connection goes out.
//!
//! Nothing but socket calls is used (socket-abi 3), so it works alike on a kernel's QUIC sockets and on those of `inquic run`. The
//! functions are those of `include/netinet/quic.h`, which describes them; quic(7) shows how to use them. [`Calls`] is the seam:
//! the socket calls that a handshake makes, as a trait, which a descriptor fills in and the tests do. The handshake agent, a program in
//! Rust, makes its handshakes by [`complete`] with a session of its own.
//!
//! `unsafe` is only in `exports` and `c`, which take what C gives, and in `log`, which calls it.
#![deny(unsafe_code)]

mod c;
pub mod exports;
mod kept;
mod limits;
mod log;
mod messages;
mod session;
pub mod steps;
#[cfg(test)]
mod tests;
mod wishes;

pub use inquic_descriptor::{Calls, Descriptor};
pub use session::{Failure, complete};
pub use wishes::{certificate_request, protocols};

//! A descriptor of a QUIC socket, a kernel's or of `inquic run`. In: what a program or a TLS handshake wants of it; out: socket calls,
//! and nothing else. It must never know which of the two it is.
//!
//! [`Calls`] is the seam: the socket calls that a handshake makes, as a trait, which a [`Descriptor`] fills in and tests do. `unsafe` is only
//! in [`sys`], which makes the system calls.
#![deny(unsafe_code)]

mod calls;
mod link;
pub mod sys;
pub mod words;

pub use calls::Calls;
pub use link::{Link, Outgoing, errno};
pub use sys::Descriptor;

//! Memory that cannot be had: lives of a connection and of sockets, with every allocation of theirs failing once.
//!
//! Nothing may panic or leak, and the connection goes on or closes. A test program of its own, for it has an allocator of its own.
#![expect(
    unsafe_code,
    reason = "the allocator of this program counts and refuses; each block says why it is sound"
)]

mod allocator;
mod calls;
mod hello;
mod hosts;
mod life;
mod lives;
mod plays;
mod refusals;
mod secrets;
mod strangers;
mod sweep;
mod working;

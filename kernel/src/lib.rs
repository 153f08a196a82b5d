//! The kernel home's Rust side: the engine over the kernel's memory, randomness and ciphers. Calls of the C shim come in, calls of
//! the shim go out. Everything runs in process context; nothing in here waits for a packet.
#![no_std]
// Memory may be refused, and that is no reason to stop the machine: `Box::try_new`, `Arc::try_new`.
#![feature(allocator_api)]
#![deny(unsafe_code)]

extern crate alloc;

mod bounds;
mod buffer;
mod calls;
mod cell;
mod clock;
mod connection;
mod errno;
mod ffi;
mod listed;
mod memory;
mod net;
mod platform;
mod port;
mod prove;
mod streams;
mod table;
mod udp;

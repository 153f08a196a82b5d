//! The embedded home: the engine in this process, over UDP sockets of the system. The public API's calls come in, packets go
//! out; it decides nothing about the protocol.
//!
//! A [`port::Port`] is a UDP port with its connections, an [`entry::Entry`] one connection under one lock, a
//! [`driver::Driver`] what moves datagrams between them. Threads ([`thread`]) or a task of a runtime ([`task`]) run the driver.

mod agenda;
mod bell;
pub(crate) mod clock;
mod datagrams;
mod driver;
mod end;
pub(crate) mod entry;
mod levels;
pub(crate) mod limits;
pub(crate) mod listener;
mod moves;
mod occupant;
pub(crate) mod park;
pub(crate) mod port;
pub(crate) mod ports;
pub(crate) mod programs;
pub(crate) mod readiness;
mod share;
mod sys;
mod task;
mod thread;
mod timers;
mod tls;
pub(crate) mod tokens;
pub(crate) mod trace;
mod turn;
pub(crate) mod udp;
mod unix;
mod waiters;

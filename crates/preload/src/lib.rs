//! The library that `inquic run` loads into programs: their socket calls come in, QUIC sockets' calls go to the home in
//! `inquic run`, all others go on to the C library. It must never allocate, lock, print, panic, or follow an address of the
//! program's.
//!
//! A QUIC socket of a program is a descriptor of the kernel's: one end of a socket pair of which the home has the other. So
//! close, dup, fork, exec, poll and passing descriptors are the kernel's business and not served here. What makes a
//! descriptor a QUIC socket is its cookie (`SO_COOKIE`), which stays the same whoever holds it under whatever number.
#![deny(unsafe_code)]

mod calls;
mod descriptors;
mod gone;
mod home;
mod next;
mod others;
mod own;
mod pages;
mod quic;

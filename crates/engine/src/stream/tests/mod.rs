//! Behaviour of the streams, as scripts: given, receives, then.

mod flow;
mod helper;
mod limits;
mod memory;
mod opening;
mod property;
mod receiving;
mod schedule;
mod sending;
mod spans;
mod states;

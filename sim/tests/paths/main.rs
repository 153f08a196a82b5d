//! Connections that change their addresses while they carry data (RFC 9000 §8.2, §9).

mod common;
mod migration;
mod preferred;
mod rebinding;

//! The command as its users have it: processes, sockets, exit codes.

mod abi;
mod common;
mod demo;
mod files;
mod libquic;
mod perf;
mod programs;
mod sharing;
mod trouble;

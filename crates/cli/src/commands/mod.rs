//! Comes in: what the user asked for. Goes out: one command's work, or the one failure that ended it.

pub(crate) mod cert;
pub(crate) mod perf;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod transfer;

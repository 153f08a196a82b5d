//! What interop and bench share: other programs as processes, certificates, builds. In: names; out: things that end or
//! go away when they are dropped. Ctrl-C is a flag here, so that everything is dropped after it too.

mod certificates;
mod install;
mod process;

pub(crate) use certificates::Certificates;
pub(crate) use install::{cargo_build, peers_target, target};
pub(crate) use process::{
    Running, free_port, interrupted, keep_on_interrupt, poll, udp_port_is_bound,
};

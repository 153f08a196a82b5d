//! Sockets of other programs: their socket calls come in, by way of a library that is loaded into them; answers, and descriptors
//! that the kernel closes, copies and polls as it does all others, go out. What a call means is decided in [`inquic_socket`].
//!
//! A [`served::Served`] is a socket, an [`opened::Opened`] a descriptor of it. Calls come by [`line`]s, everything else by
//! the [`porter`].

mod bound;
mod calls;
mod desk;
mod end;
mod line;
mod memory;
mod message;
mod names;
mod opened;
mod options;
mod porter;
mod receive;
mod registry;
mod send;
mod served;
mod sys;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;
use std::sync::Arc;

use inquic_calls::{HOME_VARIABLE, TOKEN_BYTES};
use inquic_platform::Platform as _;
use inquic_platform::aws_lc::AwsLc;

use crate::home::unix;
use porter::Porter;
use registry::Registry;

pub(in crate::home) use served::Served;

/// QUIC sockets for other programs, served by this process.
///
/// A program that [`Programs::prepare`] was told of and that has the library `libinquic_preload.so` loaded into it (`LD_PRELOAD`) has sockets of `IPPROTO_QUIC`, with the ordinary socket calls; its children have them too. `inquic run` does
/// both.
pub struct Programs {
    registry: Arc<Registry>,
    value: String,
}

impl Programs {
    /// Begins to serve programs.
    ///
    /// # Errors
    ///
    /// When the system gives no socket, no memory or no thread.
    pub fn start() -> io::Result<Self> {
        let mut secret = [0; NAME_BYTES + TOKEN_BYTES];
        let platform = AwsLc::new();
        platform.random(&mut secret);
        let (name, token) = secret.split_at(NAME_BYTES);
        let name = format!("inquic-{}", hex(name));
        let mut door = [0; TOKEN_BYTES];
        door.copy_from_slice(token);
        let value = format!("{name}:{}:{}", hex(token), std::process::id());
        let registry = Arc::new(Registry::new()?);
        let listener = unix::listener(&name, KNOCKING)?;
        let porter = Porter::new(registry.clone(), listener, door)?;
        std::thread::Builder::new()
            .name("inquic-porter".into())
            .spawn(move || porter.run())?;
        Ok(Self { registry, value })
    }

    /// Lets the program that `command` starts in, and all that it starts. It ends with the thread that starts it, which serves it.
    pub fn prepare(&self, command: &mut Command) {
        let variable = OsStr::from_bytes(HOME_VARIABLE.to_bytes());
        command.env(variable, &self.value);
        sys::end_with_parent(command);
    }

    /// Waits until no program has a QUIC socket any more, and what was written to those that linger has arrived.
    pub fn wait_until_quiet(&self) {
        self.registry.wait_until_quiet();
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Random bytes in the name of the home's socket.
const NAME_BYTES: usize = 8;
/// Programs that knock at once.
const KNOCKING: i32 = 128;

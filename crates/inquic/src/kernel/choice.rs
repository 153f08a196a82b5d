//! Which home a program gets: the environment, the system and the program's wishes in, one of two out.

use std::ffi::OsString;
use std::sync::OnceLock;

use inquic_descriptor::{Calls as _, Descriptor};
use inquic_uapi::option::QUIC_SOCKOPT_EOF;
use socket2::Domain;
use std::os::fd::AsRawFd as _;

use super::Settings;
use super::sys;
use crate::error::Error;

/// Where the protocol is to run.
pub(crate) enum Home {
    /// In this process.
    Embedded,
    /// In the system, with these settings.
    Kernel(Settings),
}

/// What `INQUIC_HOME` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Nothing: the kernel's where it is and can do what is wanted.
    Free,
    Embedded,
    Kernel,
}

impl Choice {
    /// What the environment says.
    pub(crate) fn here() -> Result<Self, Error> {
        Self::by_name(std::env::var_os("INQUIC_HOME"))
    }

    pub(crate) fn by_name(name: Option<OsString>) -> Result<Self, Error> {
        let name = name.unwrap_or_default();
        match name.to_str() {
            Some("") => Ok(Self::Free),
            Some("embedded") => Ok(Self::Embedded),
            Some("kernel") => Ok(Self::Kernel),
            _ => Err(Error::NoSuchHome(name.to_string_lossy().into_owned())),
        }
    }

    /// The home for who wants what `settings` say, or something that the kernel's sockets cannot do.
    pub(crate) fn home(
        self,
        is_there: impl FnOnce() -> bool,
        settings: Result<Settings, &'static str>,
    ) -> Result<Home, Error> {
        match (self, settings) {
            (Self::Embedded, _) | (Self::Free, Err(_)) => Ok(Home::Embedded),
            (Self::Free, Ok(settings)) => Ok(if is_there() {
                Home::Kernel(settings)
            } else {
                Home::Embedded
            }),
            (Self::Kernel, _) if !is_there() => Err(Error::NoSuchHome("kernel".into())),
            (Self::Kernel, Ok(settings)) => Ok(Home::Kernel(settings)),
            (Self::Kernel, Err(what)) => Err(Error::Config(format!(
                "the kernel's sockets have no {what}: leave INQUIC_HOME=kernel out, or the setting"
            ))),
        }
    }
}

/// Whether the system has QUIC sockets, and they are ours: another module knows less. Asked once.
pub(crate) fn is_there() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let socket = sys::socket(Domain::IPV4);
        socket.is_ok_and(|socket| {
            let mut value = [0; 4];
            let got = Descriptor(socket.as_raw_fd()).getsockopt(QUIC_SOCKOPT_EOF, &mut value);
            got.is_ok()
        })
    })
}

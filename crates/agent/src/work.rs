//! One handshake: a socket and what its user in the kernel wants come in; keys go into the socket, and a status for the user with a
//! line for the log goes out. No server is trusted that was not verified, and nothing lasts beyond its deadline.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use inquic_handshake::{HandshakeInfo, Session};
use quic::{Calls, Descriptor};
use rustix::io::Errno;
use socket2::{Protocol, SockRef};

use crate::config::{Config, Unusable};
use crate::limits;
use crate::message::{Authentication, Role, Wanted};
use crate::service::Job;

/// What became of a handshake.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What the kernel is told: 0 or an errno.
    pub(crate) status: u32,
    /// What the log is told.
    pub(crate) line: String,
}

/// Makes a handshake on a socket of the kernel's.
pub(crate) fn handshake(job: &Job, config: &Config) -> Outcome {
    let wanted = match &job.wanted {
        Ok(wanted) => wanted,
        Err(why) => return refused(Errno::INVAL, format!("a request that says {why}")),
    };
    let socket = SockRef::from(&job.socket);
    match socket.protocol() {
        Ok(Some(protocol)) if protocol == Protocol::from(IPPROTO_QUIC) => {}
        Ok(_) => {
            let why = "a socket of another protocol than QUIC".to_owned();
            return refused(Errno::OPNOTSUPP, why);
        }
        Err(error) => return refused(Errno::NOTSOCK, error.to_string()),
    }
    let outcome = over(Box::new(Descriptor(job.socket.as_raw_fd())), wanted, config);
    if outcome.status != 0 {
        // The peer hears of it now, and not when the user lets go of the socket.
        let _ = socket.shutdown(Shutdown::Both);
    }
    outcome
}

/// Makes a handshake by socket calls.
pub(crate) fn over(calls: Box<dyn Calls>, wanted: &Wanted, config: &Config) -> Outcome {
    let session = match session(&*calls, wanted, config) {
        Ok(session) => session,
        Err((errno, why)) => return refused(errno, why),
    };
    match quic::complete(calls, session, timeout(wanted, config)) {
        Ok(info) => Outcome {
            status: 0,
            line: agreed(&info),
        },
        Err(failure) => {
            let status = u32::try_from(failure.errno).unwrap_or(EIO);
            Outcome {
                status,
                line: failure.reason,
            }
        }
    }
}

fn session(
    calls: &dyn Calls,
    wanted: &Wanted,
    config: &Config,
) -> Result<Session, (Errno, String)> {
    if wanted.authentication == Authentication::SharedKey {
        let why = "pre-shared keys, which the TLS library does not have".to_owned();
        return Err((Errno::OPNOTSUPP, why));
    }
    if wanted.own_keys {
        let why = "a certificate of the kernel's keyring; name one in the configuration".to_owned();
        return Err((Errno::OPNOTSUPP, why));
    }
    let alpn = quic::protocols(calls);
    match wanted.role {
        Role::Server => {
            let config = config.server(&alpn).map_err(unusable)?;
            Ok(Session::server(&config))
        }
        Role::Client => {
            let config = config.client(&alpn).map_err(unusable)?;
            let name = match &wanted.peer_name {
                Some(name) => name.clone(),
                // A name that a reverse look-up gave would be one of the attacker's choice.
                None => match calls.peer() {
                    Ok(address) => address.to_string(),
                    Err(error) => return Err((errno_of(&error), error.to_string())),
                },
            };
            Session::client(&config, &name).map_err(|error| (Errno::INVAL, error.to_string()))
        }
    }
}

/// How long it may take.
fn timeout(wanted: &Wanted, config: &Config) -> Duration {
    match wanted.timeout_ms {
        0 => config.timeout,
        ms => Duration::from_millis(ms.into()).min(limits::HANDSHAKE_MAX),
    }
}

fn unusable(why: Unusable) -> (Errno, String) {
    match why {
        Unusable::Authorities(why) => (Errno::NOKEY, why),
        Unusable::Certificates => {
            let why = "no certificate to show; name one in the configuration".to_owned();
            (Errno::NOKEY, why)
        }
        Unusable::Other(error) => (Errno::INVAL, error.to_string()),
    }
}

fn agreed(info: &HandshakeInfo) -> String {
    let protocol = info.alpn.escape_ascii();
    let suite = info.cipher_suite;
    match &info.server_name {
        Some(name) => format!("complete: {protocol}, {suite:?}, {}", name.escape_debug()),
        None => format!("complete: {protocol}, {suite:?}"),
    }
}

fn refused(errno: Errno, line: String) -> Outcome {
    Outcome {
        status: errno.raw_os_error().unsigned_abs(),
        line,
    }
}

fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

const IPPROTO_QUIC: i32 = 261;
const EIO: u32 = 5;

#[cfg(test)]
mod tests;

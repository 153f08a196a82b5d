//! One handshake: a socket and what its user in the kernel wants come in; keys go into the socket, and a status for the user with a
//! line for the log goes out. No server is trusted that was not verified, and nothing lasts beyond its deadline.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use inquic_handshake::{
    ClientCertificate, ConfigError, HandshakeInfo, Session, SharedKey, SharedKeys,
};
use quic::{Calls, Descriptor};
use rustix::io::Errno;
use socket2::{Protocol, SockRef};

use crate::config::{Config, Unusable};
use crate::keys;
use crate::limits;
use crate::message::{Authentication, Role, Wanted};
use crate::service::Job;

/// What became of a handshake.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What the kernel is told: 0 or an errno.
    pub(crate) status: u32,
    /// The key of the kernel's that it was made by.
    pub(crate) key: Option<i32>,
    /// What the log is told.
    pub(crate) line: String,
}

/// Keys of the kernel's by their serial numbers.
type Named = Vec<(i32, SharedKey)>;

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
    let made = if wanted.authentication == Authentication::SharedKey {
        by_shared_keys(&*calls, wanted, config)
    } else {
        session(&*calls, wanted, config).map(|session| (session, Named::new()))
    };
    let (session, named) = match made {
        Ok(made) => made,
        Err((errno, why)) => return refused(errno, why),
    };
    match quic::complete(calls, session, timeout(wanted, config)) {
        Ok(info) => {
            let mut named = named.into_iter();
            let used = named.find(|(_, key)| Some(key.identity()) == info.shared_key.as_deref());
            Outcome {
                status: 0,
                key: used.map(|(serial, _)| serial),
                line: agreed(&info),
            }
        }
        Err(failure) => {
            let status = u32::try_from(failure.errno).unwrap_or(EIO);
            Outcome {
                status,
                key: None,
                line: failure.reason,
            }
        }
    }
}

/// By pre-shared keys: those that the user has named, which come first, and those of the configuration at a server, or where the user has
/// named none.
fn by_shared_keys(
    calls: &dyn Calls,
    wanted: &Wanted,
    config: &Config,
) -> Result<(Session, Named), keys::Unusable> {
    let mut named = Named::new();
    for serial in &wanted.shared_keys {
        let key = keys::shared(*serial)?;
        // The same key, named twice.
        if named
            .iter()
            .all(|(_, other)| other.identity() != key.identity())
        {
            named.push((*serial, key));
        }
    }
    let mut keys: Vec<SharedKey> = named.iter().map(|(_, key)| key.clone()).collect();
    if keys.is_empty() || wanted.role == Role::Server {
        for key in &config.shared_keys {
            if keys.iter().all(|other| other.identity() != key.identity()) {
                keys.push(key.clone());
            }
        }
    }
    if keys.is_empty() {
        let why = "no pre-shared key, neither of the kernel's nor of the configuration";
        return Err((Errno::NOKEY, why.to_owned()));
    }
    let keys = SharedKeys::new(keys, quic::protocols(calls));
    let keys = keys.map_err(|error| (Errno::INVAL, error.to_string()))?;
    let session = match wanted.role {
        Role::Client => Session::client_shared(&keys, wanted.peer_name.as_deref()),
        Role::Server => Session::server_shared(&keys),
    };
    Ok((session, named))
}

fn session(calls: &dyn Calls, wanted: &Wanted, config: &Config) -> Result<Session, keys::Unusable> {
    let own = match wanted.certificate {
        Some(own) => Some(keys::certificate(own)?),
        None => None,
    };
    let alpn = quic::protocols(calls);
    match wanted.role {
        Role::Server => {
            let asked = match quic::certificate_request(calls) {
                0 => None,
                1 => Some(ClientCertificate::Asked),
                _ => Some(ClientCertificate::Required),
            };
            let config = config.server(&alpn, own, asked).map_err(unusable)?;
            Ok(Session::server(&config))
        }
        Role::Client => {
            let own = match wanted.authentication {
                Authentication::Anonymous => None,
                _ => own.or_else(|| config.own.clone()),
            };
            let config = config.client(&alpn, own).map_err(unusable)?;
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
        Unusable::Clients => {
            let why = "clients are to show certificates; name their authorities in [server]";
            (Errno::NOKEY, why.to_owned())
        }
        Unusable::Other(ConfigError::KeyMismatch | ConfigError::DamagedCertificate) => {
            let why = "a certificate of the kernel's that is damaged, or not that of the key";
            (Errno::KEYREJECTED, why.to_owned())
        }
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
    if let Some(identity) = &info.shared_key {
        let identity = identity.escape_ascii();
        return format!("complete: {protocol}, {suite:?}, by the key {identity}");
    }
    let mut line = format!("complete: {protocol}, {suite:?}");
    if let Some(name) = &info.server_name {
        line += &format!(", {}", name.escape_debug());
    }
    if info.peer_has_certificate {
        line += ", the peer has shown its certificate";
    }
    line
}

fn refused(errno: Errno, line: String) -> Outcome {
    Outcome {
        status: errno.raw_os_error().unsigned_abs(),
        key: None,
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

//! Comes in: where the user says a file is, `quic://host:port/path` or `host:port/path`. Goes out: a server and a name on it.

use percent_encoding::percent_decode_str;

use crate::failure::{Exit, Failure};
use crate::files::Name;

/// A server and something on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// `host:port`, as connecting takes it.
    pub(crate) server: String,
    /// What is meant there.
    pub(crate) name: Name,
    /// Whether the path ended in `/`, or was empty: a directory to put something into.
    pub(crate) into: bool,
}

impl Location {
    /// Reads what the user typed. Only a URL is percent-decoded.
    pub(crate) fn parse(raw: &str) -> Result<Self, Failure> {
        let bad = |why: &str| {
            let way_out = "write quic://HOST[:PORT]/PATH or HOST[:PORT]/PATH, as in quic://example.org:4433/docs";
            Failure::new(
                Exit::Usage,
                format!("'{raw}' names no file on a server: {why}"),
                way_out,
            )
        };
        let url = raw.strip_prefix(SCHEME);
        if url.is_none() && raw.contains("://") {
            return Err(bad("the scheme is not quic"));
        }
        let rest = url.unwrap_or(raw);
        let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
        let server =
            with_port(server).ok_or_else(|| bad("there is no host in it, or no valid port"))?;
        let path = match url {
            Some(_) => percent_decode_str(path)
                .decode_utf8()
                .map_err(|_| bad("the path is not UTF-8"))?,
            None => path.into(),
        };
        let name = Name::from_user(&path).map_err(|why| bad(&format!("{why} is refused")))?;
        let into = path.is_empty() || path.ends_with('/');
        Ok(Self { server, name, into })
    }
}

/// The server with a port, the usual one where none is given.
fn with_port(server: &str) -> Option<String> {
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (
                host,
                if port.is_empty() {
                    None
                } else {
                    Some(port.strip_prefix(':')?)
                },
            )
        }
        None => match server.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (server, None),
        },
    };
    let port = port.map_or(Some(PORT), |port| {
        port.parse().ok().filter(|port| *port != 0)
    })?;
    let bracketed = server.starts_with('[');
    match host {
        "" => None,
        host if bracketed => Some(format!("[{host}]:{port}")),
        host if host.contains([' ', '@', '?', '#']) => None,
        host => Some(format!("{host}:{port}")),
    }
}

const SCHEME: &str = "quic://";
/// The port of `inquic serve`.
const PORT: u16 = 4433;

#[cfg(test)]
mod tests;

//! Handshakes between two of the agent's ends over sockets in memory, by the same calls that are made on a descriptor.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use inquic_handshake::cert::CertificateAuthority;
use inquic_uapi::structs::ConnectionClose;
use inquic_uapi::{Layout as _, option};

use super::*;
use crate::service::tests::other_socket;

#[derive(Default)]
struct Side {
    sent: VecDeque<(u8, Vec<u8>)>,
    secrets: usize,
    closed: Option<Vec<u8>>,
}

type Wire = Arc<(Mutex<[Side; 2]>, Condvar)>;

/// One end of a pair of sockets: 0 is the client.
struct Memory {
    wire: Wire,
    at: usize,
    alpn: &'static [u8],
}

impl Calls for Memory {
    fn getsockopt(&self, name: u32, out: &mut [u8]) -> io::Result<usize> {
        let value: &[u8] = match name {
            option::QUIC_SOCKOPT_TOKEN if self.at == 0 => &[],
            option::QUIC_SOCKOPT_ALPN => self.alpn,
            // initial_max_data of 9, which is enough of a list.
            option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT => &[4, 1, 9],
            option::QUIC_SOCKOPT_CONNECTION_CLOSE => {
                let sides = self.wire.0.lock().expect("no panic");
                let closed = sides[1 - self.at].closed.clone().unwrap_or_default();
                out[..closed.len()].copy_from_slice(&closed);
                return Ok(closed.len());
            }
            _ => return Err(Errno::INVAL.into()),
        };
        out[..value.len()].copy_from_slice(value);
        Ok(value.len())
    }

    fn setsockopt(&self, name: u32, value: &[u8]) -> io::Result<()> {
        let side = &mut self.wire.0.lock().expect("no panic")[self.at];
        match name {
            option::QUIC_SOCKOPT_CRYPTO_SECRET => side.secrets += 1,
            option::QUIC_SOCKOPT_CONNECTION_CLOSE => {
                side.closed = Some(value.to_vec());
                self.wire.1.notify_all();
            }
            _ => {}
        }
        Ok(())
    }

    fn peer(&self) -> io::Result<IpAddr> {
        Ok(Ipv4Addr::LOCALHOST.into())
    }

    fn send(&self, level: u8, bytes: &[u8], _more: bool) -> io::Result<usize> {
        let side = &mut self.wire.0.lock().expect("no panic")[self.at];
        side.sent.push_back((level, bytes.to_vec()));
        self.wire.1.notify_all();
        Ok(bytes.len())
    }

    fn receive(&self, out: &mut [u8]) -> io::Result<(usize, Option<u8>)> {
        let side = &mut self.wire.0.lock().expect("no panic")[1 - self.at];
        match side.sent.pop_front() {
            Some((level, bytes)) => {
                out[..bytes.len()].copy_from_slice(&bytes);
                Ok((bytes.len(), Some(level)))
            }
            None if side.closed.is_some() => Err(Errno::NOTCONN.into()),
            None => Err(Errno::AGAIN.into()),
        }
    }

    fn wait(&self, _sending: bool, at_most: Duration) -> io::Result<bool> {
        let sides = self.wire.0.lock().expect("no panic");
        let other = &sides[1 - self.at];
        if other.sent.is_empty() && other.closed.is_none() {
            drop(self.wire.1.wait_timeout(sides, at_most).expect("no panic"));
        }
        Ok(true)
    }
}

/// An agent's configuration with certificates for these names; its clients trust their authority.
fn config(names: &[&str]) -> Config {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = CertificateAuthority::new("test").expect("an authority");
    let put = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    put("ca.pem", authority.pem());
    let mut text = "[client]\nroots = \"ca.pem\"\n".to_owned();
    for (at, name) in names.iter().enumerate() {
        let issued = authority.issue(&[name], Duration::from_secs(60));
        let issued = issued.expect("a certificate");
        put(&format!("{at}.pem"), &issued.certificate_pem);
        put(&format!("{at}.key"), &issued.key_pem);
        text += &format!(
            "[[certificate]]\nnames = [{name:?}]\nchain = \"{at}.pem\"\nkey = \"{at}.key\"\n"
        );
    }
    put("agent.toml", &text);
    Config::read(&folder.path().join("agent.toml")).expect("a configuration")
}

fn wanted(role: Role, peer_name: Option<&str>) -> Wanted {
    Wanted {
        role,
        authentication: Authentication::Certificates,
        timeout_ms: 60_000,
        peer_name: peer_name.map(str::to_owned),
        own_keys: false,
    }
}

/// Both ends, the client first, and what was left on the wire.
fn both(
    client: (&Config, &Wanted, &'static [u8]),
    server: (&Config, &'static [u8]),
) -> ([Outcome; 2], Wire) {
    let wire: Wire = Arc::default();
    let end = |at, alpn| {
        let wire = wire.clone();
        Box::new(Memory { wire, at, alpn })
    };
    let outcomes = thread::scope(|scope| {
        let served = end(1, server.1);
        let serving = scope.spawn(move || over(served, &wanted(Role::Server, None), server.0));
        let asked = over(end(0, client.2), client.1, client.0);
        [asked, serving.join().expect("no panic")]
    });
    (outcomes, wire)
}

fn status(errno: Errno) -> u32 {
    errno.raw_os_error().unsigned_abs()
}

#[test]
fn a_client_and_a_server_get_all_their_secrets() {
    let config = config(&["localhost"]);
    let client = wanted(Role::Client, Some("localhost"));
    let ([asked, served], wire) = both((&config, &client, b"x, test/1"), (&config, b"test/1"));
    assert_eq!(
        (asked.status, served.status),
        (0, 0),
        "{asked:?} {served:?}"
    );
    assert!(asked.line.starts_with("complete: test/1"), "{}", asked.line);
    let sides = wire.0.lock().expect("no panic");
    // Two levels, two directions.
    assert_eq!((sides[0].secrets, sides[1].secrets), (4, 4));
}

#[test]
fn the_certificate_is_that_of_the_name_which_is_asked_for() {
    let config = config(&["one.example", "two.example"]);
    for name in ["one.example", "two.example"] {
        let client = wanted(Role::Client, Some(name));
        let ([asked, _], _) = both((&config, &client, b"a"), (&config, b"a"));
        assert_eq!(asked.status, 0, "{}", asked.line);
    }
}

#[test]
fn a_wrong_name_is_refused_and_the_alert_goes_to_the_peer() {
    let config = config(&["localhost"]);
    let client = wanted(Role::Client, Some("other.example"));
    let ([asked, served], wire) = both((&config, &client, b"a"), (&config, b"a"));
    assert_eq!(asked.status, status(Errno::KEYREJECTED), "{}", asked.line);
    assert_eq!(served.status, status(Errno::CONNABORTED), "{}", served.line);
    let sides = wire.0.lock().expect("no panic");
    let closed = sides[0].closed.as_deref().expect("closed");
    // CRYPTO_ERROR with bad_certificate.
    assert_eq!(ConnectionClose::read(closed).errcode, 0x100 + 42);
}

#[test]
fn an_authority_that_nobody_trusts_is_refused() {
    let (ours, theirs) = (config(&["localhost"]), config(&["localhost"]));
    let client = wanted(Role::Client, Some("localhost"));
    let ([asked, _], _) = both((&ours, &client, b"a"), (&theirs, b"a"));
    assert_eq!(asked.status, status(Errno::KEYREJECTED), "{}", asked.line);
}

#[test]
fn without_a_name_the_certificate_must_be_for_the_address() {
    let by_address = config(&["127.0.0.1"]);
    let ([asked, _], _) = both(
        (&by_address, &wanted(Role::Client, None), b"a"),
        (&by_address, b"a"),
    );
    assert_eq!(asked.status, 0, "{}", asked.line);
    let by_name = config(&["localhost"]);
    let ([asked, _], _) = both(
        (&by_name, &wanted(Role::Client, None), b"a"),
        (&by_name, b"a"),
    );
    assert_eq!(asked.status, status(Errno::KEYREJECTED), "{}", asked.line);
}

#[test]
fn no_common_protocol_is_said_to_both() {
    let config = config(&["localhost"]);
    let client = wanted(Role::Client, Some("localhost"));
    let ([asked, served], _) = both((&config, &client, b"a"), (&config, b"b"));
    assert_eq!(served.status, status(Errno::PROTONOSUPPORT), "{served:?}");
    assert_eq!(asked.status, status(Errno::CONNABORTED), "{asked:?}");
}

#[test]
fn a_peer_that_says_nothing_is_given_up_at_the_deadline() {
    let config = config(&["localhost"]);
    let wire: Wire = Arc::default();
    let server = Memory {
        wire,
        at: 1,
        alpn: b"a",
    };
    let mut wanted = wanted(Role::Server, None);
    wanted.timeout_ms = 50;
    let outcome = over(Box::new(server), &wanted, &config);
    assert_eq!(outcome.status, status(Errno::TIMEDOUT), "{}", outcome.line);
}

#[test]
fn what_cannot_be_is_refused_with_its_errno() {
    let config = config(&["localhost"]);
    let refuse = |wanted: Wanted| {
        let end = Memory {
            wire: Arc::default(),
            at: 0,
            alpn: b"a",
        };
        over(Box::new(end), &wanted, &config).status
    };
    let client = wanted(Role::Client, Some("localhost"));
    let shared = Wanted {
        authentication: Authentication::SharedKey,
        ..client.clone()
    };
    assert_eq!(refuse(shared), status(Errno::OPNOTSUPP));
    let keys = Wanted {
        own_keys: true,
        ..client
    };
    assert_eq!(refuse(keys), status(Errno::OPNOTSUPP));
    let nameless = wanted(Role::Client, Some("not a name"));
    assert_eq!(refuse(nameless), status(Errno::INVAL));
}

#[test]
fn a_socket_of_another_protocol_is_not_touched() {
    let job = Job {
        socket: other_socket(),
        wanted: Ok(wanted(Role::Client, None)),
    };
    let outcome = handshake(&job, &config(&["localhost"]));
    assert_eq!(outcome.status, status(Errno::OPNOTSUPP), "{}", outcome.line);
}

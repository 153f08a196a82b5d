//! Handshakes between two of the agent's ends over sockets in memory, by the same calls that are made on a descriptor.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use inquic_handshake::cert::CertificateAuthority;
use inquic_uapi::structs::{self as uapi, ConnectionClose};
use inquic_uapi::{Layout as _, option};

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::*;
use crate::message::Own;
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
    /// What CONFIG says of certificates of clients.
    certificate_request: u8,
}

impl Calls for Memory {
    fn getsockopt(&self, name: u32, out: &mut [u8]) -> io::Result<usize> {
        let value: &[u8] = match name {
            option::QUIC_SOCKOPT_TOKEN if self.at == 0 => &[],
            option::QUIC_SOCKOPT_ALPN => self.alpn,
            // initial_max_data of 9, which is enough of a list.
            option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT => &[4, 1, 9],
            option::QUIC_SOCKOPT_CONFIG => {
                let config = uapi::Config {
                    certificate_request: self.certificate_request,
                    ..uapi::Config::default()
                };
                return Ok(config.write(out));
            }
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
        certificate: None,
        shared_keys: Vec::new(),
    }
}

/// Both ends, the client first, and what was left on the wire.
fn both(
    client: (&Config, &Wanted, &'static [u8]),
    server: (&Config, &'static [u8]),
) -> ([Outcome; 2], Wire) {
    ends(client, (server.0, &wanted(Role::Server, None), server.1))
}

/// The same with what the server's user wants.
fn ends(
    client: (&Config, &Wanted, &'static [u8]),
    server: (&Config, &Wanted, &'static [u8]),
) -> ([Outcome; 2], Wire) {
    let wire: Wire = Arc::default();
    let end = |at, alpn| {
        let wire = wire.clone();
        Box::new(Memory {
            wire,
            at,
            alpn,
            certificate_request: 0,
        })
    };
    let outcomes = thread::scope(|scope| {
        let served = end(1, server.2);
        let serving = scope.spawn(move || over(served, server.1, server.0));
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
        certificate_request: 0,
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
            certificate_request: 0,
        };
        over(Box::new(end), &wanted, &config).status
    };
    let client = wanted(Role::Client, Some("localhost"));
    let shared = Wanted {
        authentication: Authentication::SharedKey,
        ..client.clone()
    };
    assert_eq!(refuse(shared.clone()), status(Errno::NOKEY));
    let gone = Wanted {
        shared_keys: vec![i32::MAX],
        ..shared
    };
    assert_eq!(refuse(gone), status(Errno::NOKEY));
    let gone = Wanted {
        certificate: Some(Own {
            certificate: i32::MAX,
            private_key: i32::MAX,
        }),
        ..client
    };
    assert_eq!(refuse(gone), status(Errno::NOKEY));
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

/// A configuration that trusts an authority on both sides and shows a certificate of it; `more` goes into `[server]`. And a certificate
/// of the same authority with its key, as keys of the kernel's, for a client or a server.
fn mutual(more: &str, role: Role) -> (Config, Own) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let folder = tempfile::tempdir().expect("a folder");
    let authority = CertificateAuthority::new("test").expect("an authority");
    let issued = authority.issue(&["localhost"], Duration::from_secs(60));
    let issued = issued.expect("a certificate");
    let put = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    put("ca.pem", authority.pem());
    put("pem", &issued.certificate_pem);
    put("key", &issued.key_pem);
    let certificate = "[[certificate]]\nchain = \"pem\"\nkey = \"key\"\n";
    let roots = "roots = \"ca.pem\"\n";
    put(
        "agent.toml",
        &format!("{certificate}[client]\n{roots}[server]\n{roots}{more}"),
    );
    let config = Config::read(&folder.path().join("agent.toml")).expect("a configuration");
    let own = match role {
        Role::Client => authority.issue_client("client", Duration::from_secs(60)),
        Role::Server => authority.issue(&["localhost"], Duration::from_secs(60)),
    };
    let own = own.expect("a certificate");
    let certificate = CertificateDer::from_pem_slice(own.certificate_pem.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(own.key_pem.as_bytes());
    let (certificate, key) = (certificate.expect("one"), key.expect("one"));
    // A key of the same name would take the place of an earlier one.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let add = |name, bytes| keys::tests::add("user", &format!("inquic:{name} {number}"), bytes);
    let own = Own {
        certificate: add("certificate", &*certificate),
        private_key: add("private", key.secret_der()),
    };
    (config, own)
}

fn client_with(own: Option<Own>) -> Wanted {
    Wanted {
        certificate: own,
        ..wanted(Role::Client, Some("localhost"))
    }
}

#[test]
fn a_client_shows_a_certificate_of_the_kernels_to_a_server_that_wants_one() {
    let (config, own) = mutual("clients = \"require\"", Role::Client);
    let client = client_with(Some(own));
    let ([asked, served], _) = both((&config, &client, b"a"), (&config, b"a"));
    assert_eq!(
        (asked.status, served.status),
        (0, 0),
        "{asked:?} {served:?}"
    );
    let shown = "the peer has shown its certificate";
    assert!(served.line.ends_with(shown), "{served:?}");
}

#[test]
fn a_client_without_one_is_refused_where_it_is_required() {
    let (config, _) = mutual("clients = \"require\"", Role::Client);
    let client = client_with(None);
    let ([_, served], wire) = both((&config, &client, b"a"), (&config, b"a"));
    assert_eq!(served.status, status(Errno::KEYREJECTED), "{served:?}");
    let sides = wire.0.lock().expect("no panic");
    let closed = sides[1].closed.as_deref().expect("closed");
    // CRYPTO_ERROR with certificate_required.
    assert_eq!(ConnectionClose::read(closed).errcode, 0x100 + 116);
}

#[test]
fn a_client_that_is_to_be_anonymous_shows_nothing() {
    let (config, own) = mutual("clients = \"ask\"", Role::Client);
    let client = Wanted {
        authentication: Authentication::Anonymous,
        ..client_with(Some(own))
    };
    let ([asked, served], _) = both((&config, &client, b"a"), (&config, b"a"));
    assert_eq!(
        (asked.status, served.status),
        (0, 0),
        "{asked:?} {served:?}"
    );
    assert!(!served.line.contains("certificate"), "{served:?}");
}

#[test]
fn the_socket_may_want_more_of_clients_than_the_configuration() {
    let (config, _) = mutual("", Role::Client);
    let session = |certificate_request| {
        let end = Memory {
            wire: Arc::default(),
            at: 1,
            alpn: b"a",
            certificate_request,
        };
        let mut wanted = wanted(Role::Server, None);
        wanted.timeout_ms = 50;
        over(Box::new(end), &wanted, &config)
    };
    // They wait for a client in vain.
    for request in [0, 1, 2] {
        assert_eq!(session(request).status, status(Errno::TIMEDOUT));
    }
    // Where nobody is trusted to have signed it, there is no use in waiting.
    let config = self::config(&["localhost"]);
    let end = Memory {
        wire: Arc::default(),
        at: 1,
        alpn: b"a",
        certificate_request: 1,
    };
    let outcome = over(Box::new(end), &wanted(Role::Server, None), &config);
    assert_eq!(outcome.status, status(Errno::NOKEY), "{outcome:?}");
}

#[test]
fn a_server_shows_the_certificate_that_its_user_names() {
    let (config, own) = mutual("", Role::Server);
    let none = Config::without_file();
    let server = Wanted {
        certificate: Some(own),
        ..wanted(Role::Server, None)
    };
    let client = client_with(None);
    let ([asked, served], _) = ends((&config, &client, b"a"), (&none, &server, b"a"));
    assert_eq!(
        (asked.status, served.status),
        (0, 0),
        "{asked:?} {served:?}"
    );
}

#[test]
fn a_certificate_that_is_not_that_of_the_key_is_refused() {
    let (config, own) = mutual("", Role::Client);
    let (_, other) = mutual("", Role::Client);
    let client = client_with(Some(Own {
        private_key: other.private_key,
        ..own
    }));
    let end = Memory {
        wire: Arc::default(),
        at: 0,
        alpn: b"a",
        certificate_request: 0,
    };
    let outcome = over(Box::new(end), &client, &config);
    assert_eq!(outcome.status, status(Errno::KEYREJECTED), "{outcome:?}");
}

/// What a user wants that names these keys of the kernel's.
fn by_keys(role: Role, keys: &[i32]) -> Wanted {
    Wanted {
        authentication: Authentication::SharedKey,
        shared_keys: keys.to_vec(),
        ..wanted(role, None)
    }
}

#[test]
fn keys_of_the_kernel_stand_in_for_certificates_and_the_one_used_is_told() {
    let config = Config::without_file();
    let other = keys::tests::add("user", "inquic:other", &[5; 32]);
    let key = keys::tests::add("user", "inquic:key", &[6; 32]);
    let client = by_keys(Role::Client, &[other, key, key]);
    let server = by_keys(Role::Server, &[key]);
    let ([asked, served], wire) = ends((&config, &client, b"ab"), (&config, &server, b"ab"));
    assert_eq!(
        (asked.status, served.status),
        (0, 0),
        "{asked:?} {served:?}"
    );
    assert_eq!((asked.key, served.key), (Some(key), Some(key)));
    assert!(asked.line.ends_with("by the key inquic:key"), "{asked:?}");
    let sides = wire.0.lock().expect("no panic");
    assert_eq!((sides[0].secrets, sides[1].secrets), (4, 4));
}

#[test]
fn a_server_also_takes_the_keys_of_its_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    put("keys", &format!("inquic:filed:{}\n", "06".repeat(32)));
    put("agent.toml", "[psk]\nfile = \"keys\"");
    let filed = Config::read(&folder.path().join("agent.toml")).expect("a configuration");
    let named = keys::tests::add("user", "inquic:named", &[7; 32]);
    let key = keys::tests::add("user", "inquic:filed", &[6; 32]);
    let none = Config::without_file();
    let client = by_keys(Role::Client, &[key]);
    let server = by_keys(Role::Server, &[named]);
    let ([asked, served], _) = ends((&none, &client, b"ab"), (&filed, &server, b"ab"));
    assert_eq!(
        (asked.status, served.status),
        (0, 0),
        "{asked:?} {served:?}"
    );
    assert_eq!((asked.key, served.key), (Some(key), None));
    // A client whose user has named none.
    let client = by_keys(Role::Client, &[]);
    let server = by_keys(Role::Server, &[key]);
    let ([asked, served], _) = ends((&filed, &client, b"ab"), (&none, &server, b"ab"));
    assert_eq!(
        (asked.status, served.status),
        (0, 0),
        "{asked:?} {served:?}"
    );
    assert_eq!((asked.key, served.key), (None, Some(key)));
}

#[test]
fn a_key_that_only_one_end_has_is_refused_at_both() {
    let config = Config::without_file();
    let ours = keys::tests::add("user", "inquic:ours", &[8; 32]);
    let theirs = keys::tests::add("user", "inquic:theirs", &[8; 32]);
    let client = by_keys(Role::Client, &[ours]);
    let server = by_keys(Role::Server, &[theirs]);
    let ([asked, served], wire) = ends((&config, &client, b"ab"), (&config, &server, b"ab"));
    assert_eq!(served.status, status(Errno::KEYREJECTED), "{served:?}");
    assert_eq!(asked.status, status(Errno::CONNABORTED), "{asked:?}");
    assert!(asked.line.contains("unknown_psk_identity"), "{asked:?}");
    let sides = wire.0.lock().expect("no panic");
    let closed = sides[1].closed.as_deref().expect("closed");
    assert_eq!(ConnectionClose::read(closed).errcode, 0x100 + 115);
}

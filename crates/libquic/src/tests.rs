//! Handshakes over sockets in memory, by the same calls that are made on a descriptor.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use inquic_handshake::HandshakeSocket as _;
use inquic_handshake::cert::CertificateAuthority;
use inquic_uapi::structs::{Config, CryptoSecret};
use inquic_uapi::{Layout, QUIC_CRYPTO_APP, QUIC_CRYPTO_INITIAL, option};
use inquic_wire::Version;
use tempfile::TempDir;

use crate::kept::{self, Client};
use crate::messages;
use crate::session::{Failed, Handshake, Next};
use crate::wishes::names;
use inquic_descriptor::Calls;
use inquic_descriptor::{Link, errno};

/// What one end has sent, and what was done on its socket.
#[derive(Default)]
struct Side {
    sent: VecDeque<(u8, Vec<u8>)>,
    /// In order: a level that was sent at, or a secret of a level and direction.
    acts: Vec<Act>,
    secrets: HashMap<(u8, u8), Vec<u8>>,
    closed_with: Option<Vec<u8>>,
    /// What CONFIG says.
    config: Config,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Sent(u8),
    Secret { level: u8, send: u8 },
}

type Wire = Arc<(Mutex<[Side; 2]>, Condvar)>;

/// One end of a pair of sockets.
struct Memory {
    wire: Wire,
    at: usize,
}

impl Calls for Memory {
    fn getsockopt(&self, name: u32, out: &mut [u8]) -> io::Result<usize> {
        match name {
            option::QUIC_SOCKOPT_TOKEN if self.at == 0 => Ok(0),
            option::QUIC_SOCKOPT_CONFIG => {
                Ok(self.wire.0.lock().unwrap()[self.at].config.write(out))
            }
            // initial_max_data of 9, which is enough of a list.
            option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT => {
                out[..3].copy_from_slice(&[4, 1, 9]);
                Ok(3)
            }
            option::QUIC_SOCKOPT_SESSION_TICKET if self.at == 1 => {
                out[..64].fill(7);
                Ok(64)
            }
            option::QUIC_SOCKOPT_SESSION_TICKET => {
                // What came after the handshake, as a socket keeps it.
                let mut sides = self.wire.0.lock().unwrap();
                let mut ticket = Vec::new();
                while let Some((QUIC_CRYPTO_APP, bytes)) = sides[1].sent.front() {
                    let len = 4 + usize::from(bytes[2]) * 256 + usize::from(bytes[3]);
                    ticket = bytes[..len].to_vec();
                    sides[1].sent.pop_front();
                }
                out[..ticket.len()].copy_from_slice(&ticket);
                Ok(ticket.len())
            }
            _ => Err(errno(libc::EINVAL)),
        }
    }

    fn setsockopt(&self, name: u32, value: &[u8]) -> io::Result<()> {
        let side = &mut self.wire.0.lock().unwrap()[self.at];
        match name {
            option::QUIC_SOCKOPT_CRYPTO_SECRET => {
                let CryptoSecret {
                    send,
                    level,
                    secret,
                    ..
                } = CryptoSecret::read(value);
                side.acts.push(Act::Secret { level, send });
                side.secrets.insert((level, send), secret.to_vec());
            }
            option::QUIC_SOCKOPT_CONNECTION_CLOSE => {
                side.closed_with = Some(value.to_vec());
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
        let side = &mut self.wire.0.lock().unwrap()[self.at];
        side.acts.push(Act::Sent(level));
        side.sent.push_back((level, bytes.to_vec()));
        self.wire.1.notify_all();
        Ok(bytes.len())
    }

    fn receive(&self, out: &mut [u8]) -> io::Result<(usize, Option<u8>)> {
        let side = &mut self.wire.0.lock().unwrap()[1 - self.at];
        let (level, bytes) = match side.sent.pop_front() {
            Some(sent) => sent,
            None if side.closed_with.is_some() => return Err(errno(libc::ENOTCONN)),
            None => return Err(errno(libc::EAGAIN)),
        };
        out[..bytes.len()].copy_from_slice(&bytes);
        Ok((bytes.len(), Some(level)))
    }

    fn wait(&self, _sending: bool, at_most: Duration) -> io::Result<bool> {
        let sides = self.wire.0.lock().unwrap();
        let other = &sides[1 - self.at];
        if other.sent.is_empty() && other.closed_with.is_none() {
            drop(self.wire.1.wait_timeout(sides, at_most).unwrap());
        }
        Ok(true)
    }
}

/// An authority and a certificate for `localhost` in files.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let ca = CertificateAuthority::new("Test CA").unwrap();
        let issued = ca.issue(&["localhost"], Duration::from_secs(3600)).unwrap();
        let files = Self(tempfile::tempdir().unwrap());
        let client = ca
            .issue_client("client", Duration::from_secs(3600))
            .unwrap();
        std::fs::write(files.path("client.pem"), client.certificate_pem).unwrap();
        std::fs::write(files.path("client.key"), &*client.key_pem).unwrap();
        std::fs::write(files.path("ca.pem"), ca.pem()).unwrap();
        std::fs::write(files.path("cert.pem"), issued.certificate_pem).unwrap();
        std::fs::write(files.path("key.pem"), &*issued.key_pem).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn client(&self, wire: &Wire, name: Option<&str>) -> Handshake {
        let mut client = end(wire, 0);
        client.choices.alpn = names(b"test");
        client.choices.server_name = name.map(str::to_owned);
        client.choices.authorities = Some(self.path("ca.pem"));
        client
    }

    fn server(&self, wire: &Wire) -> Handshake {
        let mut server = end(wire, 1);
        server.choices.alpn = names(b"other, test");
        server.choices.certificate = Some((self.path("cert.pem"), self.path("key.pem")));
        server
    }
}

fn end(wire: &Wire, at: usize) -> Handshake {
    Handshake::new(Box::new(Memory {
        wire: wire.clone(),
        at,
    }))
}

/// Both handshakes, each in a thread of its own.
fn shake(client: &mut Handshake, server: &mut Handshake) -> [Result<(), Failed>; 2] {
    let whole = |handshake: &mut Handshake| {
        handshake.start()?;
        handshake.run()
    };
    thread::scope(|scope| {
        let serving = scope.spawn(|| whole(server));
        let client = whole(client);
        [client, serving.join().unwrap()]
    })
}

#[test]
fn both_ends_install_the_same_secrets_and_agree_on_a_protocol() {
    let (files, wire) = (Files::new(), Wire::default());
    let (mut client, mut server) = (files.client(&wire, Some("localhost")), files.server(&wire));
    assert_eq!(shake(&mut client, &mut server), [Ok(()), Ok(())]);
    assert_eq!(client.alpn(), b"test");
    assert_eq!(server.alpn(), b"test");
    let sides = wire.0.lock().unwrap();
    assert_eq!(sides[0].secrets.len(), 4);
    for (&(level, send), secret) in &sides[0].secrets {
        assert_eq!(Some(secret), sides[1].secrets.get(&(level, 1 - send)));
    }
}

#[test]
fn no_secret_is_installed_before_the_messages_that_go_before_it() {
    let (files, wire) = (Files::new(), Wire::default());
    let (mut client, mut server) = (files.client(&wire, Some("localhost")), files.server(&wire));
    assert_eq!(shake(&mut client, &mut server), [Ok(()), Ok(())]);
    let sides = wire.0.lock().unwrap();
    for side in &*sides {
        let sent_at = |level| {
            let last = side.acts.iter().rposition(|act| *act == Act::Sent(level));
            last.unwrap()
        };
        let first = |act| side.acts.iter().position(|other| *other == act).unwrap();
        let handshake = Act::Secret { level: 2, send: 1 };
        assert!(sent_at(QUIC_CRYPTO_INITIAL) < first(handshake));
        let open = Act::Secret {
            level: QUIC_CRYPTO_APP,
            send: 1,
        };
        assert!(sent_at(2) < first(open));
    }
}

#[test]
fn certificate_for_another_name_is_refused_and_the_peer_is_told() {
    for name in [Some("example.org"), None] {
        let (files, wire) = (Files::new(), Wire::default());
        let (mut client, mut server) = (files.client(&wire, name), files.server(&wire));
        let [failed, _] = shake(&mut client, &mut server);
        assert_eq!(failed, Err(Failed(libc::EKEYREJECTED)));
        assert!(!client.why().is_empty());
        let sides = wire.0.lock().unwrap();
        let close = sides[0].closed_with.as_ref().unwrap();
        // CRYPTO_ERROR with bad_certificate.
        assert_eq!(u32::from_ne_bytes(*close.first_chunk().unwrap()), 0x12a);
    }
}

#[test]
fn authority_that_nobody_knows_is_refused() {
    let (files, others, wire) = (Files::new(), Files::new(), Wire::default());
    let mut client = others.client(&wire, Some("localhost"));
    let [failed, _] = shake(&mut client, &mut files.server(&wire));
    assert_eq!(failed, Err(Failed(libc::EKEYREJECTED)));
}

#[test]
fn peer_that_says_nothing_is_given_up_in_time() {
    let (files, wire) = (Files::new(), Wire::default());
    let mut client = files.client(&wire, Some("localhost"));
    client.choices.timeout = Duration::from_millis(50);
    client.start().unwrap();
    assert_eq!(client.run(), Err(Failed(libc::ETIMEDOUT)));
}

#[test]
fn second_session_resumes_with_what_the_first_gave() {
    let files = Files::new();
    let wire = Wire::default();
    let (mut first, mut server) = (files.client(&wire, Some("localhost")), files.server(&wire));
    assert_eq!(shake(&mut first, &mut server), [Ok(()), Ok(())]);
    let data = first.session_data().unwrap();
    let wire = Wire::default();
    let (mut second, mut server) = (files.client(&wire, Some("localhost")), files.server(&wire));
    second.set_session_data(&data).unwrap();
    assert_eq!(shake(&mut second, &mut server), [Ok(()), Ok(())]);
    // A resumed server sends no certificate: its messages at the Handshake level are short.
    assert!(second.is_resumed());
    assert!(!first.is_resumed());
}

/// A second client with what a first one has given, and its server.
fn second_of(files: &Files) -> (Handshake, Handshake) {
    let wire = Wire::default();
    let (mut first, mut server) = (files.client(&wire, Some("localhost")), files.server(&wire));
    assert_eq!(shake(&mut first, &mut server), [Ok(()), Ok(())]);
    let data = first.session_data().unwrap();
    let wire = Wire::default();
    let (mut second, server) = (files.client(&wire, Some("localhost")), files.server(&wire));
    second.set_session_data(&data).unwrap();
    (second, server)
}

#[test]
fn session_that_was_told_nothing_trusts_what_the_first_did() {
    let files = Files::new();
    let (mut second, mut server) = second_of(&files);
    second.choices.authorities = None;
    assert_eq!(shake(&mut second, &mut server), [Ok(()), Ok(())]);
    assert!(second.is_resumed());
}

#[test]
fn session_that_trusts_others_does_not_resume() {
    let (files, others) = (Files::new(), Files::new());
    let (mut second, mut server) = second_of(&files);
    second.choices.authorities = Some(others.path("ca.pem"));
    let [failed, _] = shake(&mut second, &mut server);
    assert_eq!(failed, Err(Failed(libc::EKEYREJECTED)));
}

#[test]
fn session_that_resumes_speaks_the_protocols_of_its_own_choice() {
    let files = Files::new();
    let (mut second, mut server) = second_of(&files);
    second.choices.alpn = names(b"other");
    assert_eq!(shake(&mut second, &mut server), [Ok(()), Ok(())]);
    assert_eq!(second.alpn(), b"other");
    assert_eq!(server.alpn(), b"other");
    assert!(second.is_resumed());
}

#[test]
fn peer_that_says_a_little_again_and_again_is_given_up_in_time() {
    let (files, wire) = (Files::new(), Wire::default());
    let mut client = files.client(&wire, Some("localhost"));
    client.choices.timeout = Duration::from_millis(50);
    client.start().unwrap();
    client.on_sent(Ok(1)).unwrap();
    thread::sleep(Duration::from_millis(60));
    // The first byte of a ServerHello: the program that makes the calls never waits in vain.
    let late = client.on_received(Ok((&[2], Some(QUIC_CRYPTO_INITIAL))));
    assert_eq!(late, Err(Failed(libc::ETIMEDOUT)));
}

#[test]
fn server_with_authorities_demands_a_certificate_of_its_clients() {
    let files = Files::new();
    for (shows, expected) in [(true, Ok(())), (false, Err(Failed(libc::EKEYREJECTED)))] {
        let wire = Wire::default();
        let mut client = files.client(&wire, Some("localhost"));
        client.choices.timeout = Duration::from_secs(2);
        let mut server = files.server(&wire);
        server.choices.authorities = Some(files.path("ca.pem"));
        if shows {
            client.choices.certificate = Some((files.path("client.pem"), files.path("client.key")));
        }
        let [_, served] = shake(&mut client, &mut server);
        assert_eq!(served, expected);
    }
}

#[test]
fn a_client_offers_five_keys_of_its_file_and_no_more() {
    let files = Files::new();
    let line = |name: u8| format!("{name}:{}\n", format!("{:02x}", name + 1).repeat(16));
    std::fs::write(files.path("six"), (0..6).map(line).collect::<String>()).unwrap();
    for (known, expected) in [
        (4, [Ok(()), Ok(())]),
        (
            5,
            [Err(Failed(libc::ENOTCONN)), Err(Failed(libc::EKEYREJECTED))],
        ),
    ] {
        std::fs::write(files.path("one"), line(known)).unwrap();
        let wire = Wire::default();
        let (mut client, mut server) = (end(&wire, 0), end(&wire, 1));
        for (end, file) in [(&mut client, "six"), (&mut server, "one")] {
            end.choices.alpn = names(b"test");
            end.choices.shared_keys = Some(files.path(file));
        }
        assert_eq!(shake(&mut client, &mut server), expected, "{known}");
    }
}

#[test]
fn session_data_of_nobody_is_refused() {
    let (files, wire) = (Files::new(), Wire::default());
    let mut client = files.client(&wire, None);
    for data in [&[][..], &[0; 16], &[0; 17]] {
        assert_eq!(client.set_session_data(data), Err(Failed(libc::EINVAL)));
    }
    let (_, mut server) = second_of(&files);
    let kept = kept::keep(Client::new(&client.choices).unwrap());
    assert_eq!(server.set_session_data(&kept), Err(Failed(libc::EINVAL)));
    assert_eq!(client.session_data(), Err(Failed(libc::EINVAL)));
}

#[test]
fn server_without_a_certificate_and_a_second_handshake_are_refused() {
    let (files, wire) = (Files::new(), Wire::default());
    let mut server = end(&wire, 1);
    server.choices.alpn = names(b"test");
    assert_eq!(server.start(), Err(Failed(libc::EINVAL)));
    let (mut client, mut server) = (files.client(&wire, Some("localhost")), files.server(&wire));
    assert_eq!(shake(&mut client, &mut server), [Ok(()), Ok(())]);
    assert_eq!(client.start(), Err(Failed(libc::EISCONN)));
}

#[test]
fn socket_that_fails_ends_the_handshake_with_its_errno() {
    let (files, wire) = (Files::new(), Wire::default());
    let mut client = files.client(&wire, Some("localhost"));
    client.start().unwrap();
    assert!(matches!(client.next(), Next::Send(_)));
    let failed = client.on_sent(Err(errno(libc::EPIPE)));
    assert_eq!(failed, Err(Failed(libc::EPIPE)));
    // Nothing at all is a connection that was reset.
    let mut client = files.client(&wire, Some("localhost"));
    client.start().unwrap();
    client.on_sent(Ok(1)).unwrap();
    let failed = client.on_received(Ok((&[], None)));
    assert_eq!(failed, Err(Failed(libc::ECONNRESET)));
}

#[test]
fn version_is_asked_for_anew_and_that_of_the_first_flight_stays() {
    let wire = Wire::default();
    let change = |version: Version| wire.0.lock().unwrap()[1].config.version = version.0;
    change(Version::V1);
    let link = Link::new(Box::new(Memory {
        wire: wire.clone(),
        at: 1,
    }));
    change(Version::V2);
    assert_eq!(link.version(), Version::V2);
    assert_eq!(link.original_version(), Version::V1);
}

#[test]
fn lists_of_protocols_are_read_as_the_abi_writes_them() {
    assert_eq!(names(b" a , bc,,d "), [&b"a"[..], b"bc", b"d"]);
    assert_eq!(names(b"a,b\0\0"), [b"a", b"b"]);
    assert!(names(b" ,").is_empty());
}

#[test]
fn flags_of_streams_go_into_the_control_message_and_no_others() {
    let (control, len) = messages::control(5, 0x400 | 0x200 | 0x40);
    let info = messages::stream_in(&control.0[..len]).unwrap();
    assert_eq!((info.stream_id, info.stream_flags), (5, 0x600));
}

#[test]
fn pkg_config_file_has_the_version_of_the_library() {
    let file = include_str!("../libquic.pc");
    let version = concat!("Version: ", env!("CARGO_PKG_VERSION"));
    assert!(file.lines().any(|line| line == version));
}

//! Several listeners on one port of one process.

mod common;

use std::io::{Read, Write};

use common::{Identity, identity_of};
use inquic::cert::CertificateAuthority;
use inquic::{Blocking, Connection, Error, Listener, ListenerBuilder};
use std::time::Duration;

/// A certificate for the names that the tests use.
fn identity() -> Identity {
    let ca = CertificateAuthority::new("Test CA").unwrap();
    let names = [
        "localhost",
        "127.0.0.1",
        "a.example",
        "b.example",
        "x.c.example",
    ];
    let issued = ca.issue(&names, Duration::from_secs(3600)).unwrap();
    identity_of(&ca, &issued)
}

fn listener(identity: &Identity, names: &[&str], protocols: &[&str]) -> ListenerBuilder<Blocking> {
    Listener::builder()
        .certificate(identity.certificate.clone())
        .server_names(names)
        .alpn(protocols)
}

/// Connects and gives what the one who answered says of itself.
fn ask(identity: &Identity, address: &str, name: &str, protocol: &str) -> Result<String, Error> {
    let connection = Connection::builder()
        .roots(identity.roots.clone())
        .alpn([protocol])
        .server_name(name)
        .connect(address)?;
    let mut stream = connection.open()?;
    stream.write_all(b"who are you?").unwrap();
    stream.finish()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    connection.close(0, "");
    Ok(answer)
}

/// Answers every connection with its name, until the listener is closed.
fn answer(listener: &Listener, who: &str) {
    while let Ok(connection) = listener.accept() {
        let Ok(Some(mut stream)) = connection.accept() else {
            continue;
        };
        let mut question = Vec::new();
        stream.read_to_end(&mut question).unwrap();
        stream.write_all(who.as_bytes()).unwrap();
        stream.finish().unwrap();
        connection.closed();
    }
}

#[test]
fn clients_reach_the_listener_of_their_name_and_protocol() {
    let identity = identity();
    let first = listener(&identity, &["a.example"], &["web"])
        .bind("127.0.0.1:0")
        .unwrap();
    let address = first.local_addr().to_string();
    let bind = |names: &[&str], protocols: &[&str]| {
        listener(&identity, names, protocols)
            .bind(&address)
            .unwrap()
    };
    let others = [
        ("b", bind(&["b.example"], &["web", "files"])),
        ("wild", bind(&["*.c.example"], &["web"])),
        ("files", bind(&[], &["files"])),
    ];
    std::thread::scope(|scope| {
        scope.spawn(|| answer(&first, "a"));
        for (who, listener) in &others {
            scope.spawn(|| answer(listener, who));
        }
        for (name, protocol, who) in [
            ("a.example", "web", "a"),
            ("A.Example", "web", "a"),
            ("b.example", "web", "b"),
            ("b.example", "files", "b"),
            ("x.c.example", "web", "wild"),
            ("a.example", "files", "files"),
            ("127.0.0.1", "files", "files"),
        ] {
            let answered = ask(&identity, &address, name, protocol);
            assert_eq!(answered.as_deref(), Ok(who), "{name} {protocol}");
        }
        // 0x0178: the name is known, the protocol is not. 0x0170 cannot come while somebody takes any name.
        let refused = ask(&identity, &address, "a.example", "mail");
        assert!(
            matches!(refused, Err(Error::NoCommonAlpn(_))),
            "{refused:?}"
        );
        first.close();
        for (_, listener) in &others {
            listener.close();
        }
    });
}

#[test]
fn a_name_that_nobody_has_is_refused() {
    let identity = identity();
    let listener = listener(&identity, &["a.example"], &["web"])
        .bind("127.0.0.1:0")
        .unwrap();
    let address = listener.local_addr().to_string();
    let refused = ask(&identity, &address, "b.example", "web").unwrap_err();
    assert!(matches!(refused, Error::WrongName(_)), "{refused:?}");
}

#[test]
fn claims_that_overlap_are_refused_unless_both_spread() {
    let identity = identity();
    let claims = |spread: bool| listener(&identity, &["a.example"], &["web"]).reuse_port(spread);
    let first = claims(false).bind("127.0.0.1:0").unwrap();
    let address = first.local_addr();
    for spread in [false, true] {
        let refused = claims(spread).bind(address).unwrap_err();
        assert_eq!(refused, Error::PortInUse(address));
    }
    drop(first);
    let first = claims(true).bind("127.0.0.1:0").unwrap();
    let address = first.local_addr();
    assert_eq!(
        claims(false).bind(address).unwrap_err(),
        Error::PortInUse(address)
    );
    assert!(claims(true).bind(address).is_ok());
}

#[test]
fn who_does_not_share_has_the_port_alone() {
    let identity = identity();
    let alone = listener(&identity, &[], &["web"])
        .share_port(false)
        .bind("127.0.0.1:0")
        .unwrap();
    let address = alone.local_addr();
    let refused = listener(&identity, &["a.example"], &["files"]).bind(address);
    assert_eq!(refused.unwrap_err(), Error::PortInUse(address));
}

#[test]
fn a_hello_of_two_datagrams_is_gathered_behind_retry_too() {
    let identity = identity();
    let builder =
        |names: &[&str]| listener(&identity, names, &["web"]).retry(inquic::RetryPolicy::Always);
    let first = builder(&["a.example"]).bind("127.0.0.1:0").unwrap();
    let address = first.local_addr().to_string();
    let second = builder(&["b.example"]).bind(&address).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| answer(&first, "a"));
        scope.spawn(|| answer(&second, "b"));
        for (name, who) in [("a.example", "a"), ("b.example", "b")] {
            // X25519MLKEM768, the default, makes a hello of more than one datagram.
            assert_eq!(ask(&identity, &address, name, "web").as_deref(), Ok(who));
        }
        first.close();
        second.close();
    });
}

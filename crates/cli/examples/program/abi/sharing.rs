//! One port for many listeners, each with protocols and names of its own.

use inquic_uapi::option::{QUIC_SOCKOPT_ALPN, QUIC_SOCKOPT_SERVER_NAMES};
use libc::{EADDRINUSE, ENOMEM};

use super::pair::{FIN, NEW, PLACE, any, bind, connect, local, next, send, set, shake, socket};
use super::process::until_not;
use super::{Check, check, raw};

pub(super) const CHECKS: &[Check] = &[
    check!(
        listeners_that_overlap_are_eaddrinuse,
        "EADDRINUSE QUIC_SOCKOPT_ALPN"
    ),
    check!(
        listeners_of_one_port_get_the_clients_of_their_protocol,
        "QUIC_SOCKOPT_ALPN"
    ),
    check!(
        listeners_of_one_port_get_the_clients_of_their_name,
        "QUIC_SOCKOPT_SERVER_NAMES EADDRINUSE"
    ),
    check!(a_port_that_is_full_of_listeners_is_enomem, "ENOMEM"),
];

fn place() -> &'static str {
    PLACE.get().expect("a place with certificates")
}

fn listeners_that_overlap_are_eaddrinuse() {
    let mut at = any();
    let mut kept = Vec::new();
    for (alpn, said) in [("a,b", Ok(())), ("c", Ok(())), ("b,d", Err(EADDRINUSE))] {
        let socket = socket();
        set(&socket, QUIC_SOCKOPT_ALPN, alpn.as_bytes()).unwrap();
        assert_eq!(bind(&socket, at), Ok(()));
        at = local(&socket);
        assert_eq!(raw::listen(&socket, 1), said, "{alpn}");
        kept.push(socket);
    }
}

fn listeners_of_one_port_get_the_clients_of_their_protocol() {
    let mut at = any();
    let mut listeners = Vec::new();
    for alpn in ["smb", "h3", "doq"] {
        let socket = socket();
        set(&socket, QUIC_SOCKOPT_ALPN, alpn.as_bytes()).unwrap();
        bind(&socket, at).unwrap();
        at = local(&socket);
        raw::listen(&socket, 4).unwrap();
        listeners.push((alpn, socket));
    }
    for (alpn, listener) in &listeners {
        let client = socket();
        connect(&client, at).unwrap();
        let server = shake(listener, &client, place(), alpn).unwrap();
        assert_eq!(send(&client, alpn.as_bytes(), NEW | FIN), Ok(alpn.len()));
        assert_eq!(next(&server).data, alpn.as_bytes());
    }
}

fn listeners_of_one_port_get_the_clients_of_their_name() {
    let mut at = any();
    let mut listeners = Vec::new();
    for (names, said) in [
        ("other.example", Ok(())),
        ("localhost", Ok(())),
        ("localhost", Err(EADDRINUSE)),
    ] {
        let socket = socket();
        set(&socket, QUIC_SOCKOPT_ALPN, b"test/1").unwrap();
        set(&socket, QUIC_SOCKOPT_SERVER_NAMES, names.as_bytes()).unwrap();
        bind(&socket, at).unwrap();
        at = local(&socket);
        assert_eq!(raw::listen(&socket, 4), said);
        listeners.push(socket);
    }
    let client = socket();
    connect(&client, at).unwrap();
    let server = shake(&listeners[1], &client, place(), "test/1").unwrap();
    assert_eq!(send(&client, b"x", NEW | FIN), Ok(1));
    assert_eq!(next(&server).data, b"x");
}

fn a_port_that_is_full_of_listeners_is_enomem() {
    let mut at = any();
    let mut listeners = Vec::new();
    let said = loop {
        let socket = socket();
        let alpn = format!("protocol/{}", listeners.len());
        set(&socket, QUIC_SOCKOPT_ALPN, alpn.as_bytes()).unwrap();
        bind(&socket, at).unwrap();
        at = local(&socket);
        if let Err(errno) = raw::listen(&socket, 1) {
            break errno;
        }
        listeners.push(socket);
        assert!(listeners.len() < 1_000, "there is a bound");
    };
    assert_eq!(said, ENOMEM);
    // Whoever ends makes room.
    drop(listeners.pop());
    let socket = socket();
    set(&socket, QUIC_SOCKOPT_ALPN, b"another").unwrap();
    bind(&socket, at).unwrap();
    // The home of a process hears of the end a moment later.
    let said = until_not(ENOMEM, || raw::listen(&socket, 1));
    assert_eq!(said, Ok(()));
}

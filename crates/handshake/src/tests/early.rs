//! 0-RTT: what is offered, accepted and refused, and that a ticket is good for one connection.

use super::*;

const EARLY_SEAL: Act = Act::Install(Level::ZeroRtt, KeySide::Seal);
const EARLY_OPEN: Act = Act::Install(Level::ZeroRtt, KeySide::Open);

/// A connection that is to resume with 0-RTT.
fn early_pair(client: &ClientConfig, server: &ServerConfig) -> Pair {
    Pair {
        client: Session::client_early(client, "server.example").expect("a name"),
        ..Pair::new(client, server)
    }
}

/// Configurations of a client that has tickets of the server.
fn acquainted(
    client: ClientConfigBuilder,
    server: ServerConfigBuilder,
) -> (ClientConfig, ServerConfig) {
    let (client, server) = (
        client.build().expect("a client"),
        server.build().expect("a server"),
    );
    Pair::new(&client, &server).complete();
    (client, server)
}

#[test]
fn both_ends_install_the_same_early_secret_in_time() {
    let (client, server) = acquainted(client(), server().early_data(true));
    let mut pair = early_pair(&client, &server);
    pair.complete();
    let (ours, theirs) = (&pair.client_socket, &pair.server_socket);
    assert_eq!(
        ours.secret(Level::ZeroRtt, KeySide::Seal),
        theirs.secret(Level::ZeroRtt, KeySide::Open)
    );
    assert!(ours.place(&Act::Remembered) < ours.place(&EARLY_SEAL));
    assert!(ours.place(&EARLY_SEAL) < ours.place(&Act::Install(Level::Handshake, KeySide::Open)));
    assert!(ours.place(&Act::Accepted(true)) < ours.place(&Act::PeerParameters));
    assert!(
        theirs.place(&EARLY_OPEN) < theirs.place(&Act::Install(Level::Handshake, KeySide::Open))
    );
    assert!(pair.client.info().expect("complete").resumed);
}

#[test]
fn nothing_is_offered_that_nobody_asked_for() {
    let none = |client: &ClientConfig, server: &ServerConfig, early: bool| {
        let mut pair = if early {
            early_pair(client, server)
        } else {
            Pair::new(client, server)
        };
        pair.complete();
        let acts = pair.client_socket.acts.iter();
        assert!(
            acts.clone()
                .all(|act| *act != EARLY_SEAL && *act != Act::Remembered)
        );
        assert!(pair.server_socket.acts.iter().all(|act| *act != EARLY_OPEN));
    };
    let (asking, accepting) = acquainted(client(), server().early_data(true));
    none(&asking, &accepting, false);
    let (asking, refusing) = acquainted(client(), server());
    none(&asking, &refusing, true);
    let two = client().alpn(["files/1", "files/2"]);
    let (asking, accepting) = acquainted(two, server().early_data(true));
    none(&asking, &accepting, true);
    let (asking, accepting) = acquainted(client(), server().early_data(true).tickets(0));
    none(&asking, &accepting, true);
}

#[test]
fn a_server_that_has_restarted_refuses() {
    let (client, _) = acquainted(client(), server().early_data(true));
    let restarted = server().early_data(true).build().expect("a server");
    let mut pair = early_pair(&client, &restarted);
    pair.complete();
    assert!(
        pair.client_socket.place(&Act::Accepted(false))
            < pair.client_socket.place(&Act::PeerParameters)
    );
    assert!(pair.server_socket.acts.iter().all(|act| *act != EARLY_OPEN));
    assert!(!pair.client.info().expect("complete").resumed);
}

/// Row 64.
#[test]
fn a_hello_that_is_played_again_a_hundred_times_is_accepted_once() {
    let (client, server) = acquainted(client(), server().early_data(true));
    let mut first = early_pair(&client, &server);
    first
        .client
        .step(&mut first.client_socket)
        .expect("a hello");
    let hello = first.client_socket.sent.clone();
    let mut accepted = 0;
    for _ in 0..100 {
        let mut session = Session::server(&server);
        let mut socket = MemorySocket::new(b"server parameters");
        socket.arrived = hello.clone();
        session.step(&mut socket).expect("an answer");
        accepted += usize::from(socket.acts.contains(&EARLY_OPEN));
    }
    assert_eq!(accepted, 1);
}

#[test]
fn a_server_that_allows_less_than_before_refuses() {
    // initial_max_data and max_datagram_frame_size, before and now.
    for (before, now, accepted) in [
        (&[0x04, 1, 32][..], &[0x04, 1, 31][..], false),
        (&[0x04, 1, 32], &[0x04, 1, 32], true),
        (&[0x04, 1, 32], &[0x04, 1, 33], true),
        (&[0x20, 1, 32], &[0x20, 1, 31], false),
        (&[0x20, 1, 32], &[0x20, 1, 32], true),
        (&[0x20, 1, 32], &[0x20, 1, 33], true),
    ] {
        let client = client().build().expect("a client");
        let server = server().early_data(true).build().expect("a server");
        let mut pair = Pair::new(&client, &server);
        pair.server_socket = MemorySocket::new(before);
        pair.complete();
        let mut pair = early_pair(&client, &server);
        pair.server_socket = MemorySocket::new(now);
        pair.complete();
        pair.client_socket.place(&Act::Accepted(accepted));
    }
}

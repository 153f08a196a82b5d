use proptest::prelude::*;

use super::*;

const LEVELS: [Level; 4] = Level::ALL;

/// A pair after so many turns of the client and the server.
fn after(turns: usize) -> Pair {
    let mut pair = pair();
    for turn in 0..turns {
        if turn % 2 == 0 {
            pair.client
                .step(&mut pair.client_socket)
                .expect("the client");
            pair.server_socket
                .arrived
                .append(&mut pair.client_socket.sent);
        } else {
            pair.server
                .step(&mut pair.server_socket)
                .expect("the server");
            pair.client_socket
                .arrived
                .append(&mut pair.server_socket.sent);
        }
    }
    pair
}

#[test]
fn a_handshake_in_single_bytes_completes() {
    let mut pair = pair();
    pair.client_socket.piece = 1;
    pair.server_socket.piece = 1;
    pair.complete();
}

#[test]
fn a_handshake_split_at_every_byte_completes() {
    let client = client().key_exchange([KeyExchange::X25519]).resumption(0);
    let (client, server) = (
        client.build().expect("a client"),
        server().build().expect("a server"),
    );
    // Longer than any flight, whose length changes with the signature's.
    let longest = 1500;
    for at in 1..longest {
        let mut pair = Pair::new(&client, &server);
        pair.server_socket.piece = at;
        pair.client_socket.piece = at;
        pair.complete();
    }
    let mut pair = Pair::new(&client, &server);
    pair.complete();
    let flights = pair
        .server_socket
        .acts
        .iter()
        .chain(&pair.client_socket.acts);
    let flights = flights.filter(|act| matches!(act, Act::Send(_, len) if *len + 50 > longest));
    assert_eq!(flights.count(), 0);
}

#[test]
fn bytes_left_over_at_the_end_of_a_level_are_refused() {
    // For each message that a level ends with: one more byte, a whole message more, and half a message more.
    let mut violations = 0;
    for more in [&[0][..], &[11, 0, 0, 0], &[4, 0, 0, 9, 1, 2]] {
        for turns in 1..4 {
            for apart in [false, true] {
                let mut pair = after(turns);
                let (session, socket) = match turns % 2 {
                    1 => (&mut pair.server, &mut pair.server_socket),
                    _ => (&mut pair.client, &mut pair.client_socket),
                };
                let (level, last) = socket.arrived.back_mut().expect("a flight");
                let level = *level;
                if apart {
                    socket.arrived.push_back((level, more.to_vec()));
                } else {
                    last.extend_from_slice(more);
                }
                let error = session.step(socket).expect_err("left over");
                let at =
                    format!("{more:?} at {level:?} after {turns} turns, apart: {apart}: {error}");
                let early = matches!(error, HandshakeError::UnexpectedBytes);
                assert_eq!(socket.refused(), early, "{at}");
                assert_eq!(socket.failure(), (!early).then_some(10), "{at}");
                violations += usize::from(early);
            }
        }
    }
    assert!(violations >= 6, "{violations}");
}

#[test]
fn bytes_left_over_in_the_middle_of_a_flight_are_refused() {
    // ServerHello ends the Initial level; what follows it there must not become part of the Handshake level.
    for more in [&[8][..], &[8, 0, 0, 2, 0, 0]] {
        for apart in [false, true] {
            let mut pair = after(2);
            let arrived = &mut pair.client_socket.arrived;
            assert_eq!(arrived[0].0, Level::Initial);
            if apart {
                arrived.insert(1, (Level::Initial, more.to_vec()));
            } else {
                arrived[0].1.extend_from_slice(more);
            }
            assert!(pair.client.step(&mut pair.client_socket).is_err());
            assert!(pair.client_socket.refused());
        }
    }
}

#[test]
fn a_message_that_continues_at_another_level_is_refused() {
    let mut pair = after(2);
    let arrived = &mut pair.client_socket.arrived;
    let rest = arrived[0].1.split_off(20);
    arrived.insert(1, (Level::Handshake, rest));
    assert!(pair.client.step(&mut pair.client_socket).is_err());
    assert!(pair.client_socket.refused());
}

#[test]
fn bytes_of_a_level_that_is_not_open_are_refused() {
    for turns in 0..6 {
        for level in LEVELS {
            for client in [false, true] {
                let mut pair = after(turns);
                let (session, socket) = if client {
                    (&mut pair.client, &mut pair.client_socket)
                } else {
                    (&mut pair.server, &mut pair.server_socket)
                };
                drop(session.step(socket));
                socket.arrived.clear();
                // A KeyUpdate, which QUIC forbids at every level.
                socket.arrived.push_back((level, vec![24, 0, 0, 1, 0]));
                assert!(session.step(socket).is_err(), "{turns} {level:?} {client}");
                assert!(socket.failure().is_some() || socket.refused());
            }
        }
    }
}

#[test]
fn key_update_after_the_handshake_is_refused_with_alert_10() {
    for resumption in [0, 1] {
        let client = client().resumption(resumption).build().expect("a client");
        let mut pair = Pair::new(&client, &server().build().expect("a server"));
        pair.complete();
        let update = (Level::OneRtt, vec![24, 0, 0, 1, 0]);
        pair.client_socket.arrived.push_back(update.clone());
        pair.server_socket.arrived.push_back(update);
        assert!(pair.client.step(&mut pair.client_socket).is_err());
        assert!(pair.server.step(&mut pair.server_socket).is_err());
        assert_eq!(pair.client_socket.failure(), Some(10));
        assert_eq!(pair.server_socket.failure(), Some(10));
    }
}

/// The alert of a server that waits for the client's Finished and gets this instead.
fn alert_after(message: &[u8]) -> Option<u8> {
    let mut pair = after(2);
    let arrived = &mut pair.server_socket.arrived;
    arrived.push_back((Level::Handshake, message.to_vec()));
    assert!(pair.server.step(&mut pair.server_socket).is_err());
    pair.server_socket.failure()
}

#[test]
fn key_update_during_the_handshake_is_refused_with_alert_10() {
    assert_eq!(alert_after(&[24, 0, 0, 1, 0]), Some(10));
}

#[test]
fn end_of_early_data_is_refused_with_alert_10() {
    assert_eq!(alert_after(&[5, 0, 0, 0]), Some(10));
}

#[test]
fn the_first_message_that_is_wrong_is_told_of_and_not_what_follows() {
    let followed = [&[24, 0, 0, 1, 0][..], &[0xff; 31]].concat();
    assert_eq!(alert_after(&followed), Some(10));
    let followed = [&[5, 0, 0, 0][..], &[0xff; 32]].concat();
    assert_eq!(alert_after(&followed), Some(10));
}

/// Feeds a server the beginning of a ClientHello of `len` bytes, in all, and says how it ended.
fn long_hello(len: usize) -> Result<Progress, HandshakeError> {
    let body = u32::try_from(len - 4).expect("short").to_be_bytes();
    let mut hello = vec![1, body[1], body[2], body[3]];
    hello.resize(len, 0);
    // Without its last byte the message is held, and not parsed.
    hello.pop();
    let mut server = Session::server(&server().build().expect("a server"));
    let mut socket = MemorySocket::new(b"");
    socket.arrived.push_back((Level::Initial, hello));
    server.step(&mut socket)
}

#[test]
fn a_message_of_the_limit_is_held_and_one_byte_more_is_refused() {
    assert_eq!(
        long_hello(HANDSHAKE_BYTES - 1).expect("held"),
        Progress::Pending
    );
    assert_eq!(
        long_hello(HANDSHAKE_BYTES).expect("held"),
        Progress::Pending
    );
    assert!(matches!(
        long_hello(HANDSHAKE_BYTES + 1),
        Err(HandshakeError::TooManyBytes)
    ));
}

#[test]
fn tickets_after_the_handshake_are_taken_without_end() {
    // They replace each other in the store; a client in a long connection is not closed for them.
    let config = client().build().expect("a client");
    let server = server().tickets(100).build().expect("a server");
    let mut pair = Pair::new(&config, &server);
    pair.complete();
    assert_eq!(pair.client.tickets_received(), 100);
}

#[test]
fn a_client_without_resumption_lets_tickets_pass() {
    let config = client().resumption(0).build().expect("a client");
    let mut pair = Pair::new(&config, &server().build().expect("a server"));
    pair.client_socket.piece = 3;
    pair.complete();
    assert!(pair.client.is_done());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes_never_panic(
        turns in 0_usize..5,
        client: bool,
        pieces in prop::collection::vec((0_usize..4, prop::collection::vec(any::<u8>(), 0..300)), 1..6),
    ) {
        let mut pair = after(turns);
        let (session, socket) = if client {
            (&mut pair.client, &mut pair.client_socket)
        } else {
            (&mut pair.server, &mut pair.server_socket)
        };
        for (level, bytes) in pieces {
            socket.arrived.push_back((LEVELS[level], bytes));
        }
        drop(session.step(socket));
        drop(session.step(socket));
    }

    #[test]
    fn a_changed_byte_never_completes(
        turns in 1_usize..4,
        at: prop::sample::Index,
        change in 1_u8..,
    ) {
        let mut pair = after(turns);
        let socket = match turns % 2 {
            1 => &mut pair.server_socket,
            _ => &mut pair.client_socket,
        };
        let mut bytes: Vec<&mut u8> = socket.arrived.iter_mut().flat_map(|(_, bytes)| bytes).collect();
        let at = at.index(bytes.len());
        *bytes[at] ^= change;
        let (client, server) = pair.run();
        let both = client.ok() == Some(Progress::Complete) && server.ok() == Some(Progress::Complete);
        prop_assert!(!both);
    }
}

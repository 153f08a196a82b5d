use super::*;

const LEVELS: [Level; 2] = [Level::Handshake, Level::OneRtt];

fn info(session: &Session) -> HandshakeInfo {
    session.info().expect("complete").clone()
}

#[test]
fn both_ends_install_the_same_secrets_and_parameters() {
    let mut pair = pair();
    pair.complete();
    for level in LEVELS {
        for (side, other) in [
            (KeySide::Open, KeySide::Seal),
            (KeySide::Seal, KeySide::Open),
        ] {
            let client = pair.client_socket.secret(level, side);
            assert_eq!(
                client,
                pair.server_socket.secret(level, other),
                "{level:?} {side:?}"
            );
        }
        let open = pair.client_socket.secret(level, KeySide::Open);
        assert_ne!(open, pair.client_socket.secret(level, KeySide::Seal));
    }
    assert_eq!(
        pair.client_socket.peer_parameters.as_deref(),
        Some(&b"server parameters"[..])
    );
    assert_eq!(
        pair.server_socket.peer_parameters.as_deref(),
        Some(&b"client parameters"[..])
    );
}

#[test]
fn bytes_of_a_level_leave_before_the_secrets_of_the_next() {
    use {Act::*, KeySide::*, Level::*};
    let mut pair = pair();
    pair.complete();
    let kinds = |acts: &[Act]| -> Vec<Act> {
        let kind = |act: &Act| match act {
            Send(level, _) => Send(*level, 0),
            act => act.clone(),
        };
        acts.iter().map(kind).collect()
    };
    assert_eq!(
        kinds(&pair.client_socket.acts),
        [
            Send(Initial, 0),
            Install(Handshake, Seal),
            Install(Handshake, Open),
            PeerParameters,
            Send(Handshake, 0),
            Install(OneRtt, Seal),
            Install(OneRtt, Open),
        ]
    );
    assert_eq!(
        kinds(&pair.server_socket.acts),
        [
            PeerParameters,
            Send(Initial, 0),
            Install(Handshake, Seal),
            Install(Handshake, Open),
            Send(Handshake, 0),
            Install(OneRtt, Seal),
            Install(OneRtt, Open),
            Send(OneRtt, 0),
        ]
    );
}

#[test]
fn server_does_not_open_one_rtt_before_the_client_has_finished() {
    let mut pair = pair();
    drop(pair.client.step(&mut pair.client_socket));
    pair.server_socket
        .arrived
        .append(&mut pair.client_socket.sent);
    assert_eq!(
        pair.server.step(&mut pair.server_socket).expect("pending"),
        Progress::Pending
    );
    assert!(pair.server_socket.has(Level::OneRtt, KeySide::Seal));
    assert!(!pair.server_socket.has(Level::OneRtt, KeySide::Open));
    assert!(pair.server.info().is_none());
}

#[test]
fn every_cipher_suite_with_every_key_exchange_completes() {
    // AES-CCM only between ends that both ask for it.
    let every = suites::SUITES
        .into_iter()
        .chain([CipherSuite::Aes128CcmSha256]);
    for suite in every.clone() {
        for exchange in KeyExchange::ALL {
            let client = client().cipher_suites([suite]).build().expect("a client");
            let server = server()
                .cipher_suites(every.clone())
                .key_exchange([exchange])
                .build()
                .expect("a server");
            let mut pair = Pair::new(&client, &server);
            pair.complete();
            for session in [&pair.client, &pair.server] {
                let info = info(session);
                assert_eq!(
                    (info.cipher_suite, info.key_exchange),
                    (suite, Some(exchange))
                );
                assert_eq!(info.alpn, b"files/1");
                assert_eq!(info.server_name.as_deref(), Some("server.example"));
                assert!(!info.resumed);
            }
            assert!(
                pair.client_socket
                    .secrets
                    .iter()
                    .all(|secret| secret.2 == suite)
            );
            // X25519 goes along with the hybrid; the NIST curves cost a round trip.
            let retried = matches!(exchange, KeyExchange::Secp256r1 | KeyExchange::Secp384r1);
            assert_eq!(info(&pair.client).retried, retried, "{exchange}");
        }
    }
}

#[test]
fn post_quantum_key_exchange_is_preferred() {
    let mut pair = pair();
    pair.complete();
    assert_eq!(
        info(&pair.client).key_exchange,
        Some(KeyExchange::X25519MlKem768)
    );
    assert_eq!(
        info(&pair.client).cipher_suite,
        CipherSuite::Aes128GcmSha256
    );
}

#[test]
fn addresses_are_names_too() {
    for name in ["127.0.0.1", "::1"] {
        let (client, server) = (
            client().build().expect("a client"),
            server().build().expect("a server"),
        );
        let mut pair = Pair::named(&client, &server, name);
        pair.complete();
        assert_eq!(info(&pair.client).server_name.as_deref(), Some(name));
        // An address is not sent as a server name (RFC 6066 §3).
        assert_eq!(info(&pair.server).server_name, None);
    }
}

#[test]
fn a_second_connection_resumes_the_first() {
    let (client, server) = (
        client().build().expect("a client"),
        server().build().expect("a server"),
    );
    let mut first = Pair::new(&client, &server);
    first.complete();
    assert_eq!(first.client.tickets_received(), 2);
    let mut second = Pair::new(&client, &server);
    second.server_socket.role = b"others than the ticket has";
    second.complete();
    let told = second.client_socket.peer_parameters.as_deref();
    assert_eq!(told, Some(second.server_socket.role));
    for session in [&second.client, &second.server] {
        assert!(info(session).resumed);
    }
    assert!(info(&second.client).peer_has_certificate);
    assert!(!info(&second.server).peer_has_certificate);
}

#[test]
fn nothing_resumes_where_either_end_turned_it_off() {
    let off = [
        (client().resumption(0), server()),
        (client(), server().tickets(0)),
    ];
    for (client, server) in off {
        let (client, server) = (
            client.build().expect("a client"),
            server.build().expect("a server"),
        );
        for _ in 0..2 {
            let mut pair = Pair::new(&client, &server);
            pair.complete();
            assert!(!info(&pair.client).resumed);
        }
    }
}

#[test]
fn a_ticket_of_another_server_is_answered_by_a_full_handshake() {
    let (client, first) = (
        client().build().expect("a client"),
        server().build().expect("a server"),
    );
    Pair::new(&client, &first).complete();
    let restarted = server().build().expect("a server");
    let mut pair = Pair::new(&client, &restarted);
    pair.complete();
    assert!(!info(&pair.client).resumed);
}

#[test]
fn servers_with_the_same_ticket_key_open_each_others_tickets() {
    let client = client().build().expect("a client");
    let with_key = |key| server().ticket_key([key; 32]).build().expect("a server");
    for (key, resumed) in [(1, false), (1, true), (2, false)] {
        let mut pair = Pair::new(&client, &with_key(key));
        pair.complete();
        assert_eq!(info(&pair.client).resumed, resumed, "key {key}");
    }
}

#[test]
fn sessions_put_tls_away_when_nothing_more_can_come() {
    let (client, server) = (
        client().build().expect("a client"),
        server().build().expect("a server"),
    );
    let mut pair = Pair::new(&client, &server);
    pair.complete();
    assert!(pair.server.is_done());
    assert!(
        !pair.client.is_done(),
        "a client that resumes waits for tickets"
    );

    let client = super::client().resumption(0).build().expect("a client");
    let mut pair = Pair::new(&client, &server);
    pair.complete();
    assert!(pair.client.is_done());
    assert_eq!(
        pair.client.step(&mut pair.client_socket).expect("still"),
        Progress::Complete
    );
}

#[test]
fn sessions_of_many_threads_do_not_mix_their_secrets() {
    let (client, server) = (
        client().build().expect("a client"),
        server().build().expect("a server"),
    );
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Interleaved on one thread, too.
                let mut pairs: Vec<Pair> = (0..4).map(|_| Pair::new(&client, &server)).collect();
                for _ in 0..4 {
                    for pair in &mut pairs {
                        drop(pair.client.step(&mut pair.client_socket));
                        pair.server_socket
                            .arrived
                            .append(&mut pair.client_socket.sent);
                    }
                    for pair in &mut pairs {
                        drop(pair.server.step(&mut pair.server_socket));
                        pair.client_socket
                            .arrived
                            .append(&mut pair.server_socket.sent);
                    }
                }
                for pair in &mut pairs {
                    pair.complete();
                    let client = pair.client_socket.secret(Level::OneRtt, KeySide::Seal);
                    assert_eq!(
                        client,
                        pair.server_socket.secret(Level::OneRtt, KeySide::Open)
                    );
                }
            });
        }
    });
}

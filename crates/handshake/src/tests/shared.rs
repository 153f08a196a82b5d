//! Handshakes by pre-shared keys.

use super::*;

const KEY: [u8; 32] = [7; 32];
const OTHER: [u8; 32] = [8; 32];

fn key(identity: &str, key: &[u8]) -> SharedKey {
    SharedKey::new(identity.as_bytes(), key, KeyHash::Sha256).expect("a key")
}

fn keys(keys: impl IntoIterator<Item = SharedKey>) -> SharedKeys {
    SharedKeys::new(keys, ["files/1"]).expect("keys")
}

fn ends(client: Session, server: Session) -> Pair {
    Pair {
        client,
        server,
        client_socket: MemorySocket::new(b"client parameters"),
        server_socket: MemorySocket::new(b"server parameters"),
    }
}

fn shared(client: &SharedKeys, server: &SharedKeys) -> Pair {
    ends(
        Session::client_shared(client, Some("server.example")),
        Session::server_shared(server),
    )
}

fn same() -> Pair {
    let keys = keys([key("one", &KEY)]);
    shared(&keys, &keys)
}

/// Why the server ends the handshake, with the alert that it tells.
fn servers_refusal(mut pair: Pair) -> (HandshakeError, Option<u8>) {
    let (_, server) = pair.run();
    assert!(!pair.client_socket.has(Level::OneRtt, KeySide::Open));
    assert!(!pair.server_socket.has(Level::OneRtt, KeySide::Open));
    (server.expect_err("refused"), pair.server_socket.failure())
}

#[test]
fn ends_with_the_same_key_agree() {
    let mut pair = same();
    pair.complete();
    for level in [Level::Handshake, Level::OneRtt] {
        for (ours, theirs) in [
            (KeySide::Open, KeySide::Seal),
            (KeySide::Seal, KeySide::Open),
        ] {
            assert_eq!(
                pair.client_socket.secret(level, ours),
                pair.server_socket.secret(level, theirs)
            );
        }
    }
    for session in [&pair.client, &pair.server] {
        let info = session.info().expect("complete");
        assert_eq!(info.shared_key.as_deref(), Some(b"one".as_slice()));
        assert_eq!(info.alpn, b"files/1");
        assert_eq!(info.cipher_suite, CipherSuite::Aes128GcmSha256);
        assert_eq!(info.key_exchange, Some(KeyExchange::Secp256r1));
        assert_eq!(info.server_name.as_deref(), Some("server.example"));
        assert!(!info.resumed && !info.retried && !info.peer_has_certificate);
        assert!(session.is_done());
    }
    assert_eq!(
        pair.client_socket.peer_parameters.as_deref(),
        Some(b"server parameters".as_slice())
    );
    assert_eq!(
        pair.server_socket.peer_parameters.as_deref(),
        Some(b"client parameters".as_slice())
    );
    // A server's parameters depend on the client's.
    let asked_after = pair.server_socket.asked_after.expect("asked");
    assert_eq!(asked_after, [Act::PeerParameters]);
}

#[test]
fn what_seals_handshake_packets_comes_before_what_opens_them() {
    let mut pair = same();
    pair.complete();
    for socket in [&pair.client_socket, &pair.server_socket] {
        let [seal, open] = [KeySide::Seal, KeySide::Open]
            .map(|side| socket.place(&Act::Install(Level::Handshake, side)));
        assert!(seal < open, "{:?}", socket.acts);
    }
}

#[test]
fn secrets_of_1_rtt_come_after_the_last_message() {
    let mut pair = same();
    pair.complete();
    let last = [
        Act::Install(Level::OneRtt, KeySide::Seal),
        Act::Install(Level::OneRtt, KeySide::Open),
    ];
    assert!(pair.client_socket.acts.ends_with(&last));
    assert!(pair.server_socket.acts.ends_with(&last));
}

#[test]
fn messages_may_come_byte_by_byte() {
    let mut pair = same();
    pair.client_socket.piece = 1;
    pair.server_socket.piece = 1;
    pair.complete();
}

#[test]
fn another_key_of_the_same_name_is_refused_with_decrypt_error() {
    let pair = shared(&keys([key("one", &OTHER)]), &keys([key("one", &KEY)]));
    let (error, alert) = servers_refusal(pair);
    assert!(matches!(error, HandshakeError::WrongSharedKey), "{error}");
    assert_eq!(alert, Some(51));
}

#[test]
fn an_unknown_identity_is_refused_with_its_alert() {
    let pair = shared(&keys([key("two", &KEY)]), &keys([key("one", &KEY)]));
    let (error, alert) = servers_refusal(pair);
    assert!(matches!(error, HandshakeError::UnknownSharedKey), "{error}");
    assert_eq!(alert, Some(115));
}

#[test]
fn a_client_without_a_key_is_refused_with_the_same_alert() {
    let client = Session::client(&client().build().expect("a client"), "server.example");
    let server = Session::server_shared(&keys([key("one", &KEY)]));
    let (error, alert) = servers_refusal(ends(client.expect("a name"), server));
    assert!(matches!(error, HandshakeError::UnknownSharedKey), "{error}");
    assert_eq!(alert, Some(115));
}

#[test]
fn a_server_that_takes_no_key_gets_nowhere_with_a_certificate() {
    let client = Session::client_shared(&keys([key("one", &KEY)]), Some("server.example"));
    let server = Session::server(&server().build().expect("a server"));
    let mut pair = ends(client, server);
    let (asked, _) = pair.run();
    let error = asked.expect_err("refused");
    assert!(
        matches!(error, HandshakeError::SharedKeyNotTaken),
        "{error}"
    );
    assert_eq!(pair.client_socket.failure(), Some(40));
    // It was not even told the client's view of the parameters, nor given a key.
    assert!(pair.client_socket.secrets.is_empty());
}

#[test]
fn of_two_keys_the_one_that_both_have_is_used() {
    let client = keys([key("one", &OTHER), key("two", &KEY)]);
    let server = keys([key("two", &KEY), key("three", &OTHER)]);
    let mut pair = shared(&client, &server);
    pair.complete();
    let info = pair.client.info().expect("complete");
    assert_eq!(info.shared_key.as_deref(), Some(b"two".as_slice()));
}

#[test]
fn a_key_of_sha_384_goes_with_a_suite_of_sha_384() {
    let key = SharedKey::new(b"one", &KEY, KeyHash::Sha384).expect("a key");
    let keys = keys([key]);
    let mut pair = shared(&keys, &keys);
    pair.complete();
    let info = pair.server.info().expect("complete");
    assert_eq!(info.cipher_suite, CipherSuite::Aes256GcmSha384);
}

#[test]
fn keys_of_different_hashes_are_different_keys() {
    let wide = SharedKey::new(b"one", &KEY, KeyHash::Sha384).expect("a key");
    let mut pair = shared(&keys([wide]), &keys([key("one", &KEY)]));
    let (_, server) = pair.run();
    server.expect_err("refused");
    assert!(pair.server_socket.failure().is_some());
}

#[test]
fn without_a_common_protocol_nothing_is_answered() {
    let other = SharedKeys::new([key("one", &KEY)], ["mail/1"]).expect("keys");
    let mut pair = shared(&keys([key("one", &KEY)]), &other);
    let (_, server) = pair.run();
    let error = server.expect_err("refused");
    assert!(matches!(error, HandshakeError::NoCommonProtocol), "{error}");
    assert_eq!(pair.server_socket.failure(), Some(120));
    assert!(pair.server_socket.secrets.is_empty() && pair.server_socket.sent.is_empty());
}

#[test]
fn a_client_begins_again_when_the_version_was_negotiated() {
    let mut pair = same();
    pair.client.step(&mut pair.client_socket).expect("begun");
    let first = pair.client_socket.sent.pop_front().expect("a hello");
    pair.client_socket.original = Version::V2;
    pair.client_socket.version = Version::V2;
    pair.complete();
    let hellos = |act: &&Act| matches!(act, Act::Send(Level::Initial, _));
    assert_eq!(pair.client_socket.acts.iter().filter(hellos).count(), 2);
    assert_eq!(first.0, Level::Initial);
}

#[test]
fn a_server_refuses_the_compatibility_mode() {
    let mut pair = same();
    pair.client.step(&mut pair.client_socket).expect("begun");
    let (level, mut hello) = pair.client_socket.sent.pop_front().expect("a hello");
    // A session identifier of one byte, and lengths to go with it.
    let len = usize::from(hello[2]) * 256 + usize::from(hello[3]) + 1;
    hello[2..4].copy_from_slice(&u16::try_from(len).expect("short").to_be_bytes());
    hello[38] = 1;
    hello.insert(39, 0);
    pair.server_socket.arrived.push_back((level, hello));
    let error = pair.server.step(&mut pair.server_socket);
    let error = error.expect_err("refused");
    assert!(
        matches!(error, HandshakeError::CompatibilityMode),
        "{error}"
    );
    assert!(pair.server_socket.refused());
}

#[test]
fn bytes_that_follow_the_last_message_of_a_level_are_a_violation() {
    for at_server in [true, false] {
        let mut pair = same();
        pair.client.step(&mut pair.client_socket).expect("begun");
        let (level, mut bytes) = pair.client_socket.sent.pop_front().expect("a hello");
        if !at_server {
            pair.server_socket.arrived.push_back((level, bytes));
            pair.server.step(&mut pair.server_socket).expect("answered");
            (_, bytes) = pair.server_socket.sent.pop_front().expect("an answer");
        }
        // The head of another message.
        bytes.extend([8, 0, 0]);
        let error = if at_server {
            pair.server_socket.arrived.push_back((level, bytes));
            pair.server.step(&mut pair.server_socket)
        } else {
            pair.client_socket.arrived.push_back((level, bytes));
            pair.client.step(&mut pair.client_socket)
        };
        let error = error.expect_err("refused");
        assert!(matches!(error, HandshakeError::UnexpectedBytes), "{error}");
    }
}

#[test]
fn bytes_of_another_level_are_a_violation() {
    let mut pair = same();
    pair.client.step(&mut pair.client_socket).expect("begun");
    pair.client_socket
        .arrived
        .push_back((Level::Handshake, vec![8, 0, 0, 0]));
    let error = pair.client.step(&mut pair.client_socket);
    let error = error.expect_err("refused");
    assert!(matches!(error, HandshakeError::UnexpectedBytes), "{error}");
    assert!(pair.client_socket.refused());
}

#[test]
fn a_hello_with_any_byte_changed_is_never_agreed_on() {
    let mut first = same();
    first.client.step(&mut first.client_socket).expect("begun");
    let (_, hello) = first.client_socket.sent.front().expect("a hello").clone();
    for at in 0..hello.len() {
        let mut pair = same();
        pair.client.step(&mut pair.client_socket).expect("begun");
        let sent = pair.client_socket.sent.front_mut().expect("a hello");
        sent.1[at] ^= 1;
        let (client, server) = pair.run();
        let complete = |outcome: Result<Progress, _>| matches!(outcome, Ok(Progress::Complete));
        assert!(!complete(client) && !complete(server), "byte {at}");
    }
}

#[test]
fn a_server_may_have_256_keys_and_no_more() {
    let many = |number: usize| (0..number).map(|at| key(&at.to_string(), &KEY));
    let known = keys(many(256));
    let mut pair = shared(&keys([key("255", &KEY)]), &known);
    pair.complete();
    let error = SharedKeys::new(many(257), ["files/1"]).expect_err("refused");
    assert!(error.to_string().contains("1 to 256"), "{error}");
    assert!(SharedKeys::new([], ["files/1"]).is_err());
}

#[test]
fn a_protocol_of_one_byte_is_refused_since_it_would_be_passed_over() {
    let with = |alpn: &[&str]| SharedKeys::new([key("one", &KEY)], alpn);
    let error = with(&["a", "files/1"]).expect_err("refused");
    assert!(error.to_string().contains("one byte"), "{error}");
    with(&["ab"]).expect("keys");
}

#[test]
fn two_keys_of_one_identity_are_refused() {
    let twice = [key("one", &KEY), key("two", &KEY), key("one", &OTHER)];
    let error = SharedKeys::new(twice, ["files/1"]).expect_err("refused");
    assert!(error.to_string().contains("same identity"), "{error}");
}

#[test]
fn keys_are_not_shown() {
    let keys = keys([key("one", &KEY)]);
    assert_eq!(format!("{keys:?}"), "[SharedKey(one)]");
}

#[test]
fn tickets_of_a_server_are_passed_over() {
    let mut pair = same();
    pair.complete();
    let ticket = vec![4, 0, 0, 1, 0];
    pair.client_socket
        .arrived
        .push_back((Level::OneRtt, ticket.clone()));
    pair.client
        .step(&mut pair.client_socket)
        .expect("passed over");
    pair.server_socket
        .arrived
        .push_back((Level::OneRtt, ticket));
    let error = pair.server.step(&mut pair.server_socket);
    let error = error.expect_err("no client gives any");
    assert!(
        matches!(error, HandshakeError::UnexpectedMessage(4)),
        "{error}"
    );
}

use std::time::SystemTime;

use super::*;

/// What the client says when it gets this certificate, and the alert that the server is told.
fn client_refuses(issued: &IssuedCertificate, name: &str) -> (HandshakeError, u8) {
    let server = server()
        .certificate(certificate(issued))
        .build()
        .expect("a server");
    let mut pair = Pair::named(&client().build().expect("a client"), &server, name);
    let (client, server) = pair.run();
    assert_eq!(server.expect("the server waits"), Progress::Pending);
    assert!(
        !pair.client_socket.has(Level::OneRtt, KeySide::Seal),
        "nothing was sent to it"
    );
    assert!(matches!(
        pair.client.step(&mut pair.client_socket),
        Err(HandshakeError::Ended)
    ));
    let failures = pair
        .client_socket
        .acts
        .iter()
        .filter(|act| matches!(act, Act::Fail(_)));
    assert_eq!(failures.count(), 1, "the peer is told once");
    (
        client.expect_err("refused"),
        pair.client_socket.failure().expect("an alert"),
    )
}

fn ago(hours: u64) -> SystemTime {
    cert::now() - Duration::from_secs(hours * 3600)
}

fn ahead(hours: u64) -> SystemTime {
    cert::now() + Duration::from_secs(hours * 3600)
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    for name in ["other.example", "192.0.2.1", "sub.server.example"] {
        let (error, alert) = client_refuses(&ISSUED, name);
        assert!(
            matches!(&error, HandshakeError::WrongName { presented, .. } if !presented.is_empty())
        );
        let text = error.to_string();
        assert!(
            text.starts_with(&format!(
                "the server's certificate is not for {name} but for "
            )),
            "{text}"
        );
        assert_eq!(alert, 42);
    }
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let other = CertificateAuthority::new("test authority").expect("an authority");
    let issued = other
        .issue(&["server.example"], Duration::from_secs(60))
        .expect("a certificate");
    let (error, alert) = client_refuses(&issued, "server.example");
    assert!(
        error.to_string().contains("pass its CA certificate"),
        "{error}"
    );
    assert!(matches!(error, HandshakeError::UntrustedAuthority { .. }));
    assert_eq!(alert, 48);
}

#[test]
fn an_expired_certificate_is_refused() {
    let issued = AUTHORITY
        .issue_between(&["server.example"], ago(2), ago(1))
        .expect("a certificate");
    let (error, alert) = client_refuses(&issued, "server.example");
    assert!(error.to_string().contains("has expired"), "{error}");
    assert_eq!(alert, 45);
}

#[test]
fn a_certificate_of_the_future_is_refused() {
    let issued = AUTHORITY
        .issue_between(&["server.example"], ahead(1), ahead(2))
        .expect("a certificate");
    let (error, alert) = client_refuses(&issued, "server.example");
    assert!(error.to_string().contains("is not valid yet"), "{error}");
    assert_eq!(alert, 45);
}

#[test]
fn no_common_application_protocol_ends_with_alert_120() {
    let server = server()
        .alpn(["other/1", "other/2"])
        .build()
        .expect("a server");
    let mut pair = Pair::new(&client().build().expect("a client"), &server);
    let (_, server) = pair.run();
    let error = server.expect_err("refused");
    assert!(matches!(error, HandshakeError::NoCommonProtocol));
    assert!(error.to_string().contains("ALPN"), "{error}");
    assert_eq!(pair.server_socket.failure(), Some(120));
    assert!(pair.server_socket.sent.is_empty() && pair.server_socket.secrets.is_empty());
}

/// The ClientHello or ServerHello of a TLS stack with other habits than ours.
fn foreign_client(alpn: &[&[u8]], quic: Option<rustls::quic::Version>) -> Vec<u8> {
    let mut config = client().build().expect("a client").tls.as_ref().clone();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = "server.example".try_into().expect("a name");
    let mut hello = Vec::new();
    if let Some(version) = quic {
        let client = rustls::quic::ClientConnection::new(config.into(), version, name, vec![]);
        client.expect("a client").write_hs(&mut hello);
    } else {
        let client = rustls::ClientConnection::new(config.into(), name);
        client
            .expect("a client")
            .write_tls(&mut hello)
            .expect("a record");
        hello.drain(..5);
    }
    hello
}

fn server_answers(hello: Vec<u8>) -> (Result<Progress, HandshakeError>, Option<u8>) {
    let (result, socket) = server_after(hello);
    (result, socket.failure())
}

fn server_after(hello: Vec<u8>) -> (Result<Progress, HandshakeError>, MemorySocket) {
    let mut server = Session::server(&server().build().expect("a server"));
    let mut socket = MemorySocket::new(b"");
    socket.arrived.push_back((Level::Initial, hello));
    (server.step(&mut socket), socket)
}

#[test]
fn a_client_that_offers_a_suite_nobody_knows_is_answered() {
    let mut hello = foreign_client(&[b"files/1"], Some(rustls::quic::Version::V1));
    // Two bytes of length and the suites stand behind the header, the version, the random bytes and an empty identifier.
    let at = 4 + 2 + 32 + 1;
    let suites = u16::from_be_bytes([hello[at], hello[at + 1]]) + 2;
    hello[at..at + 2].copy_from_slice(&suites.to_be_bytes());
    hello.splice(at + 2..at + 2, [0x13, 0xee]);
    let len = u32::try_from(hello.len() - 4).expect("short").to_be_bytes();
    hello[1..4].copy_from_slice(&len[1..]);
    let (result, socket) = server_after(hello);
    assert_eq!(result.expect("an answer"), Progress::Pending);
    let (level, answer) = &socket.sent[0];
    assert_eq!((*level, answer[0]), (Level::Initial, 2), "a ServerHello");
}

/// What a client says to a message that a server sends when the handshake is complete.
fn client_after(message: &[u8], resumption: u32) -> (HandshakeError, MemorySocket) {
    let config = client().resumption(resumption as usize).build();
    let server = server().build().expect("a server");
    let mut pair = Pair::new(&config.expect("a client"), &server);
    pair.complete();
    let arrived = &mut pair.client_socket.arrived;
    arrived.push_back((Level::OneRtt, message.to_vec()));
    let error = pair.client.step(&mut pair.client_socket);
    (error.expect_err("refused"), pair.client_socket)
}

#[test]
fn a_server_that_asks_for_a_certificate_after_the_handshake_breaks_a_rule_of_quic() {
    // A context of one byte, and the signature algorithms that must be in such a message.
    let request = [13, 0, 0, 12, 1, 7, 0, 8, 0, 13, 0, 4, 0, 2, 0x08, 0x04];
    for resumption in [0, 1] {
        let (error, socket) = client_after(&request, resumption);
        assert!(matches!(error, HandshakeError::LateCertificateRequest));
        assert!(socket.refused() && socket.failure().is_none());
    }
}

#[test]
fn a_ticket_with_a_bound_for_early_data_breaks_a_rule_of_quic() {
    let ticket = |most: u32| {
        let mut body = vec![
            0, 0, 0xe, 0x10, 1, 2, 3, 4, 1, 9, 0, 4, 5, 6, 7, 8, 0, 8, 0, 42, 0, 4,
        ];
        body.extend_from_slice(&most.to_be_bytes());
        let mut message = vec![4, 0, 0, body.len() as u8];
        message.append(&mut body);
        message
    };
    // rustls takes 0 like no extension at all: there is no 0-RTT with such a ticket.
    for most in [1, 16_384, u32::MAX - 1] {
        let (error, socket) = client_after(&ticket(most), 1);
        assert!(matches!(error, HandshakeError::EarlyDataBound), "{error}");
        assert!(socket.refused() && socket.failure().is_none());
    }
    let config = client().build().expect("a client");
    let mut pair = Pair::new(&config, &server().build().expect("a server"));
    pair.complete();
    let arrived = &mut pair.client_socket.arrived;
    arrived.push_back((Level::OneRtt, ticket(u32::MAX)));
    assert!(pair.client.step(&mut pair.client_socket).is_ok());
}

#[test]
fn a_client_without_application_protocols_ends_with_alert_120() {
    let (result, alert) = server_answers(foreign_client(&[], Some(rustls::quic::Version::V1)));
    assert!(matches!(result, Err(HandshakeError::NoCommonProtocol)));
    assert_eq!(alert, Some(120));
}

#[test]
fn a_server_that_chooses_no_application_protocol_ends_with_alert_120() {
    let mut config = server().build().expect("a server").tls.as_ref().clone();
    config.alpn_protocols = Vec::new();
    let server = ServerConfig { tls: config.into() };
    let mut pair = Pair::new(&client().build().expect("a client"), &server);
    let (client, server) = pair.run();
    // rustls refuses on either side; both alerts are the right one.
    let failed = client.is_err().then(|| pair.client_socket.failure());
    let failed = failed.or(server.is_err().then(|| pair.server_socket.failure()));
    assert_eq!(failed, Some(Some(120)));
}

#[test]
fn a_client_without_transport_parameters_ends_with_alert_109() {
    // TLS over TCP also sets the session identifier; QUIC forbids that, so it is taken out here.
    let mut hello = foreign_client(&[b"files/1"], None);
    let identifier = usize::from(hello[38]);
    hello.drain(39..39 + identifier);
    hello[38] = 0;
    let len = u32::try_from(hello.len() - 4).expect("short").to_be_bytes();
    hello[1..4].copy_from_slice(&len[1..]);
    let (result, alert) = server_answers(hello);
    let error = result.expect_err("refused");
    assert!(
        matches!(error, HandshakeError::NoTransportParameters),
        "{error}"
    );
    assert_eq!(alert, Some(109));
}

#[test]
fn transport_parameters_by_the_number_of_the_drafts_are_none() {
    let drafts = rustls::quic::Version::V1Draft;
    let (result, alert) = server_answers(foreign_client(&[b"files/1"], Some(drafts)));
    let error = result.expect_err("refused");
    assert!(
        matches!(error, HandshakeError::NoTransportParameters),
        "{error}"
    );
    assert_eq!(alert, Some(109));
}

#[test]
fn a_client_in_compatibility_mode_is_refused() {
    let (result, socket) = server_after(foreign_client(&[b"files/1"], None));
    assert!(matches!(result, Err(HandshakeError::CompatibilityMode)));
    assert!(socket.refused());
    let split = |at: usize| {
        let mut hello = foreign_client(&[b"files/1"], None);
        let mut server = Session::server(&server().build().expect("a server"));
        let mut socket = MemorySocket::new(b"");
        let rest = hello.split_off(at);
        socket
            .arrived
            .extend([(Level::Initial, hello), (Level::Initial, rest)]);
        drop(server.step(&mut socket));
        socket.refused()
    };
    for at in [1, 38, 39, 40] {
        assert!(split(at), "split at {at}");
    }
}

#[test]
fn no_common_suite_or_key_exchange_is_refused_by_the_server() {
    let offers = [
        client().cipher_suites([CipherSuite::Aes128GcmSha256]),
        client().key_exchange([KeyExchange::X25519]),
    ];
    let server = server()
        .cipher_suites([CipherSuite::ChaCha20Poly1305Sha256])
        .key_exchange([KeyExchange::Secp256r1])
        .build()
        .expect("a server");
    for offer in offers {
        let mut pair = Pair::new(&offer.build().expect("a client"), &server);
        let error = pair.run().1.expect_err("refused");
        assert!(
            matches!(error, HandshakeError::NothingInCommon { .. }),
            "{error}"
        );
        assert_eq!(pair.server_socket.failure(), Some(40));
    }
}

#[test]
fn alerts_of_the_peer_say_what_to_do() {
    assert_eq!(
        HandshakeError::PeerAlert(48).to_string(),
        "the peer ended the handshake with alert 48 (unknown_ca): it does not trust the authority that signed our \
         certificate; give it that CA certificate"
    );
    assert_eq!(HandshakeError::PeerAlert(120).alert(), None);
}

#[test]
fn an_alert_that_the_socket_learned_of_is_told_as_such() {
    let error = io::Error::other(HandshakeError::PeerAlert(48));
    assert!(matches!(error.into(), HandshakeError::PeerAlert(48)));
    let error = io::Error::from(io::ErrorKind::ConnectionReset);
    assert!(matches!(error.into(), HandshakeError::Socket(_)));
}

#[test]
fn every_error_is_one_line() {
    let errors: [HandshakeError; 9] = [
        HandshakeError::Ended,
        HandshakeError::TooManyBytes,
        HandshakeError::UnexpectedBytes,
        HandshakeError::UnexpectedMessage(24),
        HandshakeError::LateCertificateRequest,
        HandshakeError::EarlyDataBound,
        HandshakeError::Socket(io::Error::other("gone")),
        HandshakeError::from_tls(rustls::Error::General("x".into()), None, None),
        HandshakeError::from_tls(rustls::Error::DecryptError, Some(51), Some("a")),
    ];
    for error in errors {
        assert_eq!(error.to_string().lines().count(), 1);
    }
}

#[test]
fn a_failing_socket_ends_the_session_without_an_alert() {
    struct Broken;
    impl HandshakeSocket for Broken {
        fn transport_parameters(&mut self, _: &mut [u8; 512]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
        fn set_peer_transport_parameters(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn begin_early_data(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn set_early_data_accepted(&mut self, _: bool) {}
        fn install_secret(
            &mut self,
            _: Level,
            _: KeySide,
            _: CipherSuite,
            _: &[u8],
        ) -> io::Result<()> {
            Ok(())
        }
        fn send(&mut self, _: Level, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn receive(&mut self, _: &mut [u8]) -> io::Result<Option<(Level, usize)>> {
            Ok(None)
        }
        fn original_version(&self) -> Version {
            Version::V1
        }
        fn version(&self) -> Version {
            Version::V1
        }
        fn fail(&mut self, alert: u8) {
            panic!("alert {alert}");
        }
    }
    let config = client().build().expect("a client");
    let mut session = Session::client(&config, "server.example").expect("a name");
    assert!(matches!(
        session.step(&mut Broken),
        Err(HandshakeError::Socket(_))
    ));
    assert!(matches!(
        session.step(&mut Broken),
        Err(HandshakeError::Ended)
    ));
}

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
fn foreign_client(alpn: &[&[u8]], quic: bool) -> Vec<u8> {
    let mut config = client().build().expect("a client").tls.as_ref().clone();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = "server.example".try_into().expect("a name");
    let mut hello = Vec::new();
    if quic {
        let version = rustls::quic::Version::V1;
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
    let mut server = Session::server(&server().build().expect("a server"));
    let mut socket = MemorySocket::new(b"");
    socket.arrived.push_back((Level::Initial, hello));
    (server.step(&mut socket), socket.failure())
}

#[test]
fn a_client_without_application_protocols_ends_with_alert_120() {
    let (result, alert) = server_answers(foreign_client(&[], true));
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
    let mut hello = foreign_client(&[b"files/1"], false);
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
fn a_client_in_compatibility_mode_is_refused() {
    let (result, alert) = server_answers(foreign_client(&[b"files/1"], false));
    assert!(matches!(result, Err(HandshakeError::CompatibilityMode)));
    assert_eq!(alert, Some(47));
    let split = |at: usize| {
        let mut hello = foreign_client(&[b"files/1"], false);
        let mut server = Session::server(&server().build().expect("a server"));
        let mut socket = MemorySocket::new(b"");
        let rest = hello.split_off(at);
        socket
            .arrived
            .extend([(Level::Initial, hello), (Level::Initial, rest)]);
        drop(server.step(&mut socket));
        socket.failure()
    };
    for at in [1, 38, 39, 40] {
        assert_eq!(split(at), Some(47), "split at {at}");
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
    let errors: [HandshakeError; 6] = [
        HandshakeError::Ended,
        HandshakeError::TooManyBytes,
        HandshakeError::UnexpectedBytes,
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

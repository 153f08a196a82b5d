use super::*;

#[test]
fn an_application_protocol_is_mandatory_and_of_sane_length() {
    let none: [&str; 0] = [];
    assert!(matches!(
        client().alpn(none).build(),
        Err(ConfigError::NoApplicationProtocol)
    ));
    assert!(matches!(
        server().alpn(none).build(),
        Err(ConfigError::NoApplicationProtocol)
    ));
    assert!(matches!(
        client().alpn([""]).build(),
        Err(ConfigError::ApplicationProtocolLength(0))
    ));
    assert!(client().alpn(["x".repeat(255)]).build().is_ok());
    let long = server().alpn(["x".repeat(256)]).build();
    assert!(matches!(
        long,
        Err(ConfigError::ApplicationProtocolLength(256))
    ));
}

#[test]
fn something_must_be_left_to_offer() {
    assert!(matches!(
        client().cipher_suites([]).build(),
        Err(ConfigError::NothingToOffer)
    ));
    assert!(matches!(
        server().key_exchange([]).build(),
        Err(ConfigError::NothingToOffer)
    ));
}

#[test]
fn a_server_needs_a_certificate() {
    let error = ServerConfig::builder()
        .alpn(["a"])
        .build()
        .expect_err("refused");
    assert_eq!(
        error.to_string(),
        "a server needs a certificate and its key; give it one"
    );
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let other = AUTHORITY
        .issue(&["x"], Duration::from_secs(1))
        .expect("a certificate");
    let pem = (ISSUED.certificate_pem.as_bytes(), other.key_pem.as_bytes());
    let certificate = Certificate::from_pem(pem.0, pem.1).expect("parts");
    let error = server()
        .certificate(certificate)
        .build()
        .expect_err("refused");
    assert!(matches!(error, ConfigError::KeyMismatch), "{error}");
}

#[test]
fn pem_without_what_is_needed_is_refused() {
    let (chain, key) = (ISSUED.certificate_pem.as_bytes(), ISSUED.key_pem.as_bytes());
    assert!(matches!(
        Certificate::from_pem(b"", key),
        Err(ConfigError::NoCertificate)
    ));
    assert!(matches!(
        Certificate::from_pem(key, key),
        Err(ConfigError::NoCertificate)
    ));
    assert!(matches!(
        Certificate::from_pem(chain, b""),
        Err(ConfigError::NoKey)
    ));
    assert!(matches!(
        Certificate::from_pem(chain, chain),
        Err(ConfigError::NoKey)
    ));
    assert!(matches!(Roots::pem(key), Err(ConfigError::NoCertificate)));
    let cut = &chain[..chain.len() / 2];
    assert!(matches!(Roots::pem(cut), Err(ConfigError::DamagedPem)));
    assert!(matches!(
        Certificate::from_pem(cut, key),
        Err(ConfigError::DamagedPem)
    ));
    let none = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(
        Roots::pem(none),
        Err(ConfigError::DamagedCertificate)
    ));
}

#[test]
fn a_file_that_is_missing_is_named() {
    let error = Roots::pem_file("/nonexistent/ca.pem").expect_err("missing");
    assert!(
        error.to_string().starts_with("/nonexistent/ca.pem: "),
        "{error}"
    );
    let error =
        Certificate::from_pem_files("/nonexistent/a", "/nonexistent/b").expect_err("missing");
    assert!(error.to_string().starts_with("/nonexistent/a: "), "{error}");
}

#[test]
fn a_server_name_is_a_name_or_an_address() {
    let config = client().build().expect("a client");
    for wrong in ["", "a b", "[::1]", "host:443", "-.", "ä.example"] {
        let error = Session::client(&config, wrong).expect_err("refused");
        assert!(
            matches!(error, ConfigError::ServerName(_)),
            "{wrong:?}: {error}"
        );
    }
}

#[test]
fn key_exchanges_are_known_by_name() {
    for exchange in KeyExchange::ALL {
        assert_eq!(exchange.name().parse::<KeyExchange>().ok(), Some(exchange));
    }
    assert_eq!(
        "X25519".parse::<KeyExchange>().ok(),
        Some(KeyExchange::X25519)
    );
    assert!("rot13".parse::<KeyExchange>().is_err());
}

#[test]
fn the_key_log_holds_the_secrets_that_were_installed() {
    let name = format!(
        "inquic-key-log-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    );
    let path = std::env::temp_dir().join(name);
    let config = client().key_log(&path).build().expect("a client");
    let mut pair = Pair::new(&config, &server().build().expect("a server"));
    pair.complete();
    let text = std::fs::read_to_string(&path).expect("a key log");
    std::fs::remove_file(&path).expect("ours");
    for (_, _, _, secret) in &pair.client_socket.secrets {
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(text.lines().any(|line| line.ends_with(&hex)));
    }
    assert!(text.lines().all(|line| line.split(' ').count() == 3));
}

#[test]
fn an_authority_can_go_on_from_its_key() {
    let again = CertificateAuthority::from_key_pem("test authority", &AUTHORITY.key_pem());
    let issued = again
        .expect("an authority")
        .issue(&["server.example"], Duration::from_secs(60));
    let server = server().certificate(certificate(&issued.expect("a certificate")));
    let mut pair = Pair::new(
        &client().build().expect("a client"),
        &server.build().expect("a server"),
    );
    pair.complete();
}

#[test]
fn certificates_that_cannot_be_are_refused() {
    let none: [&str; 0] = [];
    let hour = Duration::from_secs(3600);
    assert!(matches!(
        AUTHORITY.issue(&none, hour),
        Err(ConfigError::NoNames)
    ));
    assert!(matches!(
        AUTHORITY.issue(&["a"], Duration::MAX),
        Err(ConfigError::Validity)
    ));
    assert!(matches!(
        AUTHORITY.issue(&["ä"], hour),
        Err(ConfigError::Making(_))
    ));
}

#[test]
fn early_data_and_a_shared_ticket_key_cannot_be_together() {
    let refused = server().early_data(true).ticket_key([1; 32]).build();
    assert!(matches!(refused, Err(ConfigError::SharedEarlyData)));
}

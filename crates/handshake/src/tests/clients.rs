//! Certificates of clients.

use super::*;

/// An authority, and a certificate that it gave a client.
fn issued() -> (Roots, IssuedCertificate) {
    let authority = CertificateAuthority::new("clients").expect("an authority");
    let issued = authority.issue_client("client.example", Duration::from_secs(3600));
    let issued = issued.expect("a certificate");
    (
        Roots::pem(authority.pem().as_bytes()).expect("roots"),
        issued,
    )
}

fn pair_of(shown: Option<&IssuedCertificate>, roots: Roots, wanted: ClientCertificate) -> Pair {
    let mut client = client();
    if let Some(issued) = shown {
        client = client.certificate(certificate(issued));
    }
    Pair::new(
        &client.build().expect("a client"),
        &server().clients(roots, wanted).build().expect("a server"),
    )
}

/// Why the server ends the handshake, and with which alert.
fn refusal(mut pair: Pair) -> (HandshakeError, Option<u8>) {
    let (_, server) = pair.run();
    assert!(!pair.server_socket.has(Level::OneRtt, KeySide::Open));
    (server.expect_err("refused"), pair.server_socket.failure())
}

#[test]
fn a_client_with_a_certificate_of_a_trusted_authority_is_taken() {
    let (roots, issued) = issued();
    for wanted in [ClientCertificate::Asked, ClientCertificate::Required] {
        let mut pair = pair_of(Some(&issued), roots.clone(), wanted);
        pair.complete();
        let info = pair.server.info().expect("complete");
        assert!(info.peer_has_certificate);
    }
}

#[test]
fn a_client_without_one_is_taken_where_it_was_only_asked() {
    let (roots, _) = issued();
    let mut pair = pair_of(None, roots.clone(), ClientCertificate::Asked);
    pair.complete();
    let info = pair.server.info().expect("complete");
    assert!(!info.peer_has_certificate);
    let (error, alert) = refusal(pair_of(None, roots, ClientCertificate::Required));
    assert!(
        matches!(error, HandshakeError::NoClientCertificate),
        "{error}"
    );
    assert_eq!(alert, Some(116));
}

#[test]
fn a_client_of_another_authority_is_refused() {
    let (roots, _) = issued();
    let (_, other) = issued();
    for wanted in [ClientCertificate::Asked, ClientCertificate::Required] {
        let (error, alert) = refusal(pair_of(Some(&other), roots.clone(), wanted));
        assert!(
            matches!(error, HandshakeError::UntrustedAuthority { .. }),
            "{error}"
        );
        assert_eq!(alert, Some(48));
    }
}

#[test]
fn a_client_shows_nothing_to_a_server_that_does_not_ask() {
    let (_, issued) = issued();
    let client = client().certificate(certificate(&issued));
    let mut pair = Pair::new(
        &client.build().expect("a client"),
        &server().build().expect("a server"),
    );
    pair.complete();
    assert!(!pair.server.info().expect("complete").peer_has_certificate);
}

#[test]
fn a_servers_certificate_does_not_make_a_client() {
    let mut pair = pair_of(Some(&ISSUED), roots(), ClientCertificate::Required);
    let (_, server) = pair.run();
    let error = server.expect_err("refused");
    assert!(
        matches!(error, HandshakeError::Certificate { .. }),
        "{error}"
    );
}

#[test]
fn a_key_that_is_not_the_clients_is_found_out_before_a_connection_is() {
    let (_, one) = issued();
    let (_, other) = issued();
    let mixed = IssuedCertificate {
        certificate_pem: one.certificate_pem,
        key_pem: other.key_pem,
    };
    let client = client().certificate(certificate(&mixed)).build();
    assert!(matches!(client, Err(ConfigError::KeyMismatch)));
}

#[test]
fn a_certificate_in_der_is_as_good() {
    let (roots, issued) = issued();
    let Certificate { chain, key } = certificate(&issued);
    let der = Certificate::from_der(&chain[0], key.secret_der()).expect("a certificate");
    let client = client().certificate(der).build().expect("a client");
    let server = server().clients(roots, ClientCertificate::Required);
    Pair::new(&client, &server.build().expect("a server")).complete();
    let damaged = Certificate::from_der(&chain[0], b"key");
    assert!(matches!(damaged, Err(ConfigError::DamagedKey)));
}

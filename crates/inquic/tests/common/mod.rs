//! A throw-away authority and what tests make of it.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(
    clippy::allow_attributes,
    reason = "what is unused differs from file to file"
)]

use std::time::Duration;

use inquic::cert::CertificateAuthority;
use inquic::{Certificate, Connection, Listener, Roots};

pub const ALPN: [&str; 1] = ["test/1"];

pub struct Identity {
    pub certificate: Certificate,
    pub roots: Roots,
}

/// A certificate for localhost and the loopback addresses.
pub fn identity() -> Identity {
    let ca = CertificateAuthority::new("Test CA").unwrap();
    let issued = ca
        .issue(
            &["localhost", "127.0.0.1", "::1"],
            Duration::from_secs(3600),
        )
        .unwrap();
    Identity {
        certificate: Certificate::from_pem(
            issued.certificate_pem.as_bytes(),
            issued.key_pem.as_bytes(),
        )
        .unwrap(),
        roots: Roots::pem(ca.pem().as_bytes()).unwrap(),
    }
}

/// A blocking listener and a connection to it, from both ends.
pub fn pair() -> (Listener, Connection, Connection) {
    let identity = identity();
    let listener = Listener::builder()
        .certificate(identity.certificate)
        .alpn(ALPN)
        .bind("127.0.0.1:0")
        .unwrap();
    let client = Connection::builder()
        .roots(identity.roots)
        .alpn(ALPN)
        .connect(&listener.local_addr().to_string())
        .unwrap();
    let server = listener.accept().unwrap();
    (listener, client, server)
}

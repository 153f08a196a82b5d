//! A throw-away authority and what tests make of it.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(
    clippy::allow_attributes,
    reason = "what is unused differs from file to file"
)]

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

use inquic::cert::{CertificateAuthority, IssuedCertificate};
use inquic::{
    Blocking, Certificate, Connection, ConnectionBuilder, Listener, ListenerBuilder, Roots,
};

pub(crate) const ALPN: [&str; 1] = ["test/1"];

pub(crate) struct Identity {
    pub(crate) certificate: Certificate,
    pub(crate) roots: Roots,
}

/// A certificate for localhost and the loopback addresses.
pub(crate) fn identity() -> Identity {
    let ca = CertificateAuthority::new("Test CA").unwrap();
    let issued = ca
        .issue(
            &["localhost", "127.0.0.1", "::1"],
            Duration::from_secs(3600),
        )
        .unwrap();
    identity_of(&ca, &issued)
}

/// What a certificate of an authority makes.
pub(crate) fn identity_of(ca: &CertificateAuthority, issued: &IssuedCertificate) -> Identity {
    Identity {
        certificate: Certificate::from_pem(
            issued.certificate_pem.as_bytes(),
            issued.key_pem.as_bytes(),
        )
        .unwrap(),
        roots: Roots::pem(ca.pem().as_bytes()).unwrap(),
    }
}

impl Identity {
    /// Shows the certificate and speaks the tests' protocol.
    pub(crate) fn listen<Face>(&self, builder: ListenerBuilder<Face>) -> ListenerBuilder<Face> {
        builder.certificate(self.certificate.clone()).alpn(ALPN)
    }

    /// Trusts the certificate and speaks the tests' protocol.
    pub(crate) fn connect<Face>(
        &self,
        builder: ConnectionBuilder<Face>,
    ) -> ConnectionBuilder<Face> {
        builder.roots(self.roots.clone()).alpn(ALPN)
    }

    /// A blocking listener, with its address.
    pub(crate) fn listener(&self) -> (Listener, String) {
        let listener = self
            .listen(Listener::builder())
            .bind("127.0.0.1:0")
            .unwrap();
        let address = listener.local_addr().to_string();
        (listener, address)
    }

    /// For blocking connections.
    pub(crate) fn builder(&self) -> ConnectionBuilder<Blocking> {
        self.connect(Connection::builder())
    }
}

/// A blocking listener and a connection to it, from both ends.
pub(crate) fn pair() -> (Listener, Connection, Connection) {
    let identity = identity();
    let (listener, address) = identity.listener();
    let client = identity.builder().connect(&address).unwrap();
    let server = listener.accept().unwrap();
    (listener, client, server)
}

/// Sends back what comes on each stream that the peer opens, until there are no more.
pub(crate) fn send_back(connection: &Connection) {
    while let Ok(Some(stream)) = connection.accept() {
        let (mut send, mut receive) = stream.split();
        std::io::copy(&mut receive, &mut send).unwrap();
        send.finish().unwrap();
    }
}

/// Sends `data` on a stream while what is sent back is read.
pub(crate) fn exchange(client: &Connection, data: &[u8]) {
    let (mut send, mut receive) = client.open().unwrap().split();
    let mut answer = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            send.write_all(data).unwrap();
            send.finish().unwrap();
        });
        receive.read_to_end(&mut answer).unwrap();
    });
    assert!(answer == data);
}

/// How long a test waits for what is to come at once, on a machine that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let step = Duration::from_millis(2);
    let mut left = PATIENCE;
    while !so() {
        left = left.checked_sub(step).expect(what);
        thread::sleep(step);
    }
}

/// An address of loopback that is free and stays so: no other process has the address, and the system gives nobody the port.
pub(crate) fn own_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = NEXT.fetch_add(1, Ordering::Relaxed);
    ([127, 64 + high, middle, low], port).into()
}

/// Bytes that differ from place to place, so that what is swapped or lost shows.
pub(crate) fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

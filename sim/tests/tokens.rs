//! Retry tokens that are good no more (RFC 9000 §8.1.2): their clients are told, and nothing is kept for them.

use inquic_engine::{CloseReason, Config, Drop, RetryPolicy};
use inquic_platform::{Duration, Instant};
use inquic_sim::{Host, Settings};
use inquic_wire::{Code, Header, Version, Versions};

/// A client that has a Retry token, the server that gave it, and the first datagram with the token.
struct Retried {
    client: Host,
    server: Host,
    now: Instant,
    datagram: Vec<u8>,
}

fn retried(version: Version) -> Retried {
    let settings = Settings {
        config: Config {
            version,
            versions: Versions::of(&[version]),
            handshake_timeout: Duration::from_secs(60),
            ..Config::default()
        },
        retry: RetryPolicy::Always,
        ..Settings::default()
    };
    let host = |address: &str| Host::new(address.parse().unwrap(), settings.clone(), 7);
    let (mut client, mut server) = (host("192.0.2.1:50000"), host("192.0.2.2:4433"));
    server.listen();
    let now = Instant::ZERO + Duration::from_secs(1);
    client.connect(now, server.address, &[]);
    let mut first = sent(&mut client, now).remove(0);
    server.receive(now, client.address, &mut first);
    let mut retry = sent(&mut server, now).remove(0);
    client.receive(now, server.address, &mut retry);
    let datagram = sent(&mut client, now).remove(0);
    Retried {
        client,
        server,
        now,
        datagram,
    }
}

fn sent(host: &mut Host, now: Instant) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    host.transmit(now, &mut |datagram| datagrams.push(datagram.to_vec()));
    datagrams
}

impl Retried {
    /// The client's datagram arrives; the server's answers go back to the client.
    fn deliver(&mut self) -> Vec<Vec<u8>> {
        self.server
            .receive(self.now, self.client.address, &mut self.datagram.clone());
        let answers = sent(&mut self.server, self.now);
        for answer in &answers {
            self.client
                .receive(self.now, self.server.address, &mut answer.clone());
        }
        answers
    }

    fn assert_refused(mut self) {
        let answers = self.deliver();
        assert_eq!(answers.len(), 1);
        assert!(answers[0].len() < 120, "{}", answers[0].len());
        assert!(matches!(
            Header::parse(&answers[0], 8),
            Ok(Header::Long { .. })
        ));
        assert!(self.server.endpoint.is_empty(), "nothing is kept");
        assert_eq!(self.server.endpoint.drops().of(Drop::Token), 1);
        let handle = self.client.handles()[0];
        match self.client.connection(handle).close_reason() {
            Some(CloseReason::PeerTransport { code, .. }) => assert_eq!(*code, Code::InvalidToken),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_client_with_a_used_token_is_told() {
    for version in [Version::V1, Version::V2] {
        let mut retried = retried(version);
        retried.server.receive(
            retried.now,
            retried.client.address,
            &mut retried.datagram.clone(),
        );
        let handle = retried.server.handles()[0];
        retried.server.forget(handle);
        retried.assert_refused();
    }
}

#[test]
fn a_client_with_a_stale_token_is_told() {
    let mut retried = retried(Version::V1);
    retried.now = retried.now + Duration::from_millis(10_001);
    retried.assert_refused();
}

#[test]
fn a_client_with_a_fresh_token_is_let_in() {
    let mut retried = retried(Version::V1);
    retried.now = retried.now + Duration::from_secs(10);
    retried.deliver();
    assert_eq!(retried.server.endpoint.len(), 1);
    assert_eq!(retried.server.endpoint.drops().of(Drop::Token), 0);
}

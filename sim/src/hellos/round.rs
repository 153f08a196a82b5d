//! A round: some clients on one port at once, their datagrams mixed; what became of each is compared with whose it is.

use std::sync::Arc;

use inquic_engine::{
    Config, Endpoint, EndpointKeys, Incoming, Owner, Path, Received, RetryPolicy, Route, Routing,
};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::{Duration, Instant, Platform};

use super::claims::{expected, listeners};
use super::client::Client;
use crate::Rng;

/// What became of the clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Clients.
    pub hellos: u64,
    /// Those that came to their owner.
    pub delivered: u64,
    /// Those that were refused, as they had to be.
    pub refused: u64,
    /// Those that came to somebody else, too early, or were refused with another code.
    pub misdelivered: u64,
    /// Those of which nothing was decided, though their hello had arrived.
    pub lost: u64,
    /// Those whose connection was made and had the hello byte for byte.
    pub checked: u64,
    /// Those that had to show their address first.
    pub retried: u64,
    /// Datagrams.
    pub datagrams: u64,
    /// What looking at them took, in the units of the caller's clock.
    pub time: u64,
}

impl Report {
    /// Adds another round.
    pub const fn add(&mut self, other: &Self) {
        self.hellos += other.hellos;
        self.delivered += other.delivered;
        self.refused += other.refused;
        self.misdelivered += other.misdelivered;
        self.lost += other.lost;
        self.checked += other.checked;
        self.retried += other.retried;
        self.datagrams += other.datagrams;
        self.time += other.time;
    }
}

/// The port of a round.
struct Port {
    platform: Arc<dyn Platform>,
    endpoint: Endpoint,
    config: Arc<Config>,
    with_default: bool,
    now: Instant,
}

/// What a datagram led to.
enum Outcome {
    /// Nothing is decided yet.
    Open,
    Delivered,
    Refused,
    Wrong,
}

/// Plays the round of a seed with so many clients. `clock` measures what the port's looks cost.
#[must_use]
pub fn play(seed: u64, clients: u16, clock: &dyn Fn() -> u64) -> Report {
    let mut rng = Rng::new(seed);
    let mut port = Port::new(&mut rng);
    let mut under_way: Vec<Client> = (0..clients)
        .map(|number| Client::new(&*port.platform, Rng::new(rng.next_u64()), number))
        .collect();
    let mut report = Report {
        hellos: clients.into(),
        ..Report::default()
    };
    while !under_way.is_empty() {
        let at = rng.below(under_way.len() as u64) as usize;
        let client = &mut under_way[at];
        let Some(datagram) = client.arriving() else {
            report.lost += 1;
            under_way.swap_remove(at);
            continue;
        };
        port.now = port.now + Duration::from_micros(rng.below(2_000));
        let outcome = port.take(client, &datagram, clock, &mut report);
        match outcome {
            Outcome::Open => continue,
            Outcome::Delivered => report.delivered += 1,
            Outcome::Refused => report.refused += 1,
            Outcome::Wrong => report.misdelivered += 1,
        }
        report.retried += u64::from(client.retry.is_some());
        under_way.swap_remove(at);
    }
    report
}

impl Port {
    fn new(rng: &mut Rng) -> Self {
        let platform: Arc<dyn Platform> = Arc::new(AwsLc::seeded(rng.next_u64()));
        let routing = Routing::of_member(0, [1, 2], [3; 16]);
        let keys = EndpointKeys::random(&*platform).with_routing(routing);
        let mut endpoint = Endpoint::new(Arc::clone(&platform), keys);
        let retry = [
            RetryPolicy::WhenBusy,
            RetryPolicy::Always,
            RetryPolicy::Never,
        ][rng.below(3) as usize];
        let with_default = rng.below(2) == 0;
        for listener in listeners(retry, with_default) {
            if let Owner::Remote(member) = listener.owner {
                endpoint.set_member(member, true);
            }
            endpoint.add_owner(listener).expect("claims do not overlap");
        }
        Self {
            platform,
            endpoint,
            config: Arc::default(),
            with_default,
            now: Instant::from_nanos(1_000_000_000_000),
        }
    }

    fn take(
        &mut self,
        client: &mut Client,
        datagram: &[u8],
        clock: &dyn Fn() -> u64,
        report: &mut Report,
    ) -> Outcome {
        let path = Path {
            local: None,
            remote: client.address,
        };
        let mut reply = [0; 1_500];
        let begin = clock();
        let route = self.endpoint.route(self.now, &path, datagram, &mut reply);
        report.time += clock().saturating_sub(begin);
        report.datagrams += 1;
        let owner = expected(&client.wanted, self.with_default);
        match route {
            Route::Held | Route::Drop(_) => Outcome::Open,
            Route::Incoming(incoming) => {
                // Of what a client sent before it heard of a Retry packet, all may arrive when none is asked for any more.
                let is_old = incoming.introduction().dcid != client.sealer.dcid;
                let is_right = owner == Ok(incoming.owner()) && (is_old || client.has_arrived());
                let is_whole = self.follows(client, &path, datagram, incoming, report);
                if is_right && is_whole {
                    Outcome::Delivered
                } else {
                    Outcome::Wrong
                }
            }
            Route::Reply(len) => {
                if client.on_retry(&*self.platform, &reply[..len]) {
                    return Outcome::Open;
                }
                let code = client.sealer.close_code(&reply[..len]);
                match owner {
                    Err(alert)
                        if client.has_arrived() && code == Some(0x100 | u64::from(alert)) =>
                    {
                        Outcome::Refused
                    }
                    _ => Outcome::Wrong,
                }
            }
            Route::Connection(_) | Route::Forward(_) => Outcome::Wrong,
        }
    }

    /// Whether what comes next goes the same way, and the owner has all that came before.
    fn follows(
        &mut self,
        client: &Client,
        path: &Path,
        datagram: &[u8],
        mut incoming: Incoming,
        report: &mut Report,
    ) -> bool {
        let mut reply = [0; 1_500];
        if let Owner::Remote(member) = incoming.owner() {
            let again = self.endpoint.route(self.now, path, datagram, &mut reply);
            return matches!(again, Route::Forward(to) if to == member);
        }
        if !report.delivered.is_multiple_of(16) {
            return true;
        }
        let held = incoming.take_datagrams();
        let begun = held.first().map_or(self.now, |first| first.at);
        let accepted = self.endpoint.accept(begun, &incoming, &self.config);
        let (handle, mut connection) = accepted.expect("keys can be made");
        let all = held.into_iter().map(|held| (held.at, held.bytes));
        for (at, mut bytes) in all.chain([(self.now, datagram.to_vec())]) {
            let segment = bytes.len();
            let received = Received {
                path: *path,
                bytes: &mut bytes,
                segment,
                ecn: 0,
            };
            connection.receive(at, received);
        }
        let mut hello = vec![0; client.hello.len() + 1];
        let mut read = 0;
        while let Some((_, count)) = connection.handshake_receive(&mut hello[read..]) {
            read += count;
        }
        let again = self.endpoint.route(self.now, path, datagram, &mut reply);
        self.endpoint.remove(handle);
        report.checked += 1;
        hello[..read] == client.hello && matches!(again, Route::Connection(to) if to == handle)
    }
}

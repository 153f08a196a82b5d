//! Whole runs with faults: a seed comes in, what it broke and a digest of everything that came out go out. The port and sockets
//! that ship talk over a bad network, on bad systems, for bad applications; then the faults stop, and everything has to end well.
//!
//! Each seed turns a random subset of the faults on. After every step the rules of [`Invariant`] are checked, from outside where
//! they can be seen there. A [`Canary`] is a bug between the engine and the checks, to see that they look.

mod application;
mod canary;
mod check;
mod credit;
mod heap;
mod invariant;
mod ledger;
mod meddler;
mod messages;
mod metered;
mod nat;
mod network;
mod node;
mod plan;
mod scene;
mod states;
#[cfg(test)]
mod tests;
mod truth;
mod witness;

pub use canary::Canary;
pub use heap::Heap;
pub use invariant::{Invariant, Violation};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use inquic_engine::{Config, limits, stream};
use inquic_platform::{Duration, Instant};
use inquic_wire::{Role, TransportParameters, Writer};

use crate::{Early, Fault, Tally};
use application::REST;
use ledger::Ledger;
use network::Network;
use node::{Node, Settings};
use plan::{EarlyPlan, Plan};
use scene::Scene;
use witness::{Watch, Witness};

/// What came of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// A digest of everything that came out.
    pub hash: u64,
    /// The faults that were injected.
    pub tally: Tally,
    /// Steps made.
    pub steps: u64,
    /// Virtual time that passed.
    pub time: Duration,
    /// The first rule that was broken.
    pub violation: Option<Violation>,
}

/// Runs a seed, and again if `twice`, to see whether the same comes out.
#[must_use]
pub fn run(seed: u64, twice: bool, canary: Option<Canary>, heap: Heap) -> Report {
    let mut report = run_once(seed, canary, heap);
    if twice && report.violation.is_none() {
        let again = run_once(seed, canary, heap).hash;
        if again != report.hash {
            report.violation = Some(Violation {
                invariant: Invariant::Determinism,
                at: START + report.time,
                what: format!("{again:016x} after {:016x}", report.hash),
            });
        }
    }
    report
}

fn run_once(seed: u64, canary: Option<Canary>, heap: Heap) -> Report {
    let mut plan = Plan::new(seed);
    let storm = START + plan.storm;
    let mut run = Run::new(seed, &mut plan, canary, heap);
    (heap.refuse)(seed, plan.refusals);
    run.storm(storm);
    run.scene
        .tally
        .note_all(Fault::RefusedMemory, (heap.refused)());
    (heap.refuse)(seed, 0);
    run.calm();
    let mut tally = run.scene.tally;
    tally.add(&run.network.up.tally);
    tally.add(&run.network.down.tally);
    if canary == Some(Canary::Dice) {
        run.scene.hash.mix(DICE.fetch_add(1, Ordering::Relaxed));
    }
    Report {
        seed,
        hash: run.scene.hash.value(),
        tally,
        steps: run.steps,
        time: run.scene.now.since(START),
        violation: run.scene.violation,
    }
}

/// One run.
struct Run {
    scene: Scene,
    network: Network,
    /// The client and the server.
    hosts: [Node; 2],
    /// Connections still to be made, and how many at once.
    to_connect: (u8, usize),
    next_connect: Instant,
    names: u8,
    steps: u64,
    /// The smallest window of bytes that anything is sent in.
    window: u64,
}

impl Run {
    fn new(seed: u64, plan: &mut Plan, canary: Option<Canary>, heap: Heap) -> Self {
        let address = |text: &str| text.parse::<SocketAddr>().expect("well formed");
        let client = address("192.0.2.1:50000");
        let parameters = [0, 1].map(|host: usize| allowed(&plan.configs[host], None));
        let server = &plan.configs[1];
        let remembered = match &plan.early {
            EarlyPlan::Off => None,
            EarlyPlan::Accepted | EarlyPlan::Refused => Some(allowed(server, None)),
            EarlyPlan::Changed(before) => Some(allowed(server, Some(before))),
        };
        let early = [
            remembered.as_ref().map_or(Early::Off, offer),
            match plan.early {
                EarlyPlan::Accepted => Early::once(),
                _ => Early::Off,
            },
        ];
        let ledger = Ledger::new(parameters, remembered, canary);
        let watch = Arc::new(Watch::new(ledger, heap, canary));
        let node = |role: Role, address| {
            let host = ledger::place(role);
            let seed = seed ^ [0xa11ce, 0xb0b][host];
            let settings = Settings {
                config: Arc::new(plan.configs[host].clone()),
                suite: plan.suite,
                certificate: plan.certificate,
                retry: plan.retry,
                faults: plan.hosts[host],
                habits: plan.habits[host],
                early: early[host].clone(),
                tokens: plan.tokens && role == Role::Client,
                version: plan.version(),
                may_stay: plan.refusals > 0,
            };
            let platform = Arc::new(Witness::new(seed, Arc::clone(&watch)));
            Node::new(role, address, platform, Arc::clone(&watch), settings, seed)
        };
        let hosts = [
            node(Role::Client, client),
            node(Role::Server, address("192.0.2.2:4433")),
        ];
        Self {
            scene: Scene::new(START, canary),
            network: Network::new(plan, seed, client, START),
            hosts,
            to_connect: plan.connections,
            next_connect: START,
            names: 0,
            steps: 0,
            window: plan.window(),
        }
    }

    /// The faults are on until `end`.
    fn storm(&mut self, end: Instant) {
        while self.scene.violation.is_none() {
            self.connect();
            let connect = (self.to_connect.0 > 0).then_some(self.next_connect);
            if !self.step(end, connect) {
                return;
            }
        }
    }

    /// The faults are over: everything completes or closes within three idle timeouts.
    fn calm(&mut self) {
        if self.scene.violation.is_some() {
            return;
        }
        self.network.calm_down();
        for host in &mut self.hosts {
            host.calm_down();
        }
        let began = self.scene.now;
        let before = self.scene.truth.transfers(REST);
        let mut idle = self.idle_timeout(IDLE_LEAST);
        let mut transfer = Duration::ZERO;
        self.flush();
        while self.scene.violation.is_none() {
            let [client, server] = &mut self.hosts;
            client.close_complete(&mut self.scene);
            if client.seats.is_empty() && server.seats.is_empty() {
                client.check_end(&mut self.scene);
                return server.check_end(&mut self.scene);
            }
            if self.step(began + idle.saturating_mul(3) + transfer, None) {
                continue;
            }
            // A path that was found slow makes the timeout longer, and so do streams that nobody had accepted.
            let longer = self.idle_timeout(idle);
            let more = self.transfer_time(&before);
            if longer == idle && more <= transfer {
                let [client, server] = self.hosts.each_ref().map(|host| host.describe(&self.scene));
                return self.scene.fail(Invariant::Completion, || {
                    format!(
                        "{idle:?} three times over and {transfer:?}, and still client {client}, server {server}"
                    )
                });
            }
            (idle, transfer) = (longer, more.max(transfer));
        }
    }

    /// The longest idle timeout of all connections, or `least`.
    fn idle_timeout(&self, least: Duration) -> Duration {
        let seats = self.hosts.iter().flat_map(|host| host.seats.values());
        seats
            .filter_map(|seat| seat.socket.ask().audit().idle_timeout)
            .fold(least, Duration::max)
    }

    /// How long the connection that has most to bring takes for that since `before`, if it brings the smallest window of all in
    /// a round trip. What lies in the buffers when the faults stop may be a thousand windows.
    fn transfer_time(&self, before: &BTreeMap<u8, (u64, u64)>) -> Duration {
        let transfers = self.scene.truth.transfers(REST);
        let bytes = transfers.iter().map(|(name, (read, unread))| {
            let (earlier, _) = before.get(name).copied().unwrap_or_default();
            read.saturating_sub(earlier) + unread
        });
        ROUND.saturating_mul(bytes.max().unwrap_or_default() / self.window)
    }

    fn connect(&mut self) {
        let (left, at_once) = &mut self.to_connect;
        let [client, server] = &mut self.hosts;
        if *left == 0 || self.next_connect > self.scene.now {
            return;
        }
        self.next_connect = self.scene.now + CONNECT_EVERY;
        if client.seats.len() < *at_once {
            *left -= 1;
            self.names += 1;
            client.connect(&mut self.scene, server.address, self.names);
            self.flush();
        }
    }

    /// Goes to the next moment at which something happens, not beyond `end`; `false` when nothing does before.
    fn step(&mut self, end: Instant, also: Option<Instant>) -> bool {
        let scene = &mut self.scene;
        let wakes = self.hosts.each_ref().map(|host| host.next_wake(scene));
        let moments = [self.network.next(), wakes[0], wakes[1], also];
        let Some(next) = moments.into_iter().flatten().min().filter(|&at| at <= end) else {
            scene.now = end;
            return false;
        };
        scene.now = scene.now.max(next);
        self.steps += 1;
        if self.steps > STEPS {
            scene.fail(Invariant::Progress, || {
                format!("{STEPS} steps without an end")
            });
        }
        self.network.tick(scene, &mut self.hosts);
        for host in &mut self.hosts {
            let arrived = self.network.arrived(scene.now, host.role);
            if !arrived.is_empty() {
                host.receive(scene, arrived);
            }
            host.tick(scene);
        }
        self.flush();
        true
    }

    /// Lets applications act and hosts send, then checks everything.
    fn flush(&mut self) {
        let Self {
            scene,
            network,
            hosts,
            ..
        } = self;
        for host in hosts {
            let role = host.role;
            host.flush(scene, &mut |scene, datagram| {
                network.send(scene, role, datagram);
            });
            host.check(scene);
        }
    }
}

/// What an end with these settings allows its peer from the start, with other streams if these are given.
fn allowed(config: &Config, streams: Option<&stream::Config>) -> TransportParameters {
    let mut parameters = TransportParameters {
        max_datagram_frame_size: config.max_datagram_frame_size.into(),
        active_connection_id_limit: limits::CIDS as u64,
        ..TransportParameters::default()
    };
    streams.unwrap_or(&config.streams).fill(&mut parameters);
    parameters
}

/// A client remembers these of its server.
fn offer(remembered: &TransportParameters) -> Early {
    let mut bytes = [0; 512];
    let mut writer = Writer::new(&mut bytes);
    remembered.encode(&mut writer).expect("they fit");
    let len = writer.position();
    Early::Offer(bytes[..len].to_vec())
}

/// When virtual time begins.
const START: Instant = Instant::from_nanos(1_000_000_000);
/// Steps that no run needs.
const STEPS: u64 = 2_000_000;
/// How soon after a connection another one is made.
const CONNECT_EVERY: Duration = Duration::from_millis(300);
/// A handshake may go on for this long whatever the idle timeout, a third of its ten seconds and a bit.
const IDLE_LEAST: Duration = Duration::from_secs(4);
/// A round trip when the faults are over, an acknowledgement that waits, and as much again.
const ROUND: Duration = Duration::from_millis(90);
/// What the canary of determinism throws.
static DICE: AtomicU64 = AtomicU64::new(0);

//! What lies between the two hosts: a link each way, a NAT before the client, weather that changes, and somebody who meddles.

use std::net::SocketAddr;

use inquic_platform::{Duration, Instant};
use inquic_wire::Role;

use super::meddler::Meddler;
use super::nat::Nat;
use super::node::Node;
use super::plan::{Change, Meddling, Plan, Weather};
use super::scene::Scene;
use crate::{Datagram, Fault, Faults, Link, Partition, Rng};

/// The network of a run.
pub(super) struct Network {
    pub(super) up: Link,
    pub(super) down: Link,
    nat: Nat,
    /// Where nobody receives, though a host says so.
    nowhere: Option<SocketAddr>,
    meddler: Meddler,
    meddling: Meddling,
    rng: Rng,
    weather: Weather,
    next_change: Option<Instant>,
    /// When partitions and black holes end.
    clears_at: Option<Instant>,
}

impl Network {
    pub(super) fn new(plan: &mut Plan, seed: u64, client: SocketAddr, now: Instant) -> Self {
        let changes = std::mem::take(&mut plan.weather.changes);
        let weather = Weather {
            changes,
            pause: plan.weather.pause,
        };
        Self {
            up: Link::new(plan.up, seed.wrapping_mul(3)),
            down: Link::new(plan.down, seed.wrapping_mul(5)),
            nat: Nat::new(client),
            nowhere: plan.preferred.filter(|_| !plan.preferred_works),
            meddler: Meddler::new(seed.wrapping_mul(7)),
            meddling: plan.meddling,
            rng: Rng::new(seed.wrapping_mul(11)),
            next_change: (!weather.changes.is_empty()).then(|| now + weather.pause),
            weather,
            clears_at: None,
        }
    }

    /// A datagram leaves a host.
    pub(super) fn send(&mut self, scene: &mut Scene, sender: Role, mut datagram: Datagram) {
        let link = match sender {
            Role::Client => {
                datagram.from = self.nat.out(datagram.from);
                &mut self.up
            }
            Role::Server => &mut self.down,
        };
        let forged = self
            .meddler
            .see(sender, &datagram, &self.meddling, &mut scene.tally);
        for datagram in [datagram].into_iter().chain(forged) {
            link.send(scene.now, datagram);
        }
    }

    /// What has arrived at a host.
    pub(super) fn arrived(&mut self, now: Instant, receiver: Role) -> Vec<Datagram> {
        let link = match receiver {
            Role::Server => &mut self.up,
            Role::Client => &mut self.down,
        };
        let arrived = std::iter::from_fn(|| link.receive(now));
        match receiver {
            Role::Server => arrived
                .filter(|sent| Some(sent.to) != self.nowhere)
                .collect(),
            // What was sent to an address that the client no longer has is lost.
            Role::Client => arrived
                .filter_map(|mut sent| {
                    sent.to = self.nat.back(sent.to)?;
                    Some(sent)
                })
                .collect(),
        }
    }

    /// When something arrives or changes next.
    pub(super) fn next(&self) -> Option<Instant> {
        let moments = [
            self.up.next_arrival(),
            self.down.next_arrival(),
            self.next_change,
            self.clears_at,
        ];
        moments.into_iter().flatten().min()
    }

    /// No faults from here on.
    pub(super) fn calm_down(&mut self) {
        for link in [&mut self.up, &mut self.down] {
            // What is still under way may be a minute late, which is a fault as well.
            link.clear();
            link.faults = Faults::default();
        }
        self.meddling = Meddling::default();
        self.next_change = None;
        self.clears_at = None;
    }

    /// Time has passed: the weather changes.
    pub(super) fn tick(&mut self, scene: &mut Scene, hosts: &mut [Node; 2]) {
        if self.clears_at.is_some_and(|at| at <= scene.now) {
            self.clears_at = None;
            for link in [&mut self.up, &mut self.down] {
                link.faults.partition = None;
                link.faults.black_hole = usize::MAX;
            }
        }
        if self.next_change.is_none_or(|at| at > scene.now) {
            return;
        }
        let pause = self.weather.pause.as_nanos();
        let wait = Duration::from_nanos(pause / 2 + self.rng.below(pause));
        self.next_change = Some(scene.now + wait);
        let count = self.weather.changes.len() as u64;
        let change = self.weather.changes[self.rng.below(count) as usize];
        self.change(change, scene, hosts);
    }

    fn change(&mut self, change: Change, scene: &mut Scene, hosts: &mut [Node; 2]) {
        let either = self.rng.below(2) as usize;
        match change {
            Change::RebindPort => {
                self.nat.rebind_port(1_024 + self.rng.below(60_000) as u16);
                scene.tally.note(Fault::RebindPort);
            }
            Change::RebindAddress => {
                let host = self.rng.below(250) as u8;
                self.nat.rebind_address([198, 51, 100, host].into());
                scene.tally.note(Fault::RebindAddress);
            }
            Change::Partition => {
                self.up.faults.partition = Some(Partition::Both);
                self.down.faults.partition = Some(Partition::Both);
                self.clear_later(scene.now);
            }
            Change::HalfPartition => {
                self.link(either).faults.partition = Some(Partition::OneWay);
                self.clear_later(scene.now);
            }
            Change::Mtu => {
                self.link(either).faults.mtu = 1_200 + self.rng.below(150) as usize;
            }
            Change::BlackHole => {
                self.link(either).faults.black_hole = 1_199 + self.rng.below(2) as usize;
                self.clear_later(scene.now);
            }
            Change::ClockJump => {
                // An hour to a month.
                let most = if self.rng.chance(500) { 24 } else { 720 };
                let hours = 1 + self.rng.below(most);
                hosts[either].jump(Duration::from_secs(hours * 3_600));
                scene.tally.note(Fault::ClockJump);
            }
            Change::SpuriousWake => {
                hosts[either].expire(scene);
                scene.tally.note(Fault::SpuriousWake);
            }
            Change::Vanish => hosts[either].vanish(scene),
            Change::IcmpLie => hosts[either].lie(scene),
        }
    }

    const fn link(&mut self, which: usize) -> &mut Link {
        match which {
            0 => &mut self.up,
            _ => &mut self.down,
        }
    }

    fn clear_later(&mut self, now: Instant) {
        let length = Duration::from_millis(1 + self.rng.below(3_000));
        self.clears_at.get_or_insert(now + length);
    }
}

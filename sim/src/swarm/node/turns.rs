//! A connection's turns: what it sends leaves through a system that refuses and forgets, and its news reach the application.

use inquic_engine::Handle;
use inquic_platform::Duration;
use inquic_socket::{News, Socket};
use inquic_wire::Role;

use super::super::scene::Scene;
use super::super::{Canary, Invariant};
use super::Node;
use crate::{Datagram, Fault};

impl Node {
    pub(in crate::swarm) fn handles(&self) -> Vec<Handle> {
        self.seats.keys().copied().collect()
    }

    /// Runs applications, then sends all that can be sent; each datagram to `send`.
    pub(in super::super) fn flush(
        &mut self,
        scene: &mut Scene,
        send: &mut dyn FnMut(&mut Scene, Datagram),
    ) {
        self.accept(scene);
        let now = self.clock(scene);
        for handle in self.handles() {
            self.wander(scene, handle);
            // What an application does may bring news, which it acts on before anything is sent: news that are told last may
            // have ended streams, and their places would be offered to the peer only with the next turn.
            for _ in 0..TURNS {
                if let Some(seat) = self.seats.get_mut(&handle)
                    && let Some(app) = &mut seat.app
                {
                    app.act(now, scene, &mut seat.socket);
                }
                if !self.settle(scene, handle) {
                    break;
                }
            }
        }
        if self.blocked_until.is_none() {
            while let Some(datagram) = self.outbox.pop_front() {
                send(scene, datagram);
            }
        }
        for handle in self.handles() {
            self.transmit(scene, handle, send);
            self.settle(scene, handle);
        }
    }

    fn accept(&mut self, scene: &mut Scene) {
        if self.settings.habits.never_accepts {
            return;
        }
        let Some(listener) = self.listener else {
            return;
        };
        while let Some(handle) = self.port.accept(listener) {
            if let Some(seat) = self.seats.get_mut(&handle) {
                seat.accepted = true;
                self.settle(scene, handle);
            }
        }
    }

    pub(super) fn transmit(
        &mut self,
        scene: &mut Scene,
        handle: Handle,
        send: &mut dyn FnMut(&mut Scene, Datagram),
    ) {
        let now = self.clock(scene);
        let Some(seat) = self.seats.get_mut(&handle) else {
            return;
        };
        let mut calls = 0;
        while self.blocked_until.is_none() {
            let sent = seat
                .socket
                .with(|socket| socket.transmit(now, &mut self.buffer));
            calls += 1;
            if calls > DRAIN || scene.strikes(Canary::EndlessDrain) && sent.is_some() {
                return scene.fail(Invariant::Drains, || {
                    format!("{calls} calls of transmit, and no end")
                });
            }
            let Some(sent) = sent else {
                break;
            };
            self.idle_calls.1 = 0;
            if self
                .settings
                .faults
                .largest
                .is_some_and(|most| sent.segment > most)
            {
                scene.tally.note(Fault::SendTooLarge);
                let refused = |socket: &mut Socket| socket.on_refused(now, sent.segment);
                seat.socket.with(refused);
                continue;
            }
            let challenges = seat.socket.take_turn().challenges;
            self.credits.on_challenges(sent.path.remote, challenges);
            let from = sent.path.local.unwrap_or(self.address);
            let faults = &self.settings.faults;
            for bytes in self.buffer[..sent.bytes].chunks(sent.segment) {
                let datagram = Datagram {
                    from,
                    to: sent.path.remote,
                    ecn: sent.ecn,
                    bytes: bytes.to_vec(),
                };
                scene.hash.add_datagram(scene.now, &datagram);
                if self.role == Role::Server {
                    self.credits.on_sent(scene, datagram.to, bytes.len());
                }
                if self.blocked_until.is_some() {
                    self.outbox.push_back(datagram);
                } else if self.rng.chance(faults.send_blocked) {
                    scene.tally.note(Fault::SendBlocked);
                    let pause = Duration::from_micros(1 + self.rng.below(200_000));
                    self.blocked_until = Some(scene.now + pause);
                    self.outbox.push_back(datagram);
                } else if self.rng.chance(faults.send_refused) {
                    scene.tally.note(Fault::SendRefused);
                } else {
                    send(scene, datagram);
                    if sent.bytes > sent.segment && self.rng.chance(faults.partial_batch) {
                        scene.tally.note(Fault::PartialBatch);
                        self.blocked_until = Some(scene.now + PARTIAL);
                    }
                }
            }
        }
    }

    /// Runs the handshake, tells the application its news, serves the port's part. Whether there were any news.
    pub(super) fn settle(&mut self, scene: &mut Scene, handle: Handle) -> bool {
        let now = self.clock(scene);
        let Some(seat) = self.seats.get_mut(&handle) else {
            return false;
        };
        seat.step(now);
        let mut told = 0_u64;
        let mut gone = false;
        while let Some(news) = seat.socket.with(Socket::next_news) {
            told += 1;
            if told > NEWS {
                scene.fail(Invariant::Drains, || {
                    format!("{told} pieces of news, and no end")
                });
                return false;
            }
            match news {
                News::Handshake => seat.step(now),
                News::Early | News::Established => {
                    seat.note_begin(scene, &self.settings);
                    if seat.waits_for_accept() {
                        let port = &mut self.port;
                        seat.socket.with(|socket| {
                            if !port.on_established(socket.listener(), handle) {
                                socket.abort(now, 0, b"");
                            }
                        });
                        if self.settings.habits.never_accepts {
                            scene.tally.note(Fault::NeverAccepts);
                        }
                    }
                }
                News::Migrated => seat.note_move(scene),
                News::Token if self.settings.tokens => {
                    self.token = seat.socket.ask().token().to_vec();
                }
                News::Gone => gone = true,
                _ => {}
            }
            seat.tell(scene, news);
        }
        let begins = seat.may_begin(scene);
        if begins {
            let seed = self.rng.next_u64();
            seat.begin(now, self.settings.habits, seed, self.calm);
        }
        if seat.socket.ask().needs_port() {
            let port = &mut self.port;
            seat.socket.with(|socket| port.service(now, socket));
        }
        if gone {
            self.remove(scene, handle);
        }
        told > 0 || begins
    }
}

/// How long the rest of a batch waits.
const PARTIAL: Duration = Duration::from_micros(300);
/// Turns of an application at one moment.
const TURNS: u32 = 8;
/// Calls of `transmit` until it must have had all: each brings a datagram at least, and windows are small here.
const DRAIN: u32 = 4_096;
/// Pieces of news at once: four for each of the streams that a connection may have here, and some of its own.
const NEWS: u64 = 4 * 1_024;

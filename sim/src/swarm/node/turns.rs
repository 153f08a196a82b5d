//! A connection's turns: what it sends leaves through a system that refuses and forgets, and its news reach the application.

use inquic_engine::Handle;
use inquic_platform::Duration;
use inquic_socket::{News, Socket};
use inquic_wire::Role;

use super::super::application::Application;
use super::super::scene::Scene;
use super::super::{Canary, Invariant};
use super::Node;
use crate::{Datagram, Fault};

impl Node {
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

    /// Runs the handshake, tells the application its news, serves the port's part.
    pub(super) fn settle(&mut self, scene: &mut Scene, handle: Handle) {
        let now = self.clock(scene);
        let Some(seat) = self.seats.get_mut(&handle) else {
            return;
        };
        // A failed step has closed the connection, which its news tell.
        let _ = seat.socket.with(|socket| seat.hello.step(now, socket));
        let mut gone = false;
        let mut told = 0_u64;
        while let Some(news) = seat.socket.with(Socket::next_news) {
            told += 1;
            if told > NEWS {
                return scene.fail(Invariant::Drains, || {
                    format!("{told} pieces of news, and no end")
                });
            }
            match news {
                News::Handshake => {
                    let _ = seat.socket.with(|socket| seat.hello.step(now, socket));
                }
                News::Established if self.role == Role::Server => {
                    seat.name = seat.hello.peer_name().unwrap_or(0);
                    let port = &mut self.port;
                    seat.socket
                        .with(|socket| port.on_established(socket.listener(), handle));
                    if self.settings.habits.never_accepts {
                        scene.tally.note(Fault::NeverAccepts);
                    }
                }
                News::Gone => gone = true,
                _ => {}
            }
            seat.standing.on_news(scene, news);
            if let Some(app) = &mut seat.app {
                app.on_news(scene, news);
            }
        }
        if seat.app.is_none() && seat.accepted && seat.socket.ask().is_established() {
            let mut app = Application::new(
                seat.name,
                self.role,
                self.settings.habits,
                self.rng.next_u64(),
                now,
            );
            if self.calm {
                app.calm_down();
            } else {
                // News of before it was accepted were nobody's.
                app.look_everywhere();
            }
            seat.app = Some(app);
        }
        if seat.socket.ask().needs_port() {
            let port = &mut self.port;
            seat.socket.with(|socket| port.service(now, socket));
        }
        if gone {
            self.remove(scene, handle);
        }
    }
}

/// How long the rest of a batch waits.
const PARTIAL: Duration = Duration::from_micros(300);
/// Calls of `transmit` until it must have had all: each brings a datagram at least, and windows are small here.
const DRAIN: u32 = 4_096;
/// Pieces of news at once: four for each of the streams that a connection may have here, and some of its own.
const NEWS: u64 = 4 * 1_024;

//! One connection of a host: its socket, its handshake and its application. News come in; what they show is counted, and held
//! against what has to be.

use inquic_engine::Path;
use inquic_engine::recovery::Algorithm;
use inquic_platform::Instant;
use inquic_socket::News;
use inquic_wire::{Role, Version};

use super::super::application::Application;
use super::super::check::Standing;
use super::super::metered::Metered;
use super::super::plan::Habits;
use super::super::scene::Scene;
use super::super::{Canary, Invariant};
use super::Settings;
use crate::{Feature, Hello};

/// A connection of the host with its application.
pub(in super::super) struct Seat {
    pub(in super::super) socket: Metered,
    pub(super) hello: Hello,
    pub(in super::super) app: Option<Application>,
    pub(in super::super) standing: Standing,
    pub(super) name: u8,
    /// It waits for accept(), or did.
    offered: bool,
    pub(super) accepted: bool,
    /// Where it was when it last moved.
    path: Path,
}

impl Seat {
    pub(super) const fn new(
        now: Instant,
        socket: Metered,
        path: Path,
        hello: Hello,
        name: u8,
    ) -> Self {
        let is_client = matches!(socket.who().role, Role::Client);
        Self {
            socket,
            hello,
            app: None,
            standing: Standing::new(now),
            name,
            offered: is_client,
            accepted: is_client,
            path,
        }
    }

    /// Bytes that the simulated handshake holds.
    pub(in super::super) fn hello_bytes(&self) -> i64 {
        self.hello.heap_bytes() as i64
    }

    /// The handshake goes on.
    pub(super) fn step(&mut self, now: Instant) {
        let hello = &mut self.hello;
        self.socket.shake(|socket| {
            // A failed step has closed the connection, which its news tell, or there was no memory to go on.
            if hello.step(now, socket).is_err() {
                socket.give_up(now);
            }
        });
    }

    /// News of the socket.
    pub(super) fn tell(&mut self, scene: &mut Scene, news: News) {
        self.standing.on_news(scene, news);
        if let Some(app) = &mut self.app {
            app.on_news(scene, news);
        }
    }

    /// Whether it is to be queued for accept(), which it is once.
    pub(super) const fn waits_for_accept(&mut self) -> bool {
        !std::mem::replace(&mut self.offered, true)
    }

    /// Whether an application can begin to use it.
    pub(super) fn may_begin(&self, scene: &Scene) -> bool {
        let (socket, who) = (self.socket.ask(), self.socket.who());
        self.app.is_none()
            && self.accepted
            && (socket.is_established() || socket.is_early())
            && (who.role == Role::Client || scene.truth.owns(self.name, who.number))
    }

    /// An application begins to use it.
    pub(super) fn begin(&mut self, now: Instant, habits: Habits, seed: u64, calm: bool) {
        let mut app = Application::new(self.name, self.socket.who(), habits, seed, now);
        if calm {
            app.calm_down();
        } else {
            // News of before it was accepted were nobody's.
            app.look_everywhere();
        }
        self.app = Some(app);
    }

    /// Data may flow, before the handshake is complete or after: what this shows is counted, and held against what has to be.
    pub(super) fn note_begin(&mut self, scene: &mut Scene, settings: &Settings) {
        let socket = self.socket.ask();
        let (who, is_established) = (self.socket.who(), socket.is_established());
        if who.role == Role::Server {
            self.name = self.hello.peer_name().unwrap_or(0);
            let claimed = scene.truth.claim(self.name, who.number, is_established);
            if claimed.is_none() {
                let name = self.name;
                scene.fail(Invariant::Prefix, || {
                    format!("connection {name} is established twice")
                });
            }
        }
        if !is_established {
            return;
        }
        let (mut version, accepted) = (socket.version(), socket.early_data_accepted());
        if scene.strikes(Canary::Downgrade) {
            version = Version::V1;
        }
        let original = socket.original_version();
        if accepted == Some(true) && who.role == Role::Client {
            self.socket.accept_early();
        }
        let agreed = scene.truth.agrees(self.name, version);
        let stays = settings.may_stay && version == original;
        let wanted = settings.version.filter(|_| !stays);
        if !agreed || wanted.is_some_and(|wanted| wanted != version) {
            let wanted = settings.version;
            scene.fail(Invariant::States, || {
                format!("{who:?} is established in {version:?}, not in {wanted:?}")
            });
        }
        let is_client = who.role == Role::Client;
        let uses = [
            (Feature::Bbr, settings.config.algorithm == Algorithm::Bbr),
            (Feature::EarlyAccepted, is_client && accepted == Some(true)),
            (Feature::EarlyRefused, is_client && accepted == Some(false)),
            (Feature::Version2, is_client && version == Version::V2),
            (Feature::CompatibleVersion, is_client && version != original),
            (
                Feature::VersionNegotiation,
                is_client && original != settings.config.version,
            ),
        ];
        for (feature, _) in uses.into_iter().filter(|(_, used)| *used) {
            scene.tally.note_use(feature);
        }
    }

    /// The connection uses another path; a client's choice is counted.
    pub(super) fn note_move(&mut self, scene: &mut Scene) {
        if self.socket.who().role == Role::Server {
            return;
        }
        let path = self.socket.ask().path();
        let before = std::mem::replace(&mut self.path, path);
        if path.remote != before.remote {
            scene.tally.note_use(Feature::PreferredAddress);
        }
        if path.local != before.local {
            scene.tally.note_use(Feature::Migration);
        }
    }
}

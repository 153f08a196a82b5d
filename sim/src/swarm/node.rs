//! One end: the port and the sockets that ship, driven as a home drives them, by a system that is late, forgetful and disorderly.
//! It never looks into the engine; what it needs to know it asks as a home would, or takes from an audit.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use inquic_engine::{EndpointKeys, Handle, Path, Received, Route, limits};
use inquic_platform::crypto::SAMPLE_LEN;
use inquic_platform::{Duration, Instant, Platform};
use inquic_socket::port::{ListenOptions, ListenerId};
use inquic_socket::{Port, Socket};
use inquic_wire::Role;

use super::application::Application;
use super::credit::Credits;
use super::ledger::Who;
use super::metered::Metered;
use super::plan::{Habits, HostFaults};
use super::scene::Scene;
use super::witness::Watch;
use super::{Canary, Invariant};
use crate::{Datagram, Fault, Feature, Hello, Rng};

mod seat;
mod settings;
mod turns;

pub(super) use seat::Seat;
pub(super) use settings::Settings;

/// One host.
pub(super) struct Node {
    pub(super) role: Role,
    pub(super) address: SocketAddr,
    pub(super) seats: BTreeMap<Handle, Seat>,
    pub(super) port: Port,
    listener: Option<ListenerId>,
    pub(super) watch: Arc<Watch>,
    pub(super) credits: Credits,
    settings: Settings,
    rng: Rng,
    /// How far the host's clock is ahead of the world's.
    ahead: Duration,
    /// Datagrams that the system did not take yet.
    outbox: VecDeque<Datagram>,
    blocked_until: Option<Instant>,
    timer_late_until: Option<Instant>,
    /// Calls of `expire` at one moment that changed nothing.
    idle_calls: (Instant, u32),
    buffer: Vec<u8>,
    numbers: u64,
    /// Bytes that the port holds, and those that connections which are gone left behind.
    port_bytes: i64,
    /// The last token that the server gave.
    token: Vec<u8>,
    /// How many addresses it has moved to.
    moves: u16,
    calm: bool,
}

impl Node {
    pub(super) fn new(
        role: Role,
        address: SocketAddr,
        platform: Arc<dyn Platform>,
        watch: Arc<Watch>,
        settings: Settings,
        seed: u64,
    ) -> Self {
        let keys = EndpointKeys::random(&*platform);
        let mut port = Port::new(platform, keys);
        let mut listener = None;
        if role == Role::Server {
            listener = port
                .listen(ListenOptions {
                    backlog: 64,
                    max_half_open: 32,
                    retry: settings.retry,
                    ..ListenOptions::new(Arc::clone(&settings.config))
                })
                .ok();
        }
        Self {
            role,
            address,
            seats: BTreeMap::new(),
            port,
            listener,
            watch,
            credits: Credits::default(),
            settings,
            rng: Rng::new(seed),
            ahead: Duration::ZERO,
            outbox: VecDeque::new(),
            blocked_until: None,
            timer_late_until: None,
            idle_calls: (Instant::ZERO, 0),
            buffer: vec![0; 65_507],
            numbers: 0,
            port_bytes: 0,
            token: Vec::new(),
            moves: 0,
            calm: false,
        }
    }

    /// The host's clock.
    pub(super) fn clock(&self, scene: &Scene) -> Instant {
        scene.now + self.ahead
    }

    /// The host slept for so long.
    pub(super) fn jump(&mut self, length: Duration) {
        self.ahead += length;
    }

    /// The system behaves from here on, and so do the applications.
    pub(super) fn calm_down(&mut self) {
        self.calm = true;
        self.settings.faults = HostFaults::default();
        self.settings.habits = Habits {
            bytes: 1_000,
            ..Habits::default()
        };
        self.blocked_until = None;
        self.timer_late_until = None;
        for app in self.seats.values_mut().filter_map(|seat| seat.app.as_mut()) {
            app.calm_down();
        }
    }

    /// Begins a connection under a name.
    pub(super) fn connect(&mut self, scene: &mut Scene, remote: SocketAddr, name: u8) {
        let now = self.clock(scene);
        let path = Path {
            local: Some(self.address),
            remote,
        };
        if !self.token.is_empty() {
            scene.tally.note_use(Feature::Token);
        }
        let token = std::mem::take(&mut self.token);
        let (before, config) = (self.watch.held(), &self.settings.config);
        let (heap, port) = (self.watch.heap, &mut self.port);
        let refused = (heap.refused)();
        let made = heap.armed(|| port.connect(now, config, path, &token));
        let Ok((handle, socket)) = made else {
            if (heap.refused)() > refused {
                return;
            }
            return scene.fail(Invariant::Completion, || {
                "no connection can be made".to_owned()
            });
        };
        let made = self.watch.held() - before;
        self.seat(scene, handle, socket, name, made);
    }

    fn seat(&mut self, scene: &mut Scene, handle: Handle, socket: Socket, name: u8, bytes: i64) {
        self.numbers += 1;
        let who = Who {
            role: self.role,
            number: self.numbers,
        };
        let before = self.watch.held();
        let said = match self.role {
            Role::Client => name,
            Role::Server => self.numbers as u8,
        };
        let hello = Hello::new(self.role, self.settings.suite, self.settings.certificate)
            .with_early(self.settings.early.clone())
            .named(said);
        let bytes = bytes + self.watch.held() - before;
        let path = socket.path();
        let socket = Metered::new(socket, who, Arc::clone(&self.watch), bytes);
        let seat = Seat::new(scene.now, socket, path, hello, name);
        self.seats.insert(handle, seat);
        self.settle(scene, handle);
    }

    /// Datagrams arrived together.
    pub(super) fn receive(&mut self, scene: &mut Scene, mut batch: Vec<Datagram>) {
        if batch.len() > 1 && self.rng.chance(self.settings.faults.permuted_batch) {
            scene.tally.note(Fault::PermutedBatch);
            self.rng.shuffle(&mut batch);
        }
        let mut train: Option<(Handle, Datagram, usize)> = None;
        for datagram in batch {
            let now = self.clock(scene);
            self.credits
                .on_received(datagram.from, datagram.bytes.len());
            let Some(handle) = self.route(now, scene, &datagram) else {
                continue;
            };
            if let Some((last, whole, segment)) = &mut train
                && *last == handle
                && (whole.from, whole.to) == (datagram.from, datagram.to)
                && whole.ecn == datagram.ecn
                && whole.bytes.len().is_multiple_of(*segment)
                && datagram.bytes.len() <= *segment
                && whole.bytes.len() < TRAIN
            {
                whole.bytes.extend_from_slice(&datagram.bytes);
                continue;
            }
            let len = datagram.bytes.len().max(1);
            if let Some((handle, whole, segment)) = train.replace((handle, datagram, len)) {
                self.deliver(scene, handle, whole, segment);
            }
        }
        if let Some((handle, whole, segment)) = train {
            self.deliver(scene, handle, whole, segment);
        }
    }

    /// Whose it is; strangers and answers without state are dealt with here.
    fn route(&mut self, now: Instant, scene: &mut Scene, datagram: &Datagram) -> Option<Handle> {
        let path = Path {
            local: Some(datagram.to),
            remote: datagram.from,
        };
        let mut reply = [0; 1_500];
        let before = self.watch.held();
        let (heap, port) = (self.watch.heap, &mut self.port);
        let route = heap.armed(|| port.route(now, &path, &datagram.bytes, &mut reply));
        self.port_bytes += self.watch.held() - before;
        match route {
            Route::Connection(handle) => Some(handle),
            Route::Incoming(incoming) => {
                if incoming.is_validated() {
                    self.credits.validate(datagram.from);
                }
                let before = self.watch.held();
                let admitted = heap.armed(|| self.port.admit(now, &incoming));
                let (handle, socket) = admitted.ok()?;
                let made = self.watch.held() - before;
                self.seat(scene, handle, socket, 0, made);
                Some(handle)
            }
            Route::Reply(count) => {
                let reply = Datagram {
                    from: datagram.to,
                    to: datagram.from,
                    ecn: 0,
                    bytes: reply[..count].to_vec(),
                };
                self.credits.on_sent(scene, reply.to, count);
                self.outbox.push_back(reply);
                None
            }
            Route::Held | Route::Forward(_) | Route::Drop(_) => None,
        }
    }

    fn deliver(&mut self, scene: &mut Scene, handle: Handle, mut whole: Datagram, segment: usize) {
        let now = self.clock(scene);
        let Some(seat) = self.seats.get_mut(&handle) else {
            return;
        };
        let path = Path {
            local: Some(whole.to),
            remote: whole.from,
        };
        seat.standing
            .on_datagrams(scene.now, whole.bytes.len().div_ceil(segment).max(1) as u64);
        let received = Received {
            path,
            bytes: &mut whole.bytes,
            segment,
            ecn: whole.ecn,
        };
        seat.socket.with(|socket| socket.receive(now, received));
        let turn = seat.socket.take_turn();
        // Each packet has a sample at least, and is tried with two keys at most; those that waited for their keys come with it.
        let packets = whole.bytes.len() / SAMPLE_LEN + 1 + limits::HELD_FLIGHT;
        if turn.tried > 2 * packets {
            let (tried, bytes) = (turn.tried, whole.bytes.len());
            scene.fail(Invariant::Drains, || {
                format!("{tried} packets are tried to open in {bytes} bytes")
            });
        }
        self.credits.on_turn(whole.from, turn);
        self.idle_calls.1 = 0;
        self.settle(scene, handle);
    }

    /// When the host wants to be woken, in the world's time.
    pub(super) fn next_wake(&self, scene: &Scene) -> Option<Instant> {
        if scene.strikes(Canary::SameInstant) && !self.seats.is_empty() {
            return Some(scene.now);
        }
        let apps = self.seats.values().filter_map(|seat| seat.app.as_ref());
        let turn = if apps.clone().any(Application::wants_turn) {
            Some(scene.now + TURN)
        } else {
            apps.clone()
                .any(Application::is_busy)
                .then(|| scene.now + PAUSE)
        };
        let closing = apps.filter_map(Application::closes_at);
        let app = closing.map(|at| self.in_world(at)).min();
        let deadline = self
            .next_deadline()
            .map(|at| self.timer_late_until.map_or(at, |late| late.max(at)));
        // Who cannot send waits until it can: what is due would be due again at once.
        let deadline = deadline.map(|at| self.blocked_until.map_or(at, |until| until.max(at)));
        let unblocked = self
            .blocked_until
            .filter(|_| !self.outbox.is_empty() || !self.seats.is_empty());
        [turn, app, deadline, unblocked].into_iter().flatten().min()
    }

    /// The earliest deadline of all sockets, in the world's time.
    fn next_deadline(&self) -> Option<Instant> {
        let deadlines = self
            .seats
            .values()
            .filter_map(|seat| seat.socket.ask().next_deadline());
        deadlines.min().map(|at| self.in_world(at))
    }

    fn in_world(&self, at: Instant) -> Instant {
        Instant::ZERO + at.since(Instant::ZERO + self.ahead)
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, scene: &mut Scene) {
        if self.blocked_until.is_some_and(|until| until <= scene.now) {
            self.blocked_until = None;
        }
        if self.next_deadline().is_none_or(|at| at > scene.now) {
            return;
        }
        if let Some(until) = self.timer_late_until {
            if until > scene.now {
                return;
            }
            self.timer_late_until = None;
        } else if self.rng.chance(self.settings.faults.late_timer) {
            scene.tally.note(Fault::LateTimer);
            let bound = 1 + self.rng.below(10_000);
            let late = Duration::from_millis(1 + self.rng.below(bound));
            self.timer_late_until = Some(scene.now + late);
            return;
        }
        self.expire(scene);
    }

    /// Tells every socket what time it is; those that did not wait for it are woken for nothing.
    pub(super) fn expire(&mut self, scene: &mut Scene) {
        let now = self.clock(scene);
        if self.idle_calls.0 == scene.now {
            self.idle_calls.1 += 1;
        } else {
            self.idle_calls = (scene.now, 1);
        }
        if self.idle_calls.1 > IDLE_CALLS {
            scene.fail(Invariant::Progress, || {
                format!("asked for the same moment {IDLE_CALLS} times without doing anything")
            });
        }
        for handle in self.handles() {
            if let Some(seat) = self.seats.get_mut(&handle) {
                seat.socket.with(|socket| socket.expire(now));
                self.settle(scene, handle);
            }
        }
    }

    /// A process ends without a word: one of its connections is forgotten.
    pub(super) fn vanish(&mut self, scene: &mut Scene) {
        let count = self.seats.len() as u64;
        if count > 0 {
            scene.tally.note(Fault::Vanish);
            let handle = self.handles()[self.rng.below(count) as usize];
            self.remove(scene, handle);
        }
    }

    /// Somebody says that the datagrams of a connection are too large for its path.
    pub(super) fn lie(&mut self, scene: &mut Scene) {
        let count = self.seats.len() as u64;
        if count > 0 {
            scene.tally.note(Fault::IcmpLie);
            let handle = self.handles()[self.rng.below(count) as usize];
            let bytes = self.rng.below(1_500) as usize;
            if let Some(seat) = self.seats.get_mut(&handle) {
                let remote = seat.socket.ask().path().remote;
                seat.socket.with(|socket| socket.on_too_big(remote, bytes));
            }
        }
    }

    /// A client's application wants to be at another port, or at another address as well. It may be told no.
    fn wander(&mut self, scene: &Scene, handle: Handle) {
        let wants = self.role == Role::Client && self.rng.chance(self.settings.habits.moves);
        if let Some(seat) = self.seats.get_mut(&handle).filter(|_| wants) {
            self.moves += 1;
            let mut local = self.address;
            local.set_port(local.port() + self.moves);
            if self.moves.is_multiple_of(2) {
                local.set_ip([192, 0, 2, 7].into());
            }
            let now = scene.now + self.ahead;
            let _ = seat.socket.with(|socket| socket.migrate(now, local));
        }
    }

    /// The client closes what is complete.
    pub(super) fn close_complete(&mut self, scene: &mut Scene) {
        let now = self.clock(scene);
        for seat in self.seats.values_mut() {
            if seat
                .app
                .as_ref()
                .is_some_and(|app| !app.closed && scene.truth.is_complete(app.name()))
            {
                seat.socket.with(|socket| socket.close(now, 0, b"done"));
                seat.app.iter_mut().for_each(|app| app.closed = true);
            }
        }
    }

    fn remove(&mut self, scene: &mut Scene, handle: Handle) {
        let Some(seat) = self.seats.remove(&handle) else {
            return;
        };
        // What the port keeps in its table for a connection was charged to whoever caused it.
        let port = &mut self.port;
        self.port_bytes += seat.socket.end(seat.hello, |socket| port.remove(socket));
        if scene.strikes(Canary::Leak) {
            self.port_bytes += 16_384;
        }
    }
}

impl Node {
    /// Whether the system takes no datagrams now.
    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked_until.is_some()
    }

    /// Whether a timer is late.
    pub(super) const fn is_late(&self) -> bool {
        self.timer_late_until.is_some()
    }

    /// Its connections, for people.
    pub(super) fn describe(&self, scene: &Scene) -> String {
        let seats = self.seats.values().map(|seat| {
            let socket = seat.socket.ask();
            let app = seat.app.as_ref().map(Application::describe);
            let (audit, deadline) = (socket.audit(), socket.next_deadline());
            format!(
                "{} {:?} {app:?} {} {audit:?} {deadline:?}",
                seat.name,
                socket.close_reason(),
                scene.truth.describe(seat.name),
            )
        });
        seats.collect::<Vec<_>>().join("; ")
    }

    /// Bytes that are left of the port when no connection is.
    pub(super) const fn port_bytes(&self) -> i64 {
        self.port_bytes
    }

    pub(super) fn takes_datagrams(&self) -> bool {
        self.settings.config.max_datagram_frame_size > 0
    }

    /// Bytes that a connection may hold of what was written.
    pub(super) fn send_buffer(&self) -> usize {
        self.settings.config.streams.send_buffer
    }
}

/// How soon an application that goes on by itself has its next turn.
const TURN: Duration = Duration::from_millis(1);
/// How long an application that is at work pauses when nothing happens.
const PAUSE: Duration = Duration::from_millis(50);
/// Calls of `expire` at one moment without anything happening.
const IDLE_CALLS: u32 = 16;
/// Bytes in one train of datagrams, as segmentation offload makes them.
const TRAIN: usize = 60_000;

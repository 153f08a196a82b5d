//! What must hold for every connection after every step, asked from outside: statistics, deadlines, an audit, and the bytes that
//! its calls have left on the heap.

use inquic_engine::{Audit, CloseReason, limits};
use inquic_platform::{Duration, Instant};
use inquic_socket::{News, Socket};
use inquic_wire::Role;

use super::node::{Node, Seat};
use super::scene::Scene;
use super::{Canary, Invariant};

/// What is known of one connection from its news and from the datagrams given to it.
#[derive(Debug)]
pub(super) struct Standing {
    life: Life,
    confirmed: bool,
    datagrams: u64,
    /// When something last happened to it.
    touched: Instant,
}

/// What a check needs to know of the host.
struct Circumstances {
    clock: Instant,
    can_send: bool,
    is_late: bool,
    send_buffer: usize,
    takes_datagrams: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Life {
    Shaking,
    Established,
    Closed,
    Gone,
}

impl Standing {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            life: Life::Shaking,
            confirmed: false,
            datagrams: 0,
            touched: now,
        }
    }

    /// So many datagrams were given to it.
    pub(super) const fn on_datagrams(&mut self, now: Instant, count: u64) {
        self.datagrams += count;
        self.touched = now;
    }

    pub(super) fn on_news(&mut self, scene: &mut Scene, news: News) {
        self.touched = scene.now;
        let next = match news {
            News::Established => Life::Established,
            News::Closed => Life::Closed,
            News::Gone => Life::Gone,
            News::Confirmed => {
                self.confirmed = true;
                return;
            }
            _ => return,
        };
        if next <= self.life {
            let before = self.life;
            scene.fail(Invariant::States, || format!("{next:?} after {before:?}"));
        }
        self.life = next;
    }
}

impl Node {
    /// Checks every connection.
    pub(super) fn check(&mut self, scene: &mut Scene) {
        let host = Circumstances {
            clock: self.clock(scene),
            can_send: !self.is_blocked(),
            is_late: self.is_late(),
            send_buffer: self.send_buffer(),
            takes_datagrams: self.takes_datagrams(),
        };
        for seat in self.seats.values_mut() {
            seat.check(scene, &host);
        }
        if let Some((invariant, what)) = self.watch.look(super::ledger::Ledger::take_broken) {
            scene.fail(invariant, || what);
        }
    }

    /// Checks that nothing is left.
    pub(super) fn check_end(&self, scene: &mut Scene) {
        let role = self.role;
        if !self.seats.is_empty() {
            return;
        }
        if !self.port.endpoint().is_empty() {
            scene.fail(Invariant::Memory, || {
                format!("{role:?}: the table still knows connections")
            });
        }
        let left = self.port_bytes();
        if !(-PORT_REST..=PORT_REST).contains(&left) {
            scene.fail(Invariant::Memory, || {
                format!("{role:?}: {left} bytes are left")
            });
        }
    }
}

impl Seat {
    fn check(&mut self, scene: &mut Scene, host: &Circumstances) {
        let socket = self.socket.ask();
        let audit = socket.audit();
        let who = self.socket.who();
        let mut broken = None;
        let mut expect = |holds: bool, invariant, what: &dyn Fn() -> String| {
            if !holds && broken.is_none() {
                broken = Some((invariant, format!("{who:?}: {}", what())));
            }
        };
        self.check_accounts(scene, &audit, &mut expect);
        self.check_memory(scene, &audit, host, &mut expect);
        if host.can_send {
            self.check_deadline(scene, socket, &audit, &mut expect);
        }
        let revived = scene.strikes(Canary::BackToLife) && self.standing.life == Life::Closed;
        expect(
            self.standing.life < Life::Closed || !(socket.is_established() || revived),
            Invariant::States,
            &|| "established after it was closed".to_owned(),
        );
        if let Some((invariant, what)) = broken {
            scene.fail(invariant, || what);
        }
        if let Some(app) = &mut self.app {
            app.check_states(scene, &mut self.socket);
        }
    }

    fn check_accounts(&self, scene: &Scene, audit: &Audit, expect: Expect<'_>) {
        let stats = self.socket.ask().stats();
        let forgotten = u64::from(scene.strikes(Canary::ForgottenFlight));
        expect(
            audit.in_flight == audit.in_flight_by_packet + forgotten,
            Invariant::Accounts,
            &|| {
                format!(
                    "{} bytes in flight, by packet {}",
                    audit.in_flight, audit.in_flight_by_packet
                )
            },
        );
        expect(
            stats.congestion_window >= 2 * stats.datagram_size,
            Invariant::Accounts,
            &|| format!("a window of {}", stats.congestion_window),
        );
        let dropped = if scene.strikes(Canary::UncountedDrop) {
            0
        } else {
            stats.drops.total()
        };
        // Retry and Version Negotiation are processed once each, and are no packets with a number.
        let unnumbered = if self.socket.ask().role() == Role::Client {
            2
        } else {
            0
        };
        // Neither is what ends a connection without being a packet, or before it counts as one.
        let ended = u64::from(matches!(
            self.socket.ask().close_reason(),
            Some(CloseReason::StatelessReset | CloseReason::Transport(_))
        ));
        let unnumbered = unnumbered + ended;
        let known = stats.packets_received + dropped + audit.held_packets as u64 + unnumbered;
        expect(
            known >= self.standing.datagrams,
            Invariant::Counters,
            &|| {
                format!(
                    "{} datagrams, {known} packets: {stats:?} {audit:?}",
                    self.standing.datagrams
                )
            },
        );
    }

    fn check_memory(&self, scene: &Scene, audit: &Audit, host: &Circumstances, expect: Expect<'_>) {
        // What the simulated TLS holds is not the engine's.
        let bytes = self.socket.bytes() - self.hello_bytes();
        if self.socket.bytes() == 0 {
            // Nobody counts in this run.
            return;
        }
        let bytes = bytes + size_of::<Socket>() as i64;
        // What `max_datagram_frame_size` lets the peer send ahead of the application is a window like any other: a queue of a fixed
        // length. And so is the queue of those to be sent a send buffer, where the peer takes datagrams.
        let takes = host.takes_datagrams;
        let window = audit.receive_window + if takes { DATAGRAMS } else { 0 };
        let sends = self.socket.ask().max_datagram_size().is_some();
        let send_buffer = host.send_buffer + if sends { DATAGRAMS as usize } else { 0 };
        // Streams, lists and records of packets have no share of their own: the engine takes them out of the window's quarter and
        // of the send buffer, and lets neither end have more than those pay for (`stream/limits.rs`, `recovery/limits.rs`).
        let budget = limits::working_bytes(window, send_buffer) as i64;
        expect(bytes <= budget, Invariant::Memory, &|| {
            format!("{bytes} bytes of {budget} while working: {audit:?}")
        });
        let charged = audit.charged as i64;
        expect(
            charged <= bytes && bytes <= charged + UNCHARGED,
            Invariant::Memory,
            &|| format!("{bytes} bytes held, {charged} charged"),
        );
        let deadline = self.socket.ask().next_deadline();
        let rests = scene.now.since(self.standing.touched) > REST
            && !audit.unacknowledged
            && !audit.wants_to_send
            && host.can_send
            && !host.is_late
            && deadline.is_none_or(|at| at > host.clock + limits::REST)
            && audit.open_streams == 0
            && self.socket.ask().datagram_len().is_none()
            && self.standing.life == Life::Established;
        expect(!rests || bytes <= IDLE, Invariant::Memory, &|| {
            format!("{bytes} bytes while idle, until {deadline:?}: {audit:?}")
        });
    }

    fn check_deadline(&self, scene: &Scene, socket: &Socket, audit: &Audit, expect: Expect<'_>) {
        if self.standing.life >= Life::Closed {
            return;
        }
        let owes = audit.unacknowledged || audit.wants_to_send;
        let swallowed = scene.strikes(Canary::SwallowedDeadline);
        expect(
            !owes || socket.next_deadline().is_some() && !swallowed,
            Invariant::Deadline,
            &|| format!("no deadline: {audit:?}"),
        );
        let stalled = audit.progress_at.is_none()
            && !audit.is_limited
            && match self.standing.life {
                // A server whose answers to 0-RTT fill the window waits for the client to finish the handshake.
                Life::Shaking => audit.wants_to_send && !(socket.is_early() && audit.in_flight > 0),
                // Before the handshake is confirmed it is the server that goes on (RFC 9002 §6.2.1).
                _ => self.standing.confirmed && owes,
            };
        expect(!stalled, Invariant::Deadline, &|| {
            format!("nothing but the end is waited for: {audit:?}")
        });
    }
}

/// Takes what must hold, and what to say when it does not.
type Expect<'a> = &'a mut dyn FnMut(bool, Invariant, &dyn Fn() -> String);

/// One queue of datagrams.
const DATAGRAMS: u64 = limits::DATAGRAM_QUEUE as u64;
/// What a connection may hold that streams and recovery do not charge: our own handshake messages, ids, keys, packets that wait.
const UNCHARGED: i64 = 48 * 1024;
/// What an idle connection may hold.
const IDLE: i64 = limits::IDLE_BYTES as i64;
/// After so long without anything a connection is idle.
const REST: Duration = Duration::from_millis(2_500);
/// What a port may keep when no connection is left: roots of trees, tokens that were used.
const PORT_REST: i64 = 8 * 1024;

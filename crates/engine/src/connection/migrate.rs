//! Which path the connection uses (RFC 9000 §9): where packets came from, the application's wish to move and the outcome of
//! validations come in; the active path changes, with the connection ids and the congestion control that belong to it. The peer's
//! addresses are believed only once they are validated, and the last good path is kept until then.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use inquic_platform::{Duration, Instant};
use inquic_wire::frame::Frames;
use inquic_wire::{Code, Level, PeerError, Role, Space};

use super::Connection;
use super::close::CloseReason;
use super::receive::LONG;
use crate::counters::Drop;
use crate::path::{Answered, OnFailed, Path, PathId};
use crate::trace::What;

/// Where the datagrams came from that are being processed.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    path: Path,
    /// None while the address is new.
    id: Option<PathId>,
    bytes: usize,
    /// The connection id that they were sent to.
    by: Option<[u8; crate::limits::LOCAL_CID_LEN]>,
    /// Whether their packets may change which path is active.
    pub(super) watched: bool,
}

/// Why the connection cannot move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrateError {
    /// The handshake is not confirmed yet, or the connection is over.
    NotConfirmed,
    /// Only clients move; a server says where it would rather be reached before the handshake.
    Server,
    /// The peer does not want it (disable_active_migration, RFC 9000 §18.2).
    Forbidden,
    /// The connection is there already.
    SameAddress,
    /// Another move is under way.
    Busy,
    /// The peer gave no connection id that could be used on another path (RFC 9000 §9.5).
    NoConnectionId,
}

impl Arrival {
    /// On the path of the handshake.
    pub(super) const fn first(path: Path, id: PathId) -> Self {
        Self {
            path,
            id: Some(id),
            bytes: 0,
            by: None,
            watched: false,
        }
    }
}

impl Connection {
    /// Moves a client to another local address or port: probes the path from there first, and uses it once the server has
    /// answered. [`super::Event::Migrated`] or [`super::Event::MigrationFailed`] says how it went; until then, and when it
    /// failed, the connection stays where it is. An unspecified address lets the system choose.
    ///
    /// # Errors
    ///
    /// [`MigrateError`] when it cannot be tried.
    pub fn migrate(&mut self, now: Instant, local: SocketAddr) -> Result<(), MigrateError> {
        if self.role == Role::Server {
            return Err(MigrateError::Server);
        }
        //= RFC 9000 §9: An endpoint MUST NOT initiate connection migration before the handshake is confirmed, as defined in
        //= Section 4.1.2 of [QUIC-TLS].
        if !self.is_confirmed() {
            return Err(MigrateError::NotConfirmed);
        }
        let paths = &self.carried.paths;
        let active = paths.active().path;
        //= RFC 9000 §18.2: An endpoint that receives this transport parameter MUST NOT use a new local address when sending to
        //= the address that the peer used during the handshake.
        if self.peer.disable_active_migration && active.remote == paths.first_remote() {
            return Err(MigrateError::Forbidden);
        }
        if active.local == Some(local) {
            return Err(MigrateError::SameAddress);
        }
        let path = Path {
            local: Some(local),
            remote: active.remote,
        };
        self.open_path(now, path)
    }

    /// Opens a path and probes it, to move there when it is found good.
    fn open_path(&mut self, now: Instant, path: Path) -> Result<(), MigrateError> {
        if self.carried.paths.others_mut().any(|other| other.wanted) {
            return Err(MigrateError::Busy);
        }
        //= RFC 9000 §9.5: An endpoint SHOULD NOT initiate migration with a peer that has requested a zero-length connection ID
        let peer_ids = &mut self.carried.peer_ids;
        if peer_ids.active().is_empty() || !peer_ids.may_open_path() {
            return Err(MigrateError::NoConnectionId);
        }
        // Where we were once is as new as anywhere else.
        let known = self.carried.paths.others_mut();
        let same = known.into_iter().find(|other| other.path.covers(&path));
        if let Some(same) = same.map(|same| same.id()).or(self.carried.paths.surplus()) {
            self.drop_path(same);
        }
        let pto = self.check_pto();
        let opened = self.carried.paths.open(now, path, pto);
        let id = opened.ok_or(MigrateError::Busy)?;
        //= RFC 9000 §9.5: An endpoint MUST NOT reuse a connection ID when sending from more than one local address
        if self.carried.peer_ids.assign(id) {
            return Ok(());
        }
        self.drop_path(id);
        Err(MigrateError::NoConnectionId)
    }

    /// Probes the server's preferred address, if it has one.
    pub(super) fn follow_preferred(&mut self, now: Instant) {
        let Some(preferred) = self.peer.preferred_address() else {
            return;
        };
        if self.role == Role::Server {
            return;
        }
        let active = self.carried.paths.active().path;
        let v4 = preferred.v4.map(SocketAddr::V4);
        let v6 = preferred.v6.map(SocketAddr::V6);
        //= RFC 9000 §9.6.3: A client that migrates to a new address SHOULD use a preferred address from the same address family
        //= for the server.
        let order = if active.remote.is_ipv4() {
            [v4, v6]
        } else {
            [v6, v4]
        };
        let paths = &self.carried.paths;
        let usable = |remote: &SocketAddr| {
            *remote != active.remote
                && paths.may_move_to(&Path {
                    remote: *remote,
                    ..active
                })
        };
        let Some(remote) = order.into_iter().flatten().find(usable) else {
            return;
        };
        let path = Path {
            local: active.local.map(|local| of_family(local, remote)),
            remote,
        };
        // Where it cannot be tried the server's first address is as good.
        let _ = self.open_path(now, path);
    }

    /// Where datagrams came from; the error is why they are not looked at.
    pub(super) fn arrive(
        &mut self,
        now: Instant,
        path: &Path,
        datagrams: &[u8],
    ) -> Result<Arrival, Drop> {
        let paths = &mut self.carried.paths;
        let short = datagrams
            .split_first()
            .filter(|(first, _)| **first & LONG == 0);
        let by = short.and_then(|(_, rest)| rest.first_chunk()).copied();
        let id = paths.on_datagrams(now, path, datagrams.len(), by);
        if id.is_none() {
            //= RFC 9000 §9: If a client receives packets from an unknown server address, the client MUST discard these packets.
            if self.role == Role::Client || !self.is_confirmed() {
                return Err(Drop::UnknownPath);
            }
            if !self.carried.paths.may_move_to(path) {
                return Err(Drop::ForbiddenPath);
            }
        }
        Ok(Arrival {
            path: *path,
            id,
            bytes: datagrams.len(),
            by,
            watched: self.carried.paths.is_watched(id),
        })
    }

    /// An authentic packet came from an address that is not the active path's: takes note of it.
    pub(super) fn admit_path(&mut self, now: Instant) {
        let Arrival {
            path,
            id: None,
            bytes,
            by,
            ..
        } = self.arrival
        else {
            return;
        };
        // A peer that still uses the same id of ours goes on being sent to by the same of its own: retirements that went to where
        // it no longer is are acknowledged only once it is followed.
        let reachable =
            self.carried.peer_ids.may_open_path() || self.shares_active_id(path.local, by);
        if !reachable || !self.carried.paths.may_admit(now) {
            return;
        }
        if let Some(surplus) = self.carried.paths.surplus() {
            self.drop_path(surplus);
        }
        let rtt = self.recovery.rtt().smoothed;
        let pto = self.check_pto();
        let Some(id) = self.carried.paths.admit(now, path, rtt) else {
            return;
        };
        self.arrival.id = Some(id);
        if let Some(state) = self.carried.paths.get_mut(id) {
            state.on_datagrams(now, bytes, by);
            //= RFC 9000 §9.6.3: Servers SHOULD initiate path validation to the client's new address upon receiving a probe
            //= packet from a different address; see Section 8.
            state.begin_check(now, pto);
        }
        self.give_ids();
    }

    /// Gives an id of the peer to each path that has none, as far as there are any.
    pub(super) fn give_ids(&mut self) {
        let active = self.carried.paths.active();
        let (local, by) = (active.path.local, active.heard_by);
        let peer_ids = &mut self.carried.peer_ids;
        for other in self.carried.paths.others_mut() {
            let id = other.id();
            let owns = peer_ids.of(id).is_some() || peer_ids.may_open_path() && peer_ids.assign(id);
            let shares = !other.wanted && other.path.local == local && other.heard_by == by;
            other.has_id = owns || shares;
        }
    }

    /// Whether the id of the active path may be used for a path from `local` on which the peer sent to `by` last.
    fn shares_active_id(
        &self,
        local: Option<SocketAddr>,
        by: Option<[u8; crate::limits::LOCAL_CID_LEN]>,
    ) -> bool {
        let active = self.carried.paths.active();
        //= RFC 9000 §9.5: Due to network changes outside the control of its peer, an endpoint might receive packets from a
        //= new source address with the same Destination Connection ID field value, in which case it MAY continue to use the
        //= current connection ID with the new remote address while still sending from the same local address.
        local == active.path.local && by == Some(active.heard_by)
    }

    /// An authentic packet came by a path that is not active, or may decide against one that waits to be.
    pub(super) fn on_packet_elsewhere(&mut self, now: Instant, number: u64, payload: &[u8]) {
        let Some(id) = self.arrival.id.filter(|_| self.role == Role::Server) else {
            return;
        };
        //= RFC 9000 §9.3: An endpoint only changes the address to which it sends packets in response to the highest-numbered
        //= non-probing packet.
        let [_, _, received] = &self.carried.received;
        let mut frames = Frames::new(payload, Level::OneRtt, self.role).flatten();
        if received.largest() != Some(number) || frames.all(|frame| frame.is_probing()) {
            return;
        }
        let paths = &mut self.carried.paths;
        let active = paths.active();
        if active.id() == id {
            paths.set_candidate(None);
        } else if let Some(path) = paths.get(id) {
            //= RFC 9000 §9.6.2: The server MUST send non-probing packets from its original address until it receives a
            //= non-probing packet from the client at its preferred address and until the server has validated the new path.
            let waits = paths.is_wary(now) || !path.has_id || path.path.local != active.path.local;
            if waits && !path.is_validated() {
                paths.set_candidate(Some(id));
            } else {
                self.move_to(now, id);
            }
        }
        self.arrival.watched = self.carried.paths.is_watched(self.arrival.id);
    }

    /// Makes another path the active one.
    fn move_to(&mut self, now: Instant, id: PathId) {
        let paths = &mut self.carried.paths;
        let last = paths.active().id();
        let astray = !paths.active().is_validated();
        if !paths.activate(id) {
            return;
        }
        self.carried.peer_ids.activate(id, last);
        let pto = self.check_pto();
        let paths = &mut self.carried.paths;
        let active = paths.active_mut();
        active.dead = false;
        if active.is_validated() {
            active.end_check();
        } else {
            //= RFC 9000 §9.3: If the recipient permits the migration, it MUST send subsequent packets to the new peer address
            //= and MUST initiate path validation (Section 8.2) to verify the peer's ownership of the address if validation is
            //= not already underway.
            active.begin_check(now, pto);
        }
        if astray {
            paths.grow_wary(now);
            self.drop_path(last);
        } else if self.role == Role::Client {
            // The server follows what is not a probe, so there has to be such a packet, whatever else there is to say.
            self.ping = true;
        } else if let Some(last) = paths.get_mut(last) {
            //= RFC 9000 §9.3.3: In response to an apparent migration, endpoints MUST validate the previously active path using a
            //= PATH_CHALLENGE frame.
            last.begin_check(now, pto);
        }
        self.counts.migrations = self.counts.migrations.saturating_add(1);
        self.pending.migrated = true;
        self.recovery.trace.note(|| What::Migrated);
        if self.carried.paths.active().is_validated() {
            self.measure(now, None);
        }
        self.refresh_timer();
    }

    /// The active path is known to be the peer's: congestion control and round-trip time become those of this path.
    fn measure(&mut self, now: Instant, took: Option<Duration>) {
        let path = self.carried.paths.active().path;
        let before = self.carried.paths.set_measured(path);
        if path == before {
            self.recovery.on_path_regained(now);
        } else if !path.has_addresses_of(&before) {
            //= RFC 9000 §9.4: On confirming a peer's ownership of its new address, an endpoint MUST immediately reset the
            //= congestion controller and round-trip time estimator for the new path to initial values (see Appendices A.3 and
            //= B.3 of [QUIC-RECOVERY]) unless the only change in the peer's address is its port number.
            self.recovery.on_path_changed(now);
            //= RFC 9000 §9.2: Therefore, the endpoint validates ECN capability as described in Section 13.4.
            let oldest_open = self.recovery.oldest_open(Space::Application);
            let [_, _, numbers] = &self.numbers;
            self.ecn.on_path_changed(numbers.next(), oldest_open);
            let ceiling = self.config.ceiling(path.remote);
            let limit = self.peer.max_udp_payload_size;
            self.carried.mtu.on_path_changed(ceiling, limit);
            self.follow_path(now);
            if let Some(took) = took {
                self.recovery.guess_rtt(took);
            }
        }
    }

    /// PATH_CHALLENGE came, and is answered where it came from.
    pub(super) fn on_path_challenge(&mut self, data: [u8; 8]) {
        //= RFC 9000 §8.2.2: A PATH_RESPONSE frame MUST be sent on the network path where the PATH_CHALLENGE frame was received.
        let path = self
            .arrival
            .id
            .and_then(|id| self.carried.paths.get_mut(id));
        if let Some(path) = path {
            path.on_challenge(data);
        }
    }

    /// PATH_RESPONSE came.
    pub(super) fn on_path_response(
        &mut self,
        now: Instant,
        data: [u8; 8],
    ) -> Result<(), PeerError> {
        let Ok(answered) = self.carried.paths.on_response(now, data) else {
            return Err(UNASKED_RESPONSE);
        };
        if let Some((id, answered)) = answered {
            self.recovery.trace.note(|| What::PathChecked(true));
            self.on_path_validated(now, id, answered);
        }
        Ok(())
    }

    fn on_path_validated(&mut self, now: Instant, id: PathId, answered: Answered) {
        let pto = self.check_pto();
        let paths = &mut self.carried.paths;
        let Some(path) = paths.get_mut(id) else {
            return;
        };
        if !answered.full {
            //= RFC 9000 §8.2.3: However, the endpoint MUST initiate another path validation with an expanded datagram to verify
            //= that the path supports the required MTU.
            path.begin_check(now, pto);
        }
        let wanted = path.wanted;
        if paths.active().id() == id {
            if answered.newly {
                self.measure(now, Some(answered.took));
            }
        } else if wanted || paths.candidate() == Some(id) {
            //= RFC 9000 §9.6.1: As soon as path validation succeeds, the client SHOULD begin sending all future packets to the
            //= new server address using the new connection ID and discontinue use of the old server address.
            self.move_to(now, id);
            if self.recovery.rtt().first_sample.is_none() {
                self.recovery.guess_rtt(answered.took);
            }
        }
        if answered.newly && self.role == Role::Server && self.carried.paths.active().id() == id {
            //= RFC 9000 §9.3: After verifying a new client address, the server SHOULD send new address validation tokens
            //= (Section 8) to the client.
            self.pending.new_token_wanted = true;
        }
        self.refresh_timer();
    }

    /// Time has come to look at validations.
    pub(super) fn expire_paths(&mut self, now: Instant) {
        while let Some((id, outcome)) = self.carried.paths.next_failed(now) {
            self.counts.paths_failed = self.counts.paths_failed.saturating_add(1);
            self.recovery.trace.note(|| What::PathChecked(false));
            match outcome {
                OnFailed::Keep => {}
                OnFailed::Remove => {
                    let path = self.carried.paths.get(id);
                    self.pending.migration_failed |= path.is_some_and(|path| path.wanted);
                    self.drop_path(id);
                }
                OnFailed::Revert(good) => {
                    //= RFC 9000 §9.3.2: To protect the connection from failing due to such a spurious migration, an endpoint
                    //= MUST revert to using the last validated peer address when validation of a new peer address fails.
                    self.carried.paths.grow_wary(now);
                    self.move_to(now, good);
                    self.drop_path(id);
                }
                OnFailed::NoneLeft => return self.on_no_path(now),
            }
        }
    }

    fn on_no_path(&mut self, now: Instant) {
        let none = PeerError::new(Code::NoViablePath, "no path to the peer is left");
        if self.carried.paths.active().is_validated() {
            // The peer is there, but the path does not carry datagrams of 1,200 bytes.
            self.close_with(now, none);
        } else {
            //= RFC 9000 §9.3.2: If an endpoint has no state about the last validated peer address, it MUST close the connection
            //= silently by discarding all connection state.
            self.abandon(CloseReason::Transport(none));
        }
    }

    /// Forgets a path that is not active, and retires the peer's id that it used.
    fn drop_path(&mut self, id: PathId) {
        if let Some(path) = self.carried.paths.remove(id) {
            self.carried.peer_ids.release(id, path.is_used());
        }
    }

    /// The probe timeout of a path of which nothing is known, or the present one if that is larger.
    fn check_pto(&self) -> Duration {
        let unknown = self.config.initial_rtt.saturating_mul(3);
        self.recovery.pto(Space::Application).max(unknown)
    }
}

/// The same port at an address of the system's choice, if `local` is of another family than `remote`.
fn of_family(local: SocketAddr, remote: SocketAddr) -> SocketAddr {
    // An unspecified IPv6 address sends over both families.
    let dual = local.is_ipv6() && local.ip().is_unspecified();
    if dual || local.is_ipv4() == remote.is_ipv4() {
        return local;
    }
    let any = if remote.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    SocketAddr::new(any, local.port())
}

/// No challenge was ever sent.
const UNASKED_RESPONSE: PeerError =
    PeerError::new(Code::ProtocolViolation, "a path response to no challenge");

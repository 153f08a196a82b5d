//! Answers that need no state: Version Negotiation, Retry, the refusal of a token, stateless reset. Each is smaller than, or a
//! fraction of, what it answers, and their number per second is bounded, so that the port is no amplifier.

use inquic_platform::crypto::TAG_LEN;
use inquic_platform::{Duration, Instant, NoTails, SealJob, Tail};
use inquic_wire::frame::write_connection_close;
use inquic_wire::{
    Code, ConnectionId, LongKind, PeerError, Role, Version, Versions, Writer, write_long,
    write_retry, write_version_negotiation,
};

use super::token::{CLIENT_LEN, Client};
use super::{Endpoint, Introduction, Route};
use crate::counters::Drop;
use crate::limits;
use crate::protect;

/// How many stateless answers may still be given in the second that runs.
#[derive(Default)]
pub(super) struct StatelessBudget {
    since: Instant,
    given: u32,
}

impl StatelessBudget {
    /// Takes one answer from the budget.
    fn take(&mut self, now: Instant) -> bool {
        if now.since(self.since) >= Duration::from_secs(1) {
            *self = Self {
                since: now,
                given: 0,
            };
        }
        self.given = self.given.saturating_add(1);
        self.given <= limits::STATELESS_PER_SECOND
    }
}

impl Endpoint {
    /// Tells a client of `refused` which versions we speak.
    pub(super) fn negotiate_version(
        &mut self,
        now: Instant,
        refused: Version,
        (dcid, scid): (&[u8], &[u8]),
        spoken: &Versions,
        reply: &mut [u8],
    ) -> Route {
        if !self.stateless.take(now) {
            return Route::Drop(Drop::RateLimit);
        }
        let random = self.random_byte();
        let mut writer = Writer::new(reply);
        //= RFC 9000 §6.3: Endpoints MAY add reserved versions to any field where unknown or unsupported versions are ignored
        let reserved = Version::reserved(random);
        // A client discards what lists the version that it asked for.
        let reserved = if reserved == refused {
            Version(reserved.0 ^ 0xf0f0_f0f0)
        } else {
            reserved
        };
        let mut versions = Versions::of(&[reserved]);
        for version in spoken.as_slice() {
            versions.push(*version);
        }
        let versions = versions.as_slice();
        match write_version_negotiation(&mut writer, random, scid, dcid, versions) {
            Ok(()) => Route::Reply(writer.position()),
            Err(_) => Route::Drop(Drop::Header),
        }
    }

    /// Asks a client to come again with a token that it only gets at its own address. Every datagram of a client's first flight gets
    /// the same answer: of two that differ, the client would follow one, and what it sent before the other would be lost.
    pub(super) fn retry(&mut self, now: Instant, client: &Introduction, reply: &mut [u8]) -> Route {
        if !self.stateless.take(now) {
            return Route::Drop(Drop::RateLimit);
        }
        let id = self.retry_id(now, client);
        // RFC 9369 §4.1: a Retry is of the version of what it answers, and the client stays with it.
        let version = client.version;
        let holder = Client {
            remote: client.path.remote,
            version,
            dcid: id.as_slice(),
        };
        let token = self
            .tokens
            .for_retry(&*self.platform, period(now), holder, &client.dcid);
        let mut writer = Writer::new(reply);
        if write_retry(&mut writer, version, &client.scid, &id, &token).is_err() {
            return Route::Drop(Drop::Header);
        }
        let tag = protect::retry_tag(&*self.platform, version, &client.dcid, writer.written());
        match tag.map(|tag| writer.bytes(&tag)) {
            Ok(Ok(())) => Route::Reply(writer.position()),
            _ => Route::Drop(Drop::Memory),
        }
    }

    /// The id that a Retry packet gives to a client.
    fn retry_id(&self, now: Instant, client: &Introduction) -> ConnectionId {
        let holder = Client {
            remote: client.path.remote,
            version: client.version,
            dcid: client.dcid.as_slice(),
        };
        let mut bytes = [0; 8 + CLIENT_LEN];
        let mut writer = Writer::new(&mut bytes);
        let written = writer
            .u64(period(now).as_nanos())
            .and_then(|()| holder.write(&mut writer));
        debug_assert!(written.is_ok(), "an id has 20 bytes at most");
        let mut seed = self
            .keys
            .derive(&*self.platform, b"retry", writer.written());
        loop {
            let id = self
                .fresh
                .seeded(seed.first_chunk().copied().unwrap_or_default());
            // One that a connection has would lead there.
            if !self.ids.contains(&u64::from_be_bytes(id)) {
                return ConnectionId::new(&id).unwrap_or(ConnectionId::EMPTY);
            }
            seed = self.keys.derive(&*self.platform, b"retry", &seed);
        }
    }

    /// Ends the attempt of a client whose Retry token is stale or used. No state is made, and nothing is sent again.
    pub(super) fn refuse_token(
        &mut self,
        now: Instant,
        client: &Introduction,
        reply: &mut [u8],
    ) -> Route {
        //= RFC 9000 §8.1.2: Instead, the server SHOULD immediately close (Section 10.2) the connection with an INVALID_TOKEN
        //= error.
        self.close_stranger(now, client, Drop::Token, BAD_TOKEN, reply)
    }

    /// Ends the attempt of a client that nobody on this port takes.
    pub(super) fn refuse(
        &mut self,
        now: Instant,
        client: &Introduction,
        offence: PeerError,
        reply: &mut [u8],
    ) -> Route {
        self.close_stranger(now, client, Drop::Unclaimed, offence, reply)
    }

    fn close_stranger(
        &mut self,
        now: Instant,
        client: &Introduction,
        reason: Drop,
        offence: PeerError,
        reply: &mut [u8],
    ) -> Route {
        if !self.stateless.take(now) {
            return Route::Drop(Drop::RateLimit);
        }
        self.drops.count(reason);
        match self.write_refusal(client, offence, reply) {
            Some(len) => Route::Reply(len),
            None => Route::Drop(Drop::Memory),
        }
    }

    /// An Initial packet with a CONNECTION_CLOSE frame, sealed. It asks for no acknowledgement, so it need not fill a datagram.
    fn write_refusal(
        &self,
        client: &Introduction,
        offence: PeerError,
        reply: &mut [u8],
    ) -> Option<usize> {
        let Introduction {
            version,
            dcid,
            scid,
            ..
        } = client;
        let keys = protect::initial_keys(&*self.platform, *version, Role::Server, dcid);
        let keys = keys.ok()?.seal?;
        let mut writer = Writer::new(reply);
        let kind = LongKind::Initial;
        let plan = write_long(&mut writer, kind, *version, scid, dcid, &[], 0, 1).ok()?;
        let PeerError {
            code,
            frame_type,
            reason,
        } = offence;
        write_connection_close(&mut writer, code, frame_type, reason.as_bytes()).ok()?;
        writer.zeros(TAG_LEN).ok()?;
        let end = writer.position();
        writer.patch(plan.length_at, &plan.length(end).ok()?).ok()?;
        let job = SealJob {
            start: plan.start,
            number_at: plan.number_at,
            payload_at: plan.payload_at,
            end,
            packet_number: 0,
            tail: Tail::NONE,
        };
        let packet = reply.get_mut(..end)?;
        protect::seal(&*keys.packet, &*keys.header, packet, &[job], &NoTails).ok()?;
        Some(end)
    }

    /// Tells a peer whose connection we do not know that it is over (RFC 9000 §10.3).
    pub(super) fn reset(
        &mut self,
        now: Instant,
        dcid: &[u8],
        cause: usize,
        reply: &mut [u8],
    ) -> Route {
        //= RFC 9000 §10.3.3: An endpoint MUST ensure that every Stateless Reset that it sends is smaller than the packet that
        //= triggered it, unless it maintains state sufficient to prevent looping.
        if cause < limits::RESET_CAUSE_MIN {
            return Route::Drop(Drop::UnknownId);
        }
        if !self.stateless.take(now) {
            return Route::Drop(Drop::RateLimit);
        }
        let len = cause.saturating_sub(1).min(RESET_LEN);
        let token = self.keys.reset_token(&*self.platform, dcid);
        let Some(packet) = reply.get_mut(..len) else {
            return Route::Drop(Drop::UnknownId);
        };
        self.platform.random(packet);
        if let Some(first) = packet.first_mut() {
            //= RFC 9000 §10.3: A Stateless Reset uses an entire UDP datagram, starting with the first two bits of the packet
            //= header.
            *first = *first & 0x3f | 0x40;
        }
        if let Some(place) = packet.last_chunk_mut() {
            *place = token;
        }
        Route::Reply(len)
    }

    fn random_byte(&self) -> u8 {
        let mut byte = [0];
        self.platform.random(&mut byte);
        let [byte] = byte;
        byte
    }
}

/// A reset is as long as a short packet with a little data, so that it cannot be told from one.
const RESET_LEN: usize = 42;
const BAD_TOKEN: PeerError = PeerError::new(Code::InvalidToken, "the Retry token is stale or used");

/// The beginning of the time in which a client's first packet gets the same Retry packet.
fn period(now: Instant) -> Instant {
    let period = limits::RETRY_PERIOD.as_nanos();
    let since = now.as_nanos().checked_rem(period).unwrap_or_default();
    Instant::from_nanos(now.as_nanos().saturating_sub(since))
}

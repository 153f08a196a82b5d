//! Datagrams of a connection that is up: a batch of short headers in, the header protection of all removed and all opened in one
//! call. Never trusts a number or a key phase before the packet was found authentic.

use inquic_platform::crypto::{MASK_LEN, SAMPLE_LEN, TAG_LEN};
use inquic_platform::{Duration, Instant, OpenJob};
use inquic_wire::{Code, Level, PeerError, decode_packet_number};

use super::Connection;
use super::close::CloseReason;
use super::frames::Context;
use super::receive::{BATCH, LONG};
use crate::counters::Drop;
use crate::limits;
use crate::protect::{self, Opening};
use crate::trace::What;

impl Connection {
    /// Takes datagrams that begin with short headers, up to [`BATCH`] of them, and opens them together.
    pub(super) fn receive_short(
        &mut self,
        now: Instant,
        batch: &mut [u8],
        segment: usize,
        ecn: u8,
    ) {
        if self.keys.in_clear && self.keys.can_open(Level::OneRtt) {
            return self.receive_clear(now, batch, segment, ecn);
        }
        // Room for many is cleared first, which takes longer than to look at one.
        if batch.len() <= segment {
            self.receive_in::<1>(now, batch, segment, ecn);
        } else {
            self.receive_in::<BATCH>(now, batch, segment, ecn);
        }
    }

    /// Takes up to `N` datagrams.
    fn receive_in<const N: usize>(
        &mut self,
        now: Instant,
        batch: &mut [u8],
        segment: usize,
        ecn: u8,
    ) {
        let mut jobs: [OpenJob; N] = [NO_JOB; N];
        let mut firsts = [0_u8; N];
        let mut count = 0;
        let mut start = 0;
        let whole = batch.len();
        let mut samples = [[0; SAMPLE_LEN]; N];
        while start < whole {
            let end = start.saturating_add(segment).min(whole);
            let datagram = batch.get_mut(start..end).unwrap_or_default();
            if datagram.first().is_some_and(|first| first & LONG != 0) {
                self.receive_datagram(now, datagram, ecn);
            } else if let Some(sample) = self.sample_short(now, datagram, ecn)
                && let (Some(job), Some(place)) = (jobs.get_mut(count), samples.get_mut(count))
            {
                *job = OpenJob {
                    start,
                    end,
                    ..NO_JOB
                };
                *place = sample;
                count = count.saturating_add(1);
            }
            start = end;
        }
        let mut masks = [[0; MASK_LEN]; N];
        let jobs = jobs.get_mut(..count).unwrap_or_default();
        let Some(keys) = self.keys.one_rtt() else {
            return;
        };
        keys.open_header().masks(
            samples.get(..count).unwrap_or_default(),
            masks.get_mut(..count).unwrap_or_default(),
        );
        self.unmask_short(batch, jobs, &masks, &mut firsts);
        let openings = self.open_short(batch, jobs, &firsts);
        for ((job, first), opening) in jobs.iter().zip(firsts).zip(openings) {
            self.on_short(now, batch, job, (first, opening), ecn);
        }
    }

    /// Checks a short-header datagram as far as can be seen, and gives its sample.
    fn sample_short(&mut self, now: Instant, datagram: &[u8], ecn: u8) -> Option<[u8; SAMPLE_LEN]> {
        let sample = protect::sample_at(datagram, NUMBER_AT);
        if !self.admit_short(now, datagram, sample.is_some()) {
            return None;
        }
        if !self.keys.can_open(Level::OneRtt) {
            self.hold(now, Level::OneRtt, ecn, datagram);
            return None;
        }
        sample
    }

    /// Checks what is never protected of a short-header datagram, which is `whole` as far as its length tells. One that fails is
    /// dropped, or ends the connection as a stateless reset.
    #[inline]
    pub(super) fn admit_short(&mut self, now: Instant, datagram: &[u8], whole: bool) -> bool {
        let Some((first, after)) = datagram.split_first() else {
            return false;
        };
        let known = after
            .get(..limits::LOCAL_CID_LEN)
            .is_some_and(|dcid| self.carried.local_ids.contains(dcid));
        // Whoever has declared that the fixed bit may be cleared takes packets in which it is.
        let unfixed = first & FIXED == 0 && !self.config.grease_quic_bit;
        let admitted = known && whole && !unfixed;
        if !admitted {
            if self.is_open() && self.is_stateless_reset(datagram) {
                self.on_close(now, CloseReason::StatelessReset);
            } else {
                self.drop_packet(if known { Drop::Header } else { Drop::UnknownId });
            }
        }
        admitted
    }

    /// Removes the header protection of a batch and decodes the packet numbers.
    fn unmask_short<const N: usize>(
        &self,
        batch: &mut [u8],
        jobs: &mut [OpenJob],
        masks: &[[u8; MASK_LEN]; N],
        firsts: &mut [u8; N],
    ) {
        let [_, _, received] = &self.carried.received;
        // A sender's numbers are long enough for what was opened before the batch (RFC 9000 §17.1), and a forged number in it
        // must not mislead those behind.
        let largest = received.largest();
        for ((job, mask), first) in jobs.iter_mut().zip(masks).zip(firsts) {
            let number_at = job.start.saturating_add(NUMBER_AT);
            let Some(unmasked) = protect::unmask(batch, job.start, number_at, mask) else {
                continue;
            };
            *first = unmasked.first;
            job.payload_at = number_at.saturating_add(unmasked.number_len);
            job.packet_number =
                decode_packet_number(largest, unmasked.truncated, unmasked.number_len);
        }
    }

    /// Opens a batch; all at once when every packet is of the current key phase, as nearly always. Says with which keys.
    fn open_short<const N: usize>(
        &mut self,
        batch: &mut [u8],
        jobs: &mut [OpenJob],
        firsts: &[u8; N],
    ) -> [Opening; N] {
        let mut openings = [Opening::Current; N];
        let Some(keys) = self.keys.one_rtt() else {
            return openings;
        };
        let phase = keys.phase();
        let current = |first: &u8| (first & KEY_PHASE != 0) == phase;
        if firsts.iter().take(jobs.len()).all(current) {
            if let Some(key) = keys.open_key(Opening::Current) {
                key.open(batch, jobs);
            }
            return openings;
        }
        for ((job, first), opening) in jobs.iter_mut().zip(firsts).zip(&mut openings) {
            *opening = keys.choose(first & KEY_PHASE != 0, job.packet_number);
            if let Some(key) = keys.open_key(*opening) {
                protect::open_one(key, batch, job);
            }
        }
        openings
    }

    /// Acts on one packet of a batch, opened or not.
    fn on_short(
        &mut self,
        now: Instant,
        batch: &[u8],
        job: &OpenJob,
        (first, opening): (u8, Opening),
        ecn: u8,
    ) {
        if !self.is_open() {
            return self.drop_packet(Drop::Closed);
        }
        let datagram = batch.get(job.start..job.end).unwrap_or_default();
        let keep = self.pto().saturating_mul(3);
        let Some(keys) = self.keys.one_rtt() else {
            return;
        };
        if !job.opened {
            let counted = keys.on_open_failed();
            if self.is_stateless_reset(datagram) {
                return self.on_close(now, CloseReason::StatelessReset);
            }
            self.drop_packet(Drop::Authentication);
            return counted
                .err()
                .into_iter()
                .for_each(|error| self.close_with(now, error));
        }
        let followed = self.follow_keys(now, keep, job.packet_number, (first, opening));
        if let Err(error) = followed {
            return self.close_with(now, error);
        }
        let [_, _, received] = &self.carried.received;
        if received.is_duplicate(job.packet_number) {
            return self.drop_packet(Drop::Duplicate);
        }
        let newest = received.largest() < Some(job.packet_number);
        if newest && self.spin.is_enabled() {
            self.spin.on_newest(self.role, first & SPIN != 0);
        }
        let dcid = datagram.get(1..NUMBER_AT).unwrap_or_default();
        let payload = batch.get(job.payload()).unwrap_or_default();
        let context = Context {
            now,
            level: Level::OneRtt,
            dcid,
        };
        self.on_packet(
            context,
            job.packet_number,
            first & RESERVED_SHORT == 0,
            ecn,
            payload,
        );
    }

    /// Goes on with the keys that an authentic packet shows to be in use.
    #[inline]
    fn follow_keys(
        &mut self,
        now: Instant,
        keep: Duration,
        number: u64,
        (first, opening): (u8, Opening),
    ) -> Result<(), PeerError> {
        let Some(keys) = self.keys.one_rtt() else {
            return Ok(());
        };
        // A packet before it in the batch may have changed the keys since it was opened.
        match keys.choose(first & KEY_PHASE != 0, number) {
            Opening::Current => {
                keys.on_opened(now, keep, number);
                Ok(())
            }
            Opening::Previous => Ok(()),
            Opening::Next if opening == Opening::Next => {
                let followed = keys.on_peer_update(now, keep, number);
                let updates = keys.updates();
                if followed.is_ok() {
                    self.recovery.trace.note(|| What::KeyUpdate {
                        by_peer: true,
                        updates,
                    });
                }
                followed
            }
            //= RFC 9001 §6.4: An endpoint that successfully removes protection with old keys when newer keys were used for
            //= packets with lower packet numbers MUST treat this as a connection error of type KEY_UPDATE_ERROR.
            Opening::Next => Err(PeerError::new(
                Code::KeyUpdate,
                "old keys behind newer ones",
            )),
        }
    }

    /// Whether a datagram that cannot be opened ends in a reset token of the peer (RFC 9000 §10.3.1).
    pub(super) fn is_stateless_reset(&self, datagram: &[u8]) -> bool {
        datagram.len() >= limits::RESET_MIN
            && datagram
                .last_chunk::<TAG_LEN>()
                .is_some_and(|token| self.carried.peer_ids.is_reset_token(token))
    }
}

const NO_JOB: OpenJob = OpenJob {
    start: 0,
    payload_at: 0,
    end: 0,
    packet_number: 0,
    opened: false,
};
const FIXED: u8 = 0x40;
const KEY_PHASE: u8 = 0x04;
pub(super) const SPIN: u8 = 0x20;
pub(super) const RESERVED_SHORT: u8 = 0x18;
/// Where the packet number of a short header begins.
pub(super) const NUMBER_AT: usize = 1 + limits::LOCAL_CID_LEN;

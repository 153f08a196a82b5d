//! 1-RTT packets without protection (draft-banks-quic-disable-encryption), between two ends that were both told to: plain packets in,
//! their frames out, and the other way about without a tag. Never before the handshake is complete, never a packet of another level.

use inquic_platform::crypto::TAG_LEN;
use inquic_platform::{CryptoError, Instant, SealJob, Tails};
use inquic_wire::{Level, decode_packet_number};

use super::Connection;
use super::frames::Context;
use super::receive::LONG;
use super::short::{NUMBER_AT, RESERVED_SHORT, SPIN};
use crate::counters::Drop;

impl Connection {
    /// Bytes of the tag that ends packets of `level`.
    #[inline]
    pub(super) const fn tag_len(&self, level: Level) -> usize {
        if self.keys.in_clear && matches!(level, Level::OneRtt) {
            0
        } else {
            TAG_LEN
        }
    }

    /// Takes datagrams that begin with short headers and are not protected.
    pub(super) fn receive_clear(
        &mut self,
        now: Instant,
        batch: &mut [u8],
        segment: usize,
        ecn: u8,
    ) {
        for datagram in batch.chunks_mut(segment.max(1)) {
            if datagram.first().is_some_and(|first| first & LONG != 0) {
                self.receive_datagram(now, datagram, ecn);
            } else {
                self.on_clear(now, datagram, ecn);
            }
        }
    }

    /// Acts on one packet. Of its key phase nothing follows.
    fn on_clear(&mut self, now: Instant, datagram: &[u8], ecn: u8) {
        if !self.is_open() {
            return self.drop_packet(Drop::Closed);
        }
        let first = datagram.first().copied().unwrap_or_default();
        let number_len = usize::from(first & NUMBER_LEN).saturating_add(1);
        let payload_at = NUMBER_AT.saturating_add(number_len);
        if !self.admit_short(now, datagram, datagram.len() > payload_at) {
            return;
        }
        let [_, _, received] = &self.carried.received;
        let bytes = datagram.get(NUMBER_AT..payload_at).unwrap_or_default();
        let truncated = bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        let number = decode_packet_number(received.largest(), truncated, number_len);
        if received.is_duplicate(number) {
            return self.drop_packet(Drop::Duplicate);
        }
        if received.largest() < Some(number) && self.spin.is_enabled() {
            self.spin.on_newest(self.role, first & SPIN != 0);
        }
        let context = Context {
            now,
            level: Level::OneRtt,
            dcid: datagram.get(1..NUMBER_AT).unwrap_or_default(),
        };
        let payload = datagram.get(payload_at..).unwrap_or_default();
        let reserved_clear = first & RESERVED_SHORT == 0;
        self.on_packet(context, number, reserved_clear, ecn, payload);
    }
}

/// Leaves packets as they are laid out, and copies into them what the streams still have of them.
pub(super) fn put_tails(
    buffer: &mut [u8],
    jobs: &[SealJob],
    tails: &dyn Tails,
) -> Result<(), CryptoError> {
    jobs.iter().try_for_each(|job| {
        // As if a tag followed, before which a tail ends.
        let tagged = SealJob {
            end: job.end.saturating_add(TAG_LEN),
            ..*job
        };
        tagged.put_tail(buffer, tails)
    })
}

const NUMBER_LEN: u8 = 0x03;

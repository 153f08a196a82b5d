//! What the application does with datagrams (RFC 9221), and how large they may be here and now.

use inquic_platform::crypto::TAG_LEN;
use inquic_wire::{Level, PeerError};

use super::Connection;
use crate::datagram::DatagramError;
use crate::recovery::Fate;

impl Connection {
    /// Sends `data` as one datagram when congestion control lets it, once and whole or not at all. When `told`, the number
    /// under which [`Connection::take_datagram_fate`] will tell what became of it.
    ///
    /// # Errors
    ///
    /// [`DatagramError`] when it cannot be sent, now or ever.
    ///
    /// # Bounds
    ///
    /// [`crate::limits::DATAGRAM_QUEUE`] bytes wait to be sent, [`crate::limits::DATAGRAM_FATES`] to be told.
    pub fn send_datagram(&mut self, data: &[u8], told: bool) -> Result<Option<u64>, DatagramError> {
        if !self.is_connected() && !self.is_early() {
            return Err(DatagramError::NotConnected);
        }
        let most = self.max_datagram_size();
        let datagrams = self.carried.datagrams_mut();
        let datagrams = datagrams.ok_or(DatagramError::NotConnected)?;
        datagrams.send(data, most, told)
    }

    /// Bytes of the longest datagram that can be sent now; none when the peer takes none. It changes with the path, and is
    /// smaller in 0-RTT.
    #[must_use]
    pub fn max_datagram_size(&self) -> Option<usize> {
        let level = if self.keys.early_seal().is_some() {
            Level::ZeroRtt
        } else {
            Level::OneRtt
        };
        //= RFC 9221 §3: An endpoint MUST NOT send DATAGRAM frames that are larger than the max_datagram_frame_size value it has
        //= received from its peer.
        let peer = self.carried.datagrams()?.peer_limit()?;
        Some(peer.min(self.datagram_room(level)))
    }

    /// Takes the datagram that has waited longest: how many bytes of `out` it filled. What does not fit into `out` is lost;
    /// [`Connection::datagram_len`] says how much that would be. What had come before the connection ended can still be taken.
    pub fn take_datagram(&mut self, out: &mut [u8]) -> Option<usize> {
        self.carried.datagrams_mut()?.take(out)
    }

    /// Bytes of the datagram that [`Connection::take_datagram`] would give.
    #[must_use]
    pub fn datagram_len(&self) -> Option<usize> {
        self.carried.datagrams()?.front()
    }

    /// What became of a datagram whose sender wanted to hear of it: the number that it got, and its fate. One that is taken as
    /// lost may have arrived all the same; one that was acknowledged was not always taken by the application there.
    pub fn take_datagram_fate(&mut self) -> Option<(u64, Fate)> {
        self.carried.datagrams_mut()?.take_fate()
    }

    /// DATAGRAM came.
    pub(super) fn on_datagram(&mut self, data: &[u8], has_len: bool) -> Result<(), PeerError> {
        let packet = self.counts.packets_received;
        let datagrams = self.carried.datagrams_mut();
        debug_assert!(datagrams.is_some(), "there are keys for such frames");
        datagrams.map_or(Ok(()), |datagrams| {
            datagrams.on_datagram(packet, data, has_len)
        })
    }

    /// The packet that has just come does not count as received.
    #[cold]
    pub(super) fn withdraw_datagrams(&mut self) {
        let packet = self.counts.packets_received;
        if let Some(datagrams) = self.carried.datagrams_mut() {
            datagrams.withdraw(packet);
        }
    }

    /// Bytes of the longest datagram that fits into a packet of `level` alone.
    pub(super) fn datagram_room(&self, level: Level) -> usize {
        let dcid = self.carried.peer_ids.active().len();
        let header = match level {
            Level::OneRtt => SHORT.saturating_add(dcid),
            Level::Initial | Level::ZeroRtt | Level::Handshake => LONG
                .saturating_add(dcid)
                .saturating_add(self.hello.local_id.len()),
        };
        self.max_datagram
            .saturating_sub(header)
            .saturating_sub(TAG_LEN)
            .saturating_sub(FRAME_TYPE)
    }
}

/// The first byte of a short header and its longest packet number.
const SHORT: usize = 1 + 4;
/// A long header of 0-RTT without its ids: the first byte, the version, two lengths of ids, a length and the packet number.
const LONG: usize = 1 + 4 + 1 + 1 + 2 + 4;
/// A DATAGRAM frame that fills its packet has no length.
const FRAME_TYPE: usize = 1;

//! Handshake messages of the peer, from packets to TLS, and the memory that they share with received data: neither can take what the
//! other was promised, and together they stay below what the window is worth (`docs/attacks.txt` 12, 30).

use inquic_wire::{Code, Level, PeerError, Space};

use super::Connection;
use super::hello::Hello;
use crate::handshake::{CryptoReceive, EXCEEDED, Kept};
use crate::limits;
use crate::stream::OnStream;

impl Hello {
    /// Handshake bytes that TLS can take now, over all levels.
    pub(super) fn ready(&self) -> usize {
        self.receive
            .iter()
            .fold(0, |sum, level| sum.saturating_add(level.ready()))
    }

    /// Bytes of memory of handshake messages that TLS has not taken, over all levels.
    pub(super) fn held(&self) -> usize {
        let levels = self.receive.iter().map(CryptoReceive::allocated_bytes);
        levels.fold(0, usize::saturating_add)
    }
}

impl Connection {
    /// Gives handshake messages of the peer to TLS: the level, and how many bytes of `out` were filled. The lowest level
    /// first; `None` when nothing waits.
    pub fn handshake_receive(&mut self, out: &mut [u8]) -> Option<(Level, usize)> {
        for (level, space) in LEVELS {
            let receive = self.hello.receive.get_mut(space.index())?;
            if receive.ready() > 0 {
                self.pending.handshake_told = 0;
                let count = receive.take(out);
                self.settle_crypto();
                return Some((level, count));
            }
        }
        None
    }

    pub(super) fn on_crypto(
        &mut self,
        space: Space,
        offset: u64,
        data: &[u8],
    ) -> Result<OnStream, PeerError> {
        if space == Space::Application
            && offset.saturating_add(data.len() as u64) > limits::CRYPTO_AFTER_HANDSHAKE
        {
            return Err(AFTER_HANDSHAKE);
        }
        let room = self.crypto_room();
        let held = self.hello.held();
        let Some(receive) = self.hello.receive.get_mut(space.index()) else {
            return Ok(OnStream::Taken);
        };
        let others = held.saturating_sub(receive.allocated_bytes());
        match receive.on_crypto(offset, data, room.saturating_sub(others))? {
            Kept::All => {
                self.settle_crypto();
                Ok(OnStream::Taken)
            }
            Kept::NoRoom if self.is_handshaking() => Err(EXCEEDED),
            // Data of streams has the memory. It comes again, when somebody has read.
            Kept::NoRoom | Kept::NoMemory => Ok(OnStream::Refused),
        }
    }

    /// Bytes of memory that handshake messages may take: until the handshake is complete a share of their own, so that data sent
    /// early cannot stop it; later what data leaves.
    fn crypto_room(&self) -> usize {
        let of_window =
            |window| usize::try_from(limits::crypto_memory(window)).unwrap_or(usize::MAX);
        match self.carried.streams() {
            Some(streams) if !self.is_handshaking() => self
                .hello
                .held()
                .saturating_add(streams.receive_room())
                .min(of_window(streams.receive_window())),
            _ => of_window(self.config.streams.connection_window.initial),
        }
    }

    /// Lets received data have the memory that handshake messages do not.
    pub(super) fn settle_crypto(&mut self) {
        let lent = if self.is_handshaking() {
            self.crypto_room()
        } else {
            self.hello.held()
        };
        if let Some(streams) = self.carried.streams_mut() {
            streams.lend(lent);
        }
    }
}

const LEVELS: [(Level, Space); 3] = [
    (Level::Initial, Space::Initial),
    (Level::Handshake, Space::Handshake),
    (Level::OneRtt, Space::Application),
];
const AFTER_HANDSHAKE: PeerError = PeerError::new(
    Code::CryptoBufferExceeded,
    "too many handshake messages after the handshake",
)
.in_frame(0x06);

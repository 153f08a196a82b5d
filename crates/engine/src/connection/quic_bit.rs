//! The fixed bit of the packets that we send, which carries nothing where the peer takes any value of it (RFC 9287). Randomness
//! in, one bit a packet out; 1 as long as the peer's transport parameters are not known.

use inquic_platform::Platform;

/// The bit, and random values for the next packets.
#[derive(Default)]
pub(super) struct QuicBit {
    /// Whether the peer takes packets in which it is 0.
    free: bool,
    random: u128,
    left: u32,
}

impl QuicBit {
    /// The peer has declared `grease_quic_bit`, and we want to make use of it.
    pub(super) const fn set_free(&mut self) {
        self.free = true;
    }

    /// Whether the bit of the next packet is to be 0. Asks for randomness once in 128 packets.
    pub(super) fn clears(&mut self, platform: &dyn Platform) -> bool {
        if !self.free {
            return false;
        }
        if self.left == 0 {
            let mut bytes = [0; 16];
            platform.random(&mut bytes);
            self.random = u128::from_le_bytes(bytes);
            self.left = u128::BITS;
        }
        self.left = self.left.saturating_sub(1);
        let clears = self.random & 1 == 0;
        self.random >>= 1;
        clears
    }
}

//! Datagrams one by one (RFC 9221), as the Rust API uses them: a program's datagrams in and out, the engine's answers.

use inquic_engine::recovery::Fate;

use super::{DatagramError, Socket};

impl Socket {
    /// Sends a datagram, once and whole or not at all. When `told`, the number under which [`Socket::take_datagram_fate`] will
    /// tell what became of it.
    ///
    /// # Errors
    ///
    /// [`DatagramError::Blocked`] until [`super::News::DatagramRoom`]; the others say why it cannot be sent.
    pub fn send_datagram(&mut self, data: &[u8], told: bool) -> Result<Option<u64>, DatagramError> {
        if self.is_closed() {
            return Err(DatagramError::NotConnected);
        }
        self.connection_mut().send_datagram(data, told)
    }

    /// Takes the datagram that has waited longest: how many bytes of `out` it filled. What does not fit is lost.
    pub fn take_datagram(&mut self, out: &mut [u8]) -> Option<usize> {
        self.connection_mut().take_datagram(out)
    }

    /// Bytes of the datagram that has waited longest.
    #[must_use]
    pub fn datagram_len(&self) -> Option<usize> {
        self.connection().datagram_len()
    }

    /// Bytes of the longest datagram that can be sent now; none when the peer takes none.
    #[must_use]
    pub fn max_datagram_size(&self) -> Option<usize> {
        self.connection().max_datagram_size()
    }

    /// What became of a datagram whose sender wanted to hear of it: its number and its fate.
    pub fn take_datagram_fate(&mut self) -> Option<(u64, Fate)> {
        self.connection_mut().take_datagram_fate()
    }
}

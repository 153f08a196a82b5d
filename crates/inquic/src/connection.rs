//! What connections of both faces have in common: questions in, answers of the connection's entry out.

use std::sync::Arc;

use crate::handshake_info::HandshakeInfo;
use crate::transport::Owner;

/// What the handshake agreed on. A connection that callers have is past its handshake.
pub(crate) fn handshake_info(owner: &Arc<Owner>) -> Option<HandshakeInfo> {
    let tls = owner.entry.info()?;
    Some(HandshakeInfo {
        version: owner.entry.version().0,
        alpn: tls.alpn,
        cipher_suite: tls.cipher_suite,
        key_exchange: tls.key_exchange,
        duration: owner.entry.stats().handshake,
        resumed: tls.resumed,
        server_name: tls.server_name,
    })
}

/// The calls of a connection that never wait.
macro_rules! common_calls {
    () => {
        /// Closes the connection with an error code and a reason of the application. What was written and finished before is
        /// delivered first, in the background, for up to 30 s; wait for [`Self::closed`] before the process ends. Streams
        /// that were not finished are cut off where they are.
        pub fn close(&self, code: u64, reason: &str) {
            self.owner.entry.close(code, reason);
        }

        /// What the connection has done so far.
        #[must_use]
        pub fn stats(&self) -> $crate::Stats {
            self.owner.entry.stats()
        }

        /// Bytes of the longest datagram that can be sent now; none when the peer takes none. It changes with the path.
        #[must_use]
        pub fn max_datagram_size(&self) -> Option<usize> {
            self.owner.entry.max_datagram_size()
        }

        /// The application protocol that was agreed on.
        #[must_use]
        pub fn alpn(&self) -> Vec<u8> {
            self.handshake_info()
                .map_or_else(Vec::new, |info| info.alpn)
        }

        /// What the handshake agreed on; none when it never came to its end.
        #[must_use]
        pub fn handshake_info(&self) -> Option<$crate::HandshakeInfo> {
            $crate::connection::handshake_info(&self.owner)
        }

        /// The peer's address.
        #[must_use]
        pub fn peer_addr(&self) -> ::std::net::SocketAddr {
            self.owner.entry.peer_addr()
        }

        /// Our own address, as far as it is known.
        #[must_use]
        pub fn local_addr(&self) -> ::std::net::SocketAddr {
            self.owner.entry.local_addr()
        }

        /// Changes the keys that protect the connection (RFC 9001 §6). The engine does so by itself when it is time.
        ///
        /// # Errors
        ///
        /// When a key update is under way, or the connection is over.
        pub fn key_update(&self) -> Result<(), $crate::Error> {
            self.owner.entry.key_update()
        }

        /// Where the protocol runs: `"embedded"`, in this process, or `"kernel"`, in the system's.
        #[must_use]
        pub fn home(&self) -> &'static str {
            self.owner.entry.home()
        }
    };
}
pub(crate) use common_calls;

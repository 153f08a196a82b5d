//! A session by pre-shared keys: a handshake of another TLS library comes in, and goes out as any other session once it is complete.

use super::{Session, State};
use crate::error::HandshakeError;
use crate::psk::Shared;
use crate::socket::HandshakeSocket;

impl Session {
    pub(crate) fn shared(handshake: Shared) -> Self {
        Self {
            state: State::Shared(Box::new(handshake)),
            info: None,
        }
    }

    /// Does what can be done now for a handshake by pre-shared keys; `true` when there is none under way.
    pub(super) fn advance_shared(
        &mut self,
        socket: &mut dyn HandshakeSocket,
    ) -> Result<bool, HandshakeError> {
        let State::Shared(handshake) = &mut self.state else {
            return Ok(true);
        };
        let Some(done) = handshake.advance(socket)? else {
            return Ok(false);
        };
        self.info = Some(Box::new(done.info));
        self.state = State::Idle {
            framing: done.framing,
            permits: done.permits,
        };
        Ok(true)
    }
}

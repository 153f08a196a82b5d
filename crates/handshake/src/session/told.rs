//! What a session tells of itself, and of a message that may not come: states come in, names go out. It shows no secret.

use std::fmt;

use super::{Session, Start, State};
use crate::error::HandshakeError;
use crate::framing::{self, Offence};

impl fmt::Debug for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::New(Start::Client(..)) => "new client",
            State::New(Start::Server(..)) => "new server",
            State::Running(running) if running.complete => "complete",
            State::Running(_) => "pending",
            #[cfg(feature = "psk")]
            State::Shared(_) => "pending by pre-shared keys",
            State::Idle { .. } => "done",
            State::Failed => "failed",
        };
        let mut session = out.debug_struct("Session");
        session.field("state", &state).field("info", &self.info);
        session.finish()
    }
}

impl From<Offence> for HandshakeError {
    fn from(offence: Offence) -> Self {
        match offence {
            Offence::TooLong(_) => Self::TooManyBytes,
            //= RFC 9001 §4.4: clients MUST treat receipt of such messages as a connection error of type PROTOCOL_VIOLATION.
            Offence::Forbidden(framing::CERTIFICATE_REQUEST) => Self::LateCertificateRequest,
            Offence::Forbidden(kind) => Self::UnexpectedMessage(kind),
        }
    }
}

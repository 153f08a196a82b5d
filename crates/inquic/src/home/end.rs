//! The end of a connection in words: the engine's reason in, the error that callers get out.

use inquic_engine::CloseReason;
use inquic_handshake::HandshakeError;
use inquic_socket::Socket;
use inquic_wire::Code;

use crate::error::Error;

/// Why calls on `socket` fail from now on.
pub(crate) fn error(reason: &CloseReason, socket: &Socket) -> Error {
    match reason {
        CloseReason::Application { code, reason } => Error::Closed {
            code: *code,
            reason: text(reason),
        },
        CloseReason::PeerApplication { code, reason } => Error::ClosedByPeer {
            code: *code,
            reason: text(reason),
        },
        CloseReason::Transport(offence) => match offence.code {
            Code::Crypto(_) => Error::Handshake(offence.reason.into()),
            code => Error::Transport {
                code: code.to_u64(),
                reason: offence.reason.into(),
            },
        },
        CloseReason::PeerTransport { code, reason, .. } => match code {
            Code::NoError => Error::ClosedByPeer {
                code: 0,
                reason: text(reason),
            },
            // An application that closes before the handshake is complete cannot say more (RFC 9000 §10.2.3).
            Code::ConnectionRefused | Code::Application => Error::Refused {
                reason: text(reason),
            },
            Code::Crypto(alert) => Error::handshake(&HandshakeError::PeerAlert(*alert)),
            code => Error::TransportByPeer {
                code: code.to_u64(),
                reason: text(reason),
            },
        },
        CloseReason::IdleTimeout => Error::PeerGone,
        CloseReason::HandshakeTimeout => Error::NoAnswer {
            peer: socket.path().remote,
        },
        CloseReason::StatelessReset => Error::PeerRestarted,
        CloseReason::VersionNegotiation => Error::NoCommonVersion,
    }
}

fn text(reason: &[u8]) -> String {
    String::from_utf8_lossy(reason).into_owned()
}

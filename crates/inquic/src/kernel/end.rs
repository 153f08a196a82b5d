//! The end of a connection in words: what the socket says of it in, the error that callers get out.

use std::io;
use std::net::SocketAddr;

use inquic_descriptor::{Calls, words};
use inquic_handshake::HandshakeError;
use inquic_uapi::error::{QUIC_TRANSPORT_ERROR_APPLICATION, QUIC_TRANSPORT_ERROR_NONE};

use crate::error::Error;

/// Why a connection is over of which recvmsg says this, or that it was closed in order.
pub(super) fn of(
    socket: &dyn Calls,
    failure: Option<&io::Error>,
    peer: SocketAddr,
    established: bool,
) -> Error {
    let close = words::close_of(socket).unwrap_or_default();
    let code = u64::from(close.errcode);
    let reason = text(&close.phrase);
    let Some(failure) = failure else {
        return Error::ClosedByPeer { code: 0, reason };
    };
    match failure.raw_os_error() {
        Some(libc::ECONNRESET) if code == 0 => Error::PeerRestarted,
        Some(libc::ECONNRESET) => Error::ClosedByPeer { code, reason },
        Some(libc::ECONNREFUSED) => Error::Refused { reason },
        Some(libc::EPROTO) => of_transport(close.errcode, reason),
        Some(libc::ETIMEDOUT) if established => Error::PeerGone,
        Some(libc::ETIMEDOUT) => Error::NoAnswer { peer },
        Some(libc::EPROTONOSUPPORT) => Error::NoCommonVersion,
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH) => Error::NoRoute(peer),
        _ => Error::io("the connection failed", failure),
    }
}

fn of_transport(code: u32, reason: String) -> Error {
    match code {
        // The socket has no words for what our end found.
        QUIC_TRANSPORT_ERROR_NONE => Error::Transport {
            code: 0,
            reason: "it was seen below the socket".into(),
        },
        QUIC_TRANSPORT_ERROR_APPLICATION => Error::Refused { reason },
        _ => match words::alert_of(code) {
            Some(alert) => Error::handshake(&HandshakeError::PeerAlert(alert)),
            None => Error::TransportByPeer {
                code: code.into(),
                reason,
            },
        },
    }
}

fn text(phrase: &[u8]) -> String {
    let end = phrase.iter().position(|byte| *byte == 0);
    let phrase = phrase
        .get(..end.unwrap_or(phrase.len()))
        .unwrap_or_default();
    String::from_utf8_lossy(phrase).into_owned()
}

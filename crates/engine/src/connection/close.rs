//! The end of a connection: closing, draining, gone (RFC 9000 §10.2). Says what a CONNECTION_CLOSE carries and how often it
//! is repeated, and keeps nothing that only a living connection needs.

use alloc::vec::Vec;

use inquic_platform::{Instant, memory};
use inquic_wire::frame::{write_application_close, write_connection_close};
use inquic_wire::{Code, Full, Level, PeerError, Writer};

use super::Connection;
use super::state::State;
use crate::counters::Drop;
use crate::limits;
use crate::trace::What;

/// Why a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// This end's application closed it with an error code of its own.
    Application {
        /// The application's error code.
        code: u64,
        /// A text for people.
        reason: Vec<u8>,
    },
    /// The peer's application closed it.
    PeerApplication {
        /// The application's error code.
        code: u64,
        /// A text for people.
        reason: Vec<u8>,
    },
    /// This end found the peer breaking the protocol, or TLS failed here.
    Transport(PeerError),
    /// The peer's transport closed it.
    PeerTransport {
        /// The transport error code.
        code: Code,
        /// The type of the frame that was at fault; 0 when unknown.
        frame_type: u64,
        /// A text for people.
        reason: Vec<u8>,
    },
    /// Nothing was heard for as long as both ends agreed on.
    IdleTimeout,
    /// The handshake took too long.
    HandshakeTimeout,
    /// The peer has lost its state (RFC 9000 §10.3).
    StatelessReset,
    /// The server speaks no version that we speak.
    VersionNegotiation,
}

/// A connection that we closed.
pub(super) struct Closing {
    pub(super) until: Instant,
    /// Whether a CONNECTION_CLOSE is to be sent now.
    pub(super) wanted: bool,
    /// Packets that came since we closed.
    heard: u32,
    answers: u32,
}

impl CloseReason {
    /// The same reason again, without its text for people when there is no memory for it.
    #[must_use]
    pub fn copied(&self) -> Self {
        match self {
            Self::Application { code, reason } => Self::Application {
                code: *code,
                reason: shortened(reason),
            },
            Self::PeerApplication { code, reason } => Self::application_by_peer(*code, reason),
            Self::Transport(error) => Self::Transport(*error),
            Self::PeerTransport {
                code,
                frame_type,
                reason,
            } => Self::transport_by_peer(*code, *frame_type, reason),
            Self::IdleTimeout => Self::IdleTimeout,
            Self::HandshakeTimeout => Self::HandshakeTimeout,
            Self::StatelessReset => Self::StatelessReset,
            Self::VersionNegotiation => Self::VersionNegotiation,
        }
    }

    pub(super) fn transport_by_peer(code: Code, frame_type: u64, reason: &[u8]) -> Self {
        Self::PeerTransport {
            code,
            frame_type,
            reason: shortened(reason),
        }
    }

    pub(super) fn application_by_peer(code: u64, reason: &[u8]) -> Self {
        Self::PeerApplication {
            code,
            reason: shortened(reason),
        }
    }
}

impl Closing {
    const fn new(until: Instant) -> Self {
        Self {
            until,
            wanted: true,
            heard: 0,
            answers: 1,
        }
    }

    /// A packet came: the 1st, 2nd, 4th, 8th, … is answered.
    pub(super) const fn on_packet(&mut self) {
        //= RFC 9000 §10.2.1: An endpoint SHOULD limit the rate at which it generates packets in the closing state.
        self.heard = self.heard.saturating_add(1);
        if self.heard.is_power_of_two() && self.answers < limits::CLOSE_ANSWERS {
            self.answers = self.answers.saturating_add(1);
            self.wanted = true;
        }
    }

    /// Writes the CONNECTION_CLOSE frame for a packet of `level`.
    pub(super) fn write(
        &self,
        reason: Option<&CloseReason>,
        level: Level,
        writer: &mut Writer<'_>,
    ) -> Result<(), Full> {
        match reason {
            //= RFC 9000 §10.2.3: A CONNECTION_CLOSE of type 0x1d MUST be replaced by a CONNECTION_CLOSE of type 0x1c when
            //= sending the frame in Initial or Handshake packets.
            Some(CloseReason::Application { code, reason }) if level == Level::OneRtt => {
                write_application_close(writer, *code, reason)
            }
            Some(CloseReason::Transport(error)) => write_connection_close(
                writer,
                error.code,
                error.frame_type,
                error.reason.as_bytes(),
            ),
            _ => write_connection_close(writer, Code::Application, 0, &[]),
        }
    }
}

impl Connection {
    /// Closes the connection with an error code of the application (RFC 9000 §10.2). What was not sent is not sent any more.
    /// The reason is cut to [`limits::REASON_BYTES`], and left out when there is no memory for it.
    pub fn close(&mut self, now: Instant, code: u64, reason: &[u8]) {
        self.begin_closing(
            now,
            CloseReason::Application {
                code,
                reason: shortened(reason),
            },
        );
    }

    /// Why the connection ended, once it has.
    #[must_use]
    pub const fn close_reason(&self) -> Option<&CloseReason> {
        self.counts.close_reason.as_ref()
    }

    /// The peer broke a rule, or TLS failed.
    pub(super) fn close_with(&mut self, now: Instant, error: PeerError) {
        self.begin_closing(now, CloseReason::Transport(error));
    }

    fn begin_closing(&mut self, now: Instant, reason: CloseReason) {
        self.recovery.trace.at(now);
        if !self.is_open() {
            return;
        }
        //= RFC 9000 §10.2: These states SHOULD persist for at least three times the current PTO interval
        let until = now + self.pto().saturating_mul(3);
        self.state = State::Closing(Closing::new(until));
        self.on_over(reason);
    }

    /// CONNECTION_CLOSE came.
    pub(super) fn on_close(&mut self, now: Instant, reason: CloseReason) {
        match self.state {
            State::Handshaking { .. } | State::Connected { .. } => self.on_over(reason),
            State::Closing(_) => {}
            State::Draining { .. } | State::Gone => return,
        }
        self.state = State::Draining {
            until: now + self.pto().saturating_mul(3),
        };
    }

    /// The connection ends without a word to the peer.
    pub(super) fn abandon(&mut self, reason: CloseReason) {
        if self.is_open() {
            self.on_over(reason);
        }
        self.state = State::Gone;
        self.pending.gone = true;
    }

    fn on_over(&mut self, reason: CloseReason) {
        self.counts.close_reason = Some(reason);
        self.recovery.trace.note(|| What::Over);
        self.pending.closed = true;
        for _ in core::mem::take(&mut self.held.packets) {
            self.drop_packet(Drop::Closed);
        }
        self.probes = [0; 3];
        self.pace_at = None;
        self.ping = false;
    }
}

/// What is kept of a text for people; nothing when there is no memory for it.
fn shortened(reason: &[u8]) -> Vec<u8> {
    memory::copied(reason.get(..limits::REASON_BYTES).unwrap_or(reason)).unwrap_or_default()
}

//! Where handshake messages begin and end: bytes of one level come in, an offence goes out. It keeps four bytes and never a
//! message.

use crate::limits::HANDSHAKE_BYTES;

/// The place in a stream of handshake messages.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    /// The header of the message that is being read: its type and its length in three bytes.
    header: [u8; 4],
    /// How much of `header` is there.
    header_bytes: usize,
    /// What is still to come of the message's body.
    body_bytes: usize,
}

/// What is wrong with a message, as its header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offence {
    /// Longer than [`HANDSHAKE_BYTES`]; so many of the bytes belong to messages before it.
    TooLong(usize),
    /// Of a type that may not come here.
    Forbidden(u8),
}

impl Framing {
    /// Moves over `bytes`; `permits` says which message types may come.
    pub(crate) fn pass(&mut self, bytes: &[u8], permits: fn(u8) -> bool) -> Result<(), Offence> {
        let mut rest = bytes;
        let mut before = 0;
        loop {
            let body = self.body_bytes.min(rest.len());
            self.body_bytes -= body;
            rest = rest.get(body..).unwrap_or_default();
            if self.header_bytes == 0 {
                before = bytes.len() - rest.len();
            }
            let Some((&byte, after)) = rest.split_first() else {
                return Ok(());
            };
            if let Some(place) = self.header.get_mut(self.header_bytes) {
                *place = byte;
            }
            self.header_bytes += 1;
            rest = after;
            let [kind, high, middle, low] = self.header;
            if self.header_bytes == 1 && !permits(kind) {
                return Err(Offence::Forbidden(kind));
            }
            if self.header_bytes == self.header.len() {
                self.header_bytes = 0;
                self.body_bytes = u32::from_be_bytes([0, high, middle, low]) as usize;
                if self.body_bytes > HANDSHAKE_BYTES - self.header.len() {
                    return Err(Offence::TooLong(before));
                }
            }
        }
    }

    /// Whether no message is half read.
    pub(crate) const fn is_between_messages(&self) -> bool {
        self.header_bytes == 0 && self.body_bytes == 0
    }
}

/// Any message; rustls knows which may come when.
pub(crate) const fn any(_kind: u8) -> bool {
    true
}

/// What a client hands on to rustls when the handshake is complete: rustls knows the rules of TLS, and this one is QUIC's.
pub(crate) const fn no_request(kind: u8) -> bool {
    kind != CERTIFICATE_REQUEST
}

/// What may come when the handshake is complete and TLS is put away: tickets for a client, nothing for a server.
pub(crate) const fn ticket(kind: u8) -> bool {
    kind == 4
}

/// Nothing at all.
pub(crate) const fn nothing(_kind: u8) -> bool {
    false
}

/// CertificateRequest (RFC 8446 §4.3.2).
pub(crate) const CERTIFICATE_REQUEST: u8 = 13;

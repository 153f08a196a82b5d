//! What passes between the ends' TLS and concerns the socket: a client's session tickets, and whether its 0-RTT was accepted.
//! Handshake bytes come in; whole tickets, a verdict or an offence go out. Nothing else is understood.

use alloc::vec::Vec;

use inquic_uapi::option::SESSION_TICKET_LEN_MAX;
use inquic_uapi::{QUIC_CRYPTO_APP, QUIC_CRYPTO_EARLY, QUIC_CRYPTO_HANDSHAKE, QUIC_CRYPTO_INITIAL};
use inquic_wire::Level;

use crate::limits;

/// Handshake messages that reach a client after the handshake.
#[derive(Default)]
pub(super) struct Tickets {
    /// The start of a message.
    partial: Vec<u8>,
    /// Bytes of a message that is too long to keep.
    skip: usize,
}

/// A message that came after the handshake.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    /// A NewSessionTicket, whole.
    Ticket(Vec<u8>),
    /// A KeyUpdate, which QUIC does not have.
    KeyUpdate,
    /// A CertificateRequest, which is not allowed then.
    CertificateRequest,
}

impl Tickets {
    /// Takes bytes as they come, of which messages need not begin or end where they do.
    pub(super) fn take(&mut self, mut bytes: &[u8], out: &mut dyn FnMut(After)) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip = self.skip.saturating_sub(skipped);
            bytes = bytes.get(skipped..).unwrap_or_default();
            let wanted = self.wanted().saturating_sub(self.partial.len());
            let (now, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.partial.extend_from_slice(now);
            bytes = rest;
            self.settle(out);
        }
    }

    /// How long the message is that has begun; its header, before that is known.
    fn wanted(&self) -> usize {
        match self.partial.first_chunk() {
            Some([_, high, middle, low]) => {
                let len = u32::from_be_bytes([0, *high, *middle, *low]);
                HEADER.saturating_add(usize::try_from(len).unwrap_or(usize::MAX))
            }
            None => HEADER,
        }
    }

    /// Gives out the message if it is whole, or forgets it if it is not to be kept.
    fn settle(&mut self, out: &mut dyn FnMut(After)) {
        let Some(&[kind, ..]) = self.partial.first_chunk::<HEADER>() else {
            return;
        };
        let wanted = self.wanted();
        match kind {
            KEY_UPDATE => out(After::KeyUpdate),
            CERTIFICATE_REQUEST => out(After::CertificateRequest),
            NEW_SESSION_TICKET if wanted <= SESSION_TICKET_LEN_MAX => {
                if self.partial.len() == wanted {
                    out(After::Ticket(core::mem::take(&mut self.partial)));
                }
                return;
            }
            _ => {}
        }
        self.skip = wanted.saturating_sub(self.partial.len());
        self.partial = Vec::new();
    }
}

/// Whether a server accepts 0-RTT, which its EncryptedExtensions say (RFC 8446 §4.2.10).
#[derive(Default)]
pub(super) struct Verdict {
    /// What came at the Handshake level so far.
    bytes: Vec<u8>,
}

impl Verdict {
    /// The server's handshake messages as the program reads them.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let room = limits::ENCRYPTED_EXTENSIONS.saturating_sub(self.bytes.len());
        let fits = bytes.get(..room).unwrap_or(bytes);
        self.bytes.extend_from_slice(fits);
    }

    /// Whether 0-RTT is accepted. What is not understood counts as no: then everything is sent again, and nothing is lost.
    pub(super) fn is_accepted(&self) -> bool {
        self.find().unwrap_or(false)
    }

    fn find(&self) -> Option<bool> {
        let (&[kind, ..], body) = self.bytes.split_first_chunk::<HEADER>()?;
        let (&len, mut rest) = body.split_first_chunk::<2>()?;
        if kind != ENCRYPTED_EXTENSIONS {
            return None;
        }
        rest = rest.get(..usize::from(u16::from_be_bytes(len)))?;
        while let Some((&extension, after)) = rest.split_first_chunk::<2>() {
            let (&len, after) = after.split_first_chunk::<2>()?;
            if u16::from_be_bytes(extension) == EARLY_DATA {
                return Some(true);
            }
            rest = after.get(usize::from(u16::from_be_bytes(len))..)?;
        }
        Some(false)
    }
}

/// The `QUIC_CRYPTO_*` number of a level.
pub(super) const fn number_of_level(level: Level) -> u8 {
    match level {
        Level::Initial => QUIC_CRYPTO_INITIAL,
        Level::Handshake => QUIC_CRYPTO_HANDSHAKE,
        Level::ZeroRtt => QUIC_CRYPTO_EARLY,
        Level::OneRtt => QUIC_CRYPTO_APP,
    }
}

/// The level of a `QUIC_CRYPTO_*` number.
pub(super) fn level_of(number: u8) -> Option<Level> {
    [
        Level::Initial,
        Level::Handshake,
        Level::ZeroRtt,
        Level::OneRtt,
    ]
    .into_iter()
    .find(|&level| number_of_level(level) == number)
}

/// Bytes of the header of a handshake message (RFC 8446 §4).
const HEADER: usize = 4;
const NEW_SESSION_TICKET: u8 = 4;
const ENCRYPTED_EXTENSIONS: u8 = 8;
const CERTIFICATE_REQUEST: u8 = 13;
const KEY_UPDATE: u8 = 24;
/// The extension of RFC 8446 §4.2.10.
const EARLY_DATA: u16 = 42;

#[cfg(test)]
mod tests;

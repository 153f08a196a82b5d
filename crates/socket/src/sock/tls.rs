//! What passes between the ends' TLS and concerns the socket: a client's session tickets, and whether its 0-RTT was accepted.
//! Handshake bytes come in; whole tickets, a verdict or an offence go out. Nothing else is understood.

use alloc::vec::Vec;

use inquic_platform::memory;
use inquic_uapi::option::SESSION_TICKET_LEN_MAX;
use inquic_uapi::{QUIC_CRYPTO_APP, QUIC_CRYPTO_EARLY, QUIC_CRYPTO_HANDSHAKE, QUIC_CRYPTO_INITIAL};
use inquic_wire::Level;

use crate::limits;

/// Handshake messages that reach a client after the handshake.
#[derive(Default)]
pub(super) struct Tickets {
    /// The start of a message's header, and how much of it.
    header: [u8; HEADER],
    known: usize,
    /// The start of a ticket with its header, in memory for all of it.
    partial: Vec<u8>,
    /// Bytes of the ticket that are missing.
    missing: usize,
    /// Bytes of a message that is not kept.
    skip: usize,
}

/// A message that came after the handshake.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    /// A NewSessionTicket, whole.
    Ticket(Vec<u8>),
    /// A NewSessionTicket for which there is no memory.
    LostTicket,
    /// A KeyUpdate, which QUIC does not have.
    KeyUpdate,
    /// A CertificateRequest, which is not allowed then.
    CertificateRequest,
}

impl Tickets {
    /// Takes bytes from the front of `bytes`, of which messages need not begin or end where they do, until one says something.
    pub(super) fn take(&mut self, bytes: &mut &[u8]) -> Option<After> {
        loop {
            split(bytes, &mut self.skip);
            if bytes.is_empty() {
                return None;
            }
            let told = if self.missing > 0 {
                self.read_ticket(bytes)
            } else {
                self.read_header(bytes)
            };
            if told.is_some() {
                return told;
            }
        }
    }

    /// The header of the next message, and what is to become of it.
    fn read_header(&mut self, bytes: &mut &[u8]) -> Option<After> {
        let mut wanted = HEADER.saturating_sub(self.known);
        let here = split(bytes, &mut wanted);
        for (place, byte) in self.header.iter_mut().skip(self.known).zip(here) {
            *place = *byte;
        }
        self.known = HEADER.saturating_sub(wanted);
        if wanted > 0 {
            return None;
        }
        self.known = 0;
        let [kind, high, middle, low] = self.header;
        let len = u32::from_be_bytes([0, high, middle, low]);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let whole = HEADER.saturating_add(len);
        if kind == NEW_SESSION_TICKET && whole <= SESSION_TICKET_LEN_MAX {
            if self.partial.try_reserve_exact(whole).is_ok() {
                memory::append(&mut self.partial, &self.header);
                self.missing = len;
                return (len == 0).then(|| self.ticket());
            }
            self.skip = len;
            return Some(After::LostTicket);
        }
        self.skip = len;
        match kind {
            KEY_UPDATE => Some(After::KeyUpdate),
            CERTIFICATE_REQUEST => Some(After::CertificateRequest),
            _ => None,
        }
    }

    /// More of a ticket.
    fn read_ticket(&mut self, bytes: &mut &[u8]) -> Option<After> {
        memory::append(&mut self.partial, split(bytes, &mut self.missing));
        (self.missing == 0).then(|| self.ticket())
    }

    fn ticket(&mut self) -> After {
        After::Ticket(core::mem::take(&mut self.partial))
    }
}

/// Takes up to `wanted` bytes from the front of `bytes`; what is wanted then is what was not there.
fn split<'a>(bytes: &mut &'a [u8], wanted: &mut usize) -> &'a [u8] {
    let (here, rest) = bytes.split_at(bytes.len().min(*wanted));
    *wanted = wanted.saturating_sub(here.len());
    *bytes = rest;
    here
}

/// Whether a server accepts 0-RTT, which its EncryptedExtensions say (RFC 8446 §4.2.10).
#[derive(Default)]
pub(super) struct Verdict {
    /// What came at the Handshake level so far.
    bytes: Vec<u8>,
    /// Whether some of it could not be kept.
    lost: bool,
}

impl Verdict {
    /// The server's handshake messages as the program reads them.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let room = limits::ENCRYPTED_EXTENSIONS.saturating_sub(self.bytes.len());
        let fits = bytes.get(..room).unwrap_or(bytes);
        if self.lost || !memory::appended(&mut self.bytes, fits) {
            self.lost = true;
            self.bytes = Vec::new();
        }
    }

    /// Whether 0-RTT is accepted. What is not understood, or was not kept, counts as no: then everything is sent again, and
    /// nothing is lost.
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

//! The hello of a client that nobody's connection is yet: raw datagrams in, the ClientHello in them out, as soon as it is whole. It
//! reads copies; the datagrams themselves are kept as they came, for whoever gets the client. What is not authentic changes
//! nothing, and nothing is parsed before it is contiguous.

use alloc::vec::Vec;

use inquic_platform::crypto::MASK_LEN;
use inquic_platform::{Instant, KeySide, OpenJob, Platform, memory};
use inquic_wire::frame::Frames;
use inquic_wire::{
    ClientHello, Code, Frame, Header, Level, LongKind, Offer, PeerError, Role, decode_packet_number,
};

use super::Incoming;
use super::owners::UNREADABLE;
use crate::handshake::CryptoReceive;
use crate::limits;
use crate::protect::{self, DirectionKeys};

/// A datagram that waits for its connection.
#[derive(Debug, PartialEq, Eq)]
pub struct HeldDatagram {
    /// When it came.
    pub at: Instant,
    /// The two ECN bits of its IP header.
    pub ecn: u8,
    /// The datagram as it came, still protected.
    pub bytes: Vec<u8>,
}

/// What is known of a client's hello.
pub(super) struct Hello {
    /// Who the client is, as its first Initial showed it.
    pub(super) incoming: Incoming,
    keys: DirectionKeys,
    largest: Option<u64>,
    crypto: CryptoReceive,
}

/// What a datagram brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Brought {
    /// No packet that could be opened, or nothing that is not known: the datagram is of no use.
    Nothing,
    /// A part of the hello.
    Part,
    /// The rest of it: [`Hello::offer`] has it.
    Whole,
    /// The client gave up.
    Closed,
    /// Something that no client says.
    Offence(PeerError),
}

impl Hello {
    /// The hello of a client that was let in, of which nothing was read. `None` when the home cannot make its keys.
    pub(super) fn new(platform: &dyn Platform, incoming: Incoming) -> Option<Self> {
        let (version, id) = (incoming.client.version, &incoming.client.dcid);
        let keys =
            protect::initial_half(platform, version, Role::Server, KeySide::Open, id).ok()?;
        Some(Self {
            incoming,
            keys,
            largest: None,
            crypto: CryptoReceive::default(),
        })
    }

    /// Reads the Initial packets of a datagram. `scratch` is where they are opened.
    pub(super) fn read(&mut self, datagram: &[u8], scratch: &mut Vec<u8>) -> Brought {
        scratch.clear();
        if scratch.try_reserve(datagram.len()).is_err() {
            return Brought::Nothing;
        }
        memory::append(scratch, datagram);
        let before = self.crypto.held_bytes();
        let mut rest = scratch.as_mut_slice();
        while let Ok(Header::Long {
            kind,
            version,
            dcid,
            number_at,
            end,
            ..
        }) = Header::parse_greased(rest, limits::LOCAL_CID_LEN)
        {
            let Some((packet, behind)) = rest.split_at_mut_checked(end) else {
                break;
            };
            let is_ours =
                version == self.incoming.client.version && dcid == self.incoming.client.dcid;
            if kind == LongKind::Initial && is_ours {
                match self.read_packet(packet, number_at) {
                    Ok(()) => {}
                    Err(Stop::Closed) => return Brought::Closed,
                    Err(Stop::Offence(offence)) => return Brought::Offence(offence),
                }
            }
            rest = behind;
        }
        if self.crypto.held_bytes() == before {
            return Brought::Nothing;
        }
        self.judge()
    }

    /// The hello, once it is whole.
    pub(super) fn offer(&self) -> Option<Offer<'_>> {
        match ClientHello::look(self.crypto.prefix()) {
            ClientHello::Whole(offer) => Some(offer),
            ClientHello::Part | ClientHello::Other => None,
        }
    }

    fn judge(&self) -> Brought {
        let prefix = self.crypto.prefix();
        match ClientHello::look(prefix) {
            ClientHello::Whole(_) => Brought::Whole,
            ClientHello::Other => Brought::Offence(UNREADABLE),
            ClientHello::Part
                if ClientHello::announced(prefix).is_some_and(|len| len > limits::HELLO_BYTES) =>
            {
                Brought::Offence(TOO_LONG)
            }
            ClientHello::Part => Brought::Part,
        }
    }

    /// Opens a packet in place and reads its frames. A packet that is not authentic is passed over.
    fn read_packet(&mut self, packet: &mut [u8], number_at: usize) -> Result<(), Stop> {
        let Some(job) = self.open(packet, number_at) else {
            return Ok(());
        };
        self.largest = self.largest.max(Some(job.packet_number));
        let payload = packet.get(job.payload()).unwrap_or_default();
        for frame in Frames::new(payload, Level::Initial, Role::Server) {
            match frame.map_err(Stop::Offence)? {
                Frame::Crypto { offset, data } => {
                    let end = offset.saturating_add(data.len() as u64);
                    if end > limits::HELLO_BYTES as u64 {
                        return Err(Stop::Offence(TOO_LONG));
                    }
                    // Where there is no memory, the client sends it again.
                    self.crypto
                        .on_crypto(offset, data, usize::MAX)
                        .map_err(Stop::Offence)?;
                }
                Frame::ConnectionClose { .. } | Frame::ApplicationClose { .. } => {
                    return Err(Stop::Closed);
                }
                // Nothing was sent that could be acknowledged.
                Frame::Ack(_) => return Err(Stop::Offence(FORESEEING)),
                // PADDING and PING: the table of frames lets no other into an Initial packet.
                _ => {}
            }
        }
        Ok(())
    }

    fn open(&self, packet: &mut [u8], number_at: usize) -> Option<OpenJob> {
        let sample = protect::sample_at(packet, number_at)?;
        let mut masks = [[0; MASK_LEN]];
        self.keys.header.masks(&[sample], &mut masks);
        let [mask] = masks;
        let unmasked = protect::unmask(packet, 0, number_at, &mask)?;
        let number = decode_packet_number(self.largest, unmasked.truncated, unmasked.number_len);
        let mut job = OpenJob {
            start: 0,
            payload_at: number_at.saturating_add(unmasked.number_len),
            end: packet.len(),
            packet_number: number,
            opened: false,
        };
        protect::open_one(&*self.keys.packet, packet, &mut job).then_some(job)
    }
}

impl HeldDatagram {
    /// A copy of what came; `None` when there is no memory for it.
    pub(super) fn new(at: Instant, ecn: u8, bytes: &[u8]) -> Option<Self> {
        let bytes = memory::copied(bytes)?;
        Some(Self { at, ecn, bytes })
    }
}

/// Why nothing more of a client is read.
enum Stop {
    Closed,
    Offence(PeerError),
}

const TOO_LONG: PeerError = PeerError::new(
    Code::CryptoBufferExceeded,
    "the ClientHello is longer than is read",
);
const FORESEEING: PeerError =
    PeerError::new(Code::ProtocolViolation, "acknowledges what was never sent");

#[cfg(test)]
mod tests;

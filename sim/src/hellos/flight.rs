//! A client's first flight: a hello in, Initial packets of version 1 or 2 out, cut the way that different stacks cut. Packets can
//! be opened by anybody who sees the first.

use inquic_platform::crypto::TAG_LEN;
use inquic_platform::{KeySide, Platform};
use inquic_wire::frame::{Frames, write_crypto, write_padding, write_ping};
use inquic_wire::{
    ConnectionId, Frame, Header, Level, LongKind, Role, Version, Writer, write_long,
};

use crate::Rng;
use crate::keys::Keys;

/// How a hello is cut into CRYPTO frames and packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// From front to back, each packet full.
    Plain,
    /// Chrome's chaos protection: many pieces in any order, PING and PADDING between them.
    Chaos,
    /// quic-go: a few pieces, cut inside the server name and the encrypted hello, in any order over all packets.
    Scrambled,
    /// From back to front, each piece overlapping the next.
    Overlapping,
}

impl Cut {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Chaos, Self::Scrambled, Self::Overlapping];
}

/// Seals a client's Initial packets, and opens those that come back.
pub struct Sealer {
    version: Version,
    /// The destination id of its packets.
    pub dcid: ConnectionId,
    /// Its own id.
    pub scid: ConnectionId,
    /// Of a Retry packet.
    pub token: Vec<u8>,
    /// The next packet number.
    pub number: u64,
    ours: Keys,
    theirs: Keys,
}

/// A piece of a hello: where it begins, and how long it is.
type Piece = (usize, usize);

impl Sealer {
    /// For a client that begins with the id `dcid`.
    #[must_use]
    pub fn new(
        platform: &dyn Platform,
        version: Version,
        dcid: ConnectionId,
        scid: ConnectionId,
    ) -> Self {
        Self {
            version,
            dcid,
            scid,
            token: Vec::new(),
            number: 0,
            ours: Keys::initial(platform, version, Role::Client, KeySide::Seal, &dcid),
            theirs: Keys::initial(platform, version, Role::Server, KeySide::Open, &dcid),
        }
    }

    /// Goes on as a Retry packet asks.
    pub fn follow_retry(&mut self, platform: &dyn Platform, dcid: ConnectionId, token: &[u8]) {
        let number = self.number;
        *self = Self::new(platform, self.version, dcid, self.scid);
        self.token = token.to_vec();
        self.number = number;
    }

    /// A packet of this kind with these frames, sealed with the Initial keys whatever its kind.
    ///
    /// # Panics
    ///
    /// When it does not fit a datagram.
    pub fn packet(&mut self, kind: LongKind, frames: &[u8]) -> Vec<u8> {
        let mut buffer = vec![0; frames.len() + self.token.len() + 100];
        let mut writer = Writer::new(&mut buffer);
        let token = if kind == LongKind::Initial {
            &self.token[..]
        } else {
            &[]
        };
        let (number, version) = (self.number, self.version);
        self.number += 1;
        let ids = (&self.dcid, &self.scid);
        let plan = write_long(&mut writer, kind, version, ids.0, ids.1, token, number, 2);
        let plan = plan.expect("room");
        writer.bytes(frames).expect("room");
        let end = writer.position() + TAG_LEN;
        let length = u16::try_from(end - plan.number_at).expect("short") | 0x4000;
        buffer[plan.length_at..plan.length_at + 2].copy_from_slice(&length.to_be_bytes());
        buffer.truncate(end);
        self.ours
            .seal(&mut buffer, plan.number_at..plan.payload_at, number);
        buffer
    }

    /// The code of the CONNECTION_CLOSE in an Initial packet that came back.
    #[must_use]
    pub fn close_code(&self, datagram: &[u8]) -> Option<u64> {
        let Ok(Header::Long {
            kind: LongKind::Initial,
            number_at,
            end,
            ..
        }) = Header::parse(datagram, 8)
        else {
            return None;
        };
        let mut packet = datagram[..end].to_vec();
        let (_, payload) = self.theirs.open(&mut packet, number_at, None)?;
        let payload = packet.get(payload)?;
        Frames::new(payload, Level::Initial, Role::Client).find_map(|frame| match frame {
            Ok(Frame::ConnectionClose { code, .. }) => Some(code.to_u64()),
            _ => None,
        })
    }
}

/// The payloads of the Initial packets that carry `hello`, in the order in which they are sent. `room` is what a packet takes.
#[must_use]
pub fn cut(rng: &mut Rng, how: Cut, hello: &[u8], room: usize) -> Vec<Vec<u8>> {
    let pieces = pieces(rng, how, hello.len(), room);
    let mut payloads = vec![Vec::new()];
    for (at, len) in pieces {
        let data = &hello[at..at + len];
        let mut frame = vec![0; len + 12];
        let mut writer = Writer::new(&mut frame);
        let written =
            write_crypto(&mut writer, at as u64, len).map(|place| place.copy_from_slice(data));
        written.expect("room");
        if how == Cut::Chaos {
            match rng.below(4) {
                0 => write_ping(&mut writer).expect("room"),
                1 => write_padding(&mut writer, 1 + rng.below(3) as usize).expect("room"),
                _ => {}
            }
        }
        let end = writer.position();
        let payload = payloads.last_mut().expect("there is one");
        if payload.len() + end > room {
            payloads.push(frame[..end].to_vec());
        } else {
            payload.extend_from_slice(&frame[..end]);
        }
    }
    for payload in &mut payloads {
        payload.resize(room, 0);
    }
    payloads
}

fn pieces(rng: &mut Rng, how: Cut, len: usize, room: usize) -> Vec<Piece> {
    let most = room - 12;
    match how {
        Cut::Plain => even(len, most),
        Cut::Chaos => {
            let mut pieces = uneven(rng, len, 2, 250);
            rng.shuffle(&mut pieces);
            pieces
        }
        Cut::Scrambled => {
            let mut pieces = uneven(rng, len, 40, 700.min(most as u64));
            rng.shuffle(&mut pieces);
            pieces
        }
        Cut::Overlapping => {
            let mut pieces = even(len, most.min(400));
            for (at, piece) in &mut pieces {
                let more = rng.below(60) as usize;
                *piece = (*piece + more).min(len - *at);
            }
            pieces.reverse();
            pieces
        }
    }
}

fn even(len: usize, most: usize) -> Vec<Piece> {
    let starts = (0..len).step_by(most);
    starts.map(|at| (at, most.min(len - at))).collect()
}

fn uneven(rng: &mut Rng, len: usize, least: usize, more: u64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < len {
        let piece = (least + rng.below(more) as usize).min(len - at);
        pieces.push((at, piece));
        at += piece;
    }
    pieces
}

//! A peer that keeps no rule: frames of a test's choice come in, authentic packets go out. It knows the secrets of [`Hello`] and
//! takes part in a handshake of its own making; what it receives it only opens, for the test to look at.

use std::sync::Arc;

use inquic_platform::crypto::TAG_LEN;
use inquic_platform::{CipherSuite, KeySide, NoTails, Platform, SealJob, Tail};
use inquic_wire::frame::write_crypto;
use inquic_wire::{
    ConnectionId, Full, Header, Level, LongKind, Role, TransportParameters, Version, Writer,
    write_long, write_retry_pseudo_packet, write_short,
};

use crate::hello;
use crate::keys::{self, Keys};

/// One end of a connection in the hands of a test.
pub struct Attacker {
    platform: Arc<dyn Platform>,
    suite: CipherSuite,
    role: Role,
    /// The destination id of its packets.
    pub dcid: ConnectionId,
    /// The source id of its packets, which the victim sends to.
    pub scid: ConnectionId,
    /// Goes into its Initial packets.
    pub token: Vec<u8>,
    /// The next packet number at each level.
    pub numbers: [u64; 4],
    /// Bytes of its packet numbers on the wire.
    pub number_len: usize,
    /// The key phase bit of its 1-RTT packets.
    pub phase: bool,
    largest: [Option<u64>; 4],
    keys: [Option<LevelKeys>; 4],
    secrets: [Vec<u8>; 2],
}

/// A packet of the victim, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its level.
    pub level: Level,
    /// Its number.
    pub number: u64,
    /// Its frames.
    pub payload: Vec<u8>,
    /// Bytes of the datagram that it came in.
    pub datagram: usize,
}

/// Bits of the first byte that only an attacker sets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bits {
    /// Flipped in the first byte before it is protected.
    pub flipped: u8,
}

struct LevelKeys {
    seal: Keys,
    open: Keys,
}

impl Attacker {
    /// An attacker in the place of `role`. `original_id` is the destination id of the client's first packet.
    #[must_use]
    pub fn new(
        platform: Arc<dyn Platform>,
        suite: CipherSuite,
        role: Role,
        original_id: ConnectionId,
        scid: ConnectionId,
    ) -> Self {
        let secret = |sender| hello::secret(sender, Level::OneRtt, suite);
        let mut attacker = Self {
            platform,
            suite,
            role,
            dcid: original_id,
            scid,
            token: Vec::new(),
            numbers: [0; 4],
            number_len: 4,
            phase: false,
            largest: [None; 4],
            keys: [None, None, None, None],
            secrets: [secret(role), secret(role.peer())],
        };
        attacker.set_initial_id(&original_id);
        for level in [Level::ZeroRtt, Level::Handshake, Level::OneRtt] {
            attacker.keys[level.index()] = Some(attacker.level_keys(level));
        }
        attacker
    }

    /// Takes Initial keys from another destination id, as after a Retry.
    pub fn set_initial_id(&mut self, id: &ConnectionId) {
        let keys = |sender, side| Keys::initial(&*self.platform, Version::V1, sender, side, id);
        let keys = LevelKeys {
            seal: keys(self.role, KeySide::Seal),
            open: keys(self.role.peer(), KeySide::Open),
        };
        self.keys[Level::Initial.index()] = Some(keys);
    }

    /// Goes to the next 1-RTT keys to send with, and turns the key phase.
    pub fn update_keys(&mut self) {
        let (platform, suite) = (&*self.platform, self.suite);
        for secret in &mut self.secrets {
            *secret = keys::expand(platform, suite, secret, b"quic ku", suite.hash_len());
        }
        self.phase = !self.phase;
        let [ours, theirs] = &self.secrets;
        if let Some(keys) = &mut self.keys[Level::OneRtt.index()] {
            let version = Version::V1;
            keys.seal
                .update(platform, version, suite, KeySide::Seal, ours);
            keys.open
                .update(platform, version, suite, KeySide::Open, theirs);
        }
    }

    /// A whole packet of `level` with these frames and the next number.
    pub fn packet(&mut self, level: Level, frames: &[u8]) -> Vec<u8> {
        let number = self.numbers[level.index()];
        self.numbers[level.index()] = number + 1;
        self.packet_with(level, number, Bits::default(), frames)
    }

    /// A whole packet of `level` with this number, these bits and these frames.
    ///
    /// # Panics
    ///
    /// When it does not fit 16 KiB.
    #[must_use]
    pub fn packet_with(&self, level: Level, number: u64, bits: Bits, frames: &[u8]) -> Vec<u8> {
        let mut buffer = vec![0; frames.len() + self.token.len() + 100];
        let mut writer = Writer::new(&mut buffer);
        let kind = match level {
            Level::Initial => Some(LongKind::Initial),
            Level::ZeroRtt => Some(LongKind::ZeroRtt),
            Level::Handshake => Some(LongKind::Handshake),
            Level::OneRtt => None,
        };
        let token = if level == Level::Initial {
            &self.token[..]
        } else {
            &[]
        };
        let len = self.number_len;
        let (number_at, payload_at, length_at) = if let Some(kind) = kind {
            let ids = (&self.dcid, &self.scid);
            let plan = write_long(
                &mut writer,
                kind,
                Version::V1,
                ids.0,
                ids.1,
                token,
                number,
                len,
            );
            let plan = plan.expect("room");
            (plan.number_at, plan.payload_at, Some(plan.length_at))
        } else {
            let plan = write_short(&mut writer, &self.dcid, false, self.phase, number, len);
            let plan = plan.expect("room");
            (plan.number_at, plan.payload_at, None)
        };
        writer.bytes(frames).expect("room");
        let end = writer.position() + TAG_LEN;
        if let Some(at) = length_at {
            let length = u16::try_from(end - number_at).expect("short") | 0x4000;
            buffer[at..at + 2].copy_from_slice(&length.to_be_bytes());
        }
        buffer.truncate(end);
        buffer[0] ^= bits.flipped;
        let keys = &self.keys(level).seal;
        keys.seal(&mut buffer, number_at..payload_at, number);
        buffer
    }

    /// An Initial packet padded so that it fills a datagram of 1,200 bytes.
    pub fn initial(&mut self, frames: &[u8]) -> Vec<u8> {
        let mut padded = frames.to_vec();
        let overhead =
            1 + 4 + 1 + self.dcid.len() + 1 + self.scid.len() + self.token.len() + 4 + 4 + TAG_LEN;
        padded.resize(frames.len().max(1_205 - overhead), 0);
        self.packet(Level::Initial, &padded)
    }

    /// A Retry packet from `scid` for the client's first packet to `original_id`, with a true tag. `unused` are the low six
    /// bits of its first byte, of which the upper two say that it is a Retry packet.
    ///
    /// # Panics
    ///
    /// When the token does not fit a datagram.
    #[must_use]
    pub fn retry(
        &self,
        original_id: &ConnectionId,
        dcid: &ConnectionId,
        scid: &ConnectionId,
        token: &[u8],
        unused: u8,
    ) -> Vec<u8> {
        let mut packet = vec![0xc0 | unused, 0, 0, 0, 1];
        for id in [dcid, scid] {
            packet.push(id.len() as u8);
            packet.extend_from_slice(id);
        }
        packet.extend_from_slice(token);
        let mut pseudo = vec![0; 1 + original_id.len() + packet.len() + TAG_LEN];
        let mut writer = Writer::new(&mut pseudo);
        write_retry_pseudo_packet(&mut writer, original_id, &packet).expect("room");
        let payload_at = writer.position();
        let end = pseudo.len();
        let job = SealJob {
            start: 0,
            number_at: payload_at,
            payload_at,
            end,
            packet_number: 0,
            tail: Tail::NONE,
        };
        let suite = CipherSuite::Aes128GcmSha256;
        let key = self
            .platform
            .packet_key(suite, KeySide::Seal, &RETRY_KEY, &RETRY_NONCE)
            .expect("of the right length");
        key.seal(&mut pseudo, &[job], &NoTails)
            .expect("the tag lies in the buffer");
        packet.extend_from_slice(&pseudo[payload_at..]);
        packet
    }

    /// Opens what can be opened of a datagram of the victim.
    pub fn open(&mut self, datagram: &[u8]) -> Vec<Opened> {
        let whole = datagram.len();
        let mut bytes = datagram.to_vec();
        let mut rest = &mut bytes[..];
        let mut opened = Vec::new();
        while let Ok(header) = Header::parse(rest, self.scid.len()) {
            let (level, number_at, end) = match header {
                Header::Long {
                    kind,
                    number_at,
                    end,
                    ..
                } => (kind.level(), number_at, end),
                // To an id that the attacker issued, it may be of any length.
                Header::Short { dcid, .. } if dcid != self.scid => break,
                Header::Short { number_at, end, .. } => (Level::OneRtt, number_at, end),
                _ => break,
            };
            let (packet, others) = rest.split_at_mut(end);
            rest = others;
            opened.extend(self.open_packet(level, packet, number_at, whole));
        }
        opened
    }

    fn open_packet(
        &mut self,
        level: Level,
        packet: &mut [u8],
        number_at: usize,
        datagram: usize,
    ) -> Option<Opened> {
        let keys = &self.keys[level.index()].as_ref()?.open;
        let (number, payload) = keys.open(packet, number_at, self.largest[level.index()])?;
        self.largest[level.index()] = self.largest[level.index()].max(Some(number));
        Some(Opened {
            level,
            number,
            payload: packet[payload].to_vec(),
            datagram,
        })
    }

    /// The transport parameters of an honest peer.
    #[must_use]
    pub fn parameters(&self) -> TransportParameters {
        TransportParameters {
            initial_source_connection_id: Some(self.scid),
            initial_max_data: 1 << 20,
            initial_max_stream_data_bidi_local: 1 << 18,
            initial_max_stream_data_bidi_remote: 1 << 18,
            initial_max_stream_data_uni: 1 << 18,
            initial_max_streams_bidi: 100,
            initial_max_streams_uni: 100,
            active_connection_id_limit: 7,
            ..TransportParameters::default()
        }
    }

    /// A CRYPTO frame with the message that [`crate::Hello`] waits for next: transport parameters, and padding.
    ///
    /// # Panics
    ///
    /// When the parameters do not fit 512 bytes.
    #[must_use]
    pub fn message(parameters: Option<&TransportParameters>, padding: usize) -> Vec<u8> {
        frames(|writer| {
            let message = hello::message(parameters, padding);
            write_crypto(writer, 0, message.len())?.copy_from_slice(&message);
            Ok(())
        })
    }

    fn keys(&self, level: Level) -> &LevelKeys {
        self.keys[level.index()]
            .as_ref()
            .expect("keys of every level but 0-RTT")
    }

    fn level_keys(&self, level: Level) -> LevelKeys {
        let keys = |sender, side| {
            let secret = hello::secret(sender, level, self.suite);
            Keys::of(&*self.platform, Version::V1, self.suite, side, &secret)
        };
        LevelKeys {
            seal: keys(self.role, KeySide::Seal),
            open: keys(self.role.peer(), KeySide::Open),
        }
    }
}

/// Frames as `write` writes them.
///
/// # Panics
///
/// When they do not fit 64 KiB.
pub fn frames(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer).expect("room");
    let len = writer.position();
    buffer.truncate(len);
    buffer
}

/// The key and the nonce of the tag of Retry packets (RFC 9001 §5.8).
const RETRY_KEY: [u8; 16] = [
    0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e,
];
const RETRY_NONCE: [u8; 12] = [
    0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb,
];

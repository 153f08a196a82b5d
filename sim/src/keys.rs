//! Packet protection for peers that tests play by hand: secrets in, packets sealed and opened in place out (RFC 9001 §5). It shares
//! no code with the engine's, so that the two cannot be wrong alike.

use std::ops::Range;

use inquic_platform::crypto::{HASH_LEN_MAX, MASK_LEN, SAMPLE_LEN};
use inquic_platform::{
    CipherSuite, HeaderKey, KeySide, NoTails, OpenJob, PacketKey, Platform, SealJob, Tail,
};
use inquic_wire::{ConnectionId, Role, Version, decode_packet_number};

/// The keys of one direction at one level.
pub(crate) struct Keys {
    packet: Box<dyn PacketKey>,
    header: Box<dyn HeaderKey>,
}

impl Keys {
    /// Those of Initial packets that `sender` sends, when `id` is the destination of the client's first packet.
    pub(crate) fn initial(
        platform: &dyn Platform,
        version: Version,
        sender: Role,
        side: KeySide,
        id: &ConnectionId,
    ) -> Self {
        let suite = CipherSuite::Aes128GcmSha256;
        let salt = if version == Version::V2 {
            &SALT_2
        } else {
            &SALT_1
        };
        let initial = hmac(platform, suite, salt, &[id]);
        let label: &[u8] = match sender {
            Role::Client => b"client in",
            Role::Server => b"server in",
        };
        let secret = expand(platform, suite, &initial, label, suite.hash_len());
        Self::of(platform, version, suite, side, &secret)
    }

    /// Those that follow from a traffic secret.
    pub(crate) fn of(
        platform: &dyn Platform,
        version: Version,
        suite: CipherSuite,
        side: KeySide,
        secret: &[u8],
    ) -> Self {
        let [.., label] = labels(version);
        let header = expand(platform, suite, secret, label, suite.key_len());
        Self {
            packet: packet_key(platform, version, suite, side, secret),
            header: platform
                .header_key(suite, &header)
                .expect("of the right length"),
        }
    }

    /// The same after a key update: header protection stays as it was.
    pub(crate) fn update(
        &mut self,
        platform: &dyn Platform,
        version: Version,
        suite: CipherSuite,
        side: KeySide,
        secret: &[u8],
    ) {
        self.packet = packet_key(platform, version, suite, side, secret);
    }

    /// Seals a packet, which has room for the tag at its end.
    pub(crate) fn seal(&self, packet: &mut [u8], numbers: Range<usize>, number: u64) {
        let job = SealJob {
            start: 0,
            number_at: numbers.start,
            payload_at: numbers.end,
            end: packet.len(),
            packet_number: number,
            tail: Tail::NONE,
        };
        self.packet
            .seal(packet, &[job], &NoTails)
            .expect("the packet lies in the buffer");
        let [first, rest @ ..] = self.mask(packet, numbers.start).expect("long enough");
        packet[0] ^= first & hidden(packet[0]);
        for (byte, mask) in packet[numbers].iter_mut().zip(rest) {
            *byte ^= mask;
        }
    }

    /// Opens a packet: its number, of which `largest` was the last, and where its payload is.
    pub(crate) fn open(
        &self,
        packet: &mut [u8],
        number_at: usize,
        largest: Option<u64>,
    ) -> Option<(u64, Range<usize>)> {
        let [first, rest @ ..] = self.mask(packet, number_at)?;
        packet[0] ^= first & hidden(packet[0]);
        let len = usize::from(packet[0] & 3) + 1;
        let mut truncated = 0;
        for (byte, mask) in packet[number_at..][..len].iter_mut().zip(rest) {
            *byte ^= mask;
            truncated = truncated << 8 | u64::from(*byte);
        }
        let number = decode_packet_number(largest, truncated, len);
        let mut job = OpenJob {
            start: 0,
            payload_at: number_at + len,
            end: packet.len(),
            packet_number: number,
            opened: false,
        };
        self.packet.open(packet, std::slice::from_mut(&mut job));
        job.opened.then(|| (number, job.payload()))
    }

    fn mask(&self, packet: &[u8], number_at: usize) -> Option<[u8; MASK_LEN]> {
        let sample: &[u8; SAMPLE_LEN] = packet.get(number_at + 4..)?.first_chunk()?;
        let mut masks = [[0; MASK_LEN]];
        self.header.masks(&[*sample], &mut masks);
        let [mask] = masks;
        Some(mask)
    }
}

fn packet_key(
    platform: &dyn Platform,
    version: Version,
    suite: CipherSuite,
    side: KeySide,
    secret: &[u8],
) -> Box<dyn PacketKey> {
    let [key, iv, _] = labels(version);
    let key = expand(platform, suite, secret, key, suite.key_len());
    let iv = expand(platform, suite, secret, iv, 12);
    let iv = iv.first_chunk().expect("twelve bytes");
    platform
        .packet_key(suite, side, &key, iv)
        .expect("of the right length")
}

/// HKDF-Expand-Label of at most one block (RFC 9001 §5.1).
pub(crate) fn expand(
    platform: &dyn Platform,
    suite: CipherSuite,
    secret: &[u8],
    label: &[u8],
    len: usize,
) -> Vec<u8> {
    let mut info = vec![0, len as u8, label.len() as u8 + 6];
    info.extend_from_slice(b"tls13 ");
    info.extend_from_slice(label);
    info.push(0);
    let mut out = hmac(platform, suite, secret, &[&info, &[1]]);
    out.truncate(len);
    out
}

fn hmac(platform: &dyn Platform, suite: CipherSuite, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut out = [0; HASH_LEN_MAX];
    let len = platform.hmac(suite, key, parts, &mut out);
    out[..len].to_vec()
}

/// The labels of a key, an IV and a header protection key (RFC 9001 §5.1, RFC 9369 §3.3.2).
fn labels(version: Version) -> [&'static [u8]; 3] {
    if version == Version::V2 {
        [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"]
    } else {
        [b"quic key", b"quic iv", b"quic hp"]
    }
}

/// The bits of the first byte that header protection hides.
const fn hidden(first: u8) -> u8 {
    if first & 0x80 == 0 { 0x1f } else { 0x0f }
}

/// The salt of Initial secrets (RFC 9001 §5.2).
const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];
/// The same of version 2 (RFC 9369 §3.3.1).
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
];

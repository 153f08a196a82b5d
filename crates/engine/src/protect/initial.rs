//! What everybody who sees the first datagram can compute: Initial keys and the tag of a Retry packet (RFC 9001 §5.2, §5.8).

use inquic_platform::crypto::{IV_LEN, TAG_LEN};
use inquic_platform::{CipherSuite, CryptoError, KeySide, Platform, SealJob};
use inquic_wire::{ConnectionId, Role};

use super::{DirectionKeys, LevelKeys, schedule};

/// Keys of the Initial level for one role, from the destination id of the client's first Initial.
pub(crate) fn initial_keys(
    platform: &dyn Platform,
    role: Role,
    dcid: &ConnectionId,
) -> Result<LevelKeys, CryptoError> {
    let initial = schedule::extract(platform, SUITE, &SALT_V1, dcid);
    let (ours, theirs) = match role {
        Role::Client => (CLIENT, SERVER),
        Role::Server => (SERVER, CLIENT),
    };
    let direction = |side, label| {
        let secret = schedule::derive_secret(platform, SUITE, &initial, label);
        DirectionKeys::derive(platform, SUITE, side, &secret)
    };
    Ok(LevelKeys {
        seal: Some(direction(KeySide::Seal, ours)?),
        open: Some(direction(KeySide::Open, theirs)?),
    })
}

/// The integrity tag of a Retry packet, over its pseudo-packet.
pub(crate) fn retry_tag(
    platform: &dyn Platform,
    pseudo_packet: &[u8],
) -> Result<[u8; TAG_LEN], CryptoError> {
    let key = platform.packet_key(SUITE, KeySide::Seal, &RETRY_KEY_V1, &RETRY_NONCE_V1)?;
    let mut buffer = alloc::vec![0; pseudo_packet.len().saturating_add(TAG_LEN)];
    let (packet, _) = buffer.split_at_mut(pseudo_packet.len());
    packet.copy_from_slice(pseudo_packet);
    let job = SealJob {
        start: 0,
        number_at: pseudo_packet.len(),
        payload_at: pseudo_packet.len(),
        end: buffer.len(),
        packet_number: 0,
    };
    key.seal(&mut buffer, &[job])?;
    buffer.last_chunk().copied().ok_or(CryptoError::Misuse)
}

const SUITE: CipherSuite = CipherSuite::Aes128GcmSha256;
const CLIENT: &[u8] = b"client in";
const SERVER: &[u8] = b"server in";
const SALT_V1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];
const RETRY_KEY_V1: [u8; 16] = [
    0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e,
];
const RETRY_NONCE_V1: [u8; IV_LEN] = [
    0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb,
];

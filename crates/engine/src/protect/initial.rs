//! What everybody who sees the first datagram can compute: Initial keys and the tag of a Retry packet (RFC 9001 §5.2, §5.8;
//! RFC 9369 §3.3 for version 2).

use inquic_platform::crypto::{IV_LEN, TAG_LEN};
use inquic_platform::{
    CipherSuite, CryptoError, KeySide, NoMemory, NoTails, Platform, SealJob, Tail, memory,
};
use inquic_wire::{ConnectionId, Role, Version, Writer, write_retry_pseudo_packet};

use super::{DirectionKeys, LevelKeys, schedule};
use crate::endpoint::ConnectError;

/// Keys of the Initial level for one role, from the destination id of the client's first Initial.
pub(crate) fn initial_keys(
    platform: &dyn Platform,
    version: Version,
    role: Role,
    dcid: &ConnectionId,
) -> Result<LevelKeys, CryptoError> {
    Ok(LevelKeys {
        seal: Some(initial_half(platform, version, role, KeySide::Seal, dcid)?),
        open: Some(initial_half(platform, version, role, KeySide::Open, dcid)?),
    })
}

/// Those of one direction: a server that has not opened anything yet needs no others.
pub(crate) fn initial_half(
    platform: &dyn Platform,
    version: Version,
    role: Role,
    side: KeySide,
    dcid: &ConnectionId,
) -> Result<DirectionKeys, CryptoError> {
    let initial = schedule::extract(platform, SUITE, &public_keys(version).salt, dcid);
    let label = match (role, side) {
        (Role::Client, KeySide::Seal) | (Role::Server, KeySide::Open) => CLIENT,
        (Role::Client, KeySide::Open) | (Role::Server, KeySide::Seal) => SERVER,
    };
    let secret = schedule::derive_secret(platform, SUITE, &initial, label);
    DirectionKeys::derive(platform, version, SUITE, side, &secret)
}

/// The integrity tag of a Retry packet, which answers a packet to `original_dcid`; `retry` is the packet without it.
pub(crate) fn retry_tag(
    platform: &dyn Platform,
    version: Version,
    original_dcid: &ConnectionId,
    retry: &[u8],
) -> Result<[u8; TAG_LEN], ConnectError> {
    let Public {
        retry_key,
        retry_nonce,
        ..
    } = public_keys(version);
    let key = platform.packet_key(SUITE, KeySide::Seal, retry_key, retry_nonce)?;
    let len = retry.len().saturating_add(original_dcid.len());
    let end = len.saturating_add(1).saturating_add(TAG_LEN);
    let mut buffer = memory::zeroed(end).ok_or(NoMemory)?;
    let mut writer = Writer::new(&mut buffer);
    let written = write_retry_pseudo_packet(&mut writer, original_dcid, retry);
    written.map_err(|_| CryptoError::Misuse)?;
    let payload_at = writer.position();
    let job = SealJob {
        start: 0,
        number_at: payload_at,
        payload_at,
        end,
        packet_number: 0,
        tail: Tail::NONE,
    };
    key.seal(&mut buffer, &[job], &NoTails)?;
    let tag = buffer.last_chunk().copied();
    Ok(tag.ok_or(CryptoError::Misuse)?)
}

const SUITE: CipherSuite = CipherSuite::Aes128GcmSha256;
const CLIENT: &[u8] = b"client in";
const SERVER: &[u8] = b"server in";

/// What a version's first packets are made with.
struct Public {
    salt: [u8; 20],
    retry_key: [u8; 16],
    retry_nonce: [u8; IV_LEN],
}

/// Those of a version; of a version that we do not know, those of version 1, with which nobody will open anything.
const fn public_keys(version: Version) -> &'static Public {
    match version {
        Version::V2 => &V2,
        _ => &V1,
    }
}

/// RFC 9001 §5.2, §5.8.
static V1: Public = Public {
    salt: [
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c,
        0xad, 0xcc, 0xbb, 0x7f, 0x0a,
    ],
    retry_key: [
        0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8,
        0x4e,
    ],
    retry_nonce: [
        0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb,
    ],
};
/// RFC 9369 §3.3.1, §3.3.3.
static V2: Public = Public {
    salt: [
        0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d,
        0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
    ],
    retry_key: [
        0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c, 0xcc,
        0x92,
    ],
    retry_nonce: [
        0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a,
    ],
};

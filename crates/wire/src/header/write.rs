//! Writes headers: in come ids and numbers, out come bytes without header protection and the places that protection and
//! the Length field need later.

use super::{FIXED, LONG, LongKind, RETRY, kind_bits};
use crate::{
    error::Full,
    id::{ConnectionId, Version},
    writer::Writer,
};

/// Where the parts of a long header are that has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongPlan {
    /// Where the packet begins.
    pub start: usize,
    /// Where the Length field is, two bytes.
    pub length_at: usize,
    /// Where the packet number begins.
    pub number_at: usize,
    /// Where the payload begins.
    pub payload_at: usize,
}

impl LongPlan {
    /// The bytes of the Length field, for a packet that ends with its tag at `end_with_tag`. Errors: the packet is longer
    /// than 16,383 bytes, or ends before it begins.
    #[inline]
    pub fn length(&self, end_with_tag: usize) -> Result<[u8; 2], Full> {
        let len = end_with_tag.checked_sub(self.number_at).ok_or(Full)?;
        match u16::try_from(len) {
            Ok(len @ 0..=0x3fff) => Ok((len | 0x4000).to_be_bytes()),
            _ => Err(Full),
        }
    }
}

/// Where the parts of a short header are that has been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortPlan {
    /// Where the packet begins.
    pub start: usize,
    /// Where the packet number begins.
    pub number_at: usize,
    /// Where the payload begins.
    pub payload_at: usize,
}

/// Writes a long header with a Length of 0, for which [`LongPlan::length`] goes in later. Only an Initial packet has a token.
/// `number_len` is 1 to 4.
///
/// # Errors
///
/// [`Full`] when it does not fit.
#[inline]
#[expect(
    clippy::too_many_arguments,
    reason = "one for each field of the header"
)]
pub fn write_long(
    w: &mut Writer<'_>,
    kind: LongKind,
    version: Version,
    dcid: &ConnectionId,
    scid: &ConnectionId,
    token: &[u8],
    number: u64,
    number_len: usize,
) -> Result<LongPlan, Full> {
    let start = w.position();
    w.whole(|w| {
        w.u8(LONG | FIXED | kind.bits(version) | number_len_bits(number_len))?;
        write_ids(w, version, dcid, scid)?;
        match kind {
            LongKind::Initial => w.varint_bytes(token)?,
            LongKind::ZeroRtt | LongKind::Handshake => {
                debug_assert!(token.is_empty(), "only an Initial packet has a token");
            }
        }
        let length_at = w.position();
        w.varint_sized(0, 2)?;
        let number_at = w.position();
        write_number(w, number, number_len)?;
        Ok(LongPlan {
            start,
            length_at,
            number_at,
            payload_at: w.position(),
        })
    })
}

/// Writes a short header. `number_len` is 1 to 4.
///
/// # Errors
///
/// [`Full`] when it does not fit.
#[inline]
pub fn write_short(
    w: &mut Writer<'_>,
    dcid: &ConnectionId,
    spin: bool,
    key_phase: bool,
    number: u64,
    number_len: usize,
) -> Result<ShortPlan, Full> {
    let start = w.position();
    let spin = if spin { 0x20 } else { 0 };
    let key_phase = if key_phase { 0x04 } else { 0 };
    w.whole(|w| {
        w.u8(FIXED | spin | key_phase | number_len_bits(number_len))?;
        w.bytes(dcid)?;
        let number_at = w.position();
        write_number(w, number, number_len)?;
        Ok(ShortPlan {
            start,
            number_at,
            payload_at: w.position(),
        })
    })
}

/// Writes a Version Negotiation packet. `random` fills the bits that have no meaning; the ids, up to 255 bytes each, are
/// those of the packet that it answers, exchanged.
///
/// # Errors
///
/// [`Full`] when it does not fit, or an id is too long.
pub fn write_version_negotiation(
    w: &mut Writer<'_>,
    random: u8,
    dcid: &[u8],
    scid: &[u8],
    versions: &[Version],
) -> Result<(), Full> {
    w.whole(|w| {
        //= RFC 9000 §17.2.1: Where QUIC might be multiplexed with other protocols (see [RFC7983]), servers SHOULD set
        //= the most significant bit of this field (0x40) to 1 so that Version Negotiation packets appear to have the
        //= Fixed Bit field.
        w.u8(LONG | FIXED | random)?;
        write_ids(w, Version::NEGOTIATION, dcid, scid)?;
        versions.iter().try_for_each(|version| w.u32(version.0))
    })
}

/// Writes a Retry packet up to its integrity tag.
///
/// # Errors
///
/// [`Full`] when it does not fit, or the token is empty.
pub fn write_retry(
    w: &mut Writer<'_>,
    version: Version,
    dcid: &ConnectionId,
    scid: &ConnectionId,
    token: &[u8],
) -> Result<(), Full> {
    // The client has to discard a Retry packet without a token.
    if token.is_empty() {
        return Err(Full);
    }
    w.whole(|w| {
        // The low four bits have no meaning.
        w.u8(LONG | FIXED | kind_bits(version, RETRY) | 0x0f)?;
        write_ids(w, version, dcid, scid)?;
        w.bytes(token)
    })
}

/// Writes the bytes that the integrity tag of a Retry packet is computed over. `retry` is the packet without its tag,
/// `original_dcid` the destination of the Initial packet that it answers.
///
/// # Errors
///
/// [`Full`] when there is no room for one byte more than the two have.
pub fn write_retry_pseudo_packet(
    w: &mut Writer<'_>,
    original_dcid: &ConnectionId,
    retry: &[u8],
) -> Result<(), Full> {
    //= RFC 9001 §5.8: It is computed by taking the transmitted Retry packet, removing the Retry Integrity Tag, and
    //= prepending the two following fields:
    w.whole(|w| {
        w.u8(original_dcid.len() as u8)?;
        w.bytes(original_dcid)?;
        w.bytes(retry)
    })
}

#[inline]
fn write_ids(w: &mut Writer<'_>, version: Version, dcid: &[u8], scid: &[u8]) -> Result<(), Full> {
    w.u32(version.0)?;
    w.u8(u8::try_from(dcid.len()).map_err(|_| Full)?)?;
    w.bytes(dcid)?;
    w.u8(u8::try_from(scid.len()).map_err(|_| Full)?)?;
    w.bytes(scid)
}

/// The low two bits of the first byte; a length outside 1 to 4 is taken as the nearest inside.
#[inline]
const fn number_len_bits(len: usize) -> u8 {
    match len {
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        _ => 3,
    }
}

/// The low `len` bytes of the number.
#[inline]
fn write_number(w: &mut Writer<'_>, number: u64, len: usize) -> Result<(), Full> {
    debug_assert!((1..=4).contains(&len), "a packet number takes 1 to 4 bytes");
    match len {
        0 | 1 => w.u8(number as u8),
        2 => w.u16(number as u16),
        3 => {
            let [_, low @ ..] = (number as u32).to_be_bytes();
            w.bytes(&low)
        }
        _ => w.u32(number as u32),
    }
}

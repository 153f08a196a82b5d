//! Reads headers: in come bytes from anybody, out comes a [`Header`] or a reason to drop. It never trusts a length.

use core::ops::Range;

use super::{FIXED, Header, HeaderError, LONG, LongKind, NUMBER_AND_SAMPLE, TYPE_SHIFT};
use crate::{
    error::Truncated,
    id::{ConnectionId, Version},
    reader::Reader,
};

impl Header {
    /// Looks at the first packet of `packet`, which may have others after it. `short_dcid_len` is the length of the
    /// connection ids that we give out.
    ///
    /// # Errors
    ///
    /// Why the packet has to be dropped, and all after it, since its end is not known.
    #[inline]
    pub fn parse(packet: &[u8], short_dcid_len: usize) -> Result<Self, HeaderError> {
        Self::parse_with(packet, short_dcid_len, FIXED)
    }

    /// As [`Header::parse`], and takes packets whose fixed bit is 0: for an endpoint that has declared `grease_quic_bit`
    /// (RFC 9287 §3).
    ///
    /// # Errors
    ///
    /// As [`Header::parse`].
    #[inline]
    pub fn parse_greased(packet: &[u8], short_dcid_len: usize) -> Result<Self, HeaderError> {
        Self::parse_with(packet, short_dcid_len, 0)
    }

    #[inline]
    fn parse_with(packet: &[u8], short_dcid_len: usize, required: u8) -> Result<Self, HeaderError> {
        let mut r = Reader::new(packet);
        let first = r.u8()?;
        if first & LONG != 0 {
            return Self::parse_long(r, first, required);
        }
        check_fixed_bit(first, required)?;
        let dcid = ConnectionId::new(r.bytes(short_dcid_len)?).ok_or(HeaderError::CidTooLong)?;
        let number_at = r.position();
        check_sample(&r)?;
        Ok(Self::Short {
            dcid,
            number_at,
            end: packet.len(),
        })
    }

    fn parse_long(mut r: Reader<'_>, first: u8, required: u8) -> Result<Self, HeaderError> {
        let version = Version(r.u32()?);
        if version == Version::NEGOTIATION {
            return Self::parse_version_negotiation(r);
        }
        if !version.is_known() {
            return Ok(Self::UnknownVersion {
                version,
                dcid: raw_id(&mut r)?,
                scid: raw_id(&mut r)?,
            });
        }
        check_fixed_bit(first, required)?;
        let dcid = id(&mut r)?;
        let scid = id(&mut r)?;
        let Some(kind) = LongKind::of_bits(version, first >> TYPE_SHIFT) else {
            return Self::parse_retry(r, version, dcid, scid);
        };
        let token = match kind {
            LongKind::Initial => {
                let token = r.varint_bytes()?;
                ending_at(r.position(), token)
            }
            LongKind::ZeroRtt | LongKind::Handshake => r.position()..r.position(),
        };
        let len = r.varint()?;
        let number_at = r.position();
        let rest = usize::try_from(len)
            .map_err(|_| Truncated)
            .and_then(|len| r.bytes(len))
            .map_err(|_| HeaderError::LengthTooLong)?;
        check_sample(&Reader::new(rest))?;
        Ok(Self::Long {
            kind,
            version,
            dcid,
            scid,
            token,
            number_at,
            end: r.position(),
        })
    }

    fn parse_retry(
        mut r: Reader<'_>,
        version: Version,
        dcid: ConnectionId,
        scid: ConnectionId,
    ) -> Result<Self, HeaderError> {
        let token_len = r
            .remaining()
            .checked_sub(16)
            .ok_or(HeaderError::Truncated)?;
        if token_len == 0 {
            //= RFC 9000 §17.2.5.2: A client MUST discard a Retry packet with a zero-length Retry Token field.
            return Err(HeaderError::EmptyToken);
        }
        let token = r.bytes(token_len)?;
        Ok(Self::Retry {
            version,
            dcid,
            scid,
            token: ending_at(r.position(), token),
            tag: r.array()?,
        })
    }

    fn parse_version_negotiation(mut r: Reader<'_>) -> Result<Self, HeaderError> {
        let dcid = raw_id(&mut r)?;
        let scid = raw_id(&mut r)?;
        let versions = r.rest();
        if versions.is_empty() || !versions.len().is_multiple_of(4) {
            return Err(HeaderError::Versions);
        }
        Ok(Self::VersionNegotiation {
            dcid,
            scid,
            versions: ending_at(r.position(), versions),
        })
    }
}

/// The destination connection id of the first packet of `datagram`, whatever its version; the cheapest look that tells
/// whose it is. `None` when the datagram is too short to have one.
#[inline]
#[must_use]
pub fn dcid_of(datagram: &[u8], short_dcid_len: usize) -> Option<&[u8]> {
    let mut r = Reader::new(datagram);
    if r.u8().ok()? & LONG == 0 {
        return r.bytes(short_dcid_len).ok();
    }
    r.u32().ok()?;
    let len = r.u8().ok()?;
    r.bytes(usize::from(len)).ok()
}

#[inline]
const fn check_fixed_bit(first: u8, required: u8) -> Result<(), HeaderError> {
    if first & required != required {
        //= RFC 9000 §17.2: Packets containing a zero value for this bit are not valid packets in this version and MUST
        //= be discarded.
        return Err(HeaderError::FixedBit);
    }
    Ok(())
}

#[inline]
const fn check_sample(r: &Reader<'_>) -> Result<(), HeaderError> {
    if r.remaining() < NUMBER_AND_SAMPLE {
        //= RFC 9001 §5.4.2: An endpoint MUST discard packets that are not long enough to contain a complete sample.
        return Err(HeaderError::Truncated);
    }
    Ok(())
}

/// A connection id of a version that we know, with its length before it.
#[inline]
fn id(r: &mut Reader<'_>) -> Result<ConnectionId, HeaderError> {
    let len = usize::from(r.u8()?);
    if len > ConnectionId::MAX_LEN {
        //= RFC 9000 §17.2: Endpoints that receive a version 1 long header with a value larger than 20 MUST drop the
        //= packet.
        return Err(HeaderError::CidTooLong);
    }
    ConnectionId::new(r.bytes(len)?).ok_or(HeaderError::CidTooLong)
}

/// Where a connection id of any version is, with its length before it.
fn raw_id(r: &mut Reader<'_>) -> Result<Range<usize>, Truncated> {
    let len = r.u8()?;
    let id = r.bytes(usize::from(len))?;
    Ok(ending_at(r.position(), id))
}

/// The place of bytes that were read up to `end`.
#[inline]
const fn ending_at(end: usize, bytes: &[u8]) -> Range<usize> {
    end.saturating_sub(bytes.len())..end
}

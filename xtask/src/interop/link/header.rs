//! In: datagrams as they cross a link. Out: what can be read of their packets without keys (RFC 8999, RFC 9000 §17). A
//! packet that makes no sense ends the list; nothing here panics.

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
    VersionNegotiation,
    Short,
}

/// The header of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) form: Form,
    /// Of a long header.
    pub(crate) version: u32,
    /// Of a short header: the first 20 bytes that may belong to it.
    pub(crate) destination: Vec<u8>,
    /// Of a long header.
    pub(crate) source: Vec<u8>,
    /// Of an Initial or Retry packet.
    pub(crate) token: Vec<u8>,
    /// Of the whole packet.
    pub(crate) bytes: usize,
}

/// The headers of the packets in a datagram.
pub(crate) fn headers(mut datagram: &[u8]) -> Vec<Header> {
    let mut found = Vec::new();
    while let Some(first) = datagram.first() {
        if first & 0x80 == 0 {
            // Behind a long header this may as well be padding.
            if found.is_empty() || *first != 0 {
                found.push(short(datagram));
            }
            break;
        }
        let Some((header, rest)) = long(datagram) else {
            break;
        };
        found.push(header);
        datagram = rest;
    }
    found
}

/// Whether a datagram is a Version Negotiation packet.
pub(super) fn is_version_negotiation(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & 0x80 != 0) && datagram.get(1..5) == Some(&[0; 4])
}

fn short(datagram: &[u8]) -> Header {
    let destination = datagram.get(1..).unwrap_or_default();
    let most = destination.len().min(20);
    Header {
        form: Form::Short,
        version: 0,
        destination: destination.get(..most).unwrap_or_default().to_vec(),
        source: Vec::new(),
        token: Vec::new(),
        bytes: datagram.len(),
    }
}

fn long(datagram: &[u8]) -> Option<(Header, &[u8])> {
    let (first, rest) = datagram.split_first()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (destination, rest) = id(rest)?;
    let (source, mut rest) = id(rest)?;
    let version = u32::from_be_bytes(*version);
    let form = form(*first, version);
    let mut token = &[][..];
    match form {
        Form::Retry => {
            token = rest.get(..rest.len().checked_sub(16)?)?;
            rest = &[];
        }
        Form::VersionNegotiation => rest = &[],
        Form::Initial => {
            (token, rest) = bytes(rest)?;
            (_, rest) = bytes(rest)?;
        }
        _ => (_, rest) = bytes(rest)?,
    }
    let header = Header {
        form,
        version,
        destination: destination.to_vec(),
        source: source.to_vec(),
        token: token.to_vec(),
        bytes: datagram.len().saturating_sub(rest.len()),
    };
    Some((header, rest))
}

/// The types of version 2 are those of version 1, one further (RFC 9369 §3.2).
fn form(first: u8, version: u32) -> Form {
    let kind = (first >> 4) & 3;
    let kind = if version == VERSION_2 {
        kind.wrapping_sub(1) & 3
    } else {
        kind
    };
    match kind {
        _ if version == 0 => Form::VersionNegotiation,
        0 => Form::Initial,
        1 => Form::ZeroRtt,
        2 => Form::Handshake,
        _ => Form::Retry,
    }
}

fn id(from: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = from.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// A variable-length integer, and as many bytes.
fn bytes(from: &[u8]) -> Option<(&[u8], &[u8])> {
    let size = 1 << (from.first()? >> 6);
    let (integer, rest) = from.split_at_checked(size)?;
    let mut length = 0_u64;
    for (place, byte) in integer.iter().enumerate() {
        let byte = if place == 0 { byte & 0x3f } else { *byte };
        length = (length << 8) | u64::from(byte);
    }
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// RFC 9369 §3.1.
pub(crate) const VERSION_2: u32 = 0x6b33_43cf;

//! In: the bytes of one HTTP/3 stream. Out: the path asked for, the body answered. Never uses a dynamic table.
//!
//! RFC 9114 and RFC 9204, as little of them as one GET needs: HEADERS and DATA frames, the static table, literals.

use crate::huffman;

/// The unidirectional stream that each side opens first and keeps: its type, and SETTINGS with nothing in them.
pub const CONTROL_STREAM: [u8; 3] = [0x00, SETTINGS, 0x00];

const DATA: u8 = 0x00;
const HEADERS: u8 = 0x01;
const SETTINGS: u8 = 0x04;

/// Indices of the static table, RFC 9204 appendix A.
const AUTHORITY: u8 = 0;
const PATH: u64 = 1;
const METHOD_GET: u8 = 17;
const SCHEME_HTTPS: u8 = 23;
const STATUS_200: u64 = 25;
const STATUS_404: u8 = 27;

/// A complete request; the stream is finished after it.
#[must_use]
pub fn request(authority: &str, path: &str) -> Vec<u8> {
    let mut fields = vec![0, 0, 0xc0 | METHOD_GET, 0xc0 | SCHEME_HTTPS];
    literal(&mut fields, AUTHORITY, authority);
    literal(&mut fields, 1, path);
    frame(HEADERS, &fields)
}

/// A complete response with a body, or without one when there is no such file.
#[must_use]
pub fn response(body: Option<&[u8]>) -> Vec<u8> {
    match body {
        Some(body) => {
            let mut bytes = frame(HEADERS, &[0, 0, 0xc0 | STATUS_200 as u8]);
            bytes.extend(frame(DATA, body));
            bytes
        }
        None => frame(HEADERS, &[0, 0, 0xc0 | STATUS_404]),
    }
}

/// The path that a complete request names.
///
/// # Errors
///
/// A sentence, when it names none.
pub fn path_of(request: &[u8]) -> Result<String, &'static str> {
    let (fields, _) = parts(request)?;
    let value =
        field(&fields, |name| name == Name::Static(PATH))?.ok_or("the request has no :path")?;
    String::from_utf8(value).map_err(|_| ":path is not UTF-8")
}

/// The body of a complete response.
///
/// # Errors
///
/// A sentence, when the response is none or its status is not 200.
pub fn body_of(response: &[u8]) -> Result<Vec<u8>, &'static str> {
    let (fields, body) = parts(response)?;
    match field(&fields, |name| name == Name::Entry(STATUS_200))? {
        Some(_) => Ok(body),
        None => Err("the status is not 200"),
    }
}

#[derive(PartialEq)]
enum Name {
    /// The whole field line is an entry of the static table.
    Entry(u64),
    /// Only the name is.
    Static(u64),
    Literal,
}

/// The first field section, and the DATA after it.
fn parts(stream: &[u8]) -> Result<(Vec<u8>, Vec<u8>), &'static str> {
    let mut rest = stream;
    let mut fields = None;
    let mut body = Vec::new();
    while !rest.is_empty() {
        let kind = varint(&mut rest)?;
        let length = usize::try_from(varint(&mut rest)?).map_err(|_| "a frame is too long")?;
        let payload = take(&mut rest, length)?;
        if kind == u64::from(HEADERS) && fields.is_none() {
            fields = Some(payload.to_vec());
        } else if kind == u64::from(DATA) {
            body.extend_from_slice(payload);
        }
    }
    Ok((fields.ok_or("no HEADERS frame")?, body))
}

/// The value of the first field line that `wanted` picks.
fn field(section: &[u8], wanted: impl Fn(Name) -> bool) -> Result<Option<Vec<u8>>, &'static str> {
    let mut rest = section;
    if take(&mut rest, 2)? != [0, 0] {
        return Err("the field section needs a dynamic table");
    }
    while let Some(&first) = rest.first() {
        let (name, value) = if first & 0xc0 == 0xc0 {
            (Name::Entry(integer(&mut rest, 6)?), Vec::new())
        } else if first & 0xd0 == 0x50 {
            (Name::Static(integer(&mut rest, 4)?), string(&mut rest, 7)?)
        } else if first & 0xe0 == 0x20 {
            string(&mut rest, 3)?;
            (Name::Literal, string(&mut rest, 7)?)
        } else {
            return Err("a field line refers to a dynamic table");
        };
        if wanted(name) {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend((0xc000_0000_0000_0000 | payload.len() as u64).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A literal field line with a name from the static table, below index 15.
fn literal(fields: &mut Vec<u8>, name: u8, value: &str) {
    fields.push(0x50 | name);
    let mut length = value.len();
    if length < 127 {
        fields.push(length as u8);
    } else {
        fields.push(127);
        length -= 127;
        while length >= 128 {
            fields.push(0x80 | (length % 128) as u8);
            length /= 128;
        }
        fields.push(length as u8);
    }
    fields.extend_from_slice(value.as_bytes());
}

/// A variable-length integer of QUIC.
fn varint(rest: &mut &[u8]) -> Result<u64, &'static str> {
    let first = take(rest, 1)?[0];
    let more = take(rest, (1 << (first >> 6)) - 1)?;
    Ok(more.iter().fold(u64::from(first & 0x3f), |value, &byte| {
        (value << 8) | u64::from(byte)
    }))
}

/// A prefixed integer of QPACK, `bits` of whose first byte are its own.
fn integer(rest: &mut &[u8], bits: u32) -> Result<u64, &'static str> {
    let mask = (1_u8 << bits) - 1;
    let mut value = u64::from(take(rest, 1)?[0] & mask);
    if value < u64::from(mask) {
        return Ok(value);
    }
    for shift in (0..28).step_by(7) {
        let byte = take(rest, 1)?[0];
        value += u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("an integer is too long")
}

/// A string of QPACK, the bit above whose prefix says that it is Huffman-coded.
fn string(rest: &mut &[u8], bits: u32) -> Result<Vec<u8>, &'static str> {
    let coded = rest.first().ok_or("a field line ends early")? >> bits & 1 == 1;
    let length = integer(rest, bits)?;
    let bytes = take(
        rest,
        usize::try_from(length).map_err(|_| "a string is too long")?,
    )?;
    if coded {
        huffman::decode(bytes).ok_or("a string is not Huffman-coded")
    } else {
        Ok(bytes.to_vec())
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], &'static str> {
    let (taken, after) = rest
        .split_at_checked(count)
        .ok_or("the stream ends early")?;
    *rest = after;
    Ok(taken)
}

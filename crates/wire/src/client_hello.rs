//! A look into a TLS ClientHello (RFC 8446 §4.1.2) before TLS has it: in come the bytes of the first handshake message, out comes
//! what a server has to know before it can make its own, or before it is known which server it is for. It decides nothing, and
//! TLS judges the same bytes afterwards. It allocates nothing, and each byte is looked at twice at most.

use crate::{error::Truncated, reader::Reader};

/// How much of a ClientHello is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientHello<'a> {
    /// Not all of it: what it says is not known yet.
    Part,
    /// The first message is another, or is not what a ClientHello can be: TLS has to say what is wrong.
    Other,
    /// All of it.
    Whole(Offer<'a>),
}

/// What a client offers and asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    /// Whom it wants to reach (RFC 6066 §3).
    pub server_name: ServerName<'a>,
    /// The application protocols that it speaks, the preferred one first (RFC 7301 §3.1); none without the extension.
    pub protocols: Protocols<'a>,
    /// The encoded transport parameters (RFC 9001 §8.2), if it has any.
    pub transport_parameters: Option<&'a [u8]>,
    /// Whether TLS 1.3 is among the versions that it speaks (RFC 8446 §4.2.1), which QUIC asks for.
    pub has_tls13: bool,
    /// Whether this is the outer hello of an encrypted one (RFC 9849 §5): the name in it is that of the client-facing server. One
    /// that only looks so (GREASE) cannot be told apart.
    pub is_outer: bool,
    /// Bytes of the message, header included.
    pub len: usize,
}

/// The server_name extension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerName<'a> {
    /// It is not there, or names no host.
    #[default]
    Absent,
    /// One host name, as it came: 1 to 255 bytes between `!` and `~`, without a dot at the end.
    Host(&'a [u8]),
    /// It is there and is no host name, or more than one.
    Unreadable,
}

/// The names of a protocol list, each of 1 to 255 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protocols<'a> {
    rest: &'a [u8],
}

impl<'a> ClientHello<'a> {
    /// Looks at the first handshake bytes of a client. Bytes behind the message are not looked at.
    #[must_use]
    pub fn look(bytes: &'a [u8]) -> Self {
        let mut r = Reader::new(bytes);
        match r.u8() {
            Ok(CLIENT_HELLO) => {}
            Ok(_) => return Self::Other,
            Err(Truncated) => return Self::Part,
        }
        let Ok(body) = opaque24(&mut r) else {
            return Self::Part;
        };
        match Offer::read(body) {
            Ok(offer) => Self::Whole(Offer {
                len: r.position(),
                ..offer
            }),
            Err(Truncated) => Self::Other,
        }
    }

    /// The bytes that the message has in all, as soon as its first four say so: at most 2^24 + 3.
    #[must_use]
    pub fn announced(bytes: &[u8]) -> Option<usize> {
        let mut r = Reader::new(bytes);
        r.u8().ok()?;
        let body = length24(&mut r).ok()?;
        body.checked_add(r.position())
    }
}

impl<'a> Offer<'a> {
    /// Reads the message's body. Errors: a length in it is wrong, or an extension that matters here comes twice.
    fn read(body: &'a [u8]) -> Result<Self, Truncated> {
        let mut r = Reader::new(body);
        r.bytes(VERSION_AND_RANDOM)?;
        opaque8(&mut r)?;
        opaque16(&mut r)?;
        opaque8(&mut r)?;
        let mut found = Self {
            server_name: ServerName::Absent,
            protocols: Protocols::default(),
            transport_parameters: None,
            has_tls13: false,
            is_outer: false,
            len: 0,
        };
        let mut seen = 0_u8;
        let mut extensions = Reader::new(opaque16(&mut r)?);
        while !extensions.is_empty() {
            let kind = extensions.u16()?;
            let value = opaque16(&mut extensions)?;
            let mark = found.take(kind, value)?;
            if seen & mark != 0 {
                return Err(Truncated);
            }
            seen |= mark;
        }
        Ok(found)
    }

    /// Takes note of an extension. Gives a bit for each kind that matters here, and 0 for the others.
    fn take(&mut self, kind: u16, value: &'a [u8]) -> Result<u8, Truncated> {
        match kind {
            SERVER_NAME => {
                self.server_name = ServerName::read(value);
                Ok(1)
            }
            PROTOCOLS => {
                self.protocols = Protocols::read(value)?;
                Ok(2)
            }
            SUPPORTED_VERSIONS => {
                let mut r = Reader::new(value);
                let mut versions = Reader::new(opaque8(&mut r)?);
                while !versions.is_empty() {
                    self.has_tls13 |= versions.u16()? == TLS13;
                }
                Ok(4)
            }
            QUIC_TRANSPORT_PARAMETERS => {
                self.transport_parameters = Some(value);
                Ok(8)
            }
            ENCRYPTED_CLIENT_HELLO => {
                self.is_outer = value.first() == Some(&OUTER);
                Ok(16)
            }
            _ => Ok(0),
        }
    }
}

impl<'a> ServerName<'a> {
    fn read(value: &'a [u8]) -> Self {
        Self::names(value).unwrap_or(Self::Unreadable)
    }

    fn names(value: &'a [u8]) -> Result<Self, Truncated> {
        let mut r = Reader::new(value);
        if r.is_empty() {
            return Ok(Self::Absent);
        }
        let mut names = Reader::new(opaque16(&mut r)?);
        if !r.is_empty() {
            return Err(Truncated);
        }
        let mut found = Self::Absent;
        while !names.is_empty() {
            let kind = names.u8()?;
            let name = opaque16(&mut names)?;
            found = match (kind, found) {
                (HOST_NAME, Self::Absent) if is_host(name) => Self::Host(name),
                (HOST_NAME, _) => return Err(Truncated),
                (_, found) => found,
            };
        }
        Ok(found)
    }
}

impl<'a> Protocols<'a> {
    fn read(value: &'a [u8]) -> Result<Self, Truncated> {
        let mut r = Reader::new(value);
        let rest = opaque16(&mut r)?;
        let mut names = Reader::new(rest);
        if names.is_empty() || !r.is_empty() {
            return Err(Truncated);
        }
        while !names.is_empty() {
            // RFC 7301 §3.1: no name is empty.
            if opaque8(&mut names)?.is_empty() {
                return Err(Truncated);
            }
        }
        Ok(Self { rest })
    }
}

impl<'a> Iterator for Protocols<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let mut r = Reader::new(self.rest);
        let name = opaque8(&mut r).ok()?;
        self.rest = r.rest();
        Some(name)
    }
}

/// RFC 6066 §3: a host name is ASCII and has no dot at its end.
fn is_host(name: &[u8]) -> bool {
    (1..=NAME_MAX).contains(&name.len())
        && name.iter().all(u8::is_ascii_graphic)
        && name.last() != Some(&b'.')
}

fn opaque8<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Truncated> {
    let len = r.u8()?;
    r.bytes(usize::from(len))
}

fn opaque16<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Truncated> {
    let len = r.u16()?;
    r.bytes(usize::from(len))
}

fn opaque24<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Truncated> {
    let len = length24(r)?;
    r.bytes(len)
}

fn length24(r: &mut Reader<'_>) -> Result<usize, Truncated> {
    let (high, low) = (r.u8()?, r.u16()?);
    let len = u32::from(high) << 16 | u32::from(low);
    usize::try_from(len).map_err(|_| Truncated)
}

const CLIENT_HELLO: u8 = 1;
const VERSION_AND_RANDOM: usize = 2 + 32;
const SERVER_NAME: u16 = 0;
const PROTOCOLS: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const QUIC_TRANSPORT_PARAMETERS: u16 = 0x39;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
const TLS13: u16 = 0x0304;
/// What names a host in server_name.
const HOST_NAME: u8 = 0;
/// What begins the encrypted_client_hello of an outer hello.
const OUTER: u8 = 0;
/// The longest name that DNS has.
const NAME_MAX: usize = 255;

#[cfg(test)]
mod tests;

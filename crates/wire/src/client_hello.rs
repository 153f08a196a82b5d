//! A look into a TLS ClientHello (RFC 8446 §4.1.2) before TLS has it: in come the bytes of the first handshake message, out comes
//! what a server has to know before it can make its own. It decides nothing, and TLS judges the same bytes afterwards.

use crate::{error::Truncated, reader::Reader};

/// How much of a ClientHello is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientHello<'a> {
    /// Not all of it.
    Part,
    /// The first message is another, or is not what a ClientHello can be: TLS has to say what is wrong.
    Other,
    /// All of it, with the encoded transport parameters (RFC 9001 §8.2) if it has any.
    Whole {
        /// The value of the extension.
        transport_parameters: Option<&'a [u8]>,
    },
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
        match transport_parameters(body) {
            Ok(transport_parameters) => Self::Whole {
                transport_parameters,
            },
            Err(Truncated) => Self::Other,
        }
    }
}

/// The value of the first extension of the kind in the message's body.
fn transport_parameters(body: &[u8]) -> Result<Option<&[u8]>, Truncated> {
    let mut r = Reader::new(body);
    r.bytes(VERSION_AND_RANDOM)?;
    let session_id = r.u8()?;
    r.bytes(usize::from(session_id))?;
    opaque16(&mut r)?;
    let compression = r.u8()?;
    r.bytes(usize::from(compression))?;
    let mut extensions = Reader::new(opaque16(&mut r)?);
    while !extensions.is_empty() {
        let kind = extensions.u16()?;
        let value = opaque16(&mut extensions)?;
        if kind == QUIC_TRANSPORT_PARAMETERS {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn opaque16<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Truncated> {
    let len = r.u16()?;
    r.bytes(usize::from(len))
}

fn opaque24<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Truncated> {
    let (high, low) = (r.u8()?, r.u16()?);
    let len = u32::from(high) << 16 | u32::from(low);
    r.bytes(usize::try_from(len).map_err(|_| Truncated)?)
}

const CLIENT_HELLO: u8 = 1;
const VERSION_AND_RANDOM: usize = 2 + 32;
const QUIC_TRANSPORT_PARAMETERS: u16 = 0x39;

#[cfg(test)]
mod tests;

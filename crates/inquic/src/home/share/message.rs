//! What the processes of a port tell each other: values to bytes and back. The first message each way has the protocol's version; a
//! message that cannot be read is as good as none. Numbers have their high byte first.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use inquic_engine::{
    Claim, HeldDatagram, Introduction, Listen, Listener, Owner, Path, Received, RetryPolicy,
};
use inquic_platform::{Duration, Instant};
use inquic_socket::Errno;
use inquic_wire::{ConnectionId, Full, Reader, Truncated, Version, Versions, Writer};

use super::Group;

/// What somebody asks for who wants to have the port, too.
#[derive(Debug)]
pub(super) struct Join {
    /// The number that it had with another dispatcher.
    pub(super) number: Option<u8>,
    /// What it listens for, if it does already.
    pub(super) wish: Option<Wish>,
}

/// What somebody listens for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(super) listen: Listen,
    pub(super) claim: Claim,
    /// Whether it shares that with others who do.
    pub(super) spreads: bool,
}

/// What a dispatcher answers.
#[derive(Clone, Copy)]
pub(crate) struct Welcome {
    pub(crate) number: u8,
    pub(crate) group: Group,
}

/// Why a dispatcher sends somebody away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Another speaks another version of this protocol.
    Version,
    /// What is claimed belongs to another.
    InUse,
    /// The port is another user's.
    User,
    /// There are too many.
    Full,
    /// Come again in a moment.
    Later,
}

/// Anything that is said after the welcome.
#[derive(Debug)]
pub(super) enum Message<'a> {
    /// Datagrams of a connection.
    Train(Received<'a>),
    /// A new client.
    Client(Box<Introduction>, Vec<HeldDatagram>),
    /// The sender wants to listen, or to listen otherwise. The number comes back with the answer.
    Listen(u32, Wish),
    /// Whether it may.
    Answer(u32, Result<(), Refusal>),
    /// The sender does not listen any more.
    Unlisten,
}

impl Join {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, JOIN];
        out.push(u8::from(self.number.is_some()));
        out.push(self.number.unwrap_or_default());
        out.push(u8::from(self.wish.is_some()));
        if let Some(wish) = &self.wish {
            wish.write(&mut out);
        }
        out
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        match bytes {
            [VERSION, JOIN, rest @ ..] => {
                Self::read_body(&mut Reader::new(rest)).ok_or(Refusal::Version)
            }
            _ => Err(Refusal::Version),
        }
    }

    fn read_body(r: &mut Reader<'_>) -> Option<Self> {
        let has_number = r.u8().ok()? != 0;
        let number = r.u8().ok().filter(|_| has_number);
        if r.u8().ok()? == 0 {
            return Some(Self { number, wish: None });
        }
        let wish = Some(Wish::read(r)?);
        Some(Self { number, wish })
    }
}

impl Wish {
    /// What a listener of ours wants.
    pub(crate) fn of(listener: Listener) -> Self {
        let Listener {
            owner: _,
            listen,
            claim,
            spreads,
        } = listener;
        Self {
            listen,
            claim,
            spreads,
        }
    }

    /// The same again, if there is memory for it.
    pub(super) fn copied(&self) -> Option<Self> {
        Some(Self {
            listen: self.listen,
            claim: self.claim.copied()?,
            spreads: self.spreads,
        })
    }

    /// What the process with this number wants.
    pub(super) fn of_member(self, number: u8) -> Listener {
        let Self {
            listen,
            claim,
            spreads,
        } = self;
        Listener {
            owner: Owner::Remote(number),
            listen,
            claim,
            spreads,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let Listen {
            max_half_open,
            retry,
            versions,
        } = &self.listen;
        let most = u32::try_from(*max_half_open).unwrap_or(u32::MAX);
        out.extend_from_slice(&most.to_be_bytes());
        out.push(match retry {
            RetryPolicy::WhenBusy => 0,
            RetryPolicy::Always => 1,
            RetryPolicy::Never => 2,
        });
        out.push(u8::from(self.spreads));
        out.push(versions.len() as u8);
        for version in versions.as_slice() {
            out.extend_from_slice(&version.0.to_be_bytes());
        }
        for list in [
            self.claim.names().collect::<Vec<_>>(),
            self.claim.protocols().collect(),
        ] {
            // Each list has 64 entries at most, each entry 255 bytes.
            out.push(list.len() as u8);
            for entry in list {
                out.push(entry.len() as u8);
                out.extend_from_slice(entry);
            }
        }
    }

    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let max_half_open = r.u32().ok()? as usize;
        let retry = match r.u8().ok()? {
            0 => RetryPolicy::WhenBusy,
            1 => RetryPolicy::Always,
            _ => RetryPolicy::Never,
        };
        let spreads = r.u8().ok()? != 0;
        let mut versions = Versions::empty();
        for _ in 0..r.u8().ok()? {
            versions.push(Version(r.u32().ok()?));
        }
        let listen = Listen {
            max_half_open,
            retry,
            versions,
        };
        let (names, protocols) = (list(r)?, list(r)?);
        let claim = Claim::new(names, protocols).ok()?;
        Some(Self {
            listen,
            claim,
            spreads,
        })
    }
}

impl Welcome {
    pub(super) fn encode(&self) -> Vec<u8> {
        let Group {
            master,
            tag,
            key,
            user,
        } = &self.group;
        let mut out = vec![VERSION, WELCOME, self.number];
        out.extend_from_slice(master);
        out.extend_from_slice(tag);
        out.extend_from_slice(key);
        out.extend_from_slice(&user.to_be_bytes());
        out
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        match bytes {
            [VERSION, WELCOME, rest @ ..] => {
                Self::read_body(&mut Reader::new(rest)).map_err(|Truncated| Refusal::Version)
            }
            [VERSION, REFUSED, why, ..] => Err(Refusal::of(*why)),
            _ => Err(Refusal::Version),
        }
    }

    fn read_body(r: &mut Reader<'_>) -> Result<Self, Truncated> {
        let number = r.u8()?;
        let group = Group {
            master: r.array()?,
            tag: r.array()?,
            key: r.array()?,
            user: r.u32()?,
        };
        Ok(Self { number, group })
    }
}

impl Refusal {
    pub(super) const fn encode(self) -> [u8; 3] {
        [VERSION, REFUSED, self.number()]
    }

    /// What listen() says.
    pub(crate) const fn errno(self) -> Errno {
        match self {
            Self::Full => Errno::ENOMEM,
            Self::Version | Self::InUse | Self::User | Self::Later => Errno::EADDRINUSE,
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Version => 0,
            Self::InUse => 1,
            Self::User => 2,
            Self::Full => 3,
            Self::Later => 4,
        }
    }

    const fn of(number: u8) -> Self {
        match number {
            1 => Self::InUse,
            2 => Self::User,
            3 => Self::Full,
            4 => Self::Later,
            _ => Self::Version,
        }
    }
}

/// What stands before the datagrams of a train.
pub(super) fn train<'a>(out: &'a mut [u8; TRAIN_HEAD], train: &Received<'_>) -> &'a [u8] {
    let mut w = Writer::new(out);
    let segment = u32::try_from(train.segment).unwrap_or(u32::MAX);
    let written = w
        .u8(TRAIN)
        .and_then(|()| w.u8(train.ecn))
        .and_then(|()| w.u32(segment))
        .and_then(|()| put_path(&mut w, &train.path));
    debug_assert!(written.is_ok(), "there is room for two addresses");
    let len = w.position();
    &out[..len]
}

/// A client with its datagrams, each with its age.
pub(super) fn client(now: Instant, client: &Introduction, datagrams: &[HeldDatagram]) -> Vec<u8> {
    let Introduction {
        path,
        version,
        dcid,
        scid,
        original_id,
        retry_id,
        validated,
    } = client;
    let mut out = vec![CLIENT];
    let mut addresses = [0; TRAIN_HEAD];
    let mut w = Writer::new(&mut addresses);
    let written = put_path(&mut w, path);
    debug_assert!(written.is_ok(), "there is room for two addresses");
    out.extend_from_slice(w.written());
    out.extend_from_slice(&version.0.to_be_bytes());
    out.push(u8::from(*validated) | u8::from(retry_id.is_some()) << 1);
    for id in [dcid, scid, original_id, &retry_id.unwrap_or_default()] {
        out.push(id.len() as u8);
        out.extend_from_slice(id);
    }
    for HeldDatagram { at, ecn, bytes } in datagrams {
        out.extend_from_slice(&now.since(*at).as_nanos().to_be_bytes());
        out.push(*ecn);
        out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(bytes);
    }
    out
}

/// A wish to listen, under a number that comes back.
pub(super) fn listen(number: u32, wish: &Wish) -> Vec<u8> {
    let mut out = vec![LISTEN];
    out.extend_from_slice(&number.to_be_bytes());
    wish.write(&mut out);
    out
}

/// The answer to the wish with this number.
pub(super) fn answer(number: u32, answer: Result<(), Refusal>) -> [u8; 7] {
    let [a, b, c, d] = number.to_be_bytes();
    let (refused, why) = match answer {
        Ok(()) => (0, 0),
        Err(refusal) => (1, refusal.number()),
    };
    [ANSWER, a, b, c, d, refused, why]
}

pub(super) const fn unlisten() -> [u8; 1] {
    [UNLISTEN]
}

impl<'a> Message<'a> {
    /// What a message says. `now` is when it came.
    pub(super) fn read(now: Instant, bytes: &'a mut [u8]) -> Option<Self> {
        let mut r = Reader::new(bytes);
        match r.u8().ok()? {
            UNLISTEN => Some(Self::Unlisten),
            LISTEN => {
                let number = r.u32().ok()?;
                Some(Self::Listen(number, Wish::read(&mut r)?))
            }
            ANSWER => {
                let number = r.u32().ok()?;
                let refused = r.u8().ok()? != 0;
                let why = Refusal::of(r.u8().ok()?);
                Some(Self::Answer(
                    number,
                    if refused { Err(why) } else { Ok(()) },
                ))
            }
            TRAIN => {
                let ecn = r.u8().ok()?;
                let segment = r.u32().ok()? as usize;
                let path = path(&mut r)?;
                let at = r.position();
                Some(Self::Train(Received {
                    path,
                    bytes: bytes.get_mut(at..)?,
                    segment: segment.max(1),
                    ecn,
                }))
            }
            CLIENT => {
                let client = introduction(&mut r)?;
                let mut datagrams = Vec::new();
                while !r.is_empty() {
                    let age = Duration::from_nanos(r.u64().ok()?);
                    let ecn = r.u8().ok()?;
                    let len = r.u32().ok()? as usize;
                    datagrams.push(HeldDatagram {
                        at: earlier(now, age),
                        ecn,
                        bytes: r.bytes(len).ok()?.to_vec(),
                    });
                }
                Some(Self::Client(Box::new(client), datagrams))
            }
            _ => None,
        }
    }
}

fn introduction(r: &mut Reader<'_>) -> Option<Introduction> {
    let path = path(r)?;
    let version = Version(r.u32().ok()?);
    let flags = r.u8().ok()?;
    let mut id = || {
        let len = r.u8().ok()?;
        ConnectionId::new(r.bytes(usize::from(len)).ok()?)
    };
    let (dcid, scid, original_id, retry_id) = (id()?, id()?, id()?, id()?);
    Some(Introduction {
        path,
        version,
        dcid,
        scid,
        original_id,
        retry_id: (flags & 2 != 0).then_some(retry_id),
        validated: flags & 1 != 0,
    })
}

fn put_path(w: &mut Writer<'_>, path: &Path) -> Result<(), Full> {
    put_address(w, path.local)?;
    put_address(w, Some(path.remote))
}

fn put_address(w: &mut Writer<'_>, address: Option<SocketAddr>) -> Result<(), Full> {
    match address {
        None => w.u8(0),
        Some(SocketAddr::V4(v4)) => {
            w.u8(4)?;
            w.bytes(&v4.ip().octets())?;
            w.u16(v4.port())
        }
        Some(SocketAddr::V6(v6)) => {
            w.u8(6)?;
            w.bytes(&v6.ip().octets())?;
            w.u16(v6.port())?;
            w.u32(v6.flowinfo())?;
            w.u32(v6.scope_id())
        }
    }
}

fn path(r: &mut Reader<'_>) -> Option<Path> {
    let local = address(r)?.ok();
    let remote = address(r)?.ok()?;
    Some(Path { local, remote })
}

/// An address, or word that there is none.
fn address(r: &mut Reader<'_>) -> Option<Result<SocketAddr, NoAddress>> {
    Some(match r.u8().ok()? {
        0 => Err(NoAddress),
        4 => {
            let ip: [u8; 4] = r.array().ok()?;
            Ok(SocketAddr::new(IpAddr::from(ip), r.u16().ok()?))
        }
        _ => {
            let ip: [u8; 16] = r.array().ok()?;
            let port = r.u16().ok()?;
            let (flow, scope) = (r.u32().ok()?, r.u32().ok()?);
            Ok(SocketAddrV6::new(ip.into(), port, flow, scope).into())
        }
    })
}

struct NoAddress;

fn list(r: &mut Reader<'_>) -> Option<Vec<Vec<u8>>> {
    let count = r.u8().ok()?;
    let mut entry = || {
        let len = r.u8().ok()?;
        Some(r.bytes(usize::from(len)).ok()?.to_vec())
    };
    (0..count).map(|_| entry()).collect()
}

fn earlier(now: Instant, age: Duration) -> Instant {
    Instant::from_nanos(now.as_nanos().saturating_sub(age.as_nanos()))
}

/// Of the protocol. Processes of different versions do not share a port.
const VERSION: u8 = 2;
const JOIN: u8 = b'j';
const WELCOME: u8 = b'w';
const REFUSED: u8 = b'r';
const TRAIN: u8 = b't';
const CLIENT: u8 = b'c';
const LISTEN: u8 = b'l';
const ANSWER: u8 = b'a';
const UNLISTEN: u8 = b'u';
/// Kind, ECN, segment, two addresses at most.
pub(super) const TRAIN_HEAD: usize = 1 + 1 + 4 + 2 * (1 + 16 + 2 + 4 + 4);

#[cfg(test)]
mod tests;

//! The record: datagrams and answers in; lines of bytes, each with its kind and length, out; and where two records part.

use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use inquic_platform::Instant;

use crate::network::Datagram;

/// Writes a record.
pub(crate) struct Recorder<'a> {
    out: &'a mut dyn FnMut(&[u8]),
    played: Played,
}

/// What was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Datagrams that the engine sent.
    pub datagrams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of streams that arrived.
    pub received: u64,
}

/// Where two records part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The entry, counted from 0.
    pub entry: usize,
    /// The first byte in it that differs; the length of the shorter one where one ends there.
    pub byte: usize,
    /// What the entry is: `D` a datagram, `A` an answer to a call.
    pub kind: char,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(out: &'a mut dyn FnMut(&[u8])) -> Self {
        Self {
            out,
            played: Played::default(),
        }
    }

    pub(crate) const fn played(&self) -> Played {
        self.played
    }

    /// A datagram that the engine has sent, with everything that it told its home about it.
    pub(crate) fn datagram(&mut self, now: Instant, datagram: &Datagram) {
        let Datagram {
            from,
            to,
            ecn,
            bytes,
        } = datagram;
        let mut head = Vec::new();
        head.extend_from_slice(&now.as_nanos().to_be_bytes());
        for address in [from, to] {
            let SocketAddr::V4(address) = address else {
                continue;
            };
            head.extend_from_slice(&address.ip().octets());
            head.extend_from_slice(&address.port().to_be_bytes());
        }
        head.push(*ecn);
        self.entry(DATAGRAM, &[&head, bytes]);
        self.played.datagrams += 1;
        self.played.bytes += bytes.len() as u64;
    }

    /// What a call of a program gave.
    pub(crate) fn answer(&mut self, parts: &[&[u8]]) {
        self.entry(ANSWER, parts);
    }

    /// So many bytes of a stream have arrived.
    pub(crate) const fn received(&mut self, bytes: usize) {
        self.played.received += bytes as u64;
    }

    fn entry(&mut self, kind: u8, parts: &[&[u8]]) {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let [a, b, c] = [len >> 16, len >> 8, len].map(|byte| byte as u8);
        (self.out)(&[kind, a, b, c]);
        for part in parts {
            (self.out)(part);
        }
    }
}

/// Where `one` and `other` part, if they do.
#[must_use]
pub fn compare(one: &[u8], other: &[u8]) -> Option<Difference> {
    let (mut one, mut other) = (entries(one), entries(other));
    let mut entry = 0;
    loop {
        let (left, right) = match (one.next(), other.next()) {
            (None, None) => return None,
            (left, right) => (left.unwrap_or(&[]), right.unwrap_or(&[])),
        };
        if left != right {
            let same = left.iter().zip(right).take_while(|(a, b)| a == b).count();
            let kind = left.first().or(right.first()).copied();
            return Some(Difference {
                entry,
                byte: same,
                kind: kind.map_or('?', char::from),
            });
        }
        entry += 1;
    }
}

/// The entries of a record, heads included; what is cut off at the end is one, too.
fn entries(mut record: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        if record.is_empty() {
            return None;
        }
        let len = match *record {
            [_, a, b, c, ..] => 4 + (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)),
            _ => record.len(),
        };
        let (entry, rest) = record.split_at(len.min(record.len()));
        record = rest;
        Some(entry)
    })
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, byte, kind } = self;
        write!(f, "entry {entry} ({kind}) differs from byte {byte} on")
    }
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            datagrams,
            bytes,
            received,
        } = self;
        write!(
            f,
            "{datagrams} datagrams of {bytes} bytes, {received} bytes received on streams"
        )
    }
}

const DATAGRAM: u8 = b'D';
const ANSWER: u8 = b'A';

//! Comes in: the body of one message. Goes out: the message as a value, and back.
//! Must never believe a length, a name or a count that the peer wrote.

use std::fmt;

use super::digest::Digest;
use super::limits::{FILE_MAX, MESSAGE_MAX, NAME_MAX, TEXT_MAX};
use super::name::{BadName, Name};

/// Everything that is said on a stream but file data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// Client: what is below this name?
    List { name: Name },
    /// Client: send this file; I may have its beginning.
    Get { name: Name, have: Option<Prefix> },
    /// Client: take this file. With `resume`, tell me first what you have of it.
    Put {
        name: Name,
        facts: Facts,
        resume: bool,
    },
    /// Client: make this directory.
    MakeDirectory { name: Name },
    /// Server: some of what is below the name, paths relative to it.
    Entries(Vec<Entry>),
    /// Server: that was all of it, but for what cannot be sent.
    ListEnd(LeftOut),
    /// Server: the file as it is, and where the data begins.
    File { facts: Facts, offset: u64 },
    /// Server: the beginning I have of the file you put.
    Ready { have: Prefix },
    /// Client: the data begins here.
    Start { offset: u64 },
    /// Sender: that was all the data; this is the digest of the whole file.
    Done { digest: Digest },
    /// Server: it is stored under its name.
    Stored,
    /// Either: no, and why. The last message on its side of the stream.
    Failed { reason: Reason, text: String },
}

/// What must be known of a file to make another like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Bytes in it.
    pub(crate) size: u64,
    /// When it was written last.
    pub(crate) modified: Modified,
    /// Whether its owner may execute it.
    pub(crate) executable: bool,
}

/// A time of modification, since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Modified {
    /// Whole seconds; negative before 1970.
    pub(crate) seconds: i64,
    /// And nanoseconds, below 1,000,000,000.
    pub(crate) nanos: u32,
}

/// The beginning of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    /// Bytes in it.
    pub(crate) length: u64,
    /// Their digest.
    pub(crate) digest: Digest,
}

/// One thing in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where, relative to what was listed; the root name when that is itself a file.
    pub(crate) name: Name,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What a thing in a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File(Facts),
    /// A directory.
    Directory,
}

/// What a listing does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Links to directories or out of the tree, devices, sockets, pipes, unfinished transfers.
    pub(crate) odd: u32,
    /// Directories that cannot be read and names that cannot be sent: the copy would not be whole.
    pub(crate) unreadable: u32,
}

/// Why a peer said no. The text says it to people; this says what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// This request cannot be served; another may be.
    Refused = 1,
    /// No request like it will be served: uploads are off, or the disk is full.
    Hopeless = 2,
    /// The file changed while it was read, or what arrived is not what was sent.
    Changed = 3,
    /// The request breaks the protocol.
    Malformed = 4,
}

/// A message that breaks the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// No message has this number.
    UnknownKind(u8),
    /// The body ends too early.
    Truncated,
    /// The body goes on after its end.
    TrailingBytes,
    /// The body is longer than a message may be.
    TooLong(usize),
    /// A path is not taken.
    Name(BadName),
    /// A field has a value that it cannot have.
    Value,
}

impl Message {
    /// The number before the body.
    pub(crate) const fn kind(&self) -> u8 {
        match self {
            Self::List { .. } => 1,
            Self::Get { .. } => 2,
            Self::Put { .. } => 3,
            Self::MakeDirectory { .. } => 4,
            Self::Entries(_) => 16,
            Self::ListEnd(_) => 17,
            Self::File { .. } => 18,
            Self::Ready { .. } => 19,
            Self::Start { .. } => 20,
            Self::Done { .. } => 22,
            Self::Stored => 23,
            Self::Failed { .. } => 31,
        }
    }

    /// Appends the body.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::List { name } | Self::MakeDirectory { name } => put_text(out, name.as_str()),
            Self::Get { name, have } => {
                put_text(out, name.as_str());
                out.push(u8::from(have.is_some()));
                if let Some(have) = have {
                    have.encode(out);
                }
            }
            Self::Put {
                name,
                facts,
                resume,
            } => {
                put_text(out, name.as_str());
                facts.encode(out);
                out.push(u8::from(*resume));
            }
            Self::Entries(entries) => entries.iter().for_each(|entry| entry.encode(out)),
            Self::ListEnd(LeftOut { odd, unreadable }) => {
                out.extend(odd.to_be_bytes());
                out.extend(unreadable.to_be_bytes());
            }
            Self::File { facts, offset } => {
                facts.encode(out);
                out.extend(offset.to_be_bytes());
            }
            Self::Ready { have } => have.encode(out),
            Self::Start { offset } => out.extend(offset.to_be_bytes()),
            Self::Done { digest } => out.extend(digest.0),
            Self::Stored => {}
            Self::Failed { reason, text } => {
                out.push(*reason as u8);
                put_text(out, cut(text, TEXT_MAX));
            }
        }
    }

    /// Reads the body of a message of this kind.
    pub(crate) fn decode(kind: u8, body: &[u8]) -> Result<Self, Malformed> {
        if body.len() > MESSAGE_MAX {
            return Err(Malformed::TooLong(body.len()));
        }
        let mut body = Fields(body);
        let message = match kind {
            1 => Self::List { name: body.name()? },
            2 => Self::Get {
                name: body.name()?,
                have: if body.flag()? {
                    Some(body.prefix()?)
                } else {
                    None
                },
            },
            3 => Self::Put {
                name: body.name()?,
                facts: body.facts()?,
                resume: body.flag()?,
            },
            4 => Self::MakeDirectory { name: body.name()? },
            16 => Self::Entries(body.entries()?),
            17 => Self::ListEnd(LeftOut {
                odd: body.u32()?,
                unreadable: body.u32()?,
            }),
            18 => Self::File {
                facts: body.facts()?,
                offset: body.length()?,
            },
            19 => Self::Ready {
                have: body.prefix()?,
            },
            20 => Self::Start {
                offset: body.length()?,
            },
            22 => Self::Done {
                digest: Digest(body.array()?),
            },
            23 => Self::Stored,
            31 => Self::Failed {
                reason: body.reason()?,
                text: body.text(TEXT_MAX)?.to_owned(),
            },
            unknown => return Err(Malformed::UnknownKind(unknown)),
        };
        if body.0.is_empty() {
            Ok(message)
        } else {
            Err(Malformed::TrailingBytes)
        }
    }
}

impl Facts {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.size.to_be_bytes());
        out.extend(self.modified.seconds.to_be_bytes());
        out.extend(self.modified.nanos.to_be_bytes());
        out.push(u8::from(self.executable));
    }
}

impl Prefix {
    /// The beginning that everybody has.
    pub(crate) fn none() -> Self {
        Self {
            length: 0,
            digest: Digest::of(&[]),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.length.to_be_bytes());
        out.extend(self.digest.0);
    }
}

impl Entry {
    /// Whether it is a file and not a directory.
    pub(crate) const fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File(_))
    }

    /// The most bytes an entry of this name takes in a message.
    pub(crate) fn encoded_max(&self) -> usize {
        2 + self.name.as_str().len() + 1 + FACTS_LENGTH
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_text(out, self.name.as_str());
        match &self.kind {
            Kind::File(facts) => {
                out.push(0);
                facts.encode(out);
            }
            Kind::Directory => out.push(1),
        }
    }
}

/// What is left to read of a body.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(Malformed::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed::Truncated)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn flag(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed::Value),
        }
    }

    /// A size or an offset.
    fn length(&mut self) -> Result<u64, Malformed> {
        let length = u64::from_be_bytes(self.array()?);
        if length <= FILE_MAX {
            Ok(length)
        } else {
            Err(Malformed::Value)
        }
    }

    fn text(&mut self, max: usize) -> Result<&'a str, Malformed> {
        let length = usize::from(u16::from_be_bytes(self.array()?));
        if length > max {
            return Err(Malformed::TooLong(length));
        }
        str::from_utf8(self.take(length)?).map_err(|_| Malformed::Name(BadName::NotUtf8))
    }

    fn name(&mut self) -> Result<Name, Malformed> {
        Name::parse(self.text(NAME_MAX)?).map_err(Malformed::Name)
    }

    fn facts(&mut self) -> Result<Facts, Malformed> {
        let size = self.length()?;
        let seconds = i64::from_be_bytes(self.array()?);
        let nanos = self.u32()?;
        if nanos >= 1_000_000_000 {
            return Err(Malformed::Value);
        }
        Ok(Facts {
            size,
            modified: Modified { seconds, nanos },
            executable: self.flag()?,
        })
    }

    fn prefix(&mut self) -> Result<Prefix, Malformed> {
        Ok(Prefix {
            length: self.length()?,
            digest: Digest(self.array()?),
        })
    }

    fn entries(&mut self) -> Result<Vec<Entry>, Malformed> {
        let mut entries = Vec::new();
        while !self.0.is_empty() {
            let name = self.name()?;
            let kind = match self.u8()? {
                0 => Kind::File(self.facts()?),
                1 => Kind::Directory,
                _ => return Err(Malformed::Value),
            };
            entries.push(Entry { name, kind });
        }
        Ok(entries)
    }

    fn reason(&mut self) -> Result<Reason, Malformed> {
        Ok(match self.u8()? {
            2 => Reason::Hopeless,
            3 => Reason::Changed,
            4 => Reason::Malformed,
            _ => Reason::Refused,
        })
    }
}

/// A text with its length before it. Callers bound it; what does not fit u16 is cut.
fn put_text(out: &mut Vec<u8>, text: &str) {
    let text = cut(text, usize::from(u16::MAX));
    out.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(text.as_bytes());
}

/// The longest beginning of a text that fits and does not end inside a character.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKind(kind) => write!(f, "no message has the number {kind}"),
            Self::Truncated => f.write_str("a message ends too early"),
            Self::TrailingBytes => f.write_str("a message goes on after its end"),
            Self::TooLong(length) => write!(f, "a message or text of {length} bytes is too long"),
            Self::Name(why) => write!(f, "{why} is refused"),
            Self::Value => f.write_str("a field has a value that it cannot have"),
        }
    }
}

/// Size, seconds, nanoseconds, executable.
const FACTS_LENGTH: usize = 8 + 8 + 4 + 1;

#[cfg(test)]
mod tests;

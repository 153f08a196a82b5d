//! In: what a link carried. Out: what that says about the connections on it. Keeps headers and sizes, no payload.

use std::fmt;
use std::time::Duration;

use super::header::{Form, Header};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It has not arrived yet.
    Flying,
    Arrived,
    /// It arrived, with one byte changed.
    Corrupted,
    /// The fault took it.
    Lost,
    /// The queue was full.
    Overflowed,
    /// It is longer than the link carries.
    TooLong,
    /// It was for an address that the NAT has forgotten.
    Forgotten,
}

/// One datagram.
#[derive(Clone, Debug)]
pub(crate) struct Crossing {
    pub(crate) direction: Direction,
    /// Which client, and which address of the server.
    pub(crate) flow: usize,
    /// Which mapping of the NAT, counted from zero.
    pub(crate) mapping: usize,
    /// Since the first datagram.
    pub(crate) sent: Duration,
    /// Since the first datagram.
    pub(crate) arrived: Duration,
    pub(crate) bytes: usize,
    pub(crate) ecn: u8,
    pub(crate) fate: Fate,
    pub(crate) headers: Vec<Header>,
}

/// All datagrams, in the order in which they were sent.
#[derive(Debug, Default)]
pub(crate) struct Record(pub(super) Vec<Crossing>);

#[cfg(test)]
impl From<Vec<Crossing>> for Record {
    fn from(crossings: Vec<Crossing>) -> Self {
        Self(crossings)
    }
}

impl Crossing {
    /// Whether it reached the other end as it was.
    pub(crate) fn is_whole(&self) -> bool {
        self.fate == Fate::Arrived
    }

    pub(crate) fn has(&self, form: Form) -> bool {
        self.headers.iter().any(|header| header.form == form)
    }
}

impl Record {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Crossing> {
        self.0.iter()
    }

    /// A line for each datagram, for whoever looks for the reason of a failure.
    pub(crate) fn lines(&self) -> String {
        let mut lines = String::new();
        for crossing in self.all() {
            let Crossing {
                direction,
                flow,
                mapping,
                sent,
                arrived: _,
                bytes,
                ecn,
                fate,
                headers,
            } = crossing;
            let forms: Vec<String> = headers
                .iter()
                .map(|header| format!("{:?} v{:x}", header.form, header.version))
                .collect();
            let ms = sent.as_secs_f64() * 1000.0;
            lines.push_str(&format!(
                "{ms:10.3} {direction:?} {flow}.{mapping} {bytes:5} B ecn {ecn} {fate:?} {}\n",
                forms.join(", ")
            ));
        }
        lines
    }

    pub(crate) fn of(&self, direction: Direction) -> impl Iterator<Item = &Crossing> {
        self.all()
            .filter(move |crossing| crossing.direction == direction)
    }

    /// The headers of one form, with the datagrams that they were in.
    pub(crate) fn headers(
        &self,
        direction: Direction,
        form: Form,
    ) -> impl Iterator<Item = (&Crossing, &Header)> {
        self.of(direction).flat_map(move |crossing| {
            let headers = crossing.headers.iter();
            headers
                .filter(move |header| header.form == form)
                .map(move |header| (crossing, header))
        })
    }

    /// The connection IDs that servers chose, one for each handshake that took place, in order.
    pub(crate) fn handshakes(&self) -> Vec<Vec<u8>> {
        let mut ids: Vec<Vec<u8>> = Vec::new();
        for (_, header) in self.headers(Direction::ToClient, Form::Handshake) {
            if !ids.contains(&header.source) {
                ids.push(header.source.clone());
            }
        }
        ids
    }

    /// How many datagrams had this fate.
    pub(crate) fn count(&self, direction: Direction, fate: Fate) -> usize {
        self.of(direction)
            .filter(|crossing| crossing.fate == fate)
            .count()
    }

    /// The time from the first to the last datagram of the server with application data that arrived.
    pub(crate) fn application_time(&self) -> Option<Duration> {
        let mut times = self
            .headers(Direction::ToClient, Form::Short)
            .filter(|(crossing, _)| crossing.is_whole())
            .map(|(crossing, _)| crossing.arrived);
        let first = times.next()?;
        let last = times.last()?;
        Some(last.saturating_sub(first))
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, direction) in [
            ("to server", Direction::ToServer),
            ("to client", Direction::ToClient),
        ] {
            let bytes: usize = self.of(direction).map(|crossing| crossing.bytes).sum();
            write!(f, "{name} {} ({bytes} B)", self.of(direction).count())?;
            for (what, fate) in [
                ("lost", Fate::Lost),
                ("corrupted", Fate::Corrupted),
                ("overflowed", Fate::Overflowed),
                ("too long", Fate::TooLong),
                ("forgotten", Fate::Forgotten),
            ] {
                match self.count(direction, fate) {
                    0 => {}
                    count => write!(f, " {what} {count}")?,
                }
            }
            if direction == Direction::ToServer {
                f.write_str(", ")?;
            }
        }
        Ok(())
    }
}

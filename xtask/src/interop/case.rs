//! In: names. Out: what is tested, who plays which part, which files cross. Pure. The names, files and links are those of
//! the QUIC interop runner; a quick run takes shorter files.

use std::fmt;
use std::time::Duration;

use super::link::{Fault, Rebinding, Share, Terms};
use super::program::Kind;

/// What is tested, in the words of the QUIC interop runner where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[value(rename_all = "lowercase")]
pub(crate) enum Case {
    /// One small file, no Retry.
    Handshake,
    /// Three files.
    Transfer,
    /// 10 MiB and 200 small files over loopback itself, as fast as both can.
    Bulk,
    /// A small file over a link of 1.5 s there and back.
    LongRtt,
    /// TLS_CHACHA20_POLY1305_SHA256 and nothing else is offered and taken.
    ChaCha20,
    /// Many small files, each on a stream of its own.
    Multiplexing,
    /// The server answers the first packet with Retry.
    Retry,
    /// The second connection is resumed from the first one's ticket.
    Resumption,
    /// The same, and what the second connection asks for leaves in 0-RTT and is taken.
    ZeroRtt,
    /// The link carries nothing for two seconds.
    BlackHole,
    /// Our side updates the keys between two files.
    KeyUpdate,
    /// The peer does.
    KeyUpdated,
    /// Both sides mark their packets, from the first to the last.
    Ecn,
    /// The client's answers are lost while the server has much to say.
    AmplificationLimit,
    /// Many connections over a link that loses 30 %.
    HandshakeLoss,
    /// A file over a link that loses 2 %.
    TransferLoss,
    /// Many connections over a link that corrupts 30 %.
    HandshakeCorruption,
    /// A file over a link that corrupts 2 %.
    TransferCorruption,
    /// Over IPv6.
    Ipv6,
    /// The client begins with a version that the server does not speak.
    VersionNegotiation,
    /// The client begins with version 1, and the server goes over to version 2.
    V2,
    /// The client's port changes on the way.
    #[value(name = "rebind-port")]
    RebindPort,
    /// The client's address changes on the way.
    #[value(name = "rebind-addr")]
    RebindAddr,
    /// The server asks the client to go to another of its addresses.
    ConnectionMigration,
    /// The error cases of h3spec: whoever breaks a rule is told which.
    H3Spec,
    /// How fast a long file comes over the usual link.
    Goodput,
}

/// How long a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// Minutes for the whole matrix.
    Quick,
    /// What the runner has.
    Full,
}

impl Case {
    pub(crate) const ALL: [Self; 26] = [
        Self::Handshake,
        Self::Transfer,
        Self::Bulk,
        Self::LongRtt,
        Self::ChaCha20,
        Self::Multiplexing,
        Self::Retry,
        Self::Resumption,
        Self::ZeroRtt,
        Self::BlackHole,
        Self::KeyUpdate,
        Self::KeyUpdated,
        Self::Ecn,
        Self::AmplificationLimit,
        Self::HandshakeLoss,
        Self::TransferLoss,
        Self::HandshakeCorruption,
        Self::TransferCorruption,
        Self::Ipv6,
        Self::VersionNegotiation,
        Self::V2,
        Self::RebindPort,
        Self::RebindAddr,
        Self::ConnectionMigration,
        Self::H3Spec,
        Self::Goodput,
    ];

    /// The head of its line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Transfer => "transfer",
            Self::Bulk => "bulk",
            Self::LongRtt => "longrtt",
            Self::ChaCha20 => "chacha20",
            Self::Multiplexing => "multiplexing",
            Self::Retry => "retry",
            Self::Resumption => "resumption",
            Self::ZeroRtt => "zerortt",
            Self::BlackHole => "blackhole",
            Self::KeyUpdate => "keyupdate",
            Self::KeyUpdated => "keyupdated",
            Self::Ecn => "ecn",
            Self::AmplificationLimit => "amplificationlimit",
            Self::HandshakeLoss => "handshakeloss",
            Self::TransferLoss => "transferloss",
            Self::HandshakeCorruption => "handshakecorruption",
            Self::TransferCorruption => "transfercorruption",
            Self::Ipv6 => "ipv6",
            Self::VersionNegotiation => "versionnegotiation",
            Self::V2 => "v2",
            Self::RebindPort => "rebind-port",
            Self::RebindAddr => "rebind-addr",
            Self::ConnectionMigration => "connectionmigration",
            Self::H3Spec => "h3spec",
            Self::Goodput => "goodput",
        }
    }

    /// The link that it takes; none where the two talk over loopback itself.
    pub(crate) fn link(self, scale: Scale) -> Option<Terms> {
        let mut terms = Terms::usual();
        let some = |percent| Share { percent, burst: 3 };
        match self {
            Self::Bulk | Self::VersionNegotiation | Self::H3Spec => return None,
            Self::LongRtt => terms.delay = Duration::from_millis(750),
            Self::BlackHole => {
                terms.fault = Fault::BlackHole {
                    after: scale.pick(Duration::from_millis(600), Duration::from_secs(5)),
                    length: Duration::from_secs(2),
                }
            }
            Self::AmplificationLimit => terms.fault = Fault::Listed(vec![2, 3, 4, 5, 6, 7]),
            Self::HandshakeLoss => terms.fault = Fault::Loss(some(30)),
            Self::TransferLoss => terms.fault = Fault::Loss(some(2)),
            Self::HandshakeCorruption => terms.fault = Fault::Corruption(some(30)),
            Self::TransferCorruption => terms.fault = Fault::Corruption(some(2)),
            Self::RebindPort | Self::RebindAddr => {
                terms.rebinding = Some(Rebinding {
                    first: scale.pick(Duration::from_millis(500), Duration::from_secs(1)),
                    every: scale.pick(Duration::from_millis(500), Duration::from_secs(5)),
                    address: self == Self::RebindAddr,
                });
            }
            _ => {}
        }
        Some(terms)
    }

    /// How many times it is run; the worst counts.
    pub(crate) fn repetitions(self, scale: Scale) -> usize {
        match self {
            Self::Goodput => scale.pick(1, 5),
            _ => 1,
        }
    }

    /// Whether every file is fetched over a connection of its own.
    pub(crate) fn many_connections(self) -> bool {
        matches!(self, Self::HandshakeLoss | Self::HandshakeCorruption)
    }

    /// How long its clients may take.
    pub(crate) fn limit(self) -> Duration {
        let many = self.many_connections() || self == Self::H3Spec;
        Duration::from_secs(if many { 300 } else { 60 })
    }

    /// What stands in its cells.
    pub(crate) fn show(self, measured: f64) -> String {
        match self {
            Self::Goodput => format!("{measured:.2}"),
            _ => format!("{measured:.0}"),
        }
    }
}

impl Scale {
    pub(crate) fn pick<T>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

/// How many small files there are of each kind.
pub(crate) const SMALL_FILES: usize = 200;
/// More than the streams that a server permits at once.
pub(crate) const TINY_FILES: usize = 1999;
/// One for each connection of the cases that make many.
pub(crate) const CONNECTIONS: usize = 50;

/// Which part our side plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Role {
    /// Ours fetches.
    Client,
    /// Ours serves.
    Server,
}

/// One cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pairing {
    /// Ours, or what stands for it.
    pub(crate) ours: Kind,
    /// The other.
    pub(crate) peer: Kind,
    /// What ours does.
    pub(crate) role: Role,
    /// What is tested.
    pub(crate) case: Case,
}

impl Pairing {
    pub(crate) fn new(ours: Kind, role: Role, peer: Kind, case: Case) -> Self {
        Self {
            ours,
            peer,
            role,
            case,
        }
    }

    pub(crate) fn client(&self) -> Kind {
        match self.role {
            Role::Client => self.ours,
            Role::Server => self.peer,
        }
    }

    pub(crate) fn server(&self) -> Kind {
        match self.role {
            Role::Client => self.peer,
            Role::Server => self.ours,
        }
    }

    /// The link between the two; none where they talk over loopback itself.
    pub(crate) fn link(&self, scale: Scale) -> Option<Terms> {
        let beside = self.case == Case::ConnectionMigration && self.server().prefers_its_own();
        self.case.link(scale).filter(|_| !beside)
    }

    /// The files that cross.
    pub(crate) fn paths(&self, scale: Scale) -> Vec<String> {
        let (names, numbered): (&[&str], (&str, usize)) = match self.case {
            Case::Handshake | Case::LongRtt | Case::VersionNegotiation | Case::V2 => {
                (&["1k"], NONE)
            }
            Case::Transfer => (scale.pick(&["512k", "1m"], &["2m", "3m", "5m"]), NONE),
            // gtlsserver has no answer for a file without bytes.
            Case::Bulk if self.server() == Kind::Ngtcp2 => (&["10m"], ("f", SMALL_FILES)),
            Case::Bulk => (&["10m", "empty"], ("f", SMALL_FILES)),
            Case::ChaCha20 => (scale.pick(&["512k"], &["3m"]), NONE),
            Case::Multiplexing => (&[], ("t", scale.pick(500, TINY_FILES))),
            Case::Retry => (&["10k"], NONE),
            Case::ZeroRtt => (&[], ("t", 40)),
            Case::Resumption | Case::Ipv6 => (&["5k", "10k"], NONE),
            Case::BlackHole => (scale.pick(&["2m"], &["10m"]), NONE),
            Case::KeyUpdate | Case::KeyUpdated => {
                (scale.pick(&["1k", "512k"], &["1k", "3m"]), NONE)
            }
            Case::Ecn => (&["100k"], NONE),
            Case::AmplificationLimit => (&["5k"], NONE),
            Case::HandshakeLoss | Case::HandshakeCorruption => {
                (&[], ("c", scale.pick(6, CONNECTIONS)))
            }
            Case::TransferLoss | Case::TransferCorruption | Case::ConnectionMigration => {
                (scale.pick(&["1m"], &["2m"]), NONE)
            }
            Case::RebindPort | Case::RebindAddr => (scale.pick(&["2m"], &["10m"]), NONE),
            // The offender asks for nothing.
            Case::H3Spec => (&[], NONE),
            Case::Goodput => (scale.pick(&["3m"], &["10m"]), NONE),
        };
        let mut paths: Vec<String> = names.iter().map(|name| format!("/{name}")).collect();
        let (letter, count) = numbered;
        paths.extend((1..=count).map(|number| format!("/{letter}{number}")));
        paths
    }

    /// The connections that it takes, at least.
    pub(crate) fn connections(&self, scale: Scale) -> usize {
        match self.case {
            Case::Resumption | Case::ZeroRtt => 2,
            case if case.many_connections() => self.paths(scale).len(),
            _ => 1,
        }
    }

    /// Who updates the keys, if anybody does.
    pub(crate) fn key_updater(&self) -> Option<Role> {
        match (self.case, self.role) {
            (Case::KeyUpdate, role) => Some(role),
            (Case::KeyUpdated, Role::Client) => Some(Role::Server),
            (Case::KeyUpdated, Role::Server) => Some(Role::Client),
            _ => None,
        }
    }

    /// Whether HTTP/3 is spoken, which is all that ngtcp2's programs speak.
    pub(crate) fn http3(&self) -> bool {
        self.ours == Kind::Ngtcp2 || self.peer == Kind::Ngtcp2
    }
}

impl fmt::Display for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!(
            "{} client, {} server: {}",
            self.client().name(),
            self.server().name(),
            self.case.name()
        );
        f.pad(&text)
    }
}

const NONE: (&str, usize) = ("", 0);

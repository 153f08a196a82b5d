//! In: names. Out: what is tested, who plays which part, which files cross. Pure.

use std::fmt;

use super::program::Kind;

/// What is tested, in the words of the QUIC interop runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[value(rename_all = "lowercase")]
pub(crate) enum Case {
    /// One small file.
    Handshake,
    /// One file of 10 MiB.
    Transfer,
    /// 200 small files, each on a stream of its own.
    Streams,
    /// TLS_CHACHA20_POLY1305_SHA256 and nothing else is offered and taken.
    ChaCha20,
    /// The server answers the first packet with Retry.
    Retry,
    /// The second connection is resumed from the first one's ticket.
    Resumption,
    /// The same, and what the second connection asks for leaves in 0-RTT and is taken.
    ZeroRtt,
    /// Our side updates the keys between two files.
    KeyUpdate,
    /// The peer does.
    KeyUpdated,
    /// The client begins with a version that the server does not speak.
    VersionNegotiation,
}

impl Case {
    pub(crate) const ALL: [Self; 10] = [
        Self::Handshake,
        Self::Transfer,
        Self::Streams,
        Self::ChaCha20,
        Self::Retry,
        Self::Resumption,
        Self::ZeroRtt,
        Self::KeyUpdate,
        Self::KeyUpdated,
        Self::VersionNegotiation,
    ];

    /// The head of its column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Transfer => "transfer",
            Self::Streams => "streams",
            Self::ChaCha20 => "chacha20",
            Self::Retry => "retry",
            Self::Resumption => "resumption",
            Self::ZeroRtt => "zerortt",
            Self::KeyUpdate => "keyupdate",
            Self::KeyUpdated => "keyupdated",
            Self::VersionNegotiation => "version",
        }
    }
}

/// How many small files the streams case fetches: more than the 100 streams that most servers permit at once.
pub(crate) const STREAMS: usize = 200;

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

    /// The files that cross.
    pub(crate) fn paths(&self) -> Vec<String> {
        let names: &[&str] = match self.case {
            Case::Handshake | Case::Retry | Case::VersionNegotiation => &["/small"],
            Case::Transfer => &["/large"],
            Case::ChaCha20 => &["/medium"],
            Case::Resumption | Case::ZeroRtt | Case::KeyUpdate | Case::KeyUpdated => {
                &["/small", "/medium"]
            }
            // gtlsserver has no answer for a file without bytes.
            Case::Streams if self.server() == Kind::Ngtcp2 => &[],
            Case::Streams => &["/empty"],
        };
        let mut paths: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        if self.case == Case::Streams {
            paths.extend((1..=STREAMS).map(|number| format!("/f{number}")));
        }
        paths
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

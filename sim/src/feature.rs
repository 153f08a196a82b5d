//! What connections of the simulator use of what they can do, and how often each was used: what was never used has shown nothing.

use crate::Fault;

/// Something that an end may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// An end of a connection was established that has BBR as its congestion controller.
    Bbr,
    /// A datagram was delivered (RFC 9221).
    Datagram,
    /// The fate of a datagram was told.
    DatagramFate,
    /// A connection was established whose server took 0-RTT.
    EarlyAccepted,
    /// A connection was established whose server refused 0-RTT.
    EarlyRefused,
    /// Stream data was delivered before the handshake was complete.
    EarlyData,
    /// A connection was begun with a token of an earlier one.
    Token,
    /// A connection was established in version 2 (RFC 9369).
    Version2,
    /// A server went over to another version than that of the first packet (RFC 9368 §2.3).
    CompatibleVersion,
    /// A client began again after a Version Negotiation packet, and was established.
    VersionNegotiation,
    /// A client moved to another address or port of its own.
    Migration,
    /// A client moved to the preferred address of its server.
    PreferredAddress,
}

impl Feature {
    /// Every one, in the order of the counters.
    pub const ALL: [Self; 12] = [
        Self::Bbr,
        Self::Datagram,
        Self::DatagramFate,
        Self::EarlyAccepted,
        Self::EarlyRefused,
        Self::EarlyData,
        Self::Token,
        Self::Version2,
        Self::CompatibleVersion,
        Self::VersionNegotiation,
        Self::Migration,
        Self::PreferredAddress,
    ];
}

/// How often each fault was injected, and each feature used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    faults: [u64; Fault::ALL.len()],
    features: [u64; Feature::ALL.len()],
}

impl Tally {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            faults: [0; Fault::ALL.len()],
            features: [0; Feature::ALL.len()],
        }
    }

    /// A fault was injected.
    pub const fn note(&mut self, fault: Fault) {
        self.faults[fault as usize] += 1;
    }

    /// A fault was injected so many times.
    pub const fn note_all(&mut self, fault: Fault, count: u64) {
        self.faults[fault as usize] += count;
    }

    /// A feature was used.
    pub const fn note_use(&mut self, feature: Feature) {
        self.features[feature as usize] += 1;
    }

    /// How often a fault was injected.
    #[must_use]
    pub const fn of(&self, fault: Fault) -> u64 {
        self.faults[fault as usize]
    }

    /// How often a feature was used.
    #[must_use]
    pub const fn uses_of(&self, feature: Feature) -> u64 {
        self.features[feature as usize]
    }

    /// Adds what another tally has.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.faults.iter_mut().zip(other.faults) {
            *mine += theirs;
        }
        for (mine, theirs) in self.features.iter_mut().zip(other.features) {
            *mine += theirs;
        }
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

const _: () = {
    let mut index = 0;
    while index < Feature::ALL.len() {
        assert!(
            Feature::ALL[index] as usize == index,
            "in the order of the counters"
        );
        index += 1;
    }
};

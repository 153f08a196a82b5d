//! Why packets were dropped, counted. Nothing is ignored in silence.

use inquic_wire::HeaderError;

/// Why a datagram or a packet in it was not processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// The header could not be read, or broke a rule that every version keeps.
    Header,
    /// A destination connection id that is not ours.
    UnknownId,
    /// A version that we do not speak, in a datagram too short for an answer.
    UnknownVersion,
    /// An Initial packet in a datagram of less than 1,200 bytes.
    ShortInitial,
    /// An Initial packet for a port on which nobody listens.
    NotListening,
    /// More handshakes under way than the listener allows.
    HalfOpenLimit,
    /// More stateless answers asked for than are given in a second.
    RateLimit,
    /// A token that is not ours, or was used already.
    Token,
    /// Another packet of the datagram was for another connection.
    MixedIds,
    /// From an address that the connection does not use.
    UnknownPath,
    /// From an address to which no peer may send us: this machine's, nobody's, everybody's (RFC 9000 §21.5).
    ForbiddenPath,
    /// The keys for the packet have not come, and no room was left to keep it.
    NoKeys,
    /// The keys for the packet are gone.
    KeysDiscarded,
    /// The packet is not authentic.
    Authentication,
    /// The packet number was processed before.
    Duplicate,
    /// Retry or Version Negotiation at the wrong time, or with a wrong tag.
    Unexpected,
    /// The connection is closing or gone.
    Closed,
    /// The home had no memory for what the packet needs.
    Memory,
    /// No room is left for clients whose hello is not whole, or for their 0-RTT.
    HelloLimit,
    /// Nobody on the port takes what the client asks for, or it cannot be read.
    Unclaimed,
}

impl Drop {
    /// Every reason, in the order of the counters.
    pub const ALL: [Self; 20] = [
        Self::Header,
        Self::UnknownId,
        Self::UnknownVersion,
        Self::ShortInitial,
        Self::NotListening,
        Self::HalfOpenLimit,
        Self::RateLimit,
        Self::Token,
        Self::MixedIds,
        Self::UnknownPath,
        Self::ForbiddenPath,
        Self::NoKeys,
        Self::KeysDiscarded,
        Self::Authentication,
        Self::Duplicate,
        Self::Unexpected,
        Self::Closed,
        Self::Memory,
        Self::HelloLimit,
        Self::Unclaimed,
    ];
}

impl From<HeaderError> for Drop {
    fn from(_: HeaderError) -> Self {
        Self::Header
    }
}

/// How many packets were dropped for each reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops([u32; Drop::ALL.len()]);

impl Drops {
    /// Packets dropped for `reason`.
    #[must_use]
    pub fn of(&self, reason: Drop) -> u32 {
        self.0.get(reason as usize).copied().unwrap_or(0)
    }

    /// All packets dropped.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, &count| sum.saturating_add(u64::from(count)))
    }

    /// The reasons for which any were dropped, with how many.
    pub fn counted(&self) -> impl Iterator<Item = (Drop, u32)> {
        let all = Drop::ALL.into_iter().zip(self.0);
        all.filter(|&(_, count)| count > 0)
    }

    pub(crate) fn count(&mut self, reason: Drop) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count = count.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests;

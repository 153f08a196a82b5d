//! The ways to the peer: addresses, whether the peer's are validated, what may be sent before they are, and the connection ids of
//! both ends (RFC 9000 §5.1, §8, §9). Nothing in here sends a packet or reads a clock.

mod ecn;
mod kind;
mod local_ids;
mod mtu;
mod peer_ids;
mod state;
mod table;

pub(crate) use ecn::{Ecn, Reported};
pub use ecn::{EcnFailure, EcnFailures, EcnState};
pub(crate) use local_ids::LocalIds;
pub(crate) use mtu::Mtu;
pub(crate) use peer_ids::PeerIds;
pub(crate) use state::{Answered, PathId, PathState};
pub(crate) use table::{OnFailed, Paths};

use kind::may_follow;

use core::net::{IpAddr, SocketAddr};

/// The two addresses of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Our address and port, as the datagram was sent to them. Absent where a home cannot tell; with an unspecified address
    /// (`0.0.0.0` or `::`) the system chooses which of its addresses to send from.
    pub local: Option<SocketAddr>,
    /// The peer's address and port.
    pub remote: SocketAddr,
}

impl Path {
    /// Whether a datagram that came by `other` came by this path.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.remote == other.remote
            && match (self.local, other.local) {
                (Some(ours), Some(theirs)) => {
                    ours.port() == theirs.port()
                        && (ours.ip() == theirs.ip() || ours.ip().is_unspecified())
                }
                // A home that cannot tell has one address.
                (None, _) | (_, None) => true,
            }
    }

    /// Whether nothing but ports may differ.
    pub(crate) fn has_addresses_of(&self, other: &Self) -> bool {
        let known = |ip: IpAddr| !ip.is_unspecified();
        self.remote.ip() == other.remote.ip()
            && match (self.local, other.local) {
                (Some(ours), Some(theirs)) => {
                    ours == theirs || ours.ip() == theirs.ip() && known(ours.ip())
                }
                (None, _) | (_, None) => true,
            }
    }
}

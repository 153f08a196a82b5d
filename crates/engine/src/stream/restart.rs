//! Streams that were tried in 0-RTT, and refused: the limits of the server as it is come in, and everything is to be sent anew.

use inquic_wire::{Direction, TransportParameters};

use super::flow::SendCredit;
use super::{PeerLimits, Streams};

impl Streams {
    /// 0-RTT was rejected (RFC 9001 §4.6.2): everything is to be sent from the start, within the limits of `parameters` alone.
    /// `false` when more streams are open than these allow.
    #[must_use]
    pub fn restart(&mut self, parameters: &TransportParameters) -> bool {
        let allowed = [
            (
                Direction::Bidirectional,
                parameters.initial_max_streams_bidi,
            ),
            (
                Direction::Unidirectional,
                parameters.initial_max_streams_uni,
            ),
        ];
        for (direction, limit) in allowed {
            let local = self.local.get_mut(direction);
            if local.next > limit {
                return false;
            }
            local.limit = 0;
            local.told = 0;
        }
        self.peer = PeerLimits::default();
        self.credit = SendCredit::default();
        for slot in 0..self.slab.places() {
            if let Some(half) = self
                .slab
                .get_mut(slot)
                .and_then(|stream| stream.send.as_mut())
            {
                half.restart();
                self.settle(slot);
            }
        }
        self.set_peer_parameters(parameters);
        true
    }
}

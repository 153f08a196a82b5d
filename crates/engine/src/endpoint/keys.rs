//! The secrets of a port: a master secret in, what tokens, stateless resets and ids are made with out. None of them leaves it but for
//! what it is for.

use inquic_platform::{CipherSuite, Platform};

use super::{Endpoint, Routing};

/// The secrets of a port. With the same master secret, tokens and stateless resets stay valid across restarts and machines.
pub struct EndpointKeys {
    pub(super) master: [u8; 32],
    pub(super) routing: Option<Routing>,
}

impl EndpointKeys {
    /// Secrets derived from a master secret that others may share.
    #[must_use]
    pub const fn from_master(master: [u8; 32]) -> Self {
        Self {
            master,
            routing: None,
        }
    }

    /// Secrets of this endpoint alone.
    #[must_use]
    pub fn random(platform: &dyn Platform) -> Self {
        let mut master = [0; 32];
        platform.random(&mut master);
        Self::from_master(master)
    }

    /// The same secrets, and connection ids by which a load balancer finds this server.
    #[must_use]
    pub const fn with_routing(mut self, routing: Routing) -> Self {
        self.routing = Some(routing);
        self
    }

    pub(super) fn derive(&self, platform: &dyn Platform, label: &[u8], data: &[u8]) -> [u8; 32] {
        let mut hash = [0; 48];
        platform.hmac(
            CipherSuite::Aes128GcmSha256,
            &self.master,
            &[label, data],
            &mut hash,
        );
        hash.first_chunk().copied().unwrap_or_default()
    }

    /// The stateless reset token of one of our ids (RFC 9000 §10.3.2).
    pub(super) fn reset_token(&self, platform: &dyn Platform, id: &[u8]) -> [u8; 16] {
        self.derive(platform, b"stateless reset", id)
            .first_chunk()
            .copied()
            .unwrap_or_default()
    }
}

impl Endpoint {
    /// A secret of this port for whoever protects TLS session tickets: the same for endpoints with the same keys.
    #[must_use]
    pub fn ticket_key(&self) -> [u8; 64] {
        let mut key = [0; 64];
        let halves = [b"session ticket 0", b"session ticket 1"];
        for (half, label) in key.chunks_mut(32).zip(halves) {
            let derived = self.keys.derive(&*self.platform, label, &[]);
            for (to, from) in half.iter_mut().zip(derived) {
                *to = from;
            }
        }
        key
    }
}

//! Which version a connection uses (RFC 9368, RFC 9369): what the first packets and the transport parameters say comes in,
//! other keys or the offence goes out. A client never goes over to a version that it did not offer, nor a server to one that the
//! client did not, and no forged Version Negotiation packet makes them choose another than they would have.

use inquic_platform::{Instant, KeySide, Own};
use inquic_wire::{
    Code, ConnectionId, Level, PeerError, Role, Space, TransportParameters, Version,
    VersionInformation, Versions,
};

use super::Connection;
use crate::counters::Drop;
use crate::handshake::CryptoSend;
use crate::protect::{self, LevelKeys};
use crate::trace::What;

impl Connection {
    /// What our transport parameters say about versions. One reserved version among them keeps peers used to what they do
    /// not know.
    pub(super) fn version_information(&self, random: &[u8]) -> VersionInformation {
        let mut available = self.config.versions;
        // RFC 9368 §3: a client lists what it has chosen, whatever that is.
        if self.role == Role::Client {
            available.push(self.hello.original_version);
        }
        let byte = random.first().copied().unwrap_or_default();
        available.push(Version::reserved(byte));
        VersionInformation {
            chosen: self.version,
            available,
        }
    }

    /// Takes what the peer says about versions: a server goes over to the one that it likes best, a client checks that
    /// nobody has led it to another than it would have chosen.
    pub(super) fn settle_version(
        &mut self,
        peer: TransportParameters,
    ) -> Result<TransportParameters, PeerError> {
        match (self.role, &peer.version_information) {
            (Role::Server, Some(client)) => self.choose_version(client)?,
            (Role::Server, None) => {}
            (Role::Client, Some(server)) => self.check_version(server)?,
            // RFC 9368 §8: servers of version 1 may be older than version_information.
            (Role::Client, None)
                if self.hello.version_negotiated && self.hello.original_version == Version::V1 =>
            {
                self.check_version(&VersionInformation {
                    chosen: Version::V1,
                    available: Versions::of(&[Version::V1]),
                })?;
            }
            //= RFC 9368 §4: However, if a client has reacted to a Version Negotiation packet and the Version Information was
            //= missing, the client MUST close the connection with a version negotiation error.
            (Role::Client, None) if self.hello.version_negotiated => {
                return Err(offence(
                    "a version was negotiated with nothing to check it by",
                ));
            }
            // RFC 9369 §4.1: the version of the server's packets is the one that it has chosen.
            (Role::Client, None) if self.version != self.hello.original_version => {
                return Err(offence(
                    "the server changed the version and does not say so",
                ));
            }
            (Role::Client, None) => {}
        }
        Ok(peer)
    }

    /// A server's choice.
    fn choose_version(&mut self, client: &VersionInformation) -> Result<(), PeerError> {
        //= RFC 9368 §4: When the server then processes the client's Version Information, the server MUST validate that the
        //= client's Chosen Version matches the version in use for the connection.
        if client.chosen != self.hello.original_version {
            return Err(offence("chosen version is not the one of the first packet"));
        }
        let original = self.hello.original_version;
        let best = self.config.versions.first(|version| {
            version == original || version.is_known() && client.available.contains(version)
        });
        match best {
            // Once TLS has our parameters or the first keys, it is too late.
            Some(best) if self.hello.parameters_random.is_none() && !self.has_handshake_keys() => {
                self.go_over_to(best);
                self.hello.announces_version = self.version != original;
            }
            _ => {}
        }
        Ok(())
    }

    /// A client's checks.
    fn check_version(&self, server: &VersionInformation) -> Result<(), PeerError> {
        // Whether we offered it was seen when we went over to it.
        if server.chosen != self.version {
            return Err(offence("chosen version is not the one of the packets"));
        }
        if !self.hello.version_negotiated {
            return Ok(());
        }
        // RFC 9368 §4: a Version Negotiation packet was genuine if we would have tried the same version knowing what the
        // server speaks.
        let tried = self.hello.original_version;
        let would = self
            .config
            .versions
            .first(|version| version == tried || server.available.contains(version));
        if server.available.is_empty() || would != Some(tried) {
            return Err(offence(
                "a forged Version Negotiation packet led to this version",
            ));
        }
        Ok(())
    }

    /// Goes over to another version that both ends speak. What has come in packets of the old one stays, and such packets are
    /// opened until the Initial level is over. Without memory for the keys the old version stays.
    pub(super) fn go_over_to(&mut self, version: Version) {
        if version == self.version || !self.make_other_initial(version) {
            return;
        }
        let old = self.version;
        if let Some(other) = &mut self.keys.other_initial {
            let (of, keys) = &mut **other;
            core::mem::swap(keys, &mut self.keys.initial);
            *of = old;
            self.version = version;
            self.recovery.trace.note(|| What::Version(version));
        }
    }

    /// Whether the next datagram is the server's first of another version. It holds an acknowledgement and nothing that could be
    /// missed: there are clients (picoquic 1.1) that go over at the sight of it, do not open it, and acknowledge it all the same.
    pub(super) fn announces_version(&mut self, now: Instant) -> bool {
        let [initial, ..] = &self.carried.received;
        core::mem::take(&mut self.hello.announces_version) && initial.ack_is_due(now)
    }

    /// Sends a new first flight after a Version Negotiation packet.
    pub(super) fn begin_again_with(&mut self, version: Version) -> bool {
        self.version = version;
        self.hello.original_version = version;
        self.recovery.trace.note(|| What::Version(version));
        // RFC 9369 §5: a token is not used in another version than the one it was given in.
        self.hello.token = alloc::vec::Vec::new();
        self.stop_early();
        let id = self.hello.original_id;
        let begun = self.restart(&id);
        // TLS says something else now.
        if let Some(send) = self.carried.crypto_send.get_mut(Space::Initial.index()) {
            *send = CryptoSend::default();
        }
        self.pending.restarted = true;
        begun
    }

    /// The keys that open an Initial packet of `version`. The error is why it is dropped.
    pub(super) fn initial_keys_for(&mut self, version: Version) -> Result<(), Drop> {
        if self.keys.initial_discarded {
            return Err(Drop::KeysDiscarded);
        }
        let other = self.keys.other_initial.as_ref();
        let may_come = version == self.version
            || other.is_some_and(|other| other.0 == version)
            || self.role == Role::Client
                && !self.has_handshake_keys()
                && self.config.speaks(version)
                && self.make_other_initial(version);
        if may_come {
            Ok(())
        } else {
            Err(Drop::UnknownVersion)
        }
    }

    /// An authentic packet of `version` came at `level`. A client follows the server to a version that it offered.
    pub(super) fn on_version_seen(&mut self, level: Level, version: Version) {
        if self.role == Role::Client
            && level == Level::Initial
            && version != self.hello.original_version
            && !self.has_handshake_keys()
        {
            self.go_over_to(version);
        }
    }

    /// Whether packets of the Handshake level can be opened or could be, which fixes the version.
    pub(super) const fn has_handshake_keys(&self) -> bool {
        self.keys.handshake.open.is_some() || self.keys.handshake_discarded
    }

    /// The destination id that the Initial keys come from.
    fn initial_id(&self) -> ConnectionId {
        self.hello.retry_id.unwrap_or(self.hello.original_id)
    }

    /// Makes the keys that a server answers Initial packets with, as one was found authentic; `false` without memory for them.
    pub(super) fn can_answer(&mut self) -> bool {
        if self.role == Role::Client || self.keys.initial.seal.is_some() {
            return true;
        }
        let (platform, id) = (&*self.platform, self.initial_id());
        let seal = protect::initial_half(platform, self.version, self.role, KeySide::Seal, &id);
        self.keys.initial.seal = seal.ok();
        self.keys.initial.seal.is_some()
    }

    /// Makes the Initial keys of another version, once: a stranger's packet costs us no more than one derivation in all.
    fn make_other_initial(&mut self, version: Version) -> bool {
        if let Some(other) = &self.keys.other_initial {
            return other.0 == version;
        }
        if self.keys.initial_discarded {
            return false;
        }
        let id = self.initial_id();
        let keys: Result<LevelKeys, _> =
            protect::initial_keys(&*self.platform, version, self.role, &id);
        let Ok(keys) = keys else {
            return false;
        };
        self.keys.other_initial = Own::new((version, keys));
        self.keys.other_initial.is_some()
    }
}

const fn offence(reason: &'static str) -> PeerError {
    PeerError::new(Code::VersionNegotiation, reason)
}

const _: () = assert!(
    Versions::KNOWN.len() == 2,
    "there is one other version at most, and room for its keys"
);

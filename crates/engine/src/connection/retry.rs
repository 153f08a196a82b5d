//! What a server may answer to a first Initial instead of a handshake: Retry and Version Negotiation (RFC 9000 §6, §8.1.2).
//! Both come without encryption, so each is believed once at most, and never after an authentic packet.

use inquic_platform::crypto::TAG_LEN;
use inquic_platform::memory;
use inquic_wire::{ConnectionId, Header, Reader, Role, Version, Versions};

use super::Connection;
use super::close::CloseReason;
use crate::counters::Drop;
use crate::limits;
use crate::protect;
use crate::trace::What;

impl Connection {
    pub(super) fn on_retry(&mut self, packet: &[u8]) {
        if !self.follow_retry(packet) {
            self.drop_packet(Drop::Unexpected);
        }
    }

    /// Begins again with the server's token and id; `false` when the packet is not to be believed.
    fn follow_retry(&mut self, packet: &[u8]) -> bool {
        let Ok(Header::Retry {
            version,
            dcid,
            scid,
            token,
            tag,
        }) = Header::parse_greased(packet, limits::LOCAL_CID_LEN)
        else {
            return false;
        };
        let token = packet.get(token).unwrap_or_default();
        //= RFC 9000 §17.2.5.2: A client MUST accept and process at most one Retry packet for each connection attempt.
        let expected = self.role == Role::Client
            && !self.hello.heard
            && self.hello.retry_id.is_none()
            && version == self.version
            && dcid == self.hello.local_id
            && !token.is_empty()
            && token.len() <= limits::TOKEN_BYTES;
        //= RFC 9000 §17.2.5.2: A client MUST discard a Retry packet that contains a Source
        //= Connection ID field that is identical to the Destination Connection ID field of its
        //= Initial packet.
        if !expected || scid == self.hello.original_id {
            return false;
        }
        let Some(token) = memory::copied(token) else {
            return false;
        };
        let (original_id, retry) = (&self.hello.original_id, packet_without_tag(packet));
        //= RFC 9000 §17.2.5.2: Clients MUST discard Retry packets that have a Retry Integrity Tag that cannot be validated
        if protect::retry_tag(&*self.platform, version, original_id, retry) != Ok(tag) {
            return false;
        }
        self.hello.retry_id = Some(scid);
        self.hello.token = token;
        self.recovery.trace.note(|| What::Retried);
        self.carried.peer_ids.replace_first(scid);
        self.restart(&scid)
    }

    pub(super) fn on_version_negotiation(&mut self, packet: &[u8]) {
        if !self.follow_version_negotiation(packet) {
            self.drop_packet(Drop::Unexpected);
        }
    }

    /// Begins again with the best version that the server offers; `false` when the packet is not to be believed.
    fn follow_version_negotiation(&mut self, packet: &[u8]) -> bool {
        let Ok(Header::VersionNegotiation {
            dcid,
            scid,
            versions,
        }) = Header::parse_greased(packet, limits::LOCAL_CID_LEN)
        else {
            return false;
        };
        let field = |range| packet.get(range).unwrap_or_default();
        //= RFC 9000 §6.2: A client MUST discard any Version Negotiation packet if it has received and successfully processed
        //= any other packet, including an earlier Version Negotiation packet.
        let expected = self.role == Role::Client
            && !self.hello.heard
            && !self.hello.version_negotiated
            && self.hello.retry_id.is_none()
            && field(dcid) == self.hello.local_id.as_slice()
            && field(scid) == self.hello.original_id.as_slice();
        if !expected {
            return false;
        }
        let mut offered = Reader::new(field(versions));
        let mut common = Versions::empty();
        while let Ok(version) = offered.u32() {
            let version = Version(version);
            //= RFC 9000 §6.2: A client MUST discard a Version Negotiation packet that lists the QUIC version selected by the
            //= client.
            if version == self.version {
                return false;
            }
            if self.config.speaks(version) {
                common.push(version);
            }
        }
        self.hello.version_negotiated = true;
        self.recovery.trace.note(|| What::VersionNegotiated);
        let Some(version) = self
            .config
            .versions
            .first(|version| common.contains(version))
        else {
            self.abandon(CloseReason::VersionNegotiation);
            return true;
        };
        self.begin_again_with(version)
    }

    /// Sends the first flight again under keys from another id.
    pub(super) fn restart(&mut self, id: &ConnectionId) -> bool {
        let Ok(keys) = protect::initial_keys(&*self.platform, self.version, self.role, id) else {
            return false;
        };
        self.keys.initial = keys;
        self.keys.other_initial = None;
        let carried = &mut self.carried;
        self.recovery
            .retry(&mut |space, fate, frame| carried.on_fate(space, fate, frame));
        self.refresh_timer();
        true
    }
}

fn packet_without_tag(packet: &[u8]) -> &[u8] {
    packet
        .get(..packet.len().saturating_sub(TAG_LEN))
        .unwrap_or_default()
}

//! 1-RTT keys and their updates: secrets in, packets sealed and opened out; never a key past its limit (RFC 9001 §6).

use alloc::boxed::Box;
use alloc::sync::Arc;

use inquic_platform::{
    AeadLimits, CipherSuite, CryptoError, Duration, HeaderKey, Instant, KeySide, PacketKey,
    Platform,
};
use inquic_wire::{Code, PeerError, Version};

use super::schedule::{self, Labels, derive_secret};
use super::{DirectionKeys, Secret};

/// Both directions of the 1-RTT level from the moment both secrets are in.
pub(crate) struct OneRtt {
    platform: Arc<dyn Platform>,
    labels: &'static Labels,
    suite: CipherSuite,
    limits: AeadLimits,
    /// The key phase bit of what we seal and expect.
    phase: bool,
    /// How many updates there have been.
    updates: u64,
    sealing: Sealing,
    opening: OpeningKeys,
}

struct Sealing {
    key: Box<dyn PacketKey>,
    header: Box<dyn HeaderKey>,
    /// The secret behind the key after this one.
    next_secret: Secret,
    /// Packets sealed with this key.
    sealed: u64,
    /// The first packet number sealed with this key.
    first: Option<u64>,
    /// Whether the peer has acknowledged a packet sealed with this key.
    acknowledged: bool,
}

struct OpeningKeys {
    key: Box<dyn PacketKey>,
    header: Box<dyn HeaderKey>,
    /// Made ahead, so that a flipped phase bit costs no derivation and tells nothing by its timing (RFC 9001 §9.5).
    //= RFC 9001 §6.3: Endpoints responding to an apparent key update MUST NOT generate a timing side-channel signal that might
    //= indicate that the Key Phase bit was invalid
    next: Box<dyn PacketKey>,
    next_secret: Secret,
    previous: Option<Previous>,
    /// The lowest packet number opened with this key.
    first: Option<u64>,
    /// Packets that did not open, over all keys.
    failed: u64,
}

struct Previous {
    key: Box<dyn PacketKey>,
    /// Not known before the peer has used the keys after these.
    until: Option<Instant>,
}

/// With which key a packet is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    Current,
    Previous,
    Next,
}

impl OneRtt {
    pub(crate) fn new(
        platform: &Arc<dyn Platform>,
        version: Version,
        suite: CipherSuite,
        seal: &Secret,
        open: &Secret,
    ) -> Result<Self, CryptoError> {
        let seal_keys = DirectionKeys::derive(&**platform, version, suite, KeySide::Seal, seal)?;
        let open_keys = DirectionKeys::derive(&**platform, version, suite, KeySide::Open, open)?;
        let labels = Labels::of(version);
        let open_secret = derive_secret(&**platform, suite, open, labels.update);
        let opening = OpeningKeys {
            key: open_keys.packet,
            header: open_keys.header,
            next: schedule::packet_key(&**platform, labels, suite, KeySide::Open, &open_secret)?,
            next_secret: derive_secret(&**platform, suite, &open_secret, labels.update),
            previous: None,
            first: None,
            failed: 0,
        };
        let sealing = Sealing {
            key: seal_keys.packet,
            header: seal_keys.header,
            next_secret: derive_secret(&**platform, suite, seal, labels.update),
            sealed: 0,
            first: None,
            acknowledged: false,
        };
        Ok(Self {
            platform: Arc::clone(platform),
            labels,
            suite,
            limits: platform.aead_limits(suite),
            phase: false,
            updates: 0,
            sealing,
            opening,
        })
    }

    /// Packets were sealed with this key before it could open any.
    pub(crate) const fn continue_sealing(&mut self, sealed: u64, first: Option<u64>) {
        self.sealing.sealed = sealed;
        self.sealing.first = first;
    }

    /// Packets are neither sealed nor opened: the keys never wear out and are never updated.
    pub(crate) const fn leave_unused(&mut self) {
        self.limits = AeadLimits {
            confidentiality: u64::MAX,
            integrity: u64::MAX,
        };
    }

    /// The phase bit for the packets we seal.
    pub(crate) const fn phase(&self) -> bool {
        self.phase
    }

    /// How often the keys have been updated.
    pub(crate) const fn updates(&self) -> u64 {
        self.updates
    }

    pub(crate) fn seal_keys(&self) -> (&dyn PacketKey, &dyn HeaderKey) {
        (&*self.sealing.key, &*self.sealing.header)
    }

    pub(crate) fn open_header(&self) -> &dyn HeaderKey {
        &*self.opening.header
    }

    pub(crate) fn open_key(&self, opening: Opening) -> Option<&dyn PacketKey> {
        match opening {
            Opening::Current => Some(&*self.opening.key),
            Opening::Next => Some(&*self.opening.next),
            Opening::Previous => self
                .opening
                .previous
                .as_ref()
                .map(|previous| &*previous.key),
        }
    }

    /// Counts a packet about to be sealed; `Err` when this key may seal no more.
    pub(crate) fn on_seal(&mut self, number: u64) -> Result<(), ()> {
        //= RFC 9001 §6.6: Endpoints MUST count the number of encrypted packets for each set of keys.
        if self.sealing.sealed >= self.limits.confidentiality {
            return Err(());
        }
        self.sealing.sealed = self.sealing.sealed.saturating_add(1);
        self.sealing.first.get_or_insert(number);
        Ok(())
    }

    /// Whether so much was sealed that the key should be updated now: half of what it may seal.
    pub(crate) fn wants_update(&self) -> bool {
        self.sealing.sealed >= self.limits.confidentiality / 2
    }

    /// Packet `largest` has been acknowledged.
    pub(crate) fn on_acknowledged(&mut self, largest: u64) {
        if self.sealing.first.is_some_and(|first| largest >= first) {
            self.sealing.acknowledged = true;
        }
    }

    /// Which key a packet of this phase bit and number is for.
    pub(crate) fn choose(&self, phase: bool, number: u64) -> Opening {
        if phase == self.phase {
            return Opening::Current;
        }
        //= RFC 9001 §6.5: an endpoint MUST retain old keys until it has successfully unprotected a packet sent using the new keys.
        match (&self.opening.previous, self.opening.first) {
            (Some(_), None) => Opening::Previous,
            (Some(_), Some(first)) if number < first => Opening::Previous,
            _ => Opening::Next,
        }
    }

    /// A packet opened with the current key. The keys before it still open for `keep` after the first such packet.
    pub(crate) fn on_opened(&mut self, now: Instant, keep: Duration, number: u64) {
        self.opening.first = Some(self.opening.first.map_or(number, |first| first.min(number)));
        if let Some(previous) = &mut self.opening.previous {
            //= RFC 9001 §6.5: An endpoint SHOULD retain old read keys for no more than three times the PTO after having
            //= received a packet protected using the new keys.
            previous.until.get_or_insert(now + keep);
        }
    }

    /// A packet did not open; the error says that there were too many (RFC 9001 §6.6).
    pub(crate) fn on_open_failed(&mut self) -> Result<(), PeerError> {
        self.opening.failed = self.opening.failed.saturating_add(1);
        //= RFC 9001 §6.6: If the total number of received packets that fail authentication within
        //= the connection, across all keys, exceeds the integrity limit for the selected AEAD,
        //= the endpoint MUST immediately close the connection with a connection error of type
        //= AEAD_LIMIT_REACHED and not process any more packets.
        if self.opening.failed > self.limits.integrity {
            return Err(PeerError::new(
                Code::AeadLimitReached,
                "too many packets failed authentication",
            ));
        }
        Ok(())
    }

    /// Whether we may begin an update: the last one was acknowledged and its old keys are gone.
    pub(crate) fn may_update(&self) -> bool {
        //= RFC 9001 §6.1: An endpoint MUST NOT initiate a subsequent key update unless it has received an acknowledgment for a
        //= packet that was sent protected with keys from the current key phase.
        self.sealing.acknowledged && self.opening.previous.is_none()
    }

    /// Goes to the next keys in both directions; the old ones still open.
    pub(crate) fn update(&mut self) -> Result<(), CryptoError> {
        let platform = &*self.platform;
        let seal_key = schedule::packet_key(
            platform,
            self.labels,
            self.suite,
            KeySide::Seal,
            &self.sealing.next_secret,
        )?;
        let open_next = schedule::packet_key(
            platform,
            self.labels,
            self.suite,
            KeySide::Open,
            &self.opening.next_secret,
        )?;
        self.sealing.next_secret = derive_secret(
            platform,
            self.suite,
            &self.sealing.next_secret,
            self.labels.update,
        );
        self.opening.next_secret = derive_secret(
            platform,
            self.suite,
            &self.opening.next_secret,
            self.labels.update,
        );
        self.sealing.key = seal_key;
        self.sealing.sealed = 0;
        self.sealing.first = None;
        self.sealing.acknowledged = false;
        let current = core::mem::replace(&mut self.opening.next, open_next);
        let old = core::mem::replace(&mut self.opening.key, current);
        self.opening.previous = Some(Previous {
            key: old,
            until: None,
        });
        self.opening.first = None;
        self.phase = !self.phase;
        self.updates = self.updates.saturating_add(1);
        Ok(())
    }

    /// The peer began an update with packet `number`: follow it, if it was allowed to.
    pub(crate) fn on_peer_update(
        &mut self,
        now: Instant,
        keep: Duration,
        number: u64,
    ) -> Result<(), PeerError> {
        //= RFC 9001 §6.2: An endpoint MAY treat such consecutive key updates as a connection error of type KEY_UPDATE_ERROR.
        if self.updates > 0 && self.opening.first.is_none() {
            return Err(PeerError::new(
                Code::KeyUpdate,
                "a second key update before the first was answered",
            ));
        }
        if self.update().is_err() {
            return Err(PeerError::new(
                Code::Internal,
                "no memory for the next keys",
            ));
        }
        self.on_opened(now, keep, number);
        Ok(())
    }

    /// When the keys before this phase are to be forgotten.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.opening.previous.as_ref()?.until
    }

    /// Forgets the keys before this phase when their time is over.
    pub(crate) fn expire(&mut self, now: Instant) {
        if self.deadline().is_some_and(|until| until <= now) {
            self.opening.previous = None;
        }
    }
}

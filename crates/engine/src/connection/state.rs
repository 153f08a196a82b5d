//! Where a connection is in its life, and the keys of each level. States own what only they need.

use inquic_platform::{CipherSuite, Instant, KeySide, NoMemory, Own};
use inquic_wire::{Level, Version};

use super::close::Closing;
use super::early::{Early, Half};
use crate::protect::{DirectionKeys, LevelKeys, OneRtt, Secret};

/// The life of a connection (RFC 9000 §10).
pub(super) enum State {
    /// Until both 1-RTT secrets are in; given up at `until`.
    Handshaking { until: Instant },
    /// Data flows. Until the handshake is confirmed (RFC 9001 §4.1.2) the connection is given up at `confirm_by`.
    Connected { confirm_by: Option<Instant> },
    /// We closed it and answer what still comes (RFC 9000 §10.2.1).
    Closing(Closing),
    /// The peer closed it, and nothing is sent any more (RFC 9000 §10.2.2).
    Draining { until: Instant },
    /// Over.
    Gone,
}

/// The keys of all levels.
pub(super) struct Keys {
    pub(super) initial: LevelKeys,
    /// Those of another version than the one in use, while packets of both may come (RFC 9369 §4.1).
    pub(super) other_initial: Option<Own<(Version, LevelKeys)>>,
    pub(super) handshake: LevelKeys,
    pub(super) one_rtt: OneRttKeys,
    /// Which levels had keys that are gone for good.
    pub(super) initial_discarded: bool,
    pub(super) handshake_discarded: bool,
    /// Both ends asked for 1-RTT packets without protection: the 1-RTT keys are there and are not used.
    pub(super) in_clear: bool,
    /// 0-RTT, on connections that try it.
    pub(super) early: Option<Own<Early>>,
    /// Server: no 0-RTT keys will come, or they are gone.
    pub(super) early_refused: bool,
}

/// The 1-RTT secrets come one by one; both make the keys. Each is in memory of its own: where one of them was, the other state has
/// bytes that mean nothing, and that could be those of a secret which was somewhere else before.
pub(super) enum OneRttKeys {
    Waiting {
        seal: Option<(CipherSuite, Own<Secret>)>,
        open: Option<(CipherSuite, Own<Secret>)>,
    },
    Ready(Own<OneRtt>),
}

impl Keys {
    pub(super) fn new(initial: LevelKeys) -> Self {
        Self {
            initial,
            other_initial: None,
            handshake: LevelKeys::default(),
            one_rtt: OneRttKeys::Waiting {
                seal: None,
                open: None,
            },
            initial_discarded: false,
            handshake_discarded: false,
            in_clear: false,
            early: None,
            early_refused: false,
        }
    }

    /// Whether packets of this level can be sent.
    pub(super) fn can_seal(&self, level: Level) -> bool {
        let ready = matches!(self.one_rtt, OneRttKeys::Ready(_));
        match level {
            Level::Initial => self.initial.seal.is_some(),
            Level::Handshake => self.handshake.seal.is_some(),
            //= RFC 9000 §17.2.3: A client MUST NOT send 0-RTT packets once it starts processing 1-RTT packets from the server.
            Level::ZeroRtt => !ready && self.early_seal().is_some(),
            Level::OneRtt => ready || self.half().is_some(),
        }
    }

    /// Whether packets of this level can be opened.
    pub(super) fn can_open(&self, level: Level) -> bool {
        match level {
            Level::Initial => self.initial.open.is_some(),
            Level::Handshake => self.handshake.open.is_some(),
            Level::ZeroRtt => self
                .early
                .as_ref()
                .is_some_and(|early| early.keys().is_some()),
            Level::OneRtt => matches!(self.one_rtt, OneRttKeys::Ready(_)),
        }
    }

    /// What a client seals 0-RTT packets with. A server never has keys to seal them, but those to open them are in the same
    /// place.
    pub(super) fn early_seal(&self) -> Option<&DirectionKeys> {
        self.early
            .as_deref()
            .filter(|early| early.is_client())?
            .keys()
    }

    /// What a server seals 1-RTT packets with before it can open any.
    pub(super) fn half(&self) -> Option<&Half> {
        self.early.as_deref()?.half()
    }

    /// The key phase of the 1-RTT packets that are sealed.
    pub(super) fn phase(&self) -> Option<bool> {
        match &self.one_rtt {
            OneRttKeys::Ready(keys) => Some(keys.phase()),
            OneRttKeys::Waiting { .. } => self.half().map(|_| false),
        }
    }

    /// Counts a 1-RTT packet about to be sealed; `Err` when the key may seal no more.
    pub(super) fn on_seal(&mut self, number: u64) -> Result<(), ()> {
        match (&mut self.one_rtt, &mut self.early) {
            (OneRttKeys::Ready(keys), _) => keys.on_seal(number),
            (OneRttKeys::Waiting { .. }, Some(early)) => early.on_half_seal(number),
            (OneRttKeys::Waiting { .. }, None) => Err(()),
        }
    }

    pub(super) fn one_rtt(&mut self) -> Option<&mut OneRtt> {
        match &mut self.one_rtt {
            OneRttKeys::Ready(keys) => Some(keys),
            OneRttKeys::Waiting { .. } => None,
        }
    }

    /// Keeps a 1-RTT secret until its other half is there; `true` when both are.
    pub(super) fn keep_secret(
        &mut self,
        side: KeySide,
        suite: CipherSuite,
        secret: Secret,
    ) -> Result<bool, NoMemory> {
        let OneRttKeys::Waiting { seal, open } = &mut self.one_rtt else {
            return Ok(false);
        };
        let kept = Some((suite, Own::new(secret).ok_or(NoMemory)?));
        match side {
            KeySide::Seal => *seal = kept,
            KeySide::Open => *open = kept,
        }
        Ok(seal.is_some() && open.is_some())
    }
}

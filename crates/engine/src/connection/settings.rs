//! What the application settles about a connection that was made already: new settings while the handshake has said nothing of
//! them, a preferred address, connection ids, a token for the peer. Out comes what there is of these.

use core::net::SocketAddr;

use inquic_platform::{CryptoError, NoMemory};
use inquic_wire::{ConnectionId, Role, TransportParameters};

use super::Connection;
use super::application::NotConnected;
use crate::config::{Config, Settings};
use crate::protect;

/// The connection ids of one end, by their sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdNumbers {
    /// The one in use.
    pub active: u64,
    /// The lowest that is in force.
    pub first: u64,
    /// The highest that is in force.
    pub last: u64,
}

/// Why connection ids are not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdError {
    /// The handshake is not complete, or the connection is over.
    NotConnected,
    /// There is no such id, or it has no other to take its place.
    Unknown,
    /// The last change is not over, or another path uses them.
    Busy,
}

/// Why settings are not taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsError {
    /// One of the ends has told the other of its own, or the connection is over.
    TooLate,
    /// There is no memory for what they change.
    Memory,
}

impl Connection {
    /// Takes other settings than it was made with, as long as neither end has told the other of its own: before TLS has asked
    /// for our transport parameters or brought the peer's. What packets were sent before, keeps what it cannot have otherwise:
    /// the version, the congestion controller and the sizes of packets.
    ///
    /// # Errors
    ///
    /// [`SettingsError`]; nothing has changed then.
    pub fn reconfigure(&mut self, config: Settings) -> Result<(), SettingsError> {
        let early = self.keys.early.is_some();
        if !self.is_handshaking() || self.parameters_are_settled() || early {
            return Err(SettingsError::TooLate);
        }
        let data = match &self.carried.data {
            Some(_) => Some(super::data(&config, self.role).ok_or(SettingsError::Memory)?),
            None => None,
        };
        let silent = self.numbers.iter().all(|numbers| numbers.next() == 0);
        if silent {
            self.begin_anew(&config)?;
        } else {
            self.recovery.set_algorithm(config.algorithm);
        }
        self.carried.data = data;
        self.carried.peer_ids.set_limit(config.ids_kept());
        self.ack_delay = config.ack_delay();
        self.config = config;
        self.refresh_timer();
        Ok(())
    }

    /// What packets are made with, where none was: all of it, or nothing.
    fn begin_anew(&mut self, config: &Config) -> Result<(), SettingsError> {
        let mtu = config.mtu(self.path().remote);
        let recovery = super::recovery(config, self.role, mtu.size());
        let mut recovery = recovery.ok_or(SettingsError::Memory)?;
        if self.role == Role::Client && self.version != config.version {
            let id = self.hello.original_id;
            let keys = protect::initial_keys(&*self.platform, config.version, self.role, &id);
            self.keys.initial = keys.map_err(|error| match error {
                CryptoError::Unavailable => SettingsError::Memory,
                CryptoError::Misuse => SettingsError::TooLate,
            })?;
            self.version = config.version;
            self.hello.original_version = config.version;
        }
        recovery.trace = core::mem::take(&mut self.recovery.trace);
        self.recovery = recovery;
        self.max_datagram = usize::from(mtu.size());
        self.carried.mtu = mtu;
        Ok(())
    }

    /// The token for a client's first packet, as long as none was sent.
    ///
    /// # Errors
    ///
    /// [`NotConnected`] at a server, and when it is too late.
    pub fn set_token(&mut self, token: alloc::vec::Vec<u8>) -> Result<(), NotConnected> {
        let [initial, ..] = &self.numbers;
        if self.role == Role::Server || !self.is_handshaking() || initial.next() > 0 {
            return Err(NotConnected);
        }
        self.hello.token = token;
        Ok(())
    }

    /// Where a server would rather be reached (RFC 9000 §9.6), before it has told its transport parameters. The home must receive
    /// there, and call [`crate::Endpoint::service`] first.
    ///
    /// # Errors
    ///
    /// [`SettingsError::TooLate`] at a client, too; nothing has changed.
    pub fn prefer(&mut self, address: SocketAddr) -> Result<(), SettingsError> {
        if self.role == Role::Client
            || !self.is_handshaking()
            || self.hello.parameters_random.is_some()
        {
            return Err(SettingsError::TooLate);
        }
        let config = self.config.as_own().ok_or(SettingsError::Memory)?;
        match address {
            SocketAddr::V4(address) => config.preferred_v4 = Some(address),
            SocketAddr::V6(address) => config.preferred_v6 = Some(address),
        }
        Ok(())
    }

    /// Whether the endpoint should make the id of a preferred address.
    pub(crate) fn wants_preferred_id(&self) -> bool {
        let preferring = self.config.preferred_v4.is_some() || self.config.preferred_v6.is_some();
        let server = self.role == Role::Server && self.is_handshaking();
        preferring && server && !self.has_preferred_id()
    }

    /// The endpoint made the id of a preferred address.
    pub(crate) fn issue_preferred_id(
        &mut self,
        id: ConnectionId,
        reset_token: [u8; 16],
    ) -> Result<(), NoMemory> {
        self.carried.local_ids.issue_told(id, reset_token)
    }

    /// What the connection was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The peer's transport parameters, once TLS has brought them.
    #[must_use]
    pub fn peer_parameters(&self) -> Option<TransportParameters> {
        let known = self.hello.parameters_known;
        known.then(|| self.peer.whole(self.role, &self.hello))
    }

    /// Gives the client another token for its next connection, now.
    ///
    /// # Errors
    ///
    /// [`IdError::NotConnected`] at a client and before the handshake is complete, [`IdError::Busy`] while the last one has not
    /// arrived.
    pub fn send_token(&mut self) -> Result<(), IdError> {
        if self.role == Role::Client || !self.is_connected() {
            return Err(IdError::NotConnected);
        }
        if self.pending.new_token_wanted || !self.carried.new_token.token.is_empty() {
            return Err(IdError::Busy);
        }
        self.pending.new_token_wanted = true;
        Ok(())
    }

    /// The ids that we gave to the peer.
    #[must_use]
    pub fn local_id_numbers(&self) -> IdNumbers {
        let used = self.carried.paths.active().heard_by;
        numbers(self.carried.local_ids.sequences(&used))
    }

    /// The ids that the peer gave to us.
    #[must_use]
    pub fn peer_id_numbers(&self) -> IdNumbers {
        numbers(self.carried.peer_ids.sequences())
    }

    /// Asks the peer to retire our ids below `prior_to`, and gives it others for them.
    ///
    /// # Errors
    ///
    /// [`IdError::Unknown`] unless `prior_to` lies above the lowest and not above the highest id in force, [`IdError::Busy`]
    /// while the peer has not done so for the last time.
    pub fn retire_local_ids(&mut self, prior_to: u64) -> Result<(), IdError> {
        may_retire(self.is_connected(), self.local_id_numbers(), prior_to)?;
        if self.carried.local_ids.retire_below(prior_to) {
            Ok(())
        } else {
            Err(IdError::Busy)
        }
    }

    /// Retires the peer's ids below `prior_to`.
    ///
    /// # Errors
    ///
    /// [`IdError::Unknown`] unless `prior_to` lies above the lowest and not above the highest id that is kept, [`IdError::Busy`]
    /// while another path uses one, or too many retirements are not acknowledged.
    pub fn retire_peer_ids(&mut self, prior_to: u64) -> Result<(), IdError> {
        may_retire(self.is_connected(), self.peer_id_numbers(), prior_to)?;
        if self.carried.paths.len() == 1 && self.carried.peer_ids.retire_below(prior_to) {
            Ok(())
        } else {
            Err(IdError::Busy)
        }
    }

    /// Sends to the peer's id `sequence` from now on.
    ///
    /// # Errors
    ///
    /// [`IdError::Unknown`] when there is no such id above the one in use, [`IdError::Busy`] as in
    /// [`Connection::retire_peer_ids`].
    pub fn use_peer_id(&mut self, sequence: u64) -> Result<(), IdError> {
        let IdNumbers { active, last, .. } = self.peer_id_numbers();
        if !self.is_connected() {
            return Err(IdError::NotConnected);
        }
        if sequence <= active || sequence > last {
            return Err(IdError::Unknown);
        }
        if self.carried.paths.len() > 1 {
            return Err(IdError::Busy);
        }
        if self.carried.peer_ids.use_id(sequence) {
            Ok(())
        } else {
            Err(IdError::Unknown)
        }
    }

    /// The key phase of the packets that we send, and how often it has changed, by either end's doing.
    #[must_use]
    pub fn key_phase(&self) -> (bool, u64) {
        let updates = match &self.keys.one_rtt {
            super::state::OneRttKeys::Ready(keys) => keys.updates(),
            super::state::OneRttKeys::Waiting { .. } => 0,
        };
        (self.keys.phase().unwrap_or(false), updates)
    }
}

const fn numbers([active, first, last]: [u64; 3]) -> IdNumbers {
    IdNumbers {
        active,
        first,
        last,
    }
}

const fn may_retire(connected: bool, ids: IdNumbers, prior_to: u64) -> Result<(), IdError> {
    if !connected {
        return Err(IdError::NotConnected);
    }
    if prior_to <= ids.first || prior_to > ids.last {
        return Err(IdError::Unknown);
    }
    Ok(())
}

//! Options that change a connection: parameters and configuration while it is set up, ids, addresses, tokens and keys later
//! (socket-abi 1.3, 1.4).

use core::net::SocketAddr;

use inquic_engine::{IdError, MigrateError, NotConnected, Settings, SettingsError};
use inquic_platform::{Instant, memory};
use inquic_uapi::Layout;
use inquic_uapi::option::{QUIC_SOCKOPT_CONFIG, QUIC_SOCKOPT_TRANSPORT_PARAM, TOKEN_LEN_MAX};
use inquic_uapi::structs::{ConnectionIdInfo, TransportParam};
use inquic_wire::Role;

use super::address;
use super::answer::Set;
use super::link::{Link, Numbers};
use super::tls::Verdict;
use crate::errno::Errno;
use crate::options::{Options, transport_param};

impl Link {
    /// TRANSPORT_PARAM.
    pub(super) fn set_transport_param(
        &mut self,
        value: &[u8],
        options: &mut Options,
    ) -> Result<(), Errno> {
        if !self.is_connecting() {
            return Err(Errno::EINVAL);
        }
        let param = TransportParam::read(value);
        if param.remote == 0 {
            return self.reconfigure(QUIC_SOCKOPT_TRANSPORT_PARAM, value, options);
        }
        let mut bytes = [0; REMEMBERED];
        let remembered = transport_param::remembered(&param, &mut bytes);
        let remembered = remembered.and_then(|len| bytes.get(..len));
        self.socket
            .begin_early_data(remembered.ok_or(Errno::EINVAL)?)?;
        self.verdict = Some(Verdict::default());
        Ok(())
    }

    /// CONFIG.
    pub(super) fn set_config(&mut self, value: &[u8], options: &mut Options) -> Result<(), Errno> {
        if !self.is_connecting() {
            return Err(Errno::EINVAL);
        }
        self.reconfigure(QUIC_SOCKOPT_CONFIG, value, options)
    }

    /// Sets an option and makes it the connection's, both or none.
    fn reconfigure(
        &mut self,
        number: u32,
        value: &[u8],
        options: &mut Options,
    ) -> Result<(), Errno> {
        let before = options.agreed();
        options.set(number, value)?;
        let config = Settings::own(options.engine()).ok_or(SettingsError::Memory);
        let connection = self.socket.connection_mut();
        let set = config.and_then(|config| connection.reconfigure(config));
        set.map_err(|error| {
            options.put_back(before);
            of_settings(error)
        })
    }

    /// The peer's transport parameters; what RFC 9000 says of those that are absent, before they have come.
    pub(super) fn peer_param(&self) -> TransportParam {
        let peer = self.socket.connection().peer_parameters();
        transport_param::of_peer(&peer.unwrap_or_default())
    }

    /// TRANSPORT_PARAM_EXT.
    pub(super) fn set_peer_parameters(&mut self, now: Instant, value: &[u8]) -> Result<(), Errno> {
        if let Some(verdict) = self.verdict.take() {
            self.socket.set_early_data_accepted(verdict.is_accepted());
        }
        self.socket.set_peer_transport_parameters(now, value)
    }

    /// TOKEN: a client's for its first packet; at a server, give one now.
    pub(super) fn set_token(&mut self, value: &[u8], options: &mut Options) -> Result<(), Errno> {
        let connection = self.socket.connection_mut();
        if connection.role() == Role::Client {
            if !(1..=TOKEN_LEN_MAX).contains(&value.len()) {
                return Err(Errno::EINVAL);
            }
            let copies = (memory::copied(value), memory::copied(value));
            let (Some(token), Some(kept)) = copies else {
                return Err(Errno::ENOMEM);
            };
            let set = connection.set_token(token);
            set.map_err(|NotConnected| Errno::EINVAL)?;
            options.set_token(kept);
            return Ok(());
        }
        if !value.is_empty() {
            return Err(Errno::EINVAL);
        }
        connection.send_token().map_err(of_ids)
    }

    /// CONNECTION_ID as it is.
    pub(super) fn connection_ids(&self, dest: u8) -> ConnectionIdInfo {
        let connection = self.socket.connection();
        let ids = if dest == 0 {
            connection.local_id_numbers()
        } else {
            connection.peer_id_numbers()
        };
        ConnectionIdInfo {
            dest,
            reserved: [0; 3],
            active: u32::try_from(ids.active).unwrap_or(u32::MAX),
            prior_to: u32::try_from(ids.first).unwrap_or(u32::MAX),
        }
    }

    /// CONNECTION_ID: uses another, retires old ones.
    pub(super) fn set_connection_ids(&mut self, info: ConnectionIdInfo) -> Result<(), Errno> {
        let (active, prior_to) = (u64::from(info.active), u64::from(info.prior_to));
        let connection = self.established()?.connection_mut();
        if info.dest == 0 {
            let ids = connection.local_id_numbers();
            // Which of ours it uses is the peer's choice; that it uses a newer one is what retiring asks for.
            if active != 0 && !(ids.active.saturating_add(1)..=ids.last).contains(&active) {
                return Err(Errno::EINVAL);
            }
            let prior_to = prior_to.max(active);
            if prior_to != 0 {
                connection.retire_local_ids(prior_to).map_err(of_ids)?;
            }
            return Ok(());
        }
        if prior_to != 0 {
            let ids = connection.peer_id_numbers();
            if prior_to <= ids.first || prior_to > ids.last {
                return Err(Errno::EINVAL);
            }
        }
        if active != 0 {
            connection.use_peer_id(active).map_err(of_ids)?;
        }
        if prior_to > connection.peer_id_numbers().first {
            connection.retire_peer_ids(prior_to).map_err(of_ids)?;
        }
        Ok(())
    }

    /// CONNECTION_MIGRATION, first part: whether the connection may go to that address, or a server prefer it.
    pub(super) fn set_migration(&self, value: &[u8]) -> Result<Set, Errno> {
        if self.socket.is_closed() {
            return Err(Errno::EPIPE);
        }
        let wanted = address::read(value).map_err(|_| Errno::EINVAL)?;
        if !address::is_reachable(wanted) {
            return Err(Errno::EINVAL);
        }
        let local = self.local();
        if self.is_connecting() {
            // A server says there where it would rather be reached, over either family.
            return match self.socket.role() {
                Role::Server => Ok(Set::Receive(wanted)),
                Role::Client => Err(Errno::EINVAL),
            };
        }
        let family = address::plain(local).is_ipv4() == address::plain(wanted).is_ipv4();
        if self.socket.role() == Role::Server || !family || wanted == local {
            return Err(Errno::EINVAL);
        }
        Ok(Set::Receive(wanted))
    }

    /// CONNECTION_MIGRATION, second part: the home receives there.
    pub(super) fn move_to(&mut self, now: Instant, local: SocketAddr) -> Result<(), Errno> {
        if self.is_connecting() {
            let prefer = self.socket.connection_mut().prefer(local);
            return prefer.map_err(of_settings);
        }
        self.socket
            .migrate(now, local)
            .map_err(|error| match error {
                MigrateError::Busy | MigrateError::NotConfirmed => Errno::EAGAIN,
                MigrateError::Server
                | MigrateError::Forbidden
                | MigrateError::SameAddress
                | MigrateError::NoConnectionId => Errno::EINVAL,
            })
    }

    /// An event is turned on: what has changed before is not told.
    pub(super) fn forget_numbers(&mut self) {
        self.told = Numbers::of(&self.socket);
    }
}

const fn of_settings(error: SettingsError) -> Errno {
    match error {
        SettingsError::TooLate => Errno::EINVAL,
        SettingsError::Memory => Errno::ENOMEM,
    }
}

const fn of_ids(error: IdError) -> Errno {
    match error {
        IdError::NotConnected | IdError::Unknown => Errno::EINVAL,
        IdError::Busy => Errno::EAGAIN,
    }
}

/// Bytes of remembered transport parameters, which have no ids and tokens: 17 at most, of at most 10 bytes each.
const REMEMBERED: usize = 256;

//! Socket options before there is a connection: bytes of setsockopt in, the engine's configuration and bytes of getsockopt out.
//!
//! A listening or connecting socket has one of these; connections take over what it says when they are made. A value that the
//! engine cannot honour is refused with [`Errno::EOPNOTSUPP`], never kept and ignored.

mod config;
#[cfg(test)]
mod tests;
mod transport_param;

use alloc::vec::Vec;

use inquic_engine::{Config, RetryPolicy};
use inquic_uapi::structs::{ConnectionClose, EventOption};
use inquic_uapi::{EventType, Layout, option};

use crate::errno::Errno;

/// The options of a socket that is not connected.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the engine's connections are made with.
    pub(crate) engine: Config,
    /// Whether every client must prove its address.
    pub(crate) validate: bool,
    /// Words for whoever does the handshake; they change nothing here.
    pub(crate) hints: Hints,
    /// Application protocols, separated by commas.
    alpn: Vec<u8>,
    /// For the first Initial packet.
    token: Vec<u8>,
    /// Bits of the events that are delivered.
    pub(crate) events: u16,
    /// What close() and shutdown() say.
    pub(crate) close: ConnectionClose,
}

/// See [`inquic_uapi::structs::Config`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints {
    pub(crate) payload_cipher_type: u32,
    pub(crate) receive_session_ticket: u8,
    pub(crate) certificate_request: u8,
}

impl Options {
    /// setsockopt().
    ///
    /// # Errors
    ///
    /// [`Errno::ENOPROTOOPT`] for an option that there is not, [`Errno::EINVAL`] for a value out of its bounds,
    /// [`Errno::EOPNOTSUPP`] for one that cannot be honoured, [`Errno::EPIPE`] for what needs a connection.
    pub fn set(&mut self, number: u32, value: &[u8]) -> Result<(), Errno> {
        if value.len() > option::VALUE_LEN_MAX {
            return Err(Errno::EINVAL);
        }
        match number {
            option::QUIC_SOCKOPT_EVENT => self.set_event(value),
            option::QUIC_SOCKOPT_TRANSPORT_PARAM => self.set_transport_param(value),
            option::QUIC_SOCKOPT_CONFIG => self.set_config(value),
            option::QUIC_SOCKOPT_ALPN => self.set_alpn(value),
            option::QUIC_SOCKOPT_CONNECTION_CLOSE => {
                self.set_close(value);
                Ok(())
            }
            option::QUIC_SOCKOPT_TOKEN => {
                if !(1..=option::TOKEN_LEN_MAX).contains(&value.len()) {
                    return Err(Errno::EINVAL);
                }
                self.token = value.to_vec();
                Ok(())
            }
            option::QUIC_SOCKOPT_KEY_UPDATE
            | option::QUIC_SOCKOPT_CRYPTO_SECRET
            | option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT => Err(Errno::EPIPE),
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    /// getsockopt(): writes as much of the value as fits and returns how much that is.
    ///
    /// # Errors
    ///
    /// As [`Options::set`].
    pub fn get(&self, number: u32, value: &mut [u8]) -> Result<usize, Errno> {
        match number {
            option::QUIC_SOCKOPT_EVENT => self.get_event(value),
            option::QUIC_SOCKOPT_TRANSPORT_PARAM => self.get_transport_param(value),
            option::QUIC_SOCKOPT_CONFIG => Ok(self.config().write(value)),
            option::QUIC_SOCKOPT_ALPN => Ok(copy(&self.alpn, value)),
            option::QUIC_SOCKOPT_CONNECTION_CLOSE => Ok(self.close.write(value)),
            option::QUIC_SOCKOPT_TOKEN => Ok(copy(&self.token, value)),
            option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT | option::QUIC_SOCKOPT_STATISTICS => {
                Err(Errno::EPIPE)
            }
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    /// What connections are made with.
    #[must_use]
    pub const fn engine(&self) -> &Config {
        &self.engine
    }

    /// The address validation token for the next connection.
    #[must_use]
    pub fn token(&self) -> &[u8] {
        &self.token
    }

    /// The application protocols, in order.
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        self.alpn
            .split(|&byte| byte == b',')
            .filter(|name| !name.is_empty())
    }

    /// When a listener asks clients to prove their address.
    #[must_use]
    pub const fn retry(&self) -> RetryPolicy {
        if self.validate {
            RetryPolicy::Always
        } else {
            RetryPolicy::WhenBusy
        }
    }

    pub(crate) fn set_event(&mut self, value: &[u8]) -> Result<(), Errno> {
        let event = EventOption::read(value);
        let bit = EventType::from_u8(event.event_type)
            .ok_or(Errno::EINVAL)?
            .bit();
        if event.on == 0 {
            self.events &= !bit;
        } else {
            self.events |= bit;
        }
        Ok(())
    }

    pub(crate) fn get_event(&self, value: &mut [u8]) -> Result<usize, Errno> {
        let mut event = EventOption::read(value);
        let bit = EventType::from_u8(event.event_type)
            .ok_or(Errno::EINVAL)?
            .bit();
        event.on = u8::from(self.events & bit != 0);
        Ok(event.write(value))
    }

    pub(crate) fn set_close(&mut self, value: &[u8]) {
        self.close = ConnectionClose {
            // Only the application closes this way.
            frame: 0,
            reserved: [0; 3],
            ..ConnectionClose::read(value)
        };
    }

    fn set_alpn(&mut self, value: &[u8]) -> Result<(), Errno> {
        let list: Vec<u8> = value
            .iter()
            .copied()
            .take_while(|&byte| byte != 0)
            .filter(|&byte| byte != b' ')
            .collect();
        if list.is_empty()
            || value.len() > option::ALPN_LEN_MAX
            || list.split(|&byte| byte == b',').any(<[u8]>::is_empty)
        {
            return Err(Errno::EINVAL);
        }
        self.alpn = list;
        Ok(())
    }
}

/// Copies as much as fits.
pub(crate) fn copy(from: &[u8], to: &mut [u8]) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    from.len().min(to.len())
}

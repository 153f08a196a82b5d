//! setsockopt and getsockopt: levels, option numbers and bytes in; bytes, errno values and what is left to the home out
//! (socket-abi 1.3). Which option may be used in which state is decided here, what its value may be beside it.

use core::net::SocketAddr;

use inquic_engine::recovery::Fate;
use inquic_platform::{CipherSuite, Instant, KeySide, NoMemory};
use inquic_uapi::option::{
    QUIC_SOCKOPT_ALPN, QUIC_SOCKOPT_CONFIG, QUIC_SOCKOPT_CONNECTION_CLOSE,
    QUIC_SOCKOPT_CONNECTION_ID, QUIC_SOCKOPT_CONNECTION_MIGRATION, QUIC_SOCKOPT_CRYPTO_SECRET,
    QUIC_SOCKOPT_DATAGRAM_FATES, QUIC_SOCKOPT_EVENT, QUIC_SOCKOPT_KEY_UPDATE,
    QUIC_SOCKOPT_SERVER_NAMES, QUIC_SOCKOPT_SESSION_TICKET, QUIC_SOCKOPT_STATISTICS,
    QUIC_SOCKOPT_STREAM_DESCRIPTOR, QUIC_SOCKOPT_STREAM_OPEN, QUIC_SOCKOPT_STREAM_PRIORITY,
    QUIC_SOCKOPT_STREAM_RESET, QUIC_SOCKOPT_STREAM_STOP_SENDING, QUIC_SOCKOPT_TOKEN,
    QUIC_SOCKOPT_TRANSPORT_PARAM, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, TRANSPORT_PARAM_EXT_LEN_MAX,
    VALUE_LEN_MAX,
};
use inquic_uapi::socket::{
    AF_INET, AF_INET6, SO_ACCEPTCONN, SO_DOMAIN, SO_ERROR, SO_PROTOCOL, SO_TYPE, SOL_SOCKET,
};
use inquic_uapi::structs::{
    Config, ConnectionIdInfo, CryptoSecret, DatagramFate, ErrInfo, Statistics, StreamDescriptor,
    StreamInfo, StreamPriority, TransportParam,
};
use inquic_uapi::{
    IPPROTO_QUIC, Layout, SOL_QUIC, TLS_CIPHER_AES_CCM_128, TLS_CIPHER_AES_GCM_128,
    TLS_CIPHER_AES_GCM_256, TLS_CIPHER_CHACHA20_POLY1305,
};
use inquic_wire::Role;

use super::answer::{Got, Set, Stop};
use super::general::put;
use super::link::Link;
use super::streams::number_of;
use super::tls::level_of;
use super::{Family, Sock, State};
use crate::errno::Errno;
use crate::options::{Bounds, Options, copy};

impl Sock {
    /// From now on the program sets no more than this, nor do the connections of a listener begin with more.
    pub fn bound(&mut self, bounds: Bounds) {
        self.options.bound(bounds);
    }

    /// setsockopt(), with the bytes of `optval`.
    ///
    /// # Errors
    ///
    /// As in socket-abi 1.3; [`Errno::ENOPROTOOPT`] for an option that there is not.
    pub fn setsockopt(
        &mut self,
        now: Instant,
        level: i32,
        name: i32,
        value: &[u8],
    ) -> Result<Set, Errno> {
        match level {
            SOL_QUIC => {}
            SOL_SOCKET => return self.general.set(name, value, &mut self.options),
            _ => return Ok(Set::Pass),
        }
        if value.len() > VALUE_LEN_MAX {
            return Err(Errno::EINVAL);
        }
        let number = u32::try_from(name).map_err(|_| Errno::ENOPROTOOPT)?;
        match &mut self.state {
            State::Idle(_) => self.options.set(number, value)?,
            State::Listening { changed, .. } => {
                self.options.set_listening(number, value)?;
                *changed = true;
            }
            State::Connection(link) => return link.set(now, number, value, &mut self.options),
        }
        Ok(Set::Done)
    }

    /// getsockopt(): `value` is what `optval` has before the call, `out` takes what it has after it, as much as fits.
    ///
    /// # Errors
    ///
    /// As in socket-abi 1.3; [`Errno::ENOPROTOOPT`] for an option that there is not; [`Stop::Blocked`] where the peer allows no
    /// more streams.
    pub fn getsockopt(
        &mut self,
        level: i32,
        name: i32,
        value: &[u8],
        out: &mut [u8],
    ) -> Result<Got, Stop> {
        match level {
            SOL_QUIC => {}
            SOL_SOCKET => return Ok(self.get_general(name, out)),
            _ => return Ok(Got::Pass),
        }
        let number = u32::try_from(name).map_err(|_| Stop::Failed(Errno::ENOPROTOOPT))?;
        let bytes = match &mut self.state {
            State::Idle(_) => self.options.get(number, value, out)?,
            State::Listening { .. } => self.options.get_listening(number, value, out)?,
            State::Connection(link) => return link.get(number, value, out, &self.options),
        };
        Ok(Got::Bytes(bytes))
    }

    /// The home receives at `local` too, as setsockopt() has asked it to: the connection goes there.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] when that has become impossible.
    pub fn on_receiving(&mut self, now: Instant, local: SocketAddr) -> Result<(), Errno> {
        let link = self.link_mut().ok_or(Errno::EINVAL)?;
        link.move_to(now, local)
    }

    /// The application protocols that it serves or asks for, in order.
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        self.options.alpn()
    }

    fn get_general(&mut self, name: i32, out: &mut [u8]) -> Got {
        let value = match name {
            SO_TYPE => self.kind,
            SO_PROTOCOL => IPPROTO_QUIC,
            SO_DOMAIN => i32::from(match self.family {
                Family::V4 => AF_INET,
                Family::V6 => AF_INET6,
            }),
            SO_ACCEPTCONN => i32::from(self.is_listening()),
            SO_ERROR => self.link_mut().map_or(0, Link::take_error),
            _ => return self.general.get(name, out, &self.options),
        };
        Got::Bytes(put(out, value))
    }
}

impl Link {
    fn set(
        &mut self,
        now: Instant,
        number: u32,
        value: &[u8],
        options: &mut Options,
    ) -> Result<Set, Errno> {
        match number {
            QUIC_SOCKOPT_STREAM_RESET => self
                .reset_stream(ErrInfo::read(value))
                .map_err(Stop::errno)?,
            QUIC_SOCKOPT_STREAM_STOP_SENDING => self
                .stop_stream(ErrInfo::read(value))
                .map_err(Stop::errno)?,
            QUIC_SOCKOPT_KEY_UPDATE => self.socket.key_update(now)?,
            QUIC_SOCKOPT_CRYPTO_SECRET => self.set_crypto_secret(now, value)?,
            QUIC_SOCKOPT_TRANSPORT_PARAM_EXT => {
                if !self.is_connecting() || value.len() > TRANSPORT_PARAM_EXT_LEN_MAX {
                    return Err(Errno::EINVAL);
                }
                self.set_peer_parameters(now, value)?;
            }
            QUIC_SOCKOPT_TRANSPORT_PARAM => self.set_transport_param(value, options)?,
            QUIC_SOCKOPT_CONFIG => self.set_config(value, options)?,
            QUIC_SOCKOPT_ALPN if self.is_connecting() => options.set(number, value)?,
            QUIC_SOCKOPT_ALPN | QUIC_SOCKOPT_SERVER_NAMES => return Err(Errno::EINVAL),
            QUIC_SOCKOPT_TOKEN => self.set_token(value, options)?,
            QUIC_SOCKOPT_CONNECTION_ID => self.set_connection_ids(ConnectionIdInfo::read(value))?,
            QUIC_SOCKOPT_CONNECTION_MIGRATION => return self.set_migration(value),
            QUIC_SOCKOPT_EVENT => {
                options.set(number, value)?;
                self.forget_numbers();
            }
            QUIC_SOCKOPT_STREAM_PRIORITY => self.set_priority(StreamPriority::read(value))?,
            _ => options.set(number, value)?,
        }
        Ok(Set::Done)
    }

    fn get(
        &mut self,
        number: u32,
        value: &[u8],
        out: &mut [u8],
        options: &Options,
    ) -> Result<Got, Stop> {
        let bytes = match number {
            QUIC_SOCKOPT_STREAM_OPEN => {
                self.usable()?;
                let id = self.open_stream(StreamInfo::read(value))?;
                let info = StreamInfo {
                    stream_id: number_of(id),
                    ..StreamInfo::read(value)
                };
                info.write(out)
            }
            QUIC_SOCKOPT_STREAM_DESCRIPTOR => {
                if out.len() < StreamDescriptor::SIZE {
                    // The program would never know its number.
                    return Err(Stop::Failed(Errno::EINVAL));
                }
                self.usable()?;
                return Ok(Got::Stream(
                    self.describe_stream(StreamDescriptor::read(value))?,
                ));
            }
            QUIC_SOCKOPT_STREAM_PRIORITY => self.priority(StreamPriority::read(value))?.write(out),
            QUIC_SOCKOPT_CONNECTION_ID => {
                self.established()?;
                let dest = ConnectionIdInfo::read(value).dest;
                self.connection_ids(dest).write(out)
            }
            QUIC_SOCKOPT_TRANSPORT_PARAM if TransportParam::read(value).remote != 0 => {
                self.peer_param().write(out)
            }
            // The version in use, which a server may have changed under way (RFC 9368).
            QUIC_SOCKOPT_CONFIG => Config {
                version: self.socket.version().0,
                ..options.config()
            }
            .write(out),
            QUIC_SOCKOPT_CONNECTION_CLOSE => match self.peer_close() {
                Some(close) => close.write(out),
                None => options.close.write(out),
            },
            QUIC_SOCKOPT_TOKEN => match self.socket.role() {
                // Programs learn their role by this.
                Role::Server => return Err(Stop::Failed(Errno::EINVAL)),
                Role::Client => copy(self.socket.token(), out),
            },
            QUIC_SOCKOPT_TRANSPORT_PARAM_EXT => {
                if !self.is_connecting() {
                    return Err(Stop::Failed(Errno::EINVAL));
                }
                self.socket.transport_parameters(out)?
            }
            QUIC_SOCKOPT_SESSION_TICKET => self.session_ticket(out, options),
            QUIC_SOCKOPT_STATISTICS => self.statistics().write(out),
            QUIC_SOCKOPT_DATAGRAM_FATES => self.take_fate(out)?,
            _ => options.get(number, value, out)?,
        };
        Ok(Got::Bytes(bytes))
    }

    /// Fails with EPIPE where streams cannot be opened.
    fn usable(&self) -> Result<(), Stop> {
        let open = self.socket.is_established() || self.socket.is_early();
        if open && !self.socket.is_closed() {
            Ok(())
        } else {
            Err(Stop::Failed(Errno::EPIPE))
        }
    }

    fn set_crypto_secret(&mut self, now: Instant, value: &[u8]) -> Result<(), Errno> {
        if !self.is_connecting() || value.len() < CryptoSecret::SIZE {
            return Err(Errno::EINVAL);
        }
        let secret = CryptoSecret::read(value);
        let level = level_of(secret.level).ok_or(Errno::EINVAL)?;
        let suite = match secret.cipher_type {
            TLS_CIPHER_AES_GCM_128 => CipherSuite::Aes128GcmSha256,
            TLS_CIPHER_AES_GCM_256 => CipherSuite::Aes256GcmSha384,
            TLS_CIPHER_CHACHA20_POLY1305 => CipherSuite::ChaCha20Poly1305Sha256,
            TLS_CIPHER_AES_CCM_128 => CipherSuite::Aes128CcmSha256,
            _ => return Err(Errno::EINVAL),
        };
        let side = if secret.send == 0 {
            KeySide::Open
        } else {
            KeySide::Seal
        };
        let bytes = secret.secret.get(..suite.hash_len()).ok_or(Errno::EINVAL)?;
        self.socket.install_secret(now, level, side, suite, bytes)
    }

    /// A client's last ticket; a server's key for tickets, the port's unless the program has set its own.
    fn session_ticket(&self, out: &mut [u8], options: &Options) -> usize {
        match &self.ticket_key {
            Some(key) if options.ticket.is_empty() => copy(key, out),
            _ => copy(&options.ticket, out),
        }
    }

    fn set_priority(&mut self, wanted: StreamPriority) -> Result<(), Errno> {
        let id = self.stream_in_use(wanted.stream_id).map_err(Stop::errno)?;
        let kept = self.socket.set_priority(id, wanted.priority);
        kept.map_err(|NoMemory| Errno::ENOMEM)?;
        Ok(())
    }

    fn priority(&mut self, wanted: StreamPriority) -> Result<StreamPriority, Stop> {
        let id = self.stream_in_use(wanted.stream_id)?;
        Ok(StreamPriority {
            stream_id: wanted.stream_id,
            priority: self.socket.priority(id),
            reserved: 0,
        })
    }

    /// What became of the next datagram of those whose fate is kept.
    fn take_fate(&mut self, out: &mut [u8]) -> Result<usize, Stop> {
        if out.len() < DatagramFate::SIZE {
            // What was left out would never be told.
            return Err(Stop::Failed(Errno::EINVAL));
        }
        let none = if self.socket.is_closed() {
            Errno::ENOTCONN
        } else {
            Errno::EAGAIN
        };
        let fate = self.socket.take_datagram_fate();
        let (number, fate) = fate.ok_or(Stop::Failed(none))?;
        let fate = DatagramFate {
            // The engine counts from 1.
            number: number.saturating_sub(1),
            acknowledged: u32::from(fate == Fate::Acknowledged),
            reserved: 0,
        };
        Ok(fate.write(out))
    }

    /// SO_ERROR: told once.
    fn take_error(&mut self) -> i32 {
        if !self.socket.is_closed() || core::mem::replace(&mut self.error_taken, true) {
            return 0;
        }
        self.failure().map_or(0, Errno::number)
    }

    fn statistics(&self) -> Statistics {
        let stats = self.socket.stats();
        Statistics {
            smoothed_rtt: stats.rtt_smoothed.as_micros(),
            min_rtt: stats.rtt_min.as_micros(),
            latest_rtt: stats.rtt_latest.as_micros(),
            congestion_window: stats.congestion_window,
            bytes_in_flight: stats.bytes_in_flight,
            packets_sent: stats.packets_sent,
            packets_lost: stats.packets_lost,
            packets_received: stats.packets_received,
            bytes_sent: stats.bytes_sent,
            bytes_received: stats.bytes_received,
            congestion_events: stats.congestion_events,
            probe_timeouts: stats.probe_timeouts,
            key_updates: stats.key_updates,
            handshake: stats.handshake.as_micros(),
            datagram_size: stats.datagram_size,
            paths: stats.paths,
            migrations: stats.migrations,
            ecn_marked: stats.ecn_marked,
            events_dropped: self.inbox.events_dropped,
            datagrams_sent: stats.datagrams.sent,
            datagrams_received: stats.datagrams.received,
            datagrams_dropped: stats.datagrams.dropped,
            datagrams_lost: stats.datagrams.lost,
            max_datagram: self
                .socket
                .max_datagram_size()
                .map_or(0, |most| u64::try_from(most).unwrap_or(u64::MAX)),
            mtu_probes: stats.mtu_probes,
            mtu_probes_lost: stats.mtu_probes_lost,
            mtu_black_holes: stats.mtu_black_holes,
            paths_failed: stats.paths_failed,
            ecn: stats.ecn.to_u32(),
            ecn_failures: u32::try_from(stats.ecn_failures.total()).unwrap_or(u32::MAX),
        }
    }
}

//! Socket options of a connection: bytes of setsockopt in, bytes of getsockopt out (socket-abi 1.3).

use inquic_platform::{CipherSuite, Instant, KeySide};
use inquic_uapi::structs::{CryptoSecret, Statistics};
use inquic_uapi::{
    Layout, QUIC_CRYPTO_APP, QUIC_CRYPTO_EARLY, QUIC_CRYPTO_HANDSHAKE, TLS_CIPHER_AES_CCM_128,
    TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_256, TLS_CIPHER_CHACHA20_POLY1305, option,
};
use inquic_wire::{Level, Role};

use super::Socket;
use crate::errno::Errno;
use crate::options::copy;

impl Socket {
    /// setsockopt().
    ///
    /// # Errors
    ///
    /// As in socket-abi 1.3; [`Errno::ENOPROTOOPT`] for an option that there is not.
    pub fn setsockopt(&mut self, now: Instant, number: u32, value: &[u8]) -> Result<(), Errno> {
        if value.len() > option::VALUE_LEN_MAX {
            return Err(Errno::EINVAL);
        }
        match number {
            option::QUIC_SOCKOPT_EVENT => self.messages().options.set_event(value),
            option::QUIC_SOCKOPT_CONNECTION_CLOSE => {
                self.messages().options.set_close(value);
                Ok(())
            }
            option::QUIC_SOCKOPT_KEY_UPDATE => self.key_update(now),
            option::QUIC_SOCKOPT_CRYPTO_SECRET => self.set_crypto_secret(now, value),
            option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT => {
                if !self.is_handshaking() || value.len() > option::TRANSPORT_PARAM_EXT_LEN_MAX {
                    return Err(Errno::EINVAL);
                }
                self.set_peer_transport_parameters(now, value)
            }
            // What the connection was made with stays.
            option::QUIC_SOCKOPT_TRANSPORT_PARAM
            | option::QUIC_SOCKOPT_CONFIG
            | option::QUIC_SOCKOPT_ALPN => Err(Errno::EINVAL),
            // A client's token went with its first packet; a server gives tokens by itself.
            option::QUIC_SOCKOPT_TOKEN => Err(Errno::EINVAL),
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    /// getsockopt(): writes as much of the value as fits and returns how much that is.
    ///
    /// # Errors
    ///
    /// As [`Socket::setsockopt`].
    pub fn getsockopt(&mut self, number: u32, value: &mut [u8]) -> Result<usize, Errno> {
        match number {
            option::QUIC_SOCKOPT_CONNECTION_CLOSE => match self.peer_close() {
                Some(close) => Ok(close.write(value)),
                None => Ok(self.messages().options.close.write(value)),
            },
            option::QUIC_SOCKOPT_TOKEN => match self.role() {
                // Programs learn their role by this.
                Role::Server => Err(Errno::EINVAL),
                Role::Client => Ok(copy(self.token(), value)),
            },
            option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT => {
                if !self.is_handshaking() {
                    return Err(Errno::EINVAL);
                }
                self.transport_parameters(value)
            }
            option::QUIC_SOCKOPT_STATISTICS => Ok(self.statistics().write(value)),
            option::QUIC_SOCKOPT_EVENT
            | option::QUIC_SOCKOPT_TRANSPORT_PARAM
            | option::QUIC_SOCKOPT_CONFIG
            | option::QUIC_SOCKOPT_ALPN => self.messages().options.get(number, value),
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    fn set_crypto_secret(&mut self, now: Instant, value: &[u8]) -> Result<(), Errno> {
        if !self.is_handshaking() || value.len() < CryptoSecret::SIZE {
            return Err(Errno::EINVAL);
        }
        let secret = CryptoSecret::read(value);
        let level = match secret.level {
            QUIC_CRYPTO_APP => Level::OneRtt,
            QUIC_CRYPTO_HANDSHAKE => Level::Handshake,
            QUIC_CRYPTO_EARLY => Level::ZeroRtt,
            _ => return Err(Errno::EINVAL),
        };
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
        self.install_secret(now, level, side, suite, bytes)
    }

    fn statistics(&self) -> Statistics {
        let stats = self.stats();
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
        }
    }
}

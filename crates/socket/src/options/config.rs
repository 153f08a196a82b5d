//! The CONFIG option: the ABI's structure in and out, within the bounds of socket-abi 1.4.

use inquic_engine::recovery::Algorithm;
use inquic_platform::Duration;
use inquic_uapi::structs::Config;
use inquic_uapi::{
    Layout, QUIC_CONG_ALG_BBR, QUIC_CONG_ALG_CUBIC, QUIC_CONG_ALG_RENO, TLS_CIPHER_AES_CCM_128,
    TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_256, TLS_CIPHER_CHACHA20_POLY1305,
};
use inquic_wire::Version;

use super::{Hints, Options};
use crate::errno::Errno;

impl Options {
    /// Takes a configuration; a number of zero leaves what was.
    pub(super) fn set_config(&mut self, value: &[u8]) -> Result<(), Errno> {
        let config = Config::read(value);
        let (mut engine, mut hints) = (self.engine.clone(), self.hints);
        if config.version != 0 {
            engine.version = Version(config.version);
            // What a client begins with, and what a server goes over to where the client offers it (RFC 9368 §2.3).
            engine.versions = engine.versions.preferring(engine.version);
        }
        match config.plpmtud_probe_interval {
            0 => {}
            interval @ PROBE_INTERVAL_MIN..=PROBE_INTERVAL_MAX => {
                hints.plpmtud_probe_interval = interval;
                // As in the reference: after a search this many intervals pass before the
                let interval = Duration::from_micros(interval.into());
                engine.mtu_raise = interval.saturating_mul(PROBE_INTERVALS);
            }
            _ => return Err(Errno::EINVAL),
        }
        match config.initial_smoothed_rtt {
            0 => {}
            rtt @ 1_000..=6_000_000 => engine.initial_rtt = Duration::from_micros(rtt.into()),
            _ => return Err(Errno::EINVAL),
        }
        match config.payload_cipher_type {
            0 => {}
            cipher @ (TLS_CIPHER_AES_GCM_128
            | TLS_CIPHER_AES_GCM_256
            | TLS_CIPHER_AES_CCM_128
            | TLS_CIPHER_CHACHA20_POLY1305) => {
                hints.payload_cipher_type = cipher;
            }
            _ => return Err(Errno::EINVAL),
        }
        engine.algorithm = match config.congestion_control_algo {
            QUIC_CONG_ALG_RENO => engine.algorithm,
            QUIC_CONG_ALG_CUBIC => Algorithm::Cubic,
            QUIC_CONG_ALG_BBR => Algorithm::Bbr,
            _ => return Err(Errno::EINVAL),
        };
        match config.keepalive_probe_interval {
            0 => {}
            interval @ 1_500_000.. => {
                engine.keep_alive = Some(Duration::from_micros(interval.into()));
            }
            _ => return Err(Errno::EINVAL),
        }
        self.engine = engine;
        self.validate |= config.validate_peer_address != 0;
        self.hints = Hints {
            receive_session_ticket: config.receive_session_ticket,
            certificate_request: config.certificate_request,
            ..hints
        };
        Ok(())
    }

    /// The configuration as it is.
    pub(crate) fn config(&self) -> Config {
        let micros = |length: Duration| u32::try_from(length.as_micros()).unwrap_or(u32::MAX);
        Config {
            version: self.engine.version.0,
            plpmtud_probe_interval: self.hints.plpmtud_probe_interval,
            initial_smoothed_rtt: micros(self.engine.initial_rtt),
            payload_cipher_type: self.hints.payload_cipher_type,
            congestion_control_algo: match self.engine.algorithm {
                Algorithm::NewReno => QUIC_CONG_ALG_RENO,
                Algorithm::Cubic => QUIC_CONG_ALG_CUBIC,
                Algorithm::Bbr => QUIC_CONG_ALG_BBR,
            },
            validate_peer_address: u8::from(self.validate),
            // What is written leaves at once, always.
            stream_data_nodelay: 1,
            receive_session_ticket: self.hints.receive_session_ticket,
            certificate_request: self.hints.certificate_request,
            reserved: [0; 3],
            keepalive_probe_interval: self.engine.keep_alive.map_or(0, micros),
        }
    }
}

/// Microseconds.
const PROBE_INTERVAL_MIN: u32 = 5_000_000;
/// Microseconds: [`PROBE_INTERVALS`] of them are still a number of the ABI.
const PROBE_INTERVAL_MAX: u32 = u32::MAX / 30;
/// Intervals from the end of a search to the next.
const PROBE_INTERVALS: u64 = 30;

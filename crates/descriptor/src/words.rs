//! What a TLS handshake and a socket call the same things: levels, secrets, alerts, versions. The words of one come in, those of the
//! other go out.

use std::io;

use inquic_handshake::{CipherSuite, KeySide, Level};
use inquic_uapi::error::QUIC_TRANSPORT_ERROR_CRYPTO;
use inquic_uapi::structs::{Config, ConnectionClose, CryptoSecret};
use inquic_uapi::{
    Layout, QUIC_CRYPTO_APP, QUIC_CRYPTO_EARLY, QUIC_CRYPTO_HANDSHAKE, QUIC_CRYPTO_INITIAL,
    QUIC_CRYPTO_SECRET_BUFFER_SIZE, TLS_CIPHER_AES_CCM_128, TLS_CIPHER_AES_GCM_128,
    TLS_CIPHER_AES_GCM_256, TLS_CIPHER_CHACHA20_POLY1305, option,
};
use inquic_wire::Version;

use crate::calls::Calls;
use crate::link::errno;

/// `QUIC_CRYPTO_*` of a level.
#[must_use]
pub const fn crypto_level(level: Level) -> u8 {
    match level {
        Level::Initial => QUIC_CRYPTO_INITIAL,
        Level::ZeroRtt => QUIC_CRYPTO_EARLY,
        Level::Handshake => QUIC_CRYPTO_HANDSHAKE,
        Level::OneRtt => QUIC_CRYPTO_APP,
    }
}

/// The level of `QUIC_CRYPTO_*`, if it is one of handshake messages.
#[must_use]
pub const fn level_of(level: u8) -> Option<Level> {
    match level {
        QUIC_CRYPTO_INITIAL => Some(Level::Initial),
        QUIC_CRYPTO_HANDSHAKE => Some(Level::Handshake),
        QUIC_CRYPTO_APP => Some(Level::OneRtt),
        _ => None,
    }
}

/// A secret, for [`install`].
///
/// # Errors
///
/// `EMSGSIZE` for one that is too long.
pub fn crypto_secret(
    level: Level,
    side: KeySide,
    suite: CipherSuite,
    secret: &[u8],
) -> io::Result<CryptoSecret> {
    let mut bytes = [0; QUIC_CRYPTO_SECRET_BUFFER_SIZE];
    let place = bytes.get_mut(..secret.len());
    place
        .ok_or_else(|| errno(libc::EMSGSIZE))?
        .copy_from_slice(secret);
    Ok(CryptoSecret {
        send: u8::from(side == KeySide::Seal),
        level: crypto_level(level),
        reserved: 0,
        cipher_type: match suite {
            CipherSuite::Aes128GcmSha256 => TLS_CIPHER_AES_GCM_128,
            CipherSuite::Aes256GcmSha384 => TLS_CIPHER_AES_GCM_256,
            CipherSuite::ChaCha20Poly1305Sha256 => TLS_CIPHER_CHACHA20_POLY1305,
            CipherSuite::Aes128CcmSha256 => TLS_CIPHER_AES_CCM_128,
        },
        secret: bytes,
    })
}

/// Gives a socket a secret.
///
/// # Errors
///
/// What the socket says.
pub fn install(calls: &dyn Calls, secret: &CryptoSecret) -> io::Result<()> {
    let mut value = [0; CryptoSecret::SIZE];
    secret.write(&mut value);
    let done = calls.setsockopt(option::QUIC_SOCKOPT_CRYPTO_SECRET, &value);
    value.fill(0);
    done
}

/// The TLS alert that an error code of QUIC stands for.
#[must_use]
pub fn alert_of(errcode: u32) -> Option<u8> {
    let alert = errcode.checked_sub(QUIC_TRANSPORT_ERROR_CRYPTO)?;
    u8::try_from(alert).ok()
}

/// How a socket's connection was closed, in the peer's words.
///
/// # Errors
///
/// What the socket says.
pub fn close_of(calls: &dyn Calls) -> io::Result<ConnectionClose> {
    let mut close = [0; ConnectionClose::SIZE];
    calls.getsockopt(option::QUIC_SOCKOPT_CONNECTION_CLOSE, &mut close)?;
    Ok(ConnectionClose::read(&close))
}

/// The TLS alert with which the peer has ended a socket's connection.
#[must_use]
pub fn peer_alert(calls: &dyn Calls) -> Option<u8> {
    alert_of(close_of(calls).ok()?.errcode)
}

/// The version that a socket uses, if it is one that we know.
#[must_use]
pub fn version_of(calls: &dyn Calls) -> Option<Version> {
    let mut config = [0; Config::SIZE];
    let read = calls.getsockopt(option::QUIC_SOCKOPT_CONFIG, &mut config);
    let config = Config::read(config.get(..read.ok()?)?);
    Some(Version(config.version)).filter(|version| version.is_known())
}

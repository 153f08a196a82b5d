//! Keys of the kernel's keyrings: serial numbers that a user in the kernel has named come in, keys that TLS can use go out. What was
//! read is wiped, and no error repeats it.

use std::io;

use inquic_handshake::{Certificate, KeyHash, SharedKey};
use rustix::io::Errno;

use crate::message::Own;
use crate::sys;

/// Why a key cannot be used: an errno for the user, a line for the log.
pub(crate) type Unusable = (Errno, String);

/// A pre-shared key: its description is the identity. Belongs to SHA-256.
///
/// # Errors
///
/// What the kernel says; EKEYREJECTED for a key that is none of these.
pub(crate) fn shared(serial: i32) -> Result<SharedKey, Unusable> {
    let text = sys::describe_key(serial).map_err(|error| unreadable(serial, &error))?;
    let mut parts = text.splitn(5, |byte| *byte == b';');
    let (kind, identity) = (parts.next(), parts.nth(3));
    let (Some(b"user" | b"psk"), Some(identity)) = (kind, identity) else {
        let why = format!("key {serial} is neither of type user nor of type psk");
        return Err((Errno::KEYREJECTED, why));
    };
    let key = sys::read_key(serial).map_err(|error| unreadable(serial, &error))?;
    SharedKey::new(identity, &key, KeyHash::Sha256)
        .map_err(|error| (Errno::KEYREJECTED, format!("key {serial}: {error}")))
}

/// A certificate and its private key, each a key that holds DER.
///
/// # Errors
///
/// What the kernel says; EKEYREJECTED for what is neither.
pub(crate) fn certificate(own: Own) -> Result<Certificate, Unusable> {
    let read = |serial| sys::read_key(serial).map_err(|error| unreadable(serial, &error));
    let (certificate, key) = (read(own.certificate)?, read(own.private_key)?);
    Certificate::from_der(&certificate, &key).map_err(|error| {
        (
            Errno::KEYREJECTED,
            format!("key {}: {error}", own.private_key),
        )
    })
}

fn unreadable(serial: i32, error: &io::Error) -> Unusable {
    let errno = Errno::from_io_error(error).unwrap_or(Errno::KEYREJECTED);
    (errno, format!("key {serial} cannot be read: {error}"))
}

#[cfg(test)]
pub(crate) mod tests;

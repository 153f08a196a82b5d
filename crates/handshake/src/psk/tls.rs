//! s2n-tls without a network: bytes of the peer come in; our messages and traffic secrets go out, in the order in which TLS made
//! them. It never reads past a change of keys, and keeps no secret that was taken.
//!
//! `unsafe` is here alone: s2n-tls is a library in C, which calls back for bytes.
#![expect(unsafe_code, reason = "s2n-tls calls back with pointers")]

use std::ffi::{c_int, c_void};
use std::ptr;
use std::slice;
use std::task::Poll;

use inquic_platform::CipherSuite;
use s2n_tls::connection::Connection;
use s2n_tls::enums::{Blinding, Mode};
use s2n_tls::error::Error;
use s2n_tls::ffi::{s2n_connection, s2n_secret_type_t};

use super::SharedKeys;
use crate::secrets::Secret;

/// TLS on one end.
pub(super) struct Tls {
    connection: Connection,
    io: Box<Io>,
}

/// What TLS has for the socket.
pub(super) enum Said {
    Message(Vec<u8>),
    Secret(Whose, Secret),
}

/// Which traffic secret it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    ClientHandshake,
    ServerHandshake,
    ClientTraffic,
    ServerTraffic,
}

/// What the callbacks of s2n-tls work on.
#[derive(Default)]
struct Io {
    unread: Vec<u8>,
    said: Vec<Said>,
    /// Keys changed while bytes of the level before were unread.
    torn: bool,
}

impl Tls {
    /// A client of this name's server, or a server, with our transport parameters.
    ///
    /// # Errors
    ///
    /// What s2n-tls says.
    pub(super) fn new(
        mode: Mode,
        keys: &SharedKeys,
        name: Option<&str>,
        parameters: &[u8],
    ) -> Result<Self, Error> {
        let mut connection = Connection::new(mode);
        connection.set_config(keys.config.clone())?;
        connection.enable_quic()?;
        connection.set_quic_transport_parameters(parameters)?;
        // It would make the thread wait after an error, against attacks on the CBC ciphers of old TLS.
        connection.set_blinding(Blinding::SelfService)?;
        for key in keys.keys.iter() {
            connection.append_psk(&key.0)?;
        }
        if let Some(name) = name {
            connection.set_server_name(name)?;
        }
        Ok(Self {
            connection,
            io: Box::default(),
        })
    }

    /// Takes bytes of the peer.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.io.unread.extend_from_slice(bytes);
    }

    /// Does what can be done; `true` when the handshake is complete.
    ///
    /// # Errors
    ///
    /// What s2n-tls says.
    pub(super) fn negotiate(&mut self) -> Result<bool, Error> {
        let context = (&raw mut *self.io).cast::<c_void>();
        // SAFETY: `io` outlives the call below, which alone uses it, and nothing else looks at it during the call.
        unsafe { self.lend(context) }?;
        let polled = self
            .connection
            .poll_negotiate()
            .map(|result| result.map(drop));
        // SAFETY: the callbacks do nothing where they are given null.
        unsafe { self.lend(ptr::null_mut()) }?;
        match polled {
            Poll::Ready(result) => result.map(|()| true),
            Poll::Pending => Ok(false),
        }
    }

    /// What was said since the last call.
    pub(super) fn take_said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.io.said)
    }

    /// Whether there are secrets of the handshake among what was said.
    pub(super) fn changes_keys(&self) -> bool {
        let mut said = self.io.said.iter();
        said.any(|said| matches!(said, Said::Secret(..)))
    }

    /// Whether bytes were left where there must be none: when keys changed, or at the end.
    pub(super) fn has_leftovers(&self, complete: bool) -> bool {
        self.io.torn || complete && !self.io.unread.is_empty()
    }

    /// The identity of the key that both ends use; empty where they use none.
    pub(super) fn identity(&self) -> Vec<u8> {
        let len = self.connection.negotiated_psk_identity_length();
        let mut identity = vec![0; len.unwrap_or(0)];
        if !identity.is_empty()
            && self
                .connection
                .negotiated_psk_identity(&mut identity)
                .is_err()
        {
            identity.clear();
        }
        identity
    }

    /// The peer's transport parameters; empty until they are known.
    pub(super) fn parameters(&mut self) -> &[u8] {
        self.connection
            .quic_transport_parameters()
            .unwrap_or_default()
    }

    pub(super) fn alpn(&self) -> Option<&[u8]> {
        self.connection.application_protocol()
    }

    pub(super) fn suite(&self) -> Option<CipherSuite> {
        match self.connection.cipher_suite().ok()? {
            "TLS_AES_128_GCM_SHA256" => Some(CipherSuite::Aes128GcmSha256),
            "TLS_AES_256_GCM_SHA384" => Some(CipherSuite::Aes256GcmSha384),
            "TLS_CHACHA20_POLY1305_SHA256" => Some(CipherSuite::ChaCha20Poly1305Sha256),
            _ => None,
        }
    }

    pub(super) fn key_exchange(&self) -> Option<&str> {
        self.connection.selected_key_exchange_group()
    }

    pub(super) fn server_name(&self) -> Option<&str> {
        self.connection.server_name()
    }

    /// Has the callbacks work on `context`.
    ///
    /// # Safety
    ///
    /// It is null, or an [`Io`] that nobody else uses until the next call of this.
    unsafe fn lend(&mut self, context: *mut c_void) -> Result<(), Error> {
        let connection = &mut self.connection;
        // SAFETY: as the caller says.
        unsafe { connection.set_secret_callback(Some(on_secret), context) }?;
        // SAFETY: as the caller says.
        unsafe { connection.set_send_context(context) }?;
        // SAFETY: as the caller says.
        unsafe { connection.set_receive_context(context) }?;
        connection.set_send_callback(Some(on_send))?;
        connection.set_receive_callback(Some(on_receive))?;
        Ok(())
    }
}

impl Io {
    fn send(&mut self, bytes: &[u8]) {
        if let Some(Said::Message(message)) = self.said.last_mut() {
            message.extend_from_slice(bytes);
        } else {
            self.said.push(Said::Message(bytes.to_vec()));
        }
    }

    /// Moves unread bytes to `out`; none where there are none.
    fn receive(&mut self, out: &mut [u8]) -> usize {
        if self.torn {
            return 0;
        }
        let len = self.unread.len().min(out.len());
        for (to, from) in out.iter_mut().zip(self.unread.drain(..len)) {
            *to = from;
        }
        len
    }

    fn keep(&mut self, kind: s2n_secret_type_t::Type, secret: &[u8]) -> Option<()> {
        let whose = match kind {
            s2n_secret_type_t::CLIENT_HANDSHAKE_TRAFFIC_SECRET => Whose::ClientHandshake,
            s2n_secret_type_t::SERVER_HANDSHAKE_TRAFFIC_SECRET => Whose::ServerHandshake,
            s2n_secret_type_t::CLIENT_APPLICATION_TRAFFIC_SECRET => Whose::ClientTraffic,
            s2n_secret_type_t::SERVER_APPLICATION_TRAFFIC_SECRET => Whose::ServerTraffic,
            _ => return Some(()),
        };
        self.torn |= !self.unread.is_empty();
        self.said.push(Said::Secret(whose, Secret::new(secret)?));
        Some(())
    }
}

/// s2n-tls has a message.
///
/// # Safety
///
/// `context` is null or an [`Io`] that nobody else uses, `data` has `len` bytes.
unsafe extern "C" fn on_send(context: *mut c_void, data: *const u8, len: u32) -> c_int {
    // SAFETY: as the caller says.
    let Some(io) = (unsafe { context.cast::<Io>().as_mut() }) else {
        return FAILED;
    };
    let Ok(taken) = c_int::try_from(len) else {
        return FAILED;
    };
    if taken > 0 {
        // SAFETY: as the caller says, and there is one at least.
        io.send(unsafe { slice::from_raw_parts(data, len as usize) });
    }
    taken
}

/// s2n-tls wants bytes of the peer.
///
/// # Safety
///
/// `context` is null or an [`Io`] that nobody else uses, `data` has room for `len` bytes, which were written before.
unsafe extern "C" fn on_receive(context: *mut c_void, data: *mut u8, len: u32) -> c_int {
    // SAFETY: as the caller says.
    let Some(io) = (unsafe { context.cast::<Io>().as_mut() }) else {
        return FAILED;
    };
    if len == 0 {
        return 0;
    }
    // SAFETY: whatever was there, all bytes are written before any is read.
    unsafe { ptr::write_bytes(data, 0, len as usize) };
    // SAFETY: as the caller says, and there is one at least.
    let out = unsafe { slice::from_raw_parts_mut(data, len as usize) };
    match io.receive(out) {
        0 => {
            // By which s2n-tls knows that more is to come.
            errno::set_errno(errno::Errno(EWOULDBLOCK));
            FAILED
        }
        len => c_int::try_from(len).unwrap_or(FAILED),
    }
}

/// s2n-tls has a secret.
///
/// # Safety
///
/// `context` is null or an [`Io`] that nobody else uses, `secret` has `len` bytes.
unsafe extern "C" fn on_secret(
    context: *mut c_void,
    _connection: *mut s2n_connection,
    kind: s2n_secret_type_t::Type,
    secret: *mut u8,
    len: u8,
) -> c_int {
    // SAFETY: as the caller says.
    let Some(io) = (unsafe { context.cast::<Io>().as_mut() }) else {
        return FAILED;
    };
    if secret.is_null() {
        return FAILED;
    }
    // SAFETY: as the caller says.
    let secret = unsafe { slice::from_raw_parts(secret, usize::from(len)) };
    io.keep(kind, secret).map_or(FAILED, |()| 0)
}

const FAILED: c_int = -1;
/// As Linux numbers it.
const EWOULDBLOCK: i32 = 11;

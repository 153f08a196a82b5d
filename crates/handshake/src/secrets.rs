//! Traffic secrets on their way from rustls to the socket: rustls logs them, and whoever called rustls takes them. They are
//! wiped when dropped and stay here no longer than the call that made them.

use std::cell::RefCell;
use std::sync::Arc;

use rustls::KeyLog;
use zeroize::Zeroize;

use crate::key_log::KeyLogFile;

/// A traffic secret, wiped when dropped.
pub(crate) struct Secret {
    bytes: [u8; LEN_MAX],
    len: usize,
}

/// The secrets that a handshake made and did not install yet.
#[derive(Default)]
pub(crate) struct Secrets {
    pub(crate) client_early: Option<Secret>,
    pub(crate) client_handshake: Option<Secret>,
    pub(crate) server_handshake: Option<Secret>,
    pub(crate) client_traffic: Option<Secret>,
    pub(crate) server_traffic: Option<Secret>,
}

/// What rustls logs secrets to. One serves all connections: a call of rustls logs on the thread that makes the call, so the
/// caller finds its own secrets, and no connection needs a configuration of its own.
#[derive(Debug)]
pub(crate) struct Collector {
    file: Option<Arc<KeyLogFile>>,
}

/// Runs `call`, which calls rustls, and adds the secrets that it made to `secrets`.
pub(crate) fn collect<T>(secrets: &mut Secrets, call: impl FnOnce() -> T) -> T {
    // What a call that panicked left behind is not ours.
    drop(COLLECTED.take());
    let result = call();
    let new = COLLECTED.take();
    let Secrets {
        client_early,
        client_handshake,
        server_handshake,
        client_traffic,
        server_traffic,
    } = new;
    secrets.client_early = client_early.or(secrets.client_early.take());
    secrets.client_handshake = client_handshake.or(secrets.client_handshake.take());
    secrets.server_handshake = server_handshake.or(secrets.server_handshake.take());
    secrets.client_traffic = client_traffic.or(secrets.client_traffic.take());
    secrets.server_traffic = server_traffic.or(secrets.server_traffic.take());
    result
}

impl Secret {
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        let mut bytes = [0; LEN_MAX];
        bytes.get_mut(..secret.len())?.copy_from_slice(secret);
        Some(Self {
            bytes,
            len: secret.len(),
        })
    }

    /// The secret itself.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl Collector {
    /// A collector that also writes to a key log, if there is one.
    pub(crate) const fn new(file: Option<Arc<KeyLogFile>>) -> Self {
        Self { file }
    }
}

impl KeyLog for Collector {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        if let Some(file) = &self.file {
            file.append(label, client_random, secret);
        }
        COLLECTED.with_borrow_mut(|secrets| {
            let place = match label {
                "CLIENT_EARLY_TRAFFIC_SECRET" => &mut secrets.client_early,
                "CLIENT_HANDSHAKE_TRAFFIC_SECRET" => &mut secrets.client_handshake,
                "SERVER_HANDSHAKE_TRAFFIC_SECRET" => &mut secrets.server_handshake,
                "CLIENT_TRAFFIC_SECRET_0" => &mut secrets.client_traffic,
                "SERVER_TRAFFIC_SECRET_0" => &mut secrets.server_traffic,
                _ => return,
            };
            *place = Secret::new(secret);
        });
    }

    fn will_log(&self, label: &str) -> bool {
        self.file.is_some() || label.contains("TRAFFIC_SECRET")
    }
}

thread_local! {
    /// What rustls logged during the call that this thread is in.
    static COLLECTED: RefCell<Secrets> = RefCell::default();
}

/// Bytes in the longest traffic secret, that of SHA-384.
const LEN_MAX: usize = 48;

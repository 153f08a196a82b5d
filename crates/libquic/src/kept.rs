//! What clients trust and remember of servers, from one handshake of this process to the next: choices in, a configuration out.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use inquic_handshake::{Certificate, ClientConfig, ConfigError, Roots};

use crate::limits;
use crate::session::Choices;

/// A client's configuration, with what was chosen for it.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) config: ClientConfig,
    authorities: Option<PathBuf>,
    certificate: Option<(PathBuf, PathBuf)>,
}

impl Client {
    /// With these choices, and nothing to remember.
    pub(crate) fn new(choices: &Choices) -> Result<Self, ConfigError> {
        let mut builder = ClientConfig::builder().alpn(&choices.alpn);
        if let Some(file) = &choices.authorities {
            builder = builder.roots(Roots::pem_file(file)?);
        }
        if let Some((chain, key)) = &choices.certificate {
            builder = builder.certificate(Certificate::from_pem_files(chain, key)?);
        }
        Ok(Self {
            config: builder.build()?,
            authorities: choices.authorities.clone(),
            certificate: choices.certificate.clone(),
        })
    }

    /// With these choices, and what it remembers if they are those that it was made with; what was not chosen is as it was.
    pub(crate) fn again(self, choices: &Choices) -> Result<Self, ConfigError> {
        let same = |chosen: bool, equal: bool| !chosen || equal;
        let authorities = &choices.authorities;
        let certificate = &choices.certificate;
        if !same(authorities.is_some(), *authorities == self.authorities)
            || !same(certificate.is_some(), *certificate == self.certificate)
        {
            // A ticket stands in for a certificate that others have vouched for.
            return Self::new(choices);
        }
        if choices.alpn.is_empty() {
            return Ok(self);
        }
        Ok(Self {
            config: self.config.with_alpn(&choices.alpn)?,
            ..self
        })
    }
}

/// Keeps what a client remembers of servers, under a name that only this process understands: rustls gives nobody what is in a
/// ticket.
pub(crate) fn keep(client: Client) -> [u8; SESSION_DATA_BYTES] {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let (next, clients) = &mut *kept;
    *next += 1;
    if clients.len() >= limits::KEPT_SESSIONS {
        clients.pop_front();
    }
    clients.push_back((*next, client));
    let mut data = [0; SESSION_DATA_BYTES];
    let number = next.to_be_bytes();
    let process = u64::from(std::process::id()).to_be_bytes();
    for (to, from) in data.iter_mut().zip(process.into_iter().chain(number)) {
        *to = from;
    }
    data
}

/// The client whose memory has this name, if it is still kept.
pub(crate) fn find(data: &[u8]) -> Option<Client> {
    let data: &[u8; SESSION_DATA_BYTES] = data.try_into().ok()?;
    let number = u64::from_be_bytes(*data.last_chunk()?);
    let process = u64::from_be_bytes(*data.first_chunk()?);
    if process != u64::from(std::process::id()) {
        return None;
    }
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut clients = kept.1.iter();
    clients
        .find(|(known, _)| *known == number)
        .map(|(_, client)| client.clone())
}

/// Bytes of the name of a session.
pub(crate) const SESSION_DATA_BYTES: usize = 16;
static KEPT: Mutex<(u64, VecDeque<(u64, Client)>)> = Mutex::new((0, VecDeque::new()));

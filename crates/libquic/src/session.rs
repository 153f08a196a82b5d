//! One handshake: what the program chose and what its socket says come in; which socket call is next, and an errno with a line for
//! people, go out. It never trusts a server whose certificate was not verified, and never lasts beyond its deadline.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use inquic_handshake::{
    Certificate, ClientCertificate, ConfigError, HandshakeError, HandshakeInfo, Progress, Roots,
    ServerConfig, Session, SharedKey, SharedKeys,
};
use inquic_uapi::{QUIC_CRYPTO_APP, option};

use crate::kept::{self, Client, SESSION_DATA_BYTES};
use crate::limits;
use crate::wishes::protocols;
use inquic_descriptor::Calls;
use inquic_descriptor::sys;
use inquic_descriptor::{Link, Outgoing, errno};

use crate::log;

/// A handshake of one socket, with what was chosen for it.
pub(crate) struct Handshake {
    link: Link,
    is_server: bool,
    pub(crate) choices: Choices,
    /// What the client trusts and remembers, once it was needed or given.
    client: Option<Client>,
    running: Option<Session>,
    deadline: Option<Instant>,
    next: Next,
    /// Why it failed, for people.
    why: String,
    /// The ticket that TLS was last given.
    fed: Vec<u8>,
}

/// What a program chooses.
pub(crate) struct Choices {
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) server_name: Option<String>,
    /// Authorities to trust in place of the system's; at a server, those that clients need a certificate of.
    pub(crate) authorities: Option<PathBuf>,
    /// The chain and key of a server, or of a client that is asked for one.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    /// Pre-shared keys, in place of certificates.
    pub(crate) shared_keys: Option<PathBuf>,
    pub(crate) timeout: Duration,
}

/// What is to be done next on the socket.
pub(crate) enum Next {
    Send(Outgoing),
    Receive,
    /// Nothing: the handshake has not begun, or is complete.
    Nothing,
}

/// Why something failed: an errno, with the reason told to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed(pub(crate) i32);

impl Handshake {
    /// For a socket, whose role it asks.
    pub(crate) fn new(calls: Box<dyn Calls>) -> Self {
        // A server has no token of its own to tell (socket-abi 1.3).
        let mut token = [0; option::TOKEN_LEN_MAX];
        let is_server = calls
            .getsockopt(option::QUIC_SOCKOPT_TOKEN, &mut token)
            .is_err();
        Self {
            link: Link::new(calls),
            is_server,
            choices: Choices {
                alpn: Vec::new(),
                server_name: None,
                authorities: None,
                certificate: None,
                shared_keys: None,
                timeout: limits::HANDSHAKE,
            },
            client: None,
            running: None,
            deadline: None,
            next: Next::Nothing,
            why: String::new(),
            fed: Vec::new(),
        }
    }

    /// Why the last call failed; empty when none did.
    pub(crate) fn why(&self) -> &str {
        &self.why
    }

    /// No call has failed since.
    pub(crate) fn forget_failure(&mut self) {
        self.why.clear();
    }

    /// Why a call failed of which nothing more is known than its errno.
    pub(crate) fn explain(&mut self, number: i32) {
        if self.why.is_empty() {
            self.why = errno(number).to_string();
        }
    }

    pub(crate) const fn next(&self) -> &Next {
        &self.next
    }

    /// The protocol that was agreed on, or the list before that.
    pub(crate) fn alpn(&self) -> Vec<u8> {
        let info = self.running.as_ref().and_then(Session::info);
        info.map_or_else(|| self.choices.alpn.join(&b','), |info| info.alpn.clone())
    }

    /// Whether a ticket stood in for the server's certificate.
    #[cfg(test)]
    pub(crate) fn is_resumed(&self) -> bool {
        let info = self.running.as_ref().and_then(Session::info);
        info.is_some_and(|info| info.resumed)
    }

    /// Begins.
    ///
    /// # Errors
    ///
    /// `EISCONN` when it has begun before, else what is wrong with the choices.
    pub(crate) fn start(&mut self) -> Result<(), Failed> {
        if self.running.is_some() {
            return Err(self.fail(libc::EISCONN, "the session has had its handshake"));
        }
        if self.choices.alpn.is_empty() {
            self.choices.alpn = protocols(&*self.link.calls);
        }
        let made = match &self.choices.shared_keys {
            Some(file) => self.by_shared_keys(file),
            None if self.is_server => self.server(),
            None => self.client(),
        };
        let session = made.map_err(|error| self.misconfigured(&error))?;
        self.begin(session)
    }

    fn begin(&mut self, session: Session) -> Result<(), Failed> {
        self.running = Some(session);
        self.deadline = sys::now().checked_add(self.choices.timeout);
        self.advance()
    }

    /// Puts the handshake away, whatever became of it. What the session remembers stays.
    pub(crate) fn stop(&mut self) {
        self.next = Next::Nothing;
    }

    /// The socket took so many bytes of what was to be sent.
    ///
    /// # Errors
    ///
    /// Why the handshake cannot go on.
    pub(crate) fn on_sent(&mut self, result: io::Result<usize>) -> Result<(), Failed> {
        match result {
            Ok(_) => self.go_on(),
            Err(error) => self.on_error(&error),
        }
    }

    /// The socket gave bytes of a crypto level.
    ///
    /// # Errors
    ///
    /// Why the handshake cannot go on.
    pub(crate) fn on_received(
        &mut self,
        result: io::Result<(&[u8], Option<u8>)>,
    ) -> Result<(), Failed> {
        match result.and_then(|(bytes, level)| self.link.arrive(bytes, level)) {
            Ok(()) => self.go_on(),
            Err(error) => self.on_error(&error),
        }
    }

    /// Makes the socket calls itself until the handshake is complete.
    ///
    /// # Errors
    ///
    /// Why it failed; `ETIMEDOUT` at the deadline.
    pub(crate) fn run(&mut self) -> Result<(), Failed> {
        let mut buffer = vec![0; limits::RECEIVE_BYTES];
        loop {
            let calls = &self.link.calls;
            let (sending, result) = match &self.next {
                Next::Nothing => return Ok(()),
                Next::Send(out) => {
                    let sent = calls.send(out.level, &out.bytes, out.more);
                    (true, sent.map(|len| (len, None)))
                }
                Next::Receive => (false, calls.receive(&mut buffer)),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let left = self.time_left()?;
                    if let Err(error) = self.link.calls.wait(sending, left) {
                        self.on_error(&error)?;
                    }
                }
                Ok((len, _)) if sending => self.on_sent(Ok(len))?,
                Ok((len, level)) => {
                    let bytes = buffer.get(..len).unwrap_or_default();
                    self.on_received(Ok((bytes, level)))?;
                }
                Err(error) => self.on_error(&error)?,
            }
        }
    }

    /// How long it may still take.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT` when that is over.
    pub(crate) fn time_left(&mut self) -> Result<Duration, Failed> {
        let left = self.deadline.map_or(Duration::ZERO, |at| {
            at.saturating_duration_since(sys::now())
        });
        if left.is_zero() {
            return Err(self.fail(libc::ETIMEDOUT, "the handshake took too long"));
        }
        Ok(left)
    }

    /// A name under which the server's tickets can be given to another session of this process.
    ///
    /// # Errors
    ///
    /// `EAGAIN` before a ticket has come, `EINVAL` at a server or before the handshake is complete.
    pub(crate) fn session_data(&mut self) -> Result<[u8; SESSION_DATA_BYTES], Failed> {
        let mut ticket = vec![0; option::SESSION_TICKET_LEN_MAX];
        let (Some(client), Some(session), Next::Nothing) =
            (&self.client, &mut self.running, &self.next)
        else {
            return Err(self.fail(libc::EINVAL, "only a connected client has tickets"));
        };
        let read = self
            .link
            .calls
            .getsockopt(option::QUIC_SOCKOPT_SESSION_TICKET, &mut ticket);
        let len = match read {
            Ok(len) => len,
            Err(error) => return Err(self.refused(&error)),
        };
        ticket.truncate(len);
        if !ticket.is_empty() && ticket != self.fed {
            let stepped = self
                .link
                .arrive(&ticket, Some(QUIC_CRYPTO_APP))
                .map_err(HandshakeError::from)
                .and_then(|()| session.step(&mut self.link));
            if let Err(error) = stepped {
                return Err(self.failed(&error));
            }
            self.fed = ticket;
        }
        if self.fed.is_empty() {
            return Err(self.fail(libc::EAGAIN, "no ticket has come yet"));
        }
        Ok(kept::keep(client.clone()))
    }

    /// Resumes with what [`Handshake::session_data`] gave.
    ///
    /// # Errors
    ///
    /// `EINVAL` for what this process has not given, or has forgotten, and at a server.
    pub(crate) fn set_session_data(&mut self, data: &[u8]) -> Result<(), Failed> {
        if self.is_server {
            return Err(self.fail(libc::EINVAL, "only a client resumes"));
        }
        match kept::find(data) {
            Some(client) => {
                self.client = Some(client);
                Ok(())
            }
            None => Err(self.fail(libc::EINVAL, "session data of another process, or too old")),
        }
    }

    /// Remembers a failure.
    pub(crate) fn fail(&mut self, number: i32, why: &str) -> Failed {
        why.clone_into(&mut self.why);
        self.next = Next::Nothing;
        log::line(log::ERROR, why);
        Failed(number)
    }

    /// A peer that says a little again and again does not make it last longer.
    fn go_on(&mut self) -> Result<(), Failed> {
        self.time_left()?;
        self.advance()
    }

    /// Lets TLS do what it can, and finds out which socket call is next.
    fn advance(&mut self) -> Result<(), Failed> {
        if self.take_next()? {
            return Ok(());
        }
        let Some(session) = &mut self.running else {
            return Err(self.fail(libc::EINVAL, "the handshake has not begun"));
        };
        let progress = match session.step(&mut self.link) {
            Ok(progress) => progress,
            Err(error) => return Err(self.failed(&error)),
        };
        if !self.take_next()? {
            self.next = match progress {
                Progress::Pending => Next::Receive,
                Progress::Complete => {
                    log::line(log::DEBUG, "the handshake is complete");
                    Next::Nothing
                }
            };
        }
        Ok(())
    }

    /// Does what TLS asked for; `true` when there is something to send.
    fn take_next(&mut self) -> Result<bool, Failed> {
        match self.link.outgoing() {
            Ok(Some(out)) => {
                self.next = Next::Send(out);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) => Err(self.refused(&error)),
        }
    }

    fn on_error(&mut self, error: &io::Error) -> Result<(), Failed> {
        match error.kind() {
            // The same call is to be made again, as long as there is time.
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => self.time_left().map(drop),
            _ => Err(self.refused(error)),
        }
    }

    fn refused(&mut self, error: &io::Error) -> Failed {
        if let Some(alert) = self.link.peer_alert() {
            return self.failed(&HandshakeError::PeerAlert(alert));
        }
        let number = error.raw_os_error().unwrap_or(libc::EIO);
        self.fail(
            number,
            &format!("the socket failed in the handshake: {error}"),
        )
    }

    fn failed(&mut self, error: &HandshakeError) -> Failed {
        use HandshakeError as E;
        let number = match error {
            E::Socket(error) => error.raw_os_error().unwrap_or(libc::EIO),
            E::UntrustedAuthority { .. }
            | E::Expired { .. }
            | E::NotYetValid { .. }
            | E::WrongName { .. }
            | E::Certificate { .. }
            | E::NoClientCertificate
            | E::UnknownSharedKey
            | E::WrongSharedKey
            | E::SharedKeyNotTaken => libc::EKEYREJECTED,
            E::NoCommonProtocol => libc::EPROTONOSUPPORT,
            E::PeerAlert(_) => libc::ECONNABORTED,
            E::Internal(_) => libc::EIO,
            _ => libc::EPROTO,
        };
        self.fail(number, &error.to_string())
    }

    fn misconfigured(&mut self, error: &ConfigError) -> Failed {
        let number = match error {
            ConfigError::File(_, error) => error.raw_os_error().unwrap_or(libc::EIO),
            ConfigError::NoSystemRoots => libc::ENOENT,
            _ => libc::EINVAL,
        };
        self.fail(number, &error.to_string())
    }

    fn client(&mut self) -> Result<Session, ConfigError> {
        let client = match self.client.take() {
            Some(client) => client.again(&self.choices)?,
            None => Client::new(&self.choices)?,
        };
        let client = self.client.insert(client);
        // Without a name the certificate must be for the address.
        let name = match &self.choices.server_name {
            Some(name) => name.clone(),
            None => match self.link.calls.peer() {
                Ok(address) => address.to_string(),
                Err(_) => return Err(ConfigError::ServerName(String::new())),
            },
        };
        Session::client(&client.config, &name)
    }

    fn by_shared_keys(&self, file: &Path) -> Result<Session, ConfigError> {
        let mut keys = SharedKey::in_file(file)?;
        if self.is_server {
            let keys = SharedKeys::new(keys, &self.choices.alpn)?;
            return Ok(Session::server_shared(&keys));
        }
        keys.truncate(limits::SHARED_KEYS_OFFERED);
        let keys = SharedKeys::new(keys, &self.choices.alpn)?;
        let name = self.choices.server_name.as_deref();
        Ok(Session::client_shared(&keys, name))
    }

    fn server(&self) -> Result<Session, ConfigError> {
        let (chain, key) = self
            .choices
            .certificate
            .as_ref()
            .ok_or(ConfigError::CertificateMissing)?;
        let mut builder = ServerConfig::builder()
            .certificate(Certificate::from_pem_files(chain, key)?)
            .alpn(&self.choices.alpn);
        if let Some(file) = &self.choices.authorities {
            builder = builder.clients(Roots::pem_file(file)?, ClientCertificate::Required);
        }
        // The listener's key, so that whoever accepts the next connection opens the ticket.
        let mut secret = [0; option::SESSION_TICKET_LEN_MAX];
        let read = self
            .link
            .calls
            .getsockopt(option::QUIC_SOCKOPT_SESSION_TICKET, &mut secret);
        if read.is_ok_and(|len| len >= 32)
            && let Some(key) = secret.first_chunk()
        {
            builder = builder.ticket_key(*key);
        }
        Ok(Session::server(&builder.build()?))
    }
}

/// Why a handshake failed.
#[derive(Debug)]
pub struct Failure {
    /// An errno, as `quic_client_handshake` gives it.
    pub errno: i32,
    /// The same for people.
    pub reason: String,
}

/// Makes the handshake of a session on a socket, for so long at most.
///
/// # Errors
///
/// Why it failed; the socket then knows the alert that the peer is to be told, if there is one, and tells it when it is closed.
pub fn complete(
    calls: Box<dyn Calls>,
    session: Session,
    at_most: Duration,
) -> Result<HandshakeInfo, Failure> {
    let mut handshake = Handshake::new(calls);
    handshake.choices.timeout = at_most;
    let done = handshake.begin(session).and_then(|()| handshake.run());
    let info = handshake.running.as_ref().and_then(Session::info);
    match (done, info) {
        (Ok(()), Some(info)) => Ok(info.clone()),
        (Ok(()), None) => Err(Failure {
            errno: libc::EIO,
            reason: "the handshake agreed on nothing".to_owned(),
        }),
        (Err(Failed(errno)), _) => Err(Failure {
            errno,
            reason: handshake.why,
        }),
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

/// EINVAL.
pub(crate) fn invalid() -> io::Error {
    errno(libc::EINVAL)
}

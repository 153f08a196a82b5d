//! bind, listen, accept, connect: addresses and a port in, names of connections and errno values out (socket-abi 1.8).

use core::net::SocketAddr;

use inquic_engine::{Claim, ClaimError, Handle, Path, Settings};
use inquic_platform::{Instant, NoMemory, Own};

use super::answer::{Stop, Wait};
use super::link::{Link, Request};
use super::{Sock, State, address};
use crate::errno::Errno;
use crate::limits;
use crate::port::{Inherited, ListenOptions, Port};
use crate::socket::Socket;

impl Sock {
    /// bind(): the address to which the home binds UDP before it tells [`Sock::on_bound`].
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] for an address that is none, or when the socket has one; [`Errno::EAFNOSUPPORT`] for one of another family;
    /// [`Errno::EADDRNOTAVAIL`] for one that is nobody's.
    pub fn bind(&self, sockaddr: &[u8]) -> Result<SocketAddr, Errno> {
        let wanted = address::read(sockaddr)?;
        address::check_family(self.family, wanted)?;
        if wanted.ip().is_multicast() {
            return Err(Errno::EADDRNOTAVAIL);
        }
        match self.state {
            State::Idle(None) => Ok(wanted),
            State::Idle(Some(_)) | State::Listening { .. } | State::Connection(_) => {
                Err(Errno::EINVAL)
            }
        }
    }

    /// The home has bound UDP to `local`, with the port that the system chose if none was asked for.
    pub fn on_bound(&mut self, local: SocketAddr) {
        if let State::Idle(bound) = &mut self.state {
            *bound = Some(local);
        }
    }

    /// listen(), on a socket that is bound: begins or changes the backlog. A backlog of zero stops it; the home then calls
    /// [`Sock::unlisten`] until it gives nothing.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] when it is not bound, or a connection; [`Errno::EADDRINUSE`] when another listener of the port has
    /// some of the same protocols and names; [`Errno::ENOMEM`], and it listens as before.
    pub fn listen(&mut self, port: &mut Port, backlog: i32) -> Result<(), Errno> {
        let local = match self.state {
            State::Idle(Some(local)) | State::Listening { local, .. } => local,
            State::Idle(None) | State::Connection(_) => return Err(Errno::EINVAL),
        };
        let backlog = match usize::try_from(backlog) {
            Ok(backlog) => backlog,
            // As with TCP, what is below zero is as much as there may be.
            Err(_) => limits::BACKLOG,
        };
        if backlog == 0 {
            self.state = State::Idle(Some(local));
            return Ok(());
        }
        let options = self.listening(local, backlog)?;
        match self.listener {
            Some(listener) => port.relisten(listener, options)?,
            None => self.listener = Some(port.listen(options)?),
        }
        self.state = State::Listening {
            local,
            changed: false,
        };
        Ok(())
    }

    /// Stops to listen and gives back, one a call, the connections that nobody has accepted; the home closes each.
    pub fn unlisten(&mut self, port: &mut Port) -> Option<Handle> {
        let (State::Listening { local, .. } | State::Idle(Some(local))) = self.state else {
            return None;
        };
        self.state = State::Idle(Some(local));
        let waiting = port.stop_listening(self.listener?);
        if waiting.is_none() {
            self.listener = None;
        }
        waiting
    }

    /// What the port is to know of a listener.
    fn listening(&self, local: SocketAddr, backlog: usize) -> Result<ListenOptions, Errno> {
        let claim = Claim::new(self.options.names(), self.options.alpn());
        Ok(ListenOptions {
            config: Settings::own(self.options.engine()).ok_or(Errno::ENOMEM)?,
            backlog,
            max_half_open: inquic_engine::limits::HALF_OPEN,
            retry: self.options.retry(),
            claim: claim.map_err(of_claim)?,
            spreads: self.shares_port(),
            inherited: Some(Inherited {
                family: self.family,
                kind: self.kind,
                local,
                options: self.options.copied().ok_or(Errno::ENOMEM)?,
            }),
        })
    }

    /// Lets the port know what has been set on a listener since listen(), for the connections to come.
    pub(crate) fn retell(&mut self, port: &mut Port) {
        let State::Listening { local, changed } = &mut self.state else {
            return;
        };
        let local = *local;
        if !core::mem::take(changed) {
            return;
        }
        let Some(listener) = self.listener else {
            return;
        };
        let options = self.listening(local, port.backlog(listener));
        let told = options.and_then(|options| port.relisten(listener, options));
        // What cannot be had so stays as it was; what there is no memory for is told again.
        if let (Err(Errno::ENOMEM), State::Listening { changed, .. }) = (told, &mut self.state) {
            *changed = true;
        }
    }

    /// accept(): the connection that has waited longest. Its handshake has begun, and goes on by its program's calls.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] when the socket does not listen; [`Stop::Blocked`] while nobody connects.
    pub fn accept(&self, port: &mut Port) -> Result<Handle, Stop> {
        if !self.is_listening() {
            return Err(Stop::Failed(Errno::EINVAL));
        }
        let waiting = self.listener.and_then(|listener| port.accept(listener));
        waiting.ok_or(Stop::Blocked {
            on: Wait::Accept,
            errno: Errno::EAGAIN,
        })
    }

    /// The connection of a client that was let in by the listener that `inherited` is of.
    pub(crate) fn admitted(
        inherited: Inherited,
        ticket_key: [u8; 64],
        socket: Socket,
    ) -> Result<Self, NoMemory> {
        let mut link = Link::new(socket, inherited.local, Request::New);
        link.ticket_key = Some(ticket_key);
        Ok(Self {
            family: inherited.family,
            kind: inherited.kind,
            general: super::General::default(),
            options: inherited.options,
            state: State::Connection(Own::new(link).ok_or(NoMemory)?),
            listener: None,
        })
    }

    /// connect(), first part: the peer's address.
    ///
    /// # Errors
    ///
    /// [`Errno::EOPNOTSUPP`] for no family, which would dissolve a connection; [`Errno::EINVAL`] for an address that is none, or
    /// nobody's, or everybody's, and when the socket is connected or listens; [`Errno::EAFNOSUPPORT`] for one of another family.
    pub fn peer(&self, sockaddr: &[u8]) -> Result<SocketAddr, Errno> {
        if address::is_unspecified(sockaddr) {
            return Err(Errno::EOPNOTSUPP);
        }
        let peer = address::read(sockaddr)?;
        address::check_family(self.family, peer)?;
        let idle = matches!(self.state, State::Idle(_));
        if !idle || !address::is_reachable(peer) {
            return Err(Errno::EINVAL);
        }
        Ok(peer)
    }

    /// connect(), second part, on a socket that is bound. Nothing is sent: the handshake's first message does that.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] when it is not bound, connected or listens; [`Errno::ENOMEM`].
    pub fn connect(
        &mut self,
        now: Instant,
        port: &mut Port,
        peer: SocketAddr,
    ) -> Result<Handle, Errno> {
        let State::Idle(Some(local)) = self.state else {
            return Err(Errno::EINVAL);
        };
        let path = Path {
            local: Some(local),
            remote: peer,
        };
        let (config, token) = (self.options.engine(), self.options.token());
        let config = Settings::own(config).ok_or(Errno::ENOMEM)?;
        let (handle, socket) = port.connect(now, config, path, token)?;
        let Some(link) = Own::new(Link::new(socket, local, Request::None)) else {
            port.endpoint_mut().remove(handle);
            return Err(Errno::ENOMEM);
        };
        self.state = State::Connection(link);
        Ok(handle)
    }

    /// getsockname(): none while the socket is not bound, which programs see as the unspecified address. It follows migration.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        match &self.state {
            State::Idle(local) => *local,
            State::Listening { local, .. } => Some(*local),
            State::Connection(link) => Some(link.local()),
        }
    }

    /// getpeername(): it follows migration.
    ///
    /// # Errors
    ///
    /// [`Errno::ENOTCONN`] when there is no peer.
    pub fn peer_address(&self) -> Result<SocketAddr, Errno> {
        let link = self.link().ok_or(Errno::ENOTCONN)?;
        Ok(link.socket.path().remote)
    }
}

const fn of_claim(error: ClaimError) -> Errno {
    match error {
        ClaimError::Name | ClaimError::Protocol | ClaimError::TooMany => Errno::EINVAL,
        ClaimError::Memory => Errno::ENOMEM,
    }
}

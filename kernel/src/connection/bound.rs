//! What a socket is bound to: addresses and options of a program's in; a port that is made or joined, and UDP sockets, out.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_engine::EndpointKeys;
use inquic_platform::{Instant, memory};
use inquic_socket::sock::{Family, address};
use inquic_socket::{Errno, Port};

use super::Connection;
use crate::cell::Shared;
use crate::platform::Kernel;
use crate::port::Ports;
use crate::table::{self, Binding, Place};
use crate::udp::Udp;

impl Connection {
    /// The port that it is bound to; where it is not bound, it is now, at any port.
    ///
    /// # Errors
    ///
    /// As bind(2).
    pub(crate) fn port(&mut self, this: &Shared<Self>) -> Result<Shared<Ports>, Errno> {
        if self.port.is_none() {
            self.bind(this, address::any(self.sock.family()))?;
        }
        let port = self.port.as_ref().map(|(port, _)| port.clone());
        port.ok_or(Errno::EINVAL)
    }

    /// Binds UDP to `local`, or joins the port that is there already.
    ///
    /// # Errors
    ///
    /// As bind(2).
    pub(crate) fn bind(&mut self, this: &Shared<Self>, local: SocketAddr) -> Result<(), Errno> {
        let mut place = Place {
            net: self.net,
            device: this.device(),
            local: address::plain(local),
        };
        let binding = Binding::begin();
        if local.port() != 0
            && let Some(port) = table::find(&binding, &place)?
        {
            let udp = port.lock().udp.clone();
            return self.on_bound(port, udp);
        }
        let udp = match self.unbound.take() {
            Some(udp) => udp,
            None => Udp::new(self.net.0, self.sock.family(), this.raw())?,
        };
        if let Err(errno) = udp.bind(local) {
            self.unbound = Some(udp);
            return Err(errno);
        }
        place.local = udp.local().ok_or(Errno::EADDRNOTAVAIL)?;
        let udp = Arc::try_new(udp).map_err(|_| Errno::ENOMEM)?;
        let platform = Arc::try_new(Kernel).map_err(|_| Errno::ENOMEM)?;
        let keys = EndpointKeys::random(&Kernel);
        let ports = Ports {
            port: Port::new(platform, keys),
            connections: Vec::new(),
            listeners: Vec::new(),
            net: self.net,
            udp: udp.clone(),
            extras: Vec::new(),
        };
        let port = Shared::new(core::ptr::null_mut(), ports)?;
        table::enter(&binding, place, &udp, &port)?;
        udp.attach(port.raw());
        self.made = true;
        self.on_bound(port, udp)
    }

    fn on_bound(&mut self, port: Shared<Ports>, udp: Arc<Udp>) -> Result<(), Errno> {
        let local = udp.local().ok_or(Errno::EADDRNOTAVAIL)?;
        self.sock.on_bound(local);
        self.port = Some((port, udp));
        Ok(())
    }

    /// The address that UDP is bound to.
    pub(crate) fn bound(&self) -> Option<SocketAddr> {
        self.port.as_ref().and_then(|(_, udp)| udp.local())
    }

    /// The UDP socket: that of the port, or one that is to be bound.
    ///
    /// # Errors
    ///
    /// As socket(2).
    pub(crate) fn udp(&mut self, this: &Shared<Self>) -> Result<&Udp, Errno> {
        match &self.port {
            Some((_, udp)) => Ok(udp),
            None => {
                if self.unbound.is_none() {
                    let udp = Udp::new(self.net.0, self.sock.family(), this.raw())?;
                    self.unbound = Some(udp);
                }
                self.unbound.as_ref().ok_or(Errno::ENOMEM)
            }
        }
    }

    /// Whether the UDP socket's options are this socket's to set: others of its port, joined or accepted, use what was there before them.
    pub(crate) const fn leads(&self) -> bool {
        self.made || self.port.is_none()
    }

    /// What was set on the socket below holds for its UDP socket as well, if it has one that is its own to set.
    pub(crate) fn follow(&self, this: &Shared<Self>) {
        let port = self.port.as_ref().map(|(_, udp)| &**udp);
        if let Some(udp) = port.or(self.unbound.as_ref())
            && self.leads()
        {
            udp.follow(this.raw());
        }
    }

    /// Receives at `wanted` too, as setsockopt() has asked it to.
    ///
    /// # Errors
    ///
    /// As bind(2) and setsockopt(2).
    pub(crate) fn receive_at(
        &mut self,
        this: &Shared<Self>,
        now: Instant,
        wanted: SocketAddr,
    ) -> Result<(), Errno> {
        let (port, main) = self.port.clone().ok_or(Errno::EINVAL)?;
        if main.serves(address::plain(wanted)) {
            return self.sock.on_receiving(now, address::plain(wanted));
        }
        let mut moves = self.moves.iter();
        if let Some(at) = moves.position(|udp| udp.serves(address::plain(wanted))) {
            // It goes back there.
            self.sock.on_receiving(now, address::plain(wanted))?;
            if let Some(udp) = memory::taken(&mut self.moves, at) {
                memory::put(&mut self.moves, udp);
            }
            return Ok(());
        }
        let handle = self.sock.handle().ok_or(Errno::EINVAL)?;
        let other = port.lock().extra(address::plain(wanted));
        let udp = match other {
            Some(udp) => udp,
            None => self.extra(this, wanted)?,
        };
        let local = udp.local().ok_or(Errno::EADDRNOTAVAIL)?;
        self.moves.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        if !port.lock().add_extra(handle, udp.clone()) {
            return Err(Errno::ENOMEM);
        }
        udp.attach(port.raw());
        if let Err(errno) = self.sock.on_receiving(now, local) {
            port.lock().remove_extra(handle, &udp);
            return Err(errno);
        }
        // Packets may still come where the connection was before, and nowhere else.
        if self.moves.len() >= MOVES
            && let Some(oldest) = memory::taken(&mut self.moves, 0)
        {
            port.lock().remove_extra(handle, &oldest);
        }
        memory::put(&mut self.moves, udp);
        Ok(())
    }

    /// Another UDP socket, at that address.
    fn extra(&self, this: &Shared<Self>, wanted: SocketAddr) -> Result<Arc<Udp>, Errno> {
        let family = if wanted.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        };
        let udp = Udp::new(self.net.0, family, this.raw())?;
        udp.bind(wanted)?;
        Arc::try_new(udp).map_err(|_| Errno::ENOMEM)
    }
}

/// UDP sockets of its own that one connection has: as many as it has paths.
const MOVES: usize = inquic_engine::limits::PATHS;

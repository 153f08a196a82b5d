//! A socket of a program, from socket() to its end: calls, datagrams and time in; packets and wake-ups out.
//!
//! Whoever holds a connection's lock may take its port's; whoever holds a port's takes no other.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use inquic_engine::{EndpointKeys, Handle, Received};
use inquic_platform::Instant;
use inquic_socket::sock::{Stop, address};
use inquic_socket::{Errno, Port, Sock};

use crate::cell::{Run, Shared};
use crate::clock;
use crate::ffi;
use crate::platform::Kernel;
use crate::port::Ports;
use crate::udp::Udp;

/// What the lock of a socket guards.
pub(crate) struct Connection {
    pub(crate) sock: Sock,
    net: Net,
    /// The port that it is bound to.
    port: Option<(Shared<Ports>, Arc<Udp>)>,
    /// When its timer is to run.
    armed: Option<Instant>,
}

/// The network namespace of a socket; none where a port has brought the connection forth.
#[derive(Clone, Copy)]
pub(crate) struct Net(pub(crate) *mut ffi::Net);

#[expect(unsafe_code, reason = "a namespace is the kernel's, for any thread")]
// SAFETY: a namespace may be used by any thread.
unsafe impl Send for Net {}

/// Why a connection is looked after.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its program has called.
    Call,
    /// Datagrams have come, or time has passed.
    Network,
}

impl Connection {
    /// socket().
    pub(crate) const fn new(sock: Sock, net: Net) -> Self {
        Self {
            sock,
            net,
            port: None,
            armed: None,
        }
    }

    /// A client's, which a listener's port has let in.
    pub(crate) fn of_client(sock: Sock, port: Shared<Ports>, udp: Arc<Udp>) -> Self {
        Self {
            sock,
            net: Net(core::ptr::null_mut()),
            port: Some((port, udp)),
            armed: None,
        }
    }

    /// Takes datagrams.
    pub(crate) fn receive(this: &Shared<Self>, now: Instant, datagrams: Received<'_>) {
        let mut held = this.lock();
        held.sock.receive(now, datagrams);
        held.settle(this, now, Cause::Network);
    }

    /// The port that it is bound to; where it is not bound, it is now, at any port.
    ///
    /// # Errors
    ///
    /// As bind(2).
    pub(crate) fn port(&mut self) -> Result<Shared<Ports>, Errno> {
        if self.port.is_none() {
            self.bind(address::any(self.sock.family()), false)?;
        }
        let port = self.port.as_ref().map(|(port, _)| port.clone());
        port.ok_or(Errno::EINVAL)
    }

    /// Binds UDP to `local`.
    ///
    /// # Errors
    ///
    /// As bind(2).
    pub(crate) fn bind(&mut self, local: SocketAddr, reuse_port: bool) -> Result<(), Errno> {
        let udp = Arc::new(Udp::bind(self.net.0, local, reuse_port)?);
        let local = udp.local().ok_or(Errno::EADDRNOTAVAIL)?;
        let keys = EndpointKeys::random(&Kernel);
        let port = Shared::new(Ports {
            port: Port::new(Arc::new(Kernel), keys),
            connections: Vec::new(),
            listener: None,
            udp: udp.clone(),
            buffers: Vec::new(),
        })?;
        udp.attach(port.raw());
        self.sock.on_bound(local);
        self.port = Some((port, udp));
        Ok(())
    }

    /// connect().
    ///
    /// # Errors
    ///
    /// As connect(2).
    pub(crate) fn connect(&mut self, this: &Shared<Self>, address: &[u8]) -> Result<(), Errno> {
        let peer = self.sock.peer(address)?;
        let port = self.port()?;
        let mut held = port.lock();
        let handle = self.sock.connect(clock::now(), &mut held.port, peer)?;
        if held.keep(handle, this.clone()) {
            Ok(())
        } else {
            Err(Errno::ENOMEM)
        }
    }

    /// listen().
    ///
    /// # Errors
    ///
    /// As listen(2).
    pub(crate) fn listen(
        &mut self,
        this: &Shared<Self>,
        backlog: i32,
    ) -> Result<Vec<Shared<Self>>, Errno> {
        let port = self.port()?;
        let mut held = port.lock();
        self.sock.listen(&mut held.port, backlog)?;
        if self.sock.is_listening() {
            held.listener = Some(this.clone());
            return Ok(Vec::new());
        }
        drop(held);
        Ok(self.unlisten())
    }

    /// Stops to listen; the connections that nobody has accepted, for the caller to close.
    pub(crate) fn unlisten(&mut self) -> Vec<Shared<Self>> {
        let mut left = Vec::new();
        let Some((port, _)) = &self.port else {
            return left;
        };
        let mut held = port.lock();
        while let Some(handle) = self.sock.unlisten(&mut held.port) {
            if let Some(connection) = held.find(handle)
                && left.try_reserve(1).is_ok()
            {
                left.push(connection);
            }
        }
        let listener = held.listener.take();
        drop(held);
        drop(listener);
        left
    }

    /// accept().
    ///
    /// # Errors
    ///
    /// As accept(2).
    pub(crate) fn accept(&self) -> Result<Shared<Self>, Stop> {
        let (port, _) = self.port.as_ref().ok_or(Stop::Failed(Errno::EINVAL))?;
        let mut held = port.lock();
        let handle = self.sock.accept(&mut held.port)?;
        let connection = held.find(handle);
        connection.ok_or(Stop::Failed(Errno::ECONNREFUSED))
    }

    /// The mask of poll(2).
    pub(crate) fn poll(&mut self) -> u32 {
        match &self.port {
            Some((port, _)) if self.sock.is_listening() => self.sock.poll(Some(&port.lock().port)),
            _ => self.sock.poll(None),
        }
    }

    /// close() of the last descriptor.
    pub(crate) fn close(this: &Shared<Self>) {
        let mut held = this.lock();
        let left = if held.sock.is_listening() {
            held.unlisten()
        } else {
            Vec::new()
        };
        held.sock.close(clock::now());
        held.settle(this, clock::now(), Cause::Network);
        // A port is held for its connections, and this may be none.
        let port = if held.sock.handle().is_none() {
            held.port.take()
        } else {
            None
        };
        drop(held);
        drop(port);
        for connection in left {
            Self::close(&connection);
        }
    }

    /// Does what follows from a call, from datagrams or from time.
    pub(crate) fn settle(&mut self, this: &Shared<Self>, now: Instant, cause: Cause) {
        let Some((port, udp)) = self.port.clone() else {
            return;
        };
        let mut wakes = self.sock.take_changes();
        self.tell_port(&port, now);
        if cause == Cause::Network || !self.sock.is_corked() {
            self.transmit(&port, &udp, now);
            wakes |= self.sock.take_changes();
            self.tell_port(&port, now);
        }
        let deadline = self.sock.next_deadline();
        if deadline != self.armed {
            self.armed = deadline;
            this.arm(deadline);
        }
        if wakes {
            this.wake();
        }
    }

    fn tell_port(&mut self, port: &Shared<Ports>, now: Instant) {
        if !self.sock.needs_port() {
            return;
        }
        let mut held = port.lock();
        let settled = held.port.settle(now, &mut self.sock);
        let gone = settled.gone.and_then(|handle: Handle| held.forget(handle));
        let listener = held.listener.clone().filter(|_| settled.acceptable);
        drop(held);
        if let Some(listener) = listener {
            listener.wake();
        }
        // Somebody holds it still: whoever called this.
        drop(gone);
    }

    /// Sends all that may leave now, in trains.
    fn transmit(&mut self, port: &Shared<Ports>, udp: &Udp, now: Instant) {
        let Some(mut buffer) = port.lock().take_buffer() else {
            return;
        };
        while let Some(train) = self.sock.transmit(now, &mut buffer) {
            let Some(bytes) = buffer.get(..train.bytes) else {
                break;
            };
            match udp.send(bytes, &train) {
                Err(Errno::EMSGSIZE) => self.sock.on_refused(now, train.segment),
                // What the system does not take is lost, as packets are.
                Ok(()) | Err(_) => {}
            }
        }
        port.lock().give_buffer(buffer);
    }
}

impl Run for Connection {
    fn run(this: &Shared<Self>) {
        let now = clock::now();
        let mut held = this.lock();
        held.armed = None;
        held.sock.expire(now);
        held.settle(this, now, Cause::Network);
    }
}

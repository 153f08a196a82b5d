//! The sockets of a link. In: datagrams of clients and of the server. Out: those that crossed, with their ECN bits. Sends
//! to loopback alone.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use quinn_udp::{EcnCodepoint, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::fault::Faults;
use super::pipe::{Parcel, Pipe};
use super::record::{Crossing, Direction, Fate, Record};
use super::{Rebinding, Terms, header, most_bytes, nat_address, overhead_bytes};
use crate::step::Stopwatch;

/// Between clients and one server.
pub(super) struct Relay {
    terms: Terms,
    servers: Vec<SocketAddr>,
    fronts: Vec<Socket>,
    flows: Vec<Flow>,
    to_server: (Pipe, Faults),
    to_client: (Pipe, Faults),
    record: Arc<Mutex<Record>>,
    watch: Stopwatch,
    /// When the first datagram came.
    first: Option<Duration>,
    rebound: usize,
    memory: Vec<u8>,
}

/// One client address at one front, and what the server sees of it.
struct Flow {
    client: SocketAddr,
    front: usize,
    /// The last one is in use; what comes to the others is dropped.
    backs: Vec<Socket>,
}

pub(super) struct Socket {
    udp: UdpSocket,
    state: UdpSocketState,
}

/// Where a datagram came in.
#[derive(Clone, Copy)]
enum Inlet {
    Front(usize),
    Back { flow: usize, mapping: usize },
}

impl Relay {
    pub(super) fn new(
        terms: Terms,
        servers: &[SocketAddr],
        record: Arc<Mutex<Record>>,
    ) -> Result<Self> {
        ensure!(
            servers.iter().all(|server| server.ip().is_loopback()),
            "a link stays inside loopback"
        );
        let fronts = servers
            .iter()
            .map(|server| Socket::bind(server.ip()))
            .collect::<Result<_>>()?;
        let direction = |direction| {
            (
                Pipe::new(terms.bits_per_second, terms.queue, terms.delay),
                Faults::new(terms.fault.clone(), direction, terms.seed),
            )
        };
        Ok(Self {
            servers: servers.to_vec(),
            fronts,
            flows: Vec::new(),
            to_server: direction(Direction::ToServer),
            to_client: direction(Direction::ToClient),
            record,
            watch: Stopwatch::start(),
            first: None,
            rebound: 0,
            memory: vec![0; 1 << 16],
            terms,
        })
    }

    pub(super) fn fronts(&self) -> Result<Vec<SocketAddr>> {
        let addresses = self.fronts.iter().map(|front| front.udp.local_addr());
        Ok(addresses.collect::<io::Result<_>>()?)
    }

    /// Relays until it is told to stop.
    pub(super) fn run(&mut self, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            let ready = self.wait()?;
            for inlet in ready {
                self.receive(inlet)?;
            }
            self.rebind()?;
            self.deliver()?;
        }
        Ok(())
    }

    /// Waits for a datagram or the next arrival, and says where there is something to read.
    fn wait(&self) -> Result<Vec<Inlet>> {
        let arrivals = [self.to_server.0.arrival(), self.to_client.0.arrival()];
        let next = arrivals.into_iter().flatten().min();
        let wait = next.map_or(IDLE, |at| at.saturating_sub(self.watch.elapsed()).min(IDLE));
        let mut inlets: Vec<Inlet> = (0..self.fronts.len()).map(Inlet::Front).collect();
        for (flow, Flow { backs, .. }) in self.flows.iter().enumerate() {
            inlets.extend((0..backs.len()).map(|mapping| Inlet::Back { flow, mapping }));
        }
        let sockets = inlets.iter().filter_map(|inlet| self.socket(*inlet));
        let mut polled: Vec<PollFd<'_>> = sockets
            .map(|socket| PollFd::from_borrowed_fd(socket.udp.as_fd(), PollFlags::IN))
            .collect();
        let timeout = Timespec::try_from(wait).context("a long wait")?;
        match poll(&mut polled, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            waited => waited.context("poll")?,
        };
        let ready = inlets.iter().zip(&polled);
        Ok(ready
            .filter(|(_, fd)| !fd.revents().is_empty())
            .map(|(inlet, _)| *inlet)
            .collect())
    }

    fn socket(&self, inlet: Inlet) -> Option<&Socket> {
        match inlet {
            Inlet::Front(front) => self.fronts.get(front),
            Inlet::Back { flow, mapping } => self.flows.get(flow)?.backs.get(mapping),
        }
    }

    /// Reads one train of datagrams and puts each of them on the link.
    fn receive(&mut self, inlet: Inlet) -> Result<()> {
        let mut memory = std::mem::take(&mut self.memory);
        let mut meta = [RecvMeta::default()];
        let received = self.socket(inlet).context("no such socket")?;
        let received = received.receive(&mut memory, &mut meta);
        let now = self.watch.elapsed();
        self.memory = memory;
        let [meta] = meta;
        match received {
            Ok(0) => return Ok(()),
            // A process that has ended answers with ICMP, which says nothing here.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            received => received.context("receive")?,
        };
        self.first.get_or_insert(now);
        let (direction, flow, mapping) = match inlet {
            Inlet::Front(front) => {
                let flow = self.flow(front, meta.addr)?;
                (Direction::ToServer, flow, self.mapping(flow))
            }
            Inlet::Back { flow, mapping } => (Direction::ToClient, flow, mapping),
        };
        let train = self.memory.get(..meta.len).unwrap_or_default().to_vec();
        for datagram in train.chunks(meta.stride.max(1)) {
            let crossing = Crossing {
                direction,
                flow,
                mapping,
                sent: self.age(now),
                arrived: Duration::MAX,
                bytes: datagram.len(),
                ecn: meta.ecn.map_or(0, |ecn| ecn as u8),
                fate: Fate::Flying,
                headers: header::headers(datagram),
            };
            self.offer(now, crossing, datagram);
        }
        Ok(())
    }

    fn offer(&mut self, now: Duration, mut crossing: Crossing, datagram: &[u8]) {
        let Some(server) = self.servers.first().copied() else {
            return;
        };
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let parcel = Parcel {
            number: record.0.len(),
            flow: crossing.flow,
            ecn: crossing.ecn,
            bytes: datagram.to_vec(),
        };
        let (forgotten, pipe) = match crossing.direction {
            Direction::ToServer => (false, &mut self.to_server.0),
            Direction::ToClient => {
                let current = self.flows.get(crossing.flow).map(|flow| flow.backs.len());
                let forgotten = current != Some(crossing.mapping + 1);
                (forgotten, &mut self.to_client.0)
            }
        };
        if forgotten {
            crossing.fate = Fate::Forgotten;
        } else if datagram.len() > most_bytes(server) {
            crossing.fate = Fate::TooLong;
        } else if pipe
            .offer(now, datagram.len() + overhead_bytes(server), parcel)
            .is_err()
        {
            crossing.fate = Fate::Overflowed;
        }
        record.0.push(crossing);
    }

    /// Hands over what has arrived.
    fn deliver(&mut self) -> Result<()> {
        let now = self.watch.elapsed();
        let age = self.age(now);
        while let Some(mut parcel) = self.to_server.0.arrived(now) {
            let fate = self.to_server.1.next(age, &mut parcel.bytes);
            self.note(&parcel, age, fate);
            let flow = self.flows.get(parcel.flow).context("no such flow")?;
            let server = self.servers.get(flow.front).context("no such server")?;
            if let Some(back) = flow.backs.last()
                && fate != Fate::Lost
            {
                back.send(*server, &parcel)?;
            }
        }
        while let Some(mut parcel) = self.to_client.0.arrived(now) {
            let fate = self.to_client.1.next(age, &mut parcel.bytes);
            self.note(&parcel, age, fate);
            let flow = self.flows.get(parcel.flow).context("no such flow")?;
            let front = self.fronts.get(flow.front).context("no such front")?;
            if fate != Fate::Lost {
                front.send(flow.client, &parcel)?;
            }
        }
        Ok(())
    }

    /// Before the packet is sent on, so that an answer to it is always later.
    fn note(&self, parcel: &Parcel, age: Duration, fate: Fate) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let mapping = self.mapping(parcel.flow);
        if let Some(crossing) = record.0.get_mut(parcel.number) {
            crossing.fate = fate;
            crossing.arrived = age;
            if crossing.direction == Direction::ToServer {
                crossing.mapping = mapping;
            }
        }
    }

    /// Lets the NAT forget, when it is time.
    fn rebind(&mut self) -> Result<()> {
        let Some(Rebinding {
            first,
            every,
            address,
        }) = self.terms.rebinding
        else {
            return Ok(());
        };
        let due = first + every * u32::try_from(self.rebound).unwrap_or(u32::MAX);
        if self.first.is_none() || self.age(self.watch.elapsed()) < due {
            return Ok(());
        }
        self.rebound += 1;
        let outside = address.then(|| nat_address(self.rebound));
        for flow in &mut self.flows {
            let server = self.servers.get(flow.front).context("no such server")?;
            flow.backs
                .push(Socket::bind(outside.unwrap_or(nat_inside(server.ip())))?);
        }
        Ok(())
    }

    fn flow(&mut self, front: usize, client: SocketAddr) -> Result<usize> {
        let known = |flow: &Flow| flow.front == front && flow.client == client;
        if let Some(flow) = self.flows.iter().position(known) {
            return Ok(flow);
        }
        let server = self.servers.get(front).context("no such server")?;
        self.flows.push(Flow {
            client,
            front,
            backs: vec![Socket::bind(nat_inside(server.ip()))?],
        });
        Ok(self.flows.len() - 1)
    }

    fn mapping(&self, flow: usize) -> usize {
        let flow = self.flows.get(flow);
        flow.map_or(0, |flow| flow.backs.len().saturating_sub(1))
    }

    fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.first.unwrap_or(now))
    }
}

impl Socket {
    pub(super) fn bind(ip: IpAddr) -> Result<Self> {
        let udp = UdpSocket::bind((ip, 0)).with_context(|| format!("cannot bind {ip}"))?;
        let state = UdpSocketState::new(UdpSockRef::from(&udp))?;
        // A kernel that permits less gives less.
        drop(state.set_recv_buffer_size(UdpSockRef::from(&udp), BUFFER_BYTES));
        Ok(Self { udp, state })
    }

    fn receive(&self, memory: &mut [u8], meta: &mut [RecvMeta; 1]) -> io::Result<usize> {
        let mut buffers = [IoSliceMut::new(memory)];
        self.state
            .recv(UdpSockRef::from(&self.udp), &mut buffers, meta)
    }

    pub(super) fn send(&self, destination: SocketAddr, parcel: &Parcel) -> Result<()> {
        let transmit = Transmit {
            destination,
            ecn: EcnCodepoint::from_bits(parcel.ecn),
            contents: &parcel.bytes,
            segment_size: None,
            src_ip: None,
        };
        match self.state.try_send(UdpSockRef::from(&self.udp), &transmit) {
            // Nobody is there any more, or its buffer is full: lost, as on any network.
            Err(error)
                if [
                    io::ErrorKind::ConnectionRefused,
                    io::ErrorKind::WouldBlock,
                    io::ErrorKind::PermissionDenied,
                ]
                .contains(&error.kind()) =>
            {
                Ok(())
            }
            sent => sent.context("send"),
        }
    }
}

/// What the server sees of a client that was never rebound.
fn nat_inside(server: IpAddr) -> IpAddr {
    match server {
        IpAddr::V4(_) => nat_address(0),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

/// How often it looks whether it shall stop, or rebind.
const IDLE: Duration = Duration::from_millis(20);
const BUFFER_BYTES: usize = 4 << 20;

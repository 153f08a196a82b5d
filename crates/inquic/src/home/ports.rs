//! Ports by use: an address to listen on or nothing in, a driven port out. Connections of one driver share one port.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use inquic_engine::{EndpointKeys, Routing};
use inquic_platform::Platform;
use inquic_platform::aws_lc::AwsLc;
use inquic_socket::port::ListenerId;

use super::bell::Bell;
use super::driver::Source;
use super::limits;
use super::moves::Extra;
use super::port::{Port, Service};
use super::share::{self, Door, Group, Share};
use super::udp::{self, Udp};
use super::{task, thread};
use crate::error::Error;

/// Who runs a port's driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drive {
    /// Threads of the port's own.
    Threads,
    /// A task on this runtime, which is the caller's.
    Task(tokio::runtime::Id),
}

static PLATFORM: LazyLock<Arc<dyn Platform>> = LazyLock::new(|| Arc::new(AwsLc::new()));

/// The ports from which this process connects, one for each driver.
static CONNECTING: Mutex<Vec<(Drive, Weak<Port>)>> = Mutex::new(Vec::new());

/// The ports of this process that several listeners may have.
static SHARED: Mutex<Vec<(Drive, Weak<Port>)>> = Mutex::new(Vec::new());

/// What a port may share with others of its fleet.
#[derive(Clone, Copy, Default)]
pub(crate) struct Secrets {
    /// From which the keys of tokens and stateless resets come; random when there is none.
    pub(crate) master: Option<[u8; 32]>,
    /// How a load balancer finds it.
    pub(crate) routing: Option<Routing>,
}

impl Drive {
    /// A task where the caller is in a runtime, threads elsewhere.
    pub(crate) fn here() -> Self {
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => Self::Task(runtime.id()),
            Err(_) => Self::Threads,
        }
    }
}

/// Listens at an address that other listeners may have, too, of this process or of others; the port is held once for the caller.
pub(crate) fn listen_shared(
    address: SocketAddr,
    drive: Drive,
    secrets: Secrets,
    others: &[SocketAddr],
    service: &Service,
) -> Result<(Arc<Port>, ListenerId), Error> {
    if secrets.routing.is_some() {
        let why = "a shared port makes connection ids of its own: routing() and sharing exclude each other";
        return Err(Error::Config(why.into()));
    }
    let mut ports = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    ports.retain(|(_, port)| port.strong_count() > 0);
    let mine = ports.iter().filter(|(owner, _)| *owner == drive);
    let mut there = mine.filter_map(|(_, port)| port.upgrade());
    // With one that joined others, only they can tell whether a second listener may be there.
    let same = |port: &Arc<Port>| port.local_addr() == address && port.reads() && port.hold();
    if let Some(port) = there.find(same) {
        let id = listen(&port, address, service)?;
        return Ok((port, id));
    }
    let fail = |error: std::io::Error| Error::bind(address, &error);
    // One socket: it is handed on to others.
    let (port, door) = match bind_sockets(address, 1, others) {
        Ok(udp) => {
            let bound = udp.first().map_or(address, Udp::local);
            let group = Group::new(&**PLATFORM, secrets.master);
            let share = Arc::new(Share::first(bound, group));
            let door = Door::open(bound).map_err(fail)?;
            (start_in(udp, drive, share)?, Some(door))
        }
        Err(Error::PortInUse(_)) if address.port() != 0 => {
            let (link, welcome, socket) = share::join(address, &service.options).map_err(fail)?;
            let udp = Udp::inherit(socket).map_err(fail)?;
            if udp.local() != address {
                return Err(Error::PortInUse(address));
            }
            let refused = || fail(std::io::ErrorKind::OutOfMemory.into());
            let wish = service.options.copied().ok_or_else(refused)?;
            let share = Arc::new(Share::joined(address, &welcome, Arc::new(link), wish));
            (start_in(vec![udp], drive, share)?, None)
        }
        Err(error) => return Err(error),
    };
    let id = listen(&port, address, service)?;
    ports.push((drive, Arc::downgrade(&port)));
    let sharing = port.clone();
    let thread = std::thread::Builder::new().name("inquic-share".into());
    let begun = thread.spawn(move || {
        if let Some(share) = sharing.share.clone() {
            share::run(&sharing, &share, door);
        }
    });
    match begun {
        Ok(_) => Ok((port, id)),
        Err(error) => {
            port.stop_listening(id);
            port.release();
            Err(Error::io("cannot start to share a UDP port", &error))
        }
    }
}

/// Listens on a port that the caller holds, and releases it if that fails.
pub(crate) fn listen(
    port: &Port,
    address: SocketAddr,
    service: &Service,
) -> Result<ListenerId, Error> {
    let listening = port.listen(service);
    listening.map_err(|errno| {
        port.release();
        Error::bind(address, &std::io::Error::from_raw_os_error(errno.number()))
    })
}

/// A port bound to `address`, held once for the caller.
pub(crate) fn bind(
    address: SocketAddr,
    drive: Drive,
    io_threads: usize,
    secrets: Secrets,
    others: &[SocketAddr],
) -> Result<Arc<Port>, Error> {
    let sockets = match drive {
        Drive::Threads => io_threads.clamp(1, limits::IO_THREADS),
        Drive::Task(_) => 1,
    };
    let udp = bind_sockets(address, sockets, others)?;
    start(udp, drive, secrets)
}

/// So many sockets at `address`, and those at other addresses that these do not cover.
fn bind_sockets(
    address: SocketAddr,
    sockets: usize,
    others: &[SocketAddr],
) -> Result<Vec<Udp>, Error> {
    let shared = sockets > 1;
    let fail = |error: &std::io::Error| Error::bind(address, error);
    let first = Udp::bind(address, shared).map_err(|error| fail(&error))?;
    let bound = first.local();
    let mut udp = vec![first];
    for _ in 1..sockets {
        udp.push(Udp::bind(bound, shared).map_err(|error| fail(&error))?);
    }
    for &other in others {
        if !udp.iter().any(|udp| udp.serves(Some(other))) {
            let bound = Udp::bind(other, false).map_err(|error| Error::bind(other, &error))?;
            udp.push(bound);
        }
    }
    Ok(udp)
}

/// A port for a program's socket, bound to `address`, held once for the caller. `options` is a socket with the options that the
/// program has set.
pub(super) fn bind_for_program(
    address: SocketAddr,
    options: Option<socket2::Socket>,
    shared: bool,
) -> std::io::Result<Arc<Port>> {
    let udp = match options {
        Some(socket) => Udp::adopt(socket, address, shared)?,
        None => Udp::bind(address, shared)?,
    };
    start(vec![udp], Drive::Threads, Secrets::default())
        .map_err(|_| std::io::Error::from_raw_os_error(libc::ENOBUFS))
}

/// Drives a socket that a connection of `port` moves to.
pub(super) fn drive_extra(port: &Arc<Port>, extra: &Arc<Extra>) -> Result<(), Error> {
    let started = if !port.driven_by_task() {
        thread::start_extra(port, extra)
    } else if tokio::runtime::Handle::try_current().is_ok() {
        task::start_beside(port, Source::Extra(extra.clone()))
    } else {
        return Err(Error::RuntimeStopped);
    };
    started.map_err(|error| Error::io("cannot start to drive a UDP socket", &error))
}

/// The port from which the caller connects, held once for it.
pub(crate) fn for_connecting(drive: Drive) -> Result<Arc<Port>, Error> {
    let mut ports = CONNECTING.lock().unwrap_or_else(PoisonError::into_inner);
    ports.retain(|(_, port)| port.strong_count() > 0);
    let mine = ports.iter().find(|(owner, _)| *owner == drive);
    if let Some(port) = mine
        .and_then(|(_, port)| port.upgrade())
        .filter(|port| port.hold())
    {
        return Ok(port);
    }
    let udp =
        udp::bind_anywhere().map_err(|error| Error::io("cannot open a UDP socket", &error))?;
    let port = start(vec![udp], drive, Secrets::default())?;
    ports.retain(|(owner, _)| *owner != drive);
    ports.push((drive, Arc::downgrade(&port)));
    Ok(port)
}

fn start(udp: Vec<Udp>, drive: Drive, secrets: Secrets) -> Result<Arc<Port>, Error> {
    let keys = match secrets.master {
        Some(key) => EndpointKeys::from_master(key),
        None => EndpointKeys::random(&**PLATFORM),
    };
    let keys = match secrets.routing {
        Some(routing) => keys.with_routing(routing),
        None => keys,
    };
    start_with(udp, drive, keys, None)
}

/// Starts to drive a port that others have, too.
fn start_in(udp: Vec<Udp>, drive: Drive, share: Arc<Share>) -> Result<Arc<Port>, Error> {
    let keys = share.group.endpoint_keys(share.number);
    start_with(udp, drive, keys, Some(share))
}

fn start_with(
    udp: Vec<Udp>,
    drive: Drive,
    keys: EndpointKeys,
    share: Option<Arc<Share>>,
) -> Result<Arc<Port>, Error> {
    let fail = |error: std::io::Error| Error::io("cannot start to drive a UDP port", &error);
    let bell = match drive {
        Drive::Threads => Bell::for_thread().map_err(fail)?,
        Drive::Task(_) => Bell::for_task(),
    };
    let port = Arc::new(Port::new(udp, bell, PLATFORM.clone(), keys, share).map_err(fail)?);
    match drive {
        Drive::Threads => thread::start(&port).map_err(fail)?,
        Drive::Task(_) => task::start(&port).map_err(fail)?,
    }
    Ok(port)
}

//! Ports by use: an address to listen on or nothing in, a driven port out. Connections of one driver share one port.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use inquic_engine::{EndpointKeys, Routing};
use inquic_platform::Platform;
use inquic_platform::aws_lc::AwsLc;
use inquic_socket::port::ListenerId;
use socket2::Socket;

use super::bell::Bell;
use super::driver::Source;
use super::limits;
use super::moves::Extra;
use super::port::{Port, Service};
use super::share::{self, Asked, Door, Group, Share};
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

/// With what a port is bound that others may have, too.
struct Sharing<'a> {
    secrets: Secrets,
    /// Other addresses that are bound beside it.
    others: &'a [SocketAddr],
    /// A socket with the options that a program has set.
    options: Option<&'a Socket>,
    /// Whose the port is to be, and who may have it.
    user: u32,
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
    let sharing = Sharing {
        secrets,
        others,
        options: None,
        user: share::own_user(),
    };
    let port = share_port(address, drive, &sharing)?;
    let id = listen(&port, address, service)?;
    Ok((port, id))
}

/// A port that others may have, too, held once for the caller. Waits while they change hands.
fn share_port(
    address: SocketAddr,
    drive: Drive,
    sharing: &Sharing<'_>,
) -> Result<Arc<Port>, Error> {
    let mut without_door = 0;
    for _ in 0..limits::JOIN_TRIES {
        match try_to_share(address, drive, sharing)? {
            Tried::Port(port) => return Ok(port),
            Tried::Later => {}
            Tried::NoDoor => without_door += 1,
        }
        if without_door == limits::DOOR_TRIES {
            break;
        }
        std::thread::sleep(limits::JOIN_PAUSE.into());
    }
    Err(Error::PortInUse(address))
}

/// What became of an attempt to have a port that others may have, too.
enum Tried {
    Port(Arc<Port>),
    /// Those who have it are just changing hands.
    Later,
    /// Somebody has it, and nobody is at its door; or the other way round.
    NoDoor,
}

fn try_to_share(address: SocketAddr, drive: Drive, sharing: &Sharing<'_>) -> Result<Tried, Error> {
    if let Some(port) = begin_to_share(address, drive, sharing)? {
        return Ok(port);
    }
    let (socket, share) = match share::join(address, sharing.user) {
        Asked::Joined(socket, share) => (socket, share),
        Asked::NoDoor => return Ok(Tried::NoDoor),
        Asked::Later => return Ok(Tried::Later),
        Asked::Refused => return Err(Error::PortInUse(address)),
    };
    let udp = Udp::inherit(socket).map_err(|error| Error::bind(address, &error))?;
    if udp.local() != address {
        return Err(Error::PortInUse(address));
    }
    let port = start_in(vec![udp], drive, share)?;
    let mut ports = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    keep_sharing(&mut ports, drive, port, None).map(Tried::Port)
}

/// A port of this process, or one that nobody has. None when another process has it.
fn begin_to_share(
    address: SocketAddr,
    drive: Drive,
    sharing: &Sharing<'_>,
) -> Result<Option<Tried>, Error> {
    let mut ports = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    ports.retain(|(_, port)| port.strong_count() > 0);
    let mine = ports.iter().filter(|(owner, _)| *owner == drive);
    let mut there = mine.filter_map(|(_, port)| port.upgrade());
    // With one that joined others, only they can tell whether a second listener may be there.
    let same = |port: &Arc<Port>| port.local_addr() == address && port.reads();
    if let Some(port) = there.find(|port| same(port) && port.hold()) {
        let group = port.share.as_ref().map(|share| share.group);
        if group.is_some_and(|group| group.admits(sharing.user)) {
            return Ok(Some(Tried::Port(port)));
        }
        port.release();
        return Err(Error::PortInUse(address));
    }
    // One socket: it is handed on to others.
    let udp = match sharing.options {
        Some(options) => adopt(options, address),
        None => bind_sockets(address, 1, sharing.others),
    };
    let udp = match udp {
        Ok(udp) => udp,
        Err(Error::PortInUse(_)) if address.port() != 0 => return Ok(None),
        Err(error) => return Err(error),
    };
    let bound = udp.first().map_or(address, Udp::local);
    let door = match Door::open(bound) {
        Ok(door) => door,
        // Whoever had the port before has not left yet.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(Some(Tried::NoDoor)),
        Err(error) => return Err(Error::bind(address, &error)),
    };
    let group = Group::new(&**PLATFORM, sharing.secrets.master, sharing.user);
    let port = start_in(udp, drive, Arc::new(Share::first(bound, group)))?;
    keep_sharing(&mut ports, drive, port, Some(door)).map(|port| Some(Tried::Port(port)))
}

/// Begins to serve those who have the port, too, or what they hand over.
fn keep_sharing(
    ports: &mut Vec<(Drive, Weak<Port>)>,
    drive: Drive,
    port: Arc<Port>,
    door: Option<Door>,
) -> Result<Arc<Port>, Error> {
    ports.push((drive, Arc::downgrade(&port)));
    let sharing = port.clone();
    let thread = std::thread::Builder::new().name("inquic-share".into());
    let begun = thread.spawn(move || {
        if let Some(share) = sharing.share.clone() {
            share::run(&sharing, &share, door);
        }
    });
    match begun {
        Ok(_) => Ok(port),
        Err(error) => {
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
        Error::bind(address, &io::Error::from_raw_os_error(errno.number()))
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
    let fail = |error: &io::Error| Error::bind(address, error);
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

/// A port for a program's socket, bound to `address`, held once for the caller: others may have it, too, if `user` may have it.
/// `options` is a socket with the options that the program has set, which count if nobody has the port yet.
///
/// # Errors
///
/// [`Error::PortInUse`], [`Error::NoPermission`], [`Error::NoSuchAddress`]; [`Error::Io`] when the system has no descriptor, thread or
/// memory left.
pub(super) fn bind_for_program(
    address: SocketAddr,
    options: Option<&Socket>,
    user: u32,
) -> Result<Arc<Port>, Error> {
    let sharing = Sharing {
        secrets: Secrets::default(),
        others: &[],
        options,
        user,
    };
    match share_port(address, Drive::Threads, &sharing) {
        // Whoever has taken the name of its door cannot keep a program from a port that is free: it has it alone then.
        Err(Error::PortInUse(_)) => bind_alone(address, options),
        shared => shared,
    }
}

/// As [`bind_for_program`], and nobody else may have it.
pub(super) fn bind_alone(
    address: SocketAddr,
    options: Option<&Socket>,
) -> Result<Arc<Port>, Error> {
    let udp = match options {
        Some(options) => adopt(options, address)?,
        None => bind_sockets(address, 1, &[])?,
    };
    start(udp, Drive::Threads, Secrets::default())
}

/// A socket with the options of `options`, bound to `address`.
fn adopt(options: &Socket, address: SocketAddr) -> Result<Vec<Udp>, Error> {
    let adopted = options
        .try_clone()
        .and_then(|copy| Udp::adopt(copy, address, false));
    let udp = adopted.map_err(|error| Error::bind(address, &error))?;
    Ok(vec![udp])
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
    let fail = |error: io::Error| Error::io("cannot start to drive a UDP port", &error);
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

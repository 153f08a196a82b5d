//! The side of those who have the port, too: what the dispatcher hands over in, connections that are driven out; and what happens when
//! it is gone: the first who opens the door is the next.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;

use inquic_engine::{Incoming, Listen, Owner};
use inquic_platform::Instant;
use inquic_socket::port::ListenOptions;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::link::{Door, Link, own_user};
use super::message::{Join, Message, Refusal, Welcome};
use super::{Links, ROOT, Share, lock};
use crate::home::driver::{Driver, Source};
use crate::home::port::Port;
use crate::home::{clock, limits};

/// What a member does next.
pub(crate) enum Next {
    /// It has become the dispatcher.
    Dispatch(Door, Instant),
    /// Another has.
    Attend,
    /// Nothing: the port has ended.
    End,
}

/// Asks the dispatcher of a port to have it, too. Gives the link, the welcome, and the port's UDP socket.
///
/// # Errors
///
/// [`io::ErrorKind::AddrInUse`] when there is none, or it says no.
pub(crate) fn join(
    address: SocketAddr,
    options: &ListenOptions,
) -> io::Result<(Link, Welcome, OwnedFd)> {
    let mut last = Refusal::InUse;
    for _ in 0..limits::JOIN_TRIES {
        match ask(address, None, Some(options)) {
            Ok(Ok(welcomed)) => return Ok(welcomed),
            Ok(Err(Refusal::Later)) => {}
            Ok(Err(refusal)) => {
                last = refusal;
                break;
            }
            // Between two dispatchers, and before the first has opened, nobody is there. A port without a door is not shared.
            Err(_) => {}
        }
        thread::sleep(limits::JOIN_PAUSE.into());
    }
    let why = match last {
        Refusal::User => "the port is another user's",
        Refusal::Version => "its owner speaks another version of the sharing protocol",
        Refusal::Full => "the port has as many owners as it can",
        Refusal::InUse | Refusal::Later => "its owner does not share it, or has the same names",
    };
    Err(io::Error::new(io::ErrorKind::AddrInUse, why))
}

/// One conversation with a dispatcher.
fn ask(
    address: SocketAddr,
    number: Option<u8>,
    options: Option<&ListenOptions>,
) -> io::Result<Result<(Link, Welcome, OwnedFd), Refusal>> {
    let link = Link::connect(address)?;
    // What it hands over is only data; but who takes a foreign process for the dispatcher would wait for clients in vain.
    let user = link.user()?;
    if user != ROOT && own_user() != ROOT && user != own_user() {
        return Ok(Err(Refusal::User));
    }
    let wish = match options {
        Some(options) => {
            let listen = Listen {
                max_half_open: options.max_half_open,
                retry: options.retry,
                versions: options.config.versions,
            };
            let claim = options.claim.copied();
            let claim = claim.ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
            Some((listen, claim, options.spreads))
        }
        None => None,
    };
    link.send(&[&Join { number, wish }.encode()])?;
    wait(&link)?;
    let mut buffer = [0; 128];
    let Some((bytes, descriptor)) = link.receive(&mut buffer)? else {
        return Err(io::ErrorKind::ConnectionReset.into());
    };
    let welcome = match Welcome::read(&buffer[..bytes]) {
        Ok(welcome) => welcome,
        Err(refusal) => return Ok(Err(refusal)),
    };
    match descriptor {
        Some(socket) => Ok(Ok((link, welcome, socket))),
        None => Ok(Err(Refusal::Version)),
    }
}

/// Waits a moment for an answer.
fn wait(link: &Link) -> io::Result<()> {
    let mut descriptors = [PollFd::from_borrowed_fd(link.as_fd(), PollFlags::IN)];
    let limit: std::time::Duration = limits::ANSWER.into();
    let limit = Timespec::try_from(limit).map_err(|_| io::ErrorKind::InvalidInput)?;
    match poll(&mut descriptors, Some(&limit))? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}

/// Takes what the dispatcher hands over, until it is gone or the port has ended. `true` when it is gone.
pub(crate) fn attend(port: &Arc<Port>, share: &Share, driver: &mut Driver) -> bool {
    let link = match &*share.links() {
        Links::Dispatcher(link) => link.clone(),
        Links::Members(_) => return true,
    };
    let mut buffer = vec![0; limits::LINK_MESSAGE];
    loop {
        let mut descriptors = [
            PollFd::from_borrowed_fd(port.ended.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(link.as_fd(), PollFlags::IN),
        ];
        let _ = poll(&mut descriptors, None);
        if !descriptors[0].revents().is_empty() {
            return false;
        }
        for _ in 0..limits::LINK_BATCH {
            match link.receive(&mut buffer) {
                Ok(Some((bytes, _))) => take(driver, &mut buffer[..bytes]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(None) | Err(_) => {
                    driver.settle();
                    return true;
                }
            }
        }
        driver.settle();
    }
}

fn take(driver: &mut Driver, message: &mut [u8]) {
    let now = clock::now();
    match Message::read(now, message) {
        Some(Message::Train(train)) => driver.deliver(now, train),
        Some(Message::Client(client, datagrams)) => {
            // A port that has joined others has one listener, its first.
            let owner = Owner::Local(0);
            driver.admit(now, Incoming::introduced(*client, owner, datagrams));
        }
        Some(Message::Unlisten) | None => {}
    }
}

/// The dispatcher is gone: takes its place, or finds who has.
pub(crate) fn succeed(port: &Arc<Port>, share: &Share) -> Next {
    let since = clock::now();
    loop {
        if port.has_ended() {
            return Next::End;
        }
        if let Ok(door) = Door::open(share.address) {
            *share.links() = Links::Members(Vec::new());
            return Next::Dispatch(door, since);
        }
        let wish = lock(&share.wish).as_ref().and_then(ListenOptions::copied);
        if let Ok(Ok((link, welcome, _))) = ask(share.address, Some(share.number), wish.as_ref())
            && welcome.number == share.number
        {
            *share.links() = Links::Dispatcher(Arc::new(link));
            return Next::Attend;
        }
        thread::sleep(limits::SUCCEED_PAUSE.into());
    }
}

/// Drives what comes by the link, or serves those who have the port, too; until the port has ended.
pub(crate) fn run(port: &Arc<Port>, share: &Share, door: Option<Door>) {
    let mut next = match door {
        Some(door) => {
            super::dispatch(port, share, &door, None);
            return;
        }
        None => Next::Attend,
    };
    let mut driver = Driver::new(port.clone(), Source::Link);
    loop {
        next = match next {
            Next::Attend if attend(port, share, &mut driver) => succeed(port, share),
            Next::Attend | Next::End => return,
            Next::Dispatch(door, since) => {
                super::dispatch(port, share, &door, Some(since));
                return;
            }
        };
    }
}

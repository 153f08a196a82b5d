//! The side of those who have the port, too: what the dispatcher hands over in, connections that are driven out; and what happens when
//! it is gone: the first who opens the door is the next.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;

use inquic_engine::Incoming;
use inquic_platform::Instant;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::link::{Door, Link, own_user};
use super::message::{Join, Message, Refusal, Welcome, Wish};
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

/// What became of asking to have a port, too.
pub(crate) enum Asked {
    /// The port's UDP socket, and the share of it.
    Joined(OwnedFd, Arc<Share>),
    /// Nobody is at the door: the port is not shared, or this is between two dispatchers.
    NoDoor,
    /// It may be had later.
    Later,
    /// It cannot be had: it is another user's, full, or its owner speaks another version of the protocol.
    Refused,
}

/// Asks the dispatcher of a port whether `user` may have it, too.
pub(crate) fn join(address: SocketAddr, user: u32) -> Asked {
    match ask(address, None, None) {
        Ok(Ok((link, welcome, socket))) if welcome.group.admits(user) => Asked::Joined(
            socket,
            Arc::new(Share::joined(address, &welcome, Arc::new(link))),
        ),
        Ok(Err(Refusal::Later)) => Asked::Later,
        Ok(Ok(_) | Err(_)) => Asked::Refused,
        Err(_) => Asked::NoDoor,
    }
}

/// One conversation with a dispatcher.
fn ask(
    address: SocketAddr,
    number: Option<u8>,
    wish: Option<&Wish>,
) -> io::Result<Result<(Link, Welcome, OwnedFd), Refusal>> {
    let link = Link::connect(address)?;
    // What it hands over is only data; but who takes a foreign process for the dispatcher would wait for clients in vain.
    let user = link.user()?;
    if user != ROOT && own_user() != ROOT && user != own_user() {
        return Ok(Err(Refusal::User));
    }
    let wish = match wish {
        Some(wish) => Some(wish.copied().ok_or_else(no_memory)?),
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

fn no_memory() -> io::Error {
    io::ErrorKind::OutOfMemory.into()
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
                Ok(Some((bytes, _))) => take(share, driver, &mut buffer[..bytes]),
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

fn take(share: &Share, driver: &mut Driver, message: &mut [u8]) {
    let now = clock::now();
    match Message::read(now, message) {
        Some(Message::Train(train)) => driver.deliver(now, train),
        Some(Message::Client(client, datagrams)) => {
            // A port that has joined others has one listener.
            if let Some(owner) = driver.port.sole_owner() {
                driver.admit(now, Incoming::introduced(*client, owner, datagrams));
            }
        }
        Some(Message::Answer(number, answer)) => share.asking.on_answer(number, answer),
        Some(Message::Listen(..) | Message::Unlisten) | None => {}
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
        // Held until the link is known: what is granted meanwhile is granted by one who is no dispatcher any more.
        let wish = lock(&share.wish);
        if let Ok(Ok((link, welcome, _))) = ask(share.address, Some(share.number), wish.as_ref())
            && welcome.number == share.number
        {
            *share.links() = Links::Dispatcher(Arc::new(link));
            return Next::Attend;
        }
        drop(wish);
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

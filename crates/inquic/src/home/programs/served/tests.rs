//! A socket with a descriptor, as a program's calls find it.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::Waker;

use inquic_socket::sock::Sock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Caller, Served, Wait};
use crate::home::programs::opened::Opened;
use crate::home::programs::registry::Registry;

/// A socket that connects to where nobody is, with its descriptor.
fn connecting() -> (Arc<Served>, Arc<Opened>, OwnedFd) {
    let sock = Sock::new(libc::AF_INET as u16, libc::SOCK_STREAM).unwrap();
    let served = Served::new(sock);
    let registry = Arc::new(Registry::new().unwrap());
    let (opened, theirs) = Opened::new(&registry, &served, None).unwrap();
    // A `struct sockaddr_in`: 127.0.0.1, port 9.
    let mut name = [0; 16];
    name[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
    name[2..8].copy_from_slice(&[0, 9, 127, 0, 0, 1]);
    served.connect(&name).unwrap();
    (served, opened, theirs)
}

fn has_hung_up(theirs: &OwnedFd) -> bool {
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut polled = [PollFd::new(theirs, PollFlags::empty())];
    poll(&mut polled, Some(&at_once)).unwrap();
    polled[0]
        .revents()
        .contains(PollFlags::HUP | PollFlags::ERR)
}

#[test]
fn poll_says_that_a_connection_has_ended_before_an_answer_does() {
    let (served, opened, theirs) = connecting();
    assert!(!has_hung_up(&theirs));
    let caller = Caller {
        waker: Waker::noop(),
        may_fill: true,
    };
    // The call itself finds the end, and nothing else has told of it.
    let answered = served.act_for(&opened, &caller, |held, now| {
        Ok::<_, Wait>(held.sock.shutdown(now, libc::SHUT_RDWR))
    });
    assert!(matches!(answered, Some((Ok(()), _))));
    assert!(has_hung_up(&theirs), "the program has its answer now");
    served.catch_up();
}

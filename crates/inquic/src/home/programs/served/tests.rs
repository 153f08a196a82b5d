//! A socket with a descriptor, as a program's calls find it.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use inquic_socket::sock::Sock;
use inquic_uapi::flags::MSG_QUIC_STREAM_NEW;
use inquic_uapi::structs::{CryptoSecret, TransportParam};
use inquic_uapi::{Layout as _, QUIC_CRYPTO_EARLY, SOL_QUIC, TLS_CIPHER_AES_GCM_128, option};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Caller, Served, Wait};
use crate::home::programs::opened::Opened;
use crate::home::programs::registry::Registry;

/// A socket that connects to where nobody is, with its descriptor.
fn connecting(registry: &Arc<Registry>) -> (Arc<Served>, Arc<Opened>, OwnedFd) {
    let sock = Sock::new(libc::AF_INET as u16, libc::SOCK_STREAM).unwrap();
    let served = Served::new(sock);
    let (opened, theirs) = Opened::new(registry, &served, None).unwrap();
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
    let registry = Arc::new(Registry::new().unwrap());
    let (served, opened, theirs) = connecting(&registry);
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

/// Has the socket write something that will never arrive, and linger for a tenth of a second when it is closed.
fn write_in_vain(served: &Served) {
    let (mut remembered, mut secret) = ([0; TransportParam::SIZE], [0; CryptoSecret::SIZE]);
    TransportParam {
        remote: 1,
        max_data: 65_536,
        max_stream_data_bidi_remote: 65_536,
        max_streams_bidi: 1,
        ..TransportParam::default()
    }
    .write(&mut remembered);
    CryptoSecret {
        send: 1,
        level: QUIC_CRYPTO_EARLY,
        cipher_type: TLS_CIPHER_AES_GCM_128,
        ..CryptoSecret::default()
    }
    .write(&mut secret);
    let tenth = 100_000_u32.to_ne_bytes();
    for (name, value) in [
        (option::QUIC_SOCKOPT_LINGER, &tenth[..]),
        (option::QUIC_SOCKOPT_TRANSPORT_PARAM, &remembered),
        (option::QUIC_SOCKOPT_CRYPTO_SECRET, &secret),
    ] {
        let name = name.cast_signed();
        let set = served.act(|held, now| held.sock.setsockopt(now, SOL_QUIC, name, value));
        assert!(set.is_ok(), "{name}");
    }
    let sent = served.act(|held, now| held.sock.sendmsg(now, &[], MSG_QUIC_STREAM_NEW, b"early"));
    assert!(sent.is_ok());
}

#[test]
fn who_lingered_is_gone_with_its_port_once_it_is_over() {
    let registry = Arc::new(Registry::new().unwrap());
    let (served, opened, theirs) = connecting(&registry);
    write_in_vain(&served);
    let watched = Arc::downgrade(&served);
    registry.close(opened.cookie);
    assert!(!served.is_delivered(), "it lingers");
    drop((served, opened, theirs));
    for _ in 0..3_000 {
        if watched.strong_count() == 0 {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it is kept by somebody");
}

//! Children that wait in one call each when the home of their sockets is killed: a line before the call, lines with what it and later
//! ones said after it.

use std::io;
use std::net::SocketAddr;

use crate::client::{connect, stream_descriptor};
use crate::sys::{self, Epoll, Fd};

const EVERY: i16 = libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP;
const STREAM_INFO: i32 = 0;
const STREAM_DESCRIPTOR: i32 = 69;
const MSG_STREAM_NEW: i32 = 0x400;

/// Connects to a server that does not read, and waits in every way that there is.
pub(crate) fn run(address: SocketAddr, ca: &str) -> io::Result<()> {
    let socket = connect(address, ca, "test/1")?;
    fill(&socket)?;
    let stream = stream_descriptor(&socket)?;
    let any = SocketAddr::new(address.ip(), 0);
    let listener = sys::socket(any, 0)?;
    sys::bind(&listener, any)?;
    sys::listen(&listener)?;
    let socket = &socket;
    child("recv", || told(sys::receive(socket, &mut [0; 16], 0)))?;
    child("read", || told(sys::read(&stream, &mut [0; 16])))?;
    // The stream that was filled is not the last one any more.
    let first = [0; 16];
    child("send", || {
        told(sys::send_with(socket, &[0; 1024], STREAM_INFO, &first))
    })?;
    child("accept", || told(sys::accept(&listener, 0)))?;
    child("getsockopt", || {
        let mut value = [0; 16];
        value[..8].copy_from_slice(&(-1_i64).to_ne_bytes());
        told(sys::get_option(socket, STREAM_DESCRIPTOR, &mut value))
    })?;
    for (name, polled) in [
        ("poll", socket),
        ("poll-stream", &stream),
        ("poll-listener", &listener),
    ] {
        child(name, || match sys::poll(polled, libc::POLLRDHUP, -1) {
            Ok(_) => format!("{:#x}", sys::poll(polled, EVERY, 0).unwrap_or(0)),
            Err(error) => error.to_string(),
        })?;
    }
    child("epoll", || {
        let woken = Epoll::new().and_then(|epoll| {
            epoll.add(socket)?;
            epoll.wait()
        });
        told(woken.map(|_| ()))
    })?;
    // SO_ERROR takes POLLERR away, for all who have the descriptor.
    let other = sys::socket(any, 0)?;
    child("later", || {
        drop(sys::poll(&other, libc::POLLRDHUP, -1));
        later(&other, any)
    })?;
    std::thread::sleep(std::time::Duration::from_secs(60));
    Ok(())
}

/// Writes until there is no room.
fn fill(socket: &Fd) -> io::Result<()> {
    let data = vec![0; 65_536];
    let mut flags = MSG_STREAM_NEW | libc::MSG_DONTWAIT;
    loop {
        match sys::send(socket, &data, flags) {
            Ok(_) => flags = libc::MSG_DONTWAIT,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            // What was on its way when there was no room may arrive a moment later, and make some.
            Err(_) if sys::poll(socket, libc::POLLOUT, 200)? == 0 => return Ok(()),
            Err(_) => {}
        }
    }
}

/// Calls that begin when the home has ended.
fn later(socket: &Fd, any: SocketAddr) -> String {
    let copy = sys::copy(socket);
    let said = [
        told(copy.and_then(|copy| sys::receive(&copy, &mut [0; 16], 0))),
        told(sys::send(socket, b"more", libc::MSG_DONTWAIT)),
        told(sys::peer_address(socket)),
        told(sys::connect(socket, any)),
        told(sys::set_option(socket, 0, &[1, 1])),
        told(sys::shutdown(socket, libc::SHUT_RDWR)),
        told(sys::socket(any, 0)),
        format!("{:?}", sys::pending_error(socket).ok()),
        format!(
            "{:#x}",
            sys::poll(socket, libc::POLLIN | libc::POLLOUT, 0).unwrap_or(0)
        ),
    ];
    said.join(" ")
}

fn told<T>(result: io::Result<T>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.raw_os_error().unwrap_or(0).to_string(),
    }
}

/// A child that makes a call and says what it got.
fn child(name: &str, call: impl FnOnce() -> String) -> io::Result<()> {
    if !sys::fork()? {
        return Ok(());
    }
    println!("waits {name}");
    println!("{name} {}", call());
    std::process::exit(0);
}

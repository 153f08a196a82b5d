//! Clients: one that wants its words back, one that stays, and one that does everything wrong.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::sys::{self, Fd};
use crate::tls;

/// How long poll waits for what comes at once, on a machine that has much else to do.
const PATIENCE_MS: i32 = 60_000;
const STREAM_OPEN: i32 = 1;
const STREAM_DESCRIPTOR: i32 = 69;
pub(crate) const MSG_STREAM_NEW: i32 = 0x400;
pub(crate) const MSG_STREAM_FIN: i32 = 0x200;

pub(crate) fn connect(address: SocketAddr, ca: &str, alpn: &str) -> io::Result<Fd> {
    let socket = sys::socket(address, 0)?;
    sys::connect(&socket, address)?;
    tls::connect(&socket, ca, alpn)?;
    Ok(socket)
}

pub(crate) fn echo(address: SocketAddr, ca: &str, text: &str) -> io::Result<()> {
    let socket = connect(address, ca, "test/1")?;
    println!("{}", exchange(&socket, text)?);
    Ok(())
}

/// Its words, as they come back.
pub(crate) fn exchange(socket: &Fd, text: &str) -> io::Result<String> {
    sys::send(socket, text.as_bytes(), MSG_STREAM_NEW | MSG_STREAM_FIN)?;
    let mut back = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let received = sys::receive(socket, &mut buffer, 0)?;
        let Some((_, flags)) = received.stream else {
            continue;
        };
        back.extend_from_slice(&buffer[..received.bytes]);
        if flags & MSG_STREAM_FIN as u32 != 0 {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&back).into_owned())
}

pub(crate) fn hold(address: SocketAddr, ca: &str) -> io::Result<()> {
    let socket = connect(address, ca, "test/1")?;
    // The server has finished the handshake, too.
    println!("holding {}", exchange(&socket, "on")?);
    std::thread::sleep(Duration::from_secs(60));
    Ok(())
}

/// What calls with bad addresses say, one a line.
pub(crate) fn errors() -> io::Result<()> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let socket = sys::socket(any, 0)?;
    for call in [
        "send",
        "write",
        "sendmsg",
        "writev",
        "recvmsg",
        "bind",
        "connect",
        "getsockname",
        "setsockopt",
        "getsockopt",
        "getsockopt-len",
    ] {
        let error = sys::with_bad_address(call, &socket).err();
        println!("{call} {:?}", error.and_then(|error| error.raw_os_error()));
    }
    Ok(())
}

/// What poll says from the making of a socket to its end; the server is one that reads when it is told to.
pub(crate) fn masks(address: SocketAddr, ca: &str) -> io::Result<()> {
    let all = libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP;
    let socket = sys::socket(address, 0)?;
    println!("fresh {:#x}", sys::poll(&socket, all, 0)?);
    sys::connect(&socket, address)?;
    println!("connecting {:#x}", sys::poll(&socket, all, 0)?);
    tls::connect(&socket, ca, "test/1")?;
    println!("established {:#x}", sys::poll(&socket, all, 0)?);
    let data = vec![0; 256 * 1024];
    let mut flags = MSG_STREAM_NEW | libc::MSG_DONTWAIT;
    // What was on its way when there was no room may arrive a moment later, and make some.
    let (error, full) = loop {
        match sys::send(&socket, &data, flags) {
            Ok(_) => flags = libc::MSG_DONTWAIT,
            Err(error) => match sys::poll(&socket, all, 200)? {
                libc::POLLOUT => {}
                full => break (error, full),
            },
        }
    };
    println!("full {full:#x} {:?}", error.kind());
    println!(
        "room {:#x}",
        sys::poll(&socket, libc::POLLOUT, PATIENCE_MS)?
    );
    sys::send(&socket, b"end", MSG_STREAM_FIN)?;
    println!(
        "answer {:#x}",
        sys::poll(&socket, libc::POLLIN, PATIENCE_MS)? & libc::POLLIN
    );
    println!("said {:?}", sys::receive(&socket, &mut [0; 16], 0)?.bytes);
    println!(
        "closed {:#x}",
        sys::poll(&socket, libc::POLLRDHUP, PATIENCE_MS)?
    );
    println!("closed {:#x}", sys::poll(&socket, all, 0)?);
    println!(
        "end {:?}",
        sys::receive(&socket, &mut [0; 16], 0)
            .err()
            .map(|error| error.kind())
    );
    Ok(())
}

/// The calls that move data in other ways than one buffer at a time, and what else there is about a socket.
pub(crate) fn calls(address: SocketAddr, ca: &str) -> io::Result<()> {
    let socket = connect(address, ca, "test/1")?;
    let mut info = [0; 16];
    info[..8].copy_from_slice(&(-1_i64).to_ne_bytes());
    sys::get_option(&socket, STREAM_OPEN, &mut info)?;
    println!("opened {}", info[0]);
    println!("writev {}", sys::write_two(&socket, [b"he", b"llo "])?);
    println!("sendmmsg {:?}", sys::send_two(&socket, [b"wo", b"rld"])?);
    println!("fin {}", sys::send(&socket, b"!", MSG_STREAM_FIN)?);
    let other = sys::copy(&socket)?;
    sys::poll(&other, libc::POLLIN, PATIENCE_MS)?;
    let mut rounds = 0;
    while sys::waiting(&other)? < 12 {
        assert!(rounds < 6_000, "FIONREAD says less than came");
        rounds += 1;
        sys::poll(&other, 0, 10)?;
    }
    let (mut first, mut second) = ([0; 3], [0; 64]);
    let bytes = sys::read_two(&other, [&mut first, &mut second])?;
    let said = [&first[..], &second[..bytes.saturating_sub(3)]].concat();
    println!("readv {}", String::from_utf8_lossy(&said));
    let error = sys::send_file(&socket, &socket).err();
    println!(
        "sendfile {:?}",
        error.and_then(|error| error.raw_os_error())
    );
    Ok(())
}

/// A new stream with a descriptor of its own.
pub(crate) fn stream_descriptor(socket: &Fd) -> io::Result<Fd> {
    let mut value = [0; 16];
    value[..8].copy_from_slice(&(-1_i64).to_ne_bytes());
    value[8..12].copy_from_slice(&MSG_STREAM_NEW.to_ne_bytes());
    sys::get_option(socket, STREAM_DESCRIPTOR, &mut value)?;
    let mut number = [0; 4];
    number.copy_from_slice(&value[12..]);
    Ok(Fd(i32::from_ne_bytes(number)))
}

/// What a stream's descriptor is for.
pub(crate) fn stream(address: SocketAddr, ca: &str) -> io::Result<()> {
    let socket = connect(address, ca, "test/1")?;
    let stream = stream_descriptor(&socket)?;
    println!("write {}", sys::write(&stream, b"by itself")?);
    sys::shutdown(&stream, libc::SHUT_WR)?;
    let mut said = Vec::new();
    let mut buffer = [0; 64];
    loop {
        sys::poll(&stream, libc::POLLIN, PATIENCE_MS)?;
        match sys::read(&stream, &mut buffer)? {
            0 => break,
            bytes => said.extend_from_slice(&buffer[..bytes]),
        }
    }
    println!("read {}", String::from_utf8_lossy(&said));
    Ok(())
}

/// How waiting calls end that nothing comes for.
pub(crate) fn waits(address: SocketAddr, ca: &str) -> io::Result<()> {
    let socket = connect(address, ca, "test/1")?;
    let wait = |what: &str, start: std::time::Instant| {
        let error = sys::receive(&socket, &mut [0; 16], 0).err();
        let tenths = start.elapsed().as_millis() / 100;
        println!(
            "{what} {:?} {tenths}",
            error.and_then(|error| error.raw_os_error())
        );
    };
    // A signal that comes before the call is none that the call ends with: the next one is.
    let start = now();
    sys::interrupt_every(150, false)?;
    wait("interrupted", start);
    sys::interrupt_every(0, false)?;
    sys::set_receive_timeout(&socket, 350)?;
    wait("timeout", now());
    sys::set_receive_timeout(&socket, 0)?;
    // A handler after which calls begin again: what ends this one is the data that comes.
    sys::interrupt_every(150, true)?;
    sys::send(&socket, b"wait", MSG_STREAM_NEW | MSG_STREAM_FIN)?;
    let mut buffer = [0; 16];
    let received = sys::receive(&socket, &mut buffer, 0)?;
    println!("restarted {:?}", received.bytes);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

//! Clients: one that wants its words back, one that stays, and one that does everything wrong.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::sys::{self, Fd};
use crate::tls;

const MSG_STREAM_NEW: i32 = 0x400;
const MSG_STREAM_FIN: i32 = 0x200;

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
fn exchange(socket: &Fd, text: &str) -> io::Result<String> {
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

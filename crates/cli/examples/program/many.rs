//! A client of many connections, some of them at a time: so many handshakes, each with a word there and back. What failed is made again,
//! as long as others succeed.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use crate::client::{MSG_STREAM_FIN, MSG_STREAM_NEW};
use crate::sys::{self, Epoll, Fd};
use crate::tls::Side;

/// Makes `count` of them.
pub(crate) fn run(address: SocketAddr, ca: &str, count: &str) -> io::Result<()> {
    let count: u64 = count.parse().map_err(io::Error::other)?;
    let epoll = Epoll::new()?;
    let mut asking = HashMap::new();
    let (mut begun, mut made, mut failed) = (0, 0, 0);
    while made < count {
        while asking.len() < AT_ONCE && made + (asking.len() as u64) < count {
            let one = One::begin(address, ca, begun)?;
            epoll.add(&one.socket)?;
            asking.insert(one.socket.0, one);
            begun += 1;
        }
        let ready = epoll.wait()?;
        let Some(one) = asking.get_mut(&ready) else {
            continue;
        };
        match one.go_on() {
            Ok(false) => {}
            Ok(true) => {
                asking.remove(&ready);
                (made, failed) = (made + 1, 0);
                if made % 50 == 0 {
                    println!("{made} handshakes");
                }
            }
            Err(error) if failed == PATIENCE => return Err(error),
            Err(error) => {
                asking.remove(&ready);
                println!("{error}");
                failed += 1;
            }
        }
    }
    Ok(())
}

/// A connection.
struct One {
    socket: Fd,
    /// Its handshake, while that is under way.
    shaking: Option<Side>,
    word: String,
    back: Vec<u8>,
}

impl One {
    fn begin(address: SocketAddr, ca: &str, number: u64) -> io::Result<Self> {
        let socket = sys::socket(address, libc::SOCK_NONBLOCK)?;
        sys::connect(&socket, address)?;
        let mut side = Side::client(ca, "test/1")?;
        side.step(&socket)?;
        Ok(Self {
            socket,
            shaking: Some(side),
            word: number.to_string(),
            back: Vec::new(),
        })
    }

    /// Takes what has come; whether the word is back.
    fn go_on(&mut self) -> io::Result<bool> {
        if let Some(side) = &mut self.shaking {
            if side.step(&self.socket)? {
                self.shaking = None;
                let flags = MSG_STREAM_NEW | MSG_STREAM_FIN;
                sys::send(&self.socket, self.word.as_bytes(), flags)?;
            }
            return Ok(false);
        }
        let mut buffer = [0; 64];
        let received = match sys::receive(&self.socket, &mut buffer, 0) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            received => received?,
        };
        let Some((_, flags)) = received.stream else {
            return Ok(false);
        };
        self.back.extend_from_slice(&buffer[..received.bytes]);
        if flags & MSG_STREAM_FIN as u32 == 0 {
            return Ok(false);
        }
        if self.back == self.word.as_bytes() {
            Ok(true)
        } else {
            Err(io::ErrorKind::InvalidData.into())
        }
    }
}

/// Connections at a time: enough for both processors, and few enough that none of them waits for its turn for long.
const AT_ONCE: usize = 4;
/// Connections that may fail one after the other: an emulator on a busy machine may be too slow for all that are under way.
const PATIENCE: u32 = 3 * AT_ONCE as u32;

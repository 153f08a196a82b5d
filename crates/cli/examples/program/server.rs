//! Echo servers: one after the other, a child for each, by epoll, and in another process that gets the descriptor passed.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use inquic_handshake::ServerConfig;

use crate::sys::{self, Epoll, Fd};
use crate::tls;

const STREAM_INFO: i32 = 0;
pub(crate) const FIN: u32 = 0x200;

pub(crate) fn run(how: &str, address: SocketAddr, certificate: &str, key: &str) -> io::Result<()> {
    let config = tls::server(certificate, key, "test/1")?;
    let flags = if how == "epoll" {
        libc::SOCK_NONBLOCK
    } else {
        0
    };
    let listener = sys::socket(address, flags)?;
    sys::set_option(&listener, 11, b"test/1")?;
    sys::bind(&listener, address)?;
    sys::listen(&listener)?;
    println!("listening {}", sys::local_address(&listener)?);
    match how {
        "serial" => loop {
            let connection = sys::accept(&listener, 0)?;
            tls::accept(&connection, &config)?;
            println!("ended {}", serve(&connection));
        },
        "fork" => loop {
            let connection = sys::accept(&listener, 0)?;
            if sys::fork()? {
                drop(listener);
                tls::accept(&connection, &config)?;
                println!("ended {}", serve(&connection));
                return Ok(());
            }
        },
        "late" => late(&listener, &config),
        "pass" => pass(&listener, &config),
        "epoll" => epoll(&listener, &config),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Reads when a line comes in, answers the end of the stream with two bytes, and closes when another line comes in.
fn late(listener: &Fd, config: &ServerConfig) -> io::Result<()> {
    let told = || io::stdin().read_line(&mut String::new());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let connection = sys::accept(listener, 0)?;
        tls::accept(&connection, config)?;
        told()?;
        loop {
            let Some((id, flags)) = sys::receive(&connection, &mut buffer, 0)?.stream else {
                continue;
            };
            if flags & FIN != 0 {
                sys::send_with(&connection, b"ok", STREAM_INFO, &info(id, FIN))?;
                break;
            }
        }
        told()?;
    }
}

/// The value of a stream's control message.
fn info(id: i64, flags: u32) -> [u8; 16] {
    let mut info = [0; 16];
    info[..8].copy_from_slice(&id.to_ne_bytes());
    info[8..12].copy_from_slice(&flags.to_ne_bytes());
    info
}

/// Echoes until the connection ends; why it did.
fn serve(connection: &Fd) -> io::Error {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if let Err(error) = echo(connection, &mut buffer) {
            return error;
        }
    }
}

fn echo(connection: &Fd, buffer: &mut [u8]) -> io::Result<()> {
    let received = sys::receive(connection, buffer, 0)?;
    let Some((id, flags)) = received.stream else {
        return Ok(());
    };
    sys::send_with(
        connection,
        &buffer[..received.bytes],
        STREAM_INFO,
        &info(id, flags),
    )?;
    Ok(())
}

/// Sends the last bytes of a stream.
pub(crate) fn answer(connection: &Fd, id: i64, bytes: &[u8]) -> io::Result<()> {
    sys::send_with(connection, bytes, STREAM_INFO, &info(id, FIN)).map(drop)
}

/// The child makes the handshakes and serves; the parent only accepts.
fn pass(listener: &Fd, config: &ServerConfig) -> io::Result<()> {
    let (ours, theirs) = sys::pair()?;
    if sys::fork()? {
        drop(ours);
        while let Some(connection) = sys::pass(&theirs, None)? {
            tls::accept(&connection, config)?;
            println!("ended {}", serve(&connection));
        }
        return Ok(());
    }
    drop(theirs);
    loop {
        let connection = sys::accept(listener, 0)?;
        sys::pass(&ours, Some(&connection))?;
    }
}

fn epoll(listener: &Fd, config: &ServerConfig) -> io::Result<()> {
    let epoll = Epoll::new()?;
    epoll.add(listener)?;
    let mut connections = HashMap::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let ready = epoll.wait()?;
        if ready == listener.0 {
            let connection = match sys::accept(listener, libc::SOCK_NONBLOCK) {
                Ok(connection) => connection,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            epoll.add(&connection)?;
            connections.insert(connection.0, Client::new(connection, config));
            continue;
        }
        let Some(client) = connections.get_mut(&ready) else {
            continue;
        };
        match client.go_on(&mut buffer) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => println!("nothing"),
            Err(error) => {
                println!("ended {error}");
                connections.remove(&ready);
            }
        }
    }
}

/// One of many.
struct Client {
    connection: Fd,
    /// Its handshake, while that is under way.
    shaking: Option<tls::Side>,
}

impl Client {
    fn new(connection: Fd, config: &ServerConfig) -> Self {
        Self {
            connection,
            shaking: Some(tls::Side::server(config)),
        }
    }

    /// Takes what has come.
    fn go_on(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let Some(side) = &mut self.shaking else {
            return echo(&self.connection, buffer);
        };
        if side.step(&self.connection)? {
            self.shaking = None;
        }
        Ok(())
    }
}

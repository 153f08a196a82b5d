//! Sequences of calls, good and bad, on sockets in all states: a seed and a number in; nothing out when every errno was one that the
//! ABI has for its call, nothing hung, and the home has given everything back once all was closed.

mod allowed;
mod dice;
mod home;

use std::io;
use std::panic::catch_unwind;
use std::sync::atomic::Ordering;

use inquic_uapi::flags::{MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC, SEND_FLAGS};
use inquic_uapi::option::{QUIC_SOCKOPT_STREAM_DESCRIPTOR, VALUE_LEN_MAX};
use inquic_uapi::socket::SOL_SOCKET;
use inquic_uapi::structs::StreamDescriptor;
use inquic_uapi::{IPPROTO_QUIC, Layout, SOL_QUIC};

use super::pair::{Ends, name};
use super::process::{alarm, exit, fork, wait};
use super::raw::{self, Edge, NOBODY, Tried, at};
use crate::sys::{self, Fd};
use allowed::Call;
use dice::Dice;
use home::Home;

/// Makes so many calls, where the home may be `starved`: refused memory now and then, by somebody else.
///
/// # Errors
///
/// When something of the home's stays.
pub(crate) fn run(seed: u64, calls: u64, starved: bool) -> io::Result<()> {
    println!("seed {seed}");
    allowed::STARVED.store(starved, Ordering::Relaxed);
    let home = Home::find();
    // What a program keeps for as long as it lives is there after its first calls.
    drop(ends());
    let before = home.settled(None)?;
    println!("before {before}");
    let mut made = 0;
    let mut round = 0;
    while made < calls {
        round += 1;
        let some = ROUND.min(calls - made);
        Scene::new(seed.wrapping_add(round)).play(some);
        made += some;
        let after = home.settled(Some(&before))?;
        println!("{made} calls, {after}");
    }
    Ok(())
}

/// A connection; where memory is refused it may take more than one attempt.
fn ends() -> Ends {
    if !allowed::STARVED.load(Ordering::Relaxed) {
        return Ends::made();
    }
    std::panic::set_hook(Box::new(|_| {}));
    let made = (0..ATTEMPTS).find_map(|_| catch_unwind(Ends::made).ok());
    drop(std::panic::take_hook());
    made.expect("a connection in the end")
}

/// Sockets, and what they are used with.
struct Scene {
    dice: Dice,
    sockets: Vec<Fd>,
    /// Where listeners are.
    peers: Vec<std::net::SocketAddr>,
    edge: Edge,
    buffer: Vec<u8>,
}

impl Scene {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            sockets: Vec::new(),
            peers: Vec::new(),
            edge: Edge::new(),
            buffer: vec![7; 1 << 16],
        }
    }

    fn play(mut self, calls: u64) {
        for number in 0..calls {
            if number % 256 == 0 {
                alarm(HANG_S);
            }
            if self.sockets.len() < 6 || self.dice.one_in(3_000) {
                self.join();
            }
            let all = self.sockets.len();
            if all > SOCKETS {
                let some = self.dice.below(all as u64) as usize;
                drop(self.sockets.swap_remove(some));
            }
            self.call();
        }
        self.sockets.clear();
        alarm(0);
    }

    /// Two more ends of a connection, and its listener.
    fn join(&mut self) {
        let Ends {
            listener,
            client,
            server,
            at,
        } = ends();
        self.peers.push(at);
        for socket in [listener, client, server] {
            self.keep(socket);
        }
    }

    /// Another socket; none of them waits.
    fn keep(&mut self, socket: Fd) {
        raw::fcntl(&socket, libc::F_SETFL, libc::O_NONBLOCK).expect("flags of a descriptor");
        self.sockets.push(socket);
    }

    fn call(&mut self) {
        let some = self.dice.below(self.sockets.len() as u64) as usize;
        let socket = self.sockets.swap_remove(some);
        match self.dice.below(64) {
            0 => self.make(),
            1 if self.dice.one_in(4) => return drop(socket),
            2 => self.copy(&socket),
            3 => allowed::check(Call::Bind, self.bind(&socket)),
            4 => {
                let backlog = self.dice.small() as i32 - 1;
                allowed::check(Call::Listen, raw::listen(&socket, backlog));
            }
            5 | 6 => self.accept(&socket),
            7 => allowed::check(Call::Connect, self.connect(&socket)),
            8..=17 => allowed::check(Call::Set, self.set(&socket)),
            18..=27 => self.get(&socket),
            28..=40 => allowed::check(Call::Send, self.send(&socket)),
            41..=55 => allowed::check(Call::Receive, self.receive(&socket)),
            56 if self.dice.one_in(20) => {
                let how = self.dice.below(5) as i32 - 1;
                allowed::check(Call::Shutdown, raw::shutdown(&socket, how));
            }
            57 => {
                let events = self.dice.next() as u32 & 0x7fff;
                raw::poll(&[(&socket, events)], 0).expect("poll");
            }
            58 | 59 => {
                let request = [0x541b, 0x5411, 0x894b][self.dice.below(3) as usize];
                let place = self.place(4);
                allowed::check(Call::Ioctl, raw::ioctl(&socket, request, place));
            }
            60 => self.wait(&socket),
            61 if self.dice.one_in(40) => self.child(&socket),
            _ => allowed::check(Call::Names, self.names(&socket)),
        }
        self.sockets.push(socket);
    }

    fn make(&mut self) {
        let family = [libc::AF_INET, libc::AF_INET6, libc::AF_UNIX][self.dice.below(3) as usize];
        // Raw sockets are the kernel's, whatever their protocol.
        let kind = [0, 1, 2, 4, 5][self.dice.below(5) as usize];
        if let Some(socket) = allowed::value(Call::Socket, raw::socket(family, kind, IPPROTO_QUIC))
        {
            self.keep(socket);
        }
    }

    fn copy(&mut self, socket: &Fd) {
        let copy = sys::copy(socket).expect("a copy");
        self.keep(copy);
    }

    fn accept(&mut self, socket: &Fd) {
        let (name, len) = (self.place(28), self.place(4));
        if let Some(accepted) = allowed::value(Call::Accept, raw::accept(socket, name, len, 0)) {
            self.keep(accepted);
        }
    }

    /// An address of a name, and how long it says that it is.
    fn name(&mut self) -> (Vec<u8>, u32) {
        let peer = self.peers.last().copied();
        let mut bytes = match self.dice.below(8) {
            0 => name(([127, 0, 0, 1], 0).into()),
            1 => name(([0; 16], 0).into()),
            2 => self.dice.bytes(40),
            3 => vec![0; 16],
            _ => peer.map(name).unwrap_or_default(),
        };
        if self.dice.one_in(8) {
            bytes.truncate(self.dice.below(28) as usize);
        }
        let len = if self.dice.one_in(50) {
            u32::MAX
        } else {
            bytes.len() as u32
        };
        (bytes, len)
    }

    fn bind(&mut self, socket: &Fd) -> Tried<()> {
        let (mut bytes, len) = self.name();
        let place = self.or_nobodys(at(&mut bytes[..]));
        raw::bind(socket, place, len)
    }

    fn connect(&mut self, socket: &Fd) -> Tried<()> {
        let (mut bytes, len) = self.name();
        let place = self.or_nobodys(at(&mut bytes[..]));
        raw::connect(socket, place, len)
    }

    fn names(&mut self, socket: &Fd) -> Tried<()> {
        let (name, len) = (self.place(28), self.place(4));
        if self.dice.one_in(2) {
            raw::getsockname(socket, name, len)
        } else {
            raw::getpeername(socket, name, len)
        }
    }

    fn set(&mut self, socket: &Fd) -> Tried<()> {
        let (level, name) = self.dice.option();
        let value = match level {
            SOL_QUIC => self.dice.value(name),
            _ => self.dice.general(),
        };
        let len = match self.dice.below(40) {
            0 => u32::MAX,
            1 => (VALUE_LEN_MAX + 1) as u32,
            _ => value.len() as u32,
        };
        let mut value = with_room(&value, VALUE_LEN_MAX + 1);
        let place = self.or_nobodys(at(&mut value[..]));
        raw::setsockopt(socket, level, name, place, len)
    }

    fn get(&mut self, socket: &Fd) {
        let (level, name) = self.dice.option();
        let mut value = with_room(&self.dice.value(name), VALUE_LEN_MAX + 100);
        let mut len = match self.dice.below(40) {
            0 => u32::MAX,
            1..8 => self.dice.small() as u32,
            _ => value.len() as u32,
        };
        let place = self.or_nobodys(at(&mut value[..]));
        let told = self.or_nobodys(at(&mut len));
        let got = raw::getsockopt(socket, level, name, place, told);
        let described = level == SOL_QUIC && name == QUIC_SOCKOPT_STREAM_DESCRIPTOR.cast_signed();
        if got == Ok(()) && described {
            let StreamDescriptor { descriptor, .. } = StreamDescriptor::read(&value);
            assert_eq!(len as usize, StreamDescriptor::SIZE, "room for its number");
            self.keep(Fd(descriptor));
        }
        allowed::check(Call::Get, got);
    }

    fn send(&mut self, socket: &Fd) -> Tried<usize> {
        let len = self.dice.length();
        let mut flags =
            self.dice.next() as u32 & [0x600, SEND_FLAGS, 0x600][self.dice.below(3) as usize];
        if self.dice.one_in(20) {
            flags |= 1 << self.dice.below(31);
        }
        let data = at(&mut self.buffer[..]);
        let data = self.or_nobodys(data);
        let flags = flags | MSG_DONTWAIT | libc::MSG_NOSIGNAL as u32;
        match self.dice.below(4) {
            0 => raw::send(socket, data, len, flags),
            1 if self.dice.one_in(4) => {
                let mut parts = [[data as u64, len as u64 / 2], [data as u64, len as u64 / 2]];
                let parts_at = self.or_nobodys(at(&mut parts));
                raw::writev(socket, parts_at, self.dice.below(4) as i32 - 1)
            }
            _ => {
                let mut control = self.dice.control();
                let mut parts = [[data as u64, len as u64]];
                let mut header = raw::header(&mut parts, &mut control);
                self.spoil(&mut header);
                let header = self.or_nobodys(at(&mut header));
                raw::sendmsg(socket, header, flags)
            }
        }
    }

    fn receive(&mut self, socket: &Fd) -> Tried<usize> {
        let len = self.dice.length();
        let mut flags = MSG_DONTWAIT;
        if self.dice.one_in(6) {
            flags |= MSG_PEEK;
        }
        if self.dice.one_in(20) {
            flags |= MSG_TRUNC;
        }
        let data = at(&mut self.buffer[..]);
        let data = self.or_nobodys(data);
        match self.dice.below(4) {
            0 => raw::recvfrom(socket, data, len, flags, 0, 0),
            1 if self.dice.one_in(4) => {
                let mut parts = [[data as u64, len as u64 / 2], [data as u64, len as u64 / 2]];
                let parts_at = self.or_nobodys(at(&mut parts));
                raw::readv(socket, parts_at, self.dice.below(4) as i32 - 1)
            }
            _ => {
                // There is room for more than is promised, for when too much is promised.
                let mut control = [0; 128];
                let room = self.dice.small() as usize;
                let mut parts = [[data as u64, len as u64]];
                let mut header = raw::header(&mut parts, &mut control[..room]);
                self.spoil(&mut header);
                let header = self.or_nobodys(at(&mut header));
                raw::recvmsg(socket, header, flags)
            }
        }
    }

    /// Makes something in a header bad, now and then.
    fn spoil(&mut self, header: &mut raw::Header) {
        match self.dice.below(60) {
            0 => header[2] = NOBODY as u64,
            1 => header[3] = 1_025,
            2 => header[4] = NOBODY as u64,
            3 => header[5] = u64::MAX,
            _ => {}
        }
    }

    /// A call that may wait, for a millisecond.
    fn wait(&mut self, socket: &Fd) {
        let time = [0_i64.to_ne_bytes(), 1_000_i64.to_ne_bytes()].concat();
        for name in [libc::SO_RCVTIMEO, libc::SO_SNDTIMEO] {
            let set = raw::setsockopt(socket, SOL_SOCKET, name, raw::of(&time), 16);
            allowed::check(Call::Set, set);
        }
        // A stream's descriptor has no such times.
        if raw::getsockopt(socket, SOL_SOCKET, libc::SO_RCVTIMEO, 0, 0) == Err(libc::ENOPROTOOPT) {
            return;
        }
        raw::fcntl(socket, libc::F_SETFL, 0).expect("flags of a descriptor");
        let place = at(&mut self.buffer[..]);
        if self.dice.one_in(2) {
            let got = raw::recvfrom(socket, place, 1 << 16, 0, 0, 0);
            allowed::check(Call::Receive, got);
        } else {
            let sent = raw::send(socket, place, 1 << 16, libc::MSG_NOSIGNAL as u32);
            allowed::check(Call::Send, sent);
        }
        raw::fcntl(socket, libc::F_SETFL, libc::O_NONBLOCK).expect("flags of a descriptor");
    }

    /// A child of fork makes some of the calls, with the same sockets.
    fn child(&mut self, socket: &Fd) {
        let child = fork();
        if child == 0 {
            alarm(HANG_S);
            for _ in 0..10 {
                allowed::check(Call::Send, self.send(socket));
                allowed::check(Call::Receive, self.receive(socket));
                allowed::check(Call::Set, self.set(socket));
            }
            exit(0);
        }
        assert_eq!(wait(child), Ok(0), "a child");
    }

    /// A place for so many bytes: mostly a good one.
    fn place(&mut self, bytes: usize) -> usize {
        match self.dice.below(12) {
            0 => NOBODY,
            1 => 0,
            2 => self.edge.with(bytes / 2),
            _ => self.edge.with(raw::PAGE - bytes),
        }
    }

    /// The same address, or one that is nobody's.
    fn or_nobodys(&mut self, address: usize) -> usize {
        if self.dice.one_in(40) {
            NOBODY
        } else {
            address
        }
    }
}

/// So many bytes that begin with these.
fn with_room(value: &[u8], bytes: usize) -> Vec<u8> {
    let mut all = vec![0; bytes];
    all[..value.len()].copy_from_slice(value);
    all
}

/// Attempts to make a connection.
const ATTEMPTS: u32 = 1_000;
/// Calls after which everything is closed.
const ROUND: u64 = 50_000;
/// Sockets at once.
const SOCKETS: usize = 24;
/// Seconds in which 256 calls are made, or something hangs.
const HANG_S: u32 = 120;

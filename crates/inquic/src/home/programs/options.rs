//! Options and requests of programs' sockets: levels, numbers and places in; values out, from the socket or from its UDP socket.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;

use inquic_calls::{ARGUMENTS, Call};
use inquic_platform::Instant;
use inquic_socket::Errno;
use inquic_socket::sock::{Family, Got, Set, Sock};
use inquic_uapi::option::{
    QUIC_SOCKOPT_CONNECTION_ID, QUIC_SOCKOPT_EVENT, QUIC_SOCKOPT_STREAM_DESCRIPTOR,
    QUIC_SOCKOPT_STREAM_OPEN, QUIC_SOCKOPT_STREAM_PRIORITY, QUIC_SOCKOPT_TRANSPORT_PARAM,
    VALUE_LEN_MAX,
};
use inquic_uapi::socket::{
    AF_INET, AF_INET6, SIOCINQ, SO_DOMAIN, SO_PROTOCOL, SO_TYPE, SOCK_STREAM, SOL_SOCKET,
};
use inquic_uapi::structs::{StreamDescriptor, StreamInfo, StreamPriority};
use inquic_uapi::{IPPROTO_QUIC, Layout, SOL_QUIC};
use inquic_wire::StreamId;
use socket2::{Domain, Protocol, Socket, Type};

use super::calls::{Failure, Outcome, number};
use super::line::Line;
use super::memory::Memory;
use super::opened::Opened;
use super::served::Held;
use super::sys;
use crate::home::port::Port;

/// What getsockopt() is asked for.
pub(super) struct Wanted {
    level: i32,
    name: i32,
    place: u64,
    len_at: u64,
    /// What stands in the value before the call, of options that look there.
    value: Vec<u8>,
    /// Bytes that the program has for the value.
    room: usize,
}

/// What getsockopt() gives.
pub(super) enum Value {
    Bytes(Vec<u8>),
    /// A stream, which gets a descriptor.
    Stream(StreamId),
}

impl Wanted {
    /// Reads what the program asks for.
    pub(super) fn read(memory: &Memory, values: [u64; ARGUMENTS]) -> Outcome<Self> {
        let [level, name, place, len_at, ..] = values;
        let len = i32::from_ne_bytes(memory.read_value(len_at)?);
        let len = usize::try_from(len).map_err(|_| Failure::Errno(libc::EINVAL))?;
        let (level, name) = (number(level), number(name));
        Ok(Self {
            level,
            name,
            place,
            len_at,
            value: memory.read_bytes(place, len.min(looks_at(level, name)))?,
            room: len.min(VALUE_LEN_MAX),
        })
    }

    /// Asks the socket.
    pub(super) fn get(&self, held: &mut Held, port: Option<&Arc<Port>>) -> Outcome<Value> {
        let mut out = vec![0; self.room];
        match held
            .sock
            .getsockopt(self.level, self.name, &self.value, &mut out)?
        {
            Got::Bytes(bytes) => {
                out.truncate(bytes);
                Ok(Value::Bytes(out))
            }
            Got::Stream(stream) => Ok(Value::Stream(stream)),
            Got::Pass => {
                let got = held.on_udp(port, |socket| {
                    sys::get_option(socket, self.level, self.name, &mut out)
                })?;
                out.truncate(got);
                Ok(Value::Bytes(out))
            }
        }
    }
}

impl Value {
    /// Writes it where the program wants it; the ticket of a stream's descriptor.
    pub(super) fn deliver(
        self,
        wanted: &Wanted,
        opened: &Opened,
        line: &Line,
    ) -> Outcome<Option<u64>> {
        let (bytes, ticket) = match self {
            Self::Bytes(bytes) => (bytes, None),
            Self::Stream(stream) => {
                let made = Opened::new(&line.registry, &opened.served, Some(stream));
                let (fresh, theirs) = made.map_err(|_| Failure::Errno(libc::ENFILE))?;
                let mut bytes = vec![0; StreamDescriptor::SIZE];
                // The program's library writes the number, which it learns when it fetches the descriptor.
                Sock::write_descriptor(stream, -1, &mut bytes);
                (
                    bytes,
                    Some(line.registry.leave(line.process, fresh, theirs)),
                )
            }
        };
        line.memory.write_bytes(wanted.place, &bytes)?;
        let len = (bytes.len() as u32).to_ne_bytes();
        line.memory.write_bytes(wanted.len_at, &len)?;
        Ok(ticket)
    }
}

/// setsockopt().
pub(super) fn set(opened: &Opened, values: [u64; ARGUMENTS], memory: &Memory) -> Outcome<i64> {
    let [level, name, place, len, ..] = values;
    let len = usize::try_from(number(len)).map_err(|_| Failure::Errno(libc::EINVAL))?;
    // One byte more than a value may have: the socket says what is wrong with that.
    let value = memory.read_bytes(place, len.min(VALUE_LEN_MAX + 1))?;
    let (level, name) = (number(level), number(name));
    let served = &opened.served;
    served.act(|held, now: Instant| {
        match held.sock.setsockopt(now, level, name, &value)? {
            Set::Done => {}
            Set::Receive(address) => {
                served
                    .receive_at(held, now, address)
                    .map_err(Failure::Errno)?;
            }
            Set::Pass => {
                held.on_udp(served.port(), |socket| {
                    sys::set_option(socket, level, name, &value)
                })?;
            }
        }
        Ok(0)
    })
}

/// ioctl().
pub(super) fn ioctl(opened: &Opened, request: u64, place: u64, memory: &Memory) -> Outcome<i64> {
    let request = u32::try_from(request).map_err(|_| Failure::Errno(libc::ENOTTY))?;
    let mut value = opened.served.act(|held, _| held.sock.ioctl(request))?;
    if request == SIOCINQ {
        value = value.saturating_add(opened.undelivered_bytes());
    }
    memory.write_bytes(place, &value.to_ne_bytes())?;
    Ok(0)
}

/// Calls on the descriptor of a stream, other than those that move its data.
pub(super) fn on_stream(
    opened: &Opened,
    call: Call,
    values: [u64; ARGUMENTS],
    memory: &Memory,
) -> Outcome<i64> {
    let Some(stream) = opened.stream else {
        return Err(Failure::Errno(libc::EINVAL));
    };
    let [first, second, ..] = values;
    match call {
        Call::Shutdown => opened.served.act(|held, _| {
            held.sock.stream_shutdown(stream, number(first))?;
            Ok(0)
        }),
        Call::OwnName => super::names::own(memory, &opened.served, first, second),
        Call::PeerName => super::names::peer(memory, &opened.served, first, second),
        Call::GetOption => {
            let wanted = Wanted::read(memory, values)?;
            let value = match (wanted.level, wanted.name) {
                (SOL_SOCKET, SO_TYPE) => SOCK_STREAM,
                (SOL_SOCKET, SO_PROTOCOL) => IPPROTO_QUIC,
                (SOL_SOCKET, SO_DOMAIN) => {
                    let family = opened.served.act(|held, _| held.sock.family());
                    i32::from(match family {
                        Family::V4 => AF_INET,
                        Family::V6 => AF_INET6,
                    })
                }
                _ => return Err(Errno::ENOPROTOOPT.into()),
            };
            let bytes = value.to_ne_bytes();
            let bytes = &bytes[..bytes.len().min(wanted.room)];
            memory.write_bytes(wanted.place, bytes)?;
            memory.write_bytes(wanted.len_at, &(bytes.len() as u32).to_ne_bytes())?;
            Ok(0)
        }
        Call::SetOption => Err(Errno::ENOPROTOOPT.into()),
        Call::Connect => Err(Errno::EISCONN.into()),
        _ => Err(Errno::EOPNOTSUPP.into()),
    }
}

/// How much of its value getsockopt() looks at before it gives one. More may not be there, whatever length the program says.
const fn looks_at(level: i32, name: i32) -> usize {
    if level != SOL_QUIC {
        return 0;
    }
    match name.cast_unsigned() {
        QUIC_SOCKOPT_EVENT | QUIC_SOCKOPT_CONNECTION_ID | QUIC_SOCKOPT_TRANSPORT_PARAM => 1,
        QUIC_SOCKOPT_STREAM_OPEN => StreamInfo::SIZE,
        QUIC_SOCKOPT_STREAM_PRIORITY => StreamPriority::SIZE,
        QUIC_SOCKOPT_STREAM_DESCRIPTOR => StreamDescriptor::SIZE,
        _ => 0,
    }
}

impl Held {
    /// Does something with the UDP socket: that of the port, or one that is to be bound.
    fn on_udp<T>(
        &mut self,
        port: Option<&Arc<Port>>,
        call: impl FnOnce(BorrowedFd<'_>) -> io::Result<T>,
    ) -> Outcome<T> {
        let failed =
            |error: io::Error| Failure::Errno(error.raw_os_error().unwrap_or(libc::EINVAL));
        if let Some(port) = port {
            return call(port.udp[0].as_fd()).map_err(failed);
        }
        if self.unbound.is_none() {
            let domain = match self.sock.family() {
                Family::V4 => Domain::IPV4,
                Family::V6 => Domain::IPV6,
            };
            let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP)).map_err(failed)?;
            self.unbound = Some(socket);
        }
        match &self.unbound {
            Some(socket) => call(socket.as_fd()).map_err(failed),
            None => Err(Failure::Errno(libc::EINVAL)),
        }
    }
}

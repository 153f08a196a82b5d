//! sendmsg: control messages, flags and data in; handshake messages, datagrams and stream data out to the engine
//! (socket-abi 1.5, 1.6).

use inquic_platform::{Instant, NoMemory};
use inquic_uapi::flags::{
    MSG_MORE, MSG_NOSIGNAL, MSG_QUIC_DATAGRAM, MSG_QUIC_STREAM_DONTWAIT, MSG_QUIC_STREAM_FIN,
    MSG_QUIC_STREAM_NEW, SEND_FLAGS, STREAM_FLAGS,
};
use inquic_uapi::structs::{HandshakeInfo, StreamInfo};
use inquic_uapi::{ControlMessages, Layout, QUIC_HANDSHAKE_INFO, QUIC_STREAM_INFO, SOL_QUIC};
use inquic_wire::StreamId;

use super::answer::{Part, Sent, Stop, Wait};
use super::link::Link;
use super::tls::level_of;
use super::{Sock, State};
use crate::errno::Errno;
use crate::limits;
use crate::socket::{DatagramError, WriteError};

/// What the control messages of sendmsg say.
#[derive(Clone, Copy, Debug, Default)]
struct Controls {
    stream: Option<StreamInfo>,
    handshake: Option<HandshakeInfo>,
}

impl Sock {
    /// sendmsg(): takes what there is room for, of a datagram or handshake messages all or nothing.
    ///
    /// # Errors
    ///
    /// As in socket-abi 1.6. [`Stop::Blocked`] where there is no room, or the peer allows no more streams; its errno is
    /// [`Errno::ENOSPC`] for want of room where the stream was said by a control message.
    pub fn sendmsg(
        &mut self,
        now: Instant,
        control: &[u8],
        flags: u32,
        data: &[u8],
    ) -> Result<Sent, Stop> {
        self.send_part(now, control, flags, Part::default(), data)
    }

    /// As [`Sock::sendmsg`], for a message whose data comes in parts: what a home holds of it at a time, or what was not taken
    /// of a blocking call's. Control messages and flags are those of the whole message each time.
    ///
    /// # Errors
    ///
    /// As [`Sock::sendmsg`].
    pub fn send_part(
        &mut self,
        now: Instant,
        control: &[u8],
        flags: u32,
        part: Part,
        data: &[u8],
    ) -> Result<Sent, Stop> {
        if flags & !SEND_FLAGS != 0 {
            return Err(Stop::Failed(Errno::EINVAL));
        }
        let controls = Controls::read(control)?;
        let quiet = controls.handshake.is_some() || flags & MSG_QUIC_DATAGRAM != 0;
        let pipe = if quiet || flags & MSG_NOSIGNAL != 0 {
            Stop::Failed(Errno::EPIPE)
        } else {
            Stop::Pipe
        };
        let link = match &mut self.state {
            State::Connection(link) if !link.socket.is_closed() => link,
            State::Connection(_) | State::Idle(_) | State::Listening { .. } => return Err(pipe),
        };
        link.cork(now, flags);
        let sent = match controls.handshake {
            Some(info) => link.send_handshake(info, data),
            None if flags & MSG_QUIC_DATAGRAM != 0 => link.send_datagram(data, self.options.fates),
            None => link.send_data(controls.stream, flags, part, data),
        };
        // Room comes when what was written has left: nothing is held back for what there is no room for.
        let took_all = sent.as_ref().is_ok_and(|sent| sent.bytes == data.len());
        if link.corked.is_some() && !(took_all && link.has_room()) {
            link.corked = None;
        }
        sent
    }
}

impl Controls {
    fn read(control: &[u8]) -> Result<Self, Errno> {
        let mut controls = Self::default();
        for message in ControlMessages::new(control) {
            let message = message.map_err(|_| Errno::EINVAL)?;
            if message.level != SOL_QUIC {
                continue;
            }
            match message.kind {
                QUIC_STREAM_INFO if message.data.len() >= StreamInfo::SIZE => {
                    controls.stream = Some(StreamInfo::read(message.data));
                }
                QUIC_HANDSHAKE_INFO if message.data.len() >= HandshakeInfo::SIZE => {
                    controls.handshake = Some(HandshakeInfo::read(message.data));
                }
                _ => return Err(Errno::EINVAL),
            }
        }
        Ok(controls)
    }
}

impl Link {
    /// Takes note of whether more is to be written before packets leave.
    fn cork(&mut self, now: Instant, flags: u32) {
        self.corked = (flags & MSG_MORE != 0).then(|| now + limits::CORK);
    }

    fn send_handshake(&mut self, info: HandshakeInfo, data: &[u8]) -> Result<Sent, Stop> {
        let level = level_of(info.crypto_level).filter(|&level| self.socket.can_send(level));
        let level = level.ok_or(Stop::Failed(Errno::EINVAL))?;
        self.socket.handshake_send(level, data)?;
        Ok(Sent {
            bytes: data.len(),
            stream: None,
        })
    }

    /// A datagram: all of it or nothing. `told` when its fate is to be kept.
    fn send_datagram(&mut self, data: &[u8], told: bool) -> Result<Sent, Stop> {
        match self.socket.send_datagram(data, told) {
            Ok(_) => Ok(Sent {
                bytes: data.len(),
                stream: None,
            }),
            Err(DatagramError::NotConnected | DatagramError::Unsupported) => {
                Err(Stop::Failed(Errno::EINVAL))
            }
            Err(DatagramError::TooLarge(_)) => Err(Stop::Failed(Errno::EMSGSIZE)),
            Err(DatagramError::Memory) => Err(Stop::Failed(Errno::ENOMEM)),
            Err(DatagramError::Blocked) => Err(Stop::Blocked {
                on: Wait::Send,
                errno: Errno::EAGAIN,
            }),
        }
    }

    fn send_stream(&mut self, info: StreamInfo, errno: Errno, data: &[u8]) -> Result<Sent, Stop> {
        if !self.socket.is_established() && !self.socket.is_early() {
            return Err(Stop::Failed(Errno::EINVAL));
        }
        let flags = info.stream_flags;
        if data.is_empty() && flags & MSG_QUIC_STREAM_FIN == 0 {
            return Err(Stop::Failed(Errno::EMSGSIZE));
        }
        let id = self.stream_to_send_on(info.stream_id, flags)?;
        let sent = self.write_stream(id, flags, errno, data);
        // A new stream of which nothing was taken is the one that the same call opens when it is made again.
        let opened = flags & MSG_QUIC_STREAM_NEW != 0;
        self.book.fresh = match sent {
            Err(Stop::Blocked { .. } | Stop::Failed(Errno::ENOMEM)) if opened => Some(id),
            _ if self.book.fresh == Some(id) => None,
            _ => self.book.fresh,
        };
        sent
    }

    /// Stream data, on the stream that a control message names or else the active one.
    fn send_data(
        &mut self,
        named: Option<StreamInfo>,
        flags: u32,
        part: Part,
        data: &[u8],
    ) -> Result<Sent, Stop> {
        let (mut info, errno) = match named {
            Some(info) if info.stream_flags & !STREAM_FLAGS != 0 => {
                return Err(Stop::Failed(Errno::EINVAL));
            }
            // Programs know by the number that a stream which they named has no room.
            Some(info) => (info, Errno::ENOSPC),
            None => {
                let info = StreamInfo {
                    stream_id: -1,
                    stream_flags: flags & STREAM_FLAGS,
                };
                (info, Errno::EAGAIN)
            }
        };
        if part.more {
            info.stream_flags &= !MSG_QUIC_STREAM_FIN;
        }
        match part.stream {
            Some(stream) => self.write_stream(stream, info.stream_flags, Errno::EAGAIN, data),
            None => self.send_stream(info, errno, data),
        }
    }

    fn write_stream(
        &mut self,
        id: StreamId,
        flags: u32,
        errno: Errno,
        data: &[u8],
    ) -> Result<Sent, Stop> {
        let bytes = match self.socket.write(id, data) {
            Ok(bytes) => bytes,
            Err(WriteError::Blocked) if data.is_empty() => 0,
            Err(WriteError::Blocked) => {
                if errno == Errno::ENOSPC {
                    // Who cannot be told later that there is room is to ask again.
                    let noted = self.book.note_blocked(id);
                    noted.map_err(|NoMemory| Stop::Failed(Errno::ENOMEM))?;
                }
                return Err(Stop::Blocked {
                    on: Wait::Send,
                    errno,
                });
            }
            Err(WriteError::Finished | WriteError::Stopped(_)) => {
                return Err(Stop::Failed(Errno::EINVAL));
            }
            Err(WriteError::Unknown) => return Err(Stop::Failed(Errno::ENOSTR)),
            Err(WriteError::Memory) => return Err(Stop::Failed(Errno::ENOMEM)),
        };
        // FIN goes with the last byte: a program whose data was taken in part says it again with the rest.
        if flags & MSG_QUIC_STREAM_FIN != 0 && bytes == data.len() {
            let finished = self.socket.finish(id);
            finished.map_err(|_| Stop::Failed(Errno::EINVAL))?;
            self.book.on_finished(id);
        }
        Ok(Sent {
            bytes,
            stream: Some(id),
        })
    }

    fn stream_to_send_on(&mut self, id: i64, flags: u32) -> Result<StreamId, Stop> {
        let new = flags & MSG_QUIC_STREAM_NEW != 0;
        let wait = flags & MSG_QUIC_STREAM_DONTWAIT == 0;
        let active = self.book.active();
        match (id, new) {
            (-1, false) => active.ok_or(Stop::Failed(Errno::EINVAL)),
            (-1, true) => {
                let direction = super::streams::direction(flags);
                if let Some(fresh) = self.book.fresh
                    && fresh.direction() == direction
                {
                    return Ok(fresh);
                }
                if active.is_some_and(|active| self.is_sending(active)) {
                    return Err(Stop::Failed(Errno::EINVAL));
                }
                self.open_next(direction, wait)
            }
            (id, false) => self.stream_in_use(id),
            (id, true) => {
                let named = super::streams::named(id)?;
                if self.book.fresh == Some(named) {
                    return Ok(named);
                }
                self.open_through(named, wait)
            }
        }
    }
}

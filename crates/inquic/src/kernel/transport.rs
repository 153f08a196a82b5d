//! What the faces want of a connection, by socket calls.

use std::io;
use std::net::{Shutdown, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use inquic_descriptor::Calls as _;
use inquic_descriptor::sys::sendmsg;
use inquic_engine::EcnState;
use inquic_handshake::{HandshakeInfo, HandshakeSocket as _};
use inquic_uapi::flags::{
    MSG_DONTWAIT, MSG_NOSIGNAL, MSG_QUIC_DATAGRAM, MSG_QUIC_STREAM_DONTWAIT, MSG_QUIC_STREAM_NEW,
    MSG_QUIC_STREAM_UNI,
};
use inquic_uapi::structs::{DatagramFate, ErrInfo, Statistics, StreamPriority};
use inquic_uapi::{Layout, option};
use inquic_wire::{Direction, StreamId, Version};
use socket2::SockAddr;

use super::connection::{Connection, Held};
use super::limits;
use super::stream::Watched;
use super::sys;
use crate::error::Error;
use crate::home::clock;
use crate::stats::Stats;
use crate::stream::Readiness;
use crate::transport::{Interest, Transport};

impl Transport for Connection {
    fn home(&self) -> &'static str {
        "kernel"
    }

    fn poll_established(&self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut held = self.lock();
        if held.established {
            return Poll::Ready(Ok(()));
        }
        if let Some(error) = Self::ended(&held) {
            return Poll::Ready(Err(error));
        }
        Self::wait(&mut held, context);
        Poll::Pending
    }

    fn poll_usable(&self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_established(context)
    }

    fn poll_early_accepted(&self, context: &Context<'_>) -> Poll<Result<bool, Error>> {
        self.poll_established(context).map_ok(|()| false)
    }

    fn is_early(&self) -> bool {
        false
    }

    fn poll_open(
        &self,
        context: &Context<'_>,
        direction: Direction,
    ) -> Poll<Result<StreamId, Error>> {
        let kind = match direction {
            Direction::Bidirectional => 0,
            Direction::Unidirectional => MSG_QUIC_STREAM_UNI,
        };
        let mut held = self.lock();
        if let Some(error) = Self::ended(&held) {
            return Poll::Ready(Err(error));
        }
        let flags = MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_DONTWAIT | kind;
        let opened = sys::stream(&self.socket, flags).and_then(|(id, socket)| {
            self.keep(&mut held, id, socket)?;
            Ok(id)
        });
        match opened {
            Ok(id) => Poll::Ready(Ok(id)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Self::wait(&mut held, context);
                Poll::Pending
            }
            Err(error) => {
                drop(held);
                Poll::Ready(Err(self.ended_or(told("cannot open a stream", &error))))
            }
        }
    }

    fn poll_accept(
        &self,
        context: &Context<'_>,
        direction: Direction,
    ) -> Poll<Result<Option<StreamId>, Error>> {
        let mut held = self.lock();
        let taken = self.take_incoming(&mut held, direction);
        self.raise(&mut held);
        match taken {
            Ok(Some(id)) => return Poll::Ready(Ok(Some(id))),
            Ok(None) => {}
            Err(error) if Self::is_over(&error) => {}
            Err(error) => return Poll::Ready(Err(told("cannot take a stream", &error))),
        }
        Self::nothing_came(&mut held, context)
    }

    fn poll_read(
        &self,
        context: &Context<'_>,
        id: StreamId,
        out: &mut [u8],
    ) -> Poll<Result<(usize, bool), Error>> {
        if out.is_empty() {
            return Poll::Ready(Ok((0, false)));
        }
        let stream = self.stream(id)?;
        let read = ready!(stream.poll(context, |socket| { io::Read::read(&mut &*socket, out) }));
        Poll::Ready(match read {
            Ok(bytes) => Ok((bytes, bytes == 0)),
            Err(error) if error.raw_os_error() == Some(libc::ECONNRESET) => {
                self.step();
                let code = self.lock().codes.reset(id);
                Err(code.map_or_else(|| self.ended_or(Error::Reset(0)), Error::Reset))
            }
            Err(error) => Err(self.ended_or(told("cannot read from a stream", &error))),
        })
    }

    fn poll_write(
        &self,
        context: &Context<'_>,
        id: StreamId,
        data: &[u8],
    ) -> Poll<Result<usize, Error>> {
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let stream = self.stream(id)?;
        let written = ready!(stream.poll(context, |socket| {
            socket.send_with_flags(data, libc::MSG_NOSIGNAL)
        }));
        Poll::Ready(written.map_err(|error| self.write_error(id, &error)))
    }

    fn finish(&self, id: StreamId) -> Result<(), Error> {
        if self.stream(id)?.socket.shutdown(Shutdown::Write).is_ok() {
            return Ok(());
        }
        self.step();
        let held = self.lock();
        let (code, ended) = (held.codes.stopped(id), Self::ended(&held));
        drop(held);
        match (code, ended) {
            (Some(code), _) => Err(Error::Stopped(code)),
            (None, Some(error)) => Err(error),
            // All of it was finished before.
            (None, None) => Ok(()),
        }
    }

    fn reset(&self, id: StreamId, code: u64) -> Result<(), Error> {
        self.end_half(option::QUIC_SOCKOPT_STREAM_RESET, id, code)
    }

    fn stop(&self, id: StreamId, code: u64) -> Result<(), Error> {
        self.end_half(option::QUIC_SOCKOPT_STREAM_STOP_SENDING, id, code)
    }

    fn set_priority(&self, id: StreamId, priority: i32) {
        let mut value = [0; StreamPriority::SIZE];
        StreamPriority {
            stream_id: id.to_u64().cast_signed(),
            priority,
            reserved: 0,
        }
        .write(&mut value);
        // It is a wish.
        let _ = self
            .descriptor()
            .setsockopt(option::QUIC_SOCKOPT_STREAM_PRIORITY, &value);
    }

    fn forget(&self, interest: Interest) {
        self.leave(interest);
    }

    fn key_update(&self) -> Result<(), Error> {
        let done = self
            .descriptor()
            .setsockopt(option::QUIC_SOCKOPT_KEY_UPDATE, &[]);
        done.map_err(|_| {
            self.ended_or(Error::Config(
                "a key update is under way already: try again later".into(),
            ))
        })
    }

    fn close(&self, code: u64, reason: &str) {
        self.close_with(code, reason);
    }

    fn poll_closed(&self, context: &Context<'_>) -> Poll<Error> {
        let mut held = self.lock();
        if let Some(error) = self.over(&held) {
            return Poll::Ready(error);
        }
        if Self::ended(&held).is_some() {
            self.wait_a_moment(&mut held, context);
        } else {
            Self::wait(&mut held, context);
        }
        Poll::Pending
    }

    fn readiness(&self, interest: Interest) -> Result<Readiness, Error> {
        let failed = |error: io::Error| Error::io("cannot make a descriptor", &error);
        match interest {
            Interest::Readable(id) | Interest::Writable(id) => {
                let writable = matches!(interest, Interest::Writable(_));
                let watched = Watched::new(self.stream(id)?, writable).map_err(failed)?;
                Ok(Readiness(Arc::new(watched)))
            }
            Interest::Incoming(_) | Interest::Datagrams => {
                Ok(Readiness(self.level(interest).map_err(failed)?))
            }
        }
    }

    fn peer_addr(&self) -> SocketAddr {
        let known = self.socket.peer_addr().ok();
        known
            .and_then(|address| address.as_socket())
            .unwrap_or(self.remote)
    }

    fn local_addr(&self) -> SocketAddr {
        let known = self.socket.local_addr().ok();
        let known = known.and_then(|address| address.as_socket());
        known.unwrap_or_else(|| match self.remote {
            SocketAddr::V4(_) => ([0; 4], 0).into(),
            SocketAddr::V6(_) => ([0; 16], 0).into(),
        })
    }

    fn stats(&self) -> Stats {
        self.statistics()
            .map_or_else(Stats::default, |numbers| Stats {
                handshake: Duration::from_micros(numbers.handshake),
                rtt_latest: Duration::from_micros(numbers.latest_rtt),
                rtt: Duration::from_micros(numbers.smoothed_rtt),
                rtt_min: Duration::from_micros(numbers.min_rtt),
                congestion_window: numbers.congestion_window,
                bytes_in_flight: numbers.bytes_in_flight,
                datagram_size: numbers.datagram_size,
                packets_sent: numbers.packets_sent,
                packets_received: numbers.packets_received,
                packets_lost: numbers.packets_lost,
                bytes_sent: numbers.bytes_sent,
                bytes_received: numbers.bytes_received,
                congestion_events: numbers.congestion_events,
                probe_timeouts: numbers.probe_timeouts,
                key_updates: numbers.key_updates,
                ecn_marked: numbers.ecn_marked,
                migrations: numbers.migrations,
                paths: numbers.paths,
                datagrams_sent: numbers.datagrams_sent,
                datagrams_received: numbers.datagrams_received,
                datagrams_dropped: numbers.datagrams_dropped,
                datagrams_lost: numbers.datagrams_lost,
                mtu_probes: numbers.mtu_probes,
                mtu_probes_lost: numbers.mtu_probes_lost,
                mtu_black_holes: numbers.mtu_black_holes,
                paths_failed: numbers.paths_failed,
                ecn: EcnState::from_u32(numbers.ecn),
                ecn_failures: numbers.ecn_failures.into(),
                ..Stats::default()
            })
    }

    fn version(&self) -> Version {
        self.lock().link.version()
    }

    fn info(&self) -> Option<HandshakeInfo> {
        self.lock().session.info().cloned()
    }

    fn poll_send_datagram(
        &self,
        context: &Context<'_>,
        data: &[u8],
        told_of: bool,
    ) -> Poll<Result<Option<u64>, Error>> {
        let flags = MSG_QUIC_DATAGRAM | MSG_NOSIGNAL | MSG_DONTWAIT;
        let mut held = self.lock();
        if let Some(error) = Self::ended(&held) {
            return Poll::Ready(Err(error));
        }
        let sent = self
            .keep_fates(&mut held, told_of)
            .and_then(|()| sendmsg(self.socket.as_raw_fd(), data, &[], flags.cast_signed()));
        let Err(error) = sent else {
            return Poll::Ready(Ok(told_of.then(|| held.fates.count())));
        };
        if error.kind() == io::ErrorKind::WouldBlock {
            // No descriptor tells of room for datagrams.
            self.wait_a_moment(&mut held, context);
            return Poll::Pending;
        }
        drop(held);
        Poll::Ready(Err(
            match (error.raw_os_error(), self.max_datagram_size()) {
                (_, None) => self.ended_or(Error::NoDatagrams),
                (Some(libc::EMSGSIZE), Some(most)) => Error::DatagramTooLarge { most },
                _ => self.ended_or(told("cannot send a datagram", &error)),
            },
        ))
    }

    fn poll_receive_datagram(&self, context: &Context<'_>) -> Poll<Result<Option<Vec<u8>>, Error>> {
        let mut held = self.lock();
        let datagram = held.datagrams.pop();
        self.raise(&mut held);
        if datagram.is_some() {
            return Poll::Ready(Ok(datagram));
        }
        Self::nothing_came(&mut held, context)
    }

    fn poll_datagram_fate(&self, context: &Context<'_>) -> Poll<Result<(u64, bool), Error>> {
        let mut held = self.lock();
        let mut value = [0; DatagramFate::SIZE];
        let taken = self
            .descriptor()
            .getsockopt(option::QUIC_SOCKOPT_DATAGRAM_FATES, &mut value);
        if taken.is_ok() {
            let fate = DatagramFate::read(&value);
            return Poll::Ready(Ok((fate.number, fate.acknowledged != 0)));
        }
        if let Some(error) = Self::ended(&held) {
            return Poll::Ready(Err(error));
        }
        // No descriptor tells of fates.
        self.wait_a_moment(&mut held, context);
        Poll::Pending
    }

    fn max_datagram_size(&self) -> Option<usize> {
        let most = self.statistics()?.max_datagram;
        (most > 0).then(|| usize::try_from(most).unwrap_or(usize::MAX))
    }

    fn begin_move(&self, address: SocketAddr) -> Result<(), Error> {
        let address = self.place_to_move(address)?;
        let value = SockAddr::from(address);
        let mut held = self.lock();
        let done = self.descriptor().setsockopt(
            option::QUIC_SOCKOPT_CONNECTION_MIGRATION,
            sys::bytes_of(&value),
        );
        match done {
            Ok(()) => {
                held.moving = Some((None, clock::now() + limits::MOVE));
                Ok(())
            }
            Err(error) => {
                if let Some(error) = Self::ended(&held) {
                    return Err(error);
                }
                Err(match error.raw_os_error() {
                    Some(libc::EAGAIN) => Error::NotMoved(
                        "another move is under way, or the handshake is not confirmed yet".into(),
                    ),
                    Some(libc::EINVAL) => Error::NotMoved(
                        "only a client can move, to another address of the same family, and where the server lets it"
                            .into(),
                    ),
                    _ => Error::bind(address, &error),
                })
            }
        }
    }

    fn poll_moved(&self, context: &Context<'_>) -> Poll<Result<(), Error>> {
        let mut held = self.lock();
        if let Some(error) = Self::ended(&held) {
            return Poll::Ready(Err(error));
        }
        match held.moving {
            Some((Some(true), _)) => Poll::Ready(Ok(())),
            Some((_, until)) if clock::now() < until => {
                self.wait_a_moment(&mut held, context);
                Poll::Pending
            }
            _ => Poll::Ready(Err(Error::NotMoved(
                "the server did not answer there".into(),
            ))),
        }
    }
}

impl Connection {
    /// The peer has given nothing yet: there is more to wait for, or the connection has ended, in order with code 0.
    fn nothing_came<T>(held: &mut Held, context: &Context<'_>) -> Poll<Result<Option<T>, Error>> {
        match Self::ended(held) {
            Some(Error::ClosedByPeer { code: 0, .. }) => Poll::Ready(Ok(None)),
            Some(error) => Poll::Ready(Err(error)),
            None => {
                Self::wait(held, context);
                Poll::Pending
            }
        }
    }

    /// RESET_STREAM or STOP_SENDING.
    fn end_half(&self, name: u32, id: StreamId, code: u64) -> Result<(), Error> {
        let errcode = u32::try_from(code).map_err(|_| {
            Error::Config(format!(
                "code {code} is too large: the kernel's sockets take 32 bits"
            ))
        })?;
        let mut value = [0; ErrInfo::SIZE];
        ErrInfo {
            stream_id: id.to_u64().cast_signed(),
            errcode,
        }
        .write(&mut value);
        let done = self.descriptor().setsockopt(name, &value);
        done.map_err(|_| self.ended_or(Error::StreamFinished))
    }

    /// Has the fate of the datagrams that are sent from now on kept, or not.
    fn keep_fates(&self, held: &mut Held, keep: bool) -> io::Result<()> {
        if held.fates.kept != keep {
            let value = u32::from(keep).to_ne_bytes();
            self.descriptor()
                .setsockopt(option::QUIC_SOCKOPT_DATAGRAM_FATES, &value)?;
            held.fates.kept = keep;
        }
        Ok(())
    }

    /// Why nothing can be written.
    fn write_error(&self, id: StreamId, error: &io::Error) -> Error {
        self.step();
        let code = self.lock().codes.stopped(id);
        match (code, error.raw_os_error()) {
            (Some(code), _) => Error::Stopped(code),
            (None, Some(libc::EPIPE | libc::ENOTCONN)) => self.ended_or(Error::StreamFinished),
            _ => self.ended_or(told("cannot write to a stream", error)),
        }
    }

    fn statistics(&self) -> Option<Statistics> {
        let mut value = [0; Statistics::SIZE];
        let got = self
            .descriptor()
            .getsockopt(option::QUIC_SOCKOPT_STATISTICS, &mut value);
        got.ok().map(|_| Statistics::read(&value))
    }

    /// An address to move to where the system is to choose: one that leads to the peer, and a port that was free just now.
    fn place_to_move(&self, address: SocketAddr) -> Result<SocketAddr, Error> {
        if address.port() != 0 && !address.ip().is_unspecified() {
            return Ok(address);
        }
        let failed = |error: io::Error| Error::bind(address, &error);
        let tried = UdpSocket::bind(address).map_err(failed)?;
        if address.ip().is_unspecified() {
            tried.connect(self.peer_addr()).map_err(failed)?;
        }
        tried.local_addr().map_err(failed)
    }

    /// Whether a call failed because the connection is over.
    fn is_over(error: &io::Error) -> bool {
        matches!(
            error.raw_os_error(),
            Some(libc::ENOTCONN | libc::EPIPE | libc::ECONNRESET)
        )
    }
}

/// What the system said where nothing else explains it.
fn told(what: &str, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::OutOfMemory => Error::NoMemory,
        _ => Error::io(what, error),
    }
}

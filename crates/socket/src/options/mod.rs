//! Socket options before there is a connection: bytes of setsockopt in, the engine's configuration and bytes of getsockopt out.
//!
//! A listening or connecting socket has one of these; connections take over what it says when they are made. A value that the
//! engine cannot honour is refused with [`Errno::EOPNOTSUPP`], never kept and ignored.

mod bounds;
mod config;
#[cfg(test)]
mod tests;
pub(crate) mod transport_param;

pub use bounds::Bounds;

use alloc::vec::Vec;

use inquic_engine::{Config, RetryPolicy};
use inquic_platform::{Duration, memory};
use inquic_uapi::structs::{ConnectionClose, EventOption, TransportParam};
use inquic_uapi::{EventType, Layout, option};

use crate::errno::Errno;
use crate::limits;

/// The options of a socket that is not connected.
#[derive(Debug)]
pub struct Options {
    /// What the engine's connections are made with.
    pub(crate) engine: Config,
    /// Whether every client must prove its address.
    pub(crate) validate: bool,
    /// Words for whoever does the handshake; they change nothing here.
    pub(crate) hints: Hints,
    /// Application protocols, separated by commas.
    alpn: Vec<u8>,
    /// Server names that a listener serves, separated by commas.
    names: Vec<u8>,
    /// For the first Initial packet.
    token: Vec<u8>,
    /// A client's last session ticket, or a server's own key for tickets.
    pub(crate) ticket: Vec<u8>,
    /// Bits of the events that are delivered.
    events: u16,
    /// What close() and shutdown() say.
    pub(crate) close: ConnectionClose,
    /// Whether the end of the connection is an end of file.
    pub(crate) eof: bool,
    /// How long close() goes on to deliver.
    pub(crate) linger: Duration,
    /// Whether the fates of datagrams that are sent now are kept.
    pub(crate) fates: bool,
    /// SO_RCVBUF.
    receive_buffer: usize,
    /// Whether the program has asked for stateless reset tokens, which servers always give.
    stateless_reset: bool,
    /// What the home lets programs set.
    bounds: Bounds,
}

/// See [`inquic_uapi::structs::Config`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints {
    pub(crate) payload_cipher_type: u32,
    /// Microseconds, as the program gave it; the engine has what follows from it.
    pub(crate) plpmtud_probe_interval: u32,
    pub(crate) receive_session_ticket: u8,
    pub(crate) certificate_request: u8,
}

/// What of the options a connection is made with, as far as it is set together.
pub(crate) struct Agreed {
    engine: Config,
    receive_buffer: usize,
    validate: bool,
    hints: Hints,
    stateless_reset: bool,
}

impl Options {
    /// The same again; `None` when there is no memory for it.
    #[must_use]
    pub(crate) fn copied(&self) -> Option<Self> {
        Some(Self {
            engine: self.engine.clone(),
            validate: self.validate,
            hints: self.hints,
            alpn: memory::copied(&self.alpn)?,
            names: memory::copied(&self.names)?,
            token: memory::copied(&self.token)?,
            ticket: memory::copied(&self.ticket)?,
            events: self.events,
            close: self.close,
            eof: self.eof,
            linger: self.linger,
            fates: self.fates,
            receive_buffer: self.receive_buffer,
            stateless_reset: self.stateless_reset,
            bounds: self.bounds,
        })
    }

    /// What CONFIG and TRANSPORT_PARAM have set, to be put back where a connection cannot take other settings.
    pub(crate) fn agreed(&self) -> Agreed {
        Agreed {
            engine: self.engine.clone(),
            receive_buffer: self.receive_buffer,
            validate: self.validate,
            hints: self.hints,
            stateless_reset: self.stateless_reset,
        }
    }

    /// The opposite of [`Options::agreed`].
    pub(crate) fn put_back(&mut self, agreed: Agreed) {
        Agreed {
            engine: self.engine,
            receive_buffer: self.receive_buffer,
            validate: self.validate,
            hints: self.hints,
            stateless_reset: self.stateless_reset,
        } = agreed;
    }

    /// setsockopt() on a socket that neither listens nor is connected, and for what is the same on all.
    ///
    /// # Errors
    ///
    /// [`Errno::ENOPROTOOPT`] for an option that there is not, [`Errno::EINVAL`] for a value out of its bounds and for what is of
    /// the handshake or of streams, [`Errno::EOPNOTSUPP`] for a value that cannot be honoured, [`Errno::EPIPE`] for what needs
    /// a connection, [`Errno::ENOMEM`] when there is no memory to keep the value. Nothing has changed then.
    pub fn set(&mut self, number: u32, value: &[u8]) -> Result<(), Errno> {
        match number {
            option::QUIC_SOCKOPT_EVENT => self.set_event(value)?,
            option::QUIC_SOCKOPT_CONNECTION_CLOSE => self.set_close(value),
            option::QUIC_SOCKOPT_TRANSPORT_PARAM => {
                let param = TransportParam::read(value);
                if param.remote != 0 {
                    // What is remembered of a peer is for a client that connects.
                    return Err(Errno::EINVAL);
                }
                self.set_transport_param(&param)?;
            }
            option::QUIC_SOCKOPT_CONFIG => self.set_config(value)?,
            option::QUIC_SOCKOPT_TOKEN => {
                self.token = bounded(value, 1, option::TOKEN_LEN_MAX)?;
            }
            option::QUIC_SOCKOPT_ALPN => self.alpn = list(value, option::ALPN_LEN_MAX)?,
            option::QUIC_SOCKOPT_SESSION_TICKET => {
                let (least, most) = (
                    option::SESSION_TICKET_LEN_MIN,
                    option::SESSION_TICKET_LEN_MAX,
                );
                self.ticket = bounded(value, least, most)?;
            }
            option::QUIC_SOCKOPT_SERVER_NAMES => {
                self.names = list(value, option::SERVER_NAMES_LEN_MAX)?;
            }
            option::QUIC_SOCKOPT_EOF => self.eof = number_of(value)? != 0,
            option::QUIC_SOCKOPT_LINGER => {
                self.linger = Duration::from_micros(number_of(value)?.into());
            }
            option::QUIC_SOCKOPT_DATAGRAM_FATES => self.fates = number_of(value)? != 0,
            option::QUIC_SOCKOPT_CONNECTION_MIGRATION | option::QUIC_SOCKOPT_KEY_UPDATE => {
                return Err(Errno::EPIPE);
            }
            option::QUIC_SOCKOPT_STREAM_RESET
            | option::QUIC_SOCKOPT_STREAM_STOP_SENDING
            | option::QUIC_SOCKOPT_CONNECTION_ID
            | option::QUIC_SOCKOPT_CRYPTO_SECRET
            | option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT
            | option::QUIC_SOCKOPT_STREAM_PRIORITY => return Err(Errno::EINVAL),
            _ => return Err(Errno::ENOPROTOOPT),
        }
        self.fit();
        Ok(())
    }

    /// setsockopt() on a listener: for the connections to come.
    ///
    /// # Errors
    ///
    /// As [`Options::set`]; [`Errno::EINVAL`] for what decides whom the port's clients belong to, and for a token;
    /// [`Errno::EPIPE`] for a ticket.
    pub fn set_listening(&mut self, number: u32, value: &[u8]) -> Result<(), Errno> {
        match number {
            option::QUIC_SOCKOPT_ALPN
            | option::QUIC_SOCKOPT_SERVER_NAMES
            | option::QUIC_SOCKOPT_TOKEN => Err(Errno::EINVAL),
            option::QUIC_SOCKOPT_SESSION_TICKET => Err(Errno::EPIPE),
            _ => self.set(number, value),
        }
    }

    /// getsockopt() on a socket that neither listens nor is connected, and for what is the same on all: writes as much of the
    /// value as fits into `out`, and returns how much that is. `value` is what the program has in the buffer before.
    ///
    /// # Errors
    ///
    /// As [`Options::set`].
    pub fn get(&self, number: u32, value: &[u8], out: &mut [u8]) -> Result<usize, Errno> {
        Ok(match number {
            option::QUIC_SOCKOPT_EVENT => self.event(value)?.write(out),
            option::QUIC_SOCKOPT_CONNECTION_CLOSE => self.close.write(out),
            option::QUIC_SOCKOPT_TRANSPORT_PARAM => {
                if TransportParam::read(value).remote != 0 {
                    return Err(Errno::EINVAL);
                }
                self.transport_param().write(out)
            }
            option::QUIC_SOCKOPT_CONFIG => self.config().write(out),
            option::QUIC_SOCKOPT_TOKEN => copy(&self.token, out),
            option::QUIC_SOCKOPT_ALPN => copy(&self.alpn, out),
            option::QUIC_SOCKOPT_SESSION_TICKET => copy(&self.ticket, out),
            option::QUIC_SOCKOPT_SERVER_NAMES => copy(&self.names, out),
            option::QUIC_SOCKOPT_EOF => copy(&u32::from(self.eof).to_ne_bytes(), out),
            option::QUIC_SOCKOPT_LINGER => {
                let micros = u32::try_from(self.linger.as_micros()).unwrap_or(u32::MAX);
                copy(&micros.to_ne_bytes(), out)
            }
            option::QUIC_SOCKOPT_STREAM_OPEN | option::QUIC_SOCKOPT_STREAM_DESCRIPTOR => {
                return Err(Errno::EPIPE);
            }
            option::QUIC_SOCKOPT_CONNECTION_ID
            | option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT
            | option::QUIC_SOCKOPT_STREAM_PRIORITY
            | option::QUIC_SOCKOPT_STATISTICS
            | option::QUIC_SOCKOPT_DATAGRAM_FATES => return Err(Errno::EINVAL),
            _ => return Err(Errno::ENOPROTOOPT),
        })
    }

    /// getsockopt() on a listener.
    ///
    /// # Errors
    ///
    /// As [`Options::get`]; [`Errno::EINVAL`] for a token, by which programs tell servers from clients; [`Errno::EPIPE`] for a
    /// ticket.
    pub fn get_listening(&self, number: u32, value: &[u8], out: &mut [u8]) -> Result<usize, Errno> {
        match number {
            option::QUIC_SOCKOPT_TOKEN => Err(Errno::EINVAL),
            option::QUIC_SOCKOPT_SESSION_TICKET => Err(Errno::EPIPE),
            _ => self.get(number, value, out),
        }
    }

    /// What connections are made with.
    #[must_use]
    pub const fn engine(&self) -> &Config {
        &self.engine
    }

    /// Takes a token that was kept already.
    pub(crate) fn set_token(&mut self, token: Vec<u8>) {
        self.token = token;
    }

    /// The address validation token for the next connection.
    #[must_use]
    pub fn token(&self) -> &[u8] {
        &self.token
    }

    /// The application protocols, in order.
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        entries(&self.alpn)
    }

    /// The server names, in order; none for all.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        entries(&self.names)
    }

    /// When a listener asks clients to prove their address.
    #[must_use]
    pub const fn retry(&self) -> RetryPolicy {
        if self.validate {
            RetryPolicy::Always
        } else {
            RetryPolicy::WhenBusy
        }
    }

    /// Whether the program wants to be told of an event.
    pub(crate) const fn wants(&self, event: EventType) -> bool {
        self.events & event.bit() != 0
    }

    /// What the program says when it closes, without the zero that ends it.
    pub(crate) fn close_phrase(&self) -> &[u8] {
        let phrase = self.close.phrase.split(|&byte| byte == 0).next();
        phrase.unwrap_or_default()
    }

    /// Bytes that may be written and not acknowledged.
    pub(crate) const fn send_buffer(&self) -> usize {
        self.engine.streams.send_buffer
    }

    /// SO_SNDBUF, for connections to come.
    pub(crate) fn set_send_buffer(&mut self, bytes: usize) {
        let streams = &mut self.engine.streams;
        streams.send_buffer = bytes.max(limits::SEND_BUFFER_MIN);
        streams.stream_send_buffer = streams.stream_send_buffer.min(streams.send_buffer);
        self.fit();
    }

    /// SO_RCVBUF as it was set, or as max_data has made it.
    pub(crate) const fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    /// SO_RCVBUF: how far the windows of connections to come may grow.
    pub(crate) fn set_receive_buffer(&mut self, bytes: usize) {
        self.receive_buffer = bytes.max(limits::RECEIVE_BUFFER_MIN);
        let ceiling = self.receive_buffer as u64;
        for window in [
            &mut self.engine.streams.connection_window,
            &mut self.engine.streams.stream_window,
        ] {
            window.ceiling = ceiling.max(window.initial);
        }
        self.fit();
    }

    fn set_event(&mut self, value: &[u8]) -> Result<(), Errno> {
        let event = EventOption::read(value);
        let bit = EventType::from_u8(event.event_type)
            .ok_or(Errno::EINVAL)?
            .bit();
        if event.on == 0 {
            self.events &= !bit;
        } else {
            self.events |= bit;
        }
        Ok(())
    }

    fn event(&self, value: &[u8]) -> Result<EventOption, Errno> {
        let asked = EventOption::read(value).event_type;
        let event = EventType::from_u8(asked).ok_or(Errno::EINVAL)?;
        Ok(EventOption {
            event_type: asked,
            on: u8::from(self.wants(event)),
        })
    }

    fn set_close(&mut self, value: &[u8]) {
        self.close = ConnectionClose {
            // Only the application closes this way.
            frame: 0,
            reserved: [0; 3],
            ..ConnectionClose::read(value)
        };
    }
}

impl Default for Options {
    /// The defaults of the ABI, beside those of the engine.
    fn default() -> Self {
        let mut engine = Config::default();
        let streams = &mut engine.streams;
        streams.connection_window.initial = MAX_DATA;
        streams.stream_window.initial = MAX_STREAM_DATA;
        streams.max_streams_bidi = STREAMS;
        streams.max_streams_uni = STREAMS;
        // Programs count on one stream more for each that is over, at once, and on events of streams.
        streams.is_prompt = true;
        streams.tells_states = true;
        engine.max_udp_payload_size = MAX_UDP_PAYLOAD;
        engine.grease_quic_bit = false;
        let receive_buffer = usize::try_from(engine.streams.connection_window.ceiling);
        Self {
            engine,
            receive_buffer: receive_buffer.unwrap_or(usize::MAX),
            validate: false,
            hints: Hints::default(),
            alpn: Vec::new(),
            names: Vec::new(),
            token: Vec::new(),
            ticket: Vec::new(),
            events: 0,
            close: ConnectionClose::default(),
            eof: false,
            linger: Duration::ZERO,
            fates: false,
            stateless_reset: false,
            bounds: Bounds::NONE,
        }
    }
}

/// A list separated by commas, without spaces and what comes after a zero byte. No entry may be empty.
fn list(value: &[u8], most: usize) -> Result<Vec<u8>, Errno> {
    if value.len() > most {
        return Err(Errno::EINVAL);
    }
    let said = value.split(|&byte| byte == 0).next().unwrap_or_default();
    let mut list = memory::copied(said).ok_or(Errno::ENOMEM)?;
    list.retain(|&byte| byte != b' ');
    if list.split(|&byte| byte == b',').any(<[u8]>::is_empty) {
        return Err(Errno::EINVAL);
    }
    Ok(list)
}

/// The entries of such a list.
fn entries(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',')
        .filter(|name| !name.is_empty())
}

fn bounded(value: &[u8], least: usize, most: usize) -> Result<Vec<u8>, Errno> {
    if (least..=most).contains(&value.len()) {
        memory::copied(value).ok_or(Errno::ENOMEM)
    } else {
        Err(Errno::EINVAL)
    }
}

fn number_of(value: &[u8]) -> Result<u32, Errno> {
    let bytes = value.first_chunk().ok_or(Errno::EINVAL)?;
    Ok(u32::from_ne_bytes(*bytes))
}

/// Copies as much as fits.
pub(crate) fn copy(from: &[u8], to: &mut [u8]) -> usize {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    from.len().min(to.len())
}

/// The connection's window by default.
const MAX_DATA: u64 = 65_535 * 32;
/// A stream's window by default.
const MAX_STREAM_DATA: u64 = 65_535 * 16;
/// The largest UDP payload that is taken, by default.
const MAX_UDP_PAYLOAD: u16 = 65_527;
/// Streams of each kind that the peer may have open by default.
const STREAMS: u64 = 100;

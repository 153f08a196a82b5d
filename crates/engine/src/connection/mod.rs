//! One connection: the conductor that alone knows keys, spaces, recovery, path, handshake and streams.
//!
//! It is driven by four calls and one question. Datagrams come in by [`Connection::receive`], time by [`Connection::expire`];
//! datagrams go out by [`Connection::transmit`], news by [`Connection::next_event`]; [`Connection::next_deadline`] says when time
//! must be told at the latest. Call `transmit` until it has nothing more after each of the other calls, and after the
//! application's. It reads no clock, takes no lock and does no I/O.

mod application;
mod audit;
mod carry;
mod clear;
mod close;
mod crypto;
mod datagrams;
mod early;
mod event;
mod feedback;
mod fill;
mod frames;
mod frequency;
mod held;
mod hello;
mod migrate;
mod packet;
mod peer;
mod probe;
mod quic_bit;
mod receive;
mod retry;
mod settings;
mod short;
mod spin;
mod state;
mod stats;
mod timers;
mod tokens;
mod trace;
mod transmit;
mod version;

pub use application::{KeyUpdateError, NotConnected};
pub use audit::Audit;
pub use close::CloseReason;
pub use event::Event;
pub use hello::HandshakeError;
pub use migrate::MigrateError;
pub use receive::Received;
pub use settings::{IdError, IdNumbers, SettingsError};
pub use stats::Stats;
pub use transmit::Transmit;

use alloc::sync::Arc;

use inquic_platform::memory::Own;
use inquic_platform::{CryptoError, Duration, Instant, KeySide, NoMemory, Platform};
use inquic_wire::{ConnectionId, Role, Version};

use crate::config::{AckDelay, Config, Settings};
use crate::datagram::Datagrams;
use crate::endpoint::ConnectError;
use crate::path::{Ecn, LocalIds, Path, PathState, Paths, PeerIds};
use crate::protect;
use crate::recovery::{self, Recovery, SentFrame, TimerContext};
use crate::space::Numbers;
use crate::stream::Streams;
use carry::{Carried, Data};
use event::Pending;
use held::HeldPackets;
use hello::Hello;
use migrate::Arrival;
use peer::Peer;
use quic_bit::QuicBit;
use spin::Spin;
use state::{Keys, State};
use stats::Counts;

/// One QUIC connection, client or server.
pub struct Connection {
    platform: Arc<dyn Platform>,
    config: Settings,
    /// Of the configuration.
    ack_delay: AckDelay,
    role: Role,
    /// The version in use: of the packets that we send, and of the keys from the Handshake level on.
    version: Version,
    state: State,
    keys: Keys,
    numbers: [Numbers; 3],
    recovery: Own<Recovery>,
    /// What the recovery's timer was last told.
    timer: TimerContext,
    carried: Carried,
    arrival: Arrival,
    hello: Own<Hello>,
    held: HeldPackets,
    quic_bit: QuicBit,
    spin: Spin,
    /// When the packet came that is processed now, if it was kept for its keys.
    held_since: Option<Instant>,
    pending: Pending,
    /// Ack-eliciting packets to send in each space whatever the congestion window says.
    probes: [u8; 3],
    /// When pacing lets the next packet go.
    pace_at: Option<Instant>,
    /// There was no memory for a packet: not even an acknowledgement can leave before `pace_at`.
    is_starved: bool,
    /// When the peer was last heard, or first written to since then.
    active_at: Instant,
    /// Whether something ack-eliciting was sent since the peer was last heard.
    sent_since_heard: bool,
    /// When to look whether memory can be given back.
    rest_at: Option<Instant>,
    ping: bool,
    peer: Peer,
    /// The UDP payload of a full packet.
    max_datagram: usize,
    /// Whether a packet was ever full: whoever sends none needs no larger ones.
    has_full_packets: bool,
    ecn: Ecn,
    counts: Counts,
    /// Frames of the packet being built; kept so that packets cost no allocation.
    scratch: alloc::vec::Vec<SentFrame>,
}

/// What a connection is made from, by the endpoint.
pub(crate) struct Start {
    pub(crate) role: Role,
    /// Of the client's first packet.
    pub(crate) version: Version,
    pub(crate) path: Path,
    /// Our first connection id, and its reset token for a server's transport parameters.
    pub(crate) local_id: ConnectionId,
    pub(crate) reset_token: Option<[u8; 16]>,
    /// Server: the id for its preferred address, if it has one.
    pub(crate) preferred_id: Option<(ConnectionId, [u8; 16])>,
    /// Client: the random id of its first packet. Server: the client's own id.
    pub(crate) peer_id: ConnectionId,
    /// The destination id from which the Initial keys come.
    pub(crate) initial_id: ConnectionId,
    /// Server: the destination id of the client's very first packet, before any Retry.
    pub(crate) original_id: ConnectionId,
    /// Server: the id that our Retry gave, when there was one.
    pub(crate) retry_id: Option<ConnectionId>,
    /// Whether the peer's address is known to be its own.
    pub(crate) validated: bool,
    /// Client: the token for the first Initial.
    pub(crate) token: alloc::vec::Vec<u8>,
}

/// Apart, so that the connection is not twice on the stack of who makes it.
#[inline(never)]
fn owned(connection: Connection) -> Option<Own<Connection>> {
    Own::new(connection)
}

/// The part that knows what is on its way, in memory of its own: a kernel's stack is 16 KiB.
#[inline(never)]
fn recovery(config: &Config, role: Role, max_datagram_size: u16) -> Option<Own<Recovery>> {
    let config = recovery::Config {
        algorithm: config.algorithm,
        initial_rtt: config.initial_rtt,
        max_datagram_size,
        sent_bytes: recovery::limits::sent_bytes(config.streams.send_buffer),
        ..recovery::Config::default()
    };
    Own::new(Recovery::new(&config, role))
}

/// What the handshake has to remember, for the same reason.
#[inline(never)]
fn hello(start: Start) -> Option<Own<Hello>> {
    Own::new(Hello::new(start))
}

/// What applications send and receive, for the same reason.
#[inline(never)]
fn data(config: &Config, role: Role) -> Option<Own<Data>> {
    let streams = crate::stream::Config {
        role,
        // The rest of it is for what is known of packets: `recovery::limits::sent_bytes`.
        send_buffer: crate::stream::limits::data_of(config.streams.send_buffer),
        ..config.streams
    };
    Own::new(Data {
        streams: Streams::new(&streams),
        datagrams: Datagrams::new(config.max_datagram_frame_size),
    })
}

/// The ids of both ends before anything has happened.
fn ids(config: &Config, start: &Start) -> Result<(LocalIds, PeerIds), NoMemory> {
    let mut local_ids = LocalIds::new(start.local_id)?;
    if let Some((id, reset_token)) = start.preferred_id {
        local_ids.issue_told(id, reset_token)?;
    }
    let mut peer_ids = PeerIds::new(start.peer_id);
    peer_ids.set_limit(config.ids_kept());
    Ok((local_ids, peer_ids))
}

/// The keys to begin with. A server's are those that open: what it seals with is made when it has opened something, since most
/// of what strangers forge never opens.
fn first_keys(platform: &dyn Platform, start: &Start) -> Result<protect::LevelKeys, CryptoError> {
    let (version, role, id) = (start.version, start.role, &start.initial_id);
    if role == Role::Client {
        return protect::initial_keys(platform, version, role, id);
    }
    let open = protect::initial_half(platform, version, role, KeySide::Open, id)?;
    Ok(protect::LevelKeys {
        seal: None,
        open: Some(open),
    })
}

impl Connection {
    // A kernel's stack is 16 KiB: this frame is the only one that holds a connection.
    #[inline(never)]
    pub(crate) fn new(
        now: Instant,
        platform: Arc<dyn Platform>,
        config: Settings,
        start: Start,
    ) -> Result<Own<Self>, ConnectError> {
        let initial = first_keys(&*platform, &start)?;
        let mtu = config.mtu(start.path.remote);
        let max_datagram = usize::from(mtu.size());
        let recovery = recovery(&config, start.role, mtu.size()).ok_or(ConnectError::Memory)?;
        let numbers = [
            Numbers::consecutive(),
            Numbers::consecutive(),
            Numbers::skipping(&*platform),
        ];
        let path = PathState::new(start.path, start.validated || start.role == Role::Client);
        let arrival = Arrival::first(path.path, path.id());
        let data = match start.role {
            Role::Client => Some(data(&config, start.role).ok_or(ConnectError::Memory)?),
            Role::Server => None,
        };
        let (local_ids, peer_ids) = ids(&config, &start)?;
        let (role, version) = (start.role, start.version);
        let spin = Spin::new(&*platform, config.spin_bit, start.peer_id);
        let hello = hello(start).ok_or(ConnectError::Memory)?;
        owned(Self {
            role,
            version,
            state: State::Handshaking {
                until: now + config.handshake_timeout,
            },
            keys: Keys::new(initial),
            numbers,
            recovery,
            timer: TimerContext::default(),
            // Made where it stays: it is half of a connection.
            carried: Carried::new(data, local_ids, peer_ids, Paths::new(path), mtu),
            arrival,
            hello,
            held: HeldPackets::default(),
            quic_bit: QuicBit::default(),
            spin,
            held_since: None,
            pending: Pending::default(),
            probes: [0; 3],
            pace_at: None,
            is_starved: false,
            active_at: now,
            sent_since_heard: false,
            rest_at: None,
            ping: false,
            peer: Peer::unknown(),
            max_datagram,
            has_full_packets: false,
            ecn: Ecn::default(),
            counts: Counts::new(now),
            scratch: alloc::vec::Vec::new(),
            platform,
            ack_delay: config.ack_delay(),
            config,
        })
        .ok_or(ConnectError::Memory)
    }

    /// Whether this end opened the connection or accepted it.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The version in use. The server may change it once during the handshake (RFC 9368 §2.3).
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The version of the client's first flight. A Version Negotiation packet changes it before anything else came of the
    /// server: then a client's TLS has to begin again, with transport parameters that say so.
    #[must_use]
    pub fn original_version(&self) -> Version {
        self.hello.original_version
    }

    /// The addresses in use.
    #[must_use]
    pub const fn path(&self) -> Path {
        self.carried.paths.active().path
    }

    /// Whether the handshake is complete and data flows.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected { .. })
    }

    /// Whether the handshake has not ended yet, well or badly.
    #[must_use]
    pub const fn is_handshaking(&self) -> bool {
        matches!(self.state, State::Handshaking { .. })
    }

    /// Whether the connection is over and can be removed from its endpoint.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self.state, State::Gone)
    }

    const fn is_confirmed(&self) -> bool {
        matches!(self.state, State::Connected { confirm_by: None })
    }

    const fn is_open(&self) -> bool {
        matches!(
            self.state,
            State::Handshaking { .. } | State::Connected { .. }
        )
    }

    fn pto(&self) -> Duration {
        self.recovery.pto(inquic_wire::Space::Application)
    }
}

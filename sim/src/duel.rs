//! One real host against an attacker, datagram by datagram under virtual time. What the host sends is collected and opened.

use std::net::SocketAddr;
use std::sync::Arc;

use inquic_engine::{CloseReason, Connection, Handle};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::{Duration, Instant, Platform};
use inquic_wire::{Code, ConnectionId, Frame, Frames, Header, Level, Role, TransportParameters};

use crate::hello::{CLIENT_HELLO, FINISHED, SERVER_HELLO};
use crate::{Attacker, Host, NullCipher, Opened, Settings};

/// A host and the attacker of one of its connections.
pub struct Duel {
    /// Virtual time.
    pub now: Instant,
    /// The victim.
    pub host: Host,
    /// Whoever attacks it.
    pub attacker: Attacker,
    /// From where the attacker sends.
    pub address: SocketAddr,
    /// The victim's connection.
    pub handle: Option<Handle>,
    /// What the victim sent and the attacker could open, in order.
    pub heard: Vec<Opened>,
    /// Every datagram that the victim sent since the last look.
    pub datagrams: Vec<Vec<u8>>,
    /// Bytes of all datagrams that the victim sent.
    pub bytes_out: u64,
    /// Bytes of all datagrams that the victim got.
    pub bytes_in: u64,
}

impl Duel {
    /// A listening server, attacked by a client that has sent nothing yet.
    #[must_use]
    pub fn with_server(settings: &Settings) -> Self {
        Self::server_on(Arc::new(AwsLc::seeded(1)), settings)
    }

    /// The same without packet protection.
    #[must_use]
    pub fn with_open_server(settings: &Settings) -> Self {
        Self::server_on(Arc::new(NullCipher::seeded(1)), settings)
    }

    /// The same on another platform, for other seeds and keys.
    #[must_use]
    pub fn server_on(platform: Arc<dyn Platform>, settings: &Settings) -> Self {
        let mut host = Host::on(Arc::clone(&platform), address(SERVER), settings.clone());
        host.listen();
        let attacker = Attacker::new(
            platform,
            settings.suite,
            Role::Client,
            id(b"original"),
            id(b"attacker"),
        );
        Self::new(host, attacker, CLIENT)
    }

    /// A client whose first flight has arrived at an attacker in the server's place.
    ///
    /// # Panics
    ///
    /// When the client sends nothing.
    #[must_use]
    pub fn with_client(settings: &Settings) -> Self {
        Self::client_on(Arc::new(AwsLc::seeded(1)), settings)
    }

    /// The same without packet protection.
    #[must_use]
    pub fn with_open_client(settings: &Settings) -> Self {
        Self::client_on(Arc::new(NullCipher::seeded(1)), settings)
    }

    /// The same on another platform.
    ///
    /// # Panics
    ///
    /// When the client sends nothing.
    #[must_use]
    pub fn client_on(platform: Arc<dyn Platform>, settings: &Settings) -> Self {
        let mut host = Host::on(Arc::clone(&platform), address(CLIENT), settings.clone());
        let now = START;
        let handle = host.connect(now, address(SERVER), &[]);
        let mut first = Vec::new();
        host.transmit(now, &mut |datagram| first.push(datagram.to_vec()));
        let Ok(Header::Long { dcid, scid, .. }) = Header::parse(&first[0], 8) else {
            panic!("not an Initial")
        };
        let mut attacker = Attacker::new(
            platform,
            settings.suite,
            Role::Server,
            dcid,
            id(b"attacker"),
        );
        attacker.dcid = scid;
        let mut duel = Self::new(host, attacker, SERVER);
        duel.handle = Some(handle);
        for datagram in first {
            duel.hear(datagram);
        }
        duel
    }

    fn new(host: Host, attacker: Attacker, from: &str) -> Self {
        Self {
            now: START,
            host,
            attacker,
            address: address(from),
            handle: None,
            heard: Vec::new(),
            datagrams: Vec::new(),
            bytes_out: 0,
            bytes_in: 0,
        }
    }

    /// Makes the handshake with an honest attacker and returns the duel, connected and confirmed.
    #[must_use]
    pub fn connected(self) -> Self {
        let parameters = self.attacker.parameters();
        self.connected_with(&parameters)
    }

    /// The same with these transport parameters of the attacker.
    ///
    /// # Panics
    ///
    /// When the victim does not go along.
    #[must_use]
    pub fn connected_with(mut self, parameters: &TransportParameters) -> Self {
        self.shake(parameters);
        assert!(
            self.connection().is_connected(),
            "{:?}",
            self.connection().close_reason()
        );
        self.wait(Duration::from_millis(100));
        self.datagrams.clear();
        self.heard.clear();
        self
    }

    /// Sends all handshake messages of the attacker, as an honest peer would.
    pub fn shake(&mut self, parameters: &TransportParameters) {
        if self.attacker.scid == id(b"attacker") && self.is_server() {
            let initial = self
                .attacker
                .initial(&Attacker::message(Some(parameters), CLIENT_HELLO));
            self.send_datagram(&initial);
            self.follow_server_id();
            self.send(Level::Handshake, &Attacker::message(None, FINISHED));
        } else {
            let mut parameters = parameters.clone();
            parameters
                .original_destination_connection_id
                .get_or_insert(self.original_id());
            self.send(Level::Initial, &Attacker::message(None, SERVER_HELLO));
            self.send(Level::Handshake, &Attacker::message(Some(&parameters), 900));
            self.send(Level::OneRtt, &[HANDSHAKE_DONE]);
        }
    }

    /// Whether the victim is the server.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.address == address(CLIENT)
    }

    /// The destination id of the first packet of the client under attack.
    #[must_use]
    pub fn original_id(&self) -> ConnectionId {
        let Ok(Header::Long { dcid, .. }) = Header::parse(&self.datagrams[0], 8) else {
            return id(b"original");
        };
        dcid
    }

    /// Sends to the id that the server chose, as it showed in its datagrams.
    ///
    /// # Panics
    ///
    /// When it has sent no long header.
    pub fn follow_server_id(&mut self) {
        let chosen =
            self.datagrams
                .iter()
                .rev()
                .find_map(|datagram| match Header::parse(datagram, 8) {
                    Ok(Header::Long { scid, .. }) => Some(scid),
                    _ => None,
                });
        self.attacker.dcid = chosen.expect("a long header from the server");
    }

    /// The attacker sends a packet in a datagram of its own.
    pub fn send(&mut self, level: Level, frames: &[u8]) {
        let packet = self.attacker.packet(level, frames);
        self.send_datagram(&packet);
    }

    /// The attacker sends a datagram, and the victim answers.
    pub fn send_datagram(&mut self, datagram: &[u8]) {
        self.send_from(self.address, datagram);
    }

    /// A datagram from anywhere arrives.
    pub fn send_from(&mut self, from: SocketAddr, datagram: &[u8]) {
        self.bytes_in += datagram.len() as u64;
        self.host.receive(self.now, from, &mut datagram.to_vec());
        if self.handle.is_none() {
            self.handle = self.host.handles().first().copied();
        }
        self.flush();
    }

    /// Time passes, deadlines are met.
    ///
    /// # Panics
    ///
    /// When the victim asks for the same moment again and again.
    pub fn wait(&mut self, length: Duration) {
        let end = self.now + length;
        let mut same = 0;
        while let Some(next) = self.host.next_deadline().filter(|&next| next <= end) {
            same = if next <= self.now { same + 1 } else { 0 };
            assert!(same <= 16, "asks for {next:?} again and again");
            self.now = self.now.max(next);
            self.host.expire(self.now);
            self.flush();
        }
        self.now = end;
    }

    /// The victim sends what it has.
    pub fn flush(&mut self) {
        let mut sent = Vec::new();
        self.host
            .transmit(self.now, &mut |datagram| sent.push(datagram.to_vec()));
        for datagram in sent {
            self.hear(datagram);
        }
    }

    fn hear(&mut self, datagram: Vec<u8>) {
        self.bytes_out += datagram.len() as u64;
        self.heard.extend(self.attacker.open(&datagram));
        self.datagrams.push(datagram);
    }

    /// The victim's connection.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn connection(&mut self) -> &mut Connection {
        let handle = self.handle.expect("a connection was made");
        self.host.connection(handle)
    }

    /// The transport error with which the victim closed, if it did.
    pub fn offence(&mut self) -> Option<Code> {
        match self.connection().close_reason() {
            Some(CloseReason::Transport(error)) => Some(error.code),
            _ => None,
        }
    }

    /// How many frames heard so far are such.
    ///
    /// # Panics
    ///
    /// When the victim sent what is no frame.
    pub fn count(&self, is_such: impl Fn(&Frame<'_>) -> bool) -> usize {
        let role = if self.is_server() {
            Role::Client
        } else {
            Role::Server
        };
        let frames = self
            .heard
            .iter()
            .flat_map(|packet| Frames::new(&packet.payload, packet.level, role));
        frames
            .filter(|frame| is_such(frame.as_ref().expect("the victim keeps the rules")))
            .count()
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("well formed")
}

fn id(text: &[u8]) -> ConnectionId {
    ConnectionId::new(text).expect("short")
}

const START: Instant = Instant::from_nanos(1_000_000_000);
const CLIENT: &str = "192.0.2.1:50000";
const SERVER: &str = "192.0.2.2:4433";
const HANDSHAKE_DONE: u8 = 0x1e;

//! 0-RTT, as a server that lies in wait sees it.

use std::sync::Arc;

use inquic_engine::{Config, Connection, Endpoint, EndpointKeys, Path, Received};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::memory::Own;
use inquic_platform::{CipherSuite, Duration, Instant, KeySide, Platform};
use inquic_sim::{Attacker, Duel, Early, Settings, World};
use inquic_wire::{
    ConnectionId, Direction, Frame, Frames, Header, Level, LongKind, PreferredAddress, Role,
    TransportParameters, Writer,
};

use crate::common::{headers, watched};

/// Datagrams of the victim with a 0-RTT packet in them.
fn early(datagrams: &[Vec<u8>]) -> usize {
    let is_early = |header: &Header| {
        matches!(
            header,
            Header::Long {
                kind: LongKind::ZeroRtt,
                ..
            }
        )
    };
    let with = datagrams
        .iter()
        .filter(|datagram| headers(datagram).iter().any(is_early));
    with.count()
}

#[test]
fn client_sends_no_0_rtt_packet_once_it_has_1_rtt_keys() {
    let parameters = Duel::with_server(&Settings::default())
        .attacker
        .parameters();
    let mut bytes = [0; 512];
    let mut writer = Writer::new(&mut bytes);
    parameters.encode(&mut writer).unwrap();
    let len = writer.position();
    let settings = Settings {
        early: Early::Offer(bytes[..len].to_vec()),
        ..Settings::default()
    };
    let mut duel = Duel::with_client(&settings);
    let id = duel.connection().open(Direction::Unidirectional).unwrap();
    duel.connection().write(id, &[7; 3_000]).unwrap();
    duel.flush();
    assert!(
        early(&duel.datagrams) > 0,
        "before the handshake is complete"
    );
    let parameters = duel.attacker.parameters();
    duel.shake(&parameters);
    assert!(duel.connection().is_connected());
    duel.datagrams.clear();
    duel.connection().write(id, &[8; 3_000]).unwrap();
    duel.flush();
    duel.wait(Duration::from_secs(3));
    assert!(duel.datagrams.len() >= 3);
    assert_eq!(early(&duel.datagrams), 0);
}

/// What a client remembers of a server with default settings.
fn remembered() -> Vec<u8> {
    let mut world = World::plain(9);
    let (_, server) = world.connected();
    let mut bytes = [0; 512];
    let len = world.at_server(server).transport_parameters(&mut bytes);
    bytes[..len].to_vec()
}

#[test]
fn server_sends_no_0_rtt_packet() {
    let client = Settings {
        early: Early::Offer(remembered()),
        ..Settings::default()
    };
    let server = Settings {
        early: Early::Accept,
        ..Settings::default()
    };
    let seen = watched(client, server);
    let of_server: Vec<Vec<u8>> = seen
        .into_iter()
        .filter_map(|(from_client, datagram)| (!from_client).then_some(datagram))
        .collect();
    assert!(of_server.len() >= 3);
    assert_eq!(early(&of_server), 0);
}

fn encoded(parameters: &TransportParameters) -> Vec<u8> {
    let mut bytes = [0; 512];
    let mut writer = Writer::new(&mut bytes);
    parameters.encode(&mut writer).unwrap();
    writer.written().to_vec()
}

#[test]
fn nothing_of_an_earlier_connection_is_used_but_its_limits() {
    let plain = Duel::with_client(&Settings::default()).connection().stats();
    let id = |text: &[u8]| ConnectionId::new(text).unwrap();
    let remembered = TransportParameters {
        ack_delay_exponent: 20,
        max_ack_delay_ms: 16_000,
        original_destination_connection_id: Some(id(b"formerly")),
        initial_source_connection_id: Some(id(b"in a connection")),
        retry_source_connection_id: Some(id(b"before")),
        stateless_reset_token: Some([9; 16]),
        preferred_address: Some(PreferredAddress {
            v4: Some("198.51.100.1:443".parse().unwrap()),
            v6: None,
            id: id(b"preferred"),
            reset_token: [8; 16],
        }),
        initial_max_data: 10_000,
        initial_max_stream_data_uni: 10_000,
        initial_max_streams_uni: 1,
        ..TransportParameters::default()
    };
    let settings = Settings {
        early: Early::Offer(encoded(&remembered)),
        ..Settings::default()
    };
    let mut duel = Duel::with_client(&settings);
    let stream = duel.connection().open(Direction::Unidirectional).unwrap();
    duel.connection().write(stream, &[7; 3_000]).unwrap();
    duel.flush();
    assert!(early(&duel.datagrams) > 0);
    assert_eq!(duel.connection().stats().pto, plain.pto);
    for token in [[9; 16], [8; 16]] {
        let mut reset = vec![0x41; 60];
        *reset.last_chunk_mut().unwrap() = token;
        duel.send_datagram(&reset);
        assert_eq!(duel.connection().close_reason(), None);
    }
    // The ids and the address of this handshake count, and it has no preferred address.
    let parameters = duel.attacker.parameters();
    duel.shake(&parameters);
    assert!(duel.connection().is_connected());
    duel.wait(Duration::from_secs(1));
    assert_eq!(duel.connection().close_reason(), None);
    assert_eq!(duel.connection().stats().paths, 1);
}

/// A client's connection without a home, towards an attacker.
struct Client {
    connection: Own<Connection>,
    attacker: Attacker,
    original_id: ConnectionId,
    now: Instant,
    path: Path,
}

impl Client {
    /// After its first flight, with what it remembers of the server.
    fn begin(remembered: &TransportParameters) -> Self {
        let platform: Arc<dyn Platform> = Arc::new(AwsLc::seeded(1));
        let mut endpoint = Endpoint::new(Arc::clone(&platform), EndpointKeys::random(&*platform));
        let path = Path {
            local: None,
            remote: "192.0.2.2:4433".parse().unwrap(),
        };
        let now = Instant::from_nanos(1_000_000_000);
        let config = Arc::new(Config::default());
        let (_, mut connection) = endpoint.connect(now, &config, path, &[]).unwrap();
        let remembered = encoded(remembered);
        connection.begin_early_data(&remembered).unwrap();
        let secret = secret(Role::Client, Level::ZeroRtt);
        connection
            .install_secret(now, Level::ZeroRtt, KeySide::Seal, SUITE, &secret)
            .unwrap();
        connection
            .handshake_send(Level::Initial, &[1; 300])
            .unwrap();
        let mut first = vec![0; 1_200];
        connection.transmit(now, &mut first).unwrap();
        let Ok(Header::Long { dcid, scid, .. }) = Header::parse(&first, 8) else {
            panic!("an Initial packet")
        };
        let own = ConnectionId::new(b"attacker").unwrap();
        let mut attacker = Attacker::new(platform, SUITE, Role::Server, dcid, own);
        attacker.dcid = scid;
        Self {
            connection,
            attacker,
            original_id: dcid,
            now,
            path,
        }
    }

    fn receive(&mut self, level: Level, frames: &[u8]) {
        let mut bytes = self.attacker.packet(level, frames);
        let segment = bytes.len();
        let received = Received {
            path: self.path,
            bytes: &mut bytes,
            segment,
            ecn: 0,
        };
        self.connection.receive(self.now, received);
    }

    /// Both secrets of a level.
    fn install(&mut self, level: Level) {
        for (side, sender) in [(KeySide::Seal, Role::Client), (KeySide::Open, Role::Server)] {
            let secret = secret(sender, level);
            self.connection
                .install_secret(self.now, level, side, SUITE, &secret)
                .unwrap();
        }
    }

    /// Everything that leaves in half a second: how far stream data went in packets of a level, the level's packets alone.
    fn sent(&mut self, wanted: Level) -> u64 {
        let mut furthest = 0;
        let mut buffer = vec![0; 65_536];
        for _ in 0..50 {
            while let Some(sent) = self.connection.transmit(self.now, &mut buffer) {
                for datagram in buffer[..sent.bytes].chunks(sent.segment) {
                    let opened = self.attacker.open(datagram);
                    for packet in opened.iter().filter(|packet| packet.level == wanted) {
                        let frames = Frames::new(&packet.payload, packet.level, Role::Server);
                        for frame in frames.flatten() {
                            if let Frame::Stream { offset, data, .. } = frame {
                                furthest = furthest.max(offset + data.len() as u64);
                            }
                        }
                    }
                }
            }
            self.now = self.now + Duration::from_millis(10);
            self.connection.expire(self.now);
        }
        furthest
    }
}

/// The secrets that the attacker has.
fn secret(sender: Role, level: Level) -> Vec<u8> {
    vec![level.index() as u8 * 2 + u8::from(sender == Role::Client); SUITE.hash_len()]
}

const SUITE: CipherSuite = CipherSuite::Aes128GcmSha256;

#[test]
fn zero_rtt_packets_keep_to_what_was_remembered_though_the_server_allows_more_now() {
    let remembered = TransportParameters {
        initial_max_data: 1_000,
        initial_max_stream_data_uni: 1_000,
        initial_max_streams_uni: 1,
        ..TransportParameters::default()
    };
    let mut client = Client::begin(&remembered);
    let uni = Direction::Unidirectional;
    let id = client.connection.open(uni).unwrap();
    client.connection.write(id, &[7; 5_000]).unwrap();
    assert_eq!(client.sent(Level::ZeroRtt), 1_000);
    // The server's answer comes in two parts: its parameters are known before the 1-RTT keys are.
    client.receive(Level::Initial, &Attacker::message(None, 90));
    client.install(Level::Handshake);
    let parameters = TransportParameters {
        original_destination_connection_id: Some(client.original_id),
        ..client.attacker.parameters()
    };
    client.connection.set_early_data_accepted(true);
    client
        .connection
        .set_peer_transport_parameters(client.now, &encoded(&parameters))
        .unwrap();
    assert!(client.connection.is_early());
    assert!(client.sent(Level::ZeroRtt) <= 1_000);
    assert!(
        client.connection.open(uni).is_err(),
        "one stream was remembered"
    );
    client.install(Level::OneRtt);
    assert!(client.connection.is_connected());
    assert!(client.connection.open(uni).is_ok());
    assert_eq!(client.sent(Level::OneRtt), 5_000);
}

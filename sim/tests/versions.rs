//! Versions: version 2, going over to another version under way, and attackers who would have two ends choose an older one
//! (RFC 9368, RFC 9369).

use inquic_engine::{CloseReason, Config, Drop, Handle, RetryPolicy};
use inquic_platform::crypto::TAG_LEN;
use inquic_platform::{Duration, Instant};
use inquic_sim::{Attacker, Duel, Early, Faults, Host, Settings, World};
use inquic_wire::{
    Code, Direction, Frame, Frames, Header, Level, LongKind, Role, TransportParameters, Version,
    VersionInformation, Versions, Writer, write_version_negotiation,
};

const V1: Version = Version::V1;
const V2: Version = Version::V2;
/// One that nobody speaks.
const NONE: Version = Version(0x1a2a_3a4a);

/// Speaks `versions`, the preferred one first, and begins with `version`.
fn speaking(version: Version, versions: &[Version]) -> Settings {
    Settings {
        config: Config {
            version,
            versions: Versions::of(versions),
            ..Config::default()
        },
        ..Settings::default()
    }
}

fn world(client: Settings, server: Settings) -> World {
    World::new(1, client, server, Faults::default())
}

/// The versions that both ends came to use, and how long the handshake took at the client.
fn agreed(world: &mut World) -> (Version, Version, Duration) {
    let (client, server) = world.connected();
    let versions = (
        world.at_client(client).version(),
        world.at_server(server).version(),
    );
    assert_carries_data(world, client, server);
    (
        versions.0,
        versions.1,
        world.at_client(client).stats().handshake,
    )
}

fn assert_carries_data(world: &mut World, client: Handle, server: Handle) {
    let stream = Direction::Unidirectional;
    let id = world.at_client(client).open(stream).unwrap();
    world.at_client(client).write(id, b"hello").unwrap();
    let mut out = [0; 16];
    assert!(world.run_until(Duration::from_secs(5), |world| {
        let now = world.now;
        world.at_server(server).accept(stream);
        let read = world.at_server(server).read(now, id, &mut out);
        read.is_ok_and(|read| read.bytes == 5)
    }));
    assert_eq!(&out[..5], b"hello");
}

const ROUND_TRIP: Duration = Duration::from_millis(20);
const TWO_ROUND_TRIPS: Duration = Duration::from_millis(40);

#[test]
fn by_default_both_ends_stay_with_version_1() {
    let mut world = World::plain(1);
    assert_eq!(agreed(&mut world), (V1, V1, ROUND_TRIP));
}

#[test]
fn a_client_that_begins_with_version_2_stays_with_it() {
    let mut world = world(speaking(V2, &[V2, V1]), speaking(V1, &[V2, V1]));
    assert_eq!(agreed(&mut world), (V2, V2, ROUND_TRIP));
}

#[test]
fn a_server_that_prefers_version_2_goes_over_to_it_without_a_round_trip() {
    let mut world = world(speaking(V1, &[V1, V2]), speaking(V1, &[V2, V1]));
    assert_eq!(agreed(&mut world), (V2, V2, ROUND_TRIP));
}

#[test]
fn a_server_that_prefers_version_1_goes_over_to_it_from_version_2() {
    let mut world = world(speaking(V2, &[V2, V1]), speaking(V1, &[V1, V2]));
    assert_eq!(agreed(&mut world), (V1, V1, ROUND_TRIP));
}

#[test]
fn a_server_does_not_go_over_to_what_the_client_does_not_offer() {
    let mut world = world(speaking(V1, &[V1]), speaking(V1, &[V2, V1]));
    assert_eq!(agreed(&mut world), (V1, V1, ROUND_TRIP));
}

#[test]
fn a_retry_is_of_the_first_version_and_the_server_goes_over_afterwards() {
    let server = Settings {
        retry: RetryPolicy::Always,
        ..speaking(V1, &[V2, V1])
    };
    let mut world = world(speaking(V1, &[V1, V2]), server);
    assert_eq!(agreed(&mut world), (V2, V2, TWO_ROUND_TRIPS));
}

#[test]
fn a_server_without_version_2_brings_a_client_back_to_version_1() {
    let mut world = world(speaking(V2, &[V2, V1]), speaking(V1, &[V1]));
    assert_eq!(agreed(&mut world), (V1, V1, TWO_ROUND_TRIPS));
}

#[test]
fn a_client_without_the_versions_of_the_server_gives_up() {
    let mut world = world(speaking(V1, &[V1]), speaking(V1, &[V2]));
    let client = world.connect();
    world.run_for(Duration::from_millis(15));
    assert!(
        world
            .client
            .get(client)
            .is_none_or(|client| client.is_handshaking())
    );
    world.run_for(Duration::from_millis(100));
    assert!(world.client.endpoint.is_empty());
    assert!(world.server.endpoint.is_empty());
}

#[test]
fn an_unknown_version_is_left_for_the_one_that_the_client_prefers() {
    for (versions, version) in [([V1, V2], V1), ([V2, V1], V2)] {
        // The server would stay with either.
        let mut world = world(speaking(NONE, &versions), speaking(V1, &versions));
        assert_eq!(agreed(&mut world), (version, version, TWO_ROUND_TRIPS));
    }
}

#[test]
fn versions_change_on_a_lossy_path_too() {
    for seed in 0..30 {
        println!("seed {seed}");
        let faults = Faults {
            loss: 150,
            ..Faults::default()
        };
        let patient = |settings: Settings| Settings {
            config: Config {
                handshake_timeout: Duration::from_secs(60),
                ..settings.config
            },
            certificate: 4_000,
            ..settings
        };
        let client = patient(speaking(V1, &[V1, V2]));
        let mut world = World::new(seed, client, patient(speaking(V1, &[V2, V1])), faults);
        let client = world.connect();
        assert!(world.run_until(Duration::from_secs(60), |world| {
            world.at_client(client).is_connected()
        }));
        assert_eq!(world.at_client(client).version(), V2);
        let server = world.server.handles()[0];
        assert_eq!(world.at_server(server).version(), V2);
    }
}

#[test]
fn a_token_of_version_2_shows_nothing_in_version_1() {
    let server = Settings {
        retry: RetryPolicy::Always,
        ..speaking(V1, &[V2, V1])
    };
    let mut world = world(speaking(V1, &[V1, V2]), server);
    let (client, _) = world.connected();
    let token = world.at_client(client).take_token().expect("a token");
    let remote = world.server.address;
    let again = world.client.connect(world.now, remote, &token);
    assert!(world.run_until(Duration::from_secs(1), |world| {
        world.at_client(again).is_connected()
    }));
    assert_eq!(world.at_client(again).stats().handshake, TWO_ROUND_TRIPS);
}

/// A Version Negotiation packet that answers the client's first flight as if it were the server's.
fn forged(first: &[u8], versions: &[Version]) -> Vec<u8> {
    let (dcid, scid) = match Header::parse(first, 8) {
        Ok(Header::Long { dcid, scid, .. }) => (dcid.to_vec(), scid.to_vec()),
        Ok(Header::UnknownVersion { dcid, scid, .. }) => {
            (first[dcid].to_vec(), first[scid].to_vec())
        }
        other => panic!("no first flight: {other:?}"),
    };
    let mut packet = [0; 128];
    let mut writer = Writer::new(&mut packet);
    write_version_negotiation(&mut writer, 0x5a, &scid, &dcid, versions).unwrap();
    writer.written().to_vec()
}

/// A client that has sent its first flight, which an attacker answers before the server does.
fn attacked(client: Settings, server: Settings, versions: &[Version]) -> (World, Handle) {
    let mut world = world(client, server);
    let remote = world.server.address;
    let handle = world.client.connect(world.now, remote, &[]);
    let mut flight = Vec::new();
    let now = world.now;
    world
        .client
        .transmit(now, &mut |datagram| flight.push(datagram.to_vec()));
    let mut packet = forged(&flight[0], versions);
    world.client.receive(now, remote, &mut packet);
    (world, handle)
}

#[test]
fn a_forged_version_negotiation_cannot_lead_to_an_older_version() {
    let both = speaking(V2, &[V2, V1]);
    let (mut world, client) = attacked(both.clone(), both, &[V1, NONE]);
    assert_eq!(
        world.at_client(client).version(),
        V1,
        "it is believed at first"
    );
    world.flush();
    world.run_until(Duration::from_secs(5), |world| {
        world.at_client(client).close_reason().is_some()
    });
    match world.at_client(client).close_reason() {
        Some(CloseReason::Transport(error)) => {
            assert_eq!(error.code, Code::VersionNegotiation);
            assert_eq!(error.code.to_u64(), 0x11);
        }
        other => panic!("{other:?}"),
    }
    let server = world.server.handles()[0];
    world.run_until(Duration::from_secs(1), |world| {
        world.at_server(server).close_reason().is_some()
    });
    assert!(matches!(
        world.at_server(server).close_reason(),
        Some(CloseReason::PeerTransport {
            code: Code::VersionNegotiation,
            ..
        })
    ));
}

#[test]
fn a_version_negotiation_that_lists_the_version_tried_is_not_believed() {
    let both = speaking(V2, &[V2, V1]);
    let (mut world, client) = attacked(both.clone(), both, &[V1, V2]);
    assert_eq!(world.at_client(client).version(), V2);
    assert_eq!(
        world.at_client(client).stats().drops.of(Drop::Unexpected),
        1
    );
    world.flush();
    assert!(world.run_until(Duration::from_secs(5), |world| {
        world.at_client(client).is_connected()
    }));
}

#[test]
fn a_second_version_negotiation_is_not_believed() {
    let both = speaking(NONE, &[V2, V1]);
    let (mut world, client) = attacked(both.clone(), both, &[V2]);
    assert_eq!(world.at_client(client).version(), V2);
    let remote = world.server.address;
    let now = world.now;
    let mut flight = Vec::new();
    world
        .client
        .transmit(now, &mut |datagram| flight.push(datagram.to_vec()));
    let mut packet = forged(&flight[0], &[V1]);
    world.client.receive(now, remote, &mut packet);
    assert_eq!(world.at_client(client).version(), V2);
    assert_eq!(
        world.at_client(client).stats().drops.of(Drop::Unexpected),
        1
    );
}

/// Runs a client of version 1 against a server that goes over to version 2, and gives the long headers of each end in order.
fn headers_of_a_change() -> [Vec<(LongKind, Version)>; 2] {
    headers_between(speaking(V1, &[V1, V2]), speaking(V1, &[V2, V1]), 0)
}

/// The long headers of each end in order, when the client has so many bytes to say from the start.
fn headers_between(
    client: Settings,
    server: Settings,
    early: usize,
) -> [Vec<(LongKind, Version)>; 2] {
    let mut hosts = [(CLIENT, client), (SERVER, server)]
        .map(|(address, settings)| Host::new(address.parse().unwrap(), settings, 1));
    let [client, server] = &mut hosts;
    server.listen();
    let mut now = Instant::ZERO + Duration::from_secs(1);
    let handle = client.connect(now, server.address, &[]);
    if early > 0 {
        let connection = client.connection(handle);
        let id = connection.open(Direction::Unidirectional).unwrap();
        assert_eq!(connection.write(id, &vec![7; early]), Ok(early));
    }
    let mut seen = [Vec::new(), Vec::new()];
    for _ in 0..10 {
        for at in [0, 1] {
            let mut sent = Vec::new();
            hosts[at].transmit(now, &mut |datagram| sent.push(datagram.to_vec()));
            let from = hosts[at].address;
            for mut datagram in sent {
                let mut rest = &datagram[..];
                while let Ok(Header::Long {
                    kind, version, end, ..
                }) = Header::parse_greased(rest, 8)
                {
                    seen[at].push((kind, version));
                    rest = &rest[end..];
                }
                hosts[1 - at].receive(now, from, &mut datagram);
            }
        }
        now = now + Duration::from_millis(1);
    }
    seen
}

const CLIENT: &str = "192.0.2.1:50000";
const SERVER: &str = "192.0.2.2:4433";

#[test]
fn packets_after_the_change_are_of_the_new_version() {
    let [client, server] = headers_of_a_change();
    assert_eq!(client[0], (LongKind::Initial, V1));
    assert!(client.contains(&(LongKind::Handshake, V2)));
    assert!(server.contains(&(LongKind::Initial, V2)));
    assert!(server.contains(&(LongKind::Handshake, V2)));
    assert!(!server.contains(&(LongKind::Handshake, V1)));
    let after = client.iter().skip_while(|packet| packet.1 == V1);
    assert!(after.clone().all(|packet| packet.1 == V2));
}

/// The frames of the first packets, one of each of its first two datagrams, that a server sends to a client which begins with
/// version 1 and speaks both.
fn first_answers(server: &Settings) -> Vec<Vec<&'static str>> {
    // Without ciphers anybody reads either version.
    let mut duel = Duel::with_open_server(server);
    let honest = duel.attacker.parameters();
    duel.shake(&claiming(&honest, V1, &[V1, V2]));
    let frames = duel.datagrams.iter().map(|datagram| {
        let Ok(Header::Long { number_at, end, .. }) = Header::parse(datagram, 8) else {
            panic!("no long header");
        };
        let payload = number_at + usize::from(datagram[0] & 3) + 1..end - TAG_LEN;
        let frames = Frames::new(&datagram[payload], Level::Initial, Role::Client);
        let names = frames.map(|frame| match frame.unwrap() {
            Frame::Ack(_) => "ACK",
            Frame::Crypto { .. } => "CRYPTO",
            other => panic!("{other:?}"),
        });
        names.collect()
    });
    frames.take(2).collect()
}

/// picoquic's client takes the first packet of another version for the news that there is one, and acknowledges it unread.
#[test]
fn the_first_packet_after_a_change_holds_nothing_that_would_be_missed() {
    let changed = first_answers(&speaking(V1, &[V2, V1]));
    assert_eq!(changed[0], ["ACK"]);
    assert_eq!(changed[1], ["CRYPTO"]);
    let unchanged = first_answers(&speaking(V1, &[V1, V2]));
    assert_eq!(unchanged[0], ["ACK", "CRYPTO"]);
}

#[test]
fn zero_rtt_packets_are_of_the_first_version_before_and_after_the_change() {
    let server = Settings {
        early: Early::Accept,
        ..speaking(V1, &[V2, V1])
    };
    let mut before = world(Settings::default(), speaking(V1, &[V1]));
    let (_, known) = before.connected();
    let mut remembered = [0; 512];
    let len = before
        .at_server(known)
        .transport_parameters(&mut remembered);
    let client = Settings {
        early: Early::Offer(remembered[..len].to_vec()),
        ..speaking(V1, &[V1, V2])
    };
    // More than a first window carries, so that some would be left when the server has answered in version 2.
    let [client, server] = headers_between(client, server, 40_000);
    assert!(server.contains(&(LongKind::Handshake, V2)));
    let early = client.iter().filter(|(kind, _)| *kind == LongKind::ZeroRtt);
    assert!(early.clone().count() > 5);
    assert!(early.clone().all(|(_, version)| *version == V1));
}

#[test]
fn handshake_packets_of_the_old_version_are_dropped() {
    let mut duel = Duel::with_client(&speaking(V1, &[V1, V2]));
    let honest = duel.attacker.parameters();
    let parameters = claiming(&honest, V1, &[V1]);
    duel.send(Level::Initial, &Attacker::message(None, 90));
    let mut other = duel.attacker.packet(Level::Handshake, &[1]);
    other[1..5].copy_from_slice(&V2.0.to_be_bytes());
    other[0] = 0xf0 | other[0] & 0x0f;
    duel.send_datagram(&other);
    assert_eq!(duel.connection().stats().drops.of(Drop::UnknownVersion), 1);
    duel.shake(&parameters);
    assert!(duel.connection().is_connected());
}

#[test]
fn version_negotiation_lists_every_version_and_a_reserved_one() {
    for versions in [&[V1][..], &[V2], &[V1, V2], &[V2, V1]] {
        let mut server = Host::new(SERVER.parse().unwrap(), speaking(V1, versions), 1);
        server.listen();
        let mut client = Host::new(CLIENT.parse().unwrap(), speaking(NONE, &[V1]), 2);
        let now = Instant::ZERO + Duration::from_secs(1);
        client.connect(now, server.address, &[]);
        let mut first = Vec::new();
        client.transmit(now, &mut |datagram| first = datagram.to_vec());
        server.receive(now, client.address, &mut first);
        let mut answer = Vec::new();
        server.transmit(now, &mut |datagram| answer = datagram.to_vec());
        let Ok(Header::VersionNegotiation { versions: list, .. }) = Header::parse(&answer, 8)
        else {
            panic!("no version negotiation");
        };
        let listed: Vec<_> = answer[list]
            .chunks(4)
            .map(|version| Version(u32::from_be_bytes(version.try_into().unwrap())))
            .collect();
        assert!(listed[0].is_reserved());
        assert_eq!(&listed[1..], versions);
    }
}

#[test]
fn what_both_ends_say_about_versions() {
    let information = |settings: Settings, duel: fn(&Settings) -> Duel, role| {
        let mut duel = duel(&settings);
        let mut out = [0; 512];
        if role == Role::Server {
            let honest = duel.attacker.parameters();
            let parameters = claiming(&honest, V1, &[V1, V2]);
            duel.shake(&parameters);
        }
        let len = duel.connection().transport_parameters(&mut out);
        let said = TransportParameters::parse(&out[..len], role).unwrap();
        said.version_information.unwrap()
    };
    let client = information(speaking(V1, &[V2, V1]), Duel::with_client, Role::Client);
    assert_eq!(client.chosen, V1);
    assert_eq!(client.available.as_slice()[..2], [V2, V1]);
    assert!(client.available.as_slice()[2].is_reserved());
    let server = information(speaking(V1, &[V1, V2]), Duel::with_server, Role::Server);
    assert_eq!(server.chosen, V1);
    assert_eq!(server.available.as_slice()[..2], [V1, V2]);
}

/// What a peer says about versions that lies.
fn claiming(
    honest: &TransportParameters,
    chosen: Version,
    available: &[Version],
) -> TransportParameters {
    TransportParameters {
        version_information: Some(VersionInformation {
            chosen,
            available: Versions::of(available),
        }),
        ..honest.clone()
    }
}

/// How the victim takes the attacker's parameters: the code that it closes with.
fn code(mut duel: Duel, parameters: &TransportParameters) -> Option<Code> {
    duel.shake(parameters);
    match duel.connection().close_reason() {
        Some(CloseReason::Transport(error)) => Some(error.code),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_that_lies_about_its_first_version_is_refused() {
    let code = |chosen, available: &[Version]| {
        let duel = Duel::with_server(&Settings::default());
        let parameters = claiming(&duel.attacker.parameters(), chosen, available);
        code(duel, &parameters)
    };
    assert_eq!(code(V1, &[V1, V2]), None);
    assert_eq!(code(V2, &[V1, V2]), Some(Code::VersionNegotiation));
    assert_eq!(code(V1, &[V2]), Some(Code::TransportParameter));
}

#[test]
fn a_server_that_lies_about_its_choice_is_refused() {
    let code = |chosen| {
        let duel = Duel::with_client(&Settings::default());
        let parameters = claiming(&duel.attacker.parameters(), chosen, &[V1, V2]);
        code(duel, &parameters)
    };
    assert_eq!(code(V1), None);
    assert_eq!(code(V2), Some(Code::VersionNegotiation));
}

#[test]
fn a_peer_that_says_nothing_about_versions_is_taken_at_its_packets() {
    for duel in [
        Duel::with_server(&Settings::default()),
        Duel::with_client(&Settings::default()),
    ] {
        let parameters = duel.attacker.parameters();
        assert_eq!(parameters.version_information, None);
        assert_eq!(code(duel, &parameters), None);
    }
}

#[test]
fn after_a_version_negotiation_the_server_must_show_that_it_was_its_own() {
    let code = |information: Option<(Version, &[Version])>| {
        let mut duel = Duel::with_client(&speaking(V2, &[V2, V1]));
        let packet = forged(&duel.datagrams[0].clone(), &[V1]);
        duel.send_datagram(&packet);
        let honest = duel.attacker.parameters();
        let parameters = match information {
            Some((chosen, available)) => claiming(&honest, chosen, available),
            None => honest,
        };
        code(duel, &parameters)
    };
    assert_eq!(code(Some((V1, &[V1]))), None);
    assert_eq!(
        code(Some((V1, &[NONE]))),
        None,
        "nothing that we would have preferred"
    );
    assert_eq!(code(None), None, "as old servers of version 1 do");
    for lie in [
        Some((V1, &[][..])),
        Some((V1, &[V1, V2])),
        Some((V2, &[V1])),
    ] {
        assert_eq!(code(lie), Some(Code::VersionNegotiation), "{lie:?}");
    }
}

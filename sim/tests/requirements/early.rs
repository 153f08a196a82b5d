//! 0-RTT, as a server that lies in wait sees it.

use inquic_platform::Duration;
use inquic_sim::{Duel, Early, Settings, World};
use inquic_wire::{Direction, Header, LongKind, Writer};

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

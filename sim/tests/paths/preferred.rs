//! A server that would rather be reached elsewhere.

use inquic_engine::{Config, Event};
use inquic_platform::Duration;
use inquic_sim::{Crossing, Settings};

use super::common::{Download, address, inside, with};

fn preferring(config: Config, addresses: &[&str]) -> Crossing {
    let mut crossing = Crossing::new(Settings::default(), with(config));
    crossing
        .server_addresses
        .extend(addresses.iter().map(|text| address(text)));
    crossing
}

fn v4() -> Config {
    Config {
        preferred_v4: Some("198.51.100.2:443".parse().unwrap()),
        ..Config::default()
    }
}

#[test]
fn client_goes_there_and_data_follows() {
    let mut crossing = preferring(v4(), &["198.51.100.2:443"]);
    let (client, server) = crossing.connected();
    let mut download = Download::begin(&mut crossing, client, server, 1_000_000);
    download.run_to(&mut crossing, 1_000_000);
    let there = address("198.51.100.2:443");
    assert_eq!(crossing.at_client(client).path().remote, there);
    assert_eq!(crossing.at_server(server).path().local, Some(there));
    assert!(
        crossing
            .client
            .take_events()
            .iter()
            .any(|(_, event)| *event == Event::Migrated)
    );
    let tail = crossing.log.iter().rev().take(100);
    assert!(tail.into_iter().all(|(_, sent)| sent.from == there));
}

#[test]
fn the_other_family_is_taken_when_there_is_no_address_of_ours() {
    let there = "[2001:db8::2]:443";
    let config = Config {
        preferred_v6: Some(there.parse().unwrap()),
        ..Config::default()
    };
    let mut crossing = preferring(config, &[there]);
    crossing
        .nat
        .insert(address("[::]:50000"), address("[2001:db8::1]:50000"));
    let (client, server) = crossing.connected();
    let mut download = Download::begin(&mut crossing, client, server, 100_000);
    download.run_to(&mut crossing, 100_000);
    assert_eq!(crossing.at_client(client).path().remote, address(there));
    assert_eq!(
        crossing.at_server(server).path().remote,
        address("[2001:db8::1]:50000")
    );
}

#[test]
fn our_own_family_comes_first() {
    let config = Config {
        preferred_v6: Some("[2001:db8::2]:443".parse().unwrap()),
        ..v4()
    };
    let mut crossing = preferring(config, &["198.51.100.2:443", "[2001:db8::2]:443"]);
    let (client, _) = crossing.connected();
    assert_eq!(
        crossing.at_client(client).path().remote,
        address("198.51.100.2:443")
    );
}

#[test]
fn where_nobody_answers_the_first_address_stays() {
    let mut crossing = preferring(v4(), &[]);
    let (client, server) = crossing.connected();
    let mut download = Download::begin(&mut crossing, client, server, 100_000);
    download.run_to(&mut crossing, 100_000);
    crossing.run_for(Duration::from_secs(5));
    assert_eq!(
        crossing.at_client(client).path().remote,
        crossing.server.address
    );
    let events = crossing.client.take_events();
    assert!(
        events
            .iter()
            .any(|(_, event)| *event == Event::MigrationFailed)
    );
}

#[test]
fn server_answers_from_its_first_address_until_the_new_one_is_validated() {
    let mut crossing = preferring(v4(), &["198.51.100.2:443"]);
    let client = crossing
        .client
        .connect(crossing.now, crossing.server.address, &[]);
    crossing.run_for(Duration::from_secs(2));
    let there = address("198.51.100.2:443");
    let first = crossing
        .log
        .iter()
        .position(|(_, sent)| sent.from == there)
        .unwrap();
    let (at, sent) = &crossing.log[first];
    assert_eq!(sent.bytes.len(), 1_200, "the answer to a probe");
    let at = *at;
    let early = crossing.log[first + 1..]
        .iter()
        .take_while(|(time, _)| time.since(at) < Duration::from_millis(20));
    for (_, sent) in early.into_iter().filter(|(_, sent)| sent.from == there) {
        assert_eq!(sent.bytes.len(), 1_200, "only probes: {}", sent.bytes.len());
    }
    assert_eq!(crossing.at_client(client).path().remote, there);
}

#[test]
fn a_server_that_forbids_moving_may_still_move_its_clients_and_then_they_may_move() {
    let config = Config {
        disable_active_migration: true,
        ..v4()
    };
    let mut crossing = preferring(config, &["198.51.100.2:443"]);
    let (client, server) = crossing.connected();
    crossing.run_for(Duration::from_secs(5));
    let now = crossing.now;
    crossing
        .at_client(client)
        .migrate(now, address("203.0.113.7:7"))
        .unwrap();
    let mut download = Download::begin(&mut crossing, client, server, 100_000);
    download.run_to(&mut crossing, 100_000);
    assert_eq!(
        crossing.at_client(client).path().local,
        Some(address("203.0.113.7:7"))
    );
    assert_eq!(
        crossing.at_server(server).path().remote,
        address("203.0.113.7:7")
    );
}

#[test]
fn rebinding_on_the_way_to_the_preferred_address_is_followed() {
    let mut crossing = preferring(v4(), &["198.51.100.2:443"]);
    let client = crossing
        .client
        .connect(crossing.now, crossing.server.address, &[]);
    let remote = crossing.server.address;
    let moved = crossing.run_until(Duration::from_secs(2), |crossing| {
        crossing.at_client(client).path().remote != remote
    });
    assert!(moved);
    crossing.nat.insert(inside(), address("192.0.2.1:61000"));
    let server = crossing.server.handles()[0];
    let mut download = Download::begin(&mut crossing, client, server, 300_000);
    crossing.at_client(client).send_ping();
    download.run_to(&mut crossing, 300_000);
    assert_eq!(
        crossing.at_server(server).path().remote,
        address("192.0.2.1:61000")
    );
}

//! A NAT that gives the client another address.

use inquic_engine::{Config, Event};
use inquic_platform::Duration;
use inquic_sim::{Crossing, Settings};
use inquic_wire::Direction;

use super::common::{Download, address, connected, inside, remote, with};

#[test]
fn another_port_in_the_middle_of_a_download_costs_a_moment() {
    let (mut crossing, client, server) = connected();
    let mut download = Download::begin(&mut crossing, client, server, 4_000_000);
    download.run_to(&mut crossing, 1_000_000);
    let window = crossing.at_server(server).stats().congestion_window;
    let before = crossing.now;
    crossing.nat.insert(inside(), address("192.0.2.1:60000"));
    download.run_to(&mut crossing, 1_500_000);
    assert!(crossing.now.since(before) < Duration::from_secs(2));
    assert_eq!(remote(&mut crossing, server), address("192.0.2.1:60000"));
    let stats = crossing.at_server(server).stats();
    assert_eq!(stats.migrations, 1);
    assert!(
        stats.rtt_min >= Duration::from_millis(20),
        "the round-trip time is kept"
    );
    assert!(
        stats.congestion_window * 2 >= window,
        "the window is kept, but for the loss"
    );
    download.run_to(&mut crossing, 4_000_000);
}

#[test]
fn another_address_resets_the_window_and_the_round_trip_time() {
    let (mut crossing, client, server) = connected();
    let mut download = Download::begin(&mut crossing, client, server, 8_000_000);
    download.run_to(&mut crossing, 4_000_000);
    let window = crossing.at_server(server).stats().congestion_window;
    assert!(window > 100_000);
    crossing.delay = Duration::from_millis(5);
    crossing.nat.insert(inside(), address("198.51.100.1:50000"));
    let moved = crossing.run_until(Duration::from_secs(5), |crossing| {
        download.pump(crossing);
        crossing.at_server(server).stats().congestion_window <= 12_000
    });
    assert!(moved, "back to the initial window");
    download.run_to(&mut crossing, 8_000_000);
    let stats = crossing.at_server(server).stats();
    assert!(
        stats.rtt_min < Duration::from_millis(15),
        "of the new path: {:?}",
        stats.rtt_min
    );
}

#[test]
fn an_upload_goes_on() {
    let (mut crossing, client, server) = connected();
    let id = crossing
        .at_client(client)
        .open(Direction::Unidirectional)
        .unwrap();
    let (mut left, mut read) = (3_000_000, 0);
    let mut out = vec![0; 65_536];
    let done = crossing.run_until(Duration::from_secs(60), |crossing| {
        if let Ok(count) = crossing
            .at_client(client)
            .write(id, &vec![1; left.min(65_536)])
        {
            left -= count;
        }
        if left < 2_000_000 {
            crossing.nat.insert(inside(), address("192.0.2.1:60001"));
        }
        if left < 1_000_000 {
            crossing.nat.insert(inside(), address("203.0.113.9:777"));
        }
        let now = crossing.now;
        crossing.at_server(server).accept(Direction::Unidirectional);
        while let Ok(some) = crossing.at_server(server).read(now, id, &mut out) {
            read += some.bytes;
            if some.bytes == 0 {
                break;
            }
        }
        read == 3_000_000
    });
    assert!(done, "{read} bytes came");
    assert_eq!(remote(&mut crossing, server), address("203.0.113.9:777"));
    assert_eq!(crossing.at_server(server).stats().migrations, 2);
}

#[test]
fn both_paths_are_probed_and_the_new_one_first() {
    let (mut crossing, client, _) = connected();
    crossing.log.clear();
    crossing.nat.insert(inside(), address("192.0.2.1:60000"));
    crossing.at_client(client).send_ping();
    crossing.run_for(Duration::from_millis(500));
    let to_new: Vec<_> = crossing
        .log
        .iter()
        .filter(|(_, sent)| sent.to == address("192.0.2.1:60000"))
        .collect();
    assert!(!to_new.is_empty());
    let old = crossing.log.iter().find(|(_, sent)| sent.to == inside());
    assert_eq!(
        old.map(|(_, sent)| sent.bytes.len()),
        Some(1_200),
        "the old path is asked as well"
    );
    let ids: std::collections::BTreeSet<_> = crossing
        .log
        .iter()
        .map(|(_, sent)| (sent.to, sent.bytes[1..9].to_vec()))
        .collect();
    assert_eq!(ids.len(), 2, "one id for each path");
}

#[test]
fn nothing_beyond_three_times_what_came_goes_to_an_address_that_does_not_answer() {
    let (mut crossing, client, server) = connected();
    let _download = Download::begin(&mut crossing, client, server, 4_000_000);
    let lost = address("198.51.100.66:6");
    crossing.nat.insert(inside(), lost);
    crossing.at_client(client).send_ping();
    crossing.flush();
    // From now on the client is silent, and the address is nobody's.
    crossing.is_up = false;
    crossing.run_for(Duration::from_millis(20));
    crossing.nat.insert(inside(), address("192.0.2.1:1"));
    let end = crossing.now + Duration::from_secs(10);
    while crossing.step(end) {
        let sent = crossing.sent_to.get(&lost).copied().unwrap_or(0);
        let came = crossing.came_from.get(&lost).copied().unwrap_or(0);
        assert!(came > 0 && sent <= 3 * came, "{sent} for {came}");
    }
}

#[test]
fn what_was_validated_by_a_small_challenge_is_challenged_in_full() {
    let (mut crossing, client, server) = connected();
    crossing.log.clear();
    let there = address("192.0.2.1:60000");
    crossing.nat.insert(inside(), there);
    // A PING alone gives credit for three small datagrams.
    crossing.at_client(client).send_ping();
    crossing.run_for(Duration::from_secs(4));
    let first = crossing.log.iter().find(|(_, sent)| sent.to == there);
    assert!(first.is_some_and(|(_, sent)| sent.bytes.len() < 1_200));
    let full = crossing
        .log
        .iter()
        .any(|(_, sent)| sent.to == there && sent.bytes.len() == 1_200);
    assert!(full);
    assert_eq!(remote(&mut crossing, server), there);
    assert_eq!(
        crossing.at_server(server).stats().paths_failed,
        1,
        "the old one, which is gone"
    );
}

#[test]
fn client_learns_nothing_and_server_tells_its_application() {
    let (mut crossing, client, _) = connected();
    crossing.server.take_events();
    crossing.client.take_events();
    crossing.nat.insert(inside(), address("192.0.2.1:60000"));
    crossing.at_client(client).send_ping();
    crossing.run_for(Duration::from_secs(1));
    let is_move = |event: &Event| matches!(event, Event::Migrated | Event::MigrationFailed);
    let moves = |events: Vec<(_, Event)>| events.iter().filter(|(_, event)| is_move(event)).count();
    assert_eq!(moves(crossing.server.take_events()), 1);
    assert_eq!(moves(crossing.client.take_events()), 0);
}

#[test]
fn a_new_token_follows_a_new_address() {
    let (mut crossing, client, _) = connected();
    assert!(
        crossing.at_client(client).take_token().is_some(),
        "that of the handshake"
    );
    crossing.nat.insert(inside(), address("192.0.2.1:60000"));
    crossing.at_client(client).send_ping();
    crossing.run_for(Duration::from_secs(1));
    assert!(crossing.at_client(client).take_token().is_some());
}

#[test]
fn rebinding_is_followed_where_active_migration_is_not_wanted() {
    let server = with(Config {
        disable_active_migration: true,
        ..Config::default()
    });
    let mut crossing = Crossing::new(Settings::default(), server);
    let (client, server) = crossing.connected();
    let mut download = Download::begin(&mut crossing, client, server, 1_000_000);
    download.run_to(&mut crossing, 300_000);
    crossing.nat.insert(inside(), address("192.0.2.1:60000"));
    download.run_to(&mut crossing, 1_000_000);
}

#[test]
fn many_rebindings_one_after_the_other_are_all_followed() {
    let (mut crossing, client, server) = connected();
    let mut download = Download::begin(&mut crossing, client, server, 20_000_000);
    for port in 1..=30 {
        crossing
            .nat
            .insert(inside(), address(&format!("198.51.100.{port}:{port}")));
        // Without this, both would wait for each other if the client happens to have nothing to say.
        crossing.at_client(client).send_ping();
        download.run_to(&mut crossing, 500_000 * port);
        assert!(crossing.at_server(server).stats().paths <= 4);
        crossing.run_for(Duration::from_secs(4));
    }
    assert_eq!(crossing.at_server(server).stats().migrations, 30);
    assert_eq!(crossing.at_server(server).close_reason(), None);
}

#[test]
fn a_client_that_is_not_heard_any_more_is_given_up_by_the_idle_timeout() {
    let (mut crossing, client, server) = connected();
    crossing.nat.insert(inside(), address("192.0.2.1:60000"));
    crossing.at_client(client).send_ping();
    crossing.run_for(Duration::from_millis(11));
    crossing.is_up = false;
    crossing.run_for(Duration::from_secs(60));
    assert!(crossing.server.get(server).is_none());
}

#[test]
fn a_client_whose_addresses_all_vanish_at_once_is_followed_to_the_last() {
    let (mut crossing, client, server) = connected();
    let mut download = Download::begin(&mut crossing, client, server, 4_000_000);
    download.run_to(&mut crossing, 1_000_000);
    // The server hears of each address and nothing of what it says there arrives, so that no retirement of the ids that it used
    // there is ever acknowledged.
    crossing.deaf.push(inside());
    for host in 1..=12 {
        let there = address(&format!("198.51.100.{host}:50000"));
        crossing.nat.insert(inside(), there);
        crossing.at_client(client).send_ping();
        crossing.run_for(Duration::from_secs(1));
    }
    crossing.deaf.clear();
    crossing.nat.insert(inside(), address("203.0.113.2:2"));
    crossing.at_client(client).send_ping();
    download.run_to(&mut crossing, 4_000_000);
}

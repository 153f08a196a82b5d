//! A client that moves by itself.

use inquic_engine::{Config, Event, MigrateError};
use inquic_platform::Duration;
use inquic_sim::{Crossing, Settings};

use super::common::{Download, address, connected, inside, remote, with};

#[test]
fn a_download_follows_the_client_to_another_address() {
    let (mut crossing, client, server) = connected();
    let mut download = Download::begin(&mut crossing, client, server, 3_000_000);
    download.run_to(&mut crossing, 1_000_000);
    let now = crossing.now;
    let there = address("203.0.113.7:40000");
    crossing.at_client(client).migrate(now, there).unwrap();
    download.run_to(&mut crossing, 3_000_000);
    assert_eq!(remote(&mut crossing, server), there);
    let path = crossing.at_client(client).path();
    assert_eq!(path.local, Some(there));
    assert_eq!(crossing.at_client(client).stats().migrations, 1);
    let events = crossing.client.take_events();
    assert!(events.iter().any(|(_, event)| *event == Event::Migrated));
}

#[test]
fn moving_uses_an_id_of_its_own_in_each_direction() {
    let (mut crossing, client, server) = connected();
    let mut download = Download::begin(&mut crossing, client, server, 1_000_000);
    let now = crossing.now;
    let there = address("203.0.113.7:40000");
    crossing.at_client(client).migrate(now, there).unwrap();
    download.run_to(&mut crossing, 1_000_000);
    crossing.run_for(Duration::from_secs(5));
    let mut of_old = std::collections::BTreeSet::new();
    let mut of_new = std::collections::BTreeSet::new();
    for (_, sent) in crossing
        .log
        .iter()
        .filter(|(_, sent)| sent.bytes[0] & 0x80 == 0)
    {
        let ids = if sent.to == there {
            &mut of_new
        } else {
            &mut of_old
        };
        ids.insert(sent.bytes[1..9].to_vec());
    }
    assert!(!of_old.is_empty() && !of_new.is_empty());
    assert!(of_old.is_disjoint(&of_new));
}

#[test]
fn data_does_not_leave_from_the_new_address_before_it_is_validated() {
    let (mut crossing, client, server) = connected();
    let there = address("203.0.113.7:40000");
    crossing.deaf.push(there);
    let mut download = Download::begin(&mut crossing, client, server, 500_000);
    let now = crossing.now;
    crossing.at_client(client).migrate(now, there).unwrap();
    download.run_to(&mut crossing, 500_000);
    crossing.run_for(Duration::from_secs(5));
    assert_eq!(crossing.at_client(client).path().local, Some(inside()));
    assert_eq!(remote(&mut crossing, server), inside());
}

#[test]
fn a_move_that_fails_is_told_and_can_be_tried_again() {
    let (mut crossing, client, server) = connected();
    let there = address("203.0.113.7:40000");
    crossing.is_up = false;
    let now = crossing.now;
    crossing.at_client(client).migrate(now, there).unwrap();
    assert_eq!(
        crossing
            .at_client(client)
            .migrate(now, address("203.0.113.7:40001")),
        Err(MigrateError::Busy)
    );
    crossing.run_for(Duration::from_secs(4));
    crossing.is_up = true;
    let events = crossing.client.take_events();
    assert!(
        events
            .iter()
            .any(|(_, event)| *event == Event::MigrationFailed)
    );
    assert_eq!(crossing.at_client(client).path().local, Some(inside()));
    let now = crossing.now;
    crossing.at_client(client).migrate(now, there).unwrap();
    crossing.run_for(Duration::from_secs(1));
    assert_eq!(remote(&mut crossing, server), there);
}

#[test]
fn a_lost_challenge_is_sent_again() {
    let (mut crossing, client, _) = connected();
    let there = address("203.0.113.7:40000");
    let now = crossing.now;
    crossing.at_client(client).migrate(now, there).unwrap();
    crossing.is_up = false;
    crossing.run_for(Duration::from_millis(500));
    crossing.is_up = true;
    crossing.run_for(Duration::from_secs(1));
    assert_eq!(crossing.at_client(client).path().local, Some(there));
}

#[test]
fn a_client_stays_where_the_server_wants_it() {
    let server = with(Config {
        disable_active_migration: true,
        ..Config::default()
    });
    let mut crossing = Crossing::new(Settings::default(), server);
    let (client, _) = crossing.connected();
    let now = crossing.now;
    let moved = crossing
        .at_client(client)
        .migrate(now, address("203.0.113.7:1"));
    assert_eq!(moved, Err(MigrateError::Forbidden));
}

#[test]
fn what_cannot_be_is_refused_at_once() {
    let mut crossing = Crossing::new(Settings::default(), Settings::default());
    let now = crossing.now;
    let remote = crossing.server.address;
    let early = crossing.client.connect(now, remote, &[]);
    let there = address("203.0.113.7:1");
    assert_eq!(
        crossing.at_client(early).migrate(now, there),
        Err(MigrateError::NotConfirmed)
    );
    let (client, server) = crossing.connected();
    let now = crossing.now;
    assert_eq!(
        crossing.at_server(server).migrate(now, there),
        Err(MigrateError::Server)
    );
    assert_eq!(
        crossing.at_client(client).migrate(now, inside()),
        Err(MigrateError::SameAddress)
    );
}

#[test]
fn a_client_moves_fifty_times_and_back() {
    let (mut crossing, client, server) = connected();
    let mut download = Download::begin(&mut crossing, client, server, 60_000_000);
    let there = address("203.0.113.7:40000");
    for round in 1..=50 {
        let now = crossing.now;
        let to = if round % 2 == 0 { inside() } else { there };
        crossing.at_client(client).migrate(now, to).unwrap();
        download.run_to(&mut crossing, 100_000 * round);
        crossing.run_for(Duration::from_secs(2));
        assert_eq!(remote(&mut crossing, server), to, "round {round}");
        for stats in [
            crossing.at_client(client).stats(),
            crossing.at_server(server).stats(),
        ] {
            assert!(stats.paths <= 4);
        }
    }
    assert_eq!(crossing.at_client(client).stats().migrations, 50);
}

#[test]
fn packets_that_the_server_still_sends_to_the_old_address_are_taken() {
    let (mut crossing, client, server) = connected();
    let mut download = Download::begin(&mut crossing, client, server, 2_000_000);
    download.run_to(&mut crossing, 1_000_000);
    let lost = crossing.at_server(server).stats().packets_lost;
    let now = crossing.now;
    crossing
        .at_client(client)
        .migrate(now, address("192.0.2.1:40000"))
        .unwrap();
    download.run_to(&mut crossing, 2_000_000);
    assert_eq!(crossing.at_server(server).stats().packets_lost, lost);
}

//! Lives of a connection, each a script for its application.

use inquic_engine::recovery::Algorithm;
use inquic_engine::{Config, RetryPolicy};
use inquic_platform::Duration;
use inquic_wire::{Version, Versions};

use crate::allocator::{engine, is_refusing};
use crate::life::Life;
use crate::plays::{
    bulk, connected, datagrams, early, key_updates, migrations, resets_and_stops, short_streams,
};

/// A life: whether addresses are validated first, every how many datagrams one is lost, the settings of both ends, what the
/// application does, and what it does when it connects once more with what it remembers.
pub(crate) struct Script {
    pub(crate) name: &'static str,
    retry: RetryPolicy,
    lost: u64,
    settings: fn(client: &mut Config, server: &mut Config),
    play: fn(&mut Life) -> bool,
    again: Option<fn(&mut Life) -> bool>,
}

const PLAIN: Script = Script {
    name: "handshake and close",
    retry: RetryPolicy::WhenBusy,
    lost: 0,
    settings: |_, _| (),
    play: connected,
    again: None,
};

pub(crate) const LIVES: [Script; 12] = [
    Script {
        name: "Retry, handshake and close",
        retry: RetryPolicy::Always,
        ..PLAIN
    },
    Script {
        name: "bulk on one stream",
        play: |life| bulk(life, 120_000, &mut |_, _, _| ()),
        ..PLAIN
    },
    Script {
        name: "many short streams",
        play: |life| short_streams(life, 80),
        ..PLAIN
    },
    Script {
        name: "loss and retransmission",
        lost: 7,
        play: |life| bulk(life, 60_000, &mut |_, _, _| ()),
        ..PLAIN
    },
    Script {
        name: "key updates",
        play: key_updates,
        ..PLAIN
    },
    Script {
        name: "resets and stops",
        lost: 11,
        play: resets_and_stops,
        ..PLAIN
    },
    Script {
        name: "BBR with loss",
        lost: 9,
        settings: |client, server| {
            client.algorithm = Algorithm::Bbr;
            server.algorithm = Algorithm::Bbr;
        },
        play: |life| bulk(life, 120_000, &mut |_, _, _| ()),
        ..PLAIN
    },
    Script {
        name: "datagrams",
        settings: |client, server| {
            client.max_datagram_frame_size = 65_535;
            server.max_datagram_frame_size = 65_535;
        },
        play: datagrams,
        ..PLAIN
    },
    Script {
        name: "a preferred address and a migration",
        settings: |_, server| {
            server.preferred_v4 = Some("198.51.100.2:443".parse().expect("an address"));
        },
        play: migrations,
        ..PLAIN
    },
    Script {
        name: "a token and 0-RTT",
        retry: RetryPolicy::Always,
        again: Some(early),
        ..PLAIN
    },
    Script {
        name: "over to version 2",
        settings: |_, server| server.versions = Versions::of(&[Version::V2, Version::V1]),
        play: |life| {
            bulk(life, 60_000, &mut |_, client, server| {
                // Without memory for the keys of another version the server stays with its client's.
                let chosen = is_refusing() || client.version() == Version::V2;
                assert!(chosen && client.version() == server.version());
            })
        },
        ..PLAIN
    },
    Script {
        name: "a version that the server does not know",
        settings: |client, _| client.version = Version(0x1a2a_3a4a),
        play: |life| bulk(life, 20_000, &mut |_, _, _| ()),
        ..PLAIN
    },
];

/// Plays a life from the first datagram to the last. Afterwards everything that the engine held is given back.
///
/// # Panics
///
/// When it neither completes nor closes, or does not end; when memory was to be had and it did not complete.
pub(crate) fn play(script: &Script) {
    let mut settings = [Config::default(), Config::default()];
    let [client, server] = &mut settings;
    (script.settings)(client, server);
    let mut life = Life::new(script.retry, settings);
    life.lost = script.lost;
    live(&mut life, script.name, script.play);
    if let Some(again) = script.again {
        live(&mut life, script.name, again);
    }
}

/// One connection of a life.
fn live(life: &mut Life, name: &str, play: fn(&mut Life) -> bool) {
    if !life.connect() {
        return;
    }
    let completed = play(life);
    let may_fail = is_refusing() && life.has_failed();
    assert!(
        completed || may_fail,
        "{name}: neither completed nor closed"
    );
    let now = life.now;
    for end in &mut life.ends {
        if let Some(connection) = &mut end.connection {
            engine(|| connection.close(now, 7, b"over"));
        }
    }
    life.run(Duration::from_secs(300), &mut |life| life.is_over());
    assert!(life.is_over(), "{name}: it does not end");
}

//! 1-RTT packets without protection (draft-banks-quic-disable-encryption): when there are any, and what nobody can do about it.

use inquic_engine::{Config, Drop, Handle};
use inquic_platform::{Duration, Instant};
use inquic_sim::{Bulk, Duel, Faults, Host, Settings, World};
use inquic_wire::{Direction, Header, Level, TransportParameters};

fn asking(asks: bool) -> Settings {
    Settings {
        config: Config {
            insecure_disable_1rtt_encryption: asks,
            ..Config::default()
        },
        ..Settings::default()
    }
}

/// Two hosts with a connection, every datagram between them seen.
struct Pair {
    hosts: [Host; 2],
    handle: Handle,
    now: Instant,
    seen: Vec<Vec<u8>>,
}

impl Pair {
    fn connected(client: bool, server: bool) -> Self {
        let mut hosts = [("192.0.2.1:50000", client), ("192.0.2.2:4433", server)]
            .map(|(address, asks)| Host::new(address.parse().unwrap(), asking(asks), 1));
        hosts[1].listen();
        let now = Instant::ZERO + Duration::from_secs(1);
        let remote = hosts[1].address;
        let handle = hosts[0].connect(now, remote, &[]);
        let mut pair = Self {
            hosts,
            handle,
            now,
            seen: Vec::new(),
        };
        pair.rounds(10);
        assert!(pair.hosts[0].connection(handle).is_connected());
        pair
    }

    fn rounds(&mut self, rounds: usize) {
        for at in [0, 1].into_iter().cycle().take(2 * rounds) {
            let mut sent = Vec::new();
            self.hosts[at].transmit(self.now, &mut |datagram| sent.push(datagram.to_vec()));
            let from = self.hosts[at].address;
            for mut datagram in sent {
                self.seen.push(datagram.clone());
                self.hosts[1 - at].receive(self.now, from, &mut datagram);
            }
            self.now = self.now + Duration::from_millis(10);
            for host in &mut self.hosts {
                host.expire(self.now);
            }
        }
    }

    fn is_in_clear(&mut self) -> [bool; 2] {
        let handles = [self.handle, self.hosts[1].handles()[0]];
        [0, 1].map(|at| {
            let stats = self.hosts[at].connection(handles[at]).stats();
            stats.in_clear
        })
    }

    /// Sends words from the client and says in how many datagrams they can be read.
    fn readable(&mut self) -> usize {
        self.seen.clear();
        let connection = self.hosts[0].connection(self.handle);
        let id = connection.open(Direction::Bidirectional).unwrap();
        assert_eq!(connection.write(id, WORDS), Ok(WORDS.len()));
        self.rounds(3);
        let server = self.hosts[1].handles()[0];
        let connection = self.hosts[1].connection(server);
        let mut arrived = [0; WORDS.len()];
        let read = connection.read(self.now, id, &mut arrived).unwrap();
        assert_eq!(&arrived[..read.bytes], WORDS);
        let has_words = |datagram: &&Vec<u8>| datagram.windows(WORDS.len()).any(|at| at == WORDS);
        self.seen.iter().filter(has_words).count()
    }
}

const WORDS: &[u8] = b"whoever sees this can read it";

#[test]
fn packets_are_in_clear_when_both_ends_ask() {
    let mut pair = Pair::connected(true, true);
    assert_eq!(pair.is_in_clear(), [true, true]);
    assert_eq!(pair.readable(), 1);
}

#[test]
fn packets_are_protected_when_one_end_asks_or_none() {
    for (client, server) in [(true, false), (false, true), (false, false)] {
        let mut pair = Pair::connected(client, server);
        assert_eq!(pair.is_in_clear(), [false, false]);
        assert_eq!(pair.readable(), 0, "{client} {server}");
    }
}

/// The packets with long headers that a datagram begins with.
fn long(datagram: &[u8]) -> &[u8] {
    let mut end = 0;
    while let Ok(Header::Long { end: next, .. }) = Header::parse_greased(&datagram[end..], 8) {
        end += next;
    }
    &datagram[..end]
}

/// The first datagrams are filled up with PADDING, which would show.
#[test]
fn handshake_is_protected_whoever_asks() {
    let mut pair = Pair::connected(true, true);
    assert_eq!(pair.is_in_clear(), [true, true]);
    let handshake: Vec<_> = pair.seen.iter().map(|datagram| long(datagram)).collect();
    let bytes: usize = handshake.iter().map(|packets| packets.len()).sum();
    assert!(bytes > 2_400, "{bytes}");
    let zeros = |packets: &&&[u8]| packets.windows(16).any(|at| at == [0; 16]);
    assert_eq!(handshake.iter().filter(zeros).count(), 0);
}

#[test]
fn tag_is_left_out_and_its_room_used() {
    let settings = |asks| Settings {
        config: Config {
            udp_payload_ceiling: Some(1_200),
            ..asking(asks).config
        },
        ..Settings::default()
    };
    let full = |asks| {
        let mut world = World::new(1, settings(asks), settings(asks), Faults::default());
        let mut bulk = Bulk::begin(&mut world, 1 << 20);
        assert!(bulk.run(&mut world, Duration::from_secs(60)));
        bulk.stats(&mut world)
    };
    let (clear, protected) = (full(true), full(false));
    assert!(clear.in_clear && !protected.in_clear);
    assert_eq!(clear.datagram_size, 1_200);
    // 16 bytes more in each of 900 packets: 12 packets fewer.
    assert!(clear.packets_sent + 10 <= protected.packets_sent);
}

#[test]
fn transfer_in_clear_completes_over_a_bad_link() {
    let faults = Faults {
        loss: 50,
        duplication: 50,
        reordering: 50,
        ..Faults::default()
    };
    for seed in 0..10 {
        let mut world = World::new(seed, asking(true), asking(true), faults);
        let mut bulk = Bulk::begin(&mut world, 300_000);
        assert!(bulk.run(&mut world, Duration::from_secs(120)), "{seed}");
        assert!(bulk.stats(&mut world).in_clear);
    }
}

/// A packet in clear for a connection that has keys is one that is not authentic, whatever the victim would have agreed to.
#[test]
fn nobody_gets_in_with_a_packet_in_clear_where_one_end_did_not_ask() {
    for asks in [false, true] {
        let mut duel = Duel::with_server(&asking(asks)).connected();
        assert!(!duel.connection().stats().in_clear);
        let sealed = duel.attacker.packet(Level::OneRtt, &[0; 30]);
        let mut forged = sealed[..9].to_vec();
        forged[0] = 0x43;
        forged.extend([0, 0, 0, 200]);
        forged.extend([1; 40]);
        let before = duel.connection().stats();
        duel.send_datagram(&forged);
        let after = duel.connection().stats();
        assert_eq!(after.packets_received, before.packets_received);
        let dropped = |stats: inquic_engine::Stats| stats.drops.of(Drop::Authentication);
        assert_eq!(dropped(after), dropped(before) + 1);
    }
}

#[test]
fn keys_that_are_not_used_are_not_updated() {
    let mut pair = Pair::connected(true, true);
    let now = pair.now;
    let connection = pair.hosts[0].connection(pair.handle);
    assert!(connection.initiate_key_update(now).is_err());
    assert_eq!(pair.readable(), 1);
}

#[test]
fn datagrams_of_any_length_are_taken_or_dropped() {
    let mut duel = Duel::with_server(&asking(true));
    let parameters = TransportParameters {
        disable_1rtt_encryption: true,
        ..duel.attacker.parameters()
    };
    duel.shake(&parameters);
    assert!(duel.connection().stats().in_clear);
    let sealed = duel.attacker.packet(Level::OneRtt, &[0; 30]);
    for len in 0..40 {
        let mut packet = sealed[..9].to_vec();
        packet[0] = 0x43;
        packet.extend([0, 0, 0, len as u8]);
        packet.extend([1; 40]);
        packet.truncate(len);
        duel.send_datagram(&packet);
    }
    // From 14 bytes on there is a PING in each.
    assert_eq!(duel.offence(), None);
    assert!(duel.connection().stats().packets_received >= 26);
}

//! Packets, their numbers, and what acknowledges them.

use inquic_engine::CloseReason;
use inquic_platform::{Duration, Instant};
use inquic_sim::{Duel, Settings, frames};
use inquic_wire::frame::{write_max_data, write_path_challenge};
use inquic_wire::{Direction, Frame, Level, Role};

use crate::common::{ack, acknowledge, frames_of, half_way, ping, victim};

/// A connection of the victim with much of everything, none of it acknowledged at first.
fn busy(mut duel: Duel) -> Duel {
    for direction in [Direction::Unidirectional, Direction::Bidirectional] {
        let id = duel.connection().open(direction).unwrap();
        duel.connection().write(id, &vec![7; 40_000]).unwrap();
    }
    for _ in 0..20 {
        duel.flush();
        duel.wait(Duration::from_millis(300));
        let challenge = frames(|w| write_path_challenge(w, [9; 8]));
        duel.send(Level::OneRtt, &challenge);
        acknowledge(&mut duel, Level::OneRtt);
    }
    duel
}

/// Everything heard since the first packet, with the handshake.
fn whole_lives() -> Vec<Duel> {
    let mut server = Duel::with_server(&Settings::default());
    let parameters = server.attacker.parameters();
    server.shake(&parameters);
    let mut client = Duel::with_client(&Settings::default());
    let parameters = client.attacker.parameters();
    client.shake(&parameters);
    let mut lives: Vec<Duel> = [server, client].into_iter().map(busy).collect();
    for duel in &mut lives {
        let now = duel.now;
        duel.connection().close(now, 3, b"over");
        duel.flush();
    }
    lives
}

#[test]
fn packet_numbers_only_grow_in_each_space() {
    for duel in whole_lives() {
        for level in [Level::Initial, Level::Handshake, Level::OneRtt] {
            let packets = duel.heard.iter().filter(|packet| packet.level == level);
            let numbers: Vec<u64> = packets.map(|packet| packet.number).collect();
            assert!(!numbers.is_empty());
            assert!(
                numbers.windows(2).all(|pair| pair[0] < pair[1]),
                "{level:?}"
            );
        }
    }
}

#[test]
fn every_packet_that_is_sent_has_frames_that_are_permitted_in_it() {
    for duel in whole_lives() {
        assert!(duel.heard.len() > 60);
        for packet in &duel.heard {
            assert!(!frames_of(packet, victim(&duel)).is_empty());
        }
    }
}

#[test]
fn what_does_not_open_is_not_acknowledged() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    for _ in 0..10 {
        let mut forged = duel.attacker.packet(Level::OneRtt, &ping());
        *forged.last_mut().unwrap() ^= 1;
        let number = duel.attacker.numbers[Level::OneRtt.index()] - 1;
        duel.send_datagram(&forged);
        duel.send(Level::OneRtt, &ping());
        duel.wait(Duration::from_millis(50));
        for packet in &duel.heard {
            for frame in frames_of(packet, Role::Server) {
                if let Frame::Ack(ack) = frame {
                    assert!(ack.ranges().all(|range| !range.contains(&number)));
                }
            }
        }
    }
    assert!(duel.count(|frame| matches!(frame, Frame::Ack(_))) > 0);
}

#[test]
fn packets_that_elicit_nothing_get_no_answer() {
    let mut duel = Duel::with_server(&Settings::default());
    let parameters = duel.attacker.parameters();
    duel.shake(&parameters);
    duel.send(Level::OneRtt, &ping());
    duel.wait(Duration::from_millis(100));
    acknowledge(&mut duel, Level::OneRtt);
    let largest = duel.heard.iter().map(|packet| packet.number).max().unwrap();
    duel.heard.clear();
    duel.datagrams.clear();
    for gap in [0, 0, 5, 0, 50] {
        duel.attacker.numbers[Level::OneRtt.index()] += gap;
        duel.send(Level::OneRtt, &ack(&[largest..=largest]));
        duel.send(Level::OneRtt, &[0; 30]);
        duel.wait(Duration::from_millis(100));
    }
    assert_eq!(duel.datagrams.len(), 0);
}

#[test]
fn reported_delay_is_the_time_that_the_acknowledgement_waited() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    // Two at once for the acknowledgement that is due for a pair, then one that waits.
    duel.send(Level::OneRtt, &ping());
    duel.wait(Duration::from_millis(100));
    duel.heard.clear();
    let came: Instant = duel.now;
    duel.send(Level::OneRtt, &ping());
    while duel.heard.is_empty() {
        duel.wait(Duration::from_millis(1));
        assert!(duel.now.since(came) <= Duration::from_millis(30));
    }
    let waited = duel.now.since(came).as_micros();
    let packet = duel.heard[0].clone();
    let Some(Frame::Ack(ack)) = frames_of(&packet, Role::Server).into_iter().next() else {
        panic!("an acknowledgement")
    };
    let reported = ack.delay << 3;
    assert!(reported <= waited, "{reported} of {waited}");
    assert!(reported + 2_000 >= waited, "{reported} of {waited}");
    assert!(waited <= 26_000, "max_ack_delay and the tick of this test");
}

#[test]
fn small_datagrams_close_nothing() {
    let mut duel = half_way();
    let small = duel.attacker.packet(Level::Initial, &ping());
    assert!(small.len() < 1_200);
    duel.send_datagram(&small);
    assert_eq!(duel.connection().close_reason(), None);

    let mut duel = Duel::with_server(&Settings::default()).connected();
    let challenge = frames(|w| write_path_challenge(w, [4; 8]));
    duel.send(Level::OneRtt, &challenge);
    assert_eq!(duel.connection().close_reason(), None);
    let answered = duel.count(|frame| *frame == Frame::PathResponse([4; 8]));
    assert_eq!(answered, 1, "though its datagram was small");
}

#[test]
fn frames_that_come_late_with_smaller_limits_are_accepted() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    let before = duel.connection().stats().packets_received;
    for max in [1 << 22, 1 << 21, 0] {
        duel.send(Level::OneRtt, &frames(|w| write_max_data(w, max)));
    }
    assert_eq!(duel.connection().stats().packets_received, before + 3);
    assert_eq!(duel.connection().close_reason(), None);
}

#[test]
fn silence_is_not_taken_for_the_end_within_three_probe_timeouts() {
    let settings = Settings {
        config: inquic_engine::Config {
            idle_timeout: Duration::from_millis(1),
            ..inquic_engine::Config::default()
        },
        ..Settings::default()
    };
    let mut duel = Duel::with_server(&settings);
    let parameters = duel.attacker.parameters();
    duel.shake(&parameters);
    assert!(duel.connection().is_connected());
    // No sample of the round trip yet: a probe timeout is about a second.
    duel.wait(Duration::from_millis(2_900));
    assert_ne!(
        duel.connection().close_reason(),
        Some(&CloseReason::IdleTimeout)
    );
    duel.wait(Duration::from_secs(30));
    assert!(duel.host.handles().is_empty(), "and then it ends");
}

#[test]
fn probes_leave_though_the_window_is_full() {
    let mut duel = Duel::with_server(&Settings::default());
    let parameters = duel.attacker.parameters();
    duel.shake(&parameters);
    acknowledge(&mut duel, Level::OneRtt);
    let id = duel.connection().open(Direction::Unidirectional).unwrap();
    duel.connection().write(id, &vec![7; 100_000]).unwrap();
    duel.flush();
    duel.wait(Duration::from_millis(50));
    let full = duel.connection().stats();
    assert!(full.bytes_in_flight + 1_200 > full.congestion_window);
    let sent = duel.heard.len();
    duel.wait(Duration::from_secs(5));
    let after = duel.connection().stats();
    assert!(after.probe_timeouts > full.probe_timeouts);
    let probes = &duel.heard[sent..];
    assert!(!probes.is_empty());
    for probe in probes {
        let frames = frames_of(probe, Role::Server);
        assert!(frames.iter().any(Frame::is_ack_eliciting));
    }
    assert!(
        after.bytes_in_flight > full.bytes_in_flight,
        "probes count, though they were let through"
    );
}

#[test]
fn datagrams_wait_for_the_congestion_window() {
    let duel = Duel::with_server(&Settings::default());
    let mut parameters = duel.attacker.parameters();
    parameters.max_datagram_frame_size = 65_535;
    let mut duel = duel.connected_with(&parameters);
    let mut queued = 0_u64;
    while duel.connection().send_datagram(&[7; 1_000], false).is_ok() {
        queued += 1_000;
    }
    duel.flush();
    duel.wait(Duration::from_millis(200));
    let stats = duel.connection().stats();
    assert!(queued > 2 * stats.congestion_window, "more than may leave");
    assert!(stats.bytes_in_flight > 10_000);
    assert!(stats.bytes_in_flight <= stats.congestion_window + 1_500);
}

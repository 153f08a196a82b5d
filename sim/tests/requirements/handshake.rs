//! From the first datagram to a confirmed handshake.

use inquic_engine::limits;
use inquic_platform::Duration;
use inquic_sim::{Attacker, Duel, Settings, frames};
use inquic_wire::frame::{write_crypto, write_ping};
use inquic_wire::{ConnectionId, Frame, Header, Level, Role};

use crate::common::{ack, acknowledge, frames_of, half_way, headers, is_initial, watched};

fn crypto(offset: u64, len: usize) -> Vec<u8> {
    frames(|w| {
        write_crypto(w, offset, len)?.fill(0x5a);
        Ok(())
    })
}

#[test]
fn every_datagram_of_a_client_with_an_initial_packet_has_1200_bytes() {
    let seen = watched(Settings::default(), Settings::default());
    let initials: Vec<_> = seen
        .iter()
        .filter(|(from_client, datagram)| *from_client && is_initial(datagram))
        .collect();
    assert!(!initials.is_empty());
    for (_, datagram) in initials {
        assert!(datagram.len() >= 1_200);
    }
}

#[test]
fn every_datagram_of_a_server_with_an_initial_packet_that_asks_for_an_answer_has_1200_bytes() {
    let mut duel = half_way();
    duel.wait(Duration::from_secs(3));
    let mut seen = 0;
    for packet in duel.heard.iter().filter(|it| it.level == Level::Initial) {
        let frames = frames_of(packet, Role::Server);
        if frames.iter().any(Frame::is_ack_eliciting) {
            assert!(packet.datagram >= 1_200);
            seen += 1;
        }
    }
    assert!(seen >= 2, "once, and again after a probe timeout");
}

#[test]
fn packets_in_one_datagram_have_one_destination_id() {
    let mut coalesced = 0;
    for (_, datagram) in watched(Settings::default(), Settings::default()) {
        let mut ids: Vec<ConnectionId> = headers(&datagram)
            .into_iter()
            .filter_map(|header| match header {
                Header::Long { dcid, .. } | Header::Short { dcid, .. } => Some(dcid),
                _ => None,
            })
            .collect();
        coalesced += usize::from(ids.len() > 1);
        ids.dedup();
        assert!(ids.len() <= 1);
    }
    assert!(coalesced > 0);
}

#[test]
fn initial_packets_of_a_server_have_no_token() {
    let mut initials = 0;
    for (from_client, datagram) in watched(Settings::default(), Settings::default()) {
        if !from_client && let Ok(Header::Long { token, .. }) = Header::parse_greased(&datagram, 8)
        {
            assert!(token.is_empty());
            initials += 1;
        }
    }
    assert!(initials > 0);
}

#[test]
fn initial_packet_of_a_server_with_a_token_is_dropped() {
    let mut duel = Duel::with_client(&Settings::default());
    duel.attacker.token = b"token".to_vec();
    duel.send(Level::Initial, &Attacker::message(None, 90));
    duel.attacker.token.clear();
    duel.heard.clear();
    duel.wait(Duration::from_millis(50));
    assert_eq!(duel.count(|frame| matches!(frame, Frame::Ack(_))), 0);
    assert_eq!(duel.connection().stats().packets_received, 0);
}

#[test]
fn client_sends_its_first_id_in_full_datagrams_until_the_server_answers() {
    let mut duel = Duel::with_client(&Settings::default());
    let original = duel.original_id();
    assert!(original.len() >= 8);
    let before = duel.datagrams.len();
    duel.wait(Duration::from_secs(8));
    assert!(duel.datagrams.len() >= before + 2, "probe timeouts");
    for datagram in &duel.datagrams {
        assert!(datagram.len() >= 1_200);
        let Ok(Header::Long { dcid, .. }) = Header::parse(datagram, 8) else {
            panic!("not an Initial")
        };
        assert_eq!(dcid, original);
    }
}

#[test]
fn every_packet_of_a_client_that_hears_nothing_carries_its_hello() {
    let mut duel = Duel::with_client(&Settings::default());
    duel.wait(Duration::from_secs(8));
    assert!(duel.heard.len() >= 4, "probes come in pairs");
    for packet in &duel.heard {
        let frames = frames_of(packet, Role::Client);
        let hello = |frame: &Frame<'_>| matches!(frame, Frame::Crypto { .. });
        assert!(frames.iter().any(hello), "{frames:?}");
    }
}

#[test]
fn client_probes_with_handshake_packets_once_it_has_their_keys() {
    let mut duel = Duel::with_client(&Settings::default());
    duel.send(Level::Initial, &Attacker::message(None, 90));
    acknowledge(&mut duel, Level::Initial);
    duel.heard.clear();
    duel.wait(Duration::from_secs(5));
    let probes: Vec<_> = duel
        .heard
        .iter()
        .filter(|packet| packet.level == Level::Handshake)
        .collect();
    assert!(!probes.is_empty());
    for probe in probes {
        let frames = frames_of(probe, Role::Client);
        assert!(frames.iter().any(Frame::is_ack_eliciting));
    }
}

#[test]
fn client_goes_to_the_id_of_the_servers_first_packet_and_no_other() {
    let mut duel = Duel::with_client(&Settings::default());
    let chosen = duel.attacker.scid;
    duel.send(Level::Initial, &crypto(0, 10));
    let received = duel.connection().stats().packets_received;
    duel.attacker.scid = ConnectionId::new(b"imposter").unwrap();
    duel.send(Level::Initial, &crypto(10, 10));
    assert_eq!(duel.connection().stats().packets_received, received);
    duel.datagrams.clear();
    duel.wait(Duration::from_secs(4));
    assert!(!duel.datagrams.is_empty());
    for datagram in &duel.datagrams {
        let Ok(Header::Long { dcid, .. }) = Header::parse(datagram, 8) else {
            panic!("a long header")
        };
        assert_eq!(dcid, chosen);
    }
}

#[test]
fn server_keeps_to_the_id_of_the_clients_first_packet() {
    let mut duel = half_way();
    let chosen = duel.attacker.scid;
    let received = duel.connection().stats().packets_received;
    duel.attacker.scid = ConnectionId::new(b"imposter").unwrap();
    let datagram = duel.attacker.initial(&crypto(300, 10));
    duel.send_datagram(&datagram);
    assert_eq!(duel.connection().stats().packets_received, received);
    for datagram in &duel.datagrams {
        for header in headers(datagram) {
            let Header::Long { dcid, .. } = header else {
                continue;
            };
            assert_eq!(dcid, chosen);
        }
    }
}

#[test]
fn handshake_done_comes_with_completion_and_until_it_is_acknowledged() {
    let is_done = |frame: &Frame<'_>| matches!(frame, Frame::HandshakeDone);
    let mut duel = half_way();
    duel.wait(Duration::from_millis(100));
    assert_eq!(duel.count(is_done), 0, "the client has not finished");
    duel.send(Level::Handshake, &Attacker::message(None, 36));
    assert_eq!(duel.count(is_done), 1, "at once");
    duel.wait(Duration::from_secs(4));
    assert!(
        duel.count(is_done) >= 2,
        "again, for nobody acknowledged it"
    );
    acknowledge(&mut duel, Level::OneRtt);
    duel.heard.clear();
    duel.wait(Duration::from_secs(8));
    assert_eq!(duel.count(is_done), 0);
}

#[test]
fn lost_handshake_messages_go_again_at_their_own_level() {
    let mut duel = half_way();
    let bytes = |duel: &Duel, level: Level| -> usize {
        let packets = duel.heard.iter().filter(|packet| packet.level == level);
        let frames = packets.flat_map(|packet| frames_of(packet, Role::Server));
        frames
            .map(|frame| match frame {
                Frame::Crypto { data, .. } => data.len(),
                _ => 0,
            })
            .sum()
    };
    let first = [Level::Initial, Level::Handshake].map(|level| bytes(&duel, level));
    assert!(first[0] > 0 && first[1] > 0);
    duel.heard.clear();
    duel.wait(Duration::from_secs(1));
    // The first flight used up most of what the address may get; another datagram gives more.
    let ping = duel.attacker.initial(&frames(write_ping));
    duel.send_datagram(&ping);
    duel.wait(Duration::from_secs(4));
    let again = [Level::Initial, Level::Handshake].map(|level| bytes(&duel, level));
    assert!(again[0] >= first[0], "the hello, under Initial keys");
    assert!(again[1] > 0, "the certificate, under Handshake keys");
    assert_eq!(bytes(&duel, Level::OneRtt), 0);
}

#[test]
fn client_sends_no_initial_packet_after_its_first_handshake_packet() {
    let mut duel = Duel::with_client(&Settings::default());
    let mut parameters = duel.attacker.parameters();
    parameters.original_destination_connection_id = Some(duel.original_id());
    duel.send(Level::Initial, &Attacker::message(None, 90));
    duel.send(Level::Handshake, &Attacker::message(Some(&parameters), 900));
    duel.wait(Duration::from_secs(3));
    let first = duel
        .heard
        .iter()
        .position(|packet| packet.level == Level::Handshake)
        .expect("a Handshake packet");
    let later = duel.heard[first..].iter().skip(1);
    // An Initial packet may travel in the same datagram, before the Handshake packet.
    assert!(later.clone().count() > 0);
    assert!(
        later
            .into_iter()
            .all(|packet| packet.level != Level::Initial)
    );
    let received = duel.connection().stats().packets_received;
    duel.send(Level::Initial, &frames(write_ping));
    assert_eq!(
        duel.connection().stats().packets_received,
        received,
        "the keys are gone"
    );
}

#[test]
fn server_opens_no_initial_packet_after_the_first_handshake_packet() {
    let mut duel = half_way();
    duel.send(Level::Handshake, &frames(write_ping));
    let received = duel.connection().stats().packets_received;
    let late = duel.attacker.initial(&frames(write_ping));
    duel.send_datagram(&late);
    assert_eq!(duel.connection().stats().packets_received, received);
    duel.heard.clear();
    duel.wait(Duration::from_secs(2));
    assert!(
        duel.heard
            .iter()
            .all(|packet| packet.level != Level::Initial)
    );
}

#[test]
fn close_of_a_confirmed_connection_is_a_one_rtt_packet() {
    for mut duel in [
        Duel::with_server(&Settings::default()).connected(),
        Duel::with_client(&Settings::default()).connected(),
    ] {
        let now = duel.now;
        duel.connection().close(now, 7, b"done");
        duel.flush();
        let levels: Vec<Level> = duel.heard.iter().map(|packet| packet.level).collect();
        assert_eq!(levels, [Level::OneRtt]);
        let is_close = |frame: &Frame<'_>| matches!(frame, Frame::ApplicationClose { code: 7, .. });
        assert_eq!(duel.count(is_close), 1);
    }
}

#[test]
fn acknowledgements_travel_in_the_space_of_what_they_acknowledge() {
    let mut duel = Duel::with_server(&Settings::default());
    // Other numbers in each space, so that none can be taken for another's.
    duel.attacker.numbers = [100, 0, 200, 300];
    let parameters = duel.attacker.parameters();
    duel.shake(&parameters);
    duel.send(Level::OneRtt, &frames(write_ping));
    duel.wait(Duration::from_millis(100));
    let mut spaces = 0;
    for packet in &duel.heard {
        for frame in frames_of(packet, Role::Server) {
            let Frame::Ack(ack) = frame else { continue };
            let largest = ack.ranges().next().map(|range| *range.end() / 100);
            let expected = match packet.level {
                Level::Initial => 1,
                Level::Handshake => 2,
                Level::OneRtt | Level::ZeroRtt => 3,
            };
            assert_eq!(largest, Some(expected), "{:?}", packet.level);
            spaces |= 1 << expected;
        }
    }
    assert_eq!(spaces & 0b1010, 0b1010, "Initial and 1-RTT at least");
}

#[test]
fn client_takes_no_one_rtt_packet_before_its_handshake_is_complete() {
    let mut duel = Duel::with_client(&Settings::default());
    let mut parameters = duel.attacker.parameters();
    parameters.original_destination_connection_id = Some(duel.original_id());
    duel.send(Level::Initial, &Attacker::message(None, 90));
    let before = duel.connection().stats().packets_received;
    duel.send(Level::OneRtt, &frames(write_ping));
    assert_eq!(duel.connection().stats().packets_received, before);
    duel.send(Level::Handshake, &Attacker::message(Some(&parameters), 900));
    assert!(duel.connection().is_connected());
    assert_eq!(
        duel.connection().stats().packets_received,
        before + 2,
        "then the one that was held is taken"
    );
}

#[test]
fn keys_are_not_updated_before_the_handshake_is_confirmed() {
    let mut duel = Duel::with_client(&Settings::default());
    let mut parameters = duel.attacker.parameters();
    parameters.original_destination_connection_id = Some(duel.original_id());
    duel.send(Level::Initial, &Attacker::message(None, 90));
    duel.send(Level::Handshake, &Attacker::message(Some(&parameters), 900));
    assert!(duel.connection().is_connected());
    let now = duel.now;
    let update = |duel: &mut Duel| {
        let asked = duel.connection().initiate_key_update(now);
        duel.connection().send_ping();
        duel.flush();
        acknowledge(duel, Level::OneRtt);
        (asked.is_ok(), duel.connection().stats().key_updates)
    };
    assert_eq!(update(&mut duel), (false, 0));
    assert_eq!(
        update(&mut duel),
        (false, 0),
        "though a packet was acknowledged"
    );
    duel.send(Level::OneRtt, &[0x1e]);
    assert_eq!(update(&mut duel), (true, 1), "HANDSHAKE_DONE came");
}

/// Datagrams in which a CRYPTO frame of a server came at each of two levels.
fn whole_flights(duel: &Duel) -> usize {
    let levels = |datagram: &Vec<u8>| -> Vec<Level> {
        headers(datagram)
            .into_iter()
            .filter_map(|header| match header {
                Header::Long { kind, .. } => Some(kind.level()),
                _ => None,
            })
            .collect()
    };
    let whole = |datagram: &&Vec<u8>| levels(datagram) == [Level::Initial, Level::Handshake];
    duel.datagrams.iter().filter(whole).count()
}

/// CRYPTO frames of a server in its Initial packets.
fn hellos(duel: &Duel) -> usize {
    let initials = duel.heard.iter().filter(|it| it.level == Level::Initial);
    let frames = initials.flat_map(|packet| frames_of(packet, Role::Server));
    frames
        .filter(|frame| matches!(frame, Frame::Crypto { .. }))
        .count()
}

#[test]
fn probe_of_a_server_has_what_is_on_its_way_at_both_levels_of_the_handshake() {
    let mut duel = half_way();
    assert_eq!(duel.connection().stats().probe_timeouts, 0);
    duel.datagrams.clear();
    duel.wait(Duration::from_millis(1_500));
    assert_eq!(duel.connection().stats().probe_timeouts, 1);
    assert_eq!(whole_flights(&duel), duel.datagrams.len());
    assert!(!duel.datagrams.is_empty());
}

#[test]
fn server_says_its_hello_again_when_the_client_asks_for_an_answer() {
    let mut duel = half_way();
    duel.wait(Duration::from_millis(50));
    duel.datagrams.clear();
    duel.heard.clear();
    let ping = duel.attacker.initial(&frames(write_ping));
    duel.send_datagram(&ping);
    assert_eq!(hellos(&duel), 1);
    assert_eq!(whole_flights(&duel), 1, "and what follows it");
    assert_eq!(duel.connection().stats().probe_timeouts, 0);
}

#[test]
fn server_does_not_say_its_hello_again_to_datagrams_of_one_flight() {
    let mut duel = half_way();
    duel.heard.clear();
    for _ in 0..3 {
        let ping = duel.attacker.initial(&frames(write_ping));
        duel.send_datagram(&ping);
        duel.wait(Duration::from_millis(1));
    }
    assert_eq!(hellos(&duel), 0);
    assert!(duel.count(|frame| matches!(frame, Frame::Ack(_))) > 0);
}

#[test]
fn server_does_not_say_its_hello_again_to_a_client_that_has_it() {
    let mut duel = half_way();
    duel.wait(Duration::from_millis(50));
    let acknowledged = duel.attacker.initial(&ack(&[0..=0]));
    duel.send_datagram(&acknowledged);
    duel.heard.clear();
    let ping = duel.attacker.initial(&frames(write_ping));
    duel.send_datagram(&ping);
    assert_eq!(hellos(&duel), 0);
}

#[test]
fn server_says_its_hello_again_so_often_and_no_more() {
    let mut duel = half_way();
    duel.heard.clear();
    for _ in 0..20 {
        duel.wait(limits::EARLY_HELLO_APART);
        let ping = duel.attacker.initial(&frames(write_ping));
        duel.send_datagram(&ping);
    }
    assert_eq!(duel.connection().stats().probe_timeouts, 0);
    assert_eq!(hellos(&duel), usize::from(limits::EARLY_HELLOS));
}

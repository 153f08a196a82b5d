//! Packets and datagrams out of shape: wrong level, wrong bits, mixed, empty.

use inquic_engine::{Config, Drop};
use inquic_sim::{Attacker, Bits, Duel, Settings, frames};
use inquic_wire::frame::{write_ping, write_stream};
use inquic_wire::{Code, ConnectionId, Direction, Level, Role, StreamId};

fn ping() -> Vec<u8> {
    frames(|w| write_ping(w).and_then(|()| w.zeros(20)))
}

/// Sends one packet of `level` with `payload` to a victim at that level; the offence that it finds.
fn offence(to_server: bool, level: Level, payload: &[u8]) -> Option<Code> {
    let settings = Settings::default();
    let mut duel = match (to_server, level) {
        (true, Level::OneRtt) => Duel::with_server(&settings).connected(),
        (false, Level::OneRtt) => Duel::with_client(&settings).connected(),
        (true, _) => Duel::with_server(&settings),
        (false, _) => Duel::with_client(&settings),
    };
    let parameters = duel.attacker.parameters();
    if level == Level::Handshake && to_server {
        let hello = duel
            .attacker
            .initial(&Attacker::message(Some(&parameters), 250));
        duel.send_datagram(&hello);
        duel.follow_server_id();
    }
    if level == Level::Handshake && !to_server {
        duel.send(Level::Initial, &Attacker::message(None, 90));
    }
    if level == Level::Initial && to_server {
        let datagram = duel.attacker.initial(payload);
        duel.send_datagram(&datagram);
    } else {
        duel.send(level, payload);
    }
    duel.offence()
}

/// Rows 16 and 17: RFC 9000 table 3, on the wire.
#[test]
fn frames_at_the_wrong_level_or_from_the_wrong_side_are_offences() {
    for to_server in [true, false] {
        for level in [Level::Initial, Level::Handshake] {
            for kind in [
                0x04, 0x05, 0x07, 0x08, 0x10, 0x11, 0x12, 0x14, 0x15, 0x16, 0x18, 0x19, 0x1a, 0x1b,
                0x1d, 0x1e,
            ] {
                let mut payload = vec![kind];
                payload.resize(40, 1);
                assert_eq!(
                    offence(to_server, level, &payload),
                    Some(Code::ProtocolViolation),
                    "{kind:#x} at {level:?}"
                );
            }
        }
    }
    assert_eq!(
        offence(true, Level::OneRtt, &[0x1e]),
        Some(Code::ProtocolViolation),
        "HANDSHAKE_DONE from a client"
    );
    assert_eq!(
        offence(true, Level::OneRtt, &[0x07, 1, 1]),
        Some(Code::ProtocolViolation),
        "NEW_TOKEN from a client"
    );
    assert_eq!(offence(false, Level::OneRtt, &[0x1e]), None);
}

/// Row 17.
#[test]
fn unknown_long_and_missing_frame_types_are_offences() {
    for to_server in [true, false] {
        for payload in [&[0x21, 0, 0, 0][..], &[0x2f], &[0x40, 0x52], &[0xff; 8]] {
            assert_eq!(
                offence(to_server, Level::OneRtt, payload),
                Some(Code::FrameEncoding),
                "{payload:x?}"
            );
        }
        assert_eq!(
            offence(to_server, Level::OneRtt, &[]),
            Some(Code::ProtocolViolation),
            "no frame at all"
        );
        assert!(
            offence(to_server, Level::OneRtt, &[0x40, 0x01]).is_some(),
            "PING in two bytes"
        );
    }
}

/// Row 18: every frame of a full packet is looked at once.
#[test]
fn packets_full_of_the_smallest_frames_are_taken_in_one_pass() {
    let mut duel = Duel::with_open_server(&Settings::default()).connected();
    for frame in [
        &[0x01][..],
        &[0x00, 0x01],
        &[0x10, 0x00],
        &[0x14, 0x00],
        &[0x02, 0, 0, 0, 0],
    ] {
        let payload = frame.repeat(1_100 / frame.len());
        for _ in 0..200 {
            duel.send(Level::OneRtt, &payload);
        }
    }
    assert_eq!(duel.connection().close_reason(), None);
}

/// Row 25.
#[test]
fn reserved_bits_are_an_offence_once_the_packet_is_authentic() {
    for (level, bits) in [
        (Level::OneRtt, [0x08, 0x10, 0x18]),
        (Level::Handshake, [0x04, 0x08, 0x0c]),
    ] {
        for flipped in bits {
            let mut duel = Duel::with_server(&Settings::default());
            let parameters = duel.attacker.parameters();
            if level == Level::OneRtt {
                duel = duel.connected();
            } else {
                let hello = duel
                    .attacker
                    .initial(&Attacker::message(Some(&parameters), 250));
                duel.send_datagram(&hello);
                duel.follow_server_id();
            }
            let packet = duel
                .attacker
                .packet_with(level, 50, Bits { flipped }, &ping());
            let mut forged = packet.clone();
            *forged.last_mut().unwrap() ^= 1;
            duel.send_datagram(&forged);
            assert_eq!(duel.offence(), None, "not authentic");
            duel.send_datagram(&packet);
            assert_eq!(
                duel.offence(),
                Some(Code::ProtocolViolation),
                "{level:?} {flipped:#x}"
            );
        }
    }
}

/// Row 25.
#[test]
fn packets_without_the_fixed_bit_are_dropped_by_who_did_not_allow_them() {
    let settings = Settings {
        config: Config {
            grease_quic_bit: false,
            ..Config::default()
        },
        ..Settings::default()
    };
    let mut duel = Duel::with_server(&settings).connected();
    let packet = duel
        .attacker
        .packet_with(Level::OneRtt, 50, Bits { flipped: 0x40 }, &ping());
    duel.send_datagram(&packet);
    assert_eq!(duel.offence(), None);
    assert_eq!(duel.connection().stats().drops.of(Drop::Header), 1);
}

/// Row 24.
#[test]
fn bad_packets_hide_no_good_ones() {
    // Four good packets and four that do not open, in every order of good and bad.
    for order in 0..=255_u8 {
        if order.count_ones() != 4 {
            continue;
        }
        let mut duel = Duel::with_server(&Settings::default());
        let parameters = duel.attacker.parameters();
        let hello = duel
            .attacker
            .initial(&Attacker::message(Some(&parameters), 250));
        duel.send_datagram(&hello);
        duel.follow_server_id();
        let before = duel.connection().stats();
        let mut datagram = Vec::new();
        for at in 0..8 {
            let mut packet = duel.attacker.packet(Level::Handshake, &ping());
            if order & 1 << at == 0 {
                *packet.last_mut().unwrap() ^= 0x55;
            }
            datagram.extend(packet);
        }
        duel.send_datagram(&datagram);
        let after = duel.connection().stats();
        assert_eq!(
            after.packets_received - before.packets_received,
            4,
            "{order:#b}"
        );
        assert_eq!(after.drops.of(Drop::Authentication), 4, "{order:#b}");
    }
}

#[test]
fn short_packet_for_another_id_than_the_first_of_its_datagram_is_dropped() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    let chosen = duel.attacker.dcid;
    duel.attacker.dcid = ConnectionId::new(b"original").unwrap();
    let mut datagram = duel.attacker.packet(Level::Handshake, &ping());
    duel.attacker.dcid = chosen;
    datagram.extend(duel.attacker.packet(Level::OneRtt, &ping()));
    let before = duel.connection().stats().packets_received;
    let path = inquic_engine::Path {
        local: None,
        remote: duel.address,
    };
    let (now, segment) = (duel.now, datagram.len());
    duel.connection().receive(
        now,
        inquic_engine::Received {
            path,
            bytes: &mut datagram,
            segment,
            ecn: 0,
        },
    );
    assert_eq!(duel.connection().stats().packets_received, before);
    assert_eq!(duel.connection().stats().drops.of(Drop::MixedIds), 1);
}

#[test]
fn replayed_packet_is_opened_before_it_counts_as_a_duplicate() {
    let mut duel = Duel::with_server(&Settings::default());
    let parameters = duel.attacker.parameters();
    let hello = duel
        .attacker
        .initial(&Attacker::message(Some(&parameters), 250));
    duel.send_datagram(&hello);
    let mut altered = hello.clone();
    *altered.last_mut().unwrap() ^= 1;
    duel.send_datagram(&altered);
    duel.send_datagram(&hello);
    let drops = duel.connection().stats().drops;
    assert_eq!(
        (drops.of(Drop::Authentication), drops.of(Drop::Duplicate)),
        (1, 1),
        "RFC 9001 §9.5"
    );
}

/// Row 10.
#[test]
fn empty_and_tiny_datagrams_are_dropped_and_counted() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    let before = duel.host.endpoint.drops().total();
    for len in 0..9_usize {
        for first in [0x00, 0x40, 0xc0, 0xff] {
            duel.send_datagram(&vec![first; len]);
        }
    }
    assert_eq!(duel.host.endpoint.drops().total(), before + 36);
    assert!(duel.datagrams.is_empty());
}

/// Row 21.
#[test]
fn data_beyond_the_largest_offset_is_an_offence() {
    let id = StreamId::new(Role::Client, Direction::Bidirectional, 0).unwrap();
    let last = (1 << 62) - 1;
    let stream =
        |offset, len| frames(|w| write_stream(w, id, offset, len, false, false).map(|_| ()));
    assert_eq!(
        offence(true, Level::OneRtt, &stream(last, 1)),
        Some(Code::FrameEncoding)
    );
    assert_eq!(
        offence(true, Level::OneRtt, &stream(last - 1, 1)),
        Some(Code::FlowControl)
    );
    let crypto = |offset: u64| {
        frames(|w| {
            inquic_wire::frame::write_crypto(w, offset, 1)?;
            Ok(())
        })
    };
    assert_eq!(
        offence(true, Level::OneRtt, &crypto(last)),
        Some(Code::FrameEncoding)
    );
    assert_eq!(
        offence(true, Level::OneRtt, &crypto(last - 1)),
        Some(Code::CryptoBufferExceeded)
    );
}

/// Row 23.
#[test]
fn reasons_are_cut_to_their_bound() {
    for (len, kept) in [(255, 255), (256, 256), (257, 256), (1_000, 256)] {
        let mut duel = Duel::with_server(&Settings::default()).connected();
        let close = frames(|w| inquic_wire::frame::write_application_close(w, 9, &vec![b'x'; len]));
        duel.send(Level::OneRtt, &close);
        let Some(inquic_engine::CloseReason::PeerApplication { reason, .. }) =
            duel.connection().close_reason()
        else {
            panic!("closed by the peer");
        };
        assert_eq!(reason.len(), kept);
    }
}

#[test]
fn first_packets_held_for_keys_are_taken_whatever_secret_comes_last() {
    use inquic_engine::{Config, Endpoint, EndpointKeys, Received};
    use inquic_platform::{CipherSuite, Instant, KeySide, Platform, aws_lc::AwsLc};
    use std::sync::Arc;
    for sides in [
        [KeySide::Seal, KeySide::Open],
        [KeySide::Open, KeySide::Seal],
    ] {
        let platform: Arc<dyn Platform> = Arc::new(AwsLc::seeded(1));
        let suite = CipherSuite::Aes128GcmSha256;
        let now = Instant::ZERO;
        let mut endpoint = Endpoint::new(Arc::clone(&platform), EndpointKeys::random(&*platform));
        let path = inquic_engine::Path {
            local: None,
            remote: "192.0.2.2:4433".parse().unwrap(),
        };
        let (_, mut client) = endpoint
            .connect(now, Arc::new(Config::default()), path, &[])
            .unwrap();
        client.handshake_send(Level::Initial, &[1; 300]).unwrap();
        let mut first = vec![0; 1_200];
        client.transmit(now, &mut first).unwrap();
        let Ok(inquic_wire::Header::Long { dcid, scid, .. }) =
            inquic_wire::Header::parse(&first, 8)
        else {
            panic!()
        };
        let mut attacker = Attacker::new(
            platform,
            suite,
            Role::Server,
            dcid,
            ConnectionId::new(b"attacker").unwrap(),
        );
        attacker.dcid = scid;
        let receive = |client: &mut inquic_engine::Connection, mut datagram: Vec<u8>| {
            let segment = datagram.len();
            client.receive(
                now,
                Received {
                    path,
                    bytes: &mut datagram,
                    segment,
                    ecn: 0,
                },
            );
        };
        receive(
            &mut client,
            attacker.packet(Level::Initial, &Attacker::message(None, 90)),
        );
        receive(&mut client, attacker.packet(Level::OneRtt, &ping()));
        let mut parameters = attacker.parameters();
        parameters.original_destination_connection_id = Some(dcid);
        let mut encoded = [0; 512];
        let mut writer = inquic_wire::Writer::new(&mut encoded);
        parameters.encode(&mut writer).unwrap();
        let len = writer.position();
        client
            .set_peer_transport_parameters(now, &encoded[..len])
            .unwrap();
        for side in sides {
            let sender = if side == KeySide::Seal {
                Role::Client
            } else {
                Role::Server
            };
            let secret = vec![
                Level::OneRtt.index() as u8 * 2 + u8::from(sender == Role::Client);
                suite.hash_len()
            ];
            client
                .install_secret(now, Level::OneRtt, side, suite, &secret)
                .unwrap();
        }
        assert_eq!(client.stats().packets_received, 2, "{sides:?}");
    }
}

/// Row 36: a flood of datagrams that the application does not read, and datagrams that it never asked for.
#[test]
fn datagrams_unread_are_bounded_and_unasked_are_an_offence() {
    let mut settings = Settings::default();
    let mut duel = Duel::with_open_server(&settings).connected();
    duel.send(Level::OneRtt, &[0x30, 1, 2, 3]);
    assert_eq!(duel.offence(), Some(Code::ProtocolViolation));

    settings.config.max_datagram_frame_size = 1_200;
    let mut duel = Duel::with_open_server(&settings).connected();
    let flood: Vec<u8> = [&[0x31, 8][..], &[7; 8]].concat().repeat(100);
    for _ in 0..10_000 {
        duel.send(Level::OneRtt, &flood);
        duel.heard.clear();
        duel.datagrams.clear();
    }
    assert_eq!(duel.offence(), None);
    let stats = duel.connection().stats().datagrams;
    assert_eq!(stats.received, 1_000_000);
    let kept = stats.received - stats.dropped;
    // Ten bytes are counted for each beside its own.
    assert_eq!(kept, 64 * 1024 / 18);
}

//! Every option, by its number (socket-abi 1.3, and ours from 64 up).

use alloc::vec;
use alloc::vec::Vec;

use inquic_platform::Instant;
use inquic_uapi::flags::{
    MSG_QUIC_DATAGRAM, MSG_QUIC_STREAM_FIN, MSG_QUIC_STREAM_NEW, MSG_QUIC_STREAM_UNI,
};
use inquic_uapi::structs::{
    Config, ConnectionClose, ConnectionIdInfo, CryptoSecret, DatagramFate, ErrInfo, Statistics,
    StreamInfo, StreamPriority, TransportParam,
};
use inquic_uapi::{EventType, Layout, QUIC_VERSION_V2, SOL_QUIC, option};

use super::datagrams::{pair as pair_with_datagrams, send as send_datagram};
use super::{Got, Pair, Set, Sock, Stop, address, bytes, get, set, socket, stream, want};
use crate::errno::Errno;

#[test]
fn a_server_learns_its_role_from_the_token() {
    let mut pair = Pair::established();
    let token = option::QUIC_SOCKOPT_TOKEN;
    assert_eq!(get(pair.server.sock(), token, &[]), Err(Errno::EINVAL));
    let given = get(pair.client.sock(), token, &[]).unwrap();
    assert!(!given.is_empty(), "the server gave one");
}

#[test]
fn option_7_key_update_needs_a_connection_and_is_one_at_a_time() {
    let mut pair = Pair::established();
    // Something sent with the first keys must have arrived (RFC 9001 §6.1).
    pair.client_sends(&[], MSG_QUIC_STREAM_NEW, b"x").unwrap();
    pair.run(50);
    let now = pair.now;
    let update = option::QUIC_SOCKOPT_KEY_UPDATE;
    assert_eq!(set(pair.client.sock(), now, update, &[]), Ok(()));
    let second = set(pair.client.sock(), now, update, &[]);
    assert_eq!(second, Err(Errno::EINVAL));
    pair.client.sock().close(now);
    let closed = set(pair.client.sock(), now, update, &[]);
    assert_eq!(closed, Err(Errno::EPIPE));
}

#[test]
fn option_5_connection_close_tells_what_the_peer_said() {
    let mut pair = Pair::established();
    let now = pair.now;
    let number = option::QUIC_SOCKOPT_CONNECTION_CLOSE;
    let mut words = ConnectionClose {
        errcode: 77,
        ..ConnectionClose::default()
    };
    words.phrase[..6].copy_from_slice(b"enough");
    set(pair.client.sock(), now, number, &bytes(&words)).unwrap();
    pair.client.sock().close(now);
    pair.run(50);
    let close = ConnectionClose::read(&get(pair.server.sock(), number, &[]).unwrap());
    assert_eq!((close.errcode, close.frame), (77, 0));
    assert!(close.phrase.starts_with(b"enough\0"));
}

#[test]
fn option_65_statistics_count_packets() {
    let mut pair = Pair::established();
    let value = get(pair.client.sock(), option::QUIC_SOCKOPT_STATISTICS, &[]).unwrap();
    let statistics = Statistics::read(&value);
    assert!(statistics.packets_sent > 0 && statistics.packets_received > 0);
    // A millisecond there, a millisecond back.
    assert!(statistics.min_rtt >= 2_000, "{}", statistics.min_rtt);
    assert_eq!(statistics.paths, 1);
}

#[test]
fn what_belongs_to_the_handshake_is_refused_after_it() {
    let mut pair = Pair::established();
    let now = pair.now;
    for number in [
        option::QUIC_SOCKOPT_CRYPTO_SECRET,
        option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
        option::QUIC_SOCKOPT_TRANSPORT_PARAM,
        option::QUIC_SOCKOPT_CONFIG,
    ] {
        let refused = set(pair.client.sock(), now, number, &[0; 56]);
        assert_eq!(refused, Err(Errno::EINVAL), "{number}");
    }
    let unknown = set(pair.client.sock(), now, 99, &[]);
    assert_eq!(unknown, Err(Errno::ENOPROTOOPT));
}

#[test]
fn option_0_event_is_turned_on_and_off() {
    let mut sock = socket();
    let number = option::QUIC_SOCKOPT_EVENT;
    for event in 1..=9 {
        assert_eq!(get(&mut sock, number, &[event, 9]), Ok(vec![event, 0]));
        set(&mut sock, Instant::ZERO, number, &[event, 1]).unwrap();
        assert_eq!(get(&mut sock, number, &[event, 0]), Ok(vec![event, 1]));
        set(&mut sock, Instant::ZERO, number, &[event]).unwrap();
        assert_eq!(get(&mut sock, number, &[event]), Ok(vec![event, 0]));
    }
}

#[test]
fn option_1_stream_open_gives_the_next_identifier() {
    let mut pair = Pair::established();
    for (wanted, flags, id) in [
        (-1, 0, 0_i64),
        (-1, MSG_QUIC_STREAM_UNI, 2),
        (8, 0, 8),
        (-1, 0, 12),
    ] {
        let info = StreamInfo {
            stream_id: wanted,
            stream_flags: flags,
        };
        let number = option::QUIC_SOCKOPT_STREAM_OPEN;
        let opened = get(pair.client.sock(), number, &bytes(&info)).unwrap();
        assert_eq!(StreamInfo::read(&opened).stream_id, id);
    }
    assert_eq!(
        pair.client_sends(&stream(4, 0), 0, b"opened with 8"),
        Ok(13)
    );
    assert_eq!(pair.client_sends(&[], 0, b"the newest"), Ok(10));
    pair.run(5);
    let ids: Vec<_> = (0..2)
        .map(|_| pair.server_gets().unwrap().stream().0)
        .collect();
    assert_eq!(ids, [4, 12]);
}

#[test]
fn option_2_stream_reset_ends_what_is_sent() {
    let mut pair = Pair::established();
    want(pair.server.sock(), EventType::StreamUpdate);
    pair.client_sends(&[], MSG_QUIC_STREAM_NEW, b"x").unwrap();
    let now = pair.now;
    let info = bytes(&ErrInfo {
        stream_id: 0,
        errcode: 5,
    });
    set(
        pair.client.sock(),
        now,
        option::QUIC_SOCKOPT_STREAM_RESET,
        &info,
    )
    .unwrap();
    // Another may be opened: the active one is finished.
    assert_eq!(pair.client_sends(&[], MSG_QUIC_STREAM_NEW, b"y"), Ok(1));
    pair.run(5);
    let update = pair.server_gets().unwrap();
    assert_eq!(update.data[13..17], 5_u32.to_ne_bytes());
}

#[test]
fn option_3_stream_stop_sending_stops_the_peer() {
    let mut pair = Pair::established();
    pair.client_sends(&[], MSG_QUIC_STREAM_NEW, b"x").unwrap();
    pair.run(5);
    let now = pair.now;
    let info = bytes(&ErrInfo {
        stream_id: 0,
        errcode: 5,
    });
    let number = option::QUIC_SOCKOPT_STREAM_STOP_SENDING;
    set(pair.server.sock(), now, number, &info).unwrap();
    assert_eq!(pair.server_gets(), Err(Errno::EAGAIN), "nothing is read");
    pair.run(10);
    assert!(pair.client_sends(&[], 0, b"more").is_err());
}

/// The ids of an end: active, lowest.
fn ids(sock: &mut Sock, dest: u8) -> (u32, u32) {
    let value = get(sock, option::QUIC_SOCKOPT_CONNECTION_ID, &[dest]).unwrap();
    let info = ConnectionIdInfo::read(&value);
    assert_eq!(info.dest, dest);
    (info.active, info.prior_to)
}

/// The highest id that an end has of its own.
fn last(sock: &Sock) -> u64 {
    sock.link()
        .unwrap()
        .socket
        .connection()
        .local_id_numbers()
        .last
}

#[test]
fn option_4_connection_id_retires_our_own() {
    let mut pair = Pair::established();
    for host in [&mut pair.client, &mut pair.server] {
        assert_eq!((ids(host.sock(), 0), ids(host.sock(), 1)), ((0, 0), (0, 0)));
        assert_eq!(last(host.sock()), 6, "seven after the handshake");
    }
    let now = pair.now;
    let info = bytes(&ConnectionIdInfo {
        prior_to: 3,
        ..ConnectionIdInfo::default()
    });
    let number = option::QUIC_SOCKOPT_CONNECTION_ID;
    set(pair.client.sock(), now, number, &info).unwrap();
    let soon = bytes(&ConnectionIdInfo {
        prior_to: 4,
        ..ConnectionIdInfo::default()
    });
    let pending = set(pair.client.sock(), now, number, &soon);
    assert_eq!(pending, Err(Errno::EAGAIN), "one at a time");
    // An echo there and back.
    pair.client_sends(&[], MSG_QUIC_STREAM_NEW, b"x").unwrap();
    pair.run(2);
    pair.server_sends(&[], 0, b"y").unwrap();
    pair.run(2);
    assert_eq!(ids(pair.client.sock(), 0), (3, 3));
    assert_eq!(last(pair.client.sock()), 9);
    assert_eq!(ids(pair.server.sock(), 1).1, 3);
}

#[test]
fn option_4_connection_id_changes_and_retires_the_peers() {
    let mut pair = Pair::established();
    let now = pair.now;
    let number = option::QUIC_SOCKOPT_CONNECTION_ID;
    let info = bytes(&ConnectionIdInfo {
        dest: 1,
        active: 2,
        ..ConnectionIdInfo::default()
    });
    set(pair.client.sock(), now, number, &info).unwrap();
    assert_eq!(ids(pair.client.sock(), 1).0, 2);
    assert_eq!(
        set(pair.client.sock(), now, number, &info),
        Err(Errno::EINVAL)
    );
    pair.client_sends(&[], MSG_QUIC_STREAM_NEW, b"x").unwrap();
    pair.run(5);
    assert_eq!(pair.server_gets().unwrap().data, b"x");
    assert_eq!(ids(pair.server.sock(), 0).0, 2, "what it hears");
    let now = pair.now;
    let info = bytes(&ConnectionIdInfo {
        dest: 1,
        prior_to: 5,
        ..ConnectionIdInfo::default()
    });
    set(pair.client.sock(), now, number, &info).unwrap();
    pair.client_sends(&[], 0, b"y").unwrap();
    pair.run(10);
    assert_eq!(ids(pair.client.sock(), 1), (5, 5));
    assert_eq!(ids(pair.server.sock(), 0), (5, 5));
    assert_eq!(last(pair.server.sock()), 11, "as many as before");
}

#[test]
fn option_5_connection_close_is_kept_without_its_frame() {
    let mut sock = socket();
    let mut words = ConnectionClose {
        errcode: 3,
        frame: 9,
        reserved: [7; 3],
        ..ConnectionClose::default()
    };
    words.phrase[..2].copy_from_slice(b"ab");
    let number = option::QUIC_SOCKOPT_CONNECTION_CLOSE;
    set(&mut sock, Instant::ZERO, number, &bytes(&words)).unwrap();
    let kept = ConnectionClose::read(&get(&mut sock, number, &[]).unwrap());
    assert_eq!((kept.errcode, kept.frame, kept.reserved), (3, 0, [0; 3]));
    assert_eq!(kept.phrase, words.phrase);
}

fn sockaddr(text: &str) -> Vec<u8> {
    let mut out = [0; address::ADDRESS_LEN];
    let len = address::write(text.parse().unwrap(), &mut out);
    out[..len].to_vec()
}

#[test]
fn option_6_connection_migration_asks_the_home_to_receive_and_moves_once() {
    let mut pair = Pair::established();
    pair.run(20);
    let now = pair.now;
    let number = option::QUIC_SOCKOPT_CONNECTION_MIGRATION as i32;
    let there = "192.0.2.1:2000";
    let asked = pair
        .client
        .sock()
        .setsockopt(now, SOL_QUIC, number, &sockaddr(there));
    let there = there.parse().unwrap();
    assert_eq!(asked, Ok(Set::Receive(there)));
    assert_eq!(pair.client.sock().on_receiving(now, there), Ok(()));
    let second = "192.0.2.1:3000".parse().unwrap();
    let busy = pair.client.sock().on_receiving(now, second);
    assert_eq!(busy, Err(Errno::EAGAIN), "one is pending");
}

#[test]
fn option_6_connection_migration_of_an_accepting_server_is_its_preferred_address() {
    let mut pair = Pair::connecting();
    pair.greet();
    let now = pair.now;
    let number = option::QUIC_SOCKOPT_CONNECTION_MIGRATION as i32;
    let there = "192.0.2.2:5443";
    let asked = pair
        .server
        .sock()
        .setsockopt(now, SOL_QUIC, number, &sockaddr(there));
    let there = there.parse().unwrap();
    assert_eq!(asked, Ok(Set::Receive(there)));
    assert_eq!(pair.server.sock().on_receiving(now, there), Ok(()));
    assert!(pair.server.sock().needs_port(), "for an id of its own");
    pair.run(1);
    pair.shake_hands();
    let client = pair.client.sock().link().unwrap().socket.connection();
    let preferred = client.peer_parameters().unwrap().preferred_address;
    assert_eq!(
        preferred.unwrap().v4,
        Some("192.0.2.2:5443".parse().unwrap())
    );
}

#[test]
fn option_6_connection_migration_is_forbidden_by_a_peer_that_says_so() {
    let mut pair = Pair::established_with(&mut |_, server| {
        let param = bytes(&TransportParam {
            disable_active_migration: 1,
            ..TransportParam::default()
        });
        set(
            server,
            Instant::ZERO,
            option::QUIC_SOCKOPT_TRANSPORT_PARAM,
            &param,
        )
        .unwrap();
    });
    pair.run(20);
    let now = pair.now;
    let value = get(
        pair.client.sock(),
        option::QUIC_SOCKOPT_TRANSPORT_PARAM,
        &[1],
    )
    .unwrap();
    assert_eq!(TransportParam::read(&value).disable_active_migration, 1);
    let there = "192.0.2.1:2000".parse().unwrap();
    let moved = pair.client.sock().on_receiving(now, there);
    assert_eq!(moved, Err(Errno::EINVAL));
}

#[test]
fn option_8_transport_param_has_the_defaults_of_the_abi() {
    let mut sock = socket();
    let number = option::QUIC_SOCKOPT_TRANSPORT_PARAM;
    let param = TransportParam::read(&get(&mut sock, number, &[]).unwrap());
    let wanted = TransportParam {
        active_connection_id_limit: 7,
        ack_delay_exponent: 3,
        max_udp_payload_size: 65_527,
        max_idle_timeout: 30_000_000,
        max_ack_delay: 25_000,
        max_streams_bidi: 100,
        max_streams_uni: 100,
        max_data: 65_535 * 32,
        max_stream_data_bidi_local: 65_535 * 16,
        max_stream_data_bidi_remote: 65_535 * 16,
        max_stream_data_uni: 65_535 * 16,
        ..TransportParam::default()
    };
    assert_eq!(param, wanted);
}

#[test]
fn option_8_transport_param_reaches_the_peer_as_it_was_set() {
    let given = TransportParam {
        grease_quic_bit: 1,
        active_connection_id_limit: 8,
        ack_delay_exponent: 5,
        max_datagram_frame_size: 1_400,
        max_udp_payload_size: 1_300,
        max_idle_timeout: 9_000_000,
        max_ack_delay: 30_000,
        max_streams_bidi: 11,
        max_streams_uni: 12,
        max_data: 100_000,
        max_stream_data_bidi_local: 20_000,
        max_stream_data_bidi_remote: 30_000,
        max_stream_data_uni: 40_000,
        ..TransportParam::default()
    };
    let number = option::QUIC_SOCKOPT_TRANSPORT_PARAM;
    // Before connect(), and after accept().
    let mut pair = Pair::connecting_with(&mut |client, _| {
        set(client, Instant::ZERO, number, &bytes(&given)).unwrap();
    });
    pair.greet();
    let now = pair.now;
    set(pair.server.sock(), now, number, &bytes(&given)).unwrap();
    pair.shake_hands();
    for host in [&mut pair.client, &mut pair.server] {
        assert_eq!(get(host.sock(), number, &[]).unwrap(), bytes(&given));
        let peer = TransportParam::read(&get(host.sock(), number, &[1]).unwrap());
        let wanted = TransportParam {
            remote: 1,
            stateless_reset: peer.stateless_reset,
            ..given
        };
        assert_eq!(peer, wanted);
    }
    assert_eq!(last(pair.client.sock()), 6, "no more than we give");
}

#[test]
fn option_9_config_may_be_set_until_the_handshake() {
    let config = bytes(&Config {
        initial_smoothed_rtt: 50_000,
        congestion_control_algo: 64,
        keepalive_probe_interval: 2_000_000,
        certificate_request: 1,
        receive_session_ticket: 1,
        ..Config::default()
    });
    let number = option::QUIC_SOCKOPT_CONFIG;
    let mut pair = Pair::connecting();
    pair.greet();
    let now = pair.now;
    set(pair.server.sock(), now, number, &config).unwrap();
    let link = pair.server.sock().link().unwrap();
    let engine = link.socket.connection().config();
    assert_eq!(engine.algorithm, inquic_engine::recovery::Algorithm::Bbr);
    let kept = Config::read(&get(pair.server.sock(), number, &[]).unwrap());
    assert_eq!(kept.certificate_request, 1);
    assert_eq!(kept.initial_smoothed_rtt, 50_000);
    pair.swap_parameters();
    let now = pair.now;
    let late = set(pair.server.sock(), now, number, &config);
    assert_eq!(late, Err(Errno::EINVAL), "the parameters were given");
}

#[test]
fn option_9_config_says_when_the_path_is_searched_again() {
    let number = option::QUIC_SOCKOPT_CONFIG;
    let every = |plpmtud_probe_interval| {
        bytes(&Config {
            plpmtud_probe_interval,
            ..Config::default()
        })
    };
    let raise = |pair: &mut Pair| {
        let link = pair.server.sock().link().unwrap();
        link.socket.connection().config().mtu_raise.as_millis()
    };
    let mut pair = Pair::connecting();
    pair.greet();
    let now = pair.now;
    assert_eq!(raise(&mut pair), 600_000, "ten minutes");
    for (interval, after) in [(5_000_000, 150_000), (0, 150_000), (20_000_000, 600_000)] {
        set(pair.server.sock(), now, number, &every(interval)).unwrap();
        assert_eq!(raise(&mut pair), after, "{interval}");
    }
    let kept = Config::read(&get(pair.server.sock(), number, &[]).unwrap());
    assert_eq!(kept.plpmtud_probe_interval, 20_000_000);
}

#[test]
fn option_9_config_chooses_the_version_of_a_connecting_client() {
    let mut pair = Pair::connecting();
    let now = pair.now;
    let config = bytes(&Config {
        version: QUIC_VERSION_V2,
        ..Config::default()
    });
    let number = option::QUIC_SOCKOPT_CONFIG;
    set(pair.client.sock(), now, number, &config).unwrap();
    pair.greet();
    pair.shake_hands();
    for host in [&mut pair.client, &mut pair.server] {
        let version = host.sock().link().unwrap().socket.original_version();
        assert_eq!(version.0, QUIC_VERSION_V2);
        let told = Config::read(&get(host.sock(), number, &[]).unwrap());
        assert_eq!(told.version, 1, "the server has gone over to its own");
    }
}

#[test]
fn option_9_config_says_which_version_a_server_goes_over_to() {
    let config = bytes(&Config {
        version: QUIC_VERSION_V2,
        ..Config::default()
    });
    let number = option::QUIC_SOCKOPT_CONFIG;
    let mut pair = Pair::established_with(&mut |_, server| {
        set(server, Instant::ZERO, number, &config).unwrap();
    });
    for host in [&mut pair.client, &mut pair.server] {
        let version = host.sock().link().unwrap().socket.original_version();
        assert_eq!(version.0, 1, "the client has begun with its own");
        let told = Config::read(&get(host.sock(), number, &[]).unwrap());
        assert_eq!(told.version, QUIC_VERSION_V2);
    }
}

#[test]
fn option_10_token_of_a_client_goes_with_its_first_packet() {
    let mut first = Pair::established();
    let number = option::QUIC_SOCKOPT_TOKEN;
    let token = get(first.client.sock(), number, &[]).unwrap();
    assert!((1..=120).contains(&token.len()));
    let mut pair = Pair::connecting();
    assert_eq!(
        get(pair.client.sock(), number, &[]),
        Ok(vec![]),
        "none came"
    );
    let now = pair.now;
    set(pair.client.sock(), now, number, &token).unwrap();
    pair.greet();
    let late = set(pair.client.sock(), now, number, &token);
    assert_eq!(late, Err(Errno::EINVAL), "the first packet is gone");
    pair.shake_hands();
}

#[test]
fn option_10_token_of_a_server_is_given_when_it_says_so() {
    let mut pair = Pair::established();
    pair.run(50);
    let number = option::QUIC_SOCKOPT_TOKEN;
    let before = get(pair.client.sock(), number, &[]).unwrap();
    let now = pair.now;
    assert_eq!(set(pair.server.sock(), now, number, &[]), Ok(()));
    let again = set(pair.server.sock(), now, number, &[]);
    assert_eq!(again, Err(Errno::EAGAIN), "pending");
    pair.run(50);
    let after = get(pair.client.sock(), number, &[]).unwrap();
    assert_ne!(before, after);
    assert_eq!(set(pair.server.sock(), now, number, &[]), Ok(()));
}

#[test]
fn option_11_alpn_is_a_list_without_spaces() {
    let mut sock = socket();
    let number = option::QUIC_SOCKOPT_ALPN;
    set(&mut sock, Instant::ZERO, number, b"smb, h3\0").unwrap();
    assert_eq!(get(&mut sock, number, &[]), Ok(b"smb,h3".to_vec()));
    let names: Vec<_> = sock.alpn().map(<[u8]>::to_vec).collect();
    assert_eq!(names, [b"smb".to_vec(), b"h3".to_vec()]);
    let mut pair = Pair::connecting();
    let now = pair.now;
    assert_eq!(set(pair.client.sock(), now, number, b"h3"), Ok(()));
}

#[test]
fn option_12_session_ticket_of_a_server_is_the_ports_key_or_its_own() {
    let mut pair = Pair::established();
    let number = option::QUIC_SOCKOPT_SESSION_TICKET;
    let key = get(pair.server.sock(), number, &[]).unwrap();
    assert_eq!(key.len(), 64);
    assert_ne!(key[..32], key[32..]);
    // The same for every client of the port, whatever its address.
    let mut other = Pair::established();
    assert_eq!(get(other.server.sock(), number, &[]).unwrap(), key);
    let now = pair.now;
    set(pair.server.sock(), now, number, &[9; 80]).unwrap();
    assert_eq!(get(pair.server.sock(), number, &[]), Ok(vec![9; 80]));
    assert_eq!(
        get(pair.client.sock(), number, &[]),
        Ok(vec![]),
        "none came"
    );
    set(pair.client.sock(), now, number, &[1; 64]).unwrap();
    assert_eq!(get(pair.client.sock(), number, &[]), Ok(vec![1; 64]));
}

#[test]
fn option_13_crypto_secret_has_levels_and_suites() {
    let mut pair = Pair::connecting();
    let now = pair.now;
    let number = option::QUIC_SOCKOPT_CRYPTO_SECRET;
    let secret = |level, cipher_type| {
        bytes(&CryptoSecret {
            send: 1,
            level,
            cipher_type,
            secret: [1; 48],
            ..CryptoSecret::default()
        })
    };
    for (level, cipher) in [(1, 51), (4, 51), (2, 50), (2, 55), (3, 51)] {
        let refused = set(pair.client.sock(), now, number, &secret(level, cipher));
        assert_eq!(refused, Err(Errno::EINVAL), "{level} {cipher}");
    }
    for cipher in [51, 52, 53, 54] {
        let taken = set(pair.client.sock(), now, number, &secret(2, cipher));
        assert_eq!(taken, Ok(()), "{cipher}");
    }
}

#[test]
fn option_14_transport_param_ext_fits_the_librarys_buffer() {
    let mut pair = Pair::connecting();
    pair.greet();
    let now = pair.now;
    for there in ["192.0.2.2:5443", "[2001:db8::2]:5443"] {
        let there = there.parse().unwrap();
        pair.server.sock().on_receiving(now, there).unwrap();
    }
    pair.run(1);
    let ext = option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT;
    let value = get(pair.client.sock(), ext, &[]).unwrap();
    assert!(value.len() <= 256, "{}", value.len());
    set(pair.server.sock(), now, ext, &value).unwrap();
    let value = get(pair.server.sock(), ext, &[]).unwrap();
    assert!(value.len() <= 256, "{}", value.len());
    let mut short = [0; 20];
    let sock = pair.client.sock();
    let cut = sock.getsockopt(SOL_QUIC, ext as i32, &[], &mut short);
    assert_eq!(cut, Err(Stop::Failed(Errno::EINVAL)));
}

#[test]
fn option_14_transport_param_ext_says_the_same_for_a_second_hello() {
    let mut pair = Pair::connecting();
    pair.greet();
    let ext = option::QUIC_SOCKOPT_TRANSPORT_PARAM_EXT;
    let first = get(pair.client.sock(), ext, &[]).unwrap();
    assert_eq!(get(pair.client.sock(), ext, &[]), Ok(first));
}

#[test]
fn option_64_server_names_are_a_listeners() {
    let mut sock = socket();
    let number = option::QUIC_SOCKOPT_SERVER_NAMES;
    assert_eq!(get(&mut sock, number, &[]), Ok(vec![]), "all names");
    set(&mut sock, Instant::ZERO, number, b"a.example, *.b.example").unwrap();
    let kept = get(&mut sock, number, &[]);
    assert_eq!(kept, Ok(b"a.example,*.b.example".to_vec()));
}

#[test]
fn option_66_stream_priority_decides_who_sends_first() {
    let mut pair = Pair::established();
    let now = pair.now;
    let number = option::QUIC_SOCKOPT_STREAM_PRIORITY;
    let priority = |stream_id, priority| {
        bytes(&StreamPriority {
            stream_id,
            priority,
            reserved: 0,
        })
    };
    let fin = MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN;
    pair.client_sends(&stream(0, fin), 0, &vec![0; 20_000])
        .unwrap();
    pair.client_sends(&stream(4, fin), 0, &vec![4; 20_000])
        .unwrap();
    set(pair.client.sock(), now, number, &priority(4, 1)).unwrap();
    let kept = get(pair.client.sock(), number, &priority(4, 0));
    assert_eq!(kept, Ok(priority(4, 1)));
    // As much as the congestion window lets out at first.
    pair.run(1);
    let first = pair.server_gets().unwrap();
    assert_eq!(first.stream().0, 4);
    let none = set(pair.client.sock(), now, number, &priority(8, 1));
    assert_eq!(none, Err(Errno::EINVAL));
}

/// Turns the keeping of the client's fates on or off.
fn keep_fates(pair: &mut Pair, on: u32) {
    let now = pair.now;
    let number = option::QUIC_SOCKOPT_DATAGRAM_FATES;
    set(pair.client.sock(), now, number, &on.to_ne_bytes()).unwrap();
}

/// The next fate: which datagram, and whether it was acknowledged.
fn take_fate(sock: &mut Sock) -> Result<(u64, u32), Errno> {
    let value = get(sock, option::QUIC_SOCKOPT_DATAGRAM_FATES, &[])?;
    assert_eq!(value.len(), DatagramFate::SIZE);
    let fate = DatagramFate::read(&value);
    Ok((fate.number, fate.acknowledged))
}

#[test]
fn option_70_datagram_fates_counts_what_was_sent_while_it_was_on() {
    let mut pair = pair_with_datagrams(u16::MAX);
    for on in [0, 1, 0, 1, 1] {
        keep_fates(&mut pair, on);
        send_datagram(&mut pair, b"x").unwrap();
    }
    assert_eq!(take_fate(pair.client.sock()), Err(Errno::EAGAIN));
    pair.run(50);
    keep_fates(&mut pair, 0);
    for number in 0..3 {
        assert_eq!(take_fate(pair.client.sock()), Ok((number, 1)));
    }
    assert_eq!(take_fate(pair.client.sock()), Err(Errno::EAGAIN));
}

#[test]
fn option_70_datagram_fates_tells_what_was_lost() {
    let mut pair = pair_with_datagrams(u16::MAX);
    keep_fates(&mut pair, 1);
    send_datagram(&mut pair, b"lost").unwrap();
    let now = pair.now;
    assert_eq!(pair.client.turn(now).len(), 1, "nobody gets it");
    for _ in 0..4 {
        send_datagram(&mut pair, b"x").unwrap();
        pair.run(50);
    }
    let mut fates: Vec<_> = (0..5).map(|_| take_fate(pair.client.sock())).collect();
    fates.sort_by_key(|fate| fate.unwrap());
    let expected = [(0, 0), (1, 1), (2, 1), (3, 1), (4, 1)];
    assert_eq!(fates, expected.map(Ok));
}

#[test]
fn option_70_datagram_fates_is_inherited_from_the_listener() {
    let param = bytes(&TransportParam {
        max_datagram_frame_size: u16::MAX,
        ..TransportParam::default()
    });
    let mut pair = Pair::established_with(&mut |client, listener| {
        for sock in [client, listener] {
            let number = option::QUIC_SOCKOPT_TRANSPORT_PARAM;
            set(sock, Instant::ZERO, number, &param).unwrap();
            let on = 1_u32.to_ne_bytes();
            let number = option::QUIC_SOCKOPT_DATAGRAM_FATES;
            set(sock, Instant::ZERO, number, &on).unwrap();
        }
    });
    pair.server_sends(&[], MSG_QUIC_DATAGRAM, b"x").unwrap();
    pair.run(50);
    assert_eq!(take_fate(pair.server.sock()), Ok((0, 1)));
}

#[test]
fn option_70_datagram_fates_that_nobody_takes_hold_up_the_next_datagram() {
    let mut pair = pair_with_datagrams(u16::MAX);
    keep_fates(&mut pair, 1);
    for _ in 0..inquic_engine::limits::DATAGRAM_FATES {
        send_datagram(&mut pair, b"x").unwrap();
    }
    pair.run(100);
    assert_eq!(send_datagram(&mut pair, b"x"), Err(Errno::EAGAIN));
    assert_eq!(take_fate(pair.client.sock()), Ok((0, 1)));
    assert!(pair.client.sock().take_changes(), "who waits may go on");
    assert_eq!(send_datagram(&mut pair, b"x"), Ok(1));
}

#[test]
fn option_70_datagram_fates_takes_none_that_has_no_room() {
    let mut pair = pair_with_datagrams(u16::MAX);
    keep_fates(&mut pair, 1);
    send_datagram(&mut pair, b"x").unwrap();
    pair.run(50);
    let number = option::QUIC_SOCKOPT_DATAGRAM_FATES as i32;
    let short = pair
        .client
        .sock()
        .getsockopt(SOL_QUIC, number, &[], &mut [0; 15]);
    assert_eq!(short, Err(Stop::Failed(Errno::EINVAL)));
    assert_eq!(take_fate(pair.client.sock()), Ok((0, 1)));
}

#[test]
fn option_70_datagram_fates_can_be_taken_after_the_end() {
    let mut pair = pair_with_datagrams(u16::MAX);
    keep_fates(&mut pair, 1);
    send_datagram(&mut pair, b"x").unwrap();
    pair.run(50);
    let now = pair.now;
    pair.server.sock().close(now);
    pair.run(5);
    assert_eq!(take_fate(pair.client.sock()), Ok((0, 1)));
    assert_eq!(take_fate(pair.client.sock()), Err(Errno::ENOTCONN));
}

#[test]
fn value_that_does_not_fit_is_cut() {
    let mut sock = socket();
    set(
        &mut sock,
        Instant::ZERO,
        option::QUIC_SOCKOPT_ALPN,
        b"abcdef",
    )
    .unwrap();
    let mut out = [0; 4];
    let got = sock.getsockopt(SOL_QUIC, option::QUIC_SOCKOPT_ALPN as i32, &[], &mut out);
    assert_eq!((got, &out), (Ok(Got::Bytes(4)), b"abcd"));
}

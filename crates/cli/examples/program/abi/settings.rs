//! The options of the ABI that say how a connection is to be: parameters, configuration, tokens, protocols, tickets, secrets.

use inquic_uapi::option::{
    ALPN_LEN_MAX, QUIC_SOCKOPT_ALPN, QUIC_SOCKOPT_CONFIG, QUIC_SOCKOPT_CRYPTO_SECRET,
    QUIC_SOCKOPT_SESSION_TICKET, QUIC_SOCKOPT_TOKEN, QUIC_SOCKOPT_TRANSPORT_PARAM,
    QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, SESSION_TICKET_LEN_MAX, SESSION_TICKET_LEN_MIN,
    TOKEN_LEN_MAX, TRANSPORT_PARAM_EXT_LEN_MAX,
};
use inquic_uapi::structs::{Config, CryptoSecret, TransportParam};
use inquic_uapi::{
    EventType, Layout, QUIC_CONG_ALG_BBR, QUIC_CONG_ALG_CUBIC, QUIC_CONG_ALG_MAX,
    QUIC_CONG_ALG_RENO, QUIC_CRYPTO_APP, QUIC_CRYPTO_HANDSHAKE, QUIC_CRYPTO_INITIAL,
    QUIC_CRYPTO_MAX, SOL_QUIC, TLS_CIPHER_AES_CCM_128, TLS_CIPHER_AES_GCM_128,
    TLS_CIPHER_AES_GCM_256, TLS_CIPHER_CHACHA20_POLY1305,
};
use libc::{EAGAIN, EINVAL};

use super::pair::{
    Ends, bytes, connecting, echo, event, get, get_of, got, install, level, set, socket, want,
};
use super::process::{until, until_not};
use super::{Check, check, raw};

pub(super) const CHECKS: &[Check] = &[
    check!(
        transport_parameters_have_defaults_and_reach_the_peer,
        "QUIC_SOCKOPT_TRANSPORT_PARAM"
    ),
    check!(
        numbers_at_their_bounds_are_taken_and_beyond_them_einval,
        "QUIC_SOCKOPT_TRANSPORT_PARAM QUIC_SOCKOPT_CONFIG EINVAL TLS_CIPHER_AES_GCM_128 TLS_CIPHER_AES_GCM_256 TLS_CIPHER_AES_CCM_128 TLS_CIPHER_CHACHA20_POLY1305"
    ),
    check!(
        config_reads_back_and_chooses_the_controller,
        "QUIC_SOCKOPT_CONFIG QUIC_CONG_ALG_RENO QUIC_CONG_ALG_CUBIC QUIC_CONG_ALG_BBR QUIC_CONG_ALG_MAX"
    ),
    check!(
        tokens_come_go_with_the_first_packet_and_tell_the_role,
        "QUIC_SOCKOPT_TOKEN TOKEN_LEN_MAX EAGAIN EINVAL"
    ),
    check!(alpn_is_a_list, "QUIC_SOCKOPT_ALPN ALPN_LEN_MAX EINVAL"),
    check!(
        tickets_are_a_key_at_the_server_and_a_message_at_the_client,
        "QUIC_SOCKOPT_SESSION_TICKET SESSION_TICKET_LEN_MIN SESSION_TICKET_LEN_MAX"
    ),
    check!(
        secrets_of_every_cipher_carry_data,
        "QUIC_SOCKOPT_CRYPTO_SECRET QUIC_CRYPTO_SECRET_BUFFER_SIZE TLS_CIPHER_AES_GCM_128 TLS_CIPHER_AES_GCM_256 TLS_CIPHER_AES_CCM_128 TLS_CIPHER_CHACHA20_POLY1305 QUIC_CRYPTO_APP QUIC_CRYPTO_HANDSHAKE"
    ),
    check!(
        secrets_of_no_level_or_cipher_are_einval,
        "QUIC_SOCKOPT_CRYPTO_SECRET QUIC_CRYPTO_INITIAL QUIC_CRYPTO_MAX EINVAL"
    ),
    check!(
        parameters_for_tls_fit_its_buffer,
        "QUIC_SOCKOPT_TRANSPORT_PARAM_EXT TRANSPORT_PARAM_EXT_LEN_MAX EINVAL"
    ),
    check!(
        structures_may_be_shorter_and_values_are_cut,
        "QUIC_SOCKOPT_TRANSPORT_PARAM QUIC_SOCKOPT_ALPN"
    ),
];

fn transport_parameters_have_defaults_and_reach_the_peer() {
    let number = QUIC_SOCKOPT_TRANSPORT_PARAM;
    let kept: TransportParam = got(&socket(), number);
    let windows = 65_535 * 16;
    let wanted = TransportParam {
        active_connection_id_limit: 7,
        ack_delay_exponent: 3,
        max_udp_payload_size: 65_527,
        max_idle_timeout: 30_000_000,
        max_ack_delay: 25_000,
        max_streams_bidi: 100,
        max_streams_uni: 100,
        max_data: 65_535 * 32,
        max_stream_data_bidi_local: windows,
        max_stream_data_bidi_remote: windows,
        max_stream_data_uni: windows,
        ..TransportParam::default()
    };
    assert_eq!(kept, wanted);
    let given = TransportParam {
        grease_quic_bit: 1,
        disable_active_migration: 1,
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
    let ends = Ends::greeted_with(|client, _| set(client, number, &bytes(&given)).unwrap());
    assert_eq!(
        set(&ends.server, number, &bytes(&given)),
        Ok(()),
        "not too late"
    );
    ends.shake_hands();
    for socket in [&ends.client, &ends.server] {
        let ours: TransportParam = got(socket, number);
        assert_eq!(ours, given);
        let theirs = TransportParam::read(&get(socket, number, &[1]).unwrap());
        let stateless_reset = theirs.stateless_reset;
        let wanted = TransportParam {
            remote: 1,
            stateless_reset,
            ..given
        };
        assert_eq!(theirs, wanted);
        assert_eq!(set(socket, number, &bytes(&given)), Err(EINVAL), "too late");
        assert_eq!(set(socket, number, &bytes(&theirs)), Err(EINVAL));
    }
}

/// Gives a field a number.
type SetParam = fn(&mut TransportParam, u64);
/// The same.
type SetConfig = fn(&mut Config, u32);

fn numbers_at_their_bounds_are_taken_and_beyond_them_einval() {
    let socket = socket();
    let none = TransportParam::default();
    let bounds: [(SetParam, u64, u64); 14] = [
        (|p, n| p.max_idle_timeout = n as u32, 1_000_000, 999_999),
        (|p, n| p.active_connection_id_limit = n as u8, 2, 1),
        (|p, n| p.active_connection_id_limit = n as u8, 8, 9),
        (|p, n| p.ack_delay_exponent = n as u8, 20, 21),
        (|p, n| p.max_ack_delay = n as u32, 16_383_999, 16_384_000),
        (|p, n| p.max_udp_payload_size = n as u16, 1_200, 1_199),
        (|p, n| p.max_udp_payload_size = n as u16, 65_527, 65_528),
        (|p, n| p.max_datagram_frame_size = n as u16, 1_200, 1_199),
        (|p, n| p.max_streams_bidi = n as u16, 4_096, 4_097),
        (|p, n| p.max_streams_uni = n as u16, 4_096, 4_097),
        (|p, n| p.max_data = n, 1_200, 1_199),
        (|p, n| p.max_data = n, 536_870_911, 536_870_912),
        (|p, n| p.max_stream_data_uni = n, 1_200, 1_199),
        (
            |p, n| p.max_stream_data_bidi_remote = n,
            268_435_455,
            268_435_456,
        ),
    ];
    for (number, (field, good, bad)) in bounds.into_iter().enumerate() {
        for (value, said) in [(good, Ok(())), (bad, Err(EINVAL))] {
            let mut param = none;
            field(&mut param, value);
            let set = set(&socket, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&param));
            assert_eq!(set, said, "{number}: {value}");
        }
    }
    let bounds: [(SetConfig, u32, u32); 7] = [
        (|c, n| c.plpmtud_probe_interval = n, 5_000_000, 4_999_999),
        (
            |c, n| c.plpmtud_probe_interval = n,
            143_165_576,
            143_165_577,
        ),
        (|c, n| c.initial_smoothed_rtt = n, 1_000, 999),
        (|c, n| c.initial_smoothed_rtt = n, 6_000_000, 6_000_001),
        (|c, n| c.keepalive_probe_interval = n, 1_500_000, 1_499_999),
        (
            |c, n| c.payload_cipher_type = n,
            TLS_CIPHER_AES_GCM_128,
            TLS_CIPHER_AES_GCM_128 - 1,
        ),
        (
            |c, n| c.payload_cipher_type = n,
            TLS_CIPHER_CHACHA20_POLY1305,
            TLS_CIPHER_CHACHA20_POLY1305 + 1,
        ),
    ];
    for (number, (field, good, bad)) in bounds.into_iter().enumerate() {
        for (value, said) in [(good, Ok(())), (bad, Err(EINVAL))] {
            let mut config = Config::default();
            field(&mut config, value);
            let set = set(&socket, QUIC_SOCKOPT_CONFIG, &bytes(&config));
            assert_eq!(set, said, "{number}: {value}");
        }
    }
    for cipher in [TLS_CIPHER_AES_GCM_256, TLS_CIPHER_AES_CCM_128] {
        let config = Config {
            payload_cipher_type: cipher,
            ..Config::default()
        };
        assert_eq!(set(&socket, QUIC_SOCKOPT_CONFIG, &bytes(&config)), Ok(()));
        let kept: Config = got(&socket, QUIC_SOCKOPT_CONFIG);
        assert_eq!(kept.payload_cipher_type, cipher);
    }
}

fn config_reads_back_and_chooses_the_controller() {
    for algorithm in [QUIC_CONG_ALG_RENO, QUIC_CONG_ALG_CUBIC, QUIC_CONG_ALG_BBR] {
        let config = Config {
            initial_smoothed_rtt: 50_000,
            congestion_control_algo: algorithm,
            keepalive_probe_interval: 2_000_000,
            certificate_request: 1,
            receive_session_ticket: 1,
            ..Config::default()
        };
        let ends = Ends::made_with(|client, _| {
            set(client, QUIC_SOCKOPT_CONFIG, &bytes(&config)).unwrap();
        });
        echo(&ends);
        let kept: Config = got(&ends.client, QUIC_SOCKOPT_CONFIG);
        assert_eq!(kept.initial_smoothed_rtt, 50_000);
        assert_eq!(kept.keepalive_probe_interval, 2_000_000);
        assert_eq!(
            (kept.certificate_request, kept.receive_session_ticket),
            (1, 1)
        );
        if algorithm != QUIC_CONG_ALG_RENO {
            assert_eq!(kept.congestion_control_algo, algorithm);
        }
        let late = set(&ends.client, QUIC_SOCKOPT_CONFIG, &bytes(&config));
        assert_eq!(late, Err(EINVAL));
    }
    let none = Config {
        congestion_control_algo: QUIC_CONG_ALG_MAX,
        ..Config::default()
    };
    assert_eq!(
        set(&socket(), QUIC_SOCKOPT_CONFIG, &bytes(&none)),
        Err(EINVAL)
    );
}

fn tokens_come_go_with_the_first_packet_and_tell_the_role() {
    let ends = Ends::made_with(|client, _| want(client, EventType::NewToken));
    let token = event(&ends.client, EventType::NewToken);
    let kept = || get(&ends.client, QUIC_SOCKOPT_TOKEN, &[]);
    assert_eq!(kept(), Ok(token.clone()));
    assert_eq!(
        get(&ends.server, QUIC_SOCKOPT_TOKEN, &[]),
        Err(EINVAL),
        "a server"
    );
    let give = || set(&ends.server, QUIC_SOCKOPT_TOKEN, &[]);
    assert_eq!(until_not(EAGAIN, give), Ok(()));
    assert!(matches!(give(), Ok(()) | Err(EAGAIN)));
    assert_ne!(event(&ends.client, EventType::NewToken), token);
    let (_listener, client, _) = connecting(|_, _| {});
    assert_eq!(
        get(&client, QUIC_SOCKOPT_TOKEN, &[]),
        Ok(vec![]),
        "none came"
    );
    for len in [0, TOKEN_LEN_MAX + 1] {
        let refused = set(&client, QUIC_SOCKOPT_TOKEN, &vec![1; len]);
        assert_eq!(refused, Err(EINVAL), "{len}");
    }
    assert_eq!(
        set(&client, QUIC_SOCKOPT_TOKEN, &[1; TOKEN_LEN_MAX]),
        Ok(())
    );
    assert_eq!(set(&client, QUIC_SOCKOPT_TOKEN, &token), Ok(()));
    let hello = level(QUIC_CRYPTO_INITIAL);
    raw::send_message(&client, b"client hello", &hello, 0).unwrap();
    let late = set(&client, QUIC_SOCKOPT_TOKEN, &token);
    assert_eq!(late, Err(EINVAL), "the first packet is gone");
}

fn alpn_is_a_list() {
    let socket = socket();
    assert_eq!(set(&socket, QUIC_SOCKOPT_ALPN, b"smb, h3\0"), Ok(()));
    assert_eq!(get(&socket, QUIC_SOCKOPT_ALPN, &[]), Ok(b"smb,h3".to_vec()));
    assert_eq!(
        set(&socket, QUIC_SOCKOPT_ALPN, &[b'a'; ALPN_LEN_MAX]),
        Ok(())
    );
    for bad in [&[b'a'; ALPN_LEN_MAX + 1][..], b"a,,b", b""] {
        assert_eq!(set(&socket, QUIC_SOCKOPT_ALPN, bad), Err(EINVAL));
    }
    let ends = Ends::made();
    let late = set(&ends.server, QUIC_SOCKOPT_ALPN, b"h3");
    assert_eq!(late, Err(EINVAL));
}

fn tickets_are_a_key_at_the_server_and_a_message_at_the_client() {
    let number = QUIC_SOCKOPT_SESSION_TICKET;
    let ends = Ends::made();
    let key = get(&ends.server, number, &[]).unwrap();
    assert_eq!(key.len(), SESSION_TICKET_LEN_MIN);
    assert_eq!(get(&ends.client, number, &[]), Ok(vec![]), "none came");
    assert_eq!(set(&ends.server, number, &[9; 80]), Ok(()));
    assert_eq!(get(&ends.server, number, &[]), Ok(vec![9; 80]));
    for len in [SESSION_TICKET_LEN_MIN - 1, SESSION_TICKET_LEN_MAX + 1] {
        assert_eq!(
            set(&ends.server, number, &vec![9; len]),
            Err(EINVAL),
            "{len}"
        );
    }
    let ticket = [&[4, 0, 0, 100][..], &[7; 100]].concat();
    let app = level(QUIC_CRYPTO_APP);
    raw::send_message(&ends.server, &ticket, &app, 0).unwrap();
    until("it comes", || {
        get(&ends.client, number, &[]) == Ok(ticket.clone())
    });
}

fn secrets_of_every_cipher_carry_data() {
    for cipher in TLS_CIPHER_AES_GCM_128..=TLS_CIPHER_CHACHA20_POLY1305 {
        let ends = Ends::greeted();
        ends.finish(&mut |_| {}, &mut |_| {}, cipher);
        echo(&ends);
        let late = install(&ends.client, QUIC_CRYPTO_APP, 1, 9, cipher);
        assert_eq!(late, Err(EINVAL), "the handshake is over");
    }
}

fn secrets_of_no_level_or_cipher_are_einval() {
    let (_listener, client, _) = connecting(|_, _| {});
    for (level, cipher) in [
        (QUIC_CRYPTO_INITIAL, TLS_CIPHER_AES_GCM_128),
        (QUIC_CRYPTO_MAX, TLS_CIPHER_AES_GCM_128),
        (QUIC_CRYPTO_HANDSHAKE, TLS_CIPHER_AES_GCM_128 - 1),
        (QUIC_CRYPTO_HANDSHAKE, TLS_CIPHER_CHACHA20_POLY1305 + 1),
    ] {
        let refused = install(&client, level, 1, 1, cipher);
        assert_eq!(refused, Err(EINVAL), "{level} {cipher}");
    }
    let short = bytes(&CryptoSecret::default());
    let short = set(&client, QUIC_SOCKOPT_CRYPTO_SECRET, &short[..55]);
    assert_eq!(short, Err(EINVAL));
}

fn parameters_for_tls_fit_its_buffer() {
    let number = QUIC_SOCKOPT_TRANSPORT_PARAM_EXT;
    let ends = Ends::greeted();
    let value = get(&ends.client, number, &[]).unwrap();
    assert!((1..=256).contains(&value.len()), "{}", value.len());
    let again = get(&ends.client, number, &[]).unwrap();
    assert_eq!(again, value, "a second ClientHello has the same");
    let cut = get_of(&ends.client, SOL_QUIC, number.cast_signed(), &[], 10);
    assert_eq!(cut, Err(EINVAL), "parameters are not cut");
    let long = vec![0; TRANSPORT_PARAM_EXT_LEN_MAX + 1];
    assert_eq!(set(&ends.server, number, &long), Err(EINVAL));
    ends.shake_hands();
    assert_eq!(get(&ends.client, number, &[]), Err(EINVAL), "it is over");
    assert_eq!(set(&ends.client, number, &value), Err(EINVAL));
}

fn structures_may_be_shorter_and_values_are_cut() {
    let socket = socket();
    let short = [0, 1, 1, 0, 0];
    assert_eq!(set(&socket, QUIC_SOCKOPT_TRANSPORT_PARAM, &short), Ok(()));
    let number = QUIC_SOCKOPT_TRANSPORT_PARAM.cast_signed();
    let cut = get_of(&socket, SOL_QUIC, number, &[], 5);
    assert_eq!(cut, Ok(short.to_vec()));
    assert_eq!(set(&socket, QUIC_SOCKOPT_ALPN, b"abcdef"), Ok(()));
    let number = QUIC_SOCKOPT_ALPN.cast_signed();
    assert_eq!(
        get_of(&socket, SOL_QUIC, number, &[], 4),
        Ok(b"abcd".to_vec())
    );
    let longer = get(&socket, QUIC_SOCKOPT_TRANSPORT_PARAM, &[]).unwrap();
    assert_eq!(longer.len(), TransportParam::SIZE);
}

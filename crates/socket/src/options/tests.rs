use alloc::vec;
use alloc::vec::Vec;

use inquic_engine::recovery::Algorithm;
use inquic_platform::Duration;
use inquic_uapi::structs::{Config, EventOption, TransportParam};
use inquic_uapi::{
    Layout, QUIC_CONG_ALG_BBR, QUIC_CONG_ALG_CUBIC, QUIC_CONG_ALG_MAX, TLS_CIPHER_AES_GCM_256,
    option,
};
use inquic_wire::Version;

use super::{Bounds, Options};
use crate::errno::Errno;

fn bytes(value: &impl Layout) -> Vec<u8> {
    let mut bytes = vec![0; 72];
    let len = value.write(&mut bytes);
    bytes.truncate(len);
    bytes
}

fn get<T: Layout>(options: &Options, number: u32) -> T {
    let mut value = [0; 72];
    let len = options.get(number, &[], &mut value).unwrap();
    T::read(&value[..len])
}

#[test]
fn what_is_set_is_what_the_engine_gets() {
    let mut options = Options::default();
    let param = TransportParam {
        max_idle_timeout: 5_000_000,
        max_streams_bidi: 7,
        max_data: 100_000,
        max_stream_data_uni: 50_000,
        ..TransportParam::default()
    };
    options
        .set(option::QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&param))
        .unwrap();
    let engine = options.engine();
    assert_eq!(engine.idle_timeout, Duration::from_secs(5));
    assert_eq!(engine.streams.max_streams_bidi, 7);
    assert_eq!(engine.streams.connection_window.initial, 100_000);
    assert_eq!(engine.streams.initial.uni, Some(50_000));
    let read: TransportParam = get(&options, option::QUIC_SOCKOPT_TRANSPORT_PARAM);
    assert_eq!(read.max_idle_timeout, 5_000_000);
    assert_eq!(read.max_stream_data_uni, 50_000);
    assert_eq!(read.max_stream_data_bidi_local, 65_535 * 16);
}

#[test]
fn a_parameter_of_zero_leaves_what_was() {
    let mut options = Options::default();
    let before: TransportParam = get(&options, option::QUIC_SOCKOPT_TRANSPORT_PARAM);
    options
        .set(option::QUIC_SOCKOPT_TRANSPORT_PARAM, &[])
        .unwrap();
    let after: TransportParam = get(&options, option::QUIC_SOCKOPT_TRANSPORT_PARAM);
    assert_eq!(before, after);
}

#[test]
fn bounds_are_met_exactly_and_not_passed_by_one() {
    let idle = |max_idle_timeout| TransportParam {
        max_idle_timeout,
        ..TransportParam::default()
    };
    let streams = |max_streams_uni| TransportParam {
        max_streams_uni,
        ..TransportParam::default()
    };
    let mut options = Options::default();
    let mut set = |param| options.set(option::QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&param));
    assert_eq!(set(idle(1_000_000)), Ok(()));
    assert_eq!(set(idle(999_999)), Err(Errno::EINVAL));
    assert_eq!(set(streams(4_096)), Ok(()));
    assert_eq!(set(streams(4_097)), Err(Errno::EINVAL));
}

#[test]
fn a_socket_may_stay_with_one_version() {
    let mut options = Options::default();
    let read: TransportParam = get(&options, option::QUIC_SOCKOPT_TRANSPORT_PARAM);
    assert_eq!(
        (read.grease_quic_bit, read.disable_compatible_version),
        (0, 0)
    );
    let config = Config {
        version: Version::V2.0,
        ..Config::default()
    };
    options
        .set(option::QUIC_SOCKOPT_CONFIG, &bytes(&config))
        .unwrap();
    let param = TransportParam {
        disable_compatible_version: 1,
        ..TransportParam::default()
    };
    options
        .set(option::QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&param))
        .unwrap();
    assert_eq!(options.engine().versions.as_slice(), [Version::V2]);
    let read: TransportParam = get(&options, option::QUIC_SOCKOPT_TRANSPORT_PARAM);
    assert_eq!(read.disable_compatible_version, 1);
}

#[test]
fn encryption_is_left_out_only_where_it_is_asked_for_and_then_stays_so() {
    let mut options = Options::default();
    assert!(!options.engine().insecure_disable_1rtt_encryption);
    for asks in [1, 0] {
        let param = TransportParam {
            disable_1rtt_encryption: asks,
            ..TransportParam::default()
        };
        options
            .set(option::QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&param))
            .unwrap();
        assert!(options.engine().insecure_disable_1rtt_encryption);
        let read: TransportParam = get(&options, option::QUIC_SOCKOPT_TRANSPORT_PARAM);
        assert_eq!(read.disable_1rtt_encryption, 1);
    }
}

#[test]
fn a_bad_number_in_a_configuration_leaves_all_of_it() {
    let mut options = Options::default();
    let config = Config {
        initial_smoothed_rtt: 10_000,
        keepalive_probe_interval: 1_499_999,
        ..Config::default()
    };
    assert_eq!(
        options.set(option::QUIC_SOCKOPT_CONFIG, &bytes(&config)),
        Err(Errno::EINVAL)
    );
    let read: Config = get(&options, option::QUIC_SOCKOPT_CONFIG);
    assert_eq!(read.initial_smoothed_rtt, 333_000);
}

#[test]
fn every_congestion_controller_has_its_number() {
    for (number, algorithm) in [
        (QUIC_CONG_ALG_CUBIC, Algorithm::Cubic),
        (QUIC_CONG_ALG_BBR, Algorithm::Bbr),
    ] {
        let mut options = Options::default();
        let config = Config {
            congestion_control_algo: number,
            ..Config::default()
        };
        options
            .set(option::QUIC_SOCKOPT_CONFIG, &bytes(&config))
            .unwrap();
        assert_eq!(options.engine().algorithm, algorithm);
        let read: Config = get(&options, option::QUIC_SOCKOPT_CONFIG);
        assert_eq!(read.congestion_control_algo, number);
    }
    let config = Config {
        congestion_control_algo: QUIC_CONG_ALG_MAX,
        ..Config::default()
    };
    assert_eq!(
        Options::default().set(option::QUIC_SOCKOPT_CONFIG, &bytes(&config)),
        Err(Errno::EINVAL)
    );
}

#[test]
fn a_configuration_reads_back() {
    let mut options = Options::default();
    let config = Config {
        version: 123,
        initial_smoothed_rtt: 10_000,
        payload_cipher_type: TLS_CIPHER_AES_GCM_256,
        validate_peer_address: 1,
        keepalive_probe_interval: 1_500_000,
        ..Config::default()
    };
    options
        .set(option::QUIC_SOCKOPT_CONFIG, &bytes(&config))
        .unwrap();
    let read: Config = get(&options, option::QUIC_SOCKOPT_CONFIG);
    assert_eq!(read.version, 123);
    assert_eq!(read.payload_cipher_type, TLS_CIPHER_AES_GCM_256);
    assert_eq!(read.validate_peer_address, 1);
    assert_eq!(read.keepalive_probe_interval, 1_500_000);
    assert_eq!(options.retry(), inquic_engine::RetryPolicy::Always);
}

#[test]
fn protocols_are_a_list_without_spaces() {
    let mut options = Options::default();
    options.set(option::QUIC_SOCKOPT_ALPN, b"smb, h3").unwrap();
    assert_eq!(options.alpn().collect::<Vec<_>>(), [&b"smb"[..], b"h3"]);
    assert_eq!(
        options.set(option::QUIC_SOCKOPT_ALPN, b"a,,b"),
        Err(Errno::EINVAL)
    );
    assert_eq!(options.set(option::QUIC_SOCKOPT_ALPN, &[b'a'; 128]), Ok(()));
    assert_eq!(
        options.set(option::QUIC_SOCKOPT_ALPN, &[b'a'; 129]),
        Err(Errno::EINVAL)
    );
}

#[test]
fn a_token_has_one_to_120_bytes() {
    let mut options = Options::default();
    assert_eq!(
        options.set(option::QUIC_SOCKOPT_TOKEN, &[]),
        Err(Errno::EINVAL)
    );
    assert_eq!(options.set(option::QUIC_SOCKOPT_TOKEN, &[1; 120]), Ok(()));
    assert_eq!(
        options.set(option::QUIC_SOCKOPT_TOKEN, &[1; 121]),
        Err(Errno::EINVAL)
    );
    assert_eq!(options.token(), [1; 120]);
}

#[test]
fn events_are_off_until_they_are_turned_on() {
    let mut options = Options::default();
    let event = |event_type, on| bytes(&EventOption { event_type, on });
    let mut value = [0; 2];
    let number = option::QUIC_SOCKOPT_EVENT;
    options.get(number, &event(5, 0), &mut value).unwrap();
    assert_eq!(EventOption::read(&value).on, 0);
    options
        .set(option::QUIC_SOCKOPT_EVENT, &event(5, 1))
        .unwrap();
    options.get(number, &event(5, 0), &mut value).unwrap();
    assert_eq!(EventOption::read(&value).on, 1);
    assert_eq!(
        options.set(option::QUIC_SOCKOPT_EVENT, &event(10, 1)),
        Err(Errno::EINVAL)
    );
}

#[test]
fn what_there_is_not_is_no_option() {
    let mut options = Options::default();
    assert_eq!(options.set(63, &[]), Err(Errno::ENOPROTOOPT));
    assert_eq!(options.get(63, &[], &mut []), Err(Errno::ENOPROTOOPT));
}

#[test]
fn what_is_beyond_the_bounds_of_the_home_is_cut() {
    let mut options = Options::default();
    options.bound(Bounds {
        send: 300_000,
        receive: 400_000,
        linger: Duration::from_secs(120),
    });
    assert_eq!(options.engine().streams.connection_window.initial, 400_000);
    let param = TransportParam {
        max_data: i32::MAX as u64 / 4,
        max_stream_data_bidi_local: i32::MAX as u64 / 8,
        max_stream_data_bidi_remote: 100_000,
        max_stream_data_uni: 500_000,
        ..TransportParam::default()
    };
    options
        .set(option::QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&param))
        .unwrap();
    let read: TransportParam = get(&options, option::QUIC_SOCKOPT_TRANSPORT_PARAM);
    assert_eq!(read.max_data, 400_000);
    assert_eq!(read.max_stream_data_bidi_local, 400_000);
    assert_eq!(read.max_stream_data_bidi_remote, 100_000, "as it was asked");
    assert_eq!(read.max_stream_data_uni, 400_000);
    options.set_receive_buffer(1_000_000);
    assert_eq!(options.receive_buffer(), 400_000);
    options.set_send_buffer(1_000_000);
    assert_eq!(options.send_buffer(), 300_000);
    let streams = options.engine().streams;
    for window in [streams.connection_window, streams.stream_window] {
        assert_eq!((window.initial, window.ceiling), (400_000, 400_000));
    }
    assert_eq!(streams.stream_send_buffer, 300_000);
    let linger = u32::MAX.to_ne_bytes();
    options.set(option::QUIC_SOCKOPT_LINGER, &linger).unwrap();
    assert_eq!(options.linger, Duration::from_secs(120));
}

#[test]
fn the_bounds_of_a_listener_are_its_connections() {
    let mut options = Options::default();
    options.bound(Bounds {
        receive: 400_000,
        ..Bounds::NONE
    });
    let mut accepted = options.copied().unwrap();
    accepted.set_receive_buffer(1_000_000);
    assert_eq!(accepted.receive_buffer(), 400_000);
}

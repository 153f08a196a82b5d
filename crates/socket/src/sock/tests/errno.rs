//! Misuse and the errno that the ABI names for it: each option in each state with each bad value, and the other calls.

use alloc::vec;
use alloc::vec::Vec;

use inquic_engine::CloseReason;
use inquic_platform::Instant;
use inquic_uapi::flags::{
    MSG_DONTWAIT, MSG_ERRQUEUE, MSG_NOSIGNAL, MSG_QUIC_DATAGRAM, MSG_QUIC_STREAM_DONTWAIT,
    MSG_QUIC_STREAM_FIN, MSG_QUIC_STREAM_NEW, MSG_WAITALL,
};
use inquic_uapi::option::*;
use inquic_uapi::structs::{
    Config, ConnectionIdInfo, ErrInfo, StreamDescriptor, StreamInfo, StreamPriority, TransportParam,
};
use inquic_uapi::{QUIC_CRYPTO_APP, QUIC_CRYPTO_HANDSHAKE, SOL_QUIC};
use inquic_wire::{Code, PeerError};

use super::{
    Pair, Sock, Stop, address, bytes, get, handshake, install, receive, set, socket, stream,
};
use crate::errno::{Errno, of_close};
use crate::sock::{Got, Wait};

/// What a call is made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    Unbound,
    Listener,
    ConnectingClient,
    AcceptedServer,
    EstablishedClient,
    EstablishedServer,
    Closed,
}

use On::{
    AcceptedServer, Closed, ConnectingClient, EstablishedClient, EstablishedServer, Listener,
    Unbound,
};

const ALL: [On; 7] = [
    Unbound,
    Listener,
    ConnectingClient,
    AcceptedServer,
    EstablishedClient,
    EstablishedServer,
    Closed,
];

/// Makes a call on a socket in a state.
fn on<T>(state: On, call: &mut dyn FnMut(&mut Sock, Instant) -> T) -> T {
    let mut pair = match state {
        Unbound => return call(&mut socket(), Instant::ZERO),
        Listener | ConnectingClient => Pair::connecting(),
        AcceptedServer => {
            let mut pair = Pair::connecting();
            pair.greet();
            pair
        }
        EstablishedClient | EstablishedServer | Closed => Pair::established(),
    };
    let now = pair.now;
    match state {
        Unbound | Listener => call(&mut pair.server.listener, now),
        ConnectingClient | EstablishedClient => call(pair.client.sock(), now),
        AcceptedServer | EstablishedServer => call(pair.server.sock(), now),
        Closed => {
            pair.client.sock().close(now);
            call(pair.client.sock(), now)
        }
    }
}

fn setting(state: On, number: u32, value: &[u8]) -> Result<(), Errno> {
    on(state, &mut |sock, now| {
        sock.setsockopt(now, SOL_QUIC, number as i32, value)
            .map(|_| ())
    })
}

fn getting(state: On, number: u32, value: &[u8]) -> Result<(), Errno> {
    on(state, &mut |sock, _| {
        let mut out = vec![0; 4096];
        sock.getsockopt(SOL_QUIC, number as i32, value, &mut out)
            .map(|_| ())
            .map_err(Stop::errno)
    })
}

fn sockaddr(text: &str) -> Vec<u8> {
    let mut out = [0; address::ADDRESS_LEN];
    let len = address::write(text.parse().unwrap(), &mut out);
    out[..len].to_vec()
}

/// Every misuse of setsockopt: option, value, states, errno.
fn misuse_of_set() -> Vec<(u32, Vec<u8>, &'static [On], Errno)> {
    use Errno::{EINVAL, ENOPROTOOPT, EPIPE};
    const NOT_ESTABLISHED: &[On] = &[Unbound, Listener, ConnectingClient, AcceptedServer, Closed];
    const NOT_CONNECTING: &[On] = &[
        Unbound,
        Listener,
        EstablishedClient,
        EstablishedServer,
        Closed,
    ];
    let config = |config: Config| bytes(&config);
    let plain = Config::default();
    let reset = bytes(&ErrInfo::default());
    vec![
        (QUIC_SOCKOPT_EVENT, vec![0, 1], &ALL, EINVAL),
        (QUIC_SOCKOPT_EVENT, vec![10, 1], &ALL, EINVAL),
        (QUIC_SOCKOPT_EVENT, vec![], &ALL, EINVAL),
        (QUIC_SOCKOPT_STREAM_OPEN, vec![0; 16], &ALL, ENOPROTOOPT),
        (QUIC_SOCKOPT_STREAM_RESET, reset.clone(), &ALL, EINVAL),
        (QUIC_SOCKOPT_STREAM_STOP_SENDING, reset, &ALL, EINVAL),
        (
            QUIC_SOCKOPT_CONNECTION_ID,
            vec![0; 12],
            NOT_ESTABLISHED,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CONNECTION_MIGRATION,
            sockaddr("192.0.2.1:2000"),
            &[Unbound, Listener, Closed],
            EPIPE,
        ),
        (
            QUIC_SOCKOPT_CONNECTION_MIGRATION,
            sockaddr("192.0.2.1:2000"),
            &[ConnectingClient, EstablishedServer],
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CONNECTION_MIGRATION,
            sockaddr("192.0.2.1:2000")[..15].to_vec(),
            &[AcceptedServer, EstablishedClient],
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CONNECTION_MIGRATION,
            sockaddr("192.0.2.1:0"),
            &[AcceptedServer, EstablishedClient],
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CONNECTION_MIGRATION,
            sockaddr("192.0.2.1:1000"),
            &[EstablishedClient],
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CONNECTION_MIGRATION,
            sockaddr("[2001:db8::1]:2000"),
            &[EstablishedClient],
            EINVAL,
        ),
        (QUIC_SOCKOPT_KEY_UPDATE, vec![], NOT_ESTABLISHED, EPIPE),
        (
            QUIC_SOCKOPT_TRANSPORT_PARAM,
            vec![],
            &[EstablishedClient, EstablishedServer, Closed],
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_TRANSPORT_PARAM,
            vec![1],
            NOT_CONNECTING,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CONFIG,
            vec![],
            &[EstablishedClient, EstablishedServer, Closed],
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CONFIG,
            config(Config {
                payload_cipher_type: 50,
                ..plain
            }),
            &ALL,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_TOKEN,
            vec![],
            &[Unbound, Listener, ConnectingClient],
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_TOKEN,
            vec![1; 121],
            &[Unbound, Listener, ConnectingClient, EstablishedClient],
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_TOKEN,
            vec![1; 20],
            &[
                Listener,
                AcceptedServer,
                EstablishedServer,
                EstablishedClient,
            ],
            EINVAL,
        ),
        (QUIC_SOCKOPT_TOKEN, vec![], &[AcceptedServer], EINVAL),
        (
            QUIC_SOCKOPT_ALPN,
            b"h3".to_vec(),
            &[Listener, EstablishedClient, EstablishedServer, Closed],
            EINVAL,
        ),
        (QUIC_SOCKOPT_ALPN, vec![b'a'; 129], &ALL, EINVAL),
        (QUIC_SOCKOPT_ALPN, b"a,,b".to_vec(), &ALL, EINVAL),
        (QUIC_SOCKOPT_ALPN, vec![], &ALL, EINVAL),
        (QUIC_SOCKOPT_SESSION_TICKET, vec![1; 64], &[Listener], EPIPE),
        (
            QUIC_SOCKOPT_SESSION_TICKET,
            vec![1; 63],
            &[Unbound, ConnectingClient, AcceptedServer, EstablishedServer],
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CRYPTO_SECRET,
            vec![0; 56],
            NOT_CONNECTING,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CRYPTO_SECRET,
            vec![0; 55],
            &[ConnectingClient, AcceptedServer],
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
            vec![],
            NOT_CONNECTING,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
            vec![0; 513],
            &[ConnectingClient, AcceptedServer],
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
            vec![1, 200, 0],
            &[AcceptedServer],
            EINVAL,
        ),
        (QUIC_SOCKOPT_SERVER_NAMES, b"a".to_vec(), &ALL[1..], EINVAL),
        (QUIC_SOCKOPT_SERVER_NAMES, vec![b'a'; 2049], &ALL, EINVAL),
        (QUIC_SOCKOPT_STATISTICS, vec![0; 232], &ALL, ENOPROTOOPT),
        (
            QUIC_SOCKOPT_STREAM_PRIORITY,
            bytes(&StreamPriority::default()),
            &ALL,
            EINVAL,
        ),
        (QUIC_SOCKOPT_EOF, vec![1], &ALL, EINVAL),
        (QUIC_SOCKOPT_LINGER, vec![1, 2, 3], &ALL, EINVAL),
        (QUIC_SOCKOPT_DATAGRAM_FATES, vec![1, 2, 3], &ALL, EINVAL),
        (
            QUIC_SOCKOPT_STREAM_DESCRIPTOR,
            vec![0; 16],
            &ALL,
            ENOPROTOOPT,
        ),
        (15, vec![0; 16], &ALL, ENOPROTOOPT),
        (63, vec![], &ALL, ENOPROTOOPT),
        (71, vec![], &ALL, ENOPROTOOPT),
        (QUIC_SOCKOPT_EVENT, vec![1; 4097], &ALL, EINVAL),
        (63, vec![1; 4097], &ALL, EINVAL),
    ]
}

#[test]
fn misuse_of_setsockopt_has_its_errno_in_every_state() {
    for (number, value, states, errno) in misuse_of_set() {
        for &state in states {
            let got = setting(state, number, &value);
            assert_eq!(
                got,
                Err(errno),
                "{number} with {} bytes on {state:?}",
                value.len()
            );
        }
    }
}

#[test]
fn misuse_of_getsockopt_has_its_errno_in_every_state() {
    use Errno::{EAGAIN, EINVAL, ENOPROTOOPT, ENOTCONN, EPIPE};
    const NOT_ESTABLISHED: &[On] = &[Unbound, Listener, ConnectingClient, AcceptedServer, Closed];
    let table: [(u32, &[u8], &[On], Errno); 18] = [
        (QUIC_SOCKOPT_EVENT, &[0, 0], &ALL, EINVAL),
        (QUIC_SOCKOPT_EVENT, &[10], &ALL, EINVAL),
        (QUIC_SOCKOPT_STREAM_OPEN, &[0xff; 8], NOT_ESTABLISHED, EPIPE),
        (QUIC_SOCKOPT_STREAM_RESET, &[], &ALL, ENOPROTOOPT),
        (QUIC_SOCKOPT_STREAM_STOP_SENDING, &[], &ALL, ENOPROTOOPT),
        (QUIC_SOCKOPT_CONNECTION_ID, &[], NOT_ESTABLISHED, EINVAL),
        (QUIC_SOCKOPT_CONNECTION_MIGRATION, &[], &ALL, ENOPROTOOPT),
        (QUIC_SOCKOPT_KEY_UPDATE, &[], &ALL, ENOPROTOOPT),
        (
            QUIC_SOCKOPT_TOKEN,
            &[],
            &[Listener, AcceptedServer, EstablishedServer],
            EINVAL,
        ),
        (QUIC_SOCKOPT_SESSION_TICKET, &[], &[Listener], EPIPE),
        (QUIC_SOCKOPT_CRYPTO_SECRET, &[], &ALL, ENOPROTOOPT),
        (
            QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
            &[],
            &[
                Unbound,
                Listener,
                EstablishedClient,
                EstablishedServer,
                Closed,
            ],
            EINVAL,
        ),
        (QUIC_SOCKOPT_STATISTICS, &[], &[Unbound, Listener], EINVAL),
        (
            QUIC_SOCKOPT_STREAM_DESCRIPTOR,
            &[0xff; 8],
            NOT_ESTABLISHED,
            EPIPE,
        ),
        (
            QUIC_SOCKOPT_DATAGRAM_FATES,
            &[],
            &[Unbound, Listener],
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_DATAGRAM_FATES,
            &[],
            &[
                ConnectingClient,
                AcceptedServer,
                EstablishedClient,
                EstablishedServer,
            ],
            EAGAIN,
        ),
        (QUIC_SOCKOPT_DATAGRAM_FATES, &[], &[Closed], ENOTCONN),
        (63, &[], &ALL, ENOPROTOOPT),
    ];
    for (number, value, states, errno) in table {
        for &state in states {
            assert_eq!(
                getting(state, number, value),
                Err(errno),
                "{number} on {state:?}"
            );
        }
    }
}

#[test]
fn values_at_the_bounds_of_1_4_are_taken_and_those_beyond_are_einval() {
    let none = TransportParam::default();
    let idle = |max_idle_timeout| TransportParam {
        max_idle_timeout,
        ..none
    };
    let cids = |active_connection_id_limit| TransportParam {
        active_connection_id_limit,
        ..none
    };
    let exponent = |ack_delay_exponent| TransportParam {
        ack_delay_exponent,
        ..none
    };
    let delay = |max_ack_delay| TransportParam {
        max_ack_delay,
        ..none
    };
    let payload = |max_udp_payload_size| TransportParam {
        max_udp_payload_size,
        ..none
    };
    let datagram = |max_datagram_frame_size| TransportParam {
        max_datagram_frame_size,
        ..none
    };
    let bidi = |max_streams_bidi| TransportParam {
        max_streams_bidi,
        ..none
    };
    let uni = |max_streams_uni| TransportParam {
        max_streams_uni,
        ..none
    };
    let data = |max_data| TransportParam { max_data, ..none };
    let window = |max_stream_data_bidi_local| TransportParam {
        max_stream_data_bidi_local,
        ..none
    };
    let good = [
        idle(1_000_000),
        cids(2),
        cids(8),
        exponent(20),
        delay(16_383_999),
        payload(1_200),
        payload(65_527),
        datagram(1_200),
        bidi(4_096),
        uni(4_096),
        data(1_200),
        data(i32::MAX as u64 / 4),
        window(1_200),
        window(i32::MAX as u64 / 8),
    ];
    let bad = [
        idle(999_999),
        cids(1),
        cids(9),
        exponent(21),
        delay(16_384_000),
        payload(1_199),
        payload(65_528),
        datagram(1_199),
        bidi(4_097),
        uni(4_097),
        data(1_199),
        data(i32::MAX as u64 / 4 + 1),
        window(1_199),
        window(i32::MAX as u64 / 8 + 1),
    ];
    for state in [Unbound, Listener, ConnectingClient, AcceptedServer] {
        for param in good {
            let set = setting(state, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&param));
            assert_eq!(set, Ok(()), "{param:?}");
        }
        for param in bad {
            let set = setting(state, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&param));
            assert_eq!(set, Err(Errno::EINVAL), "{param:?}");
        }
    }
    let plain = Config::default();
    let probe = |plpmtud_probe_interval| Config {
        plpmtud_probe_interval,
        ..plain
    };
    let rtt = |initial_smoothed_rtt| Config {
        initial_smoothed_rtt,
        ..plain
    };
    let keep = |keepalive_probe_interval| Config {
        keepalive_probe_interval,
        ..plain
    };
    let cipher = |payload_cipher_type| Config {
        payload_cipher_type,
        ..plain
    };
    let good = [
        probe(5_000_000),
        probe(u32::MAX / 30),
        rtt(1_000),
        rtt(6_000_000),
        keep(1_500_000),
        cipher(51),
        cipher(52),
        cipher(53),
        cipher(54),
    ];
    let bad = [
        probe(4_999_999),
        probe(u32::MAX / 30 + 1),
        rtt(999),
        rtt(6_000_001),
        keep(1_499_999),
        cipher(50),
        cipher(55),
    ];
    for config in good {
        assert_eq!(
            setting(Unbound, QUIC_SOCKOPT_CONFIG, &bytes(&config)),
            Ok(()),
            "{config:?}"
        );
    }
    for config in bad {
        let set = setting(Unbound, QUIC_SOCKOPT_CONFIG, &bytes(&config));
        assert_eq!(set, Err(Errno::EINVAL), "{config:?}");
    }
}

#[test]
fn enoprotoopt_is_for_a_negative_option_too() {
    let mut sock = socket();
    let set = sock.setsockopt(Instant::ZERO, SOL_QUIC, -1, &[]);
    assert_eq!(set, Err(Errno::ENOPROTOOPT));
    let got = sock.getsockopt(SOL_QUIC, -1, &[], &mut []);
    assert_eq!(got, Err(Stop::Failed(Errno::ENOPROTOOPT)));
}

#[test]
fn epipe_comes_with_a_signal_unless_it_is_unwanted() {
    for state in [Unbound, Listener, Closed] {
        let sent = |control: &[u8], flags| {
            on(state, &mut |sock, now| {
                sock.sendmsg(now, control, flags, b"x")
            })
        };
        assert_eq!(sent(&[], 0), Err(Stop::Pipe), "{state:?}");
        let quiet = Err(Stop::Failed(Errno::EPIPE));
        assert_eq!(sent(&[], MSG_NOSIGNAL), quiet);
        assert_eq!(sent(&[], MSG_QUIC_DATAGRAM), quiet);
        assert_eq!(sent(&handshake(QUIC_CRYPTO_APP), 0), quiet);
    }
}

#[test]
fn enotconn_is_for_receiving_without_a_connection() {
    for state in [Unbound, Listener, Closed] {
        let got = on(state, &mut |sock, now| {
            receive(sock, now, 0, 16).map(|_| ())
        });
        assert_eq!(got, Err(Errno::ENOTCONN), "{state:?}");
    }
}

#[test]
fn eagain_is_for_receiving_before_anything_has_come() {
    for state in [ConnectingClient, AcceptedServer, EstablishedServer] {
        let got = on(state, &mut |sock, now| {
            sock.recvmsg(now, MSG_DONTWAIT, &mut [0; 16], &mut [])
        });
        let on = Wait::Receive;
        let errno = Errno::EAGAIN;
        assert_eq!(got, Err(Stop::Blocked { on, errno }), "{state:?}");
    }
    let queue = on(EstablishedClient, &mut |sock, now| {
        sock.recvmsg(now, MSG_ERRQUEUE, &mut [0; 16], &mut [])
    });
    assert_eq!(queue, Err(Stop::Failed(Errno::EAGAIN)));
}

#[test]
fn einval_is_for_flags_that_sendmsg_does_not_take() {
    let taken = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL | MSG_QUIC_STREAM_NEW;
    for bit in 0..32 {
        let flag = 1_u32 << bit;
        let sent = on(EstablishedClient, &mut |sock, now| {
            sock.sendmsg(now, &[], taken | flag, b"x").map(|_| ())
        });
        let known = inquic_uapi::flags::SEND_FLAGS & flag != 0;
        // No datagrams are enabled.
        let ok = known && flag != MSG_QUIC_DATAGRAM;
        let einval = Err(Stop::Failed(Errno::EINVAL));
        assert_eq!(sent, if ok { Ok(()) } else { einval }, "{flag:#x}");
    }
}

#[test]
fn einval_is_for_keys_that_are_not_ready() {
    let sent = on(ConnectingClient, &mut |sock, now| {
        sock.sendmsg(now, &handshake(QUIC_CRYPTO_HANDSHAKE), 0, b"finished")
    });
    assert_eq!(sent, Err(Stop::Failed(Errno::EINVAL)));
    let sent = on(ConnectingClient, &mut |sock, now| {
        install(sock, now, QUIC_CRYPTO_HANDSHAKE, 1, 1);
        sock.sendmsg(now, &handshake(QUIC_CRYPTO_HANDSHAKE), 0, b"finished")
    });
    assert!(sent.is_ok());
}

#[test]
fn einval_is_for_control_messages_that_are_none() {
    let good = stream(-1, MSG_QUIC_STREAM_NEW);
    for (control, reason) in [
        (good[..20].to_vec(), "shorter than it says"),
        (
            [&[8_u8, 0, 0, 0][..], &good[4..]].concat(),
            "shorter than its header",
        ),
        (super::control(7, &[]), "of an unknown type"),
        (super::control(0, &[0; 15]), "too short for its type"),
        (stream(-1, 0x4000_0000), "with flags that are none"),
    ] {
        let sent = on(EstablishedClient, &mut |sock, now| {
            sock.sendmsg(now, &control, 0, b"x")
        });
        assert_eq!(sent, Err(Stop::Failed(Errno::EINVAL)), "{reason}");
    }
    // Those of other levels are not for us.
    let mut other = good.clone();
    other[8] = 1;
    other[9] = 0;
    let both = [other, good].concat();
    let sent = on(EstablishedClient, &mut |sock, now| {
        sock.sendmsg(now, &both, 0, b"x")
    });
    assert!(sent.is_ok());
}

#[test]
fn stream_open_blocks_or_says_eagain_at_the_limit() {
    let ask = |stream_id, stream_flags| {
        on(EstablishedClient, &mut |sock, _| {
            let value = bytes(&StreamInfo {
                stream_id,
                stream_flags,
            });
            let number = QUIC_SOCKOPT_STREAM_OPEN as i32;
            sock.getsockopt(SOL_QUIC, number, &value, &mut [0; 16])
        })
    };
    assert_eq!(ask(-1, 0), Ok(Got::Bytes(16)));
    assert_eq!(ask(99 * 4, 0), Ok(Got::Bytes(16)), "the hundredth");
    let beyond = ask(100 * 4, MSG_QUIC_STREAM_DONTWAIT);
    assert_eq!(beyond, Err(Stop::Failed(Errno::EAGAIN)));
    let on = Wait::Open(inquic_wire::Direction::Bidirectional);
    let errno = Errno::EAGAIN;
    assert_eq!(ask(100 * 4, 0), Err(Stop::Blocked { on, errno }));
    assert_eq!(ask(-2, 0), Err(Stop::Failed(Errno::EINVAL)));
    assert_eq!(ask(1, 0), Err(Stop::Failed(Errno::EINVAL)), "the peer's");
    assert_eq!(ask(0, 0x4000_0000), Err(Stop::Failed(Errno::EINVAL)));
}

#[test]
fn streams_that_are_open_or_over_are_einval_and_enostr() {
    let mut pair = Pair::established();
    let now = pair.now;
    let open = |id| {
        bytes(&StreamInfo {
            stream_id: id,
            stream_flags: 0,
        })
    };
    let opened = get(pair.client.sock(), QUIC_SOCKOPT_STREAM_OPEN, &open(-1)).unwrap();
    assert_eq!(opened[..8], 0_i64.to_ne_bytes());
    let again = get(pair.client.sock(), QUIC_SOCKOPT_STREAM_OPEN, &open(0));
    assert_eq!(again, Err(Errno::EINVAL));
    let fin = stream(0, MSG_QUIC_STREAM_FIN);
    pair.client_sends(&fin, 0, b"ask").unwrap();
    pair.run(5);
    pair.server_gets().unwrap();
    pair.server_sends(&fin, 0, b"answer").unwrap();
    pair.run(50);
    pair.client_gets().unwrap();
    pair.run(50);
    let error = bytes(&ErrInfo {
        stream_id: 0,
        errcode: 1,
    });
    for number in [QUIC_SOCKOPT_STREAM_RESET, QUIC_SOCKOPT_STREAM_STOP_SENDING] {
        let over = set(pair.client.sock(), now, number, &error);
        assert_eq!(over, Err(Errno::ENOSTR), "{number}");
    }
    let over = get(pair.client.sock(), QUIC_SOCKOPT_STREAM_OPEN, &open(0));
    assert_eq!(over, Err(Errno::ENOSTR));
    let over = bytes(&StreamDescriptor {
        stream_id: 0,
        stream_flags: 0,
        descriptor: 0,
    });
    let over = get(pair.client.sock(), QUIC_SOCKOPT_STREAM_DESCRIPTOR, &over);
    assert_eq!(over, Err(Errno::ENOSTR));
}

#[test]
fn streams_of_one_direction_are_einval_the_other_way() {
    let mut pair = Pair::established();
    let uni = stream(2, MSG_QUIC_STREAM_NEW);
    pair.client_sends(&uni, 0, b"x").unwrap();
    pair.run(5);
    let now = pair.now;
    let error = bytes(&ErrInfo {
        stream_id: 2,
        errcode: 1,
    });
    let stop = set(
        pair.client.sock(),
        now,
        QUIC_SOCKOPT_STREAM_STOP_SENDING,
        &error,
    );
    assert_eq!(stop, Err(Errno::EINVAL), "send-only");
    let reset = set(pair.server.sock(), now, QUIC_SOCKOPT_STREAM_RESET, &error);
    assert_eq!(reset, Err(Errno::EINVAL), "receive-only");
    let sent = pair.server_sends(&stream(2, 0), 0, b"x");
    assert_eq!(sent, Err(Errno::ENOSTR));
    let stop = set(
        pair.server.sock(),
        now,
        QUIC_SOCKOPT_STREAM_STOP_SENDING,
        &error,
    );
    assert_eq!(stop, Ok(()));
    let again = set(
        pair.server.sock(),
        now,
        QUIC_SOCKOPT_STREAM_STOP_SENDING,
        &error,
    );
    assert_eq!(again, Err(Errno::EAGAIN), "pending");
}

#[test]
fn a_stream_is_reset_once_and_not_after_its_end_has_arrived() {
    let mut pair = Pair::established();
    let now = pair.now;
    let error = |stream_id| {
        bytes(&ErrInfo {
            stream_id,
            errcode: 1,
        })
    };
    let number = QUIC_SOCKOPT_STREAM_RESET;
    pair.client_sends(&stream(0, MSG_QUIC_STREAM_NEW), 0, b"x")
        .unwrap();
    assert_eq!(set(pair.client.sock(), now, number, &error(0)), Ok(()));
    let again = set(pair.client.sock(), now, number, &error(0));
    assert_eq!(again, Err(Errno::EINVAL));
    let late = pair.client_sends(&stream(0, 0), 0, b"x");
    assert_eq!(late, Err(Errno::EINVAL));
    let whole = stream(4, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN);
    pair.client_sends(&whole, 0, b"x").unwrap();
    pair.run(50);
    let finished = set(pair.client.sock(), now, number, &error(4));
    assert_eq!(finished, Err(Errno::EINVAL));
}

#[test]
fn connection_ids_outside_of_what_there_is_are_einval() {
    for dest in [0, 1] {
        for (active, prior_to) in [(0, 7), (7, 0), (0, u32::MAX), (u32::MAX, 0)] {
            let info = ConnectionIdInfo {
                dest,
                reserved: [0; 3],
                active,
                prior_to,
            };
            let set = setting(EstablishedClient, QUIC_SOCKOPT_CONNECTION_ID, &bytes(&info));
            assert_eq!(set, Err(Errno::EINVAL), "{info:?}");
        }
    }
}

#[test]
fn emsgsize_is_for_nothing_without_an_end() {
    let mut pair = Pair::established();
    let sent = pair.client_sends(&[], MSG_QUIC_STREAM_NEW, b"");
    assert_eq!(sent, Err(Errno::EMSGSIZE));
    let flags = MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN;
    assert_eq!(pair.client_sends(&[], flags, b""), Ok(0));
}

#[test]
fn how_a_connection_ended_has_an_errno_for_so_error() {
    let reason = Vec::new();
    for (why, errno) in [
        (
            CloseReason::Application {
                code: 7,
                reason: reason.clone(),
            },
            None,
        ),
        (
            CloseReason::PeerApplication {
                code: 0,
                reason: reason.clone(),
            },
            None,
        ),
        (
            CloseReason::PeerApplication {
                code: 7,
                reason: reason.clone(),
            },
            Some(Errno::ECONNRESET),
        ),
        (
            CloseReason::PeerTransport {
                code: Code::NoError,
                frame_type: 0,
                reason: reason.clone(),
            },
            None,
        ),
        (
            CloseReason::PeerTransport {
                code: Code::ConnectionRefused,
                frame_type: 0,
                reason: reason.clone(),
            },
            Some(Errno::ECONNREFUSED),
        ),
        (
            CloseReason::PeerTransport {
                code: Code::Crypto(40),
                frame_type: 0,
                reason,
            },
            Some(Errno::EPROTO),
        ),
        (
            CloseReason::Transport(PeerError::new(Code::FlowControl, "x")),
            Some(Errno::EPROTO),
        ),
        (CloseReason::IdleTimeout, Some(Errno::ETIMEDOUT)),
        (CloseReason::HandshakeTimeout, Some(Errno::ETIMEDOUT)),
        (CloseReason::StatelessReset, Some(Errno::ECONNRESET)),
        (
            CloseReason::VersionNegotiation,
            Some(Errno::EPROTONOSUPPORT),
        ),
    ] {
        assert_eq!(of_close(&why), errno, "{why:?}");
    }
}

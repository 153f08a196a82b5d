//! Every option in every state with values that it may not have there: the errno that the ABI names, and no other.

use inquic_uapi::option::{
    QUIC_SOCKOPT_ALPN, QUIC_SOCKOPT_CONFIG, QUIC_SOCKOPT_CONNECTION_CLOSE,
    QUIC_SOCKOPT_CONNECTION_ID, QUIC_SOCKOPT_CONNECTION_MIGRATION, QUIC_SOCKOPT_CRYPTO_SECRET,
    QUIC_SOCKOPT_DATAGRAM_FATES, QUIC_SOCKOPT_EOF, QUIC_SOCKOPT_EVENT, QUIC_SOCKOPT_KEY_UPDATE,
    QUIC_SOCKOPT_LINGER, QUIC_SOCKOPT_SERVER_NAMES, QUIC_SOCKOPT_SESSION_TICKET,
    QUIC_SOCKOPT_STATISTICS, QUIC_SOCKOPT_STREAM_DESCRIPTOR, QUIC_SOCKOPT_STREAM_OPEN,
    QUIC_SOCKOPT_STREAM_PRIORITY, QUIC_SOCKOPT_STREAM_RESET, QUIC_SOCKOPT_STREAM_STOP_SENDING,
    QUIC_SOCKOPT_TOKEN, QUIC_SOCKOPT_TRANSPORT_PARAM, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
};
use inquic_uapi::structs::{Config, TransportParam};
use libc::{EINVAL, ENOPROTOOPT, EPIPE};

use super::pair::{Ends, bytes, echo, free, get, name, set, socket};
use super::{Check, check, raw};
use crate::sys::Fd;

pub(super) const CHECKS: &[Check] = &[
    check!(
        misuse_of_setsockopt_has_its_errno_in_every_state,
        "EINVAL ENOPROTOOPT EPIPE QUIC_EVENT_NONE QUIC_EVENT_END QUIC_EVENT_MAX QUIC_SOCKOPT_EVENT QUIC_SOCKOPT_STREAM_OPEN QUIC_SOCKOPT_STREAM_RESET QUIC_SOCKOPT_STREAM_STOP_SENDING QUIC_SOCKOPT_CONNECTION_ID QUIC_SOCKOPT_CONNECTION_MIGRATION QUIC_SOCKOPT_KEY_UPDATE QUIC_SOCKOPT_TRANSPORT_PARAM QUIC_SOCKOPT_CONFIG QUIC_SOCKOPT_TOKEN QUIC_SOCKOPT_ALPN QUIC_SOCKOPT_SESSION_TICKET QUIC_SOCKOPT_CRYPTO_SECRET QUIC_SOCKOPT_TRANSPORT_PARAM_EXT QUIC_SOCKOPT_SERVER_NAMES QUIC_SOCKOPT_STATISTICS QUIC_SOCKOPT_STREAM_PRIORITY QUIC_SOCKOPT_EOF QUIC_SOCKOPT_LINGER QUIC_SOCKOPT_STREAM_DESCRIPTOR QUIC_SOCKOPT_DATAGRAM_FATES"
    ),
    check!(
        misuse_of_getsockopt_has_its_errno_in_every_state,
        "EINVAL ENOPROTOOPT EPIPE QUIC_SOCKOPT_EVENT QUIC_SOCKOPT_STREAM_OPEN QUIC_SOCKOPT_STREAM_RESET QUIC_SOCKOPT_STREAM_STOP_SENDING QUIC_SOCKOPT_CONNECTION_ID QUIC_SOCKOPT_CONNECTION_MIGRATION QUIC_SOCKOPT_KEY_UPDATE QUIC_SOCKOPT_TOKEN QUIC_SOCKOPT_SESSION_TICKET QUIC_SOCKOPT_CRYPTO_SECRET QUIC_SOCKOPT_TRANSPORT_PARAM_EXT QUIC_SOCKOPT_STATISTICS QUIC_SOCKOPT_STREAM_DESCRIPTOR QUIC_SOCKOPT_DATAGRAM_FATES"
    ),
];

/// A socket in each state in which one can be.
struct States {
    fresh: Fd,
    connecting: Ends,
    established: Ends,
    closed: Ends,
}

/// A state, as a bit.
const UNBOUND: u32 = 1;
const LISTENER: u32 = 2;
const CONNECTING: u32 = 4;
const ACCEPTED: u32 = 8;
const CLIENT: u32 = 16;
const SERVER: u32 = 32;
const CLOSED: u32 = 64;
const ALL: u32 = 127;
const NOT_ESTABLISHED: u32 = UNBOUND | LISTENER | CONNECTING | ACCEPTED | CLOSED;
const NOT_CONNECTING: u32 = ALL & !(CONNECTING | ACCEPTED);

impl States {
    fn new() -> Self {
        let states = Self {
            fresh: socket(),
            connecting: Ends::greeted(),
            established: Ends::made(),
            closed: Ends::made(),
        };
        echo(&states.established);
        assert_eq!(raw::shutdown(&states.closed.client, libc::SHUT_WR), Ok(()));
        states
    }

    fn each(&self) -> [(u32, &Fd); 7] {
        [
            (UNBOUND, &self.fresh),
            (LISTENER, &self.established.listener),
            (CONNECTING, &self.connecting.client),
            (ACCEPTED, &self.connecting.server),
            (CLIENT, &self.established.client),
            (SERVER, &self.established.server),
            (CLOSED, &self.closed.client),
        ]
    }
}

/// Option, value, states and errno.
type Row = (u32, Vec<u8>, u32, i32);

fn misuse_of_set(states: &States) -> Vec<Row> {
    let here = states.established.at;
    let elsewhere = name(free());
    let cipher = Config {
        payload_cipher_type: 50,
        ..Config::default()
    };
    let remote = TransportParam {
        remote: 1,
        ..TransportParam::default()
    };
    vec![
        (QUIC_SOCKOPT_EVENT, vec![0, 1], ALL, EINVAL),
        (QUIC_SOCKOPT_EVENT, vec![10, 1], ALL, EINVAL),
        (QUIC_SOCKOPT_EVENT, vec![], ALL, EINVAL),
        (QUIC_SOCKOPT_EVENT, vec![1; 4097], ALL, EINVAL),
        (QUIC_SOCKOPT_STREAM_OPEN, vec![0; 16], ALL, ENOPROTOOPT),
        (QUIC_SOCKOPT_STREAM_RESET, vec![44; 16], ALL, EINVAL),
        (QUIC_SOCKOPT_STREAM_STOP_SENDING, vec![44; 16], ALL, EINVAL),
        (
            QUIC_SOCKOPT_CONNECTION_ID,
            vec![0; 12],
            NOT_ESTABLISHED,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CONNECTION_MIGRATION,
            elsewhere.clone(),
            UNBOUND | LISTENER | CLOSED,
            EPIPE,
        ),
        (
            QUIC_SOCKOPT_CONNECTION_MIGRATION,
            elsewhere.clone(),
            CONNECTING | SERVER,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CONNECTION_MIGRATION,
            elsewhere[..15].to_vec(),
            ACCEPTED | CLIENT,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CONNECTION_MIGRATION,
            name(([127, 0, 0, 1], 0).into()),
            ACCEPTED | CLIENT,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CONNECTION_MIGRATION,
            name(([0; 16], here.port()).into()),
            CLIENT,
            EINVAL,
        ),
        (QUIC_SOCKOPT_KEY_UPDATE, vec![], NOT_ESTABLISHED, EPIPE),
        (
            QUIC_SOCKOPT_TRANSPORT_PARAM,
            vec![],
            CLIENT | SERVER | CLOSED,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_TRANSPORT_PARAM,
            bytes(&remote),
            NOT_CONNECTING,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CONFIG,
            vec![],
            CLIENT | SERVER | CLOSED,
            EINVAL,
        ),
        (QUIC_SOCKOPT_CONFIG, bytes(&cipher), ALL, EINVAL),
        (
            QUIC_SOCKOPT_TOKEN,
            vec![],
            UNBOUND | LISTENER | CONNECTING | ACCEPTED,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_TOKEN,
            vec![1; 121],
            UNBOUND | LISTENER | CONNECTING | CLIENT,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_TOKEN,
            vec![1; 20],
            LISTENER | ACCEPTED | SERVER | CLIENT,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_ALPN,
            b"h3".to_vec(),
            LISTENER | CLIENT | SERVER | CLOSED,
            EINVAL,
        ),
        (QUIC_SOCKOPT_ALPN, vec![b'a'; 129], ALL, EINVAL),
        (QUIC_SOCKOPT_ALPN, b"a,,b".to_vec(), ALL, EINVAL),
        (QUIC_SOCKOPT_ALPN, vec![], ALL, EINVAL),
        (QUIC_SOCKOPT_SESSION_TICKET, vec![1; 64], LISTENER, EPIPE),
        (
            QUIC_SOCKOPT_SESSION_TICKET,
            vec![1; 63],
            ALL & !LISTENER,
            EINVAL,
        ),
        (QUIC_SOCKOPT_SESSION_TICKET, vec![1; 4097], ALL, EINVAL),
        (
            QUIC_SOCKOPT_CRYPTO_SECRET,
            vec![0; 56],
            NOT_CONNECTING,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_CRYPTO_SECRET,
            vec![0; 55],
            CONNECTING | ACCEPTED,
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
            CONNECTING | ACCEPTED,
            EINVAL,
        ),
        (
            QUIC_SOCKOPT_SERVER_NAMES,
            b"a".to_vec(),
            ALL & !UNBOUND,
            EINVAL,
        ),
        (QUIC_SOCKOPT_SERVER_NAMES, vec![b'a'; 2049], ALL, EINVAL),
        (QUIC_SOCKOPT_STATISTICS, vec![0; 152], ALL, ENOPROTOOPT),
        (QUIC_SOCKOPT_STREAM_PRIORITY, vec![44; 16], ALL, EINVAL),
        (QUIC_SOCKOPT_EOF, vec![1], ALL, EINVAL),
        (QUIC_SOCKOPT_LINGER, vec![1, 2, 3], ALL, EINVAL),
        (QUIC_SOCKOPT_DATAGRAM_FATES, vec![1, 2, 3], ALL, EINVAL),
        (
            QUIC_SOCKOPT_STREAM_DESCRIPTOR,
            vec![0; 16],
            ALL,
            ENOPROTOOPT,
        ),
    ]
}

fn misuse_of_setsockopt_has_its_errno_in_every_state() {
    let states = States::new();
    for (option, value, on, errno) in misuse_of_set(&states) {
        for (state, socket) in states.each() {
            if on & state == 0 {
                continue;
            }
            let len = value.len();
            let said = set(socket, option, &value);
            assert_eq!(
                said,
                Err(errno),
                "{option} with {len} bytes in state {state}"
            );
        }
    }
    for (_, socket) in states.each() {
        let words = set(socket, QUIC_SOCKOPT_CONNECTION_CLOSE, &[0; 72]);
        assert_eq!(words, Ok(()), "words may be given at any time");
    }
}

fn misuse_of_getsockopt_has_its_errno_in_every_state() {
    let table: [(u32, &[u8], u32, i32); 16] = [
        (QUIC_SOCKOPT_EVENT, &[0, 0], ALL, EINVAL),
        (QUIC_SOCKOPT_EVENT, &[10], ALL, EINVAL),
        (QUIC_SOCKOPT_STREAM_OPEN, &[0xff; 8], NOT_ESTABLISHED, EPIPE),
        (QUIC_SOCKOPT_STREAM_RESET, &[], ALL, ENOPROTOOPT),
        (QUIC_SOCKOPT_STREAM_STOP_SENDING, &[], ALL, ENOPROTOOPT),
        (QUIC_SOCKOPT_CONNECTION_ID, &[], NOT_ESTABLISHED, EINVAL),
        (QUIC_SOCKOPT_CONNECTION_MIGRATION, &[], ALL, ENOPROTOOPT),
        (QUIC_SOCKOPT_KEY_UPDATE, &[], ALL, ENOPROTOOPT),
        (
            QUIC_SOCKOPT_TOKEN,
            &[],
            LISTENER | ACCEPTED | SERVER,
            EINVAL,
        ),
        (QUIC_SOCKOPT_SESSION_TICKET, &[], LISTENER, EPIPE),
        (QUIC_SOCKOPT_CRYPTO_SECRET, &[], ALL, ENOPROTOOPT),
        (
            QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
            &[],
            NOT_CONNECTING,
            EINVAL,
        ),
        (QUIC_SOCKOPT_STATISTICS, &[], UNBOUND | LISTENER, EINVAL),
        (QUIC_SOCKOPT_STREAM_PRIORITY, &[44; 16], ALL, EINVAL),
        (QUIC_SOCKOPT_DATAGRAM_FATES, &[], UNBOUND | LISTENER, EINVAL),
        (
            QUIC_SOCKOPT_STREAM_DESCRIPTOR,
            &[0xff; 8],
            NOT_ESTABLISHED,
            EPIPE,
        ),
    ];
    let states = States::new();
    for (option, value, on, errno) in table {
        for (state, socket) in states.each() {
            if on & state != 0 {
                let said = get(socket, option, value);
                assert_eq!(said, Err(errno), "{option} in state {state}");
            }
        }
    }
}

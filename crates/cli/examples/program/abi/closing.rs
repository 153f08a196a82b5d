//! How connections end: shutdown and close, by either end or by nobody's; what SO_ERROR and the words of the end say.

use inquic_uapi::error::{
    QUIC_TRANSPORT_ERROR_APPLICATION, QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT,
    QUIC_TRANSPORT_ERROR_CRYPTO, QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED,
    QUIC_TRANSPORT_ERROR_FLOW_CONTROL, QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION,
    QUIC_TRANSPORT_ERROR_STREAM_LIMIT, QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM,
    QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION,
};
use inquic_uapi::flags::{MSG_QUIC_DATAGRAM, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP};
use inquic_uapi::option::{
    QUIC_SOCKOPT_CONNECTION_CLOSE, QUIC_SOCKOPT_EOF, QUIC_SOCKOPT_TRANSPORT_PARAM,
};
use inquic_uapi::socket::{SHUT_RD, SHUT_RDWR, SHUT_WR, SO_ERROR};
use inquic_uapi::structs::{ConnectionClose, TransportParam};
use inquic_uapi::{QUIC_CRYPTO_APP, QUIC_CRYPTO_INITIAL, TLS_CIPHER_AES_GCM_128};
use libc::{EAGAIN, ECONNRESET, EINVAL, ENOTCONN, EPIPE, EPROTO, ETIMEDOUT};

use super::pair::{
    Ends, FIN, NEW, accept, bytes, comes, connect, connecting, echo, general, got, level, next,
    send, send_on, set, socket, there,
};
use super::parameters::{change, change_number, ids};
use super::process::{until, until_not};
use super::{Check, check, raw};
use crate::sys::{self, Fd};

pub(super) const CHECKS: &[Check] = &[
    check!(
        shutdown_of_writing_closes_with_the_words,
        "SHUT_RD SHUT_WR SHUT_RDWR ENOTCONN EINVAL EPIPE QUIC_SOCKOPT_CONNECTION_CLOSE"
    ),
    check!(the_last_close_ends_the_connection, "ENOTCONN"),
    check!(close_throws_away_what_has_not_arrived, "ENOTCONN"),
    check!(
        closing_a_listener_ends_those_who_wait,
        "SO_ERROR EPROTO QUIC_TRANSPORT_ERROR_APPLICATION"
    ),
    check!(a_full_backlog_keeps_others_waiting, "EAGAIN"),
    check!(so_error_says_how_it_ended_once, "SO_ERROR ECONNRESET"),
    check!(silence_is_etimedout, "SO_ERROR ETIMEDOUT QUIC_SOCKOPT_EOF"),
    check!(
        a_breach_of_the_protocol_is_eproto,
        "SO_ERROR EPROTO QUIC_TRANSPORT_ERROR_STREAM_LIMIT"
    ),
    check!(
        every_code_of_an_application_arrives,
        "QUIC_SOCKOPT_CONNECTION_CLOSE"
    ),
    check!(
        limits_that_the_peer_does_not_know_are_enforced,
        "QUIC_TRANSPORT_ERROR_FLOW_CONTROL QUIC_TRANSPORT_ERROR_STREAM_LIMIT QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION"
    ),
    check!(
        bad_parameters_are_told,
        "QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION"
    ),
    check!(
        an_application_that_closes_early_is_told_as_such,
        "QUIC_TRANSPORT_ERROR_APPLICATION"
    ),
    check!(
        a_failed_handshake_is_its_alert,
        "QUIC_TRANSPORT_ERROR_CRYPTO"
    ),
    check!(
        handshake_messages_that_nobody_reads_are_too_many,
        "QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED"
    ),
    check!(
        tls_messages_that_quic_forbids_end_the_connection,
        "QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION QUIC_TRANSPORT_ERROR_CRYPTO"
    ),
];

fn words(errcode: u32) -> Vec<u8> {
    bytes(&ConnectionClose {
        errcode,
        ..ConnectionClose::default()
    })
}

/// Waits for the end: its code and frame.
#[track_caller]
fn end(socket: &Fd) -> (u32, u8) {
    until("the end", || {
        while there(socket).is_ok() {}
        there(socket) == Err(ENOTCONN)
    });
    let told: ConnectionClose = got(socket, QUIC_SOCKOPT_CONNECTION_CLOSE);
    (told.errcode, told.frame)
}

fn shutdown_of_writing_closes_with_the_words() {
    for how in [SHUT_WR, SHUT_RDWR] {
        let ends = Ends::made();
        let number = QUIC_SOCKOPT_CONNECTION_CLOSE;
        assert_eq!(set(&ends.client, number, &words(5)), Ok(()));
        assert_eq!(raw::shutdown(&ends.client, 3), Err(EINVAL));
        assert_eq!(raw::shutdown(&ends.client, -1), Err(EINVAL));
        assert_eq!(raw::shutdown(&ends.client, SHUT_RD), Ok(()));
        assert_eq!(send(&ends.client, b"x", NEW), Ok(1), "still open");
        assert_eq!(raw::shutdown(&ends.client, how), Ok(()));
        assert_eq!(raw::shutdown(&ends.client, how), Err(ENOTCONN));
        assert_eq!(send(&ends.client, b"x", 0), Err(EPIPE));
        assert_eq!(end(&ends.server), (5, 0));
        assert_eq!(raw::shutdown(&ends.server, SHUT_WR), Err(ENOTCONN));
        let all = POLLIN | POLLOUT | POLLRDHUP;
        for closed in [&ends.client, &ends.server] {
            let said = raw::poll(&[(closed, all)], 0);
            assert_eq!(said, Ok(vec![all | POLLHUP | POLLERR]));
        }
    }
    let ends = Ends::made();
    assert_eq!(raw::shutdown(&socket(), SHUT_WR), Err(ENOTCONN));
    assert_eq!(raw::shutdown(&ends.listener, SHUT_WR), Err(ENOTCONN));
}

fn the_last_close_ends_the_connection() {
    let ends = Ends::made();
    let copy = sys::copy(&ends.client).unwrap();
    let child = super::process::fork();
    if child == 0 {
        // A copy in another process.
        let sent = send(&ends.client, b"child", NEW | FIN);
        super::process::exit(i32::from(sent != Ok(5)));
    }
    assert_eq!(super::process::wait(child), Ok(0));
    assert_eq!(next(&ends.server).data, b"child");
    drop(ends.client);
    assert_eq!(send(&copy, b"copy", NEW | FIN), Ok(4));
    assert_eq!(next(&ends.server).data, b"copy");
    drop(copy);
    assert_eq!(until_not(EAGAIN, || there(&ends.server)), Err(ENOTCONN));
}

fn close_throws_away_what_has_not_arrived() {
    let ends = Ends::made();
    let mut sent = 0;
    let data = vec![1; 64 * 1024];
    assert_eq!(send_on(&ends.client, -1, NEW, b"x"), Ok(1));
    while let Ok(some) = send_on(&ends.client, 0, 0, &data) {
        sent += some;
    }
    drop(ends.client);
    let mut whole = 0;
    loop {
        match until_not(EAGAIN, || there(&ends.server)) {
            Ok(got) => whole += got.told,
            Err(errno) => {
                assert_eq!(errno, ENOTCONN);
                break;
            }
        }
    }
    assert!(whole <= sent + 1, "{whole} of {sent}");
}

fn closing_a_listener_ends_those_who_wait() {
    let (listener, client, _) = connecting(|_, _| {});
    let hello = level(QUIC_CRYPTO_INITIAL);
    raw::send_message(&client, b"client hello", &hello, 0).unwrap();
    comes(&listener);
    drop(listener);
    assert_eq!(end(&client).0, QUIC_TRANSPORT_ERROR_APPLICATION);
    assert_eq!(general(&client, SO_ERROR), EPROTO);
}

fn a_full_backlog_keeps_others_waiting() {
    let (listener, first, at) = connecting(|_, _| {});
    raw::listen(&listener, 1).unwrap();
    let hello = level(QUIC_CRYPTO_INITIAL);
    let late = socket();
    connect(&late, at).unwrap();
    for client in [&first, &late] {
        raw::send_message(client, b"client hello", &hello, 0).unwrap();
        comes(&listener);
    }
    // The second says its hello again until there is room for it.
    let accepted = [accept(&listener), accept(&listener)];
    for server in &accepted {
        assert_eq!(next(server).data, b"client hello");
    }
}

fn so_error_says_how_it_ended_once() {
    for (code, errno) in [(0, 0), (7, ECONNRESET)] {
        let ends = Ends::made();
        assert_eq!(general(&ends.server, SO_ERROR), 0, "not over");
        let number = QUIC_SOCKOPT_CONNECTION_CLOSE;
        assert_eq!(set(&ends.client, number, &words(code)), Ok(()));
        drop(ends.client);
        assert_eq!(end(&ends.server), (code, 0));
        assert_eq!(send(&ends.server, b"x", NEW), Err(EPIPE), "no more");
        assert_eq!(general(&ends.server, SO_ERROR), errno);
        assert_eq!(general(&ends.server, SO_ERROR), 0, "told once");
    }
}

fn silence_is_etimedout() {
    // Longer than a busy machine lets one that has something to do wait.
    let short = TransportParam {
        max_idle_timeout: 4_000_000,
        ..TransportParam::default()
    };
    let (ends, relay) = Ends::apart(|client, _| {
        set(client, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&short)).unwrap();
        set(client, QUIC_SOCKOPT_EOF, &1_u32.to_ne_bytes()).unwrap();
    });
    echo(&ends);
    relay.deafen(true);
    assert_eq!(until_not(EAGAIN, || there(&ends.client)), Err(ETIMEDOUT));
    assert_eq!(general(&ends.client, SO_ERROR), ETIMEDOUT);
}

/// A connection whose client was told of another number than the server has.
fn deceived(server: &TransportParam, id: u64, told: u64) -> Ends {
    let ends = Ends::greeted_with(|_, listener| {
        set(listener, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(server)).unwrap();
    });
    let tell = &mut |value: &mut Vec<u8>| change_number(value, id, told);
    ends.finish(&mut |_| {}, tell, TLS_CIPHER_AES_GCM_128);
    ends
}

fn a_breach_of_the_protocol_is_eproto() {
    let one = TransportParam {
        max_streams_bidi: 1,
        ..TransportParam::default()
    };
    let ends = deceived(&one, ids::INITIAL_MAX_STREAMS_BIDI, 100);
    assert_eq!(send_on(&ends.client, 40, NEW, b"x"), Ok(1));
    let (code, frame) = end(&ends.client);
    assert_eq!(code, QUIC_TRANSPORT_ERROR_STREAM_LIMIT);
    assert_ne!(frame, 0, "the frame that was at fault");
    assert_eq!(general(&ends.client, SO_ERROR), EPROTO, "the peer says so");
    end(&ends.server);
    assert_eq!(general(&ends.server, SO_ERROR), EPROTO, "and has seen it");
}

fn limits_that_the_peer_does_not_know_are_enforced() {
    let none = TransportParam::default();
    let narrow = TransportParam {
        max_data: 1_200,
        ..none
    };
    let ends = deceived(&narrow, ids::INITIAL_MAX_DATA, 100_000);
    assert_eq!(send_on(&ends.client, -1, NEW, &[0; 9_000]), Ok(9_000));
    assert_eq!(end(&ends.client).0, QUIC_TRANSPORT_ERROR_FLOW_CONTROL);
    let narrow = TransportParam {
        max_stream_data_bidi_remote: 1_200,
        ..none
    };
    let ends = deceived(&narrow, ids::INITIAL_MAX_STREAM_DATA_BIDI_REMOTE, 100_000);
    assert_eq!(send_on(&ends.client, -1, NEW, &[0; 9_000]), Ok(9_000));
    assert_eq!(end(&ends.client).0, QUIC_TRANSPORT_ERROR_FLOW_CONTROL);
    let few = TransportParam {
        active_connection_id_limit: 2,
        ..none
    };
    let ends = deceived(&few, ids::ACTIVE_CONNECTION_ID_LIMIT, 8);
    assert_eq!(
        end(&ends.client).0,
        QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT
    );
    let ends = deceived(&none, ids::MAX_DATAGRAM_FRAME_SIZE, 65_535);
    assert_eq!(send(&ends.client, b"x", MSG_QUIC_DATAGRAM), Ok(1));
    assert_eq!(end(&ends.client).0, QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION);
}

fn bad_parameters_are_told() {
    // An exponent that may not be; and a list of versions in which the one that is used is not the chosen one.
    for (id, value, code) in [
        (
            ids::ACK_DELAY_EXPONENT,
            &[21][..],
            QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM,
        ),
        (
            ids::VERSION_INFORMATION,
            &[0x6b, 0x33, 0x43, 0xcf, 0x6b, 0x33, 0x43, 0xcf],
            QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION,
        ),
    ] {
        let ends = Ends::greeted();
        let swapped = ends.swap(&mut |_| {}, &mut |list| change(list, id, value));
        assert_eq!(swapped, Err(EINVAL), "{id:#x}");
        assert_eq!(end(&ends.server).0, code, "{id:#x}");
        assert_eq!(general(&ends.server, SO_ERROR), EPROTO);
    }
}

fn every_code_of_an_application_arrives() {
    for code in [0, 1, 0x0c, 0x100, u32::MAX] {
        let ends = Ends::made();
        let number = QUIC_SOCKOPT_CONNECTION_CLOSE;
        assert_eq!(set(&ends.client, number, &words(code)), Ok(()));
        drop(ends.client);
        assert_eq!(end(&ends.server), (code, 0));
    }
}

fn an_application_that_closes_early_is_told_as_such() {
    let ends = Ends::greeted();
    let number = QUIC_SOCKOPT_CONNECTION_CLOSE;
    assert_eq!(set(&ends.server, number, &words(5)), Ok(()));
    drop(ends.server);
    assert_eq!(end(&ends.client).0, QUIC_TRANSPORT_ERROR_APPLICATION);
    assert_eq!(general(&ends.client, SO_ERROR), EPROTO);
}

fn a_failed_handshake_is_its_alert() {
    let ends = Ends::greeted();
    let number = QUIC_SOCKOPT_CONNECTION_CLOSE;
    let alert = QUIC_TRANSPORT_ERROR_CRYPTO + 120;
    assert_eq!(set(&ends.server, number, &words(alert)), Ok(()));
    drop(ends.server);
    assert_eq!(end(&ends.client).0, alert);
}

fn handshake_messages_that_nobody_reads_are_too_many() {
    let ends = Ends::greeted();
    let hello = level(QUIC_CRYPTO_INITIAL);
    let much = [0; 16 * 1024];
    until("it is too much", || {
        let sent = raw::send_message(&ends.client, &much, &hello, 0);
        assert!(matches!(sent, Ok(_) | Err(EAGAIN | EPIPE)), "{sent:?}");
        sent == Err(EPIPE)
    });
    assert_eq!(
        end(&ends.client).0,
        QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED
    );
}

fn tls_messages_that_quic_forbids_end_the_connection() {
    // KeyUpdate, which is answered by the alert unexpected_message, and CertificateRequest.
    for (message, code) in [
        (&[24, 0, 0, 1, 0][..], QUIC_TRANSPORT_ERROR_CRYPTO + 10),
        (
            &[13, 0, 0, 3, 0, 0, 0],
            QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION,
        ),
    ] {
        let ends = Ends::made();
        echo(&ends);
        raw::send_message(&ends.server, message, &level(QUIC_CRYPTO_APP), 0).unwrap();
        assert_eq!(end(&ends.server).0, code);
    }
    // A client has nothing to say, whether or not anybody reads it.
    let ends = Ends::made();
    echo(&ends);
    raw::send_message(&ends.client, &[24, 0, 0, 1, 0], &level(QUIC_CRYPTO_APP), 0).unwrap();
    assert_eq!(end(&ends.client).0, QUIC_TRANSPORT_ERROR_CRYPTO + 10);
}

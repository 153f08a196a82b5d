//! sendmsg and recvmsg: control messages, flags, datagrams, and the order in which things come.

use inquic_uapi::flags::{
    MSG_BATCH, MSG_CTRUNC, MSG_DONTWAIT, MSG_EOR, MSG_ERRQUEUE, MSG_MORE, MSG_NOSIGNAL, MSG_PEEK,
    MSG_QUIC_DATAGRAM, MSG_QUIC_NOTIFICATION, MSG_QUIC_STREAM_DONTWAIT, MSG_QUIC_STREAM_SNDBLOCK,
    MSG_TRUNC, MSG_WAITALL, SEND_FLAGS, STREAM_FLAGS,
};
use inquic_uapi::option::{QUIC_SOCKOPT_CONNECTION_CLOSE, QUIC_SOCKOPT_TRANSPORT_PARAM};
use inquic_uapi::socket::SIOCINQ;
use inquic_uapi::structs::{ConnectionClose, HandshakeInfo, StreamInfo, TransportParam};
use inquic_uapi::{
    EventType, Layout, QUIC_CRYPTO_EARLY, QUIC_CRYPTO_HANDSHAKE, QUIC_CRYPTO_INITIAL,
    QUIC_CRYPTO_MAX, QUIC_HANDSHAKE_INFO, QUIC_STREAM_INFO, SOL_QUIC,
};
use libc::{EAGAIN, EINVAL, EMSGSIZE, ENOBUFS, ENOSPC, ENOTCONN, EPIPE};

use super::pair::{
    DONTWAIT, Ends, FIN, NEW, UNI, bytes, level, next, send, send_on, set, socket, stream, there,
    want,
};
use super::process::{count, counted, until, until_not};
use super::raw::{Tried, control, of, receive};
use super::{Check, check, raw};
use crate::sys::Fd;

pub(super) const CHECKS: &[Check] = &[
    check!(
        stream_data_comes_with_its_stream,
        "QUIC_STREAM_INFO MSG_QUIC_STREAM_NEW MSG_QUIC_STREAM_FIN"
    ),
    check!(
        flags_alone_open_and_finish_streams,
        "MSG_QUIC_STREAM_NEW MSG_QUIC_STREAM_FIN MSG_QUIC_STREAM_UNI"
    ),
    check!(
        handshake_messages_come_with_their_level,
        "QUIC_HANDSHAKE_INFO QUIC_CRYPTO_INITIAL QUIC_CRYPTO_HANDSHAKE QUIC_CRYPTO_EARLY QUIC_CRYPTO_MAX EINVAL"
    ),
    check!(
        control_messages_that_are_none_are_einval,
        "QUIC_STREAM_INFO QUIC_HANDSHAKE_INFO SOL_QUIC EINVAL"
    ),
    check!(control_messages_of_other_levels_are_passed_over, "SOL_QUIC"),
    check!(more_control_data_than_there_may_be_is_enobufs, "ENOBUFS"),
    check!(
        flags_that_sendmsg_does_not_take_are_einval,
        "SEND_FLAGS STREAM_FLAGS MSG_DONTWAIT MSG_NOSIGNAL MSG_WAITALL MSG_BATCH EINVAL"
    ),
    check!(
        flags_of_the_kernels_own_are_einval,
        "SEND_FLAGS MSG_QUIC_STREAM_DONTWAIT EINVAL",
        run only: "the kernel takes them away before a socket sees them"
    ),
    check!(without_room_for_control_data_flags_say_so, "MSG_CTRUNC"),
    check!(what_is_peeked_at_stays, "MSG_PEEK"),
    check!(a_short_buffer_leaves_the_rest, "MSG_QUIC_STREAM_FIN"),
    check!(
        datagrams_are_whole_messages,
        "MSG_QUIC_DATAGRAM MSG_EOR MSG_TRUNC MSG_PEEK EMSGSIZE"
    ),
    check!(
        a_datagram_to_who_takes_none_is_einval,
        "MSG_QUIC_DATAGRAM EINVAL"
    ),
    check!(events_come_before_data, "MSG_QUIC_NOTIFICATION MSG_EOR"),
    check!(more_holds_packets_back, "MSG_MORE"),
    check!(the_queue_of_errors_is_empty, "MSG_ERRQUEUE EAGAIN"),
    check!(nothing_without_an_end_is_emsgsize, "EMSGSIZE"),
    check!(
        no_room_is_enospc_for_a_named_stream_and_eagain_otherwise,
        "ENOSPC EAGAIN MSG_DONTWAIT MSG_QUIC_STREAM_SNDBLOCK"
    ),
    check!(
        epipe_comes_with_a_signal_unless_it_is_unwanted,
        "EPIPE MSG_NOSIGNAL MSG_QUIC_DATAGRAM QUIC_HANDSHAKE_INFO"
    ),
    check!(sending_before_the_handshake_is_einval, "EINVAL"),
    check!(receiving_without_a_connection_is_enotconn, "ENOTCONN"),
    check!(
        a_stream_limit_is_eagain_for_who_does_not_wait,
        "MSG_QUIC_STREAM_DONTWAIT EAGAIN"
    ),
    check!(
        not_to_wait_for_a_stream_may_be_a_flag_of_send,
        "MSG_QUIC_STREAM_DONTWAIT EAGAIN",
        run only: "the kernel takes this flag away, and leaves it in a control message"
    ),
    check!(many_messages_go_in_one_call, "MSG_DONTWAIT MSG_WAITFORONE"),
];

fn stream_data_comes_with_its_stream() {
    let ends = Ends::made();
    assert_eq!(send_on(&ends.client, -1, NEW, b"ab"), Ok(2));
    let got = next(&ends.server);
    assert_eq!(
        (got.stream(), &got.data[..], got.flags),
        ((0, 0), &b"ab"[..], 0)
    );
    assert_eq!(got.control, 32, "a header of 16 bytes, 16 bytes of data");
    assert_eq!(send_on(&ends.client, 0, FIN, b"c"), Ok(1));
    let got = next(&ends.server);
    assert_eq!((got.stream(), got.flags), ((0, FIN), FIN));
    assert_eq!(send_on(&ends.client, 8, NEW, b"x"), Ok(1));
    assert_eq!(next(&ends.server).stream(), (8, 0));
    assert_eq!(send_on(&ends.client, 4, FIN, b""), Ok(0), "an end alone");
    let got = next(&ends.server);
    assert_eq!((got.stream(), got.told), ((4, FIN), 0));
}

fn flags_alone_open_and_finish_streams() {
    let ends = Ends::made();
    assert_eq!(send(&ends.client, b"x", 0), Err(EINVAL), "none is open");
    assert_eq!(send(&ends.client, b"whole", NEW | FIN), Ok(5));
    assert_eq!(next(&ends.server).stream(), (0, FIN));
    assert_eq!(send(&ends.client, b"x", NEW | UNI), Ok(1));
    assert_eq!(
        send(&ends.client, b"y", NEW),
        Err(EINVAL),
        "one is unfinished"
    );
    assert_eq!(send(&ends.client, b"z", FIN), Ok(1));
    until("both parts are there", || {
        let got = next(&ends.server);
        assert_eq!(got.stream().0, 2);
        got.stream().1 == FIN
    });
    // The stream that the peer opened is the server's active one.
    assert_eq!(send(&ends.server, b"answer", FIN), Ok(6));
    assert_eq!(next(&ends.client).stream(), (0, FIN));
}

fn handshake_messages_come_with_their_level() {
    let ends = Ends::greeted();
    let say = |crypto_level: u8| raw::send_message(&ends.server, b"hello", &level(crypto_level), 0);
    assert_eq!(say(QUIC_CRYPTO_HANDSHAKE), Err(EINVAL), "no keys");
    assert_eq!(say(QUIC_CRYPTO_EARLY), Err(EINVAL));
    assert_eq!(say(QUIC_CRYPTO_MAX), Err(EINVAL));
    assert_eq!(say(QUIC_CRYPTO_INITIAL), Ok(5));
    let got = next(&ends.client);
    let hello = HandshakeInfo {
        crypto_level: QUIC_CRYPTO_INITIAL,
    };
    assert_eq!(got.message, Some((QUIC_HANDSHAKE_INFO, bytes(&hello))));
    assert_eq!((got.data, got.flags), (b"hello".to_vec(), MSG_EOR));
}

fn control_messages_that_are_none_are_einval() {
    let ends = Ends::made();
    let good = stream(-1, NEW);
    let short = |bytes: usize| control(SOL_QUIC, QUIC_STREAM_INFO, &vec![0; bytes]);
    for (control, why) in [
        (good[..20].to_vec(), "shorter than it says"),
        (
            [&[8, 0, 0, 0][..], &good[4..]].concat(),
            "shorter than its header",
        ),
        (control(SOL_QUIC, 7, &[]), "of an unknown type"),
        (short(StreamInfo::SIZE - 1), "too short for a stream"),
        (
            control(SOL_QUIC, QUIC_HANDSHAKE_INFO, &[]),
            "too short for a level",
        ),
        (stream(-1, 0x4000_0000), "with flags that are none"),
        (stream(-2, NEW), "of a stream that is none"),
        (stream(1, NEW), "of a stream that is the peer's to open"),
        (stream(4, 0), "of a stream that is not open"),
    ] {
        let sent = raw::send_message(&ends.client, b"x", &control, 0);
        assert_eq!(sent, Err(EINVAL), "{why}");
    }
}

fn control_messages_of_other_levels_are_passed_over() {
    let ends = Ends::made();
    let both = [control(libc::SOL_SOCKET, 77, &[1; 4]), stream(-1, NEW)].concat();
    assert_eq!(raw::send_message(&ends.client, b"x", &both, 0), Ok(1));
    assert_eq!(next(&ends.server).stream(), (0, 0));
}

fn more_control_data_than_there_may_be_is_enobufs() {
    let ends = Ends::made();
    let much = vec![0; 128 * 1024 + 1];
    assert_eq!(
        raw::send_message(&ends.client, b"x", &much, 0),
        Err(ENOBUFS)
    );
}

fn flags_that_sendmsg_does_not_take_are_einval() {
    let ends = Ends::made();
    assert_eq!(send(&ends.client, b"x", NEW), Ok(1));
    for bit in 0..31 {
        let flag = 1 << bit;
        // What opens is refused while the active stream is unfinished, and this peer takes no datagrams.
        let taken = SEND_FLAGS & flag != 0 && flag & (NEW | FIN | MSG_QUIC_DATAGRAM) == 0;
        let wanted = if taken || flag == FIN {
            Ok(1)
        } else {
            Err(EINVAL)
        };
        if KERNELS_OWN & flag == 0 {
            let sent = send(&ends.client, b"x", MSG_DONTWAIT | flag);
            assert_eq!(sent, wanted, "{flag:#x}");
        }
        if flag == FIN {
            assert_eq!(send(&ends.client, b"x", NEW), Ok(1));
        }
        let quiet = MSG_NOSIGNAL | MSG_DONTWAIT;
        let on = raw::send_message(&ends.client, b"x", &stream(400, flag), quiet);
        if STREAM_FLAGS & flag == 0 {
            assert_eq!(on, Err(EINVAL), "{flag:#x} of a stream");
        }
    }
    let all = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL | MSG_BATCH;
    assert_eq!(send(&ends.client, b"x", all), Ok(1));
}

/// Flags that the kernel takes away from what a program says: `MSG_SENDPAGE_NOPOLICY`, which is [`MSG_QUIC_STREAM_DONTWAIT`],
/// `MSG_SENDPAGE_DECRYPTED` and `MSG_SPLICE_PAGES`.
const KERNELS_OWN: u32 = 0x0811_0000;

fn flags_of_the_kernels_own_are_einval() {
    let ends = Ends::made();
    assert_eq!(send(&ends.client, b"x", NEW), Ok(1));
    for flag in [0x10_0000, 0x0800_0000] {
        let sent = send(&ends.client, b"x", MSG_DONTWAIT | flag);
        assert_eq!(sent, Err(EINVAL), "{flag:#x}");
    }
    let sent = send(&ends.client, b"x", MSG_QUIC_STREAM_DONTWAIT);
    assert_eq!(sent, Ok(1));
}

fn without_room_for_control_data_flags_say_so() {
    let ends = Ends::made();
    assert_eq!(send(&ends.client, b"x", NEW | FIN), Ok(1));
    for room in [0, 8, 31] {
        let look = || receive(&ends.server, MSG_PEEK | DONTWAIT, 8, room);
        let got = until_not(EAGAIN, look).unwrap();
        assert_eq!((got.flags, got.control), (FIN | MSG_CTRUNC, 0), "{room}");
    }
    assert_eq!(receive(&ends.server, DONTWAIT, 8, 32).unwrap().flags, FIN);
}

fn what_is_peeked_at_stays() {
    let ends = Ends::made();
    assert_eq!(send(&ends.client, b"0123456789", NEW | FIN), Ok(10));
    let look = |room| receive(&ends.server, MSG_PEEK | DONTWAIT, room, 64);
    let first = until_not(EAGAIN, || look(4)).unwrap();
    assert_eq!((&first.data[..], first.flags), (&b"0123"[..], 0));
    let whole = look(40).unwrap();
    assert_eq!((whole.told, whole.flags), (10, FIN));
    assert_eq!(there(&ends.server).unwrap(), whole);
    assert_eq!(look(40), Err(EAGAIN));
}

fn a_short_buffer_leaves_the_rest() {
    let ends = Ends::made();
    assert_eq!(send(&ends.client, b"0123456789", NEW | FIN), Ok(10));
    let some = || receive(&ends.server, DONTWAIT, 4, 64);
    let first = until_not(EAGAIN, some).unwrap();
    assert_eq!((&first.data[..], first.flags), (&b"0123"[..], 0));
    assert_eq!(some().unwrap().data, b"4567");
    let last = some().unwrap();
    assert_eq!((&last.data[..], last.flags), (&b"89"[..], FIN));
}

/// Both ends take datagrams.
pub(super) fn with_datagrams() -> Ends {
    let param = TransportParam {
        max_datagram_frame_size: u16::MAX,
        ..TransportParam::default()
    };
    Ends::made_with(|client, listener| {
        for socket in [client, listener] {
            set(socket, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&param)).unwrap();
        }
    })
}

fn datagrams_are_whole_messages() {
    let ends = with_datagrams();
    let say = |data: &[u8]| send(&ends.client, data, MSG_QUIC_DATAGRAM);
    assert_eq!(say(b"one two three"), Ok(13));
    assert_eq!(say(b"next"), Ok(4));
    assert_eq!(say(b""), Ok(0));
    assert_eq!(say(&vec![7; 60_000]), Err(EMSGSIZE));
    let whole = MSG_QUIC_DATAGRAM | MSG_EOR;
    let get = |flags, room| {
        let got = until_not(EAGAIN, || receive(&ends.server, flags | DONTWAIT, room, 64));
        let got = got.unwrap();
        assert_eq!(got.message, None);
        (got.flags, got.told, got.data)
    };
    let part = MSG_QUIC_DATAGRAM;
    assert_eq!(get(MSG_PEEK, 3), (part, 3, b"one".to_vec()));
    assert_eq!(get(0, 8), (part, 8, b"one two ".to_vec()));
    assert_eq!(get(0, 8), (whole, 5, b"three".to_vec()));
    assert_eq!(get(MSG_TRUNC, 2), (whole | MSG_TRUNC, 4, b"ne".to_vec()));
    assert_eq!(get(0, 8), (whole, 0, vec![]));
}

fn a_datagram_to_who_takes_none_is_einval() {
    let ends = Ends::made();
    assert_eq!(send(&ends.client, b"x", MSG_QUIC_DATAGRAM), Err(EINVAL));
}

fn events_come_before_data() {
    let ends = Ends::made_with(|_, listener| want(listener, EventType::ConnectionClose));
    let words = ConnectionClose {
        errcode: 0x0102,
        ..ConnectionClose::default()
    };
    let number = QUIC_SOCKOPT_CONNECTION_CLOSE;
    assert_eq!(set(&ends.client, number, &bytes(&words)), Ok(()));
    assert_eq!(send(&ends.client, b"data", NEW), Ok(4));
    let look = || receive(&ends.server, MSG_PEEK | DONTWAIT, 8, 64);
    assert_eq!(until_not(EAGAIN, look).unwrap().data, b"data");
    drop(ends.client);
    until("the event is there", || {
        look().unwrap().flags & MSG_QUIC_NOTIFICATION != 0
    });
    let first = receive(&ends.server, DONTWAIT, 5, 64).unwrap();
    assert_eq!(
        (first.flags, first.data),
        (MSG_QUIC_NOTIFICATION, vec![5, 2, 1, 0, 0])
    );
    let last = receive(&ends.server, DONTWAIT, 50, 64).unwrap();
    assert_eq!(last.flags, MSG_QUIC_NOTIFICATION | MSG_EOR);
    assert_eq!(there(&ends.server).unwrap().data, b"data");
    assert_eq!(there(&ends.server), Err(ENOTCONN));
}

fn more_holds_packets_back() {
    let ends = Ends::made();
    let new = NEW | UNI | MSG_MORE;
    // Packets that have another cause, and time, take along what waits; then it is another stream's turn.
    until("what is sent first waits for the rest", || {
        assert_eq!(send(&ends.client, b"first ", new), Ok(6));
        std::thread::sleep(std::time::Duration::from_millis(20));
        let mut parts: Vec<_> = there(&ends.server).ok().into_iter().collect();
        assert_eq!(send(&ends.client, b"second", FIN), Ok(6));
        while parts.last().is_none_or(|part| part.flags & FIN == 0) {
            parts.push(next(&ends.server));
        }
        let said = parts.iter().flat_map(|part| part.data.iter().copied());
        assert_eq!(said.collect::<Vec<_>>(), b"first second");
        parts.len() == 1
    });
    assert_eq!(send(&ends.client, b"third", new), Ok(5));
    assert_eq!(next(&ends.server).data, b"third", "after a moment");
}

fn the_queue_of_errors_is_empty() {
    let ends = Ends::made();
    assert_eq!(send(&ends.client, b"x", NEW), Ok(1));
    let look = || receive(&ends.server, MSG_PEEK | DONTWAIT, 8, 64);
    until_not(EAGAIN, look).unwrap();
    assert_eq!(receive(&ends.server, MSG_ERRQUEUE, 8, 64), Err(EAGAIN));
}

fn nothing_without_an_end_is_emsgsize() {
    let ends = Ends::made();
    assert_eq!(send(&ends.client, b"", NEW), Err(EMSGSIZE));
    assert_eq!(send(&ends.client, b"", NEW | FIN), Ok(0));
    assert_eq!(next(&ends.server).stream(), (0, FIN));
    // More parts than a message may have.
    let mut header = [0, 0, 0, 1025, 0, 0, 0];
    let sent = raw::sendmsg(&ends.client, raw::at(&mut header), 0);
    assert_eq!(sent, Err(EMSGSIZE));
    let got = raw::recvmsg(&ends.client, raw::at(&mut header), DONTWAIT);
    assert_eq!(got, Err(EMSGSIZE));
}

fn no_room_is_enospc_for_a_named_stream_and_eagain_otherwise() {
    let ends = Ends::made();
    let data = vec![0; 64 * 1024];
    assert_eq!(send_on(&ends.client, -1, NEW, b"x"), Ok(1));
    until("there is no room", || {
        while send_on(&ends.client, 0, 0, &data).is_ok() {}
        std::thread::sleep(std::time::Duration::from_millis(20));
        let flags = MSG_QUIC_STREAM_SNDBLOCK;
        send_on(&ends.client, 0, flags, &data) == Err(ENOSPC)
            && send(&ends.client, &data, DONTWAIT | flags) == Err(EAGAIN)
    });
}

fn epipe_comes_with_a_signal_unless_it_is_unwanted() {
    count(libc::SIGPIPE, true);
    let ends = Ends::made();
    assert_eq!(raw::shutdown(&ends.client, libc::SHUT_WR), Ok(()));
    let mut signals = 0;
    for socket in [&socket(), &ends.listener, &ends.client] {
        for (flags, control) in [
            (MSG_NOSIGNAL, vec![]),
            (MSG_QUIC_DATAGRAM, vec![]),
            (0, level(QUIC_CRYPTO_INITIAL)),
        ] {
            let sent = raw::send_message(socket, b"x", &control, flags);
            assert_eq!((sent, counted()), (Err(EPIPE), signals), "{flags:#x}");
        }
        assert_eq!(raw::send_message(socket, b"x", &[], 0), Err(EPIPE));
        assert_eq!(raw::write(socket, of(b"x"), 1), Err(EPIPE));
        signals += 2;
        assert_eq!(counted(), signals);
    }
}

fn sending_before_the_handshake_is_einval() {
    let ends = Ends::greeted();
    for socket in [&ends.client, &ends.server] {
        assert_eq!(send(socket, b"x", NEW), Err(EINVAL));
        assert_eq!(send(socket, b"x", MSG_QUIC_DATAGRAM), Err(EINVAL));
    }
}

fn receiving_without_a_connection_is_enotconn() {
    let ends = Ends::made();
    assert_eq!(there(&socket()), Err(ENOTCONN));
    assert_eq!(there(&ends.listener), Err(ENOTCONN));
    assert_eq!(raw::shutdown(&ends.client, libc::SHUT_WR), Ok(()));
    assert_eq!(there(&ends.client), Err(ENOTCONN));
    assert_eq!(until_not(EAGAIN, || there(&ends.server)), Err(ENOTCONN));
}

/// A connection at whose limit of streams the client is.
fn at_the_limit_of_streams() -> Ends {
    let few = TransportParam {
        max_streams_bidi: 1,
        ..TransportParam::default()
    };
    let ends = Ends::made_with(|_, listener| {
        set(listener, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&few)).unwrap();
    });
    assert_eq!(send(&ends.client, b"x", NEW | FIN), Ok(1));
    ends
}

fn a_stream_limit_is_eagain_for_who_does_not_wait() {
    let ends = at_the_limit_of_streams();
    let flags = NEW | MSG_QUIC_STREAM_DONTWAIT;
    let on = raw::send_message(&ends.client, b"y", &stream(-1, flags), 0);
    assert_eq!(on, Err(EAGAIN), "a call that may block");
    assert_eq!(send(&ends.client, b"y", NEW | DONTWAIT), Err(EAGAIN));
}

fn not_to_wait_for_a_stream_may_be_a_flag_of_send() {
    let ends = at_the_limit_of_streams();
    let flags = NEW | MSG_QUIC_STREAM_DONTWAIT;
    assert_eq!(send(&ends.client, b"y", flags), Err(EAGAIN));
}

/// Messages of one part each; what became of them, and the lengths that were told.
fn many(socket: &Fd, parts: &mut [[u64; 2]], send: bool, flags: u32) -> (Tried<usize>, Vec<u32>) {
    let mut messages: Vec<[u64; 8]> = parts
        .iter_mut()
        .map(|part| [0, 0, raw::at(part) as u64, 1, 0, 0, 0, 0])
        .collect();
    let (at, count) = (raw::at(&mut messages[..]), messages.len() as u32);
    let moved = if send {
        raw::sendmmsg(socket, at, count, flags)
    } else {
        raw::recvmmsg(socket, at, count, flags)
    };
    let lengths = messages.iter().map(|message| message[7] as u32);
    (moved, lengths.collect())
}

fn many_messages_go_in_one_call() {
    let ends = with_datagrams();
    let mut parts =
        [b"a".as_slice(), b"bc", b"def"].map(|text| [of(text) as u64, text.len() as u64]);
    let sent = many(&ends.client, &mut parts, true, MSG_QUIC_DATAGRAM);
    assert_eq!(sent, (Ok(3), vec![1, 2, 3]));
    // What is sent behind them arrives behind them.
    assert_eq!(send(&ends.client, b"last", NEW | FIN), Ok(4));
    let mut bytes = 0_i32;
    until("all are there", || {
        raw::ioctl(&ends.server, SIOCINQ.into(), raw::at(&mut bytes)).unwrap();
        bytes == 4
    });
    let mut room = [[0_u8; 8]; 5];
    let mut parts: Vec<[u64; 2]> = room
        .iter_mut()
        .map(|room| [raw::at(room) as u64, 8])
        .collect();
    // The first is waited for, the others are taken along.
    let (got, lengths) = many(&ends.server, &mut parts, false, libc::MSG_WAITFORONE as u32);
    assert_eq!(got, Ok(4));
    let all = room.iter().zip(lengths).take(4);
    let texts: Vec<&[u8]> = all.map(|(room, len)| &room[..len as usize]).collect();
    assert!(texts.contains(&&b"last"[..]), "{texts:?}");
    let datagrams = texts.into_iter().filter(|text| text.len() < 4);
    assert_eq!(datagrams.collect::<Vec<_>>(), [&b"a"[..], b"bc", b"def"]);
}

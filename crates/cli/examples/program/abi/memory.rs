//! Addresses that are nobody's, in every place where a call takes one: EFAULT, and nothing is lost or done by halves.

use inquic_uapi::flags::{MSG_PEEK, MSG_QUIC_DATAGRAM, MSG_QUIC_NOTIFICATION};
use inquic_uapi::option::{
    QUIC_SOCKOPT_ALPN, QUIC_SOCKOPT_CONFIG, QUIC_SOCKOPT_EVENT, QUIC_SOCKOPT_STREAM_DESCRIPTOR,
    QUIC_SOCKOPT_STREAM_OPEN, QUIC_SOCKOPT_TRANSPORT_PARAM,
};
use inquic_uapi::structs::TransportParam;
use inquic_uapi::{EventType, QUIC_CRYPTO_INITIAL, SOL_QUIC};
use libc::{EAGAIN, EFAULT, EINVAL, FIONREAD};

use super::pair::{
    DONTWAIT, Ends, FIN, NEW, UNI, bytes, connecting, get, level, local, name, next, send, send_on,
    set, socket, there, want,
};
use super::process::{until, until_not};
use super::raw::{Edge, NOBODY, PAGE, Tried, at, of};
use super::{Check, check, raw};
use crate::sys::Fd;

pub(super) const CHECKS: &[Check] = &[
    check!(bad_addresses_of_names_are_efault, "EFAULT"),
    check!(
        bad_addresses_of_options_are_efault,
        "EFAULT QUIC_SOCKOPT_CONFIG QUIC_SOCKOPT_STREAM_OPEN"
    ),
    check!(bad_addresses_of_ioctl_are_efault, "EFAULT SIOCINQ"),
    check!(bad_addresses_of_what_is_sent_are_efault, "EFAULT"),
    check!(bad_addresses_of_headers_are_efault, "EFAULT"),
    check!(parts_that_are_none_are_einval, "EINVAL"),
    check!(data_at_the_edge_of_a_page_is_sent, "EFAULT"),
    check!(
        what_was_received_at_a_bad_address_is_not_lost,
        "EFAULT MSG_PEEK"
    ),
    check!(
        an_event_at_a_bad_address_is_not_lost,
        "EFAULT MSG_QUIC_NOTIFICATION"
    ),
    check!(
        a_datagram_at_a_bad_address_is_not_lost,
        "EFAULT MSG_QUIC_DATAGRAM"
    ),
    check!(
        a_handshake_message_at_a_bad_address_is_not_lost,
        "EFAULT QUIC_HANDSHAKE_INFO"
    ),
    check!(
        a_streams_descriptor_loses_nothing_at_a_bad_address,
        "EFAULT QUIC_SOCKOPT_STREAM_DESCRIPTOR"
    ),
    check!(
        a_connection_accepted_at_a_bad_address_is_not_leaked,
        "EFAULT"
    ),
];

fn bad_addresses_of_names_are_efault() {
    let ends = Ends::made();
    let fresh = socket();
    assert_eq!(raw::bind(&fresh, NOBODY, 16), Err(EFAULT));
    assert_eq!(raw::connect(&fresh, NOBODY, 16), Err(EFAULT));
    let edge = Edge::new();
    let name = name(ends.at);
    assert_eq!(
        raw::connect(&fresh, edge.with(8), 16),
        Err(EFAULT),
        "half of it"
    );
    let (mut len, mut bytes) = (16_u32, [0_u8; 28]);
    for call in [raw::getsockname, raw::getpeername] {
        assert_eq!(call(&ends.client, NOBODY, at(&mut len)), Err(EFAULT));
        assert_eq!(call(&ends.client, at(&mut bytes), NOBODY), Err(EFAULT));
        assert_eq!(call(&ends.client, edge.with(8), at(&mut len)), Err(EFAULT));
        let mut zero = 0_u32;
        assert_eq!(call(&ends.client, NOBODY, at(&mut zero)), Ok(()), "no room");
        assert_eq!(zero, 16);
    }
    assert_eq!(
        raw::connect(&fresh, of(&name), 16),
        Ok(()),
        "nothing was done"
    );
}

fn bad_addresses_of_options_are_efault() {
    let ends = Ends::made();
    let fresh = socket();
    let config = QUIC_SOCKOPT_CONFIG.cast_signed();
    let mut len = 28_u32;
    assert_eq!(
        raw::setsockopt(&fresh, SOL_QUIC, config, NOBODY, 28),
        Err(EFAULT)
    );
    let got = raw::getsockopt(&fresh, SOL_QUIC, config, NOBODY, at(&mut len));
    assert_eq!(got, Err(EFAULT));
    let mut value = [0_u8; 28];
    let got = raw::getsockopt(&fresh, SOL_QUIC, config, at(&mut value), NOBODY);
    assert_eq!(got, Err(EFAULT));
    for name in [libc::SO_RCVTIMEO, libc::SO_TYPE, libc::SO_SNDBUF] {
        let level = libc::SOL_SOCKET;
        let mut len = 16_u32;
        let got = raw::getsockopt(&fresh, level, name, NOBODY, at(&mut len));
        assert_eq!(got, Err(EFAULT), "{name}");
    }
    assert_eq!(
        raw::setsockopt(&fresh, libc::SOL_SOCKET, libc::SO_SNDBUF, NOBODY, 4),
        Err(EFAULT)
    );
    // At the edge of a page there is room for the value, and more was promised.
    let edge = Edge::new();
    let mut len = 4096_u32;
    let whole = raw::getsockopt(&fresh, SOL_QUIC, config, edge.with(28), at(&mut len));
    assert_eq!((whole, len), (Ok(()), 28));
    let set = raw::setsockopt(&fresh, SOL_QUIC, config, edge.with(27), 28);
    assert_eq!(set, Err(EFAULT));
    // A stream that was to be opened, and whose number could not be told, was not opened, or is told of by the next call.
    let open = QUIC_SOCKOPT_STREAM_OPEN.cast_signed();
    let mut len = 16_u32;
    let got = raw::getsockopt(&ends.client, SOL_QUIC, open, NOBODY, at(&mut len));
    assert_eq!(got, Err(EFAULT));
    let opened = get(&ends.client, QUIC_SOCKOPT_STREAM_OPEN, &[0xff; 8]).unwrap();
    assert_eq!(opened[..8], [0; 8]);
    assert_eq!(set_bad(&ends.client, QUIC_SOCKOPT_EVENT), Err(EFAULT));
    assert_eq!(set_bad(&fresh, QUIC_SOCKOPT_ALPN), Err(EFAULT));
}

fn set_bad(socket: &Fd, option: u32) -> Tried<()> {
    raw::setsockopt(socket, SOL_QUIC, option.cast_signed(), NOBODY, 2)
}

fn bad_addresses_of_ioctl_are_efault() {
    let ends = Ends::made();
    assert_eq!(raw::ioctl(&ends.client, FIONREAD, NOBODY), Err(EFAULT));
}

fn bad_addresses_of_what_is_sent_are_efault() {
    let ends = Ends::made();
    assert_eq!(raw::send(&ends.client, NOBODY, 10, NEW), Err(EFAULT));
    assert_eq!(
        send(&ends.client, b"x", 0),
        Err(EINVAL),
        "no stream was opened"
    );
    assert_eq!(send(&ends.client, b"x", NEW), Ok(1));
    assert_eq!(raw::write(&ends.client, NOBODY, 10), Err(EFAULT));
    let mut parts = [[of(b"ab") as u64, 2], [NOBODY as u64, 5]];
    assert_eq!(raw::writev(&ends.client, at(&mut parts), 2), Err(EFAULT));
    let edge = Edge::new();
    assert_eq!(raw::send(&ends.client, edge.with(100), 200, 0), Err(EFAULT));
    assert_eq!(next(&ends.server).data, b"x", "nothing else was sent");
    assert_eq!(there(&ends.server), Err(EAGAIN));
    let (_listener, client, _) = connecting(|_, _| {});
    let mut control = level(QUIC_CRYPTO_INITIAL);
    let mut parts = [[NOBODY as u64, 5]];
    let mut header = raw::header(&mut parts, &mut control);
    assert_eq!(raw::sendmsg(&client, at(&mut header), 0), Err(EFAULT));
}

fn bad_addresses_of_headers_are_efault() {
    let ends = Ends::made();
    for call in [raw::sendmsg, raw::recvmsg] {
        assert_eq!(call(&ends.client, NOBODY, DONTWAIT), Err(EFAULT));
        let mut header = [0, 0, NOBODY as u64, 3, 0, 0, 0];
        assert_eq!(
            call(&ends.client, at(&mut header), DONTWAIT),
            Err(EFAULT),
            "parts"
        );
    }
    let mut parts = [[of(b"x") as u64, 1]];
    let mut header = [0, 0, at(&mut parts) as u64, 1, NOBODY as u64, 32, 0];
    assert_eq!(
        raw::sendmsg(&ends.client, at(&mut header), 0),
        Err(EFAULT),
        "control"
    );
    for call in [raw::readv, raw::writev] {
        assert_eq!(call(&ends.client, NOBODY, 2), Err(EFAULT));
    }
    assert_eq!(raw::sendmmsg(&ends.client, NOBODY, 2, 0), Err(EFAULT));
    assert_eq!(
        raw::recvmmsg(&ends.client, NOBODY, 2, DONTWAIT),
        Err(EFAULT)
    );
}

fn parts_that_are_none_are_einval() {
    let ends = Ends::made();
    let mut parts = [[of(b"x") as u64, u64::MAX]];
    for call in [raw::readv, raw::writev] {
        assert_eq!(
            call(&ends.client, at(&mut parts), 1),
            Err(EINVAL),
            "a length"
        );
        assert_eq!(
            call(&ends.client, at(&mut parts), -1),
            Err(EINVAL),
            "a number"
        );
        assert_eq!(
            call(&ends.client, at(&mut parts), 1025),
            Err(EINVAL),
            "too many"
        );
    }
}

fn data_at_the_edge_of_a_page_is_sent() {
    let ends = Ends::made();
    let edge = Edge::new();
    assert_eq!(
        raw::send(&ends.client, edge.with(PAGE), PAGE, NEW | FIN),
        Ok(PAGE)
    );
    let mut whole = 0;
    until("all is here", || {
        let got = next(&ends.server);
        whole += got.told;
        got.stream().1 == FIN
    });
    assert_eq!(whole, PAGE);
}

/// Receives at addresses that are nobody's, in every way, while something is there.
fn receives_nowhere(socket: &Fd) {
    let efault = Err(EFAULT);
    let look = |flags| raw::recvfrom(socket, NOBODY, 64, flags, 0, 0);
    assert_eq!(until_not(EAGAIN, || look(DONTWAIT)), efault);
    assert_eq!(look(DONTWAIT | MSG_PEEK), efault);
    assert_eq!(raw::read(socket, NOBODY, 64), efault);
    let mut parts = [[NOBODY as u64, 64]];
    assert_eq!(raw::readv(socket, at(&mut parts), 1), efault);
    let edge = Edge::new();
    edge.protect();
    assert_eq!(
        raw::recvfrom(socket, edge.with(64), 64, DONTWAIT, 0, 0),
        efault,
        "read-only"
    );
    let mut room = [0_u8; 64];
    // The first part has a place, the second has none.
    let mut parts = [[at(&mut room) as u64, 1], [NOBODY as u64, 64]];
    let mut header = raw::header(&mut parts, &mut []);
    assert_eq!(raw::recvmsg(socket, at(&mut header), DONTWAIT), efault);
}

fn what_was_received_at_a_bad_address_is_not_lost() {
    let ends = Ends::made();
    let data: Vec<u8> = (0..30_000_u32).map(|at| (at % 251) as u8).collect();
    assert_eq!(send(&ends.client, &data, NEW | FIN), Ok(data.len()));
    receives_nowhere(&ends.server);
    let mut control = [0_u8; 64];
    let mut room = [0_u8; 8];
    let mut parts = [[at(&mut room) as u64, 8]];
    let mut header = raw::header(&mut parts, &mut control);
    header[4] = NOBODY as u64;
    let got = raw::recvmsg(&ends.server, at(&mut header), DONTWAIT);
    assert_eq!(got, Err(EFAULT), "control data");
    let mut bytes = 0_i32;
    until("it still counts", || {
        raw::ioctl(&ends.server, FIONREAD, at(&mut bytes)).unwrap();
        bytes == 30_000
    });
    let mut whole = Vec::new();
    loop {
        let got = next(&ends.server);
        assert_eq!(got.stream().0, 0);
        whole.extend_from_slice(&got.data);
        if got.flags & FIN != 0 {
            break;
        }
    }
    assert!(whole == data, "{} bytes", whole.len());
    assert_eq!(there(&ends.server), Err(EAGAIN));
}

fn an_event_at_a_bad_address_is_not_lost() {
    let ends = Ends::made_with(|client, _| want(client, EventType::NewToken));
    receives_nowhere(&ends.client);
    let got = next(&ends.client);
    assert_eq!(got.data[0], EventType::NewToken as u8);
    assert_ne!(got.flags & MSG_QUIC_NOTIFICATION, 0);
    assert!(got.told > 20, "all of it");
}

fn a_datagram_at_a_bad_address_is_not_lost() {
    let param = TransportParam {
        max_datagram_frame_size: u16::MAX,
        ..TransportParam::default()
    };
    let ends = Ends::made_with(|_, listener| {
        set(listener, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&param)).unwrap();
    });
    assert_eq!(
        send(&ends.client, b"one two three", MSG_QUIC_DATAGRAM),
        Ok(13)
    );
    receives_nowhere(&ends.server);
    let got = next(&ends.server);
    assert_eq!(
        (&got.data[..], got.flags & MSG_QUIC_DATAGRAM),
        (&b"one two three"[..], MSG_QUIC_DATAGRAM)
    );
}

fn a_handshake_message_at_a_bad_address_is_not_lost() {
    let ends = Ends::greeted();
    let hello = level(QUIC_CRYPTO_INITIAL);
    raw::send_message(&ends.server, b"server hello", &hello, 0).unwrap();
    receives_nowhere(&ends.client);
    let got = next(&ends.client);
    assert_eq!(got.data, b"server hello");
    assert_eq!(got.message, Some((1, vec![QUIC_CRYPTO_INITIAL])));
}

fn a_streams_descriptor_loses_nothing_at_a_bad_address() {
    let ends = Ends::made();
    assert_eq!(send_on(&ends.client, -1, NEW | UNI | FIN, b"stream"), Ok(6));
    let (_, stream) = super::own::describe(&ends.server, -1, 0).unwrap();
    let look = |place| raw::recvfrom(&stream, place, 64, DONTWAIT, 0, 0);
    assert_eq!(until_not(EAGAIN, || look(NOBODY)), Err(EFAULT));
    assert_eq!(raw::read(&stream, NOBODY, 64), Err(EFAULT));
    let mut room = [0_u8; 64];
    assert_eq!(look(at(&mut room)), Ok(6));
    assert_eq!(&room[..6], b"stream");
    assert_eq!(look(at(&mut room)), Ok(0), "and its end");
    let mut len = 16_u32;
    let number = QUIC_SOCKOPT_STREAM_DESCRIPTOR.cast_signed();
    let got = raw::getsockopt(&ends.client, SOL_QUIC, number, NOBODY, at(&mut len));
    assert_eq!(got, Err(EFAULT));
}

fn a_connection_accepted_at_a_bad_address_is_not_leaked() {
    let (listener, client, at_listener) = connecting(|_, _| {});
    let hello = level(QUIC_CRYPTO_INITIAL);
    raw::send_message(&client, b"client hello", &hello, 0).unwrap();
    let mut len = 28_u32;
    let said = raw::accept(&listener, NOBODY, at(&mut len), 0);
    assert_eq!(said.unwrap_err(), EFAULT);
    assert_eq!(local(&listener), at_listener);
    // As in the kernel, whoever was accepted so is gone.
    until("the client hears of it", || {
        there(&client) == Err(libc::ENOTCONN)
    });
}

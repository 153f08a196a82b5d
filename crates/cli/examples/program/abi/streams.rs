//! Streams by their numbers: what a number says, which ones a program may use, and the credit that comes back.

use inquic_uapi::flags::MSG_QUIC_STREAM_DONTWAIT;
use inquic_uapi::option::{
    QUIC_SOCKOPT_STREAM_DESCRIPTOR, QUIC_SOCKOPT_STREAM_OPEN, QUIC_SOCKOPT_STREAM_PRIORITY,
    QUIC_SOCKOPT_STREAM_RESET, QUIC_SOCKOPT_STREAM_STOP_SENDING, QUIC_SOCKOPT_TRANSPORT_PARAM,
};
use inquic_uapi::socket::SIOCINQ;
use inquic_uapi::structs::{StreamInfo, TransportParam};
use inquic_uapi::{
    Layout, QUIC_STREAM_TYPE_MASK, QUIC_STREAM_TYPE_SERVER_MASK, QUIC_STREAM_TYPE_UNI_MASK,
};
use libc::{EAGAIN, EINVAL, ENOSTR};

use super::pair::{Ends, FIN, NEW, UNI, bytes, echo, get, next, send_on, set};
use super::process::{until, until_not};
use super::{Check, check, raw};

pub(super) const CHECKS: &[Check] = &[
    check!(
        numbers_say_who_opened_a_stream_and_of_which_kind,
        "QUIC_STREAM_TYPE_SERVER_MASK QUIC_STREAM_TYPE_UNI_MASK QUIC_STREAM_TYPE_MASK"
    ),
    check!(
        opening_a_stream_opens_all_below_it,
        "MSG_QUIC_STREAM_NEW EINVAL"
    ),
    check!(a_stream_is_finished_before_it_is_over, "EINVAL"),
    check!(
        a_stream_that_is_over_is_enostr_to_every_call,
        "ENOSTR QUIC_SOCKOPT_STREAM_OPEN QUIC_SOCKOPT_STREAM_RESET QUIC_SOCKOPT_STREAM_STOP_SENDING QUIC_SOCKOPT_STREAM_PRIORITY QUIC_SOCKOPT_STREAM_DESCRIPTOR QUIC_STREAM_INFO"
    ),
    check!(
        credit_grows_by_one_for_each_stream_that_is_over,
        "MSG_QUIC_STREAM_DONTWAIT EAGAIN"
    ),
    check!(a_read_never_crosses_streams, "QUIC_STREAM_INFO"),
];

fn numbers_say_who_opened_a_stream_and_of_which_kind() {
    let ends = Ends::made();
    for (near, far, server) in [
        (&ends.client, &ends.server, 0),
        (&ends.server, &ends.client, QUIC_STREAM_TYPE_SERVER_MASK),
    ] {
        for (flags, uni) in [(0, 0), (UNI, QUIC_STREAM_TYPE_UNI_MASK)] {
            let info = StreamInfo {
                stream_id: -1,
                stream_flags: flags,
            };
            let opened = get(near, QUIC_SOCKOPT_STREAM_OPEN, &bytes(&info)).unwrap();
            let id = StreamInfo::read(&opened).stream_id;
            assert_eq!(send_on(near, id, FIN, b"x"), Ok(1));
            assert_eq!(next(far).stream(), (id, FIN));
            assert_eq!(id.cast_unsigned() & QUIC_STREAM_TYPE_MASK, server | uni);
        }
    }
}

fn opening_a_stream_opens_all_below_it() {
    let ends = Ends::made();
    assert_eq!(send_on(&ends.client, 8, 0, b"x"), Err(EINVAL), "not opened");
    assert_eq!(send_on(&ends.client, 8, NEW, b"eight"), Ok(5));
    assert_eq!(send_on(&ends.client, 4, 0, b"four"), Ok(4));
    assert_eq!(
        send_on(&ends.client, 8, NEW, b"x"),
        Err(EINVAL),
        "opened before"
    );
    assert_eq!(send_on(&ends.client, 12, 0, b"x"), Err(EINVAL));
    assert_eq!(
        send_on(&ends.client, 2, 0, b"x"),
        Err(EINVAL),
        "another kind"
    );
    let mut got = [next(&ends.server).stream().0, next(&ends.server).stream().0];
    got.sort_unstable();
    assert_eq!(got, [4, 8]);
}

fn a_stream_is_finished_before_it_is_over() {
    let ends = Ends::made();
    assert_eq!(send_on(&ends.client, -1, NEW | FIN, b"ask"), Ok(3));
    assert_eq!(send_on(&ends.client, 0, 0, b"x"), Err(EINVAL), "after FIN");
    assert_eq!(send_on(&ends.client, 0, FIN, b""), Err(EINVAL));
    assert_eq!(send_on(&ends.client, 0, NEW, b"x"), Err(EINVAL), "used");
}

fn a_stream_that_is_over_is_enostr_to_every_call() {
    let ends = Ends::made();
    echo(&ends);
    let late = || send_on(&ends.client, 0, 0, b"x");
    assert_eq!(until_not(EINVAL, late), Err(ENOSTR));
    assert_eq!(send_on(&ends.client, 0, NEW, b"x"), Err(ENOSTR));
    let value = [0; 16];
    for option in [QUIC_SOCKOPT_STREAM_RESET, QUIC_SOCKOPT_STREAM_STOP_SENDING] {
        assert_eq!(set(&ends.client, option, &value), Err(ENOSTR), "{option}");
    }
    let priority = QUIC_SOCKOPT_STREAM_PRIORITY;
    assert_eq!(set(&ends.client, priority, &value), Err(ENOSTR));
    for option in [
        QUIC_SOCKOPT_STREAM_OPEN,
        QUIC_SOCKOPT_STREAM_DESCRIPTOR,
        priority,
    ] {
        assert_eq!(get(&ends.client, option, &value), Err(ENOSTR), "{option}");
    }
}

fn credit_grows_by_one_for_each_stream_that_is_over() {
    let few = TransportParam {
        max_streams_bidi: 3,
        ..TransportParam::default()
    };
    let ends = Ends::made_with(|_, listener| {
        set(listener, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&few)).unwrap();
    });
    let open = || {
        let info = StreamInfo {
            stream_id: -1,
            stream_flags: MSG_QUIC_STREAM_DONTWAIT,
        };
        get(&ends.client, QUIC_SOCKOPT_STREAM_OPEN, &bytes(&info)).map(drop)
    };
    for _ in 0..3 {
        assert_eq!(open(), Ok(()));
    }
    assert_eq!(open(), Err(EAGAIN));
    for id in [8, 0, 4] {
        assert_eq!(send_on(&ends.client, id, FIN, b"ask"), Ok(3));
        assert_eq!(next(&ends.server).stream(), (id, FIN));
        assert_eq!(send_on(&ends.server, id, FIN, b"answer"), Ok(6));
        assert_eq!(next(&ends.client).stream(), (id, FIN));
        assert_eq!(until_not(EAGAIN, open), Ok(()), "one more, at once");
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert_eq!(open(), Err(EAGAIN), "and no more");
    }
}

fn a_read_never_crosses_streams() {
    let ends = Ends::made();
    for id in [0, 4, 8] {
        assert_eq!(send_on(&ends.client, id, NEW, b"abc"), Ok(3));
    }
    let mut bytes = 0_i32;
    until("all are there", || {
        raw::ioctl(&ends.server, SIOCINQ.into(), raw::at(&mut bytes)).unwrap();
        bytes == 9
    });
    // Packets need not arrive in the order in which they left.
    let mut read = [(); 3].map(|()| {
        let got = next(&ends.server);
        assert_eq!(got.data, b"abc");
        got.stream().0
    });
    read.sort_unstable();
    assert_eq!(read, [0, 4, 8]);
}

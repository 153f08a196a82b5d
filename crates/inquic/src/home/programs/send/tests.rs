//! Control messages of a message that is sent in parts.

use inquic_uapi::flags::{MSG_QUIC_STREAM_FIN, MSG_QUIC_STREAM_NEW};
use inquic_uapi::structs::StreamInfo;
use inquic_uapi::{ControlMessage, ControlMessages, Layout, QUIC_STREAM_INFO, SOL_QUIC};

use super::without_fin;

#[test]
fn a_stream_that_goes_on_has_no_fin_and_all_else_as_it_was() {
    let info = StreamInfo {
        stream_id: 7,
        stream_flags: MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN,
    };
    let mut value = [0; StreamInfo::SIZE];
    info.write(&mut value);
    let mut control = [0; 64];
    let other = ControlMessage {
        level: 1,
        kind: 2,
        data: b"abc",
    };
    let at = other.write(&mut control).unwrap();
    let stream = ControlMessage {
        level: SOL_QUIC,
        kind: QUIC_STREAM_INFO,
        data: &value,
    };
    let len = at + stream.write(&mut control[at..]).unwrap();

    let changed = without_fin(&control[..len]);

    let messages: Vec<_> = ControlMessages::new(&changed).flatten().collect();
    assert_eq!(messages[0], other);
    let expected = StreamInfo {
        stream_flags: MSG_QUIC_STREAM_NEW,
        ..info
    };
    assert_eq!(StreamInfo::read(messages[1].data), expected);
}

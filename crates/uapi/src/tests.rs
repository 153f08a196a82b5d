use crate::layout::Layout;
use crate::structs::{ConnectionClose, CryptoSecret, EventOption, StreamInfo, TransportParam};
use crate::{EventType, flags};

#[test]
fn a_structure_survives_the_way_through_bytes() {
    let info = StreamInfo {
        stream_id: -1,
        stream_flags: flags::MSG_QUIC_STREAM_NEW,
    };
    let mut bytes = [0xff; 16];
    assert_eq!(info.write(&mut bytes), 16);
    assert_eq!(StreamInfo::read(&bytes), info);
}

#[test]
fn padding_is_written_as_zero() {
    let mut bytes = [0xff; 16];
    StreamInfo::default().write(&mut bytes);
    assert_eq!(bytes, [0; 16]);
}

#[test]
fn a_shorter_structure_reads_as_zero_beyond_its_end() {
    let parameters = TransportParam::read(&[1, 1, 1, 1, 1]);
    assert_eq!(parameters.disable_1rtt_encryption, 1);
    assert_eq!(parameters.disable_compatible_version, 0);
    assert_eq!(parameters.max_data, 0);
}

#[test]
fn a_shorter_buffer_takes_what_fits() {
    let close = ConnectionClose {
        errcode: 0x0102_0304,
        ..Default::default()
    };
    let mut bytes = [0xff; 3];
    assert_eq!(close.write(&mut bytes), 3);
    assert_eq!(bytes, 0x0102_0304_u32.to_ne_bytes()[..3]);
}

#[test]
fn a_longer_buffer_is_left_alone_beyond_the_structure() {
    let mut bytes = [0xff; 4];
    assert_eq!(
        EventOption {
            event_type: 3,
            on: 1
        }
        .write(&mut bytes),
        2
    );
    assert_eq!(bytes, [3, 1, 0xff, 0xff]);
}

#[test]
fn the_secret_lies_at_offset_eight() {
    let mut secret = CryptoSecret::default();
    secret.secret[0] = 7;
    secret.secret[47] = 9;
    let mut bytes = [0; 56];
    secret.write(&mut bytes);
    assert_eq!((bytes[8], bytes[55]), (7, 9));
}

#[test]
fn events_have_the_numbers_one_to_nine() {
    for number in 1..=9 {
        assert_eq!(
            EventType::from_u8(number).map(|event| event as u8),
            Some(number)
        );
    }
    assert_eq!(EventType::from_u8(0), None);
    assert_eq!(EventType::from_u8(10), None);
}

#[test]
fn notification_and_more_share_a_bit() {
    assert_eq!(flags::MSG_QUIC_NOTIFICATION, flags::MSG_MORE);
}

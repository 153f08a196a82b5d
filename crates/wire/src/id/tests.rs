use std::format;

use super::*;

#[test]
fn a_connection_id_has_at_most_20_bytes() {
    for len in 0..=20 {
        let bytes = [7; 255];
        let id = ConnectionId::new(&bytes[..len]).unwrap();
        assert_eq!(id.as_slice(), &bytes[..len]);
        assert_eq!(id.len(), len);
        assert_eq!(id.is_empty(), len == 0);
    }
    for len in 21..=255 {
        assert_eq!(ConnectionId::new(&[7; 255][..len]), None);
    }
}

#[test]
fn connection_ids_that_differ_in_length_differ() {
    assert_ne!(ConnectionId::new(&[0]), ConnectionId::new(&[0, 0]));
    assert_eq!(ConnectionId::new(&[]), Some(ConnectionId::EMPTY));
}

#[test]
fn a_connection_id_shows_as_hex() {
    assert_eq!(
        format!("{:?}", ConnectionId::new(&[0x0a, 0xff]).unwrap()),
        "0aff"
    );
}

#[test]
fn the_low_bits_of_a_stream_id_tell_its_type() {
    // RFC 9000 table 1.
    for (bits, initiator, direction) in [
        (0, Role::Client, Direction::Bidirectional),
        (1, Role::Server, Direction::Bidirectional),
        (2, Role::Client, Direction::Unidirectional),
        (3, Role::Server, Direction::Unidirectional),
    ] {
        for index in [0, 1, 5, (1 << 60) - 1] {
            let id = StreamId::new(initiator, direction, index).unwrap();
            assert_eq!(id.to_u64(), index * 4 + bits);
            assert_eq!(StreamId::from_u64(id.to_u64()), Some(id));
            assert_eq!(
                (id.initiator(), id.direction(), id.index()),
                (initiator, direction, index)
            );
        }
        assert_eq!(StreamId::new(initiator, direction, 1 << 60), None);
    }
}

#[test]
fn a_stream_id_fits_a_varint() {
    assert!(StreamId::from_u64(VARINT_MAX).is_some());
    assert_eq!(StreamId::from_u64(VARINT_MAX + 1), None);
}

#[test]
fn reserved_versions_have_a_in_every_second_place() {
    assert!(Version(0x0a0a_0a0a).is_reserved());
    assert!(Version(0x1a2a_3afa).is_reserved());
    assert!(!Version(0x1a2a_3afb).is_reserved());
    assert!(!Version::V1.is_reserved());
    assert!(!Version::NEGOTIATION.is_reserved());
}

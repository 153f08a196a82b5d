//! Every parameter: absent, twice, at and past its edges, empty, too long.

use super::*;
use crate::varint::VARINT_MAX;

/// An integer: its id, its default, its smallest and largest value, and where it is kept.
struct Integer {
    id: u64,
    default: u64,
    min: u64,
    max: u64,
    get: fn(&TransportParameters) -> u64,
}

const fn any(id: u64, get: fn(&TransportParameters) -> u64) -> Integer {
    Integer {
        id,
        default: 0,
        min: 0,
        max: VARINT_MAX,
        get,
    }
}

fn integers() -> [Integer; 12] {
    [
        any(0x01, |p| p.max_idle_timeout_ms),
        Integer {
            default: 65_527,
            min: 1200,
            ..any(0x03, |p| p.max_udp_payload_size)
        },
        any(0x04, |p| p.initial_max_data),
        any(0x05, |p| p.initial_max_stream_data_bidi_local),
        any(0x06, |p| p.initial_max_stream_data_bidi_remote),
        any(0x07, |p| p.initial_max_stream_data_uni),
        Integer {
            max: 1 << 60,
            ..any(0x08, |p| p.initial_max_streams_bidi)
        },
        Integer {
            max: 1 << 60,
            ..any(0x09, |p| p.initial_max_streams_uni)
        },
        Integer {
            default: 3,
            max: 20,
            ..any(0x0a, |p| p.ack_delay_exponent.into())
        },
        Integer {
            default: 25,
            max: (1 << 14) - 1,
            ..any(0x0b, |p| p.max_ack_delay_ms.into())
        },
        Integer {
            default: 2,
            min: 2,
            ..any(0x0e, |p| p.active_connection_id_limit)
        },
        any(0x20, |p| p.max_datagram_frame_size),
    ]
}

/// The other parameters: id, a valid value, and whether only a server declares it.
fn others() -> Vec<(u64, Vec<u8>, bool)> {
    std::vec![
        (0x00, std::vec![1; 8], true),
        (0x02, std::vec![2; 16], true),
        (0x0c, Vec::new(), false),
        (0x0d, preferred_address(8), true),
        (0x0f, std::vec![3; 8], false),
        (0x10, std::vec![4; 8], true),
        (0x11, std::vec![0, 0, 0, 1, 0, 0, 0, 1], false),
        (0x2ab2, Vec::new(), false),
        (0xbaad, Vec::new(), false),
        (0xff04_de1b, varint(1_000), false),
    ]
}

fn preferred_address(id_len: u8) -> Vec<u8> {
    let mut value = std::vec![192, 0, 2, 1, 0x01, 0xbb];
    value.extend([0x20; 16]);
    value.extend([0x11, 0x51, id_len]);
    value.extend([7; 255].iter().take(id_len.into()));
    value.extend([9; 16]);
    value
}

fn refused(parameters: &[(u64, &[u8])], sender: Role) {
    match parse(parameters, sender) {
        Ok(parsed) => panic!("{parameters:?} from {sender:?}: {parsed:?}"),
        Err(error) => assert_eq!(
            (error.code, error.frame_type),
            (Code::TransportParameter, 0)
        ),
    }
}

const ROLES: [Role; 2] = [Role::Client, Role::Server];

#[test]
fn what_is_absent_has_its_default() {
    let parsed = parse(&[], Role::Server).unwrap();
    assert_eq!(parsed, TransportParameters::default());
    for integer in integers() {
        assert_eq!((integer.get)(&parsed), integer.default, "{:#x}", integer.id);
    }
}

#[test]
fn an_integer_is_taken_up_to_its_edges() {
    for Integer {
        id, min, max, get, ..
    } in integers()
    {
        for value in [min, min + 1, max - 1, max] {
            for sender in ROLES {
                let parsed = parse(&[(id, &varint(value))], sender).unwrap();
                assert_eq!(get(&parsed), value, "{id:#x}");
            }
        }
    }
}

#[test]
fn an_integer_past_its_edges_is_refused() {
    for Integer { id, min, max, .. } in integers() {
        for sender in ROLES {
            if let Some(below) = min.checked_sub(1) {
                refused(&[(id, &varint(below))], sender);
                refused(&[(id, &varint(0))], sender);
            }
            if max < VARINT_MAX {
                refused(&[(id, &varint(max + 1))], sender);
                refused(&[(id, &varint(VARINT_MAX))], sender);
            }
        }
    }
}

#[test]
fn an_integer_that_is_empty_or_cut_or_too_long_is_refused() {
    for Integer { id, min, .. } in integers() {
        let mut value = varint(min.max(64));
        for cut in 0..value.len() {
            refused(&[(id, &value[..cut])], Role::Server);
        }
        value.push(0);
        refused(&[(id, &value)], Role::Server);
    }
}

#[test]
fn an_integer_may_take_more_bytes_than_it_needs() {
    let parsed = parse(&[(0x0a, &[0x40, 20])], Role::Client).unwrap();
    assert_eq!(parsed.ack_delay_exponent, 20);
}

#[test]
fn a_second_of_a_kind_is_refused() {
    for Integer { id, min, .. } in integers() {
        let value = varint(min);
        refused(&[(id, &value), (id, &value)], Role::Server);
        refused(&[(id, &value), (0x3f, &[]), (id, &value)], Role::Client);
    }
    for (id, value, _) in others() {
        refused(&[(id, &value), (id, &value)], Role::Server);
    }
    for unknown in [0x12, 27, 0x3e, 0x3f, 0x40, 0xff02_de1a, VARINT_MAX] {
        refused(&[(unknown, &[1]), (unknown, &[])], Role::Server);
    }
}

#[test]
fn the_others_are_taken_from_those_who_may_declare_them() {
    for (id, value, server_only) in others() {
        assert!(parse(&[(id, &value)], Role::Server).is_ok(), "{id:#x}");
        if server_only {
            refused(&[(id, &value)], Role::Client);
            // Whether or not the value is right.
            refused(&[(id, &[])], Role::Client);
        } else {
            assert!(parse(&[(id, &value)], Role::Client).is_ok(), "{id:#x}");
        }
    }
}

#[test]
fn a_flag_has_no_value() {
    for id in [0x0c, 0x2ab2] {
        for sender in ROLES {
            refused(&[(id, &[0])], sender);
            refused(&[(id, &[1])], sender);
        }
    }
}

#[test]
fn a_connection_id_has_0_to_20_bytes() {
    for id in [0x00, 0x0f, 0x10] {
        for len in 0..=20 {
            assert!(parse(&[(id, &[1; 20][..len])], Role::Server).is_ok());
        }
        for len in [21, 22, 255] {
            refused(&[(id, &[1; 255][..len])], Role::Server);
        }
    }
}

#[test]
fn a_reset_token_has_16_bytes() {
    for len in [0, 1, 15, 17, 32] {
        refused(&[(0x02, &[1; 32][..len])], Role::Server);
    }
}

#[test]
fn a_preferred_address_has_an_id_of_1_to_20_bytes() {
    for len in 0..=255 {
        let value = preferred_address(len);
        if (1..=20).contains(&len) {
            let parsed = parse(&[(0x0d, &value)], Role::Server).unwrap();
            assert_eq!(parsed.preferred_address.unwrap().id.len(), usize::from(len));
        } else {
            refused(&[(0x0d, &value)], Role::Server);
        }
    }
}

#[test]
fn a_preferred_address_that_is_cut_or_too_long_is_refused() {
    let mut value = preferred_address(8);
    for cut in 0..value.len() {
        refused(&[(0x0d, &value[..cut])], Role::Server);
    }
    value.push(0);
    refused(&[(0x0d, &value)], Role::Server);
}

#[test]
fn a_preferred_address_of_zeros_is_none() {
    let mut value = preferred_address(8);
    value[..6].fill(0);
    let parsed = parse(&[(0x0d, &value)], Role::Server)
        .unwrap()
        .preferred_address
        .unwrap();
    assert_eq!(parsed.v4, None);
    assert_eq!(parsed.v6.unwrap().port(), 0x1151);
    value[6..24].fill(0);
    value[..6].copy_from_slice(&[192, 0, 2, 1, 1, 0xbb]);
    let parsed = parse(&[(0x0d, &value)], Role::Server)
        .unwrap()
        .preferred_address
        .unwrap();
    assert_eq!(parsed.v4, Some("192.0.2.1:443".parse().unwrap()));
    assert_eq!(parsed.v6, None);
}

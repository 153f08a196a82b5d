//! The extension as a whole.

use super::*;
use crate::error::Full;

#[test]
fn every_field_survives_the_trip() {
    let parameters = full();
    assert_eq!(
        TransportParameters::parse(&encode(&parameters), Role::Server),
        Ok(parameters)
    );
}

#[test]
fn defaults_are_not_written() {
    assert_eq!(encode(&TransportParameters::default()), []);
}

#[test]
fn every_cut_but_those_between_parameters_is_refused() {
    let bytes = encode(&full());
    let mut accepted = 0;
    for cut in 0..=bytes.len() {
        match TransportParameters::parse(&bytes[..cut], Role::Server) {
            Ok(_) => accepted += 1,
            Err(error) => assert_eq!(error.code, Code::TransportParameter),
        }
    }
    // Before the first of 22 parameters and after each.
    assert_eq!(accepted, 23);
}

#[test]
fn what_does_not_fit_is_not_written() {
    let parameters = full();
    let len = encode(&parameters).len();
    for room in 0..len {
        let mut buffer = std::vec![0; room];
        let mut w = Writer::new(&mut buffer);
        assert_eq!(parameters.encode(&mut w), Err(Full));
        assert_eq!(w.position(), 0);
    }
}

#[test]
fn an_unknown_parameter_is_skipped() {
    let parsed = parse(
        &[(0x12, &[0; 12]), (0x04, &[9]), (0x7fff, &[]), (27, &[1])],
        Role::Client,
    );
    let expected = TransportParameters {
        initial_max_data: 9,
        ..Default::default()
    };
    assert_eq!(parsed, Ok(expected));
}

#[test]
fn grease_is_written_and_skipped() {
    let mut random = [0xaa; Grease::RANDOM];
    random[..5].copy_from_slice(&[7, 0, 0, 0, 5 + 16]);
    let parameters = TransportParameters {
        grease: Some(Grease::from_random(random)),
        ..full()
    };
    let bytes = encode(&parameters);
    let before = encode(&full());
    let id = 0x4000_u16 | (31 * 7 + 27);
    let expected = [&before[..], &id.to_be_bytes(), &[5], &[0xaa; 5]].concat();
    assert_eq!(bytes, expected);
    assert_eq!(TransportParameters::parse(&bytes, Role::Server), Ok(full()));
}

#[test]
fn any_grease_has_a_reserved_number_and_is_skipped() {
    for byte in 0..=255_u8 {
        let random = core::array::from_fn(|at| byte.wrapping_mul(31).wrapping_add(at as u8));
        let grease = Grease::from_random(random);
        assert_eq!(grease.id % 31, 27);
        let parameters = TransportParameters {
            grease: Some(grease),
            ..TransportParameters::default()
        };
        let parsed = TransportParameters::parse(&encode(&parameters), Role::Client);
        assert_eq!(parsed, Ok(TransportParameters::default()));
    }
}

#[test]
fn a_shortest_delay_above_the_longest_is_refused() {
    let with = |min: u64| parse(&[(0x0b, &[10]), (0xff04_de1b, &varint(min))], Role::Client);
    assert_eq!(with(10_000).unwrap().min_ack_delay_us, Some(10_000));
    assert_eq!(with(10_001).unwrap_err().code, Code::TransportParameter);
    // Whichever comes first.
    let first = parse(&[(0xff04_de1b, &varint(25_001))], Role::Client);
    assert_eq!(first.unwrap_err().code, Code::TransportParameter);
}

#[test]
fn a_length_beyond_the_extension_is_refused() {
    for bytes in [
        &[0x04][..],
        &[0x04, 2, 1],
        &[0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x40],
    ] {
        let error = TransportParameters::parse(bytes, Role::Client).unwrap_err();
        assert_eq!(error.code, Code::TransportParameter);
    }
}

#[test]
fn duplicates_are_noticed_among_32_unknown_parameters() {
    let ids: Vec<u64> = (0..33).map(|n| 1000 + n).collect();
    let with_second_of = |which: usize| {
        let mut parameters: Vec<(u64, &[u8])> = ids.iter().map(|&id| (id, &[][..])).collect();
        parameters.push((ids[which], &[]));
        parse(&parameters, Role::Server)
    };
    assert!(with_second_of(0).is_err());
    assert!(with_second_of(31).is_err());
    // Of the 33rd nothing is kept.
    assert!(with_second_of(32).is_ok());
    // What is known is noticed however long the list is.
    let mut parameters: Vec<(u64, &[u8])> = ids.iter().map(|&id| (id, &[][..])).collect();
    parameters.extend([(0x0c, &[][..]); 2]);
    assert!(parse(&parameters, Role::Server).is_err());
}

#[test]
fn the_quic_bit_is_noticed_twice_after_any_number_of_unknown_parameters() {
    let mut parameters: Vec<(u64, &[u8])> = (1000..1040).map(|id| (id, &[][..])).collect();
    parameters.extend([(0x2ab2, &[][..]); 2]);
    assert!(parse(&parameters, Role::Client).is_err());
}

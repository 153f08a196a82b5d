use std::vec::Vec;

use super::*;

/// A message with these extensions behind a session id and two suites.
fn message(extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, value) in extensions {
        list.extend_from_slice(&kind.to_be_bytes());
        list.extend_from_slice(&(value.len() as u16).to_be_bytes());
        list.extend_from_slice(value);
    }
    let mut body = std::vec![3, 3];
    body.extend([7; 32]);
    body.extend([2, 9, 9]);
    body.extend([0, 4, 0x13, 1, 0x13, 2]);
    body.extend([1, 0]);
    body.extend_from_slice(&(list.len() as u16).to_be_bytes());
    body.extend_from_slice(&list);
    let mut message = std::vec![1, 0];
    message.extend_from_slice(&(body.len() as u16).to_be_bytes());
    message.extend_from_slice(&body);
    message
}

fn offer(bytes: &[u8]) -> Offer<'_> {
    match ClientHello::look(bytes) {
        ClientHello::Whole(offer) => offer,
        other => panic!("{other:?}"),
    }
}

/// A server_name extension with these entries.
fn names(entries: &[(u8, &[u8])]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, name) in entries {
        list.push(*kind);
        list.extend_from_slice(&(name.len() as u16).to_be_bytes());
        list.extend_from_slice(name);
    }
    let mut value = Vec::from((list.len() as u16).to_be_bytes());
    value.extend_from_slice(&list);
    value
}

/// A protocol list.
fn protocols(list: &[&[u8]]) -> Vec<u8> {
    let mut value = std::vec![0, 0];
    for name in list {
        value.push(name.len() as u8);
        value.extend_from_slice(name);
    }
    let len = (value.len() as u16 - 2).to_be_bytes();
    value[..2].copy_from_slice(&len);
    value
}

#[test]
fn transport_parameters_are_found_among_other_extensions() {
    let bytes = message(&[(7, b"other"), (0x39, b"parameters"), (43, &[2, 3, 4])]);
    let offer = offer(&bytes);
    assert_eq!(offer.transport_parameters, Some(&b"parameters"[..]));
    assert_eq!(offer.len, bytes.len());
}

#[test]
fn a_hello_without_extensions_offers_nothing() {
    let bytes = message(&[]);
    let offer = offer(&bytes);
    assert_eq!(offer.transport_parameters, None);
    assert_eq!(offer.server_name, ServerName::Absent);
    assert_eq!(offer.protocols.count(), 0);
    assert!(!offer.has_tls13 && !offer.is_outer);
}

#[test]
fn name_and_protocols_are_found_in_any_order() {
    let (name, list) = (names(&[(0, b"a.example")]), protocols(&[b"h3", b"smb"]));
    let all: [(u16, &[u8]); 4] = [(0, &name), (16, &list), (43, &[2, 3, 4]), (51, &[9; 1_300])];
    for turn in 0..all.len() {
        let mut turned = all;
        turned.rotate_left(turn);
        let bytes = message(&turned);
        let offer = offer(&bytes);
        assert_eq!(offer.server_name, ServerName::Host(b"a.example"));
        let found: Vec<_> = offer.protocols.collect();
        assert_eq!(found, [&b"h3"[..], b"smb"]);
        assert!(offer.has_tls13);
    }
}

#[test]
fn what_is_no_host_name_is_told_from_none() {
    let long = [b'a'; 256];
    let bad: [Vec<u8>; 8] = [
        names(&[(0, b"")]),
        names(&[(0, &long)]),
        names(&[(0, b"a.example.")]),
        names(&[(0, b"a\0b")]),
        names(&[(0, "\u{fc}.example".as_bytes())]),
        names(&[(0, b"a"), (0, b"b")]),
        std::vec![0, 9, 0],
        std::vec![0, 0, 0],
    ];
    for value in &bad {
        let bytes = message(&[(0, value)]);
        assert_eq!(
            offer(&bytes).server_name,
            ServerName::Unreadable,
            "{value:?}"
        );
    }
    for value in [&names(&[]), &names(&[(7, b"other")]), &Vec::new()] {
        let bytes = message(&[(0, value)]);
        assert_eq!(offer(&bytes).server_name, ServerName::Absent);
    }
    let bytes = message(&[(0, &names(&[(0, &long[..255])]))]);
    assert_eq!(offer(&bytes).server_name, ServerName::Host(&long[..255]));
}

#[test]
fn protocol_lists_that_cannot_be_are_left_to_tls() {
    let mut longer = protocols(&[b"h3"]);
    longer.push(0);
    for value in [
        protocols(&[]),
        protocols(&[b""]),
        protocols(&[b"h3", b""]),
        longer,
        std::vec![0, 3, 9, b'h', b'3'],
        std::vec![0],
    ] {
        assert_eq!(
            ClientHello::look(&message(&[(16, &value)])),
            ClientHello::Other,
            "{value:?}"
        );
    }
}

#[test]
fn an_extension_that_matters_comes_once() {
    let (name, list) = (names(&[(0, b"a")]), protocols(&[b"h3"]));
    let all: [(u16, &[u8]); 5] = [
        (0, &name),
        (16, &list),
        (43, &[2, 3, 4]),
        (0x39, b"parameters"),
        (0xfe0d, &[0]),
    ];
    for twice in all {
        let bytes = message(&[twice, (9, b""), twice]);
        assert_eq!(ClientHello::look(&bytes), ClientHello::Other, "{twice:?}");
        let bytes = message(&[twice]);
        assert!(matches!(ClientHello::look(&bytes), ClientHello::Whole(_)));
    }
}

#[test]
fn an_outer_hello_is_noted() {
    let bytes = message(&[(0xfe0d, &[0, 1, 2])]);
    assert!(offer(&bytes).is_outer);
    let bytes = message(&[(0xfe0d, &[1])]);
    assert!(!offer(&bytes).is_outer);
}

#[test]
fn the_length_is_known_from_four_bytes_on() {
    let bytes = message(&[(0x39, b"parameters")]);
    for cut in 0..4 {
        assert_eq!(ClientHello::announced(&bytes[..cut]), None);
    }
    assert_eq!(ClientHello::announced(&bytes[..4]), Some(bytes.len()));
    assert_eq!(
        ClientHello::announced(&[1, 0xff, 0xff, 0xff]),
        Some((1 << 24) + 3)
    );
}

#[test]
fn every_cut_is_a_part_and_what_follows_is_not_looked_at() {
    let mut bytes = message(&[(0x39, b"parameters")]);
    for cut in 0..bytes.len() {
        assert_eq!(ClientHello::look(&bytes[..cut]), ClientHello::Part, "{cut}");
    }
    bytes.extend([0xff; 9]);
    assert!(matches!(ClientHello::look(&bytes), ClientHello::Whole(_)));
}

#[test]
fn another_message_is_left_to_tls() {
    for kind in (0..=255).filter(|&kind| kind != 1) {
        assert_eq!(ClientHello::look(&[kind]), ClientHello::Other);
    }
}

#[test]
fn lengths_beyond_the_message_are_left_to_tls() {
    let bytes = message(&[(0x39, b"parameters")]);
    // The session id, the suites, the compression methods, the extensions, the one extension.
    for at in [38, 41, 47, 49, 53] {
        let mut wrong = bytes.clone();
        wrong[at] = 0xff;
        assert_eq!(ClientHello::look(&wrong), ClientHello::Other, "{at}");
    }
}

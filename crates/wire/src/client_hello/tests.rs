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

#[test]
fn transport_parameters_are_found_among_other_extensions() {
    let bytes = message(&[(0, b"name"), (0x39, b"parameters"), (43, &[2, 3, 4])]);
    let found = ClientHello::look(&bytes);
    let transport_parameters = Some(&b"parameters"[..]);
    assert_eq!(
        found,
        ClientHello::Whole {
            transport_parameters
        }
    );
}

#[test]
fn a_hello_without_them_has_none() {
    let bytes = message(&[(0, b"name")]);
    let transport_parameters = None;
    assert_eq!(
        ClientHello::look(&bytes),
        ClientHello::Whole {
            transport_parameters
        }
    );
}

#[test]
fn every_cut_is_a_part_and_what_follows_is_not_looked_at() {
    let mut bytes = message(&[(0x39, b"parameters")]);
    for cut in 0..bytes.len() {
        assert_eq!(ClientHello::look(&bytes[..cut]), ClientHello::Part, "{cut}");
    }
    bytes.extend([0xff; 9]);
    assert!(matches!(
        ClientHello::look(&bytes),
        ClientHello::Whole { .. }
    ));
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

use super::*;

const FAMILY: Family = Family { id: 0x22, group: 6 };

/// A message of the family, from the kernel: command 2 with these attributes.
fn reply(attributes: &[u8]) -> Vec<u8> {
    let len = u8::try_from(20 + attributes.len()).expect("short");
    let mut message = vec![
        len, 0, 0, 0, 0x22, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0,
    ];
    message.extend_from_slice(attributes);
    message
}

/// What the kernel says of a client that is to be verified by certificates.
const CLIENT: &[u8] = &[
    8, 0, 1, 0, 9, 0, 0, 0, // the socket is 9
    8, 0, 3, 0, 1, 0, 0, 0, // a ClientHello
    14, 0, 8, 0, b'l', b'o', b'c', b'a', b'l', b'h', b'o', b's', b't', 0, 0, 0, //
    8, 0, 4, 0, 0x88, 0x13, 0, 0, // 5,000 ms
    8, 0, 5, 0, 3, 0, 0, 0, // X.509
];

fn read_request(attributes: &[u8]) -> Request {
    match read(Some(FAMILY), &reply(attributes)).expect("readable") {
        (5, Answer::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_is_asked_for_with_the_class_of_tls() {
    let expected = [
        28, 0, 0, 0, 0x22, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0,
        0, // a request, without acknowledgement
        2, 1, 0, 0, // ACCEPT, version 1
        8, 0, 2, 0, 1, 0, 0, 0, // the class
    ];
    assert_eq!(accept(FAMILY, 3), expected);
}

#[test]
fn what_became_of_a_handshake_is_told_with_status_and_socket() {
    let expected = [
        36, 0, 0, 0, 0x22, 0, 5, 0, 4, 0, 0, 0, 0, 0, 0, 0, // a request to be acknowledged
        3, 1, 0, 0, // DONE, version 1
        8, 0, 1, 0, 129, 0, 0, 0, // EKEYREJECTED
        8, 0, 2, 0, 9, 0, 0, 0, // the socket
    ];
    assert_eq!(done(FAMILY, 4, 9, 129, None), expected);
}

#[test]
fn the_key_that_a_handshake_was_made_by_is_told_after_it() {
    let told = done(FAMILY, 4, 9, 0, Some(0x0102_0304));
    assert_eq!(told[..4], [44, 0, 0, 0]);
    assert_eq!(told[36..], [8, 0, 3, 0, 4, 3, 2, 1]);
}

#[test]
fn keys_are_named_one_by_one_and_zero_is_none() {
    let mut attributes = CLIENT.to_vec();
    for serial in [7_u8, 0, 9] {
        attributes.extend_from_slice(&[8, 0, 6, 0, serial, 0, 0, 0]);
    }
    let wanted = read_request(&attributes).wanted.expect("understood");
    assert_eq!(wanted.shared_keys, [7, 9]);
    // No more than are looked at.
    for _ in 0..20 {
        attributes.extend_from_slice(&[8, 0, 6, 0, 1, 0, 0, 0]);
    }
    let wanted = read_request(&attributes).wanted.expect("understood");
    assert_eq!(wanted.shared_keys.len(), limits::KEYS_NAMED);
}

#[test]
fn a_client_request_is_understood() {
    let Request { socket, wanted } = read_request(CLIENT);
    assert_eq!(socket, 9);
    let expected = Wanted {
        role: Role::Client,
        authentication: Authentication::Certificates,
        timeout_ms: 5000,
        peer_name: Some("localhost".to_owned()),
        certificate: None,
        shared_keys: Vec::new(),
    };
    assert_eq!(wanted, Ok(expected));
}

#[test]
fn a_server_request_without_a_name_and_a_time_is_understood() {
    let attributes = [
        8, 0, 1, 0, 3, 0, 0, 0, 8, 0, 3, 0, 2, 0, 0, 0, 8, 0, 5, 0, 2, 0, 0, 0,
    ];
    let wanted = read_request(&attributes).wanted.expect("understood");
    assert_eq!(wanted.role, Role::Server);
    assert_eq!(wanted.authentication, Authentication::SharedKey);
    assert_eq!((wanted.timeout_ms, wanted.peer_name), (0, None));
}

/// A client that names a certificate and a key, by these serial numbers.
fn naming(certificate: u8, private_key: u8) -> Result<Wanted, &'static str> {
    let mut attributes = CLIENT.to_vec();
    attributes.extend_from_slice(&[
        20,
        0,
        7,
        0x80,
        8,
        0,
        1,
        0,
        certificate,
        0,
        0,
        0,
        8,
        0,
        2,
        0,
        private_key,
        0,
        0,
        0,
    ]);
    read_request(&attributes).wanted
}

#[test]
fn a_certificate_is_named_with_its_key() {
    let own = Own {
        certificate: 1,
        private_key: 2,
    };
    assert_eq!(naming(1, 2).expect("understood").certificate, Some(own));
    assert_eq!(naming(0, 0).expect("understood").certificate, None);
    naming(1, 0).expect_err("without its key");
    naming(0, 2).expect_err("without its certificate");
}

#[test]
fn a_request_that_makes_no_sense_still_has_its_socket() {
    let mut attributes = CLIENT.to_vec();
    attributes[12] = 7;
    let Request { socket, wanted } = read_request(&attributes);
    assert_eq!((socket, wanted), (9, Err("neither a client nor a server")));
}

#[test]
fn a_request_without_a_socket_is_refused() {
    assert!(read(Some(FAMILY), &reply(&CLIENT[8..])).is_err());
}

#[test]
fn a_request_of_another_family_is_nothing() {
    let other = Family { id: 0x23, group: 6 };
    let read = read(Some(other), &reply(CLIENT)).expect("readable");
    assert_eq!(read, (5, Answer::Other));
}

#[test]
fn what_is_cut_off_or_damaged_is_an_error_and_no_panic() {
    let whole = reply(CLIENT);
    for len in 0..whole.len() {
        let _ = read(Some(FAMILY), &whole[..len]);
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            let _ = read(Some(FAMILY), &damaged);
        }
    }
    assert!(read(Some(FAMILY), &whole[..15]).is_err());
}

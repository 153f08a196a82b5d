//! What tests of the endpoint share: a wish in, a ClientHello out.

use alloc::vec::Vec;

/// A ClientHello with these two wishes and nothing else.
pub(super) fn hello_of(name: Option<&str>, protocols: &[&str]) -> Vec<u8> {
    let mut extensions = Vec::new();
    if let Some(name) = name {
        let value = behind_len(&[&[0][..], &behind_len(name.as_bytes())].concat());
        extensions.append(&mut extension(0, &value));
    }
    if !protocols.is_empty() {
        let mut list = Vec::new();
        for protocol in protocols {
            list.push(u8::try_from(protocol.len()).unwrap());
            list.extend_from_slice(protocol.as_bytes());
        }
        extensions.append(&mut extension(16, &behind_len(&list)));
    }
    let mut body = alloc::vec![3, 3];
    body.extend_from_slice(&[7; 32]);
    body.extend_from_slice(&[0, 0, 2, 0x13, 1, 1, 0]);
    body.append(&mut behind_len(&extensions));
    let mut message = alloc::vec![1, 0];
    message.append(&mut behind_len(&body));
    message
}

fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::from(kind.to_be_bytes());
    bytes.append(&mut behind_len(value));
    bytes
}

fn behind_len(bytes: &[u8]) -> Vec<u8> {
    let mut list = Vec::from(u16::try_from(bytes.len()).unwrap().to_be_bytes());
    list.extend_from_slice(bytes);
    list
}

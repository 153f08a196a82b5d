//! ClientHellos as they are seen on the internet: what the client wants in, the message out.

use crate::Rng;

/// What kind of client it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A share of X25519 alone: 300 to 600 bytes.
    Classical,
    /// With X25519MLKEM768: 1,500 to 1,800 bytes.
    PostQuantum,
    /// The same with what looks like an encrypted hello.
    PostQuantumGreased,
    /// Two post-quantum shares and a ticket: 3,000 bytes and more.
    Large,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Classical,
        Self::PostQuantum,
        Self::PostQuantumGreased,
        Self::Large,
    ];
}

/// A ClientHello that asks for `name` and `protocols`, its extensions in random order.
#[must_use]
pub fn hello(rng: &mut Rng, shape: Shape, name: Option<&str>, protocols: &[&str]) -> Vec<u8> {
    let mut extensions: Vec<(u16, Vec<u8>)> = vec![
        (10, groups(shape)),
        (
            13,
            list16(&[4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1]),
        ),
        (43, vec![4, 0x7a, 0x7a, 3, 4]),
        (45, vec![1, 1]),
        (51, shares(rng, shape)),
        (0x39, random(rng, 60, 140)),
        (27, vec![2, 0, 2]),
        (0x0a0a, Vec::new()),
        (0x1a1a, vec![0]),
    ];
    if let Some(name) = name {
        let mut value = Vec::new();
        value.extend_from_slice(&(name.len() as u16 + 3).to_be_bytes());
        value.push(0);
        value.extend_from_slice(&(name.len() as u16).to_be_bytes());
        value.extend_from_slice(name.as_bytes());
        extensions.push((0, value));
    }
    if !protocols.is_empty() {
        let mut names = Vec::new();
        for protocol in protocols {
            names.push(protocol.len() as u8);
            names.extend_from_slice(protocol.as_bytes());
        }
        extensions.push((16, list16(&names)));
    }
    if shape == Shape::PostQuantumGreased {
        let mut value = vec![0, 0, 1, 0, 1, rng.below(256) as u8, 0, 32];
        value.append(&mut random(rng, 32, 1));
        value.extend_from_slice(&[0, 176]);
        value.append(&mut random(rng, 176, 1));
        extensions.push((0xfe0d, value));
    }
    rng.shuffle(&mut extensions);
    if shape == Shape::Large {
        // The pre-shared key is the last of all (RFC 8446 §4.2.11).
        extensions.push((42, Vec::new()));
        extensions.push((41, ticket(rng)));
    }
    message(rng, &extensions)
}

fn message(rng: &mut Rng, extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.append(&mut random(rng, 32, 1));
    body.push(0);
    body.extend_from_slice(&[0, 8, 0x2a, 0x2a, 0x13, 1, 0x13, 2, 0x13, 3]);
    body.extend_from_slice(&[1, 0]);
    let bytes: usize = extensions.iter().map(|(_, value)| value.len() + 4).sum();
    body.extend_from_slice(&(bytes as u16).to_be_bytes());
    for (kind, value) in extensions {
        body.extend_from_slice(&kind.to_be_bytes());
        body.extend_from_slice(&(value.len() as u16).to_be_bytes());
        body.extend_from_slice(value);
    }
    let mut message = vec![1, 0];
    message.extend_from_slice(&(body.len() as u16).to_be_bytes());
    message.append(&mut body);
    message
}

fn groups(shape: Shape) -> Vec<u8> {
    match shape {
        Shape::Classical => list16(&[0x2a, 0x2a, 0, 29, 0, 23]),
        _ => list16(&[0x2a, 0x2a, 0x11, 0xec, 0, 29, 0, 23]),
    }
}

fn shares(rng: &mut Rng, shape: Shape) -> Vec<u8> {
    let mut list = vec![0x2a, 0x2a, 0, 1, 0];
    let mut share = |group: u16, len: usize| {
        list.extend_from_slice(&group.to_be_bytes());
        list.extend_from_slice(&(len as u16).to_be_bytes());
        list.append(&mut random(rng, len, 1));
    };
    if shape != Shape::Classical {
        share(0x11ec, 1_216);
    }
    if shape == Shape::Large {
        share(0x11ed, 1_665);
    }
    share(29, 32);
    list16(&list)
}

/// A pre-shared key with one ticket and its binder.
fn ticket(rng: &mut Rng) -> Vec<u8> {
    let mut identity = vec![0, 192];
    identity.append(&mut random(rng, 192, 1));
    identity.extend_from_slice(&[0, 0, 0, 9]);
    let mut value = list16(&identity);
    value.extend_from_slice(&[0, 33, 32]);
    value.append(&mut random(rng, 32, 1));
    value
}

/// `least` bytes, and up to `more` others.
fn random(rng: &mut Rng, least: usize, more: u64) -> Vec<u8> {
    let len = least + rng.below(more) as usize;
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes);
    bytes
}

/// Bytes behind their length.
fn list16(bytes: &[u8]) -> Vec<u8> {
    let mut list = Vec::from((bytes.len() as u16).to_be_bytes());
    list.extend_from_slice(bytes);
    list
}

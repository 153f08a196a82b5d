use inquic_wire::Version;

use super::{Server, Tokens};
use crate::home::limits;

fn server(port: u16) -> Server {
    (([127, 0, 0, 1], port).into(), Version::V1)
}

#[test]
fn a_token_is_not_used_in_another_version() {
    let tokens = Tokens::default();
    let (address, _) = server(1);
    tokens.keep((address, Version::V2), b"token");
    assert!(tokens.take((address, Version::V1)).is_empty());
    assert_eq!(*tokens.take((address, Version::V2)), *b"token");
}

#[test]
fn a_token_is_used_once_the_newest_first() {
    let tokens = Tokens::default();
    tokens.keep(server(1), b"old");
    tokens.keep(server(2), b"other");
    tokens.keep(server(1), b"new");
    assert_eq!(*tokens.take(server(1)), *b"new");
    assert_eq!(*tokens.take(server(1)), *b"old");
    assert!(tokens.take(server(1)).is_empty());
}

#[test]
fn the_oldest_goes_when_there_are_too_many() {
    let tokens = Tokens::default();
    tokens.keep(server(1), b"first");
    for port in 2..2 + limits::TOKENS as u16 {
        tokens.keep(server(port), b"x");
    }
    assert!(tokens.take(server(1)).is_empty());
    assert!(!tokens.take(server(2)).is_empty());
}

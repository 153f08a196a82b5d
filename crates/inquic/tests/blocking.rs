//! The blocking face over loopback.

mod common;

use std::io::{Read, Write};
use std::thread;

use common::pair;

#[test]
fn what_is_written_comes_back_from_an_echo() {
    let (_listener, client, server) = pair();
    let echo = thread::spawn(move || {
        let mut stream = server.accept().unwrap().unwrap();
        let mut data = Vec::new();
        stream.read_to_end(&mut data).unwrap();
        stream.write_all(&data).unwrap();
        stream.finish().unwrap();
        server.closed()
    });
    let mut stream = client.open().unwrap();
    stream.write_all(b"hello").unwrap();
    stream.finish().unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "hello");
    client.close(7, "done");
    let end = echo.join().unwrap();
    assert_eq!(end.peer_code(), Some(7));
}

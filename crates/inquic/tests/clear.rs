//! Packets in clear, when both ends ask for them, over real UDP and with real TLS.

mod common;

use std::io::{Read, Write};

use common::{identity, pattern};
use inquic::{Connection, Listener, TransportConfig};

/// Moves 1 MB and back; says what each end knows of its packets' protection.
fn in_clear(client: bool, server: bool) -> [bool; 2] {
    let config = |asks| {
        let config = TransportConfig::default();
        if asks {
            config.insecure_disable_1rtt_encryption()
        } else {
            config
        }
    };
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .config(config(server))
        .bind("127.0.0.1:0")
        .unwrap();
    let address = listener.local_addr().to_string();
    let serving = std::thread::spawn(move || {
        let connection = listener.accept().unwrap();
        let (mut send, mut receive) = connection.accept().unwrap().unwrap().split();
        std::io::copy(&mut receive, &mut send).unwrap();
        send.finish().unwrap();
        let in_clear = connection.stats().in_clear;
        connection.closed();
        in_clear
    });
    let client = identity
        .connect(Connection::builder())
        .config(config(client))
        .connect(&address)
        .unwrap();
    let data = pattern(3, 1 << 20);
    let (mut send, mut receive) = client.open().unwrap().split();
    let sent = data.clone();
    let writer = std::thread::spawn(move || {
        send.write_all(&sent).unwrap();
        send.finish().unwrap();
    });
    let mut answer = Vec::new();
    receive.read_to_end(&mut answer).unwrap();
    assert!(answer == data);
    writer.join().unwrap();
    let ours = client.stats().in_clear;
    client.close(0, "done");
    [ours, serving.join().unwrap()]
}

#[test]
fn both_ends_ask_and_packets_are_in_clear() {
    assert_eq!(in_clear(true, true), [true, true]);
}

#[test]
fn one_end_asks_and_packets_are_protected() {
    assert_eq!(in_clear(true, false), [false, false]);
    assert_eq!(in_clear(false, true), [false, false]);
}

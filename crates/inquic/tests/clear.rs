//! Packets in clear, when both ends ask for them, over real UDP and with real TLS.

mod common;

use common::{exchange, identity, pattern, send_back};
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
        send_back(&connection);
        connection.stats().in_clear
    });
    let client = identity
        .connect(Connection::builder())
        .config(config(client))
        .connect(&address)
        .unwrap();
    exchange(&client, &pattern(3, 1 << 20));
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

//! Datagrams over loopback, in both faces.

mod common;

use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use common::identity;
use inquic::{Connection, Error, Listener, TransportConfig};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

fn config() -> TransportConfig {
    TransportConfig::default().datagrams(true)
}

/// A connection whose ends both take datagrams, from both ends.
fn pair() -> (Listener, Connection, Connection) {
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .config(config())
        .bind("127.0.0.1:0")
        .unwrap();
    let address = listener.local_addr().to_string();
    let client = identity
        .builder()
        .config(config())
        .connect(&address)
        .unwrap();
    let server = listener.accept().unwrap();
    (listener, client, server)
}

#[test]
fn datagrams_come_back_from_an_echo() {
    let (_listener, client, server) = pair();
    let echo = thread::spawn(move || {
        while let Some(data) = server.recv_datagram().unwrap() {
            server.send_datagram(&data).unwrap();
        }
        server.stats()
    });
    for len in [0, 1, 63, 64, 1_000] {
        let data = vec![len as u8; len];
        client.send_datagram(&data).unwrap();
        assert_eq!(client.recv_datagram().unwrap(), Some(data));
    }
    assert_eq!(client.stats().datagrams_sent, 5);
    assert_eq!(client.stats().datagrams_received, 5);
    client.close(0, "done");
    assert_eq!(echo.join().unwrap().datagrams_received, 5);
}

#[test]
fn the_longest_datagram_arrives_and_one_byte_more_is_refused() {
    let (_listener, client, server) = pair();
    let most = client.max_datagram_size().unwrap();
    let refused = client.send_datagram(&vec![1; most + 1]);
    assert_eq!(refused, Err(Error::DatagramTooLarge { most }));
    client.send_datagram(&vec![2; most]).unwrap();
    assert_eq!(server.recv_datagram().unwrap(), Some(vec![2; most]));
}

#[test]
fn a_peer_that_allows_none_gets_none() {
    let (_listener, client, server) = common::pair();
    assert_eq!(client.max_datagram_size(), None);
    assert_eq!(client.send_datagram(b"x"), Err(Error::NoDatagrams));
    drop(server);
}

#[test]
fn the_fate_is_told_to_who_asked() {
    let (_listener, client, server) = pair();
    let first = client.send_datagram_told(b"one").unwrap();
    client.send_datagram(b"two").unwrap();
    assert_eq!(server.recv_datagram().unwrap().unwrap(), b"one");
    assert_eq!(client.datagram_fate().unwrap(), (first, true));
    client.set_nonblocking(true);
    assert_eq!(client.datagram_fate(), Err(Error::WouldBlock));
}

#[test]
fn a_descriptor_tells_that_a_datagram_waits() {
    let (_listener, client, server) = pair();
    let readiness = server.datagram_readiness().unwrap();
    let wait = |millis: u64| {
        let mut polled = [PollFd::new(&readiness, PollFlags::IN)];
        let limit = Timespec::try_from(Duration::from_millis(millis)).unwrap();
        poll(&mut polled, Some(&limit)).unwrap()
    };
    assert_eq!(wait(10), 0);
    client.send_datagram(b"x").unwrap();
    assert_eq!(wait(60_000), 1);
    server.recv_datagram().unwrap();
    assert_eq!(wait(10), 0);
    assert!(readiness.as_fd().try_clone_to_owned().is_ok());
}

#[test]
fn more_than_the_queue_holds_waits_and_leaves() {
    let (_listener, client, server) = pair();
    let reader = thread::spawn(move || {
        let mut last = 0;
        while let Some(data) = server.recv_datagram().unwrap() {
            last = u32::from_be_bytes(data[..4].try_into().unwrap());
        }
        (last, server.stats())
    });
    for number in 0..2_000_u32 {
        let mut data = number.to_be_bytes().to_vec();
        data.resize(1_000, 0);
        client.send_datagram(&data).unwrap();
    }
    client.close(0, "done");
    let (last, stats) = reader.join().unwrap();
    assert!(last > 1_900, "close() delivers what was taken: {last}");
    assert!(stats.datagrams_received > 1_000);
}

#[test]
fn the_end_of_the_connection_ends_the_wait() {
    let (_listener, client, server) = pair();
    let waiting = thread::spawn(move || server.recv_datagram());
    thread::sleep(Duration::from_millis(20));
    client.close(3, "enough");
    let error = waiting.join().unwrap().unwrap_err();
    assert_eq!(error.peer_code(), Some(3));
}

#[tokio::test]
async fn tasks_exchange_datagrams() {
    use inquic::tokio::{Connection, Listener};
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .config(config())
        .bind("127.0.0.1:0")
        .unwrap();
    let builder = identity.connect(Connection::builder()).config(config());
    let address = listener.local_addr().to_string();
    let (client, server) = tokio::join!(builder.connect(&address), listener.accept());
    let (client, server) = (client.unwrap(), server.unwrap());
    let echo = tokio::spawn(async move {
        while let Ok(Some(data)) = server.recv_datagram().await {
            server.send_datagram(&data).await.unwrap();
        }
    });
    let number = client.send_datagram_told(b"hello").await.unwrap();
    assert_eq!(client.recv_datagram().await.unwrap().unwrap(), b"hello");
    assert_eq!(client.datagram_fate().await.unwrap(), (number, true));
    client.close(0, "");
    echo.await.unwrap();
}

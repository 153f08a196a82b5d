//! Real sockets that change their addresses in the middle of a transfer.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{identity, own_address, pair, pattern, until};
use inquic::{Connection, Error, Listener, RetryPolicy, TransportConfig};
use inquic_wire::{Header, LongKind};

const BYTES: usize = 3_000_000;

/// A NAT between a client and `server`, which takes another port whenever it is told to.
struct Nat {
    /// Where the client sends.
    address: SocketAddr,
    rebind: Arc<AtomicU32>,
    over: Arc<AtomicBool>,
    /// The token of each Initial packet of the client that came by.
    tokens: Arc<Mutex<Vec<Vec<u8>>>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Nat {
    fn before(server: SocketAddr) -> Self {
        Self::at("127.0.0.1", server)
    }

    /// One that the server knows under this address.
    fn at(shown: &'static str, server: SocketAddr) -> Self {
        let inside = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = inside.local_addr().unwrap();
        let rebind = Arc::new(AtomicU32::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let tokens = Arc::new(Mutex::new(Vec::new()));
        let (wanted, stop, seen) = (rebind.clone(), over.clone(), tokens.clone());
        let thread = thread::spawn(move || {
            relay(&inside, &|| outside(shown, server), &wanted, &stop, &seen);
        });
        Self {
            address,
            rebind,
            over,
            tokens,
            thread: Some(thread),
        }
    }

    fn rebind(&self) {
        self.rebind.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Nat {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn outside(shown: &str, server: SocketAddr) -> UdpSocket {
    let outside = UdpSocket::bind((shown, 0)).unwrap();
    outside.connect(server).unwrap();
    outside.set_nonblocking(true).unwrap();
    outside
}

fn relay(
    inside: &UdpSocket,
    outside: &dyn Fn() -> UdpSocket,
    rebind: &AtomicU32,
    over: &AtomicBool,
    tokens: &Mutex<Vec<Vec<u8>>>,
) {
    inside.set_nonblocking(true).unwrap();
    let (mut socket, mut bound) = (outside(), 0);
    let mut client = None;
    let mut buffer = vec![0; 65_536];
    while !over.load(Ordering::SeqCst) {
        let wanted = rebind.load(Ordering::SeqCst);
        if wanted != bound {
            (socket, bound) = (outside(), wanted);
        }
        let mut idle = true;
        while let Ok((bytes, from)) = inside.recv_from(&mut buffer) {
            client = Some(from);
            idle = false;
            if let Ok(Header::Long {
                kind: LongKind::Initial,
                token,
                ..
            }) = Header::parse_greased(&buffer[..bytes], 8)
            {
                tokens.lock().unwrap().push(buffer[token].to_vec());
            }
            // What the kernel has no room for is lost, as datagrams are.
            let _ = socket.send(&buffer[..bytes]);
        }
        while let Ok(bytes) = socket.recv(&mut buffer) {
            idle = false;
            if let Some(client) = client {
                let _ = inside.send_to(&buffer[..bytes], client);
            }
        }
        if idle {
            thread::sleep(Duration::from_micros(100));
        }
    }
}

/// Sends what it received on each stream back, from a thread of its own.
fn echo(listener: Listener) -> thread::JoinHandle<Connection> {
    thread::spawn(move || {
        let connection = listener.accept().unwrap();
        while let Ok(Some(mut stream)) = connection.accept() {
            let mut data = Vec::new();
            stream.read_to_end(&mut data).unwrap();
            stream.write_all(&data).unwrap();
            stream.finish().unwrap();
        }
        connection
    })
}

/// Waits until the handshake is confirmed: a client may move from then on.
fn confirm(connection: &Connection) {
    let mut stream = connection.open().unwrap();
    stream.finish().unwrap();
    // What a server says on a stream comes behind its word that the handshake is complete.
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

/// Sends a pattern and compares what comes back; `midway` is called when a third has been written.
fn exchange(connection: &Connection, midway: impl FnOnce()) {
    let data = pattern(9, BYTES);
    let mut stream = connection.open().unwrap();
    stream.write_all(&data[..BYTES / 3]).unwrap();
    midway();
    stream.write_all(&data[BYTES / 3..]).unwrap();
    stream.finish().unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    assert!(back == data, "{} of {BYTES} bytes", back.len());
}

#[test]
fn server_follows_a_client_behind_a_nat_that_changes_its_port() {
    let identity = identity();
    let (listener, address) = identity.listener();
    let nat = Nat::before(address.parse().unwrap());
    let server = echo(listener);
    let client = identity
        .builder()
        .connect(&nat.address.to_string())
        .unwrap();
    exchange(&client, || nat.rebind());
    exchange(&client, || nat.rebind());
    client.close(0, "");
    drop(client);
    let server = server.join().unwrap();
    assert!(server.stats().migrations >= 2, "{:?}", server.stats());
}

#[test]
fn server_that_sends_goes_on_after_a_rebinding() {
    let identity = identity();
    let (listener, address) = identity.listener();
    let nat = Nat::before(address.parse().unwrap());
    // A client that only listens has to say something before the server can know where it is.
    let client = identity
        .builder()
        .config(TransportConfig::default().keep_alive(Duration::from_millis(100)))
        .connect(&nat.address.to_string())
        .unwrap();
    let server = listener.accept().unwrap();
    let before = server.peer_addr();
    let sender = thread::spawn(move || {
        let mut stream = server.open_uni().unwrap();
        stream.write_all(&pattern(3, BYTES)).unwrap();
        stream.finish().unwrap();
        server
    });
    let mut stream = client.accept_uni().unwrap().unwrap();
    let mut data = vec![0; BYTES / 3];
    stream.read_exact(&mut data).unwrap();
    nat.rebind();
    stream.read_to_end(&mut data).unwrap();
    assert!(data == pattern(3, BYTES), "{} bytes", data.len());
    let server = sender.join().unwrap();
    // It all may have come before the new port was used: then it is what keeps the connection alive that shows it.
    until("the accessor follows the path", || {
        server.peer_addr() != before
    });
}

#[test]
fn client_moves_to_another_port_in_the_middle_of_a_transfer() {
    let identity = identity();
    let (listener, address) = identity.listener();
    let server = echo(listener);
    let client = identity.builder().connect(&address).unwrap();
    confirm(&client);
    let before = client.local_addr();
    exchange(&client, || {
        client.migrate("127.0.0.1:0".parse().unwrap()).unwrap();
    });
    let after = client.local_addr();
    assert_ne!(before.port(), after.port());
    exchange(&client, || {
        client.migrate("0.0.0.0:0".parse().unwrap()).unwrap();
    });
    assert_eq!(client.stats().migrations, 2);
    let there = client.local_addr();
    client.close(0, "");
    drop(client);
    let server = server.join().unwrap();
    assert_eq!(server.peer_addr().port(), there.port());
}

#[test]
fn client_moves_to_another_address() {
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .bind("0.0.0.0:0")
        .unwrap();
    let address = format!("127.0.0.1:{}", listener.local_addr().port());
    let server = echo(listener);
    let client = identity.builder().connect(&address).unwrap();
    confirm(&client);
    let there = "127.0.0.3:0".parse().unwrap();
    exchange(&client, || client.migrate(there).unwrap());
    assert_eq!(client.local_addr().ip(), there.ip());
    client.close(0, "");
    drop(client);
    assert_eq!(server.join().unwrap().peer_addr().ip(), there.ip());
}

#[test]
fn a_move_that_cannot_be_says_why() {
    let (_listener, client, server) = pair();
    let there = "127.0.0.1:0".parse().unwrap();
    assert!(matches!(server.migrate(there), Err(Error::NotMoved(_))));
    let nowhere = "198.51.100.77:0".parse().unwrap();
    assert!(matches!(
        client.migrate(nowhere),
        Err(Error::NoSuchAddress(_))
    ));
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .config(TransportConfig::default().disable_active_migration(true))
        .bind("127.0.0.1:0")
        .unwrap();
    let address = listener.local_addr().to_string();
    let server = echo(listener);
    let client = identity.builder().connect(&address).unwrap();
    exchange(&client, || {
        assert!(matches!(client.migrate(there), Err(Error::NotMoved(_))));
    });
    client.close(0, "");
    drop(client);
    server.join().unwrap();
}

/// Waits until the client's peer is at `address`.
fn wait_until_at(client: &Connection, address: SocketAddr) {
    until("the client goes there", || client.peer_addr() == address);
}

#[test]
fn clients_go_to_the_servers_preferred_address() {
    let identity = identity();
    let free = own_address();
    let listener = identity
        .listen(Listener::builder())
        .preferred_address(free)
        .bind("127.0.0.1:0")
        .unwrap();
    let address = listener.local_addr().to_string();
    let server = echo(listener);
    let client = identity.builder().connect(&address).unwrap();
    exchange(&client, || {});
    wait_until_at(&client, free);
    exchange(&client, || {});
    client.close(0, "");
    drop(client);
    assert_eq!(server.join().unwrap().local_addr(), free);
}

#[test]
fn the_next_connection_begins_where_the_first_one_did_with_its_tokens() {
    let identity = identity();
    let free = own_address();
    let listener = identity
        .listen(Listener::builder())
        .preferred_address(free)
        .bind("127.0.0.1:0")
        .unwrap();
    let nat = Nat::before(listener.local_addr());
    let builder = identity.builder();
    for round in 0..3 {
        nat.tokens.lock().unwrap().clear();
        let client = builder.connect(&nat.address.to_string()).unwrap();
        let tokens = nat.tokens.lock().unwrap().clone();
        assert!(!tokens.is_empty(), "it is the first address that is asked");
        assert_eq!(tokens[0].is_empty(), round == 0);
        let server = listener.accept().unwrap();
        // What the server has to say to its client at the new address comes before this.
        let mut stream = server.open_uni().unwrap();
        wait_until_at(&client, free);
        stream.write_all(b"here").unwrap();
        stream.finish().unwrap();
        let mut heard = Vec::new();
        let mut incoming = client.accept_uni().unwrap().unwrap();
        incoming.read_to_end(&mut heard).unwrap();
        client.close(0, "");
        server.closed();
    }
}

#[test]
fn a_client_that_was_here_before_is_not_asked_to_prove_its_address() {
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .retry(RetryPolicy::Always)
        .bind("127.0.0.1:0")
        .unwrap();
    let nat = Nat::before(listener.local_addr());
    let builder = identity.builder().resumption(0);
    let connect = || {
        nat.tokens.lock().unwrap().clear();
        let client = builder.connect(&nat.address.to_string()).unwrap();
        let server = listener.accept().unwrap();
        // What comes in answer to the client's first words comes after the token.
        let mut stream = client.open().unwrap();
        stream.write_all(b"x").unwrap();
        stream.finish().unwrap();
        let mut heard = server.accept().unwrap().unwrap();
        heard.read_to_end(&mut Vec::new()).unwrap();
        heard.finish().unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        client.close(0, "");
        server.closed();
        nat.tokens.lock().unwrap().clone()
    };
    let first = connect();
    assert!(first[0].is_empty() && !first.last().unwrap().is_empty());
    let second = connect();
    assert!(!second[0].is_empty());
    assert!(
        second.iter().all(|token| *token == second[0]),
        "no Retry gave it another"
    );
}

#[test]
fn a_ticket_is_good_from_another_address() {
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .bind("0.0.0.0:0")
        .unwrap();
    let server = SocketAddr::new([127, 0, 0, 1].into(), listener.local_addr().port());
    let builder = identity.builder();
    for (shown, resumed) in [("127.0.0.1", false), ("127.0.0.3", true)] {
        let nat = Nat::at(shown, server);
        let client = builder.connect(&nat.address.to_string()).unwrap();
        let accepted = listener.accept().unwrap();
        assert_eq!(accepted.peer_addr().ip().to_string(), shown);
        assert_eq!(client.handshake_info().unwrap().resumed, resumed);
        // The ticket comes before this.
        let mut stream = accepted.open_uni().unwrap();
        stream.write_all(b"x").unwrap();
        stream.finish().unwrap();
        let mut heard = client.accept_uni().unwrap().unwrap();
        heard.read_to_end(&mut Vec::new()).unwrap();
        client.close(0, "");
        accepted.closed();
    }
}

#[test]
fn tasks_move_too() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let identity = identity();
        let listener = identity
            .listen(inquic::tokio::Listener::builder())
            .bind("127.0.0.1:0")
            .unwrap();
        let address = listener.local_addr().to_string();
        let server = tokio::spawn(async move {
            let connection = listener.accept().await.unwrap();
            let mut stream = connection.accept().await.unwrap().unwrap();
            let mut data = Vec::new();
            stream.read_to_end(&mut data).await.unwrap();
            stream.write_all(&data).await.unwrap();
            stream.shutdown().await.unwrap();
            connection.closed().await;
            connection
        });
        let client = identity
            .connect(inquic::tokio::Connection::builder())
            .connect(&address)
            .await
            .unwrap();
        let data = pattern(4, BYTES);
        let mut stream = client.open().await.unwrap();
        stream.write_all(&data[..BYTES / 2]).await.unwrap();
        client
            .migrate("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        stream.write_all(&data[BYTES / 2..]).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut back = Vec::new();
        stream.read_to_end(&mut back).await.unwrap();
        assert!(back == data);
        assert_eq!(client.stats().migrations, 1);
        let there = client.local_addr();
        client.close(0, "");
        let server = server.await.unwrap();
        assert_eq!(server.peer_addr(), there);
    });
}

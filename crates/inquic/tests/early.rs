//! 0-RTT over loopback: accepted, refused, replayed.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{Identity, identity, own_address, pattern, until};
use inquic::{Blocking, Connection, ConnectionBuilder, Listener, TransportConfig};

fn listener(identity: &Identity, address: &str) -> Listener {
    identity
        .listen(Listener::builder())
        .early_data(true)
        .bind(address)
        .unwrap()
}

/// What a server saw of one stream: its bytes, and whether they came early.
type Seen = Arc<Mutex<Vec<(Vec<u8>, bool)>>>;

/// Serves until the listener is closed: answers each stream with what it carried.
fn serve(listener: Arc<Listener>) -> (Seen, thread::JoinHandle<()>) {
    let seen = Seen::default();
    let all = seen.clone();
    let thread = thread::spawn(move || {
        while let Ok(connection) = listener.accept() {
            let all = all.clone();
            thread::spawn(move || {
                while let Ok(Some(mut stream)) = connection.accept() {
                    let mut bytes = Vec::new();
                    let early = connection.is_early();
                    if stream.read_to_end(&mut bytes).is_ok() {
                        all.lock().unwrap().push((bytes.clone(), early));
                        let _ = stream
                            .write_all(&bytes)
                            .and_then(|()| stream.finish().map_err(Into::into));
                    }
                }
            });
        }
    });
    (seen, thread)
}

/// Sends a request on a stream and reads the answer.
fn ask(connection: &Connection, request: &[u8]) -> Vec<u8> {
    let mut stream = connection.open().unwrap();
    stream.write_all(request).unwrap();
    stream.finish().unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// Makes a connection, so that the builder has tickets.
fn acquaint(builder: &ConnectionBuilder<Blocking>, address: &str) {
    let connection = builder.connect(address).unwrap();
    assert_eq!(ask(&connection, b"first"), b"first");
    assert!(!connection.is_early());
    assert!(!connection.early_data_accepted().unwrap());
    connection.close(0, "");
    connection.closed();
}

#[test]
fn a_request_goes_with_the_first_packets() {
    let identity = identity();
    let listener = Arc::new(listener(&identity, "127.0.0.1:0"));
    let address = listener.local_addr().to_string();
    let (seen, server) = serve(listener.clone());
    let builder = identity.builder();
    acquaint(&builder, &address);
    for round in 0..5 {
        let connection = builder.connect_early(&address).unwrap();
        let request = pattern(round, 3_000);
        assert_eq!(ask(&connection, &request), request);
        assert!(connection.early_data_accepted().unwrap());
        assert!(connection.handshake_info().unwrap().resumed);
        assert!(!connection.is_early());
        // The first answer can be here before the server knows that the handshake is complete; the tickets for the next round
        // come before this one.
        assert_eq!(ask(&connection, b"more"), b"more");
        connection.close(0, "");
        connection.closed();
    }
    assert_eq!(seen.lock().unwrap().len(), 11, "each once");
    listener.close();
    server.join().unwrap();
}

#[test]
fn without_a_ticket_it_is_an_ordinary_connection() {
    let identity = identity();
    let listener = Arc::new(listener(&identity, "127.0.0.1:0"));
    let address = listener.local_addr().to_string();
    let (_seen, _server) = serve(listener);
    let connection = identity.builder().connect_early(&address).unwrap();
    assert!(connection.handshake_info().is_some());
    assert!(!connection.early_data_accepted().unwrap());
    assert_eq!(ask(&connection, b"x"), b"x");
}

#[test]
fn a_server_that_did_not_ask_for_it_gives_no_ticket_for_it() {
    let identity = identity();
    let (listener, address) = identity.listener();
    let (_seen, _server) = serve(Arc::new(listener));
    let builder = identity.builder();
    acquaint(&builder, &address);
    let connection = builder.connect_early(&address).unwrap();
    assert!(connection.handshake_info().unwrap().resumed);
    assert!(!connection.early_data_accepted().unwrap());
}

#[test]
fn a_server_with_new_keys_refuses_and_gets_everything_once_more() {
    let identity = identity();
    // Nobody else takes the port while no server has it.
    let address = own_address().to_string();
    let before = Arc::new(listener(&identity, &address));
    let (_, server) = serve(before.clone());
    let builder = identity.builder().server_name("localhost");
    acquaint(&builder, &address);
    before.close();
    server.join().unwrap();
    drop(before);
    // The old port is free once its last connection is gone.
    let mut after = None;
    until("the port is free again", || {
        let builder = identity.listen(Listener::builder()).early_data(true);
        after = builder.bind(address.as_str()).ok();
        after.is_some()
    });
    let (seen, _server) = serve(Arc::new(after.unwrap()));
    let connection = builder.connect_early(&address).unwrap();
    let request = pattern(3, 50_000);
    assert_eq!(ask(&connection, &request), request);
    assert!(!connection.early_data_accepted().unwrap());
    assert!(!connection.handshake_info().unwrap().resumed);
    assert_eq!(*seen.lock().unwrap(), [(request, false)]);
}

#[test]
fn a_hundred_kilobytes_leave_early_and_arrive_whole() {
    let identity = identity();
    let listener = Arc::new(listener(&identity, "127.0.0.1:0"));
    let address = listener.local_addr().to_string();
    let (_seen, _server) = serve(listener);
    let builder = identity.builder();
    acquaint(&builder, &address);
    let connection = builder.connect_early(&address).unwrap();
    let request = pattern(9, 100_000);
    assert_eq!(ask(&connection, &request), request);
    assert!(connection.early_data_accepted().unwrap());
}

#[test]
fn datagrams_go_early_too() {
    let identity = identity();
    let config = TransportConfig::default().datagrams(true);
    let listener = identity
        .listen(Listener::builder())
        .config(config.clone())
        .early_data(true)
        .bind("127.0.0.1:0")
        .unwrap();
    let address = listener.local_addr().to_string();
    let builder = identity.builder().config(config);
    for early in [false, true] {
        let connection = builder.connect_early(&address).unwrap();
        connection.send_datagram(b"hello").unwrap();
        let server = listener.accept().unwrap();
        assert_eq!(server.recv_datagram().unwrap().unwrap(), b"hello");
        server.established().unwrap();
        // The ticket comes before it.
        server.send_datagram(b"welcome").unwrap();
        assert_eq!(connection.recv_datagram().unwrap().unwrap(), b"welcome");
        assert_eq!(connection.early_data_accepted().unwrap(), early);
        connection.close(0, "");
        server.closed();
    }
}

/// Carries datagrams between one client and a server, and keeps what the client sends.
struct Recorder {
    address: SocketAddr,
    recorded: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Whether the client's datagrams go on.
    passes: Arc<AtomicUsize>,
}

impl Recorder {
    fn new(server: SocketAddr) -> Self {
        let inside = UdpSocket::bind("127.0.0.1:0").unwrap();
        let outside = UdpSocket::bind("127.0.0.1:0").unwrap();
        outside.connect(server).unwrap();
        let address = inside.local_addr().unwrap();
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let passes = Arc::new(AtomicUsize::new(1));
        let client = Arc::new(Mutex::new(None));
        let (back, to) = (inside.try_clone().unwrap(), outside.try_clone().unwrap());
        let (kept, open, known) = (recorded.clone(), passes.clone(), client.clone());
        thread::spawn(move || {
            let mut buffer = [0; 2_048];
            while let Ok((len, from)) = inside.recv_from(&mut buffer) {
                *known.lock().unwrap() = Some(from);
                kept.lock().unwrap().push(buffer[..len].to_vec());
                if open.load(Ordering::Relaxed) > 0 {
                    let _ = to.send(&buffer[..len]);
                }
            }
        });
        thread::spawn(move || {
            let mut buffer = [0; 2_048];
            while let Ok(len) = outside.recv(&mut buffer) {
                let to = *client.lock().unwrap();
                let _ = back.send_to(&buffer[..len], to.unwrap());
            }
        });
        Self {
            address,
            recorded,
            passes,
        }
    }
}

/// Row 64: what a client sends in 0-RTT is recorded and played again a hundred times, from other addresses.
fn replay(original_arrives: bool) {
    let identity = identity();
    let listener = Arc::new(listener(&identity, "127.0.0.1:0"));
    let address = listener.local_addr();
    let (seen, _server) = serve(listener);
    let recorder = Recorder::new(address);
    let builder = identity.builder();
    acquaint(&builder, &recorder.address.to_string());
    recorder.recorded.lock().unwrap().clear();
    recorder
        .passes
        .store(usize::from(original_arrives), Ordering::Relaxed);
    let connection = builder
        .connect_early(&recorder.address.to_string())
        .unwrap();
    let mut stream = connection.open().unwrap();
    stream.write_all(b"transfer one million").unwrap();
    stream.finish().unwrap();
    if original_arrives {
        assert!(connection.early_data_accepted().unwrap());
    } else {
        thread::sleep(Duration::from_millis(100));
    }
    let recorded = recorder.recorded.lock().unwrap().clone();
    assert!(recorded.len() >= 2, "a hello and 0-RTT packets");
    for _ in 0..100 {
        let attacker = UdpSocket::bind("127.0.0.1:0").unwrap();
        for datagram in &recorded {
            attacker.send_to(datagram, address).unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(Duration::from_millis(300));
    let seen = seen.lock().unwrap();
    let delivered: Vec<_> = seen
        .iter()
        .filter(|(bytes, _)| bytes == b"transfer one million")
        .collect();
    assert_eq!(delivered.len(), 1, "of 101 times that it came");
    // An attacker cannot complete the handshake, so the application was told that it may be a replay.
    assert!(original_arrives || delivered[0].1);
}

#[test]
fn a_recorded_request_is_delivered_once() {
    replay(true);
}

#[test]
fn a_request_that_only_an_attacker_delivers_is_delivered_once() {
    replay(false);
}

#[tokio::test]
async fn tasks_go_early_as_well() {
    use inquic::tokio::{Connection, Listener};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .early_data(true)
        .bind("127.0.0.1:0")
        .unwrap();
    let address = listener.local_addr().to_string();
    let builder = identity.connect(Connection::builder());
    for early in [false, true] {
        let client = async {
            let connection = builder.connect_early(&address).await.unwrap();
            let mut stream = connection.open().await.unwrap();
            stream.write_all(b"hello").await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer, "welcome");
            assert_eq!(connection.early_data_accepted().await.unwrap(), early);
            connection.close(0, "");
            connection.closed().await;
        };
        let server = async {
            let connection = listener.accept().await.unwrap();
            let mut stream = connection.accept().await.unwrap().unwrap();
            let mut request = String::new();
            stream.read_to_string(&mut request).await.unwrap();
            assert_eq!(request, "hello");
            stream.write_all(b"welcome").await.unwrap();
            stream.shutdown().await.unwrap();
            connection.closed().await;
        };
        tokio::join!(client, server);
    }
}

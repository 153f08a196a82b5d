//! The tokio face over loopback.

mod common;

use std::time::Duration;

use common::{identity, pattern};
use inquic::tokio::{Connection, Listener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn pair() -> (Listener, Connection, Connection) {
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .bind("127.0.0.1:0")
        .unwrap();
    let builder = identity.connect(Connection::builder());
    let address = listener.local_addr().to_string();
    let (client, server) = tokio::join!(builder.connect(&address), listener.accept());
    (listener, client.unwrap(), server.unwrap())
}

async fn echo(connection: Connection) {
    while let Ok(Some(stream)) = connection.accept().await {
        tokio::spawn(async move {
            let (mut send, mut receive) = stream.split();
            tokio::io::copy(&mut receive, &mut send).await.unwrap();
            send.finish().unwrap();
        });
    }
}

#[tokio::test]
async fn one_thread_serves_both_ends() {
    let (_listener, client, server) = pair().await;
    tokio::spawn(echo(server));
    let mut stream = client.open().await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "hello");
}

#[tokio::test]
async fn a_hundred_streams_at_once_keep_their_bytes() {
    let (_listener, client, server) = pair().await;
    tokio::spawn(echo(server));
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 1..=100 {
        let client = client.clone();
        tasks.spawn(async move {
            let data = pattern(seed, 10_000 + seed as usize);
            let mut stream = client.open().await.unwrap();
            stream.write_all(&data).await.unwrap();
            stream.finish().unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            assert!(answer == data, "stream {} differs", stream.id());
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_megabytes_go_both_ways_at_once() {
    let (_listener, client, server) = pair().await;
    tokio::spawn(echo(server));
    let data = pattern(1, 10 << 20);
    let (mut send, mut receive) = client.open().await.unwrap().split();
    let sent = data.clone();
    tokio::spawn(async move {
        send.write_all(&sent).await.unwrap();
        send.finish().unwrap();
    });
    let mut answer = Vec::new();
    receive.read_to_end(&mut answer).await.unwrap();
    assert!(answer == data);
}

#[tokio::test]
async fn what_was_finished_arrives_before_the_close() {
    let (_listener, client, server) = pair().await;
    let data = pattern(2, 1 << 20);
    let sent = data.clone();
    let sender = tokio::spawn(async move {
        let mut stream = server.open_uni().await.unwrap();
        stream.write_all(&sent).await.unwrap();
        stream.finish().unwrap();
        server.close(9, "that is all");
        server.closed().await
    });
    let mut stream = client.accept_uni().await.unwrap().unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    assert!(received == data);
    assert_eq!(client.closed().await.peer_code(), Some(9));
    sender.await.unwrap();
}

#[tokio::test]
async fn a_connection_outlives_its_listener() {
    let (listener, client, server) = pair().await;
    drop(listener);
    tokio::spawn(echo(server));
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut stream = client.open().await.unwrap();
    stream.write_all(b"still").await.unwrap();
    stream.finish().unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "still");
}

#[test]
fn a_runtime_that_ends_tells_whoever_waits() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (_listener, client, _server) = runtime.block_on(pair());
    drop(runtime);
    let other = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = other.block_on(client.open()).err();
    assert_eq!(error, Some(inquic::Error::RuntimeStopped));
}

//! Moves bytes between two connections in memory as fast as one core can: what the engine costs without any I/O.
//!
//! `throughput [MiB] [bytes in a full packet]`. Under callgrind the instruction count is repeatable.

use std::sync::Arc;

use inquic_engine::stream::{Window, WriteError};
use inquic_engine::{Config, Connection, Endpoint, EndpointKeys, Listen, Path, Received, Route};
use inquic_platform::aws_lc::AwsLc;
use inquic_platform::{CipherSuite, Duration, Instant, Platform};
use inquic_sim::Hello;
use inquic_wire::{Direction, Role};

#[expect(clippy::disallowed_methods, reason = "this program measures time")]
fn clock() -> std::time::Instant {
    std::time::Instant::now()
}

/// Everything that `from` has to send, given to `to`; the time each took.
fn pass(
    now: Instant,
    from: &mut Connection,
    to: &mut Connection,
    buffer: &mut [u8],
    spent: &mut [std::time::Duration; 2],
) -> bool {
    let mut any = false;
    loop {
        let begin = clock();
        let sent = from.transmit(now, buffer);
        spent[0] += begin.elapsed();
        let Some(sent) = sent else { return any };
        any = true;
        let path = to.path();
        let begin = clock();
        to.receive(
            now,
            Received {
                path,
                bytes: &mut buffer[..sent.bytes],
                segment: sent.segment,
                ecn: 0,
            },
        );
        spent[1] += begin.elapsed();
    }
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u64>().expect("a number"));
    let total = arguments.next().unwrap_or(1024) << 20;
    let udp_payload = arguments.next().unwrap_or(1452) as u16;
    let window = |bytes| Window {
        initial: bytes,
        ceiling: bytes,
    };
    let mut config = Config {
        udp_payload,
        ..Config::default()
    };
    config.streams.stream_window = window(8 << 20);
    config.streams.connection_window = window(16 << 20);
    config.streams.send_buffer = 8 << 20;
    config.streams.stream_send_buffer = 8 << 20;
    let config = Arc::new(config);
    let platform: Arc<dyn Platform> = Arc::new(AwsLc::seeded(1));
    let endpoint = || Endpoint::new(Arc::clone(&platform), EndpointKeys::from_master([7; 32]));
    let (mut near, mut far) = (endpoint(), endpoint());
    far.set_listening(Some(Listen::default()));
    let address = |text: &str| text.parse().expect("well formed");
    let to_far = Path {
        local: None,
        remote: address("192.0.2.2:1"),
    };
    let to_near = Path {
        local: None,
        remote: address("192.0.2.1:1"),
    };
    let mut now = Instant::ZERO + Duration::from_secs(1);
    let suite = CipherSuite::Aes128GcmSha256;
    let (client_handle, mut client) = near.connect(now, &config, to_far, &[]).expect("keys");
    let mut hello = Hello::new(Role::Client, suite, 900);
    hello.step(now, &mut *client).expect("hello");
    let mut buffer = vec![0; 65_507];
    let sent = client.transmit(now, &mut buffer).expect("a first flight");
    let mut reply = [0; 1500];
    let Route::Incoming(incoming) = far.route(now, &to_near, &buffer[..sent.bytes], &mut reply)
    else {
        panic!("not let in")
    };
    let (server_handle, mut server) = far.accept(now, &incoming, &config).expect("keys");
    let mut answer = Hello::new(Role::Server, suite, 900);
    server.receive(
        now,
        Received {
            path: to_near,
            bytes: &mut buffer[..sent.bytes],
            segment: sent.segment,
            ecn: 0,
        },
    );
    let mut spent = [std::time::Duration::ZERO; 2];
    for _ in 0..20 {
        now = now + Duration::from_micros(50);
        answer.step(now, &mut *server).expect("hello");
        hello.step(now, &mut *client).expect("hello");
        near.service(now, client_handle, &mut client);
        far.service(now, server_handle, &mut server);
        while client.next_event().is_some() || server.next_event().is_some() {}
        pass(now, &mut server, &mut client, &mut buffer, &mut spent);
        pass(now, &mut client, &mut server, &mut buffer, &mut spent);
    }
    assert!(client.is_connected() && server.is_connected());
    let id = client.open(Direction::Bidirectional).expect("credit");
    let chunk = vec![42; 65_536];
    let mut scratch = vec![0; 65_536];
    let (mut written, mut read) = (0, 0);
    let mut forward = [std::time::Duration::ZERO; 2];
    let mut back = [std::time::Duration::ZERO; 2];
    let (mut writing, mut reading) = (std::time::Duration::ZERO, std::time::Duration::ZERO);
    let begin = clock();
    while read < total {
        now = now + Duration::from_micros(20);
        let lap = clock();
        for _ in 0..4 {
            match client.write(id, &chunk) {
                Ok(count) => written += count as u64,
                Err(WriteError::Blocked) => break,
                Err(error) => panic!("{error:?}"),
            }
        }
        writing += lap.elapsed();
        pass(now, &mut client, &mut server, &mut buffer, &mut forward);
        let lap = clock();
        while let Ok(got) = server.read(now, id, &mut scratch) {
            read += got.bytes as u64;
            if got.bytes == 0 {
                break;
            }
        }
        reading += lap.elapsed();
        pass(now, &mut server, &mut client, &mut buffer, &mut back);
        while client.next_event().is_some() || server.next_event().is_some() {}
        for connection in [&mut client, &mut server] {
            if connection.next_deadline().is_some_and(|at| at <= now) {
                connection.expire(now);
            }
        }
    }
    let elapsed = begin.elapsed().as_secs_f64();
    let gigabytes = read as f64 / 1e9;
    let per = |spent: std::time::Duration| spent.as_secs_f64() / gigabytes;
    println!(
        "{read} bytes of {written} in {elapsed:.3} s: {:.2} Gbit/s on one core for both ends",
        gigabytes * 8.0 / elapsed
    );
    println!(
        "seconds per GB: write {:.3}, transmit {:.3}, receive {:.3}, read {:.3}, acks sent {:.3}, acks received {:.3}",
        per(writing),
        per(forward[0]),
        per(forward[1]),
        per(reading),
        per(back[0]),
        per(back[1])
    );
    println!("{:?}", client.stats());
}

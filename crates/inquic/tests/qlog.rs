//! Logs of connections over loopback, read back with the qlog library.
#![cfg(feature = "qlog")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use common::{exchange, identity, pattern, send_back};
use inquic::Listener;
use qlog::events::EventData;
use qlog::events::quic::{ConnectionClosedTrigger, PacketType, TransportInitiator};
use qlog::reader::{Event, QlogSeqReader};
use qlog::{QlogSeq, VantagePointType};

/// A log, whole.
struct Log {
    head: QlogSeq,
    events: Vec<qlog::events::Event>,
}

fn read(path: &Path) -> Log {
    let mut reader = QlogSeqReader::with_file(path).unwrap();
    let events = reader
        .by_ref()
        .map(|event| match event {
            Event::Qlog(event) => event,
            Event::Json(event) => panic!("qlog does not know {event:?}"),
        })
        .collect();
    Log {
        head: reader.qlog,
        events,
    }
}

/// The logs below a directory, that of the client first.
fn logs(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths
}

/// 1 MB to the server and back, a key update in between.
fn talk(directory: &Path) {
    let identity = identity();
    let listener = identity
        .listen(Listener::builder())
        .qlog(directory)
        .bind("127.0.0.1:0")
        .unwrap();
    let address = listener.local_addr().to_string();
    let server = thread::spawn(move || {
        let connection = listener.accept().unwrap();
        send_back(&connection);
        connection.closed();
    });
    let client = identity
        .builder()
        .qlog(directory)
        .connect(&address)
        .unwrap();
    let data = pattern(1, 500_000);
    exchange(&client, &data);
    client.key_update().unwrap();
    exchange(&client, &data);
    client.close(7, "done");
    client.closed();
    server.join().unwrap();
    assert!(inquic::qlog::flush(Duration::from_secs(10)));
}

fn sent(log: &Log) -> Vec<(PacketType, u64)> {
    let of = |event: &qlog::events::Event| match &event.data {
        EventData::QuicPacketSent(sent) => {
            Some((sent.header.packet_type.clone(), sent.header.packet_number?))
        }
        _ => None,
    };
    log.events.iter().filter_map(of).collect()
}

fn received(log: &Log) -> Vec<(PacketType, u64)> {
    let of = |event: &qlog::events::Event| match &event.data {
        EventData::QuicPacketReceived(received) => Some((
            received.header.packet_type.clone(),
            received.header.packet_number?,
        )),
        _ => None,
    };
    log.events.iter().filter_map(of).collect()
}

fn keyed(packets: Vec<(PacketType, u64)>) -> BTreeSet<(String, u64)> {
    packets
        .into_iter()
        .map(|(packet_type, number)| (format!("{packet_type:?}"), number))
        .collect()
}

/// The connection is logged by its two ends as one: what one received, the other sent.
#[test]
fn logs_of_both_ends_agree_and_are_read_back_by_the_library() {
    let directory = tempfile::tempdir().unwrap();
    talk(directory.path());
    let paths = logs(directory.path());
    assert_eq!(paths.len(), 2, "{paths:?}");
    let (client, server) = (read(&paths[0]), read(&paths[1]));
    for (log, role) in [
        (&client, VantagePointType::Client),
        (&server, VantagePointType::Server),
    ] {
        assert_eq!(log.head.trace.vantage_point.as_ref().unwrap().ty, role);
        let times: Vec<_> = log.events.iter().map(|event| event.time).collect();
        assert!(times.is_sorted(), "{role:?}: {times:?}");
        assert!(times[0] < 1.0 && *times.last().unwrap() < 60_000.0);
    }
    let (from_client, from_server) = (sent(&client), sent(&server));
    assert!(from_client.len() > 300 && from_server.len() > 300);
    assert!(keyed(received(&server)).is_subset(&keyed(from_client)));
    assert!(keyed(received(&client)).is_subset(&keyed(from_server)));
    // Of the frames none is missing: a log of a connection this size has room.
    for log in [&client, &server] {
        let any = |of: fn(&EventData) -> bool| log.events.iter().any(|event| of(&event.data));
        assert!(any(|data| matches!(
            data,
            EventData::QuicConnectionStarted(_)
        )));
        assert!(any(|data| matches!(data, EventData::QuicParametersSet(_))));
        assert!(any(|data| matches!(data, EventData::QuicMetricsUpdated(_))));
        assert!(any(|data| matches!(data, EventData::QuicKeyUpdated(_))));
        assert!(any(|data| matches!(data, EventData::QuicKeyDiscarded(_))));
        assert!(any(|data| matches!(data, EventData::QuicMtuUpdated(_))));
        assert!(!any(|data| matches!(
            data,
            EventData::LogLevelWarning { .. }
        )));
    }
}

#[test]
fn end_of_a_connection_is_in_both_logs() {
    let directory = tempfile::tempdir().unwrap();
    talk(directory.path());
    let ends: Vec<_> = logs(directory.path())
        .iter()
        .map(|path| {
            let closed = read(path)
                .events
                .into_iter()
                .find_map(|event| match event.data {
                    EventData::QuicConnectionClosed(closed) => Some(closed),
                    _ => None,
                });
            let closed = closed.unwrap();
            assert_eq!(closed.trigger, Some(ConnectionClosedTrigger::Application));
            assert_eq!(closed.error_code, Some(7));
            assert_eq!(closed.reason.as_deref(), Some("done"));
            closed.initiator
        })
        .collect();
    let both = [
        Some(TransportInitiator::Local),
        Some(TransportInitiator::Remote),
    ];
    assert_eq!(ends, both);
}

/// A log may be passed on: nothing in it opens the connection's packets or ends the connection.
#[test]
fn log_has_no_secrets() {
    let directory = tempfile::tempdir().unwrap();
    talk(directory.path());
    for path in logs(directory.path()) {
        let text = fs::read_to_string(path).unwrap();
        for word in [
            "stateless_reset_token",
            "\"data\":\"",
            "\"token\":\"",
            "\"key\":",
        ] {
            assert!(!text.contains(word), "{word}");
        }
    }
}

#[test]
fn directory_that_cannot_be_written_does_not_matter_to_the_connection() {
    talk(Path::new("/nowhere/at/all"));
}

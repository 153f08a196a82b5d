//! The bounds of logs, and that what is in one is what the qlog library reads.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use inquic_engine::CloseReason;
use inquic_engine::trace::{Packet, Record, Seen, What};
use inquic_platform::Instant;
use inquic_wire::{ConnectionId, Level, Role, Version};
use qlog::events::EventData;
use qlog::reader::{Event, QlogSeqReader};
use tempfile::TempDir;

use super::events::Translator;
use super::file::{Budget, Output};
use super::{Note, Opening, limits, words};

fn opening(directory: &Path) -> Opening {
    Opening {
        directory: Arc::from(directory),
        at: Instant::from_nanos(1_000_000),
        role: Role::Server,
        id: ConnectionId::new(&[0xab; 8]).unwrap(),
        version: Version::V1,
        path: inquic_engine::Path {
            local: None,
            remote: "[::1]:9".parse().unwrap(),
        },
    }
}

fn record(what: What) -> Note {
    Note::Record(Record {
        at: Instant::from_nanos(3_500_000),
        what,
    })
}

/// Writes `notes` and reads them back; the first two events of every log are left out.
fn written(notes: &[Note]) -> Vec<EventData> {
    let directory = TempDir::new().unwrap();
    let mut budget = Budget::default();
    let opening = opening(directory.path());
    let mut output = Output::create(&opening, &mut budget).unwrap();
    let mut tell = |event: &qlog::events::Event| output.event(event, &mut budget);
    let mut translator = Translator::begin(&opening, &mut tell);
    for note in notes {
        translator.note(note, &mut tell);
    }
    translator.end_packet(&mut tell);
    output.flush();
    read(&directory.path().join("abababababababab_server.sqlog"))
        .into_iter()
        .skip(2)
        .collect()
}

fn read(path: &Path) -> Vec<EventData> {
    let reader = QlogSeqReader::with_file(path).unwrap();
    let data = |event| match event {
        Event::Qlog(event) => event.data,
        Event::Json(event) => panic!("qlog does not know {event:?}"),
    };
    reader.map(data).collect()
}

fn packet() -> Packet {
    Packet {
        level: Level::OneRtt,
        number: 7,
        payload: 30,
    }
}

#[test]
fn packet_is_one_event_with_its_frames() {
    let notes = [
        record(What::Received(packet())),
        record(What::Frame(Seen::Ack(2_500))),
        record(What::Frame(Seen::AckRange {
            smallest: 4,
            largest: 6,
        })),
        record(What::Frame(Seen::AckRange {
            smallest: 1,
            largest: 1,
        })),
        record(What::Frame(Seen::Ping)),
        record(What::Confirmed),
    ];
    let events = written(&notes);
    assert_eq!(events.len(), 2);
    let EventData::QuicPacketReceived(received) = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(received.header.packet_number, Some(7));
    let frames = serde_json::to_value(&received.frames).unwrap();
    assert_eq!(
        frames,
        serde_json::json!([
            {"frame_type": "ack", "ack_delay": 2.5, "acked_ranges": [[4, 6], [1]]},
            {"frame_type": "ping"},
        ])
    );
}

#[test]
fn frames_left_out_and_events_missed_are_told() {
    let notes = [
        record(What::Sent(packet())),
        record(What::FramesLeftOut),
        Note::Missed(Instant::from_nanos(4_000_000), 12),
    ];
    let events = written(&notes);
    let warnings: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            EventData::LogLevelWarning { message, .. } => message.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!(
        warnings,
        [
            "packet 7 has more frames than are told",
            "12 events were left out"
        ]
    );
}

#[test]
fn every_reason_for_a_drop_has_its_words() {
    let notes = inquic_engine::Drop::ALL.map(|reason| record(What::Dropped(reason)));
    let events = written(&notes);
    assert_eq!(events.len(), inquic_engine::Drop::ALL.len());
    for (event, reason) in events.iter().zip(inquic_engine::Drop::ALL) {
        let EventData::QuicPacketDropped(dropped) = event else {
            panic!("{event:?}");
        };
        assert_eq!(dropped.details, Some(format!("{reason:?}")));
    }
}

#[test]
fn reason_of_a_peer_cannot_leave_its_string() {
    let reason = b"\"}\n\x1e{\"time\":0,\"name\":\"quic:packet_lost\"}\xff".to_vec();
    let over = CloseReason::PeerApplication {
        code: 1,
        reason: reason.clone(),
    };
    let events = written(&[Note::Over(
        Instant::from_nanos(1_000_000),
        Box::new(words::closed(&over)),
    )]);
    let [EventData::QuicConnectionClosed(closed)] = &events[..] else {
        panic!("{events:?}");
    };
    let text = String::from_utf8_lossy(&reason);
    assert_eq!(closed.reason.as_deref(), Some(&*text));
}

#[test]
fn file_ends_with_a_whole_event_at_its_bound() {
    let directory = TempDir::new().unwrap();
    let opening = opening(directory.path());
    // The process has little left: the file ends there as at its own bound.
    let mut budget = Budget {
        bytes: 2_000,
        ..Budget::default()
    };
    let mut output = Output::create(&opening, &mut budget).unwrap();
    let mut told = 0;
    {
        let mut tell = |event: &qlog::events::Event| {
            told += 1;
            output.event(event, &mut budget);
        };
        let mut translator = Translator::begin(&opening, &mut tell);
        for _ in 0..1_000 {
            translator.note(&record(What::Reduced), &mut tell);
        }
    }
    output.flush();
    let path = directory.path().join("abababababababab_server.sqlog");
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.len() <= 2_000);
    assert!(bytes.ends_with(b"\n"));
    let events = read(&path);
    assert!(events.len() > 5 && events.len() < told);
    assert_eq!(budget.bytes, 2_000 - bytes.len() as u64);
    let mut spent = Budget {
        bytes: 0,
        ..Budget::default()
    };
    assert!(Output::create(&opening, &mut spent).is_none());
}

#[test]
fn clients_of_one_id_get_different_files_up_to_a_bound() {
    let directory = TempDir::new().unwrap();
    let opening = opening(directory.path());
    let mut budget = Budget::default();
    for _ in 0..limits::SAME_NAMES {
        assert!(Output::create(&opening, &mut budget).is_some());
    }
    assert!(Output::create(&opening, &mut budget).is_none());
    let files = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(files, limits::SAME_NAMES as usize);
}

#[test]
fn process_makes_no_more_files_than_its_bound() {
    let directory = TempDir::new().unwrap();
    let opening = opening(directory.path());
    let mut budget = Budget {
        files: 1,
        ..Budget::default()
    };
    assert!(Output::create(&opening, &mut budget).is_some());
    assert!(Output::create(&opening, &mut budget).is_none());
    let files = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(files, 1);
}

#[test]
fn directory_that_is_not_there_gives_no_log() {
    let opening = opening(Path::new("/nowhere/at/all"));
    assert!(Output::create(&opening, &mut Budget::default()).is_none());
}

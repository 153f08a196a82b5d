//! A peer that is watched: what it sends fills the records, and nothing else follows from that.

use inquic_engine::trace::{Record, What};
use inquic_engine::{CloseReason, limits};
use inquic_platform::Instant;
use inquic_sim::{Duel, Settings, frames};
use inquic_wire::frame::{
    write_application_close, write_connection_close, write_crypto, write_datagram_header,
    write_max_data, write_max_stream_data, write_new_token, write_path_challenge, write_ping,
    write_retire_connection_id, write_stream,
};
use inquic_wire::{Code, Direction, Full, Level, Role, StreamId, VARINT_MAX, Writer};

fn watched() -> Duel {
    let mut duel = Duel::with_open_server(&Settings::default()).connected();
    assert!(duel.connection().start_trace(Instant::ZERO));
    duel
}

fn taken(duel: &mut Duel) -> Vec<Record> {
    let connection = duel.connection();
    std::iter::from_fn(|| connection.take_record()).collect()
}

/// Row 22: as many frames as there can be, and nobody takes the records.
#[test]
fn records_of_a_flood_stay_within_their_bound() {
    let mut duel = watched();
    let pings = frames(|w| (0..1_100).try_for_each(|_| write_ping(w)));
    for _ in 0..1_000 {
        duel.send(Level::OneRtt, &pings);
    }
    assert_eq!(duel.offence(), None);
    let records = taken(&mut duel);
    assert_eq!(records.len(), limits::TRACE_RECORDS);
    assert!(duel.connection().take_missed() > 0);
    let received = |record: &Record| matches!(record.what, What::Received(_));
    let first = records.iter().position(received).unwrap();
    let noted = records[first + 1..].iter().position(received).unwrap();
    assert!(noted <= limits::TRACE_FRAMES + 4, "{noted} of one packet");
    assert!(size_of::<Record>() <= limits::TRACE_RECORD_BYTES);
}

fn stream(index: u64) -> Result<StreamId, Full> {
    StreamId::new(Role::Client, Direction::Bidirectional, index).ok_or(Full)
}

type Write = fn(&mut Writer<'_>) -> Result<(), Full>;

/// Row 22: everything at its longest does to a connection that is watched what it does to others.
#[test]
fn longest_frames_do_the_same_whether_they_are_noted_or_not() {
    const LONG: [u8; 1_000] = [0xff; 1_000];
    let longest: [Write; 10] = [
        |w| write_connection_close(w, Code::Internal, VARINT_MAX, &LONG),
        |w| write_application_close(w, VARINT_MAX, &LONG),
        |w| write_new_token(w, &LONG),
        |w| write_max_data(w, VARINT_MAX),
        |w| write_max_stream_data(w, stream(0)?, VARINT_MAX),
        |w| write_retire_connection_id(w, VARINT_MAX),
        |w| {
            let body = write_crypto(w, VARINT_MAX - LONG.len() as u64, LONG.len())?;
            body.copy_from_slice(&LONG);
            Ok(())
        },
        |w| {
            let id = stream((1 << 60) - 1)?;
            let body = write_stream(w, id, VARINT_MAX - 1_000, 1_000, true, false)?;
            body.copy_from_slice(&LONG);
            Ok(())
        },
        |w| {
            write_datagram_header(w, LONG.len(), false)?;
            w.bytes(&LONG)
        },
        |w| (0..120).try_for_each(|_| write_path_challenge(w, [0xff; 8])),
    ];
    for write in longest {
        let payload = frames(write);
        let mut plain = Duel::with_open_server(&Settings::default()).connected();
        plain.send(Level::OneRtt, &payload);
        let mut noted = watched();
        noted.send(Level::OneRtt, &payload);
        let end = |duel: &mut Duel| duel.connection().close_reason().map(CloseReason::copied);
        assert_eq!(end(&mut plain), end(&mut noted));
        assert!(taken(&mut noted).len() <= limits::TRACE_FRAMES + 16);
        assert_eq!(noted.connection().take_missed(), 0);
    }
}

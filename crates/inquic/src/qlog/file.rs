//! One log file: events in, whole JSON text sequences out (RFC 7464), up to the bounds of the file and of the process. A file that
//! cannot be written is given up.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::time::{Duration, UNIX_EPOCH};

use inquic_wire::Role;
use qlog::events::Event;
use qlog::{
    CommonFields, HexSlice, QlogSeq, ReferenceTime, TimeFormat, TraceSeq, VantagePoint,
    VantagePointType,
};

use super::{Opening, limits};

/// What the process may still write.
pub(super) struct Budget {
    pub(super) bytes: u64,
    pub(super) files: usize,
}

/// A log file; none once it is full or could not be written.
pub(super) struct Output {
    file: Option<BufWriter<File>>,
    /// Bytes that it may still have.
    left: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            bytes: limits::TOTAL_BYTES,
            files: limits::FILES,
        }
    }
}

impl Output {
    /// Makes the file of a log; `None` when it cannot be made or there are enough.
    pub(super) fn create(opening: &Opening, budget: &mut Budget) -> Option<Self> {
        if budget.bytes == 0 {
            return None;
        }
        budget.files = budget.files.checked_sub(1)?;
        let mut output = Self {
            file: Some(BufWriter::new(create(opening)?)),
            left: limits::FILE_BYTES,
        };
        output.record(serde_json::to_vec(&head(opening)), budget);
        Some(output)
    }

    /// Writes an event, if there is room.
    pub(super) fn event(&mut self, event: &Event, budget: &mut Budget) {
        if self.file.is_some() {
            self.record(serde_json::to_vec(event), budget);
        }
    }

    pub(super) fn flush(&mut self) {
        if let Some(file) = &mut self.file
            && file.flush().is_err()
        {
            self.file = None;
        }
    }

    fn record(&mut self, json: serde_json::Result<Vec<u8>>, budget: &mut Budget) {
        let (Some(file), Ok(json)) = (&mut self.file, json) else {
            return;
        };
        let bytes = json.len() as u64 + 2;
        let fits = bytes <= self.left && bytes <= budget.bytes;
        let mut write = || {
            file.write_all(&[RECORD_SEPARATOR])?;
            file.write_all(&json)?;
            file.write_all(b"\n")
        };
        if fits && write().is_ok() {
            self.left -= bytes;
            budget.bytes -= bytes;
        } else {
            self.flush();
            self.file = None;
        }
    }
}

/// A new file; one that is there is left alone, since a client chooses what the name comes from.
fn create(opening: &Opening) -> Option<File> {
    let id = HexSlice::new(opening.id.as_slice());
    let role = match opening.role {
        Role::Client => "client",
        Role::Server => "server",
    };
    for number in 1..=limits::SAME_NAMES {
        let name = match number {
            1 => format!("{id}_{role}.sqlog"),
            number => format!("{id}_{role}-{number}.sqlog"),
        };
        let path = opening.directory.join(name);
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(file) => return Some(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(_) => return None,
        }
    }
    None
}

fn head(opening: &Opening) -> QlogSeq {
    let began = UNIX_EPOCH.checked_add(Duration::from_nanos(opening.at.as_nanos()));
    QlogSeq {
        file_schema: qlog::QLOGFILESEQ_URI.into(),
        serialization_format: "JSON-SEQ".into(),
        title: None,
        description: None,
        trace: TraceSeq::new(
            None,
            None,
            Some(CommonFields {
                reference_time: ReferenceTime::new_monotonic(began),
                time_format: Some(TimeFormat::RelativeToEpoch),
                ..CommonFields::default()
            }),
            Some(VantagePoint {
                name: Some("inquic".into()),
                ty: match opening.role {
                    Role::Client => VantagePointType::Client,
                    Role::Server => VantagePointType::Server,
                },
                flow: None,
            }),
            vec![
                qlog::events::QUIC_URI.into(),
                qlog::events::LOGLEVEL_URI.into(),
            ],
        ),
    }
}

const RECORD_SEPARATOR: u8 = 0x1e;

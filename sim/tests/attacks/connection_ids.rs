//! Connection ids: issued and retired without end.

use inquic_sim::{Duel, Settings, frames, repeated};
use inquic_wire::frame::{write_new_connection_id, write_retire_connection_id};
use inquic_wire::{Code, ConnectionId, Frame, Level};

fn issue(sequence: u64, prior_to: u64) -> Vec<u8> {
    frames(|w| {
        let id = ConnectionId::new(&sequence.to_be_bytes()).unwrap();
        write_new_connection_id(w, sequence, prior_to, &id, &[sequence as u8; 16])
    })
}

fn is_issue(frame: &Frame<'_>) -> bool {
    matches!(frame, Frame::NewConnectionId { .. })
}

/// Row 28.
#[test]
fn ids_that_retire_all_before_them_are_limited() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    // Nothing that the victim sends is acknowledged.
    let taken = (1..1_000_000).take_while(|&sequence| {
        duel.send(Level::OneRtt, &issue(sequence, sequence));
        duel.offence().is_none()
    });
    let taken = taken.count();
    assert!(taken <= 14, "{taken} ids retired and not acknowledged");
    assert_eq!(duel.offence(), Some(Code::ConnectionIdLimit));
}

/// Row 28.
#[test]
fn ids_beyond_the_limit_are_an_offence() {
    let mut duel = Duel::with_client(&Settings::default()).connected();
    for sequence in 1..7 {
        duel.send(Level::OneRtt, &issue(sequence, 0));
        assert_eq!(duel.offence(), None, "seven may be active");
    }
    duel.send(Level::OneRtt, &issue(7, 0));
    assert_eq!(duel.offence(), Some(Code::ConnectionIdLimit));
}

/// Row 29.
#[test]
fn retiring_what_was_issued_but_never_sent_is_an_offence() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    // Ids 0 to 6 are out; the next is made when one of these is retired.
    duel.send(
        Level::OneRtt,
        &frames(|w| (1..=7).try_for_each(|sequence| write_retire_connection_id(w, sequence))),
    );
    assert_eq!(duel.offence(), Some(Code::ProtocolViolation));
}

/// Row 29.
#[test]
fn retiring_without_end_issues_no_more_than_the_window_carries() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    for sequence in 1..u64::from(repeated(100_000, 1_000_000)) {
        duel.send(
            Level::OneRtt,
            &frames(|w| write_retire_connection_id(w, sequence)),
        );
        if duel.connection().close_reason().is_some() {
            break;
        }
    }
    let issued = duel.count(is_issue);
    let sent = duel.connection().stats().bytes_in_flight;
    assert!(
        issued < 1_000,
        "{issued} ids issued, {sent} bytes in flight"
    );
}

/// Row 29.
#[test]
fn retiring_the_id_of_the_packet_itself_is_an_offence() {
    let mut duel = Duel::with_server(&Settings::default()).connected();
    duel.send(Level::OneRtt, &frames(|w| write_retire_connection_id(w, 0)));
    assert_eq!(duel.offence(), Some(Code::ProtocolViolation));
}

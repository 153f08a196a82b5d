use std::time::Duration;

use rustls::pki_types::UnixTime;

use super::*;

const DAY: u64 = 24 * 3600;

#[derive(Debug)]
struct Stopped(u64);

impl TimeProvider for Stopped {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

fn tickets(key: u8, seconds: u64) -> FleetTickets {
    FleetTickets::new(&[key; 32], Arc::new(Stopped(seconds)))
}

fn ticket(seconds: u64) -> Vec<u8> {
    let ticket = tickets(7, seconds).encrypt(b"session");
    ticket.expect("sealed")
}

#[test]
fn another_server_with_the_key_opens_a_ticket_and_one_with_another_key_does_not() {
    let given = ticket(DAY);
    assert_ne!(given, ticket(DAY), "no two are alike");
    let opened = |key| tickets(key, DAY).decrypt(&given);
    assert_eq!(opened(7).as_deref(), Some(&b"session"[..]));
    assert_eq!(opened(8), None);
}

#[test]
fn a_ticket_lasts_as_long_as_it_says_and_not_twice_as_long() {
    let given = ticket(10 * DAY + EPOCH - 1);
    for (seconds, opens) in [
        (10 * DAY - EPOCH - 1, false),
        (10 * DAY + 1, true),
        (10 * DAY + EPOCH - 1 + EPOCH, true),
        (10 * DAY + 2 * EPOCH, false),
        // When the byte that says the epoch comes round again, other keys are in use.
        (10 * DAY + 256 * EPOCH, false),
    ] {
        let opened = tickets(7, seconds).decrypt(&given);
        assert_eq!(opened.is_some(), opens, "{seconds}");
    }
}

#[test]
fn a_server_whose_clock_is_behind_opens_tickets_of_one_that_is_ahead() {
    let given = ticket(3 * EPOCH);
    assert!(tickets(7, 3 * EPOCH - 1).decrypt(&given).is_some());
}

#[test]
fn a_changed_or_cut_ticket_opens_nothing() {
    let given = ticket(DAY);
    let tickets = tickets(7, DAY);
    for place in 0..given.len() {
        let mut changed = given.clone();
        changed[place] ^= 1;
        assert_eq!(tickets.decrypt(&changed), None, "byte {place}");
        assert_eq!(tickets.decrypt(&given[..place]), None, "{place} bytes");
    }
}

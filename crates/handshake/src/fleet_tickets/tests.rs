use super::*;

const DAY: u64 = 24 * 3600;

fn at(seconds: fn() -> u64) -> FleetTickets {
    FleetTickets::with_clock(&[7; 32], seconds)
}

#[test]
fn another_server_with_the_key_opens_a_ticket_and_one_with_another_key_does_not() {
    let ticket = FleetTickets::new(&[7; 32])
        .encrypt(b"session")
        .expect("sealed");
    let sealed_again = FleetTickets::new(&[7; 32]).encrypt(b"session");
    assert_ne!(Some(&ticket), sealed_again.as_ref(), "no two are alike");
    let opened = |key| FleetTickets::new(&[key; 32]).decrypt(&ticket);
    assert_eq!(opened(7).as_deref(), Some(&b"session"[..]));
    assert_eq!(opened(8), None);
}

#[test]
fn a_ticket_lasts_as_long_as_it_says_and_not_twice_as_long() {
    let ticket = at(|| 10 * DAY + EPOCH - 1)
        .encrypt(b"session")
        .expect("sealed");
    let later: [(fn() -> u64, bool); 5] = [
        (|| 10 * DAY - EPOCH - 1, false),
        (|| 10 * DAY + 1, true),
        (|| 10 * DAY + EPOCH - 1 + EPOCH, true),
        (|| 10 * DAY + 2 * EPOCH, false),
        // When the byte that says the epoch comes round again.
        (|| 10 * DAY + 256 * EPOCH, false),
    ];
    for (clock, opens) in later {
        assert_eq!(at(clock).decrypt(&ticket).is_some(), opens, "{}", clock());
    }
}

#[test]
fn a_server_whose_clock_is_behind_opens_tickets_of_one_that_is_ahead() {
    let ticket = at(|| 3 * EPOCH).encrypt(b"session").expect("sealed");
    assert!(at(|| 3 * EPOCH - 1).decrypt(&ticket).is_some());
}

#[test]
fn a_changed_or_cut_ticket_opens_nothing() {
    let tickets = at(|| DAY);
    let ticket = tickets.encrypt(b"session").expect("sealed");
    for place in 0..ticket.len() {
        let mut changed = ticket.clone();
        changed[place] ^= 1;
        assert_eq!(tickets.decrypt(&changed), None, "byte {place}");
        assert_eq!(tickets.decrypt(&ticket[..place]), None, "{place} bytes");
    }
}

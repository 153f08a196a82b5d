//! Owners: who is chosen, who is refused and with what.

use alloc::vec::Vec;

use inquic_wire::ClientHello;

use super::*;
use crate::endpoint::testing::hello_of;

fn listener(number: u32, names: &[&str], protocols: &[&str], spreads: bool) -> Listener {
    Listener {
        owner: Owner::Local(number),
        listen: Listen::default(),
        claim: Claim::new(names, protocols).unwrap(),
        spreads,
    }
}

fn owners<const COUNT: usize>(list: [Listener; COUNT]) -> Owners {
    let mut owners = Owners::default();
    for listener in list {
        owners.add(listener).unwrap();
    }
    owners
}

fn choose(owners: &Owners, name: &str, protocol: &str, spread: u64) -> Result<Owner, u64> {
    let bytes = hello_of(Some(name), &[protocol]);
    let ClientHello::Whole(offer) = ClientHello::look(&bytes) else {
        panic!("a whole hello")
    };
    let chosen = owners.choose(&offer, spread);
    chosen
        .map(|listener| listener.owner)
        .map_err(|offence| offence.code.to_u64())
}

#[test]
fn a_client_whom_nobody_fits_is_told_what_is_missing() {
    let named = owners([listener(0, &["a.example"], &["h3"], false)]);
    assert_eq!(choose(&named, "a.example", "smb", 0), Err(0x178));
    assert_eq!(choose(&named, "b.example", "h3", 0), Err(0x170));
    let any = owners([
        listener(0, &[], &["h3"], false),
        listener(1, &["a"], &[], false),
    ]);
    assert_eq!(choose(&any, "b.example", "smb", 0), Err(0x178));
}

#[test]
fn a_name_that_is_none_is_refused_even_where_anything_is_taken() {
    let all = owners([
        listener(0, &[], &[], false),
        listener(1, &["a"], &[], false),
    ]);
    assert_eq!(choose(&all, "a.example.", "h3", 0), Err(0x132));
    assert_eq!(choose(&all, "a.example", "h3", 0), Ok(Owner::Local(0)));
}

#[test]
fn overlap_is_refused_unless_both_spread() {
    for (first, second, fits) in [
        (false, false, false),
        (true, false, false),
        (false, true, false),
        (true, true, true),
    ] {
        let mut owners = owners([listener(0, &["a"], &["h3"], first)]);
        let added = owners.add(listener(1, &["a"], &["h3", "h2"], second));
        assert_eq!(added.is_ok(), fits);
        // To change how one listens does not collide with itself.
        assert_eq!(owners.add(listener(0, &["a"], &["h3"], first)), Ok(()));
    }
}

#[test]
fn equals_get_their_clients_by_turns() {
    let owners = owners([
        listener(0, &["a"], &["h3"], true),
        listener(1, &["a"], &["h3"], true),
        listener(2, &[], &["h3"], true),
    ]);
    let chosen: Vec<_> = (0..4)
        .map(|spread| choose(&owners, "a", "h3", spread))
        .collect();
    let [first, second] = [Ok(Owner::Local(0)), Ok(Owner::Local(1))];
    assert_eq!(chosen, [first, second, first, second]);
}

#[test]
fn hellos_are_read_only_where_more_than_one_could_be_meant() {
    let mut all = owners([listener(0, &[], &["h3"], false)]);
    assert!(!all.must_read());
    all.add(listener(1, &[], &["smb"], false)).unwrap();
    assert!(all.must_read());
    all.remove(Owner::Local(0));
    assert!(!all.must_read());
    assert_eq!(all.first(), Some(Owner::Local(1)));
    assert!(owners([listener(0, &["a"], &[], false)]).must_read());
    let remote = Listener {
        owner: Owner::Remote(3),
        ..listener(0, &[], &[], false)
    };
    assert!(owners([remote]).must_read());
}

#[test]
fn the_number_of_owners_is_met_and_not_passed() {
    let mut all = Owners::default();
    for number in 0..limits::OWNERS as u32 {
        let name = alloc::format!("n{number}");
        all.add(listener(number, &[&name], &[], false)).unwrap();
    }
    let refused = all.add(listener(1_000, &["one-more"], &[], false));
    assert_eq!(refused, Err(OwnerError::Full));
}

use std::vec::Vec;

use super::*;

fn value(versions: &[u32]) -> Vec<u8> {
    versions
        .iter()
        .flat_map(|version| version.to_be_bytes())
        .collect()
}

fn refused(value: &[u8], sender: Role) {
    let error = VersionInformation::parse(value, sender).unwrap_err();
    assert_eq!(error.code, Code::TransportParameter);
}

#[test]
fn a_list_keeps_the_order_and_no_duplicates() {
    let list = Versions::of(&[Version::V2, Version::V1, Version::V2]);
    assert_eq!(list.as_slice(), [Version::V2, Version::V1]);
    assert_eq!(
        list.first(|version| version == Version::V1),
        Some(Version::V1)
    );
    assert_eq!(list.first(|_| true), Some(Version::V2));
}

#[test]
fn a_list_takes_four_versions_and_not_five() {
    let mut list = Versions::of(&[Version(1), Version(2), Version(3)]);
    assert!(list.push(Version(4)));
    assert!(!list.push(Version(5)));
    assert_eq!(list.as_slice().len(), 4);
}

#[test]
fn information_is_written_as_it_is_read() {
    let bytes = value(&[1, 0x6b33_43cf, 1, 0x1a2a_3a4a]);
    let information = VersionInformation::parse(&bytes, Role::Client).unwrap();
    assert_eq!(information.chosen, Version::V1);
    assert_eq!(
        information.available.as_slice(),
        [Version::V2, Version::V1, Version(0x1a2a_3a4a)]
    );
    let mut buffer = [0; 64];
    let mut w = Writer::new(&mut buffer);
    information.encode(&mut w).unwrap();
    assert_eq!(w.written(), bytes);
    assert_eq!(information.encoded_len(), bytes.len());
}

#[test]
fn known_versions_are_kept_behind_any_number_of_others() {
    let mut versions: Vec<u32> = (100..200).collect();
    versions.extend([1, Version::V2.0]);
    let information = VersionInformation::parse(&value(&versions), Role::Server).unwrap();
    assert!(information.available.contains(Version::V1));
    assert!(information.available.contains(Version::V2));
}

#[test]
fn what_is_cut_or_empty_is_refused() {
    let bytes = value(&[1, 1]);
    for cut in [0, 1, 2, 3, 5, 6, 7] {
        refused(&bytes[..cut], Role::Client);
        refused(&bytes[..cut], Role::Server);
    }
}

#[test]
fn a_preferred_version_comes_first_where_it_is_spoken_at_all() {
    let [first, second] = [Version::V1, Version::V2];
    let both = Versions::KNOWN;
    assert_eq!(both.preferring(second).as_slice(), [second, first]);
    assert_eq!(both.preferring(first), both);
    assert_eq!(both.preferring(Version(123)), both);
    assert_eq!(
        Versions::of(&[first]).preferring(second).as_slice(),
        [first]
    );
}

#[test]
fn a_version_of_zero_is_refused() {
    for versions in [[0, 1, 1], [1, 0, 1], [1, 1, 0]] {
        refused(&value(&versions), Role::Client);
        refused(&value(&versions), Role::Server);
    }
}

#[test]
fn a_client_must_offer_what_it_has_chosen_and_a_server_need_not() {
    refused(&value(&[1]), Role::Client);
    refused(&value(&[1, Version::V2.0]), Role::Client);
    let server = VersionInformation::parse(&value(&[1]), Role::Server).unwrap();
    assert!(server.available.is_empty());
}

#[test]
fn a_chosen_version_that_we_do_not_know_stays_among_those_available() {
    let listed = [0x3838_3838_u32, 1, 0x3838_3878, 0x38c8_c7c7, 2, 0x3838_3838];
    let value: Vec<u8> = listed.iter().flat_map(|id| id.to_be_bytes()).collect();
    let read = VersionInformation::parse(&value, Role::Client).unwrap();
    assert!(read.available.contains(read.chosen));
    assert_eq!(read.available.len(), 3);
}

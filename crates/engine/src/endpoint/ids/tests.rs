//! Ids that a load balancer reads.

use alloc::collections::BTreeSet;
use alloc::format;

use inquic_platform::aws_lc::AwsLc;

use super::*;

/// The key of QUIC-LB appendix B.
const KEY: [u8; 16] = [
    0x8f, 0x95, 0xf0, 0x92, 0x45, 0x76, 0x5f, 0x80, 0x25, 0x69, 0x34, 0xe5, 0x0c, 0x66, 0x20, 0x7f,
];

fn cipher() -> Box<dyn HeaderKey> {
    let platform = AwsLc::new();
    platform
        .header_key(CipherSuite::Aes128GcmSha256, &KEY)
        .unwrap()
}

#[test]
fn the_encrypted_id_of_the_drafts_appendix_is_made() {
    let plain = [0xed, 0x79, 0x3a, 0xee, 0x08, 0x0d, 0xbf];
    let id = with_first(SELF_LEN, encrypt(&*cipher(), plain));
    assert_eq!(id, [0x07, 0x20, 0xb1, 0xd0, 0x7b, 0x35, 0x9d, 0x3c]);
    let [_, body @ ..] = id;
    assert_eq!(decrypt(&*cipher(), body), plain);
}

#[test]
fn the_plain_id_of_the_drafts_appendix_has_server_and_nonce_in_order() {
    let routing = Routing::new(0, &[0xc4, 0x60, 0x5e], None).unwrap();
    let mut routed = Routed::new(&AwsLc::new(), &routing);
    let id = routed.id([0xaa, 1, 2, 3, 0x45, 0x04, 0xcc, 0x4f]);
    assert_eq!(id, [0x07, 0xc4, 0x60, 0x5e, 0x45, 0x04, 0xcc, 0x4f]);
}

#[test]
fn every_id_names_its_server_and_configuration_and_none_comes_twice() {
    let platform = AwsLc::new();
    for (rotation, server, key) in [
        (0, &[7_u8, 8, 9][..], Some(KEY)),
        (6, &[1], Some(KEY)),
        (3, &[1, 2], None),
    ] {
        let routing = Routing::new(rotation, server, key).unwrap();
        let mut ids = Ids::new(&platform, Some(&routing));
        let mut seen = BTreeSet::new();
        for _ in 0..10_000 {
            let [first, body @ ..] = ids.local(&platform);
            assert_eq!((first >> 5, first & 0x1f), (rotation, SELF_LEN));
            let plain = match key {
                Some(_) => decrypt(&*cipher(), body),
                None => body,
            };
            assert_eq!(&plain[..server.len()], server);
            // Four random bytes may meet by chance; the endpoint draws again then.
            assert!(seen.insert(body) || key.is_none());
        }
        assert!(seen.len() > 9_990);
    }
}

#[test]
fn without_its_key_an_id_shows_nothing_of_the_server() {
    let platform = AwsLc::new();
    let routing = Routing::new(0, &[0, 0, 1], Some(KEY)).unwrap();
    let mut ids = Ids::new(&platform, Some(&routing));
    let mut values = [const { BTreeSet::new() }; 7];
    for _ in 0..2_000 {
        let [_, body @ ..] = ids.local(&platform);
        for (seen, byte) in values.iter_mut().zip(body) {
            seen.insert(byte);
        }
    }
    assert!(
        values.iter().all(|seen| seen.len() > 250),
        "a byte is nearly constant"
    );
}

#[test]
fn a_configuration_out_of_bounds_is_refused() {
    assert!(Routing::new(7, &[1], None).is_none());
    assert!(Routing::new(0, &[], None).is_none());
    assert!(Routing::new(0, &[1, 2, 3, 4], None).is_none());
}

#[test]
fn the_key_is_not_in_what_is_printed() {
    let routing = Routing::new(0, &[1], Some(KEY)).unwrap();
    let text = format!("{routing:?}");
    assert!(!text.contains("143") && !text.contains("8f"), "{text}");
}

#[test]
fn a_member_is_read_from_its_ids_by_the_others_and_from_no_other_id() {
    let platform = AwsLc::new();
    let mut members = [3, 200].map(|member| {
        let routing = Routing::of_member(member, [7, 9], KEY);
        Ids::new(&platform, Some(&routing))
    });
    for (at, number) in [(0, 3), (1, 200)] {
        for _ in 0..100 {
            let id = members[at].local(&platform);
            assert_eq!(members[1 - at].member(id), Some(number));
            let random = members[at].random(&platform);
            assert_eq!(members[1 - at].member(random), None);
        }
        let seeded = members[at].seeded([5; 8]);
        assert_eq!(seeded, members[at].seeded([5; 8]));
        assert_eq!(members[1 - at].member(seeded), Some(number));
    }
    let other = Routing::of_member(3, [7, 8], KEY);
    let foreign = Ids::new(&platform, Some(&other)).local(&platform);
    assert_eq!(members[0].member(foreign), None);
    let fleet = Routing::new(0, &[3, 7, 9], Some(KEY)).unwrap();
    assert_eq!(Ids::new(&platform, Some(&fleet)).member(foreign), None);
}

//! Claims: what is a name, what fits, what overlaps.

use alloc::vec::Vec;

use inquic_wire::ClientHello;

use super::*;
use crate::endpoint::testing::hello_of;

fn claim(names: &[&str], protocols: &[&str]) -> Claim {
    Claim::new(names, protocols).unwrap()
}

fn fit(claim: &Claim, name: Option<&str>, protocols: &[&str]) -> Option<Fit> {
    let bytes = hello_of(name, protocols);
    let ClientHello::Whole(offer) = ClientHello::look(&bytes) else {
        panic!("a whole hello")
    };
    claim.fit(&offer)
}

#[test]
fn the_more_is_claimed_the_better_it_fits() {
    let name = Some("a.example");
    let claims = [
        claim(&["a.example"], &["h3"]),
        claim(&["a.example"], &[]),
        claim(&["*.example"], &["h3"]),
        claim(&["*.example"], &[]),
        claim(&[], &["h3"]),
        claim(&[], &[]),
    ];
    let fits: Vec<_> = claims
        .iter()
        .map(|claim| fit(claim, name, &["h3"]).unwrap())
        .collect();
    assert!(fits.is_sorted());
    assert_eq!(fits.first(), Some(&Fit::NameAndProtocol(0)));
    assert_eq!(fits.last(), Some(&Fit::Default));
}

#[test]
fn the_order_of_the_clients_protocols_decides() {
    let name = Some("a.example");
    let (web, files) = (
        claim(&["a.example"], &["h3"]),
        claim(&["a.example"], &["smb"]),
    );
    assert!(fit(&web, name, &["h3", "smb"]) < fit(&files, name, &["h3", "smb"]));
    assert!(fit(&web, name, &["smb", "h3"]) > fit(&files, name, &["smb", "h3"]));
}

#[test]
fn a_star_stands_for_one_label() {
    let claim = claim(&["*.example"], &[]);
    for host in ["a.example", "A.EXAMPLE", "x-1.example"] {
        assert_eq!(fit(&claim, Some(host), &[]), Some(Fit::Wildcard), "{host}");
    }
    for host in [
        "example",
        "b.a.example",
        ".example",
        "aexample",
        "a.examples",
    ] {
        assert_eq!(fit(&claim, Some(host), &[]), None, "{host}");
    }
    assert_eq!(fit(&claim, None, &[]), None);
}

#[test]
fn who_claims_protocols_takes_nobody_without_them() {
    let claim = claim(&["a.example"], &["h3"]);
    assert_eq!(fit(&claim, Some("a.example"), &["smb"]), None);
    assert_eq!(fit(&claim, Some("a.example"), &[]), None);
    assert_eq!(fit(&claim, Some("b.example"), &["h3"]), None);
}

#[test]
fn claims_overlap_at_the_same_level_only() {
    let all = claim(&[], &[]);
    let web = claim(&[], &["h3"]);
    let name = claim(&["a.example"], &[]);
    let both = claim(&["A.example", "b.example"], &["h3", "h2"]);
    for (one, other) in [(&all, &web), (&all, &name), (&web, &both), (&name, &both)] {
        assert!(!one.overlaps(other) && !other.overlaps(one));
    }
    for same in [&all, &web, &name, &both] {
        assert!(same.overlaps(same));
    }
    assert!(both.overlaps(&claim(&["a.example"], &["h2", "smb"])));
    assert!(!both.overlaps(&claim(&["a.example"], &["smb"])));
    assert!(!both.overlaps(&claim(&["*.example"], &["h3"])));
}

#[test]
fn what_is_no_name_or_protocol_cannot_be_claimed() {
    let long = "a".repeat(256);
    for name in [
        "", ".", "a.", ".a", "a..b", "a b", "*", "*.", "a.*", "x*.b", "\u{fc}.b", &long,
    ] {
        let refused = Claim::new([name], [""; 0]);
        assert_eq!(refused, Err(ClaimError::Name), "{name:?}");
    }
    for protocol in ["", &long] {
        let refused = Claim::new([""; 0], [protocol]);
        assert_eq!(refused, Err(ClaimError::Protocol));
    }
    assert!(Claim::new([&long[..255]], [&long[..255]]).is_ok());
}

#[test]
fn the_numbers_of_names_and_protocols_are_met_and_not_passed() {
    let list = |count: usize| {
        (0..count)
            .map(|number| alloc::format!("n{number}"))
            .collect::<Vec<_>>()
    };
    let (names, protocols) = (list(limits::CLAIM_NAMES), list(limits::CLAIM_PROTOCOLS));
    assert!(Claim::new(&names, &protocols).is_ok());
    // The same again is no more.
    assert!(Claim::new(names.iter().chain(&names), &protocols).is_ok());
    let more = list(limits::CLAIM_NAMES + 1);
    assert_eq!(Claim::new(&more, &protocols), Err(ClaimError::TooMany));
    let more = list(limits::CLAIM_PROTOCOLS + 1);
    assert_eq!(Claim::new(&names, &more), Err(ClaimError::TooMany));
}

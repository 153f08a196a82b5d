use super::{parse, parse_first, plain};
use crate::tidy::tests::file;

#[test]
fn a_tag_over_two_lines_is_one_sentence() {
    let text = concat!(
        "    //",
        "= RFC 9000 §8.1: an endpoint MUST limit\n    //",
        "= the amount of data.\n"
    );
    let (tags, findings) = parse(&file("a.rs", text));
    assert!(findings.is_empty());
    assert_eq!(tags.len(), 1);
    assert_eq!(
        tags[0].sentence,
        "an endpoint MUST limit the amount of data."
    );
}

#[test]
fn sections_and_appendices_are_taken() {
    for text in [
        "RFC 9000 §8: a",
        "RFC 9000 §13.2.1: a",
        "RFC 9002 §A.8: a",
        "RFC 9000 §B.2.1: a",
    ] {
        assert!(parse_first(1, text).is_some(), "{text}");
    }
}

#[test]
fn an_exception_has_its_reason_apart_from_the_sentence() {
    let text = concat!(
        "//",
        "= RFC 9000 §8.1: MUST a\n//",
        "= type=exception: since\n//",
        "= it hurts\n"
    );
    let (tags, findings) = parse(&file("a.rs", text));
    assert!(findings.is_empty());
    assert_eq!(tags[0].section, "8.1");
    assert_eq!(tags[0].sentence, "MUST a");
    assert_eq!(tags[0].exception.as_deref(), Some("since it hurts"));
}

#[test]
fn a_tag_that_nobody_could_look_up_is_found() {
    for text in [
        "RFC 9000: a",
        "RFC 900 §8: a",
        "RFC 9000 §: a",
        "RFC 9000 §8.: a",
        "RFC 9000 §8.1:",
        "RFC 9000 §8.1 a",
    ] {
        assert!(parse_first(1, text).is_none(), "{text}");
    }
}

#[test]
fn a_line_that_continues_no_tag_is_found() {
    let text = concat!("//", "= RFC 9000 §8.1: a\nfn a() {}\n//", "= more\n");
    let (tags, findings) = parse(&file("a.rs", text));
    assert_eq!((tags.len(), findings.len()), (1, 1));
}

#[test]
fn a_sentence_is_found_in_its_rfc_over_the_end_of_a_line_and_of_a_page() {
    let page = "must limit the\nIyengar & Thomson    Standards Track    [Page 42]\nRFC 9000   QUIC    May 2021\n   amount of \"data\" it sends.";
    assert_eq!(
        plain(page),
        plain("MUST limit the amount of data it sends.")
    );
}

use super::{demands, heading};

const TEXT: &str = "\
4.1.  Data Flow Control

   Senders MUST NOT send data in excess of either limit.  They wait, i.e.
   They do not send.  Streams of the same type with lower-
   numbered stream IDs MUST be created:

   *  a first thing, which SHALL be
      done.

   *  a second that may be.

Iyengar & Thomson            Standards Track                   [Page 20]
\u{c}
RFC 9000                          QUIC                          May 2021

   The key words \"MUST\", \"SHALL\" are explained.

4.2.  Increasing

   Nothing is asked here.  This is REQUIRED
";

#[test]
fn sentences_that_demand_are_found_with_their_sections() {
    let found: Vec<_> = demands(TEXT)
        .into_iter()
        .map(|sentence| (sentence.section, sentence.words))
        .collect();
    let expected = [
        (
            "4.1",
            "Senders MUST NOT send data in excess of either limit.",
        ),
        (
            "4.1",
            "Streams of the same type with lower-numbered stream IDs MUST be created:",
        ),
        ("4.1", "a first thing, which SHALL be done."),
        ("4.2", "This is REQUIRED"),
    ];
    assert_eq!(
        found,
        expected.map(|(section, words)| (section.to_owned(), words.to_owned()))
    );
}

#[test]
fn headings_have_numbers_or_letters() {
    assert_eq!(heading("8.1.  Address Validation").as_deref(), Some("8.1"));
    assert_eq!(heading("Appendix A.  Pseudocode").as_deref(), Some("A"));
    assert_eq!(heading("A.1.  Sample").as_deref(), Some("A.1"));
    assert_eq!(heading("Authors' Addresses"), None);
    assert_eq!(heading("etc.  and so on"), None);
}

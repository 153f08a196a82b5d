use super::text::Sentence;
use super::{Row, State, Totals, merge, state, tests};
use crate::tidy::Citation;
use crate::tidy::File;

fn row(section: &str, sentence: &str) -> Row {
    Row {
        section: section.to_owned(),
        sentence: sentence.to_owned(),
        ..Row::default()
    }
}

fn citation(section: &str, sentence: &str) -> Citation {
    Citation {
        rfc: 9000,
        section: section.to_owned(),
        sentence: sentence.to_owned(),
    }
}

#[test]
fn a_row_without_anything_is_missing() {
    assert_eq!(state(9000, &row("1", "A MUST b."), &[]), State::Missing);
}

#[test]
fn a_citation_of_part_of_the_sentence_counts_in_its_section_only() {
    let row = row("1", "If so, an endpoint MUST do it; see Section 2.");
    let cites = |section| [citation(section, "an endpoint MUST do it")];
    assert_eq!(state(9000, &row, &cites("1")), State::Code);
    assert_eq!(state(9000, &row, &cites("2")), State::Missing);
    assert_eq!(state(9001, &row, &cites("1")), State::Missing);
}

#[test]
fn a_test_counts_more_than_a_citation_and_that_more_than_an_exception() {
    let mut row = row("1", "A MUST b.");
    row.excepted = Some("of no concern".to_owned());
    assert_eq!(state(9000, &row, &[]), State::Excepted);
    let cited = [citation("1", "A MUST b")];
    assert_eq!(state(9000, &row, &cited), State::Code);
    row.tests.push("engine: it_does".to_owned());
    assert_eq!(state(9000, &row, &cited), State::Tested);
}

#[test]
fn what_is_known_stays_with_its_sentence() {
    let mut known = row("2", "B MUST.");
    known.tests.push("engine: it_does".to_owned());
    let demand = |section: &str, words: &str| Sentence {
        section: section.to_owned(),
        words: words.to_owned(),
    };
    let kept = [known.clone(), row("9", "Gone MUST.")];
    let merged = merge(&kept, &[demand("1", "A MUST."), demand("2", "B MUST.")]);
    assert_eq!(merged, [row("1", "A MUST."), known]);
}

#[test]
fn only_functions_marked_as_tests_are_tests() {
    let file = File {
        path: "crates/engine/src/a/tests.rs".into(),
        text: "#[test] fn one() {} fn helper() {} #[tokio::test] async fn two() {} \
               proptest! { #[test] fn zero(seed in 0..9_u8) { helper(); } }"
            .to_owned(),
    };
    let found: Vec<String> = tests(&[file]).unwrap().into_iter().collect();
    assert_eq!(found, ["engine: one", "engine: two", "engine: zero"]);
}

#[test]
fn exceptions_are_left_out_of_the_share_that_is_tested() {
    let totals = Totals {
        all: 20,
        tested: 9,
        code: 1,
        excepted: 10,
        missing: 0,
    };
    assert_eq!(totals.tested_percent(), 90);
}

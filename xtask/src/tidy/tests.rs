use std::path::Path;

use super::{File, check, leftovers};
use crate::shell;

pub(super) fn file(path: &str, text: &str) -> File {
    File {
        path: Path::new(path).to_path_buf(),
        text: text.to_owned(),
    }
}

#[test]
fn the_tree_is_tidy() {
    let findings = check(&shell::root()).unwrap();
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} findings:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

#[test]
fn a_word_that_leaves_work_for_later_is_found_with_its_line() {
    let text = format!("//! Text.\n// {}: later\n", concat!("TO", "DO"));
    let findings = leftovers(&file("crates/wire/src/frame.rs", &text));
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].line, 2);
}

#[test]
fn a_word_that_only_holds_such_a_word_is_not_found() {
    let text = format!("{}S", concat!("TO", "DO"));
    assert!(leftovers(&file("README.md", &text)).is_empty());
}

use super::check;
use crate::tidy::tests::file;

fn rules(path: &str, text: &str) -> Vec<String> {
    check(&file(path, text))
        .unwrap()
        .into_iter()
        .map(|finding| finding.rule)
        .collect()
}

/// A function of that many lines.
fn function(lines: usize) -> String {
    format!(
        "//! Text.\nfn long() {{\n{}}}\n",
        "    let _ = 1;\n".repeat(lines - 2)
    )
}

#[test]
fn a_function_of_70_lines_passes_and_one_of_71_does_not() {
    assert!(rules("crates/engine/src/a.rs", &function(70)).is_empty());
    assert_eq!(
        rules("crates/engine/src/a.rs", &function(71)),
        ["long has 71 lines, more than 70"]
    );
}

#[test]
fn a_file_of_500_lines_passes_and_one_of_501_does_not() {
    let text = |lines: usize| format!("//! Text.\n{}", "// Text.\n".repeat(lines - 1));
    assert!(rules("crates/engine/src/a.rs", &text(500)).is_empty());
    assert_eq!(rules("crates/engine/src/a.rs", &text(501)).len(), 1);
}

#[test]
fn tests_are_not_counted() {
    assert!(rules("crates/engine/src/a/tests.rs", &function(600)).is_empty());
    assert!(rules("sim/tests/pair.rs", &function(600)).is_empty());
}

#[test]
fn a_module_without_a_first_line_that_says_what_it_is_for_is_found() {
    assert_eq!(rules("crates/engine/src/a.rs", "fn a() {}\n").len(), 1);
}

#[test]
fn an_allowed_lint_is_found_and_an_expected_one_is_not() {
    let with = |attribute: &str| format!("//! Text.\n{attribute}\nfn a() {{}}\n");
    for attribute in ["#[allow(dead_code)]", "#[cfg_attr(test, allow(dead_code))]"] {
        assert_eq!(
            rules("crates/engine/src/a.rs", &with(attribute)).len(),
            1,
            "{attribute}"
        );
    }
    let unused = with("#![allow(dead_code, reason = \"why\")]");
    assert!(rules("crates/cli/tests/common/mod.rs", &unused).is_empty());
    let expected = with("#[expect(dead_code, reason = \"why\")]");
    assert!(rules("crates/engine/src/a.rs", &expected).is_empty());
}

#[test]
fn tests_inside_the_module_they_test_are_found() {
    let text = "//! Text.\n#[cfg(test)]\nmod tests {\n}\n";
    assert_eq!(rules("crates/engine/src/a.rs", text).len(), 1);
    assert!(
        rules(
            "crates/engine/src/a.rs",
            "//! Text.\n#[cfg(test)]\nmod tests;\n"
        )
        .is_empty()
    );
}

#[test]
fn floats_are_found_where_the_kernel_takes_the_code_and_nowhere_else() {
    let text = "//! Text.\nconst A: f64 = 0.5;\n";
    assert_eq!(rules("crates/engine/src/a.rs", text).len(), 2);
    assert!(rules("crates/cli/src/a.rs", text).is_empty());
}

#[test]
fn the_root_of_a_crate_forbids_unsafe_code() {
    assert_eq!(rules("sim/src/lib.rs", "//! Text.\n").len(), 1);
    assert!(rules("sim/src/lib.rs", "//! Text.\n#![forbid(unsafe_code)]\n").is_empty());
}

#[test]
fn the_root_of_a_crate_that_meets_a_peer_denies_what_panics() {
    let text = "//! Text.\n#![no_std]\n#![forbid(unsafe_code)]\n#![deny(clippy::unwrap_used)]\n";
    let rules = rules("crates/wire/src/lib.rs", text);
    assert_eq!(rules.len(), 6);
    assert!(
        rules
            .iter()
            .all(|rule| rule.starts_with("what meets a peer's bytes denies "))
    );
}

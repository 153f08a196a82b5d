use super::check;
use crate::tidy::File;
use crate::tidy::tests::file;

const ROOT: &str = "\
//! Text.
#![cfg_attr(not(test), deny(clippy::disallowed_macros, clippy::disallowed_methods, clippy::disallowed_types))]
";

/// A tree in which both crates keep the rules, with one more file.
fn tree(more: File) -> Vec<File> {
    let mut files = vec![file("clippy.toml", "# Text.\nmax-struct-bools = 5\n")];
    for name in ["engine", "socket"] {
        let lists = "disallowed-macros = []\nmax-struct-bools = 5\n";
        files.push(file(&format!("crates/{name}/clippy.toml"), lists));
        files.push(file(&format!("crates/{name}/src/lib.rs"), ROOT));
    }
    files.retain(|known| known.path != more.path);
    files.push(more);
    files
}

#[track_caller]
fn finds(more: File, wanted: usize) {
    let findings = check(&tree(more)).unwrap();
    assert_eq!(findings.len(), wanted, "{findings:?}");
}

#[test]
fn a_clone_that_may_hold_memory_is_found() {
    let text = "//! Text.\nfn f(list: &Vec<u8>) -> Vec<u8> { list.clone() }\n";
    finds(file("crates/socket/src/a.rs", text), 1);
    let text =
        "//! Text.\nfn f(list: Option<&Vec<u8>>) -> Option<Vec<u8>> { list.map(Vec::clone) }\n";
    finds(file("crates/engine/src/a.rs", text), 1);
}

#[test]
fn one_more_count_of_an_arc_is_no_clone() {
    let text = "//! Text.\nfn f(one: &Arc<u8>) -> Arc<u8> { Arc::clone(one) }\n";
    finds(file("crates/engine/src/a.rs", text), 0);
}

#[test]
fn tests_and_other_crates_may_clone() {
    let text = "//! Text.\nfn f(list: &Vec<u8>) -> Vec<u8> { list.clone() }\n";
    finds(file("crates/engine/src/a/tests.rs", text), 0);
    finds(file("crates/inquic/src/a.rs", text), 0);
}

#[test]
fn a_crate_that_does_not_deny_the_lists_is_found() {
    let text = ROOT.replace("clippy::disallowed_types", "clippy::panic");
    finds(file("crates/socket/src/lib.rs", &text), 1);
}

#[test]
fn a_line_of_the_root_that_a_crate_lacks_is_found() {
    finds(
        file("crates/engine/clippy.toml", "disallowed-macros = []\n"),
        1,
    );
}

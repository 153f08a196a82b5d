//! The socket ABI by real socket calls under `inquic run`: the program's checks, what they cover, and calls at random.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::common::{Place, code};
use crate::programs::{err, out, program, under_run};

fn root() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn says(word: &str) -> String {
    let done = std::process::Command::new(program())
        .args(["abi", word])
        .output()
        .unwrap();
    out(&done)
}

/// The rows of the list: what, and the checks of it or why there is none.
fn rows(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap())
        .collect()
}

#[test]
fn every_check_of_the_abi_holds_under_run() {
    let place = Place::new();
    let checks = place.path(".");
    let done = under_run(&["abi", "run", checks.to_str().unwrap()])
        .output()
        .unwrap();
    let failed: Vec<_> = out(&done)
        .lines()
        .filter(|line| line.starts_with("not ok"))
        .map(str::to_owned)
        .collect();
    assert_eq!(code(&done), 0, "{failed:#?} {}", err(&done));
    let held = out(&done)
        .lines()
        .filter(|line| line.starts_with("ok "))
        .count();
    assert_eq!(held, says("list").lines().count());
}

#[test]
fn the_list_of_checks_is_the_programs() {
    let list = read("docs/abi-tests.txt");
    let checked: String = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| [line, "\n"])
        .collect();
    assert!(
        checked == says("table"),
        "make it again with what `program abi table` prints:\n{}",
        says("table")
    );
}

#[test]
fn nothing_of_the_abi_is_without_a_check() {
    let list = read("docs/abi-tests.txt");
    let rows = rows(&list);
    let wanted = names();
    assert!(wanted.len() > 160, "{}", wanted.len());
    let untested: Vec<_> = wanted
        .iter()
        .filter(|name| !rows.contains_key(name.as_str()))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}

/// Every name of the ABI: the constants of the crate and of the header that is made from it, and the errnos.
fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in ["lib", "option", "socket", "flags", "event", "error"] {
        for line in read(&format!("crates/uapi/src/{file}.rs")).lines() {
            if let Some(rest) = line.strip_prefix("pub const ")
                && let Some((name, _)) = rest.split_once(": ")
            {
                names.insert(name.to_owned());
            }
        }
    }
    for line in read("include/linux/quic.h").lines() {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("#define"), Some(name)) if !name.starts_with('_') => {
                names.insert(name.to_owned());
            }
            (Some(name), _) if name.starts_with("QUIC_EVENT_") => {
                names.insert(name.trim_end_matches(',').to_owned());
            }
            _ => {}
        }
    }
    for line in read("crates/socket/src/errno.rs").lines() {
        if let Some((name, _)) = line.trim().split_once(" = ")
            && name.starts_with('E')
        {
            names.insert(name.to_owned());
        }
    }
    names
}

#[test]
fn calls_at_random_have_the_errnos_of_the_abi_and_leave_nothing() {
    let done = under_run(&["abi", "fuzz", "--seed", "1", "--calls", "3000"])
        .output()
        .unwrap();
    assert_eq!(code(&done), 0, "{}{}", out(&done), err(&done));
    assert_eq!(err(&done), "", "{}", out(&done));
}

//! The list of attacks against the tests that hold them. In: `docs/attacks.txt`, the tests of the tree by name, and what a run of
//! the attacks printed; out: for each row whether it is held, out of scope, or missing. A row that nobody names is missing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use syn::visit::{self, Visit};

/// How a row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Its tests are there, and those that were run passed.
    Held,
    /// It does not concern the engine or the socket layer.
    Out,
    /// Something of it is missing, or failed.
    Missing(String),
}

/// Every row's state, given which tests of the tree there are and how those that were run went.
pub(super) fn states(
    list: &str,
    known: &dyn Fn(&str) -> bool,
    ran: &BTreeMap<String, bool>,
) -> BTreeMap<u32, State> {
    let mut states: BTreeMap<u32, State> = (1..=ROWS)
        .map(|row| (row, State::Missing("no test is named".to_owned())))
        .collect();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let Some(row) = words.next().and_then(|row| row.parse().ok()) else {
            continue;
        };
        let tests: Vec<&str> = words.collect();
        let state = match tests.as_slice() {
            ["out:", ..] => State::Out,
            [] => State::Missing("no test is named".to_owned()),
            tests => match tests
                .iter()
                .find(|test| !known(test) || ran.get(**test) == Some(&false))
            {
                Some(test) if known(test) => State::Missing(format!("{test} failed")),
                Some(test) => State::Missing(format!("there is no test {test}")),
                None => State::Held,
            },
        };
        states.insert(row, state);
    }
    states
}

/// The names of all tests under some folders.
///
/// # Errors
///
/// When a file cannot be read or parsed.
pub(super) fn tests(root: &Path, folders: &[&str]) -> Result<Vec<String>> {
    let mut names = Names::default();
    for folder in folders {
        collect(&root.join(folder), &mut names)?;
    }
    Ok(names.0)
}

/// What `cargo test` printed: each test, and whether it passed.
pub(super) fn outcomes(printed: &str) -> BTreeMap<String, bool> {
    let lines = printed
        .lines()
        .filter_map(|line| line.strip_prefix("test "));
    lines
        .filter_map(|line| line.split_once(" ... "))
        .map(|(path, how)| {
            let name = path.rsplit("::").next().unwrap_or(path);
            (name.trim().to_owned(), how.starts_with("ok"))
        })
        .collect()
}

fn collect(place: &Path, names: &mut Names) -> Result<()> {
    if place.is_dir() {
        let entries =
            fs::read_dir(place).with_context(|| format!("cannot read {}", place.display()))?;
        for entry in entries {
            collect(&entry?.path(), names)?;
        }
    } else if place.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(place)
            .with_context(|| format!("cannot read {}", place.display()))?;
        let file =
            syn::parse_file(&text).with_context(|| format!("cannot parse {}", place.display()))?;
        names.visit_file(&file);
        // Property tests are functions inside of a macro, which is not parsed.
        names.0.extend(text.split("fn ").skip(1).filter_map(|rest| {
            let name = rest.split(['(', '<']).next()?;
            text.contains("proptest!").then(|| name.to_owned())
        }));
    }
    Ok(())
}

/// Functions with `#[test]`.
#[derive(Default)]
struct Names(Vec<String>);

impl<'ast> Visit<'ast> for Names {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if function
            .attrs
            .iter()
            .any(|attribute| attribute.path().is_ident("test"))
        {
            self.0.push(function.sig.ident.to_string());
        }
        visit::visit_item_fn(self, function);
    }
}

/// Rows of the list.
const ROWS: u32 = 72;

#[cfg(test)]
mod tests;

//! Kept lists against the tests that hold them. In: a list such as `docs/attacks.txt`, the tests of the tree by name, and how those
//! that were run went; out: for each row whether it is held, out of scope, or missing. A row that nobody names is missing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use syn::visit::{self, Visit};

/// A list: where it is, and the rows that it has to have.
pub(super) struct List {
    pub(super) file: &'static str,
    pub(super) rows: &'static [Rows],
}

/// Rows that are numbered, or that have another name.
pub(super) enum Rows {
    Numbered(u32),
    Named(&'static str),
}

/// The tests of the tree, and how those that were run went.
#[derive(Default)]
pub(super) struct Tests {
    pub(super) known: Vec<String>,
    pub(super) ran: BTreeMap<String, bool>,
    /// Whether every test that a list names was to be run.
    pub(super) all: bool,
}

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

impl List {
    /// Its lines, without notes.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(super) fn read(&self, root: &Path) -> Result<String> {
        let path = root.join(self.file);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Every row's state.
    pub(super) fn states(&self, text: &str, tests: &Tests) -> BTreeMap<String, State> {
        let unnamed = || State::Missing("no test is named".to_owned());
        let mut states: BTreeMap<String, State> = BTreeMap::new();
        for rows in self.rows {
            match rows {
                Rows::Numbered(count) => {
                    states.extend((1..=*count).map(|row| (row.to_string(), unnamed())));
                }
                Rows::Named(row) => {
                    states.insert((*row).to_owned(), unnamed());
                }
            }
        }
        for (row, named) in lines(text) {
            let state = match named.as_slice() {
                ["out:", _, ..] => State::Out,
                [] | ["out:"] => unnamed(),
                named => tests.state(named),
            };
            let is_known = states.insert(row.to_owned(), state).is_some();
            if !is_known {
                states.insert(
                    row.to_owned(),
                    State::Missing("there is no such row".to_owned()),
                );
            }
        }
        states
    }
}

impl Tests {
    fn state(&self, named: &[&str]) -> State {
        for &test in named {
            let why = match self.ran.get(test) {
                Some(true) => continue,
                Some(false) => format!("{test} failed"),
                None if !self.known.iter().any(|known| known == test) => {
                    format!("there is no test {test}")
                }
                None if self.all => format!("{test} was not run"),
                None => continue,
            };
            return State::Missing(why);
        }
        State::Held
    }
}

/// Every test that a list names.
pub(super) fn named(text: &str) -> Vec<&str> {
    lines(text)
        .into_iter()
        .filter(|(_, named)| named.first() != Some(&"out:"))
        .flat_map(|(_, named)| named)
        .collect()
}

/// The rows of a list, each with the words behind it.
fn lines(text: &str) -> Vec<(&str, Vec<&str>)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.collect()))
        })
        .collect()
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

#[cfg(test)]
mod tests;

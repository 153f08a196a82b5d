//! What the RFCs demand, sentence by sentence. In: the kept lists under `docs/requirements`, the citations in the code and
//! the tests by name; out: how many requirements are in the code, tested, excepted or missing, and `docs/requirements.md`.
//! It counts nothing as tested for which it cannot find the test.

mod table;
mod text;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use syn::visit::{self, Visit};

use crate::made::Made;
use crate::shell;
use crate::step::Outcome;
use crate::tidy::{self, Citation, File, plain};
use table::Row;

#[derive(Args, Default)]
pub(crate) struct Arguments {
    /// A folder with the texts of the RFCs, one rfcNNNN.txt each: compares the lists with them.
    #[arg(long)]
    rfc: Option<PathBuf>,
    /// Fail when less is in the code, tested or excepted than the floors ask.
    #[arg(long)]
    check: bool,
    /// Write docs/requirements.md; with the texts, also add their sentences to the lists.
    #[arg(long)]
    write: bool,
}

impl Arguments {
    /// Only compares with the floors.
    pub(crate) fn checking() -> Self {
        Self {
            check: true,
            ..Self::default()
        }
    }
}

/// What is known about one requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Tested,
    Code,
    Excepted,
    Missing,
}

/// The requirements of one RFC, each with its state.
struct Document {
    rfc: u32,
    rows: Vec<(Row, State)>,
}

/// How many requirements are in which state.
#[derive(Default, Clone, Copy)]
struct Totals {
    all: usize,
    tested: usize,
    code: usize,
    excepted: usize,
    missing: usize,
}

/// Prints the totals; writes or compares the lists and the page.
///
/// # Errors
///
/// When a list names a test that there is not, or lacks a sentence of the texts, or the page is out of date; when asked to
/// check, also when the totals are below the floors.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let root = shell::root();
    if let Some(folder) = &arguments.rfc {
        compare(&root, folder, arguments.write)?;
    }
    let documents = documents(&root)?;
    let page = page(&documents);
    print!("{}", totals_table(&documents));
    PAGE.keep(&page, arguments.write)?;
    let totals = documents.iter().fold(Totals::default(), |sum, document| {
        sum.plus(document.totals())
    });
    println!("{totals}");
    if arguments.check {
        ensure!(totals.missing == 0, "{} are missing", totals.missing);
        ensure!(
            totals.tested_percent() >= TESTED_PERCENT,
            "{} % are tested, fewer than {TESTED_PERCENT} %",
            totals.tested_percent()
        );
    }
    Ok(Outcome::Passed)
}

/// Compares the kept lists with the tests, the code and the page, without a floor.
///
/// # Errors
///
/// As [`run`] without arguments.
pub(crate) fn check() -> Result<Outcome> {
    run(&Arguments::default())
}

/// Compares the lists with the texts, or adds to them what they lack. Lists without a text are kept by hand.
fn compare(root: &Path, texts: &Path, write: bool) -> Result<()> {
    for rfc in WITH_TEXTS {
        let path = texts.join(format!("rfc{rfc}.txt"));
        let read = fs::read_to_string(&path);
        let text = read.with_context(|| format!("cannot read {}", path.display()))?;
        let file = list_path(root, rfc);
        let kept = table::parse(&fs::read_to_string(&file).unwrap_or_default())?;
        let rows = merge(&kept, &text::demands(&text));
        if write {
            fs::write(&file, table::write(rfc, &rows))?;
        } else {
            ensure!(
                rows == kept,
                "{} has not the sentences of the text: cargo xtask musts --rfc FOLDER --write",
                file.display()
            );
        }
    }
    Ok(())
}

/// The sentences of a text, with what was known about each.
fn merge(kept: &[Row], demands: &[text::Sentence]) -> Vec<Row> {
    let mut left: Vec<&Row> = kept.iter().collect();
    let mut rows = Vec::with_capacity(demands.len());
    for demand in demands {
        let known = left
            .iter()
            .position(|row| row.section == demand.section && row.sentence == demand.words);
        let mut row = known.map_or_else(Row::default, |at| left.remove(at).clone());
        row.section.clone_from(&demand.section);
        row.sentence.clone_from(&demand.words);
        rows.push(row);
    }
    rows
}

/// Every list, each row with its state.
fn documents(root: &Path) -> Result<Vec<Document>> {
    let files = tidy::files(root)?;
    let citations = tidy::citations(&files);
    let tests = tests(&files)?;
    let mut documents = Vec::new();
    let mut unknown = Vec::new();
    for rfc in WITH_TEXTS.into_iter().chain(BY_HAND) {
        let path = list_path(root, rfc);
        let read = fs::read_to_string(&path);
        let text = read.with_context(|| format!("cannot read {}", path.display()))?;
        let rows = table::parse(&text).with_context(|| format!("{}", path.display()))?;
        let mut judged = Vec::new();
        for row in rows {
            for test in row.tests.iter().filter(|test| !tests.contains(*test)) {
                unknown.push(format!("RFC {rfc} §{}: no test {test}", row.section));
            }
            let state = state(rfc, &row, &citations);
            judged.push((row, state));
        }
        documents.push(Document { rfc, rows: judged });
    }
    ensure!(unknown.is_empty(), "{}", unknown.join("\n"));
    Ok(documents)
}

fn state(rfc: u32, row: &Row, citations: &[Citation]) -> State {
    let sentence = plain(&row.sentence);
    let is_cited = |citation: &&Citation| {
        let cited = plain(&citation.sentence);
        citation.rfc == rfc
            && citation.section == row.section
            && (sentence.contains(&cited) || cited.contains(&sentence))
    };
    if !row.tests.is_empty() {
        State::Tested
    } else if citations.iter().any(|citation| is_cited(&citation)) {
        State::Code
    } else if row.excepted.is_some() {
        State::Excepted
    } else {
        State::Missing
    }
}

/// Every test of the tree, as `engine: its_name`.
fn tests(files: &[File]) -> Result<BTreeSet<String>> {
    let mut tests = BTreeSet::new();
    for file in files {
        let path = file.path.to_string_lossy();
        let mut parts = path.split('/');
        let package = match parts.next() {
            Some("crates") => parts.next().unwrap_or_default(),
            Some("sim") => "sim",
            _ => continue,
        };
        if !path.ends_with(".rs") {
            continue;
        }
        let parsed = syn::parse_file(&file.text).with_context(|| path.clone().into_owned())?;
        let mut found = Tests(Vec::new());
        found.visit_file(&parsed);
        tests.extend(found.0.into_iter().map(|name| format!("{package}: {name}")));
    }
    Ok(tests)
}

/// The names of the tests in a file.
struct Tests(Vec<String>);

impl<'ast> Visit<'ast> for Tests {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        let is_test = function.attrs.iter().any(|attribute| {
            let last = attribute.path().segments.last();
            last.is_some_and(|segment| segment.ident == "test")
        });
        if is_test {
            self.0.push(function.sig.ident.to_string());
        }
        visit::visit_item_fn(self, function);
    }

    /// The properties in `proptest! { … }` are tests, and the parser sees no functions there.
    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let name = called.path.segments.last();
        if name.is_some_and(|segment| segment.ident == "proptest") {
            let mut tokens = called.tokens.clone().into_iter();
            while let Some(token) = tokens.next() {
                if token.to_string() == "fn" {
                    self.0.extend(tokens.next().map(|name| name.to_string()));
                }
            }
        }
        visit::visit_macro(self, called);
    }
}

impl Document {
    fn totals(&self) -> Totals {
        let count = |state| self.rows.iter().filter(|(_, is)| *is == state).count();
        Totals {
            all: self.rows.len(),
            tested: count(State::Tested),
            code: count(State::Code),
            excepted: count(State::Excepted),
            missing: count(State::Missing),
        }
    }

    fn list(&self, state: State) -> String {
        let mut text = String::new();
        for (row, _) in self.rows.iter().filter(|(_, is)| *is == state) {
            let _ = write!(
                text,
                "- RFC {} §{}: {}",
                self.rfc, row.section, row.sentence
            );
            match &row.excepted {
                Some(reason) if state == State::Excepted => {
                    let _ = writeln!(text, " **{reason}**");
                }
                _ => text.push('\n'),
            }
        }
        text
    }
}

impl Totals {
    const fn plus(self, other: Self) -> Self {
        Self {
            all: self.all + other.all,
            tested: self.tested + other.tested,
            code: self.code + other.code,
            excepted: self.excepted + other.excepted,
            missing: self.missing + other.missing,
        }
    }

    /// Of those that are not excepted.
    const fn tested_percent(self) -> usize {
        match (self.tested * 100).checked_div(self.all - self.excepted) {
            Some(percent) => percent,
            None => 100,
        }
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} requirements: {} tested, {} only in the code, {} excepted, {} missing; {} % of those not excepted are tested",
            self.all,
            self.tested,
            self.code,
            self.excepted,
            self.missing,
            self.tested_percent()
        )
    }
}

fn totals_table(documents: &[Document]) -> String {
    let mut text =
        "| RFC | requirements | tested | only in the code | excepted | missing |\n|---|---|---|---|---|---|\n"
            .to_owned();
    let mut sum = Totals::default();
    let mut line = |name: &str, totals: Totals| {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} |",
            totals.all, totals.tested, totals.code, totals.excepted, totals.missing
        );
    };
    for document in documents {
        sum = sum.plus(document.totals());
        line(&document.rfc.to_string(), document.totals());
    }
    line("all", sum);
    text
}

/// The whole of docs/requirements.md.
fn page(documents: &[Document]) -> String {
    let list = |state| -> String {
        let lists: Vec<String> = documents.iter().map(|it| it.list(state)).collect();
        let text = lists.concat();
        if text.is_empty() {
            "None.\n".to_owned()
        } else {
            text
        }
    };
    format!(
        "{HEAD}\n{}\n## Missing\n\n{}\n## In the code, without a test of their own\n\n{}\n## Excepted\n\n{}",
        totals_table(documents),
        list(State::Missing),
        list(State::Code),
        list(State::Excepted)
    )
}

fn list_path(root: &Path, rfc: u32) -> PathBuf {
    root.join(format!("docs/requirements/rfc{rfc}.toml"))
}

/// RFCs whose texts say what their lists have to hold.
const WITH_TEXTS: [u32; 5] = [9000, 9001, 9002, 9221, 8899];

/// RFCs whose lists are kept by hand.
const BY_HAND: [u32; 3] = [9287, 9368, 9369];

/// How many of a hundred requirements that are not excepted have a test.
const TESTED_PERCENT: usize = 90;

const PAGE: Made = Made {
    file: "docs/requirements.md",
    task: "musts",
};

const HEAD: &str = "\
# What the RFCs demand

Every sentence with MUST, SHALL or REQUIRED in the RFCs of the transport, and what became of it: a test shows it, the code
cites it where it enforces it, or it is excepted with a reason. The lists are in [requirements](requirements); this page is
made from them by `cargo xtask musts --write`, and `cargo xtask lint` fails when it is out of date.
";

#[cfg(test)]
mod tests;

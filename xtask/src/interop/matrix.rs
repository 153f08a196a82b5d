//! In: how each cell ended. Out: the table, the failures in full, and one verdict. Pure.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};

use super::case::{Case, Pairing, Role};

/// How one pairing ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// It did what it should; what was measured, where something was.
    Passed(Option<String>),
    /// It did not, and how that showed.
    Failed(String),
    /// It was not run, and why.
    Skipped(String),
}

/// All of them.
#[derive(Default)]
pub(crate) struct Matrix(BTreeMap<Pairing, Cell>);

impl Matrix {
    pub(crate) fn put(&mut self, pairing: Pairing, cell: Cell) {
        self.0.insert(pairing, cell);
    }

    /// # Errors
    ///
    /// When a cell failed, or none passed: a run that tested nothing has shown nothing.
    pub(crate) fn verdict(&self) -> Result<()> {
        let failed = self.count(|cell| matches!(cell, Cell::Failed(_)));
        let passed = self.count(|cell| matches!(cell, Cell::Passed(_)));
        ensure!(failed == 0, "{failed} of the interop cases failed");
        ensure!(passed > 0, "no interop case was run");
        Ok(())
    }

    fn count(&self, is: impl Fn(&Cell) -> bool) -> usize {
        self.0.values().filter(|cell| is(cell)).count()
    }

    /// A line for each case, with a mark for each role and peer.
    fn lines(&self) -> BTreeMap<Case, BTreeMap<String, &str>> {
        let mut lines: BTreeMap<Case, BTreeMap<String, &str>> = BTreeMap::new();
        for (pairing, cell) in &self.0 {
            let line = lines.entry(pairing.case).or_default();
            line.insert(column(pairing), cell.mark());
        }
        lines
    }

    /// Why cells were skipped, each reason once with the cells it holds for.
    fn reasons(&self) -> BTreeMap<&str, Vec<String>> {
        let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (pairing, cell) in &self.0 {
            if let Cell::Skipped(reason) = cell {
                reasons.entry(reason).or_default().push(pairing.to_string());
            }
        }
        reasons
    }
}

impl Cell {
    fn mark(&self) -> &str {
        match self {
            Self::Passed(Some(measured)) => measured,
            Self::Passed(None) => "ok",
            Self::Failed(_) => "FAILED",
            Self::Skipped(_) => "-",
        }
    }
}

/// The peer, on its side of the arrow; ours is on the other.
fn column(pairing: &Pairing) -> String {
    match pairing.role {
        Role::Client => format!("> {}", pairing.peer.name()),
        Role::Server => format!("{} >", pairing.peer.name()),
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(Some(measured)) => write!(f, "ok: {measured}"),
            Self::Passed(None) => f.write_str("ok"),
            Self::Failed(how) => write!(f, "FAILED: {how}"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
        }
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut columns: Vec<String> = self.0.keys().map(column).collect();
        columns.sort();
        columns.dedup();
        write!(f, "{:<20}", "client > server")?;
        for column in &columns {
            write!(f, " {column:>10}")?;
        }
        writeln!(f)?;
        for (case, line) in self.lines() {
            write!(f, "{:<20}", case.name())?;
            for column in &columns {
                write!(f, " {:>10}", line.get(column).unwrap_or(&""))?;
            }
            writeln!(f)?;
        }
        for (reason, cells) in self.reasons() {
            writeln!(f, "-  {reason}: {}", cells.join("; "))?;
        }
        for (pairing, cell) in &self.0 {
            if let Cell::Failed(how) = cell {
                writeln!(f, "FAILED  {pairing}: {how}")?;
            }
        }
        let passed = self.count(|cell| matches!(cell, Cell::Passed(_)));
        let failed = self.count(|cell| matches!(cell, Cell::Failed(_)));
        let skipped = self.count(|cell| matches!(cell, Cell::Skipped(_)));
        write!(
            f,
            "interop: {passed} passed, {failed} failed, {skipped} skipped"
        )
    }
}

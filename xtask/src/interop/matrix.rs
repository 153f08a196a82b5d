//! In: how each cell ended. Out: the table, the failures in full, and one verdict. Pure.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};

use super::case::{Case, Pairing};

/// How one pairing ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// It did what it should.
    Passed,
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
        let passed = self.count(|cell| *cell == Cell::Passed);
        ensure!(failed == 0, "{failed} of the interop cases failed");
        ensure!(passed > 0, "no interop case was run");
        Ok(())
    }

    fn count(&self, is: impl Fn(&Cell) -> bool) -> usize {
        self.0.values().filter(|cell| is(cell)).count()
    }

    /// A line for each pair of client and server.
    fn rows(&self) -> BTreeMap<String, BTreeMap<Case, &'static str>> {
        let mut rows: BTreeMap<String, BTreeMap<Case, &'static str>> = BTreeMap::new();
        for (pairing, cell) in &self.0 {
            let name = format!("{} > {}", pairing.client().name(), pairing.server().name());
            rows.entry(name)
                .or_default()
                .insert(pairing.case, cell.mark());
        }
        rows
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
    fn mark(&self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::Failed(_) => "FAILED",
            Self::Skipped(_) => "-",
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("ok"),
            Self::Failed(how) => write!(f, "FAILED: {how}"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
        }
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<22}", "client > server")?;
        for case in Case::ALL {
            write!(f, " {:>10}", case.name())?;
        }
        writeln!(f)?;
        for (name, row) in self.rows() {
            write!(f, "{name:<22}")?;
            for case in Case::ALL {
                write!(f, " {:>10}", row.get(&case).unwrap_or(&""))?;
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
        let passed = self.count(|cell| *cell == Cell::Passed);
        let failed = self.count(|cell| matches!(cell, Cell::Failed(_)));
        let skipped = self.count(|cell| matches!(cell, Cell::Skipped(_)));
        write!(
            f,
            "interop: {passed} passed, {failed} failed, {skipped} skipped"
        )
    }
}

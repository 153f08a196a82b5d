//! Panic sites in the code that a kernel would load. In: the linked object; out: how many references to panicking
//! functions it holds. The number is kept in the tree, and may only fall.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::kernel::{self, Object};
use crate::shell;
use crate::step::Outcome;

#[derive(Args, Default)]
pub(crate) struct Arguments {
    /// Name each function that can panic, and how many places it has.
    #[arg(long)]
    list: bool,
    /// Keep the number that was counted as the one that may only fall.
    #[arg(long)]
    record: bool,
}

/// Counts the panic sites, prints the number and compares it with the one kept in the tree.
///
/// # Errors
///
/// When there are more panic sites than the tree allows.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    if let Some(why) = kernel::missing() {
        return Ok(Outcome::Skipped(why));
    }
    let counted = Baseline {
        sites: count(&kernel::build()?, arguments.list)?,
        compiler: kernel::compiler()?,
    };
    if arguments.record {
        fs::write(Baseline::path(), counted.to_text()).context("cannot record the panic sites")?;
        println!("{} panic sites, recorded", counted.sites);
        return Ok(Outcome::Passed);
    }
    println!("{}", compare(&Baseline::load()?, &counted)?);
    Ok(Outcome::Passed)
}

/// Counts references to panicking functions, grouped by the function that makes them.
fn count(object: &Object, list: bool) -> Result<usize> {
    let mut callers: BTreeMap<String, usize> = BTreeMap::new();
    let mut memory = 0_usize;
    for reference in object.references()? {
        // A panicking function may call another one; that is one place, counted where it was first called.
        if is_any(&reference.section, &PANICKING) || is_any(&reference.section, &OUT_OF_MEMORY) {
            continue;
        }
        let is_memory = is_any(&reference.symbol, &OUT_OF_MEMORY);
        if is_memory || is_any(&reference.symbol, &PANICKING) {
            memory = memory.saturating_add(usize::from(is_memory));
            let caller = callers.entry(reference.section).or_default();
            *caller = caller.saturating_add(1);
        }
    }
    if list {
        for (caller, sites) in &callers {
            println!("{sites:5}  {}", readable(caller));
        }
    }
    println!("{memory} of the panic sites are met only when memory is refused");
    Ok(callers.values().sum())
}

/// The name of the function in a section, as people write it where binutils can.
fn readable(section: &str) -> String {
    let name = section
        .trim_start_matches(".text")
        .trim_start_matches(".unlikely");
    let mangled = name.trim_start_matches('.');
    shell::output(shell::command("c++filt").arg("--no-verbose").arg(mangled))
        .map_or_else(|_| mangled.to_owned(), |name| name.trim().to_owned())
}

/// Whether a mangled name is that of one of some functions of `core` or `alloc`.
fn is_any(name: &str, functions: &[&str]) -> bool {
    functions.iter().any(|function| name.contains(function))
}

/// What to say of two counts.
fn compare(kept: &Baseline, counted: &Baseline) -> Result<String> {
    let (old, new) = (kept.sites, counted.sites);
    if kept.compiler != counted.compiler {
        return Ok(format!(
            "{new} panic sites; the {old} in {FILE} were counted with another compiler ({}), \
             so record again: cargo xtask panics --record",
            kept.compiler
        ));
    }
    if new > old {
        bail!("{new} panic sites, {old} before: see cargo xtask panics --list");
    }
    if new < old {
        return Ok(format!(
            "{new} panic sites, {old} before; keep it: cargo xtask panics --record"
        ));
    }
    Ok(format!("{new} panic sites, as before"))
}

/// The number that may only fall, and the compiler that gave it.
#[derive(Debug, PartialEq, Eq)]
struct Baseline {
    sites: usize,
    compiler: String,
}

impl Baseline {
    fn path() -> PathBuf {
        shell::root().join(FILE)
    }

    fn load() -> Result<Self> {
        let text =
            fs::read_to_string(Self::path()).with_context(|| format!("cannot read {FILE}"))?;
        Self::from_text(&text).with_context(|| format!("cannot read the number in {FILE}"))
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let sites = lines.next()?.parse().ok()?;
        Some(Self {
            sites,
            compiler: lines.next()?.to_owned(),
        })
    }

    fn to_text(&self) -> String {
        format!("{}\n{}\n", self.sites, self.compiler)
    }
}

const FILE: &str = "xtask/panics.txt";

/// Parts of the mangled names of functions that do not return because of what their caller did.
const PANICKING: [&str; 8] = [
    "4core9panicking",
    "13assert_failed",
    "16slice_error_fail",
    "17len_mismatch_fail",
    "13unwrap_failed",
    "13expect_failed",
    "16slice_index_fail",
    "4cell22panic_already",
];

/// The same, of functions that do not return because the allocator refused.
const OUT_OF_MEMORY: [&str; 3] = [
    "7raw_vec12handle_error",
    "17capacity_overflow",
    "18handle_alloc_error",
];

#[cfg(test)]
mod tests;

//! Panic sites in the code that a kernel would load. In: the linked objects; out: how many references to panicking functions they
//! hold, by the function that makes them. There is none, and one is a failure.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use crate::kernel::{self, Reference};
use crate::shell;
use crate::step::Outcome;

/// Looks for panic sites in the module as it is linked, and in all that the crates export, and names each function that has some.
///
/// # Errors
///
/// When there is one.
pub(crate) fn run() -> Result<Outcome> {
    if let Some(why) = kernel::missing() {
        return Ok(Outcome::Skipped(why));
    }
    let objects = [
        ("the module", kernel::module_object()?),
        ("all that the crates export", kernel::build()?),
    ];
    let mut all = 0_usize;
    for (what, object) in objects {
        let callers = count(object.references()?);
        for (caller, sites) in &callers {
            println!("{sites:5}  {}", readable(caller));
        }
        let sites: usize = callers.values().sum();
        println!("{sites} panic sites in {what}");
        all = all.saturating_add(sites);
    }
    ensure!(all == 0, "{all} panic sites, where none may be");
    Ok(Outcome::Passed)
}

/// References to panicking functions, by the section of the function that makes them.
fn count(references: Vec<Reference>) -> BTreeMap<String, usize> {
    let mut callers: BTreeMap<String, usize> = BTreeMap::new();
    for reference in references {
        // A panicking function may call another one; that is one place, counted where it was first called.
        if !is_panicking(&reference.section) && is_panicking(&reference.symbol) {
            let caller = callers.entry(reference.section).or_default();
            *caller = caller.saturating_add(1);
        }
    }
    callers
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

/// Whether a mangled name is that of a function of `core` or `alloc` that does not return.
fn is_panicking(name: &str) -> bool {
    PANICKING.iter().any(|part| name.contains(part))
}

/// Parts of the mangled names of functions that do not return because of what their caller did, or because the allocator refused.
const PANICKING: [&str; 11] = [
    "4core9panicking",
    "13assert_failed",
    "16slice_error_fail",
    "17len_mismatch_fail",
    "13unwrap_failed",
    "13expect_failed",
    "16slice_index_fail",
    "4cell22panic_already",
    "7raw_vec12handle_error",
    "17capacity_overflow",
    "18handle_alloc_error",
];

#[cfg(test)]
mod tests;

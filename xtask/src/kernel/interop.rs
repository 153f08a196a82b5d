//! Other implementations against the module. In: a folder with programs, and a choice of the table; out: the table, as it came out in
//! the booted kernel.

use std::path::Path;

use anyhow::Result;

use super::boot::{Emulator, Processors};
use super::module;
use crate::step::Outcome;

/// Boots the kernel and plays that much of the table in it, for so many seconds at most.
///
/// # Errors
///
/// When a cell fails, or the kernel complains.
pub(crate) fn boot(folder: &Path, choice: &[String], seconds: u32) -> Result<Outcome> {
    let module = match module::build()? {
        Ok(module) => module,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    match Emulator::of(&module)? {
        Ok(emulator) => play(&emulator, &module, folder, choice, seconds),
        Err(why) => Ok(Outcome::Skipped(why)),
    }
}

/// The same with an emulator that is there.
///
/// # Errors
///
/// As [`boot`].
pub(super) fn play(
    emulator: &Emulator<'_>,
    module: &module::Module,
    folder: &Path,
    choice: &[String],
    seconds: u32,
) -> Result<Outcome> {
    let mut words = vec![
        module.file.display().to_string(),
        folder.display().to_string(),
    ];
    words.extend_from_slice(choice);
    emulator.script("interop.sh", &words, seconds, Processors::Counting)?;
    Ok(Outcome::Passed)
}

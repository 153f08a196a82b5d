//! Other implementations against the module. In: an archive with programs, and a choice of the table; out: the table, as it came out in
//! the booted kernel.

use std::path::Path;

use anyhow::Result;

use super::boot::{Emulator, Processors};
use super::module::{self, Module};
use crate::interop::booted;
use crate::step::Outcome;

/// Boots the kernel and plays that much of the table in it, for so many seconds at most.
///
/// # Errors
///
/// When a cell fails, or the kernel complains.
pub(crate) fn boot(archive: &Path, choice: &[String], seconds: u32) -> Result<Outcome> {
    let module = match module::build()? {
        Ok(module) => module,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    match Emulator::of(&module)? {
        Ok(emulator) => play(&emulator, &module, archive, choice, seconds),
        Err(why) => Ok(Outcome::Skipped(why)),
    }
}

/// What of the table every test of the module takes, with an emulator that is there.
///
/// # Errors
///
/// As [`boot`].
pub(super) fn brief(emulator: &Emulator<'_>, module: &Module) -> Result<Outcome> {
    let (archive, choice) = booted::brief()?;
    play(emulator, module, &archive, &choice, BRIEF_SECONDS)
}

fn play(
    emulator: &Emulator<'_>,
    module: &Module,
    archive: &Path,
    choice: &[String],
    seconds: u32,
) -> Result<Outcome> {
    let mut words = vec![
        module.file.display().to_string(),
        archive.display().to_string(),
    ];
    words.extend_from_slice(choice);
    emulator.script("interop.sh", &words, seconds, Processors::Counting)?;
    Ok(Outcome::Passed)
}

/// How long the emulator may take for that, on a busy machine.
const BRIEF_SECONDS: u32 = 1800;

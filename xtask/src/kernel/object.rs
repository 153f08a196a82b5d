//! A relocatable object, read by binutils. In: what nm, objdump and readelf print; out: what a kernel would refuse, and
//! who calls whom. It must never take a line that it cannot read for a clean one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell;

/// An object file.
pub(crate) struct Object {
    path: PathBuf,
}

/// A reference from the code of one function to another symbol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The section that holds the reference; the compiler names one after each function.
    pub(crate) section: String,
    /// The relocation's type.
    pub(crate) kind: String,
    /// The symbol that is meant.
    pub(crate) symbol: String,
}

impl Object {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of code and constants.
    pub(crate) fn code_bytes(&self) -> Result<u64> {
        let printed = shell::output(
            shell::command("size")
                .arg("--format=berkeley")
                .arg(&self.path),
        )?;
        printed
            .lines()
            .nth(1)
            .and_then(|line| line.split_whitespace().next())
            .and_then(|text| text.parse().ok())
            .with_context(|| format!("cannot read what size printed: {printed}"))
    }

    /// What a stock kernel could not load or must not run, one sentence each.
    pub(crate) fn findings(&self) -> Result<BTreeSet<String>> {
        let symbols = shell::output(
            shell::command("nm")
                .args(["--format=posix"])
                .arg(&self.path),
        )?;
        let code = shell::output(
            shell::command("objdump")
                .args(["--disassemble", "--no-show-raw-insn"])
                .arg(&self.path),
        )?;
        let mut findings = symbol_findings(&symbols);
        findings.extend(register_findings(&code));
        findings.extend(frame_findings(&code));
        findings.extend(relocation_findings(&self.references()?));
        Ok(findings)
    }

    /// The function with the largest frame on the stack, and the bytes of that.
    pub(crate) fn largest_frame(&self) -> Result<(String, u64)> {
        let code = shell::output(
            shell::command("objdump")
                .args(["--disassemble", "--no-show-raw-insn", "--demangle"])
                .arg(&self.path),
        )?;
        let largest = frames(&code).into_iter().max_by_key(|(_, bytes)| *bytes);
        largest.context("no function has a frame")
    }

    /// Every reference that the code makes.
    pub(crate) fn references(&self) -> Result<Vec<Reference>> {
        let printed = shell::output(
            shell::command("readelf")
                .args(["--relocs", "--wide"])
                .arg(&self.path),
        )?;
        Ok(parse_references(&printed))
    }
}

/// The functions that a library exports, without those of the standard library: what a crate has compiled of them for itself is
/// exported whether anybody calls it or not.
pub(crate) fn exported(library: &Path) -> Result<Vec<String>> {
    let printed = shell::output(
        shell::command("nm")
            .args(["--defined-only", "--extern-only", "--format=posix"])
            .arg(library),
    )?;
    Ok(printed
        .lines()
        .filter_map(symbol)
        .filter(|(name, kind)| *kind == "T" && !is_standard(name))
        .map(|(name, _)| name.to_owned())
        .collect())
}

/// Whether a function with this mangled name was written in the standard library: its own crate comes first in the name, and
/// those of the types that it was compiled for follow.
fn is_standard(name: &str) -> bool {
    let first = |part: &&str| name.find(*part);
    let standard = STANDARD.iter().filter_map(first).min();
    standard.is_some_and(|at| name.find("inquic_").is_none_or(|ours| at < ours))
}

/// The name and the kind in one line of nm; none for the line that names a member of an archive.
fn symbol(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    let pair = (words.next()?, words.next()?);
    (pair.1.len() == 1).then_some(pair)
}

fn symbol_findings(printed: &str) -> BTreeSet<String> {
    let mut findings = BTreeSet::new();
    for (name, kind) in printed.lines().filter_map(symbol) {
        if is_float_routine(name) {
            findings.insert(format!("floating point: {name}"));
        } else if kind == "U" && !SUPPLIED.iter().any(|known| name.contains(known)) {
            findings.insert(format!("no kernel has the symbol {name}"));
        }
    }
    findings
}

/// Whether this is a routine by which a compiler without a floating-point unit computes (`__adddf3`, `__floatundidf`).
fn is_float_routine(name: &str) -> bool {
    const OPERATIONS: [&str; 18] = [
        "add", "sub", "mul", "div", "neg", "cmp", "unord", "eq", "ne", "lt", "le", "gt", "ge",
        "fix", "float", "extend", "trunc", "powi",
    ];
    const MODES: [&str; 5] = ["hf", "sf", "df", "xf", "tf"];
    name.strip_prefix("__").is_some_and(|name| {
        OPERATIONS.iter().any(|operation| {
            name.strip_prefix(operation)
                .is_some_and(|rest| MODES.iter().any(|mode| rest.contains(mode)))
        })
    })
}

fn register_findings(disassembly: &str) -> BTreeSet<String> {
    let mut function = "";
    let mut findings = BTreeSet::new();
    for line in disassembly.lines() {
        if let Some(name) = line
            .split_once('<')
            .and_then(|(_, rest)| rest.strip_suffix(">:"))
        {
            function = name;
        } else if VECTOR_REGISTERS
            .iter()
            .any(|register| line.contains(register))
        {
            findings.insert(format!("a vector or floating-point register in {function}"));
        }
    }
    findings
}

/// Functions that take more of a kernel's stack than one may.
fn frame_findings(disassembly: &str) -> BTreeSet<String> {
    frames(disassembly)
        .into_iter()
        .filter(|(_, bytes)| *bytes > FRAME)
        .map(|(name, bytes)| {
            format!("a frame of {bytes} bytes on the stack, {FRAME} at most, in {name}")
        })
        .collect()
}

/// The bytes by which each function moves the stack's pointer for its own variables. A large frame is taken in steps, each of which
/// is touched, or in a loop up to an address that was computed before.
fn frames(disassembly: &str) -> Vec<(String, u64)> {
    let mut frames: Vec<(String, u64)> = Vec::new();
    for line in disassembly.lines() {
        if let Some((_, rest)) = line.split_once('<')
            && let Some(name) = rest.strip_suffix(">:")
        {
            frames.push((name.to_owned(), 0));
        } else if let Some((_, bytes)) = frames.last_mut() {
            let step = moved(line, "sub", "$0x", ",%rsp");
            let loops = moved(line, "lea", "-0x", "(%rsp),%r11");
            *bytes += step.unwrap_or(0);
            // The step in the loop is counted once by itself.
            *bytes += loops.unwrap_or(0).saturating_sub(LOOP_STEP);
        }
    }
    frames
}

/// The number between `before` and `after` in a line with this instruction.
fn moved(line: &str, instruction: &str, before: &str, after: &str) -> Option<u64> {
    let (_, operands) = line.split_once('\t')?.1.split_once(instruction)?;
    let number = operands.trim().strip_prefix(before)?.strip_suffix(after)?;
    u64::from_str_radix(number, 16).ok()
}

fn relocation_findings(references: &[Reference]) -> BTreeSet<String> {
    references
        .iter()
        .filter(|reference| !LOADABLE.contains(&reference.kind.as_str()))
        .map(|reference| {
            format!(
                "no module loader takes {} in {}",
                reference.kind, reference.section
            )
        })
        .collect()
}

fn parse_references(printed: &str) -> Vec<Reference> {
    let mut section = "";
    let mut references = Vec::new();
    for line in printed.lines() {
        if let Some(rest) = line.strip_prefix("Relocation section '.rela") {
            section = rest.split('\'').next().unwrap_or(rest);
        } else {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [_offset, _info, kind, _value, symbol, ..] = words.as_slice()
                && kind.starts_with("R_")
                && section.starts_with(".text")
            {
                references.push(Reference {
                    section: section.to_owned(),
                    kind: (*kind).to_owned(),
                    symbol: (*symbol).to_owned(),
                });
            }
        }
    }
    references
}

/// Crates of the standard library, as a mangled name has them.
const STANDARD: [&str; 2] = ["_5alloc", "_4core"];

/// What the module's own shim or the kernel supplies: the allocator, the end of a panic, and thunks against speculation.
const SUPPLIED: [&str; 4] = [
    "7___rustc",
    "rust_begin_unwind",
    "__x86_indirect_thunk_",
    "__x86_return_thunk",
];

/// Bytes that a loop takes of the stack at a time.
const LOOP_STEP: u64 = 4_096;

/// Bytes of the largest frame: a new connection, which is made on the stack, has 3,880, a batch of packets to be sent 3,656, and
/// no other more than 2,208. A kernel's stack has 16 KiB, of which half may be in use when the engine is called. It may only fall.
const FRAME: u64 = 3_968;

const VECTOR_REGISTERS: [&str; 5] = ["%xmm", "%ymm", "%zmm", "%mm", "%st"];

/// The relocations that the loader of modules knows on x86-64.
const LOADABLE: [&str; 6] = [
    "R_X86_64_NONE",
    "R_X86_64_64",
    "R_X86_64_32",
    "R_X86_64_32S",
    "R_X86_64_PC32",
    "R_X86_64_PLT32",
];

#[cfg(test)]
mod tests;

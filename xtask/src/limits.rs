//! The table of limits. In: every `limits.rs` of the tree; out: LIMITS.md, one line a limit, with the value as the code
//! writes it and the reason that stands above it.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use syn::spanned::Spanned;
use syn::{Item, ItemConst};

use crate::made::{self, Made};
use crate::shell;
use crate::step::Outcome;
use crate::tidy::{self, File};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Write LIMITS.md instead of comparing with it.
    #[arg(long)]
    write: bool,
}

/// Prints the table; writes it, or compares it with LIMITS.md.
///
/// # Errors
///
/// When LIMITS.md says something else than the code.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let table = table(&shell::root())?;
    print!("{table}");
    MADE.keep(&table, arguments.write)?;
    Ok(Outcome::Passed)
}

/// Compares LIMITS.md with the code.
///
/// # Errors
///
/// When it says something else.
pub(crate) fn check() -> Result<Outcome> {
    MADE.keep(&table(&shell::root())?, false)?;
    Ok(Outcome::Passed)
}

/// The whole of LIMITS.md.
fn table(root: &Path) -> Result<String> {
    let mut files = tidy::files(root)?;
    files.retain(|file| {
        let in_tests = file
            .path
            .components()
            .any(|part| part.as_os_str() == "tests");
        file.path.ends_with("limits.rs") && file.path.starts_with("crates") && !in_tests
    });
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut text = HEAD.to_owned();
    for file in &files {
        text.push_str(&section(file)?);
    }
    Ok(text)
}

/// The part of the table that one file gives.
fn section(file: &File) -> Result<String> {
    let parsed = syn::parse_file(&file.text)
        .with_context(|| format!("{} is no Rust that can be parsed", file.path.display()))?;
    let mut text = format!(
        "\n## {}\n\n| limit | value | why |\n|---|---|---|\n",
        file.path.display()
    );
    for item in &parsed.items {
        if let Item::Const(limit) = item
            && limit.ident != "_"
        {
            text.push_str(&format!(
                "| `{}` | `{}` | {} |\n",
                limit.ident,
                value(limit),
                reason(limit)
            ));
        }
    }
    Ok(text)
}

/// The value as the code writes it, on one line.
fn value(limit: &ItemConst) -> String {
    let written = limit.expr.span().source_text().unwrap_or_default();
    written
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// The comment above a limit, on one line.
fn reason(limit: &ItemConst) -> String {
    made::words(&limit.attrs).join(" ").replace('|', "\\|")
}

const MADE: Made = Made {
    file: "LIMITS.md",
    task: "limits",
};

const HEAD: &str = "\
# Limits

Every queue, table, loop and retry has a bound. This table is made from the `limits.rs` files under `crates` by `cargo xtask limits
--write`, and `cargo xtask lint` fails when it is out of date. What it does not have stands beside its use: the bounds of the kernel's
home (`kernel/src`, `kernel/shim`), of the preloaded library (`crates/preload`), and of how the two ends of its calls wait (`crates/calls`).
";

#[cfg(test)]
mod tests;

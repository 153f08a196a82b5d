//! The house style, as far as a program can judge it. In: the files of the tree; out: one sentence for each place that
//! breaks a rule. It reads and never writes.

mod memory;
mod source;
mod tags;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell;

pub(crate) use tags::Arguments as TagArguments;
pub(crate) use tags::run as check_tags;
pub(crate) use tags::{Citation, citations, plain};

/// A place that breaks a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: PathBuf,
    /// Counted from one; 0 when the whole file is meant.
    line: usize,
    rule: String,
}

/// A file of the tree, its path as seen from the root.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl File {
    fn finding(&self, line: usize, rule: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            rule: rule.into(),
        }
    }

    fn is_rust(&self) -> bool {
        self.path
            .extension()
            .is_some_and(|extension| extension == "rs")
    }

    /// Tests are not counted: they live in `tests.rs` beside what they test, or in a folder of tests.
    pub(crate) fn is_test(&self) -> bool {
        self.path.components().any(|part| {
            let part = part.as_os_str();
            part == "tests.rs" || part == "tests" || part == "benches" || part == "examples"
        })
    }
}

/// Looks for every rule that is broken in the tree under `root`.
///
/// # Errors
///
/// When a file cannot be read or a Rust file cannot be parsed.
pub(crate) fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let files = files(root)?;
    for file in &files {
        findings.extend(leftovers(file));
        if file.is_rust() {
            findings.extend(tags::check(file));
            findings.extend(source::check(file)?);
        }
    }
    findings.extend(memory::check(&files)?);
    findings.extend(made_by_programs(root));
    findings.sort();
    Ok(findings)
}

/// Files that are committed although programs make them. Without git, or outside a clone, there are none.
fn made_by_programs(root: &Path) -> Vec<Finding> {
    let listed = shell::output(shell::command("git").current_dir(root).args([
        "ls-files",
        "--cached",
        "--ignored",
        "--exclude-standard",
    ]));
    let paths = listed.unwrap_or_default();
    let finding = |path: &str| Finding {
        path: PathBuf::from(path),
        line: 0,
        rule: "committed, though .gitignore names it".to_owned(),
    };
    // A committed build folder has thousands; a few of them say so.
    paths.lines().take(20).map(finding).collect()
}

/// Words that mean that something was left for later.
fn leftovers(file: &File) -> Vec<Finding> {
    // In two parts, so that this file does not name them.
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
    ];
    let mut findings = Vec::new();
    for (number, line) in numbered(&file.text) {
        let mut found = line
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| words.contains(word));
        if let Some(word) = found.next() {
            findings.push(file.finding(number, format!("{word}: finish it, or open an issue")));
        }
    }
    findings
}

/// The text files of the tree that people write.
pub(crate) fn files(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    folders.push(entry.path());
                }
            } else if WRITTEN.iter().any(|ending| name.ends_with(ending)) {
                let path = entry.path();
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let path = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
                files.push(File { path, text });
            }
        }
    }
    Ok(files)
}

/// Lines with their numbers, counted from one.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines())
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.rule)
    }
}

/// Folders that hold what programs made.
const SKIPPED: [&str; 5] = [".git", "target", "corpus", "artifacts", "__pycache__"];

const WRITTEN: [&str; 8] = [".rs", ".toml", ".md", ".py", ".sh", ".c", ".h", "run"];

#[cfg(test)]
mod tests;

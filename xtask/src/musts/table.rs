//! The kept list of requirements of one RFC. In: a file of `docs/requirements`; out: its rows, and the file again. The form
//! is a part of TOML: each value is a string, or a list of strings, on one line.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

/// One requirement, and what is known about it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) section: String,
    /// In the words of the RFC.
    pub(super) sentence: String,
    /// Tests that show it, as `engine: name_of_the_test`.
    pub(super) tests: Vec<String>,
    /// Why nothing of ours enforces it.
    pub(super) excepted: Option<String>,
}

/// The rows of a file.
///
/// # Errors
///
/// When a line is none that [`write`] writes.
pub(super) fn parse(text: &str) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line == ROW {
            rows.push(Row::default());
            continue;
        }
        let row = rows.last_mut().context("a value before the first row")?;
        read(row, line).with_context(|| format!("line {number}"))?;
    }
    Ok(rows)
}

fn read(row: &mut Row, line: &str) -> Result<()> {
    let (key, value) = line.split_once(" = ").context("no key and value")?;
    match key {
        "section" => row.section = serde_json::from_str(value)?,
        "sentence" => row.sentence = serde_json::from_str(value)?,
        "excepted" => row.excepted = Some(serde_json::from_str(value)?),
        "tests" => row.tests = serde_json::from_str(value)?,
        _ => bail!("unknown key {key}"),
    }
    Ok(())
}

/// The file of an RFC.
pub(super) fn write(rfc: u32, rows: &[Row]) -> String {
    let mut text = format!(
        "# What RFC {rfc} demands, sentence by sentence: `cargo xtask musts`. A row has tests that show it, or is cited\n\
         # in the code (which the command finds itself), or is excepted with a reason. Otherwise it is missing.\n"
    );
    for row in rows {
        let _ = write!(
            text,
            "\n{ROW}\nsection = {}\nsentence = {}\n",
            quoted(&row.section),
            quoted(&row.sentence)
        );
        if !row.tests.is_empty() {
            let tests: Vec<String> = row.tests.iter().map(|test| quoted(test)).collect();
            let _ = writeln!(text, "tests = [{}]", tests.join(", "));
        }
        if let Some(reason) = &row.excepted {
            let _ = writeln!(text, "excepted = {}", quoted(reason));
        }
    }
    text
}

/// A string as JSON and TOML both write it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

const ROW: &str = "[[requirement]]";

#[cfg(test)]
mod tests;

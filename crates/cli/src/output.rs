//! Comes in: lines for the user. Goes out: the same lines, at once. Must never panic when nobody reads them any more.

use std::io::Write as _;

/// One line on standard output: what the command is for.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever started us with a pipe and closed it does not want to know.
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// One line on standard error: what is worth knowing beside it.
pub(crate) fn note(line: &str) {
    drop(writeln!(std::io::stderr().lock(), "inquic: {line}"));
}

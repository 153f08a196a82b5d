//! Lines for people, on standard error, where systemd takes them. No key, no secret and no certificate is ever in one.

use std::io::Write as _;

/// Says one line.
pub(crate) fn line(text: &str) {
    // With nobody to read it there is nothing to do.
    let _ = writeln!(std::io::stderr().lock(), "inquic-agent: {text}");
}

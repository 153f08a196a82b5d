//! In: what a program found out. Out: lines on standard output, written at once.

use std::io::Write;

/// Prints a line and flushes it, for the harness waits for it.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody reads any more: there is nothing left to tell them.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// What a client says of its fetches, as one line of JSON.
#[derive(Clone, Debug, Default)]
pub struct FetchReport {
    /// Files fetched.
    pub files: usize,
    /// Whether the second connection was resumed, where that can be told.
    pub resumed: Option<bool>,
    /// Whether the server took 0-RTT of the second connection.
    pub early: Option<bool>,
    /// Whether the keys were updated on request.
    pub key_update: bool,
    /// What came of the reserved version, in the words of the implementation.
    pub negotiation: Option<String>,
}

impl FetchReport {
    /// Prints it.
    pub fn say(&self) {
        say(&serde_json::json!({
            "files": self.files,
            "resumed": self.resumed,
            "early": self.early,
            "key_update": self.key_update,
            "negotiation": self.negotiation,
        })
        .to_string());
    }
}

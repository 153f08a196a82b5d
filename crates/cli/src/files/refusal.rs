//! Comes in: a failure here, or a refusal from the peer. Goes out: the refusal to send, or the failure to report.

use super::message::Reason;
use crate::failure::{Exit, Failure};

/// What to tell the peer about a failure here.
pub(crate) fn told(failure: &Failure) -> (Reason, String) {
    let reason = match failure.exit() {
        Exit::Changed => Reason::Changed,
        Exit::Network => Reason::Malformed,
        Exit::Refused | Exit::Local if failure.ends_everything() => Reason::Hopeless,
        Exit::Refused | Exit::Local => Reason::Refused,
        Exit::Unexpected | Exit::Usage | Exit::Handshake | Exit::Interrupted => Reason::Hopeless,
    };
    (reason, failure.to_string())
}

/// What the peer's refusal means here.
pub(crate) fn heard(reason: Reason, text: &str) -> Failure {
    let text = format!("the peer says: {text}");
    match reason {
        Reason::Refused => Failure::told(Exit::Refused, &text),
        Reason::Hopeless => Failure::told(Exit::Refused, &text).for_all(),
        Reason::Changed => Failure::told(Exit::Changed, &text),
        Reason::Malformed => Failure::told(Exit::Network, &text),
    }
}

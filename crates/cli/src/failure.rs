//! Comes in: whatever went wrong. Goes out: one line that names the cause and the way out, and an exit code.
//! Must never print what a peer sent without taking control characters out of it.

use std::fmt;
use std::io;
use std::path::Path;

/// What kind of failure it was, which is what the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something this program did not foresee.
    Unexpected = 1,
    /// The command line asks for something that cannot be.
    Usage = 2,
    /// A file or directory here cannot be read or written.
    Local = 3,
    /// The network or the peer is not there, or went away.
    Network = 4,
    /// The peer is there, but who it is or what it speaks was not agreed.
    Handshake = 5,
    /// The peer understood and said no.
    Refused = 6,
    /// What arrived is not what was sent, or a file changed under the transfer.
    Changed = 7,
    /// Ctrl-C, as shells number it.
    Interrupted = 130,
}

/// One failure: one line of text, one exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    exit: Exit,
    text: String,
    hopeless: bool,
}

impl Failure {
    /// A failure with the cause and the way out.
    pub(crate) fn new(exit: Exit, cause: impl fmt::Display, way_out: &str) -> Self {
        let text = one_line(&format!("{cause}; {way_out}"));
        Self {
            exit,
            text,
            hopeless: false,
        }
    }

    /// A failure whose text already names cause and way out.
    pub(crate) fn told(exit: Exit, text: &str) -> Self {
        Self {
            exit,
            text: one_line(text),
            hopeless: false,
        }
    }

    /// Ctrl-C while something was under way.
    pub(crate) fn interrupted() -> Self {
        let way_out = "run the same command again; get and put go on from here with --resume";
        Self::new(Exit::Interrupted, "interrupted", way_out)
    }

    /// A file or directory that could not be read.
    pub(crate) fn reading(path: &str, error: &io::Error) -> Self {
        Self::file("read", path, error)
    }

    /// A file or directory that could not be written.
    pub(crate) fn writing(path: &str, error: &io::Error) -> Self {
        Self::file("write", path, error)
    }

    /// The connection under a transfer broke.
    pub(crate) fn broken(error: &io::Error) -> Self {
        if let Some(inner) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Self>())
        {
            return inner.clone();
        }
        if let Some(inner) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<inquic::Error>())
        {
            return crate::quic::failure(inner);
        }
        let cause = match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the peer stopped in the middle of a message".to_owned()
            }
            io::ErrorKind::TimedOut => "the peer fell silent".to_owned(),
            _ => format!("the connection broke: {error}"),
        };
        Self::new(
            Exit::Network,
            cause,
            "see that the peer still runs, then run again with --resume",
        )
    }

    /// The peer broke the file protocol.
    pub(crate) fn protocol(what: impl fmt::Display) -> Self {
        let cause = format!("the peer does not speak inquic-files/1 as agreed: {what}");
        Self::new(
            Exit::Network,
            cause,
            "run the same version of inquic on both ends",
        )
    }

    /// Where the failure belongs among the exit codes.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether going on with other files would only repeat the failure.
    pub(crate) const fn ends_everything(&self) -> bool {
        match self.exit {
            Exit::Network
            | Exit::Handshake
            | Exit::Interrupted
            | Exit::Usage
            | Exit::Unexpected => true,
            Exit::Local | Exit::Refused | Exit::Changed => self.hopeless,
        }
    }

    /// Whether the stream under the transfer is of no more use, so that the peer cannot be told.
    pub(crate) const fn is_connection(&self) -> bool {
        matches!(self.exit, Exit::Network | Exit::Handshake)
    }

    /// The same failure, where other files would meet it as well.
    pub(crate) const fn for_all(mut self) -> Self {
        self.hopeless = true;
        self
    }

    /// The failure as one of several.
    pub(crate) fn first_of(self, failed: usize, all: usize) -> Self {
        if failed <= 1 && all <= 1 {
            return self;
        }
        let noun = if failed == 1 { "file" } else { "files" };
        let text = format!("{failed} {noun} of {all} failed, the first: {}", self.text);
        Self {
            exit: self.exit,
            text,
            hopeless: self.hopeless,
        }
    }

    fn file(verb: &str, path: &str, error: &io::Error) -> Self {
        use io::ErrorKind as K;
        let way_out = match error.kind() {
            K::NotFound => "check the name",
            K::PermissionDenied if leads_outside(error) => "name something inside the directory",
            K::PermissionDenied => "check its permissions, or run as a user who may",
            K::StorageFull | K::QuotaExceeded => {
                "make room on the disk, then run again with --resume"
            }
            K::ReadOnlyFilesystem => "choose a directory on a writable file system",
            K::IsADirectory => "remove the directory of that name, or choose another name",
            K::NotADirectory => {
                "remove the file that stands where a directory is needed, or choose another name"
            }
            K::FileTooLarge => {
                "raise the file size limit (ulimit -f), or choose another file system"
            }
            K::InvalidFilename => "choose a shorter name",
            _ => "check the disk and the name",
        };
        let all = matches!(
            error.kind(),
            K::StorageFull | K::QuotaExceeded | K::ReadOnlyFilesystem
        );
        let cause = format!("cannot {verb} {path}: {}", describe(error));
        Self {
            hopeless: all,
            ..Self::new(Exit::Local, cause, way_out)
        }
    }
}

/// A path as it may be shown.
pub(crate) fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        one_line(&path.to_string_lossy())
    }
}

/// Text as one line without control characters, so that a name cannot drive the terminal it is printed on.
pub(crate) fn one_line(text: &str) -> String {
    let plain = |c: char| {
        if c.is_control() || is_reordering(c) {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars().map(plain).take(TEXT_MAX).collect()
}

/// Marks that turn the direction of writing make one name look like another.
const fn is_reordering(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// The system's words without Rust's "(os error 13)".
pub(crate) fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error ")
        .map_or_else(|| text.clone(), |(words, _)| words.to_owned())
}

/// cap-std's refusal has no number of its own from the system.
fn leads_outside(error: &io::Error) -> bool {
    error.raw_os_error().is_none()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::other(failure)
    }
}

/// Two names of the longest kind and the words around them.
const TEXT_MAX: usize = 12 * 1024;

#[cfg(test)]
mod tests;

//! Comes in: how much was moved. Goes out: a bar on a terminal, lines elsewhere when asked for, nothing otherwise.
//! Must never write to standard output, nor slow a transfer down.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How far a transfer is. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Show);

#[derive(Clone, Debug)]
enum Show {
    Nothing,
    Bar(ProgressBar),
    Lines(Arc<Lines>),
}

/// Progress where there is no terminal: one line for every tenth.
#[derive(Debug)]
struct Lines {
    label: String,
    done: AtomicU64,
    all: AtomicU64,
    tenth: AtomicU64,
    files: AtomicUsize,
}

impl Progress {
    /// Shows nothing.
    pub(crate) const fn none() -> Self {
        Self(Show::Nothing)
    }

    /// A bar when standard error is a terminal; lines when it is not, but the user wants to see.
    pub(crate) fn new(label: &str, wanted: bool) -> Self {
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            return Self(Show::Bar(bar(label)));
        }
        if !wanted {
            return Self::none();
        }
        Self(Show::Lines(Arc::new(Lines {
            label: label.to_owned(),
            done: AtomicU64::new(0),
            all: AtomicU64::new(0),
            tenth: AtomicU64::new(0),
            files: AtomicUsize::new(0),
        })))
    }

    /// Says how much there is to be moved.
    pub(crate) fn expect(&self, bytes: u64, files: usize) {
        match &self.0 {
            Show::Nothing => {}
            Show::Bar(bar) => {
                bar.set_length(bytes);
                bar.set_message(format!("{files} files"));
                bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
                bar.enable_steady_tick(Duration::from_millis(250));
            }
            Show::Lines(lines) => {
                lines.all.store(bytes, Ordering::Relaxed);
                lines.files.store(files, Ordering::Relaxed);
            }
        }
    }

    /// So many bytes more are done.
    pub(crate) fn add(&self, bytes: u64) {
        match &self.0 {
            Show::Nothing => {}
            Show::Bar(bar) => bar.inc(bytes),
            Show::Lines(lines) => lines.add(bytes),
        }
    }

    /// One file more is done.
    pub(crate) fn finished_one(&self) {
        if let Show::Lines(lines) = &self.0 {
            let left = lines.files.load(Ordering::Relaxed).saturating_sub(1);
            lines.files.store(left, Ordering::Relaxed);
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Show::Bar(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Lines {
    fn add(&self, bytes: u64) {
        let done = self
            .done
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes);
        let all = self.all.load(Ordering::Relaxed).max(1);
        let tenth = (done.saturating_mul(10) / all).min(10);
        if self.tenth.fetch_max(tenth, Ordering::Relaxed) < tenth {
            let left = self.files.load(Ordering::Relaxed);
            let (done, all) = (HumanBytes(done), HumanBytes(all));
            eprintln!(
                "{}: {}% ({done} of {all}, {left} files to go)",
                self.label,
                tenth * 10
            );
        }
    }
}

/// A bar that nobody sees before its length is known.
fn bar(label: &str) -> ProgressBar {
    let template =
        "{prefix} [{wide_bar}] {bytes}/{total_bytes} {binary_bytes_per_sec} {msg} {eta} left";
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    // The template is constant; should it ever not parse, the default bar does as well.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(label.to_owned());
    bar
}

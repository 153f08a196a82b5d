//! Steps of a long run. In: a name and what to do; out: each step's time, a table at the end, one closing line that
//! counts. A step that could not run is never counted as one that passed.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail};

/// How a step that did not fail ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything in the step ran and held.
    Passed,
    /// The step did not run, and this is why.
    Skipped(String),
}

/// What happened in a run so far.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

struct Line {
    name: String,
    verdict: Verdict,
    took: Duration,
}

enum Verdict {
    Passed,
    Failed(String),
    Skipped(String),
}

impl Report {
    /// Runs one step and notes how it ended. A failure does not stop the steps after it.
    pub(crate) fn step(&mut self, name: &str, run: impl FnOnce() -> Result<Outcome>) {
        println!("\n=== {name}");
        let watch = Stopwatch::start();
        let verdict = match run() {
            Ok(Outcome::Passed) => Verdict::Passed,
            Ok(Outcome::Skipped(why)) => Verdict::Skipped(why),
            Err(error) => Verdict::Failed(format!("{error:#}")),
        };
        let took = watch.elapsed();
        println!("--- {name}: {verdict} in {:.1} s", took.as_secs_f64());
        self.lines.push(Line {
            name: name.to_owned(),
            verdict,
            took,
        });
    }

    /// Prints the table and the closing line.
    ///
    /// # Errors
    ///
    /// When a step failed, or none passed: a run that tested nothing has shown nothing.
    pub(crate) fn finish(self) -> Result<()> {
        println!();
        let width = self
            .lines
            .iter()
            .map(|line| line.name.len())
            .max()
            .unwrap_or(0);
        for line in &self.lines {
            println!(
                "{:width$}  {:7.1} s  {}",
                line.name,
                line.took.as_secs_f64(),
                line.verdict
            );
        }
        let passed = self.count(|verdict| matches!(verdict, Verdict::Passed));
        let failed = self.count(|verdict| matches!(verdict, Verdict::Failed(_)));
        let skipped = self.count(|verdict| matches!(verdict, Verdict::Skipped(_)));
        println!("{passed} passed, {failed} failed, {skipped} skipped");
        if failed > 0 {
            bail!("{failed} of {} steps failed", self.lines.len());
        }
        if passed == 0 {
            bail!("no step ran");
        }
        Ok(())
    }

    fn count(&self, is: impl Fn(&Verdict) -> bool) -> usize {
        self.lines.iter().filter(|line| is(&line.verdict)).count()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed(why) => write!(f, "FAILED: {why}"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
        }
    }
}

/// Measures how long a step took, for people to read.
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts to measure.
    #[expect(
        clippy::disallowed_methods,
        reason = "xtask times its steps; it is no part of the engine"
    )]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// The time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests;

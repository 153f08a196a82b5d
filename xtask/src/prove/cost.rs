//! What single datagrams cost whoever gets them, in instructions. In: the simulator's `cost` program, run under callgrind; out: for
//! each kind of datagram what it came to, and whether that is within its bound. Instructions do not hang on the load of the machine.

use anyhow::{Context, Result};

use crate::shell;

/// A kind of datagram and what one may cost.
pub(super) struct Cost {
    /// The program's name for it.
    pub(super) kind: &'static str,
    count: u64,
    /// Instructions at most. Measured with every check of a debug build, and with SHA-256 in software, which callgrind knows no
    /// instructions for: half of what an Initial packet costs.
    pub(super) most: u64,
}

/// What callgrind counted for one datagram of each kind.
pub(super) struct Counted {
    pub(super) kind: &'static str,
    pub(super) each: u64,
    pub(super) most: u64,
}

impl Counted {
    pub(super) const fn held(&self) -> bool {
        self.each <= self.most
    }
}

/// Counts every kind; `Err` says what is missing to do so.
///
/// # Errors
///
/// When callgrind cannot be had, or a program fails.
pub(super) fn count() -> Result<Vec<Counted>> {
    shell::need_packages(&["valgrind"])?;
    let mut build = shell::cargo();
    build.args(["build", "--quiet", "--profile", "prove"]);
    shell::run(build.args(["-p", "inquic-sim", "--example", "cost"]))?;
    let program = shell::target().join("prove/examples/cost");
    let program = program.to_string_lossy();
    COSTS
        .iter()
        .map(|cost| {
            let mut callgrind = shell::command("valgrind");
            callgrind
                .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
                .arg("--toggle-collect=*victim*")
                .args([&*program, cost.kind, &cost.count.to_string()]);
            let printed = callgrind.output().context("cannot start valgrind")?;
            let printed = String::from_utf8_lossy(&printed.stderr).into_owned();
            let all = collected(&printed)
                .with_context(|| format!("valgrind counted nothing: {printed}"))?;
            Ok(Counted {
                kind: cost.kind,
                each: all / cost.count,
                most: cost.most,
            })
        })
        .collect()
}

/// The number in callgrind's closing line.
fn collected(printed: &str) -> Option<u64> {
    let (_, number) = printed
        .lines()
        .find_map(|line| line.split_once("Collected : "))?;
    number.trim().parse().ok()
}

/// A short header for nobody: nothing is opened. Answered by a reset, of which there are 10,000 in a second at most: one HMAC.
/// For a connection, 1,200 bytes that do not open. An Initial packet that does not open: five HMACs for the keys, and 1,200 bytes.
/// 1,100 of the smallest frame in one packet: 200 for each byte. An acknowledgement in 500 ranges: 160 for each.
pub(super) const COSTS: [Cost; 6] = [
    Cost {
        kind: "short",
        count: 1_000,
        most: 3_000,
    },
    Cost {
        kind: "reset",
        count: 1_000,
        most: 20_000,
    },
    Cost {
        kind: "known",
        count: 1_000,
        most: 12_000,
    },
    Cost {
        kind: "initial",
        count: 200,
        most: 105_000,
    },
    Cost {
        kind: "frames",
        count: 200,
        most: 220_000,
    },
    Cost {
        kind: "acks",
        count: 200,
        most: 80_000,
    },
];

#[cfg(test)]
mod tests;

//! In: medians. Out: which of them are below what has to be reached. Pure.

use serde_json::{Value, json};

use super::Contender;
use super::measure::{Metric, Mode};
use super::network::Link;

/// What one median of ours has to reach, on every network it is measured over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Floor {
    pub(crate) mode: Mode,
    pub(crate) metric: Metric,
    pub(crate) rule: Rule,
}

/// The comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    /// At least so many times what a peer reaches.
    Times(f64, Contender),
    /// At most so many times what a peer takes.
    NotOver(f64, Contender),
    /// At most this.
    Below(f64),
}

/// All of them.
pub(crate) const FLOORS: &[Floor] = &[
    at_least(Mode::BulkDown, Metric::GbitPerSecond, 1.3, Contender::Quinn),
    at_least(Mode::BulkDown, Metric::GbitPerSecond, 1.0, Contender::S2n),
    at_least(Mode::BulkUp, Metric::GbitPerSecond, 1.3, Contender::Quinn),
    at_least(Mode::BulkUp, Metric::GbitPerSecond, 1.0, Contender::S2n),
    Floor {
        mode: Mode::BulkDown,
        metric: Metric::CpuPerGb,
        rule: Rule::Below(1.0),
    },
    Floor {
        mode: Mode::BulkUp,
        metric: Metric::CpuPerGb,
        rule: Rule::Below(1.0),
    },
    at_least(Mode::Handshake, Metric::Rate, 1.2, Contender::Quinn),
    at_least(Mode::Rr1, Metric::Rate, 1.0, Contender::Quinn),
    at_most(Mode::Rr1, Metric::P99, 1.0, Contender::Quinn),
    at_least(Mode::Rr32, Metric::Rate, 1.0, Contender::Quinn),
    at_most(Mode::Rr32, Metric::P99, 1.0, Contender::Quinn),
    Floor {
        mode: Mode::Idle,
        metric: Metric::ServerKib,
        rule: Rule::Below(24.0),
    },
];

const fn at_least(mode: Mode, metric: Metric, times: f64, peer: Contender) -> Floor {
    Floor {
        mode,
        metric,
        rule: Rule::Times(times, peer),
    }
}

const fn at_most(mode: Mode, metric: Metric, times: f64, peer: Contender) -> Floor {
    Floor {
        mode,
        metric,
        rule: Rule::NotOver(times, peer),
    }
}

/// How one floor was met on one network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) floor: Floor,
    pub(crate) link: Link,
    /// Our median.
    pub(crate) ours: f64,
    /// What it had to reach, or not exceed.
    pub(crate) limit: f64,
}

impl Floor {
    /// Compares; nothing when there is nothing to compare with.
    pub(crate) fn judge(
        self,
        link: Link,
        ours: f64,
        peer: impl Fn(Contender) -> Option<f64>,
    ) -> Option<Verdict> {
        let limit = match self.rule {
            Rule::Times(times, name) | Rule::NotOver(times, name) => times * peer(name)?,
            Rule::Below(value) => value,
        };
        Some(Verdict {
            floor: self,
            link,
            ours,
            limit,
        })
    }
}

impl Rule {
    /// In words, for the table.
    pub(crate) fn words(self) -> String {
        match self {
            Self::Times(times, peer) => format!(">= {times} x {}", peer.name()),
            Self::NotOver(times, peer) => format!("<= {times} x {}", peer.name()),
            Self::Below(value) => format!("<= {value}"),
        }
    }
}

impl Verdict {
    /// Whether the floor is not reached. A number that is none reaches nothing.
    pub(crate) fn is_below(&self) -> bool {
        let reached = match self.floor.rule {
            Rule::Times(..) => self.ours >= self.limit,
            Rule::NotOver(..) | Rule::Below(_) => self.ours <= self.limit,
        };
        !reached
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "network": self.link.name(), "mode": self.floor.mode.name(), "metric": self.floor.metric.unit(),
            "rule": self.floor.rule.words(), "ours": self.ours, "limit": self.limit, "reached": !self.is_below(),
        })
    }
}

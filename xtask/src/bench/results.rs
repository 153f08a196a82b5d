//! In: the numbers of many runs. Out: medians, ratios, a table, JSON. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::Contender;
use super::floors::{Floor, Verdict};
use super::measure::{Metric, Mode, Sample};
use super::network::Link;

/// One line of the table.
type Row = (Link, Mode, Metric);

/// Every number measured.
#[derive(Default)]
pub(crate) struct Results(BTreeMap<Row, BTreeMap<Contender, Vec<f64>>>);

impl Results {
    pub(crate) fn add(&mut self, who: Contender, link: Link, mode: Mode, sample: Sample) {
        for (metric, value) in sample {
            let row = self.0.entry((link, mode, metric)).or_default();
            row.entry(who).or_default().push(value);
        }
    }

    /// The median of one contender's numbers.
    pub(crate) fn median(&self, row: Row, who: Contender) -> Option<f64> {
        median(self.0.get(&row)?.get(&who)?)
    }

    /// Holds ours to the floors, where there is something to compare.
    pub(crate) fn judge(&self, ours: Contender, floors: &[Floor]) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for link in [Link::Loopback, Link::Veth] {
            for floor in floors {
                let row = (link, floor.mode, floor.metric);
                if let Some(value) = self.median(row, ours) {
                    verdicts.extend(floor.judge(link, value, |peer| self.median(row, peer)));
                }
            }
        }
        verdicts
    }

    /// Medians of all, ours divided by each peer's, and the floors.
    pub(crate) fn table(&self, ours: Contender, verdicts: &[Verdict]) -> String {
        let contenders = self.contenders();
        let mut text = format!("{:<9}{:<13}{:<16}", "network", "mode", "median");
        for who in &contenders {
            let _ = write!(text, "{:>11}", who.name());
        }
        for who in contenders.iter().filter(|who| **who != ours) {
            let _ = write!(text, "{:>12}", format!("/ {}", who.name()));
        }
        text.push_str("  floor\n");
        for row in self.0.keys() {
            let (link, mode, metric) = row;
            let _ = write!(
                text,
                "{:<9}{:<13}{:<16}",
                link.name(),
                mode.name(),
                metric.unit()
            );
            for who in &contenders {
                let _ = write!(text, "{:>11}", shown(self.median(*row, *who)));
            }
            for who in contenders.iter().filter(|who| **who != ours) {
                let ratio = ratio(self.median(*row, ours), self.median(*row, *who));
                let _ = write!(
                    text,
                    "{:>12}",
                    ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}x"))
                );
            }
            for verdict in verdicts {
                if (verdict.link, verdict.floor.mode, verdict.floor.metric) == *row {
                    let mark = if verdict.is_below() { "BELOW" } else { "ok" };
                    let _ = write!(text, "  {} {mark}", verdict.floor.rule.words());
                }
            }
            text.push('\n');
        }
        text
    }

    /// Every number, with its median.
    pub(crate) fn json(&self) -> Value {
        let rows = self.0.iter().map(|((link, mode, metric), by)| {
            let by: serde_json::Map<String, Value> = by
                .iter()
                .map(|(who, all)| (who.name().to_owned(), json!({ "median": median(all), "all": all })))
                .collect();
            json!({ "network": link.name(), "mode": mode.name(), "metric": metric.unit(), "of": by })
        });
        rows.collect()
    }

    fn contenders(&self) -> Vec<Contender> {
        let mut all: Vec<Contender> = self.0.values().flat_map(BTreeMap::keys).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// The first divided by the second, if that is a number.
pub(crate) fn ratio(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    let ratio = ours? / theirs?;
    ratio.is_finite().then_some(ratio)
}

fn shown(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value.abs() >= 1000.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.2}"),
    }
}

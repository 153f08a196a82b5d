//! Comes in: what was counted and timed. Goes out: lines for people, one JSON object for programs.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// How long each of many things took, in tenths of microseconds, three digits exact.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Option<Histogram<u64>>);

/// One measurement. Fields that have no meaning in its mode are left out.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    mode: &'static str,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gbit_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flight: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshakes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p90_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connections: Option<u64>,
}

impl Latencies {
    /// None yet.
    pub(crate) fn new() -> Self {
        // Only a number of digits above five is refused.
        Self(Histogram::new(3).ok())
    }

    /// Adds one.
    pub(crate) fn add(&mut self, took: Duration) {
        if let Some(histogram) = &mut self.0 {
            // It grows as needed up to what u64 holds, so nothing is refused.
            let _ = histogram.record(u64::try_from(took.as_nanos() / 100).unwrap_or(u64::MAX));
        }
    }

    /// Adds another's.
    pub(crate) fn merge(&mut self, other: &Self) {
        if let (Some(mine), Some(others)) = (&mut self.0, &other.0) {
            // Both have the same digits and grow as needed, so nothing of it is refused.
            let _ = mine.add(others);
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, Histogram::len)
    }

    /// What so many of a hundred do not exceed, in microseconds.
    pub(crate) fn percentile_us(&self, percent: f64) -> f64 {
        self.0.as_ref().map_or(0.0, |histogram| {
            histogram.value_at_percentile(percent) as f64 / 10.0
        })
    }
}

impl Report {
    /// Of one bulk transfer.
    pub(crate) fn bulk(mode: &'static str, bytes: u64, time: Duration) -> Self {
        let seconds = time.as_secs_f64();
        let gbit_s = bytes as f64 * 8e-9 / seconds.max(1e-9);
        Self {
            mode,
            seconds,
            bytes: Some(bytes),
            gbit_s: Some(gbit_s),
            ..Self::default()
        }
    }

    /// Of requests and responses.
    pub(crate) fn requests(in_flight: usize, time: Duration, latencies: &Latencies) -> Self {
        Self {
            mode: "rr",
            requests: Some(latencies.count()),
            ..Self::rated(in_flight, time, latencies)
        }
    }

    /// Of handshakes.
    pub(crate) fn handshakes(in_flight: usize, time: Duration, latencies: &Latencies) -> Self {
        Self {
            mode: "handshake",
            handshakes: Some(latencies.count()),
            ..Self::rated(in_flight, time, latencies)
        }
    }

    /// Of connections that were held.
    pub(crate) fn idle(connections: u64, time: Duration) -> Self {
        Self {
            mode: "idle",
            seconds: time.as_secs_f64(),
            connections: Some(connections),
            ..Self::default()
        }
    }

    /// One line of JSON.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn rated(in_flight: usize, time: Duration, latencies: &Latencies) -> Self {
        let seconds = time.as_secs_f64();
        Self {
            seconds,
            in_flight: Some(in_flight),
            rate: Some(latencies.count() as f64 / seconds.max(1e-9)),
            p50_us: Some(latencies.percentile_us(50.0)),
            p90_us: Some(latencies.percentile_us(90.0)),
            p99_us: Some(latencies.percentile_us(99.0)),
            ..Self::default()
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:.3} s", self.mode, self.seconds)?;
        if let (Some(bytes), Some(gbit_s)) = (self.bytes, self.gbit_s) {
            write!(f, ", {bytes} bytes, {gbit_s:.2} Gbit/s")?;
        }
        let counted = [
            (self.requests, "requests"),
            (self.handshakes, "handshakes"),
            (self.connections, "connections held"),
        ];
        for (count, what) in counted {
            if let Some(count) = count {
                write!(f, ", {count} {what}")?;
            }
        }
        if let (Some(rate), Some(in_flight)) = (self.rate, self.in_flight) {
            write!(f, ", {rate:.0} per second with {in_flight} in flight")?;
        }
        if let (Some(p50), Some(p90), Some(p99)) = (self.p50_us, self.p90_us, self.p99_us) {
            write!(f, ", p50 {p50:.1} µs, p90 {p90:.1} µs, p99 {p99:.1} µs")?;
        }
        Ok(())
    }
}

//! The home's clock: nothing in, the nanoseconds since 1970 out, as they pass and not as the system's date is set. The one
//! place that reads a clock.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use inquic_platform::Instant;

/// When the process first asked, and what the date was then. Address validation tokens hold moments, which another process of
/// the same key must understand.
static START: OnceLock<(std::time::Instant, u64)> = OnceLock::new();

/// The time now.
#[expect(
    clippy::disallowed_methods,
    reason = "a home reads the clock and passes time on as an argument"
)]
pub(crate) fn now() -> Instant {
    let (start, date) = START.get_or_init(|| {
        let date = SystemTime::now().duration_since(UNIX_EPOCH);
        (std::time::Instant::now(), date.map_or(0, nanos))
    });
    Instant::from_nanos(date.saturating_add(nanos(start.elapsed())))
}

/// How long a thread may sleep at `now` until `deadline`.
pub(crate) fn until(now: Instant, deadline: Instant) -> std::time::Duration {
    deadline.since(now).into()
}

fn nanos(length: std::time::Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

//! Acknowledged bytes, time and losses come in, the window of RFC 9438 goes out, in integers. No intermediate may overflow for
//! windows up to 2^40 bytes; what is larger saturates.
//!
//! Times are counted in 1/1,024 s, so that a cube of a thousand seconds fits 64 bits.

use inquic_platform::{Duration, Instant};

/// CUBIC's memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cubic {
    /// W_max: the window before the last reduction, or less of it for fast convergence. Zero when there was no loss.
    w_max: u64,
    /// cwnd_prior: the window before the last reduction.
    prior: u64,
    epoch: Option<Epoch>,
}

/// One stage of congestion avoidance.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    /// When it began, moved on by the time in which the application sent too little.
    start: Instant,
    /// The last acknowledgement in it.
    last: Instant,
    /// K, in 1/1,024 s: when the window is back at `plateau`.
    k: u64,
    /// The window at which the curve is flat.
    plateau: u64,
    /// W_est: the window that Reno would have.
    estimate: u64,
    /// Acknowledged bytes that have not grown the estimate yet, times [`ALPHA_DENOMINATOR`] / alpha.
    credit: u64,
}

impl Cubic {
    /// The window after `acked` bytes in congestion avoidance.
    pub(super) fn grow(
        &mut self,
        now: Instant,
        acked: u64,
        window: u64,
        smoothed: Duration,
        mds: u64,
    ) -> u64 {
        let (w_max, prior) = (self.w_max, self.prior);
        let epoch = self
            .epoch
            .get_or_insert_with(|| Epoch::new(now, window, w_max, mds));
        epoch.last = now;
        epoch.grow_estimate(acked, window, prior, mds);
        let elapsed = now.since(epoch.start);
        if epoch.window_at(elapsed, mds) < epoch.estimate {
            // The Reno-friendly region (RFC 9438 §4.3).
            return window.max(epoch.estimate);
        }
        // RFC 9438 §4.2: not below the window, and not above one and a half of it.
        let ceiling = window.saturating_add(window / 2);
        let target = epoch
            .window_at(elapsed + smoothed, mds)
            .min(ceiling)
            .max(window);
        let missing = target.saturating_sub(window);
        let step = missing
            .saturating_mul(acked)
            .checked_div(window)
            .unwrap_or(0);
        // An ACK of more than a window must not overshoot what the curve asks for.
        window.saturating_add(step.min(missing))
    }

    /// The window after a congestion event.
    pub(super) fn reduce(&mut self, window: u64) -> u64 {
        // Fast convergence (RFC 9438 §4.7): a flow whose window shrinks makes room for others.
        self.w_max = if window < self.w_max {
            scale(window, 17, 20)
        } else {
            window
        };
        self.prior = window;
        self.epoch = None;
        scale(window, BETA_TENTHS, 10)
    }

    /// After persistent congestion the curve begins anew where slow start ends, as after a timeout (RFC 9438 §4.8).
    pub(super) const fn reset(&mut self) {
        self.w_max = 0;
        self.epoch = None;
    }

    /// Leaves the time since the last acknowledgement out of the curve: the application was what limited it (RFC 9438 §5.8).
    pub(super) fn pause(&mut self, now: Instant) {
        if let Some(epoch) = &mut self.epoch {
            epoch.start = epoch.start + now.since(epoch.last);
            epoch.last = now;
        }
    }
}

impl Epoch {
    fn new(now: Instant, window: u64, w_max: u64, mds: u64) -> Self {
        Self {
            start: now,
            last: now,
            k: time_to_plateau(w_max.saturating_sub(window), mds),
            plateau: w_max.max(window),
            estimate: window,
            credit: 0,
        }
    }

    /// W_cubic(t) = C * (t - K)^3 + W_max.
    fn window_at(&self, elapsed: Duration, mds: u64) -> u64 {
        let t = ticks(elapsed);
        let height = rise(t.abs_diff(self.k), mds);
        if t >= self.k {
            self.plateau.saturating_add(height)
        } else {
            self.plateau.saturating_sub(height)
        }
    }

    /// W_est grows by alpha packets for each window acknowledged, by one once it has reached cwnd_prior.
    fn grow_estimate(&mut self, acked: u64, window: u64, prior: u64, mds: u64) {
        let alpha = if self.estimate >= prior {
            ALPHA_DENOMINATOR
        } else {
            ALPHA_NUMERATOR
        };
        self.credit = self.credit.saturating_add(acked.saturating_mul(alpha));
        let price = window.saturating_mul(ALPHA_DENOMINATOR);
        let packets = self.credit.checked_div(price).unwrap_or(0);
        self.credit = self.credit.saturating_sub(packets.saturating_mul(price));
        self.estimate = self.estimate.saturating_add(packets.saturating_mul(mds));
    }
}

/// A duration in 1/1,024 s, rounded down.
fn ticks(length: Duration) -> u64 {
    length.as_micros().saturating_mul(16) / 15_625
}

/// C * t^3 packets in bytes, for `t` in 1/1,024 s. Rounded down by less than one byte and a thousandth.
fn rise(t: u64, mds: u64) -> u64 {
    let t = t.min(TICKS_MAX);
    let cube = t.saturating_mul(t).saturating_mul(t);
    // C = 4/10. Ten of the thirty bits of fraction stay until the end.
    let bytes = (cube >> 20).saturating_mul(mds).saturating_mul(4) / 10;
    bytes >> 10
}

/// K = cbrt((W_max - cwnd_epoch) / C) for a distance in bytes, in 1/1,024 s. Rounded down by less than one tick.
pub(super) fn time_to_plateau(distance: u64, mds: u64) -> u64 {
    // (distance / mds) / C with thirty bits of fraction, as the cube of a tick has.
    let divisor = mds.saturating_mul(4).max(1);
    let dividend = distance.min(DISTANCE_MAX).saturating_mul(10);
    let whole = dividend.checked_div(divisor).unwrap_or(0);
    let rest = dividend.saturating_sub(whole.saturating_mul(divisor));
    let fraction = (rest << 30).checked_div(divisor).unwrap_or(0);
    cube_root(whole.saturating_mul(1 << 30).saturating_add(fraction))
}

/// The largest integer whose cube is `value` or less: exact, so the error is below one.
pub(super) fn cube_root(value: u64) -> u64 {
    // One bit of the root at a time, from the top; the cube of 22 bits cannot overflow, and 2^64 has a root of 22 bits.
    let mut root = 0_u64;
    for bit in (0..22).rev() {
        let candidate = root | 1_u64.wrapping_shl(bit);
        let cube = candidate
            .checked_mul(candidate)
            .and_then(|square| square.checked_mul(candidate));
        if cube.is_some_and(|cube| cube <= value) {
            root = candidate;
        }
    }
    root
}

/// `value` * `numerator` / `denominator` without overflow, rounded down by less than `numerator` more.
const fn scale(value: u64, numerator: u64, denominator: u64) -> u64 {
    match value.checked_mul(numerator) {
        Some(product) => match product.checked_div(denominator) {
            Some(result) => result,
            None => value,
        },
        None => value,
    }
}

/// beta_cubic.
const BETA_TENTHS: u64 = 7;
/// alpha_cubic = 3 * (1 - beta) / (1 + beta) = 9/17.
const ALPHA_NUMERATOR: u64 = 9;
const ALPHA_DENOMINATOR: u64 = 17;
/// The cube of 2^20 ticks, 17 minutes, has 60 bits. By then the curve is 400 million packets up.
const TICKS_MAX: u64 = 1 << 20;
/// The largest window a configuration may have.
const DISTANCE_MAX: u64 = crate::recovery::limits::WINDOW_CEILING;

//! Acknowledged bytes and losses come in, the window of RFC 9002 §7.3 goes out. It must never grow by more than one packet
//! for a window acknowledged.

/// NewReno's memory in congestion avoidance.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NewReno {
    /// Bytes acknowledged that have not grown the window yet.
    acked: u64,
}

impl NewReno {
    /// The window after `acked` bytes in congestion avoidance.
    pub(super) fn grow(&mut self, acked: u64, window: u64, mds: u64) -> u64 {
        //= RFC 9002 §7.3.3: an Additive Increase
        //= Multiplicative Decrease (AIMD) approach that MUST limit the increase
        //= to the congestion window to at most one maximum datagram size for
        //= each congestion window that is acknowledged.
        let total = self.acked.saturating_add(acked);
        let windows = total.checked_div(window).unwrap_or(0);
        self.acked = total.saturating_sub(windows.saturating_mul(window));
        window.saturating_add(windows.saturating_mul(mds))
    }

    /// The window after a congestion event.
    pub(super) fn reduce(&mut self, window: u64) -> u64 {
        self.acked = 0;
        window / 2
    }
}

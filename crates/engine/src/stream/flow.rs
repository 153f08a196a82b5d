//! Flow control (RFC 9000 §4.1, §4.2): in comes what was received, taken or allowed, out goes how far each side may go.
//! A window grows only by what the application took, never by what a peer sent.

use inquic_platform::{Duration, Instant};

/// What we let the peer send, on one stream or on the connection.
#[derive(Clone, Debug)]
pub(super) struct ReceiveWindow {
    /// The limit that the peer was told.
    granted: u64,
    /// Bytes that the application took, or that were thrown away.
    taken: u64,
    /// How far the limit is kept ahead of `taken`.
    size: u64,
    /// When the application began to take the present window, and how much it had taken then.
    since: Option<Instant>,
    from: u64,
}

impl ReceiveWindow {
    pub(super) const fn new(size: u64) -> Self {
        Self {
            granted: size,
            taken: 0,
            size,
            since: None,
            from: 0,
        }
    }

    #[inline]
    pub(super) const fn granted(&self) -> u64 {
        self.granted
    }

    #[inline]
    pub(super) const fn taken(&self) -> u64 {
        self.taken
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The application took `bytes`; the window doubles when all of it went in less than two round trips, since then it
    /// was the window and not the path that held the peer back.
    #[inline]
    pub(super) fn take(&mut self, bytes: u64, now: Instant, rtt: Duration, ceiling: u64) {
        self.taken = self.taken.saturating_add(bytes);
        let Some(since) = self.since else {
            // How long the first bytes lay here says nothing about how fast they are taken.
            self.since = Some(now);
            self.from = self.taken;
            return;
        };
        if self.taken.saturating_sub(self.from) < self.size {
            return;
        }
        if now.since(since) < rtt.saturating_mul(2) {
            self.size = self.size.saturating_mul(2).min(ceiling).max(self.size);
        }
        self.since = Some(now);
        self.from = self.taken;
    }

    /// `bytes` were thrown away: the peer may send as many others, but it earns no larger window.
    pub(super) fn discard(&mut self, bytes: u64) {
        self.taken = self.taken.saturating_add(bytes);
        self.from = self.from.saturating_add(bytes);
    }

    /// Whether half of the window is used up, so that the peer should be told of more.
    #[inline]
    pub(super) const fn wants_grant(&self) -> bool {
        self.granted.saturating_sub(self.taken) <= self.size / 2
    }

    /// The limit that the window allows; never lower than before.
    pub(super) fn next_grant(&self) -> u64 {
        let limit = self.taken.saturating_add(self.size);
        self.granted.max(limit.min(inquic_wire::VARINT_MAX))
    }

    /// The peer is told of [`ReceiveWindow::next_grant`].
    pub(super) fn grant(&mut self) {
        self.granted = self.next_grant();
    }
}

/// What the peer lets us send on the connection, and whether it was told that it is not enough.
#[derive(Clone, Debug, Default)]
pub(super) struct SendCredit {
    limit: u64,
    used: u64,
    /// One more than the limit that DATA_BLOCKED named last.
    told: u64,
}

impl SendCredit {
    #[inline]
    pub(super) const fn available(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    #[inline]
    pub(super) fn spend(&mut self, bytes: u64) {
        self.used = self.used.saturating_add(bytes);
    }

    //= RFC 9000 §4.1: A sender MUST ignore any MAX_STREAM_DATA or MAX_DATA frames that do not increase flow control limits.
    pub(super) fn raise(&mut self, limit: u64) {
        self.limit = self.limit.max(limit);
    }

    pub(super) const fn limit(&self) -> u64 {
        self.limit
    }

    pub(super) const fn used(&self) -> u64 {
        self.used
    }

    /// Whether the peer has not been told of this limit yet.
    #[inline]
    pub(super) const fn may_tell(&self) -> bool {
        self.told != self.limit.saturating_add(1)
    }

    pub(super) fn tell(&mut self) {
        self.told = self.limit.saturating_add(1);
    }

    /// DATA_BLOCKED was lost: it is said again if it still holds.
    pub(super) fn forget_told(&mut self) {
        self.told = 0;
    }
}

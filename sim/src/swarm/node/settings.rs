//! What a host is made with.

use std::sync::Arc;

use inquic_engine::{Config, RetryPolicy};
use inquic_platform::CipherSuite;
use inquic_wire::Version;

use super::super::plan::{Habits, HostFaults};
use crate::Early;

/// What a host is made with.
pub(in super::super) struct Settings {
    pub(in super::super) config: Arc<Config>,
    pub(in super::super) suite: CipherSuite,
    pub(in super::super) certificate: usize,
    pub(in super::super) retry: RetryPolicy,
    pub(in super::super) faults: HostFaults,
    pub(in super::super) habits: Habits,
    pub(in super::super) early: Early,
    /// Whether it keeps tokens.
    pub(in super::super) tokens: bool,
    /// The version that both ends have to agree on.
    pub(in super::super) version: Option<Version>,
    /// Whether memory for another version than the first packet's may be refused.
    pub(in super::super) may_stay: bool,
}

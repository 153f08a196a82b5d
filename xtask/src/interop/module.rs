//! In: what the module has counted before and after a cell of the table. Out: whether its sockets played our part in it, and nobody
//! else's. Pure, but for reading the counters.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};

use super::case::{Pairing, Role, Scale};

/// The module's counters, by name.
pub(crate) struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// Those of this network namespace.
    pub(crate) fn now() -> Result<Self> {
        let text = fs::read_to_string(FILE).with_context(|| format!("cannot read {FILE}"))?;
        Ok(Self::read(&text))
    }

    pub(super) fn read(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| {
            let (name, number) = line.split_once(char::is_whitespace)?;
            Some((name.to_owned(), number.trim().parse().ok()?))
        });
        Self(lines.collect())
    }

    /// How far a counter has gone since.
    fn since(&self, before: &Self, name: &str) -> Result<u64> {
        let count = |counters: &Self| counters.0.get(name).copied();
        let (now, then) = count(self)
            .zip(count(before))
            .with_context(|| format!("the module does not count {name}"))?;
        Ok(now.saturating_sub(then))
    }
}

/// Checks that the module has made the connections of its part, and carried their packets.
pub(crate) fn used(
    pairing: &Pairing,
    scale: Scale,
    before: &Counters,
    after: &Counters,
) -> Result<()> {
    let (ours, other) = match pairing.role {
        Role::Client => ("QuicConnActiveEstabs", "QuicConnPassiveEstabs"),
        Role::Server => ("QuicConnPassiveEstabs", "QuicConnActiveEstabs"),
    };
    let (made, stray) = (after.since(before, ours)?, after.since(before, other)?);
    let expected = pairing.connections(scale) as u64;
    ensure!(
        made >= expected && stray == 0,
        "the module made {made} connections of {expected}, and {stray} of the other role"
    );
    let opened = after.since(before, "QuicPktDecFastpaths")?;
    let sealed = after.since(before, "QuicPktEncFastpaths")?;
    ensure!(
        opened > 0 && sealed > 0,
        "the module opened {opened} packets and sealed {sealed}"
    );
    Ok(())
}

const FILE: &str = "/proc/net/quic/snmp";

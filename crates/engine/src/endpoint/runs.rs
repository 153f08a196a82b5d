//! Runs of datagrams: a train of equal segments in, the length of its first part that goes to one connection out.

use inquic_wire::dcid_of;

use crate::limits::LOCAL_CID_LEN;

/// Bytes of the first datagrams of `train`, `segment` bytes each but for the last, that have the same destination connection id:
/// a home routes the first of them, and the others go the same way.
#[must_use]
pub fn first_run(train: &[u8], segment: usize) -> usize {
    let segment = segment.max(1);
    let id_at = |start: usize| {
        let end = start.saturating_add(segment).min(train.len());
        dcid_of(train.get(start..end)?, LOCAL_CID_LEN)
    };
    let first = id_at(0);
    let mut run = segment;
    while run < train.len() && first.is_some() && id_at(run) == first {
        run = run.saturating_add(segment);
    }
    run.min(train.len())
}

#[cfg(test)]
mod tests;

//! Runs of datagrams: a train of equal segments in, the length of its first part that goes to one connection out.

use inquic_wire::dcid_of;

use crate::limits::LOCAL_CID_LEN;

/// Bytes of the first datagrams of `train`, `segment` bytes each but for the last, that have the same destination connection id:
/// a home routes the first of them, and the others go the same way.
#[must_use]
pub fn first_run(train: &[u8], segment: usize) -> usize {
    let segment = segment.max(1);
    if train.len() <= segment {
        return train.len();
    }
    let mut segments = train.chunks(segment);
    let Some(first) = segments
        .next()
        .and_then(|first| dcid_of(first, LOCAL_CID_LEN))
    else {
        return segment;
    };
    let same = segments
        .take_while(|next| dcid_of(next, LOCAL_CID_LEN) == Some(first))
        .count();
    same.saturating_add(1)
        .saturating_mul(segment)
        .min(train.len())
}

#[cfg(test)]
mod tests;

//! Runs of datagrams: a train of equal segments in, the length of its first part that goes to one connection out.

use inquic_engine::limits::LOCAL_CID_LEN;
use inquic_wire::dcid_of;

/// Bytes of the first datagrams of `train` that have the same destination connection id.
pub(super) fn first(train: &[u8], segment: usize) -> usize {
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
    ((same + 1) * segment).min(train.len())
}

#[cfg(test)]
mod tests;

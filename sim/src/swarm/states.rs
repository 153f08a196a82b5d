//! Which states of a stream may follow which (RFC 9000 §3): between two looks a stream may have made several steps, and never one
//! back. A stream that is over is forgotten, and then has no state.

use inquic_engine::stream::{ReceiveState, SendState};

/// The states of both halves of a stream.
pub(super) type States = (Option<SendState>, Option<ReceiveState>);

/// Whether a stream that was `before` may be `after` now.
pub(super) fn may_follow(before: States, after: States) -> bool {
    let send = match (before.0, after.0) {
        (Some(before), Some(after)) => send_may(before, after),
        (_, None) | (None, Some(_)) => true,
    };
    let receive = match (before.1, after.1) {
        (Some(before), Some(after)) => receive_may(before, after),
        (_, None) | (None, Some(_)) => true,
    };
    send && receive
}

fn send_may(before: SendState, after: SendState) -> bool {
    use SendState::{DataRecvd, DataSent, Ready, ResetRecvd, ResetSent, Send};
    before == after
        || match before {
            Ready => true,
            Send => after != Ready,
            DataSent => matches!(after, DataRecvd | ResetSent | ResetRecvd),
            ResetSent => after == ResetRecvd,
            DataRecvd | ResetRecvd => false,
        }
}

fn receive_may(before: ReceiveState, after: ReceiveState) -> bool {
    use ReceiveState::{DataRead, DataRecvd, Recv, ResetRead, ResetRecvd, SizeKnown};
    before == after
        || match before {
            Recv => true,
            SizeKnown => after != Recv,
            DataRecvd => matches!(after, DataRead | ResetRecvd | ResetRead),
            ResetRecvd => matches!(after, ResetRead | DataRecvd | DataRead),
            DataRead | ResetRead => false,
        }
}

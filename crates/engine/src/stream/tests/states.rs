use crate::stream::{ReceiveInput, ReceiveState, SendInput, SendState};

const SEND: [SendState; 6] = [
    SendState::Ready,
    SendState::Send,
    SendState::DataSent,
    SendState::DataRecvd,
    SendState::ResetSent,
    SendState::ResetRecvd,
];
const RECEIVE: [ReceiveState; 6] = [
    ReceiveState::Recv,
    ReceiveState::SizeKnown,
    ReceiveState::DataRecvd,
    ReceiveState::DataRead,
    ReceiveState::ResetRecvd,
    ReceiveState::ResetRead,
];

#[test]
fn the_sending_part_has_the_transitions_of_figure_2_and_no_others() {
    use SendInput::{AllAcknowledged, ResetAcknowledged, SentData, SentFin, SentReset};
    let inputs = [
        SentData,
        SentFin,
        SentReset,
        AllAcknowledged,
        ResetAcknowledged,
    ];
    let figure = [
        (SendState::Ready, SentData, SendState::Send),
        (SendState::Ready, SentFin, SendState::DataSent),
        (SendState::Ready, SentReset, SendState::ResetSent),
        (SendState::Send, SentFin, SendState::DataSent),
        (SendState::Send, SentReset, SendState::ResetSent),
        (SendState::DataSent, SentReset, SendState::ResetSent),
        (SendState::DataSent, AllAcknowledged, SendState::DataRecvd),
        (
            SendState::ResetSent,
            ResetAcknowledged,
            SendState::ResetRecvd,
        ),
    ];
    for state in SEND {
        for input in inputs {
            let expected = figure
                .iter()
                .find(|(from, by, _)| (*from, *by) == (state, input));
            assert_eq!(
                state.after(input),
                expected.map(|(_, _, to)| *to),
                "{state:?} {input:?}"
            );
        }
    }
}

#[test]
fn the_receiving_part_has_the_transitions_of_figure_3_and_no_others() {
    use ReceiveInput::{AllRead, AllReceived, Fin, Reset, ResetRead};
    let inputs = [Fin, AllReceived, AllRead, Reset, ResetRead];
    let figure = [
        (ReceiveState::Recv, Fin, ReceiveState::SizeKnown),
        (ReceiveState::Recv, Reset, ReceiveState::ResetRecvd),
        (ReceiveState::SizeKnown, Reset, ReceiveState::ResetRecvd),
        (
            ReceiveState::SizeKnown,
            AllReceived,
            ReceiveState::DataRecvd,
        ),
        (ReceiveState::DataRecvd, AllRead, ReceiveState::DataRead),
        (ReceiveState::ResetRecvd, ResetRead, ReceiveState::ResetRead),
    ];
    for state in RECEIVE {
        for input in inputs {
            let expected = figure
                .iter()
                .find(|(from, by, _)| (*from, *by) == (state, input));
            assert_eq!(
                state.after(input),
                expected.map(|(_, _, to)| *to),
                "{state:?} {input:?}"
            );
        }
    }
}

#[test]
fn nothing_leaves_a_terminal_state() {
    let over = SEND.iter().filter(|state| state.is_terminal());
    assert_eq!(over.count(), 2);
    let over = RECEIVE.iter().filter(|state| state.is_terminal());
    assert_eq!(over.count(), 2);
}

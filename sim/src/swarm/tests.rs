use super::states::may_follow;
use super::{Canary, Heap, run};
use crate::Fault;
use inquic_engine::stream::{ReceiveState, SendState};

/// Whether some seed finds the bug, and nothing else.
fn assert_found(canary: Canary) {
    for seed in 0..200 {
        if let Some(violation) =
            run(seed, canary == Canary::Dice, Some(canary), Heap::plain()).violation
        {
            assert_eq!(
                violation.invariant,
                canary.breaks(),
                "seed {seed}: {violation}"
            );
            return;
        }
    }
    panic!("{canary:?} was not found");
}

macro_rules! canaries {
    ($($test:ident: $canary:ident,)*) => {
        $(
            #[test]
            fn $test() {
                assert_found(Canary::$canary);
            }
        )*

        /// Every canary has its test above.
        const _: () = assert!([$(Canary::$canary),*].len() == Canary::ALL.len());
    };
}

canaries! {
    lost_bytes_are_found: LostBytes,
    bytes_delivered_twice_are_found: RepeatedBytes,
    a_datagram_without_its_end_is_found: CutDatagram,
    a_datagram_delivered_twice_is_found: RepeatedDatagram,
    data_after_a_reset_is_found: DataAfterReset,
    a_stream_sent_past_its_limit_is_found: Overrun,
    too_many_connection_ids_are_found: TooManyIds,
    amplification_is_found: Amplification,
    a_packet_number_used_twice_is_found: RepeatedNumber,
    an_acknowledgement_of_what_never_came_is_found: UnseenAcknowledged,
    bytes_in_flight_that_were_forgotten_are_found: ForgottenFlight,
    a_connection_that_comes_back_to_life_is_found: BackToLife,
    a_version_that_both_ends_like_less_is_found: Downgrade,
    memory_that_is_never_given_back_is_found: Leak,
    a_drain_without_an_end_is_found: EndlessDrain,
    a_call_that_does_too_much_is_found: Overwork,
    a_drop_that_is_not_counted_is_found: UncountedDrop,
    a_deadline_that_is_not_told_is_found: SwallowedDeadline,
    a_deadline_that_stands_still_is_found: SameInstant,
    a_stall_is_found: Stall,
    a_run_that_depends_on_more_than_its_seed_is_found: Dice,
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_another() {
    let first = run(1, false, None, Heap::plain());
    assert_eq!(first, run(1, false, None, Heap::plain()));
    assert_ne!(first.hash, run(2, false, None, Heap::plain()).hash);
}

#[test]
fn no_rule_is_broken_in_the_first_seeds() {
    let mut faults = 0;
    for seed in 0..40 {
        let report = run(seed, false, None, Heap::plain());
        assert_eq!(report.violation, None, "seed {seed}");
        faults += Fault::ALL
            .iter()
            .filter(|&&fault| report.tally.of(fault) > 0)
            .count();
    }
    assert!(faults > 200, "{faults} kinds of fault in forty runs");
}

#[test]
fn a_stream_may_skip_states_and_never_goes_back() {
    let receive = |before, after| may_follow((None, Some(before)), (None, Some(after)));
    let send = |before, after| may_follow((Some(before), None), (Some(after), None));
    assert!(send(SendState::Ready, SendState::DataRecvd));
    assert!(!send(SendState::DataSent, SendState::Send));
    assert!(!send(SendState::ResetSent, SendState::DataRecvd));
    assert!(receive(ReceiveState::Recv, ReceiveState::DataRead));
    assert!(!receive(ReceiveState::DataRead, ReceiveState::ResetRecvd));
    assert!(!receive(ReceiveState::SizeKnown, ReceiveState::Recv));
}

//! Rows that are held and rows that are not.

use super::{State, outcomes, states};

#[test]
fn a_row_is_held_by_tests_that_are_there_and_pass() {
    let list = "# note\n1 good\n2 bad\n3 gone\n4 out: not ours\n";
    let ran = outcomes("test a::good ... ok\ntest a::bad ... FAILED\n");
    let states = states(list, &|name| name != "gone", &ran);
    assert_eq!(states[&1], State::Held);
    assert_eq!(states[&2], State::Missing("bad failed".to_owned()));
    assert_eq!(
        states[&3],
        State::Missing("there is no test gone".to_owned())
    );
    assert_eq!(states[&4], State::Out);
    assert_eq!(states[&5], State::Missing("no test is named".to_owned()));
}

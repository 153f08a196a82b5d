//! Rows that are held and rows that are not.

use super::{List, Rows, State, Tests, named, outcomes};

const LIST: List = List {
    file: "",
    rows: &[Rows::Numbered(6), Rows::Named("6b")],
};
const TEXT: &str =
    "# note\n1 good\n2 bad\n3 gone\n4 out: not ours\n5 good other\n6b good\n7 good\n";

fn missing(why: &str) -> State {
    State::Missing(why.to_owned())
}

fn tests(all: bool) -> Tests {
    Tests {
        known: ["good", "bad", "other"].map(str::to_owned).to_vec(),
        ran: outcomes("test a::good ... ok\ntest a::bad ... FAILED\n"),
        all,
    }
}

#[test]
fn a_row_is_held_by_tests_that_are_there_and_pass() {
    let states = LIST.states(TEXT, &tests(false));
    assert_eq!(states["1"], State::Held);
    assert_eq!(states["2"], missing("bad failed"));
    assert_eq!(states["3"], missing("there is no test gone"));
    assert_eq!(states["4"], State::Out);
    assert_eq!(states["5"], State::Held);
    assert_eq!(states["6"], missing("no test is named"));
    assert_eq!(states["6b"], State::Held);
    assert_eq!(states["7"], missing("there is no such row"));
}

#[test]
fn where_every_test_was_to_be_run_one_that_was_not_holds_nothing() {
    let states = LIST.states(TEXT, &tests(true));
    assert_eq!(states["1"], State::Held);
    assert_eq!(states["5"], missing("other was not run"));
}

#[test]
fn a_row_that_is_out_of_scope_names_no_test() {
    assert_eq!(
        named(TEXT),
        ["good", "bad", "gone", "good", "other", "good", "good"]
    );
}

use super::{count, is_panicking};
use crate::kernel::Reference;

const PANIC: &str = "_RNvNtNtCsfbcvzARcpUg_4core9panicking9panic_fmt";
const EXPECT: &str = "_RNvNtCsfbcvzARcpUg_4core6option13expect_failed";

fn reference(section: &str, symbol: &str) -> Reference {
    Reference {
        section: format!(".text.{section}"),
        kind: "R_X86_64_PLT32".to_owned(),
        symbol: symbol.to_owned(),
    }
}

#[test]
fn each_reference_of_a_function_to_one_that_panics_counts() {
    let references = vec![
        reference("on_packet", PANIC),
        reference("on_packet", EXPECT),
        reference("on_packet", "memcpy"),
        reference("settle", "on_packet"),
    ];
    let callers = count(references);
    assert_eq!(
        callers.into_iter().collect::<Vec<_>>(),
        [(".text.on_packet".to_owned(), 2)]
    );
}

#[test]
fn what_one_panicking_function_calls_of_another_does_not_count() {
    assert!(count(vec![reference(EXPECT, PANIC)]).is_empty());
}

#[test]
fn functions_that_panic_are_known_by_their_mangled_names() {
    assert!(is_panicking(
        "_RNvNtNtCsfbcvzARcpUg_4core9panicking11panic_const23panic_const_div_by_zero"
    ));
    assert!(is_panicking(
        "_RNvNtNtCsfbcvzARcpUg_4core5slice5index16slice_index_fail"
    ));
    assert!(is_panicking("_RNvNtCs1_4core6option13unwrap_failed"));
    assert!(is_panicking("_RNvNtCs1_5alloc7raw_vec12handle_error"));
    assert!(!is_panicking("_RNvNtCsfbcvzARcpUg_4core3fmt5write"));
}

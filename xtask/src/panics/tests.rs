use super::{Baseline, OUT_OF_MEMORY, PANICKING, compare, is_any};

fn counted(sites: usize) -> Baseline {
    Baseline {
        sites,
        compiler: "rustc 1".to_owned(),
    }
}

#[test]
fn one_panic_site_more_fails() {
    assert!(compare(&counted(7), &counted(8)).is_err());
}

#[test]
fn the_same_number_and_a_smaller_one_pass() {
    assert_eq!(
        compare(&counted(7), &counted(7)).unwrap(),
        "7 panic sites, as before"
    );
    assert!(
        compare(&counted(7), &counted(6))
            .unwrap()
            .starts_with("6 panic sites, 7 before")
    );
}

#[test]
fn numbers_of_two_compilers_are_not_compared() {
    let other = Baseline {
        sites: 9,
        compiler: "rustc 2".to_owned(),
    };
    assert!(
        compare(&counted(7), &other)
            .unwrap()
            .contains("record again")
    );
}

#[test]
fn a_baseline_is_read_back_as_written() {
    assert_eq!(Baseline::from_text(&counted(7).to_text()), Some(counted(7)));
}

#[test]
fn functions_that_panic_are_known_by_their_mangled_names() {
    let panics = |name| is_any(name, &PANICKING);
    assert!(panics(
        "_RNvNtNtCsfbcvzARcpUg_4core9panicking11panic_const23panic_const_div_by_zero"
    ));
    assert!(panics(
        "_RNvNtNtCsfbcvzARcpUg_4core5slice5index16slice_index_fail"
    ));
    assert!(panics("_RNvNtCs1_4core6option13unwrap_failed"));
    assert!(!panics("_RNvNtCsfbcvzARcpUg_4core3fmt5write"));
}

#[test]
fn functions_that_end_a_program_without_memory_are_told_apart() {
    assert!(is_any(
        "_RNvNtCs1_5alloc7raw_vec12handle_error",
        &OUT_OF_MEMORY
    ));
    assert!(!is_any(
        "_RNvNtCs1_5alloc7raw_vec12handle_error",
        &PANICKING
    ));
}

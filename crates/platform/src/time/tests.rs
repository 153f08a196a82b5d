use std::format;

use super::*;

#[test]
fn duration_is_shown_in_the_largest_unit_that_leaves_nothing_over() {
    for (nanos, shown) in [
        (0, "0ns"),
        (999, "999ns"),
        (1_000, "1µs"),
        (1_001, "1001ns"),
        (25_000_000, "25ms"),
        (1_500_000_000, "1500ms"),
        (3_000_000_000, "3s"),
    ] {
        assert_eq!(format!("{:?}", Duration::from_nanos(nanos)), shown);
    }
}

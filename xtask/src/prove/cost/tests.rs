//! What is read of callgrind's words.

use super::collected;

#[test]
fn the_closing_line_has_the_number() {
    let printed = "==7== Events    : Ir\n==7== Collected : 93213624\n==7== \n";
    assert_eq!(collected(printed), Some(93_213_624));
    assert_eq!(collected("valgrind: cannot run"), None);
}

use super::*;

#[test]
fn the_last_word_of_a_script_counts() {
    let printed = "done calls 50000\r\nnoise\ndone calls 100000\r\ndone callsign 7\n";
    assert_eq!(counted(printed, "calls"), 100_000);
    assert_eq!(counted(printed, "failures"), 0);
}

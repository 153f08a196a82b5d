use super::*;

#[test]
fn failure_is_one_line_whatever_the_peer_sent() {
    let failure = Failure::told(Exit::Refused, "no\n\u{1b}[2Jsuch\r\nfile\u{202e}");
    assert_eq!(
        failure.to_string(),
        "no\u{fffd}\u{fffd}[2Jsuch\u{fffd}\u{fffd}file\u{fffd}"
    );
}

#[test]
fn full_disk_ends_everything_and_says_what_to_do() {
    let failure = Failure::writing("a/b", &io::Error::from_raw_os_error(28));
    assert!(failure.ends_everything());
    assert_eq!(failure.exit(), Exit::Local);
    assert_eq!(
        failure.to_string(),
        "cannot write a/b: No space left on device; make room on the disk, then run again with --resume"
    );
}

#[test]
fn unreadable_file_does_not_stop_the_others() {
    let failure = Failure::reading("a", &io::Error::from_raw_os_error(13));
    assert!(!failure.ends_everything());
    assert_eq!(
        failure.to_string(),
        "cannot read a: Permission denied; check its permissions, or run as a user who may"
    );
}

#[test]
fn several_failures_are_still_one_line() {
    let failure = Failure::told(Exit::Local, "cannot read a; check it").first_of(3, 1000);
    assert_eq!(
        failure.to_string(),
        "3 files of 1000 failed, the first: cannot read a; check it"
    );
}

#[test]
fn failure_carried_by_an_io_error_comes_out_as_it_went_in() {
    let failure = Failure::told(Exit::Handshake, "certificate expired; renew it");
    assert_eq!(Failure::broken(&failure.clone().into()), failure);
}

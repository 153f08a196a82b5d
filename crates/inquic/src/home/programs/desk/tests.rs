//! News that come at every moment of the work.

use std::cell::Cell;

use super::Desk;

/// Nothing is left to do.
type Nothing = fn();

/// Work that counts how often it was done.
fn count(times: &mut u32) -> Option<Nothing> {
    *times += 1;
    None
}

/// How often it was done so far, without a visit to the desk.
fn times(desk: &Desk<u32>) -> u32 {
    *desk.on.lock().unwrap()
}

#[test]
fn news_are_worked_on_at_once() {
    let desk = Desk::<u32>::default();
    desk.tell(count);
    desk.tell(count);
    assert_eq!(times(&desk), 2);
}

#[test]
fn news_that_come_while_somebody_looks_are_worked_on_after_it() {
    let desk = Desk::<u32>::default();
    let seen = desk.look(
        |times| {
            desk.tell(count);
            *times
        },
        count,
    );
    assert_eq!(seen, 0, "whoever looks is not disturbed");
    assert_eq!(times(&desk), 1);
}

#[test]
fn news_that_come_while_somebody_works_are_worked_on_after_it() {
    let desk = Desk::<u32>::default();
    desk.tell(|times: &mut u32| -> Option<Nothing> {
        if *times == 0 {
            desk.tell(count);
        }
        count(times)
    });
    assert_eq!(times(&desk), 2);
}

#[test]
fn news_that_come_with_what_is_done_behind_the_work_are_worked_on() {
    let desk = Desk::<u32>::default();
    let behind = Cell::new(0);
    desk.tell(|times: &mut u32| {
        *times += 1;
        (*times == 1).then_some(|| {
            behind.set(behind.get() + 1);
            desk.tell(count);
        })
    });
    assert_eq!((behind.get(), times(&desk)), (1, 2));
}

#[test]
fn a_look_without_news_is_no_work() {
    let desk = Desk::<u32>::default();
    assert_eq!(desk.look(|times| *times, count), 0);
    assert_eq!(times(&desk), 0);
}

#[test]
fn who_looks_sees_what_the_news_before_it_have_made() {
    let desk = Desk::<u32>::default();
    // Whoever worked has seen no news and is about to leave.
    desk.again.store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(desk.look(|times| *times, count), 1);
}

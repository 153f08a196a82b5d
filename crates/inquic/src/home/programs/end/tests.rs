//! A pair, with a test that does what the program's library does when it is told.

use std::os::fd::OwnedFd;

use inquic_uapi::flags::{POLLERR, POLLHUP, POLLIN, POLLOUT};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::{DRAIN, End, FILL, FILLER_BYTES};

const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

fn mask(theirs: &OwnedFd) -> PollFlags {
    let wanted = PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP;
    let mut polled = [PollFd::new(theirs, wanted)];
    poll(&mut polled, Some(&AT_ONCE)).unwrap();
    polled[0].revents()
}

fn obey(theirs: &OwnedFd, orders: u32) {
    if orders & DRAIN != 0 {
        recv(theirs, &mut [0_u8; 1], RecvFlags::DONTWAIT).unwrap();
    }
    if orders & FILL != 0 {
        send(theirs, &[0; FILLER_BYTES], SendFlags::DONTWAIT).unwrap();
        send(theirs, &[0], SendFlags::DONTWAIT).unwrap();
    }
}

#[test]
fn a_new_descriptor_is_writable_and_not_readable() {
    let (_end, theirs, _) = End::new().unwrap();
    assert_eq!(mask(&theirs), PollFlags::OUT);
}

#[test]
fn it_is_readable_from_the_word_of_the_home_to_its_order() {
    let (mut end, theirs, _) = End::new().unwrap();
    for _ in 0..3 {
        end.show(POLLIN | POLLOUT);
        end.show(POLLIN | POLLOUT);
        assert_eq!(mask(&theirs), PollFlags::IN | PollFlags::OUT);
        obey(&theirs, end.orders(POLLOUT, true));
        assert_eq!(
            mask(&theirs),
            PollFlags::OUT,
            "one byte for any number of words"
        );
    }
}

#[test]
fn data_that_comes_before_an_order_is_obeyed_is_shown() {
    let (mut end, theirs, _) = End::new().unwrap();
    end.show(POLLIN | POLLOUT);
    let orders = end.orders(POLLOUT, true);
    end.show(POLLIN | POLLOUT);
    obey(&theirs, orders);
    assert_eq!(mask(&theirs), PollFlags::IN | PollFlags::OUT);
}

#[test]
fn it_is_not_writable_from_an_order_to_the_word_of_the_home() {
    let (mut end, theirs, _) = End::new().unwrap();
    for _ in 0..5 {
        obey(&theirs, end.orders(0, true));
        assert_eq!(mask(&theirs), PollFlags::empty());
        assert_eq!(end.orders(0, true), 0, "it is told once");
        end.show(POLLOUT);
        assert_eq!(mask(&theirs), PollFlags::OUT);
    }
}

#[test]
fn a_filler_that_comes_late_is_taken_out_when_it_comes() {
    let (mut end, theirs, _) = End::new().unwrap();
    let orders = end.orders(0, true);
    end.show(POLLOUT);
    obey(&theirs, orders);
    assert_eq!(mask(&theirs), PollFlags::empty());
    end.on_written();
    assert_eq!(mask(&theirs), PollFlags::OUT);
}

#[test]
fn one_that_may_not_be_filled_stays_writable() {
    let (mut end, theirs, _) = End::new().unwrap();
    obey(&theirs, end.orders(0, false));
    assert_eq!(mask(&theirs), PollFlags::OUT);
}

#[test]
fn one_that_is_filled_before_it_is_given_away_is_not_writable() {
    let (mut end, theirs, _) = End::new().unwrap();
    end.fill(&theirs);
    assert_eq!(mask(&theirs), PollFlags::empty());
    end.show(POLLOUT);
    assert_eq!(mask(&theirs), PollFlags::OUT);
}

#[test]
fn after_the_end_it_shows_everything_whatever_is_ordered() {
    let (mut end, theirs, _) = End::new().unwrap();
    obey(&theirs, end.orders(0, true));
    assert!(
        end.show(POLLIN | POLLOUT | POLLERR | POLLHUP),
        "something else is watched now"
    );
    let all = PollFlags::IN | PollFlags::OUT | PollFlags::ERR | PollFlags::HUP | PollFlags::RDHUP;
    assert_eq!(mask(&theirs), all);
    assert_eq!(end.orders(0, true), 0);
    assert_eq!(mask(&theirs), all);
}

#[test]
fn the_last_close_is_seen_before_the_end_and_after_it() {
    for over in [false, true] {
        let (mut end, theirs, _) = End::new().unwrap();
        let copy = theirs.try_clone().unwrap();
        if over {
            end.show(POLLERR);
        }
        drop(theirs);
        let hung_up = |end: &End| {
            let mut polled = [PollFd::new(end.watched(), PollFlags::empty())];
            poll(&mut polled, Some(&AT_ONCE)).unwrap();
            polled[0].revents().contains(PollFlags::HUP)
        };
        assert!(!hung_up(&end), "somebody has a copy");
        drop(copy);
        assert!(hung_up(&end));
    }
}

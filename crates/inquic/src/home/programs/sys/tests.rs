//! A thread that serves a page, and how whoever waits there hears of its end.

use std::mem::ManuallyDrop;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::thread;

use inquic_calls::{NOBODY, PAGE_BYTES, PROGRAM_SLEEPS};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::thread::futex;
use rustix::time::Timespec;

use super::{Keeper, Mapped};

fn page() -> Mapped {
    let memory = memfd_create("page", MemfdFlags::CLOEXEC).unwrap();
    ftruncate(&memory, PAGE_BYTES as u64).unwrap();
    Mapped::new(memory.as_fd()).unwrap()
}

/// Sleeps on a page as a program does until nobody serves it; `end` is what its thread does with the keeper.
fn sleep_until_nobody_serves(end: fn(Keeper<'_>)) {
    let page = page();
    thread::scope(|scope| {
        let (ready, readiness) = std::sync::mpsc::channel();
        scope.spawn({
            let page = &*page;
            move || {
                let keeper = Keeper::new(page).unwrap();
                ready.send(()).unwrap();
                while page.keeper.load(Ordering::SeqCst) & PROGRAM_SLEEPS == 0 {
                    thread::yield_now();
                }
                end(keeper);
            }
        });
        readiness.recv().unwrap();
        let served = page.keeper.fetch_or(PROGRAM_SLEEPS, Ordering::SeqCst) | PROGRAM_SLEEPS;
        assert_eq!(served & NOBODY, 0);
        let patience = Timespec {
            tv_sec: 60,
            tv_nsec: 0,
        };
        let flags = futex::Flags::empty();
        while page.keeper.load(Ordering::SeqCst) == served {
            let slept = futex::wait(&page.keeper, flags, served, Some(&patience));
            assert_ne!(slept, Err(rustix::io::Errno::TIMEDOUT), "nobody woke it");
        }
    });
    assert_ne!(page.keeper.load(Ordering::SeqCst) & NOBODY, 0);
}

#[test]
fn a_thread_that_serves_no_more_says_so() {
    sleep_until_nobody_serves(|keeper| drop(keeper));
}

#[test]
fn the_kernel_says_it_for_a_thread_that_just_ended() {
    sleep_until_nobody_serves(|keeper| {
        let _left = ManuallyDrop::new(keeper);
    });
}

//! The sweep: each life again and again, with another allocation refused each time. (With `INQUIC_ALLOCATION` set to the number of
//! a life and of an allocation, as in `2 117`, only that one is refused, and its place is printed.)

use crate::allocator::{begin, count, held};
use crate::calls;
use crate::lives::{LIVES, play};

#[test]
fn every_allocation_may_fail_once() {
    if let Ok(one) = std::env::var("INQUIC_ALLOCATION") {
        let (life, refused) = one.split_once(' ').expect("two numbers");
        let life: usize = life.parse().expect("the number of a life");
        let refused = refused.parse().expect("the number of an allocation");
        return refuse(life, refused, true);
    }
    for (life, script) in LIVES.iter().enumerate() {
        begin(0, false);
        play(script);
        let all = count();
        assert!(all > 50, "{}: it allocates nothing", script.name);
        for refused in 1..=all {
            refuse(life, refused, false);
        }
        println!("{}: {all} allocations, each refused once", script.name);
    }
}

#[test]
fn every_allocation_of_a_socket_may_fail_once() {
    if let Ok(one) = std::env::var("INQUIC_ALLOCATION") {
        let (life, refused) = one.split_once(' ').expect("two numbers");
        let life: usize = life.parse().expect("the number of a life");
        begin(refused.parse().expect("the number of an allocation"), true);
        return calls::play(life > LIVES.len());
    }
    for early in [false, true] {
        begin(0, false);
        calls::play(early);
        let all = count();
        for refused in 1..=all {
            eprintln!(
                "INQUIC_ALLOCATION='{} {refused}'",
                LIVES.len() + usize::from(early)
            );
            let before = held();
            begin(refused, false);
            calls::play(early);
            begin(0, false);
            assert_eq!(held(), before, "allocation {refused} leaks");
        }
        println!("a socket's life: {all} allocations, each refused once");
    }
}

/// Plays a life with one allocation refused. Whoever cannot do without it aborts the process.
fn refuse(life: usize, refused: u64, traced: bool) {
    // The last line before an abort says what to look at.
    eprintln!("INQUIC_ALLOCATION='{life} {refused}'");
    let before = held();
    begin(refused, traced);
    play(&LIVES[life]);
    begin(0, false);
    assert_eq!(held(), before, "allocation {refused} leaks");
}

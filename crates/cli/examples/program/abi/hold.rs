//! Many connections that nobody uses, held by one process for somebody who looks at what they take. In: how many, then lines on
//! standard input that say go on; out: `ready`, `holding`, then the end.

use std::io;

use inquic_uapi::option::QUIC_SOCKOPT_TRANSPORT_PARAM;
use inquic_uapi::structs::TransportParam;

use super::pair::{Ends, any, bind, bytes, connect, local, set, socket};
use super::raw;
use crate::sys::{self, Fd};

/// Makes so many connections to itself, and waits with both ends of all.
///
/// # Errors
///
/// When standard input or output is gone.
pub(crate) fn run(count: usize) -> io::Result<()> {
    let forever = bytes(&TransportParam {
        max_idle_timeout: HOUR_US,
        ..TransportParam::default()
    });
    let fresh = || {
        let fresh = socket();
        set(&fresh, QUIC_SOCKOPT_TRANSPORT_PARAM, &forever).expect("parameters");
        fresh
    };
    let listener = fresh();
    bind(&listener, any()).expect("an address");
    raw::listen(&listener, 8).expect("a listener");
    let at = local(&listener);
    let one = || {
        let client = fresh();
        connect(&client, at).expect("a way there");
        let again = sys::copy(&listener).expect("a copy");
        let ends = Ends::greet((again, client, at));
        ends.shake_hands();
        [ends.client, ends.server]
    };
    // What a process keeps for as long as it lives is there after its first connection.
    drop(one());
    wait("ready")?;
    let held: Vec<[Fd; 2]> = (0..count).map(|_| one()).collect();
    wait("holding")?;
    drop(held);
    Ok(())
}

/// Says a word, and waits for a line.
fn wait(word: &str) -> io::Result<()> {
    println!("{word}");
    io::stdin().read_line(&mut String::new()).map(drop)
}

/// Microseconds of an hour: none of the connections ends by itself.
const HOUR_US: u32 = 3_600_000_000;

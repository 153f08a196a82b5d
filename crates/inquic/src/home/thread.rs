//! A port driven by threads of its own: turns while there is work, poll(2) on its sockets and its bell in between.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::clock;
use super::driver::{Driver, Source, Turn};
use super::moves::Extra;
use super::port::Port;

/// Starts one thread for each socket of `port`.
pub(crate) fn start(port: &Arc<Port>) -> io::Result<()> {
    for index in 0..port.udp.len() {
        spawn(port, Source::Port(index), format!("inquic-io-{index}"))?;
    }
    Ok(())
}

/// Starts a thread for a socket that a connection moves to.
pub(super) fn start_extra(port: &Arc<Port>, extra: &Arc<Extra>) -> io::Result<()> {
    spawn(port, Source::Extra(extra.clone()), "inquic-moved".into())
}

fn spawn(port: &Arc<Port>, source: Source, name: String) -> io::Result<()> {
    let driver = Driver::new(port.clone(), source);
    thread::Builder::new()
        .name(name)
        .spawn(move || run(driver))?;
    Ok(())
}

fn run(mut driver: Driver) {
    let mut readable = true;
    loop {
        match driver.turn(readable) {
            Turn::Ended => return,
            Turn::Again => readable = true,
            Turn::Idle => match driver.sleep() {
                Some(now_readable) => readable = now_readable,
                None => return,
            },
        }
    }
}

impl Driver {
    /// Sleeps until there is something to do. Returns whether datagrams wait; none when the port has ended.
    fn sleep(&self) -> Option<bool> {
        let port = &self.port;
        let udp = self.source.udp(port);
        let first = self.is_first();
        let mut timeout = None;
        if first {
            port.bell.fall_asleep();
        }
        // Asked only now: the bell rings when this process begins to receive for all that have the port.
        let mut wanted = if self.reads() {
            PollFlags::IN
        } else {
            PollFlags::empty()
        };
        if first {
            // What was listed after the turn and before the bell could wake us.
            if port.is_blocked() {
                wanted |= PollFlags::OUT;
            } else if port.has_listed() {
                port.bell.wake_up(false);
                return Some(false);
            }
            let deadline = port.timers().next();
            timeout = deadline.map(|deadline| {
                let wait = clock::until(clock::now(), deadline);
                Timespec::try_from(wait).unwrap_or(Timespec {
                    tv_sec: 1,
                    tv_nsec: 0,
                })
            });
        }
        let alarm = match port.bell.descriptor().filter(|_| first) {
            Some(bell) => bell,
            None => port.ended.as_fd(),
        };
        let retired = match &self.source {
            Source::Port(_) | Source::Link => alarm,
            Source::Extra(extra) => extra.retired.as_fd(),
        };
        let mut descriptors = [
            PollFd::new(udp, wanted),
            PollFd::from_borrowed_fd(alarm, PollFlags::IN),
            PollFd::from_borrowed_fd(retired, PollFlags::IN),
        ];
        // EINTR comes back as an error, and the next turn looks at everything anyway.
        let polled = poll(&mut descriptors, timeout.as_ref());
        let rung = descriptors[1..]
            .iter()
            .any(|alarm| !alarm.revents().is_empty());
        let readable = polled.is_err()
            || descriptors[0]
                .revents()
                .intersects(PollFlags::IN | PollFlags::ERR);
        if first {
            port.bell.wake_up(rung);
        } else if rung {
            return None;
        }
        Some(readable)
    }
}

#[cfg(test)]
mod tests;

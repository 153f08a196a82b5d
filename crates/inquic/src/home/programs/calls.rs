//! A program's call, from when it is asked to its answer: numbers and addresses in; bytes in the program's memory, a result and
//! what its library has to do out. What a call means is decided by the socket; here it is fetched, tried and delivered.

use std::sync::Arc;
use std::task::Waker;

use inquic_calls::{ARGUMENTS, Call, FETCH, PIPE};
use inquic_platform::Instant;
use inquic_socket::Errno;
use inquic_socket::sock::Stop;

use super::line::Line;
use super::opened::Opened;
use super::receive::Receiving;
use super::send::Sending;
use super::served::{Caller, Held, Served, Wait};
use super::{names, options};

/// A call that was asked.
pub(super) struct Asked {
    call: Option<Call>,
    pub(super) values: [u64; ARGUMENTS],
    may_wait: bool,
    opened: Option<Arc<Opened>>,
    /// Until when it may wait; for ever if there is none.
    pub(super) until: Option<Instant>,
    work: Work,
}

/// How far a call has come that may be tried more than once.
enum Work {
    Fresh,
    Sending(Sending),
    Receiving(Receiving),
}

/// What a program gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) result: i64,
    pub(super) orders: u32,
    pub(super) ticket: u64,
}

/// What became of an attempt.
pub(super) enum Attempt {
    /// With the socket that is to catch up with it once the program has its answer.
    Answered(Answer, Option<Arc<Served>>),
    /// It waits, and its waker is woken.
    Waits,
}

/// A result that is not a socket's word: a number, or an errno.
pub(super) type Outcome<T> = Result<T, Failure>;

/// Why a call has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Errno(i32),
    /// EPIPE and SIGPIPE.
    Pipe,
    /// It would wait.
    Wait {
        receives: bool,
        errno: Errno,
    },
}

impl Answer {
    pub(super) fn of(outcome: Outcome<i64>, orders: u32) -> Self {
        let (result, more) = match outcome {
            Ok(result) => (result, 0),
            Err(Failure::Errno(errno)) => (-i64::from(errno), 0),
            Err(Failure::Pipe) => (-i64::from(libc::EPIPE), PIPE),
            Err(Failure::Wait { errno, .. }) => (-i64::from(errno.number()), 0),
        };
        Self {
            result,
            orders: orders | more,
            ticket: 0,
        }
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno.number())
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Failed(errno) => errno.into(),
            Stop::Pipe => Self::Pipe,
            Stop::Blocked { on, errno } => Self::Wait {
                receives: on.is_receiving(),
                errno,
            },
        }
    }
}

impl Asked {
    pub(super) const fn new(
        call: Option<Call>,
        values: [u64; ARGUMENTS],
        may_wait: bool,
        opened: Option<Arc<Opened>>,
    ) -> Self {
        Self {
            call,
            values,
            may_wait,
            opened,
            until: None,
            work: Work::Fresh,
        }
    }

    /// Tries it.
    pub(super) fn attempt(&mut self, line: &Line, waker: &Waker, buffer: &mut Vec<u8>) -> Attempt {
        let Some(call) = self.call else {
            return Attempt::Answered(Answer::of(Err(Failure::Errno(libc::ENOSYS)), 0), None);
        };
        if call == Call::Put {
            let [place, number, ..] = self.values;
            let number = (number & u64::from(u32::MAX)) as u32;
            let written = line.memory.write_bytes(place, &number.to_ne_bytes());
            let outcome = written.map(|()| 0).map_err(Failure::from);
            return Attempt::Answered(Answer::of(outcome, 0), None);
        }
        let Some(opened) = self.opened.clone() else {
            return Attempt::Answered(Answer::of(Err(Failure::Errno(libc::ENOTSOCK)), 0), None);
        };
        let answered = match call {
            Call::Send | Call::SendMessage | Call::Write => {
                self.send(call, &opened, line, waker, buffer)
            }
            Call::Receive | Call::ReceiveMessage | Call::Read => {
                self.receive(call, &opened, line, waker, buffer)
            }
            Call::Accept => self.accept(&opened, line, waker),
            Call::GetOption => self.get_option(&opened, line, waker),
            _ => Some(self.simple(call, &opened, line, waker)),
        };
        let behind = Some(opened.served.clone());
        answered.map_or(Attempt::Waits, |answer| Attempt::Answered(answer, behind))
    }

    /// It is tried no more.
    pub(super) fn forget_waiting(&self, waker: &Waker) {
        if let Some(opened) = &self.opened {
            opened.served.forget_waiting(waker);
        }
    }

    /// What it has come to, when it may wait no longer.
    pub(super) fn given_up(&self, errno: i32) -> Answer {
        let done = match &self.work {
            Work::Sending(sending) => sending.done(),
            Work::Fresh | Work::Receiving(_) => 0,
        };
        let outcome = match done {
            0 => Err(Failure::Errno(errno)),
            done => Ok(done),
        };
        Answer::of(outcome, 0)
    }

    /// Calls that never wait.
    fn simple(&self, call: Call, opened: &Opened, line: &Line, waker: &Waker) -> Answer {
        let [first, second, ..] = self.values;
        let memory = &line.memory;
        let served = &opened.served;
        let outcome: Outcome<i64> = match call {
            Call::Who => Ok(0),
            _ if opened.stream.is_some() => options::on_stream(opened, call, self.values, memory),
            Call::Bind => names::read(memory, first, second).and_then(|name| {
                let bound = served.bind(line.process, &name);
                bound.map(|()| 0).map_err(Failure::Errno)
            }),
            Call::Listen => {
                let listening = served.listen(line.process, number(first));
                listening.map(|()| 0).map_err(Failure::Errno)
            }
            Call::Connect => names::read(memory, first, second)
                .and_then(|name| served.connect(&name).map(|()| 0).map_err(Failure::Errno)),
            Call::OwnName => names::own(memory, served, first, second),
            Call::PeerName => names::peer(memory, served, first, second),
            Call::SetOption => options::set(opened, self.values, memory),
            Call::Ioctl => options::ioctl(opened, first, second, memory),
            Call::Shutdown => served.act(|held, now| {
                held.sock.shutdown(now, number(first))?;
                Ok(0)
            }),
            _ => Err(Failure::Errno(libc::ENOSYS)),
        };
        // Who or what the socket is may have changed what it shows.
        let caller = Caller {
            waker,
            may_fill: true,
        };
        let orders = served
            .act_for(opened, &caller, |_, _| Ok::<_, Wait>(()))
            .map_or(0, |((), orders)| orders);
        Answer::of(outcome, orders)
    }

    fn accept(&mut self, opened: &Opened, line: &Line, waker: &Waker) -> Option<Answer> {
        if opened.stream.is_some() {
            return Some(Answer::of(Err(Errno::EOPNOTSUPP.into()), 0));
        }
        let [place, len, ..] = self.values;
        let served = &opened.served;
        let (accepted, orders) = self.made(opened, waker, |held, _| match served.port() {
            Some(port) => port.accept_served(&held.sock).map_err(Failure::from),
            None => Err(Failure::Errno(libc::EINVAL)),
        })?;
        let ticket = accepted.and_then(|connection| {
            let (fresh, theirs) = Opened::new(&line.registry, &connection, None)
                .map_err(|_| Failure::Errno(libc::ENFILE))?;
            if place != 0 {
                names::peer(&line.memory, &connection, place, len)?;
            }
            Ok(line.registry.leave(line.process, fresh, theirs))
        });
        Some(Answer {
            ticket: ticket.unwrap_or_default(),
            ..Answer::of(ticket.map(|_| 0), orders | FETCH)
        })
    }

    fn get_option(&mut self, opened: &Opened, line: &Line, waker: &Waker) -> Option<Answer> {
        if opened.stream.is_some() {
            let outcome = options::on_stream(opened, Call::GetOption, self.values, &line.memory);
            return Some(Answer::of(outcome, 0));
        }
        let wanted = match options::Wanted::read(&line.memory, self.values) {
            Ok(wanted) => wanted,
            Err(failure) => return Some(Answer::of(Err(failure), 0)),
        };
        let (got, orders) = self.made(opened, waker, |held, _| {
            wanted.get(held, opened.served.port())
        })?;
        let delivered = got.and_then(|got| got.deliver(&wanted, opened, line));
        let ticket = delivered.unwrap_or_default();
        Some(Answer {
            ticket: ticket.unwrap_or_default(),
            ..Answer::of(
                delivered.map(|_| 0),
                if ticket.is_some() {
                    orders | FETCH
                } else {
                    orders
                },
            )
        })
    }

    fn send(
        &mut self,
        call: Call,
        opened: &Opened,
        line: &Line,
        waker: &Waker,
        buffer: &mut Vec<u8>,
    ) -> Option<Answer> {
        let begun = match std::mem::replace(&mut self.work, Work::Fresh) {
            Work::Sending(sending) => Ok(sending),
            Work::Fresh | Work::Receiving(_) => Sending::read(&line.memory, call, self.values),
        };
        let mut sending = match begun {
            Ok(sending) => sending,
            Err(failure) => return Some(Answer::of(Err(failure), 0)),
        };
        let (may_wait, stream) = (self.may_wait, opened.stream);
        let made = self.made(opened, waker, |held, now| {
            sending.go_on(&line.memory, held, now, stream, may_wait, buffer)
        });
        let answer = made.map(|(sent, orders)| {
            let delivered = sent.and_then(|bytes| sending.tell(&line.memory, bytes));
            Answer::of(delivered, orders)
        });
        self.work = Work::Sending(sending);
        answer
    }

    fn receive(
        &mut self,
        call: Call,
        opened: &Opened,
        line: &Line,
        waker: &Waker,
        buffer: &mut Vec<u8>,
    ) -> Option<Answer> {
        let begun = match std::mem::replace(&mut self.work, Work::Fresh) {
            Work::Receiving(receiving) => Ok(receiving),
            Work::Fresh | Work::Sending(_) => Receiving::read(&line.memory, call, self.values),
        };
        let receiving = match begun {
            Ok(receiving) => receiving,
            Err(failure) => return Some(Answer::of(Err(failure), 0)),
        };
        let stream = opened.stream;
        let made = self.made(opened, waker, |held, now| {
            match opened.take_undelivered(&receiving, buffer) {
                Some(taken) => Ok(taken),
                None => receiving.take(held, now, stream, buffer),
            }
        });
        let answer = made.map(|(taken, orders)| {
            let delivered = taken.and_then(|taken| {
                let delivered = receiving.deliver(&line.memory, &taken, buffer);
                if delivered.is_err() && !receiving.is_peeking() {
                    opened.keep_undelivered(taken, &receiving, buffer);
                }
                delivered
            });
            Answer::of(delivered, orders)
        });
        self.work = Work::Receiving(receiving);
        answer
    }

    /// Makes the call on the socket. None when it waits.
    fn made<T>(
        &mut self,
        opened: &Opened,
        waker: &Waker,
        call: impl FnOnce(&mut Held, Instant) -> Outcome<T>,
    ) -> Option<(Outcome<T>, u32)> {
        let may_wait = self.may_wait;
        let caller = Caller {
            waker,
            may_fill: !may_wait,
        };
        let until = &mut self.until;
        opened
            .served
            .act_for(opened, &caller, |held, now| match call(held, now) {
                Err(Failure::Wait { receives, .. }) if may_wait => {
                    if until.is_none() {
                        let timeout = if receives {
                            held.sock.receive_timeout()
                        } else {
                            held.sock.send_timeout()
                        };
                        *until = timeout.map(|timeout| now + timeout);
                    }
                    Err(Wait { receives })
                }
                outcome => Ok(outcome),
            })
    }
}

/// An `int` of the program's.
pub(super) const fn number(value: u64) -> i32 {
    (value & 0xffff_ffff) as u32 as i32
}

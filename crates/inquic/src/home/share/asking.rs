//! Asking the dispatcher whether we may listen: a wish in, its word out. The thread that asks waits; the one that hears the dispatcher
//! brings the answer. It never waits with a lock of a socket's or of the port's in hand.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::link::Link;
use super::message::{self, Refusal, Wish};
use super::{Share, lock};
use crate::home::limits;

/// A question, and its answer once there is one.
pub(super) struct Asking {
    /// One at a time.
    turn: Mutex<()>,
    question: Mutex<Question>,
    answered: Condvar,
}

struct Question {
    number: u32,
    answer: Option<Result<(), Refusal>>,
}

impl Asking {
    pub(super) const fn new() -> Self {
        Self {
            turn: Mutex::new(()),
            question: Mutex::new(Question {
                number: 0,
                answer: None,
            }),
            answered: Condvar::new(),
        }
    }

    /// Asks, and waits a moment for the answer.
    fn ask(&self, link: &Link, wish: &Wish) -> Option<Result<(), Refusal>> {
        let mut question = lock(&self.question);
        question.number = question.number.wrapping_add(1);
        question.answer = None;
        link.send(&[&message::listen(question.number, wish)]).ok()?;
        let (mut question, _) = self
            .answered
            .wait_timeout_while(question, limits::ANSWER.into(), |asked| {
                asked.answer.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        question.answer.take()
    }

    /// An answer has come. One to a question that nobody asks any more says nothing.
    pub(super) fn on_answer(&self, number: u32, answer: Result<(), Refusal>) {
        let mut question = lock(&self.question);
        if question.number == number {
            question.answer = Some(answer);
            self.answered.notify_all();
        }
    }
}

impl Share {
    /// Asks for what a listener of ours claims, until there is an answer. What we were granted before stays ours if this is not.
    ///
    /// # Errors
    ///
    /// Why not: [`Refusal::Later`] where nobody answered, or where we have become the dispatcher meanwhile and do not know yet what
    /// others have.
    pub(in crate::home) fn claim(&self, wish: &Wish) -> Result<(), Refusal> {
        let _turn = lock(&self.asking.turn);
        for _ in 0..limits::JOIN_TRIES {
            let link = self.dispatcher().ok_or(Refusal::Later)?;
            match self.asking.ask(&link, wish) {
                Some(Ok(())) if self.grant(&link, wish) => return Ok(()),
                // Another dispatcher is to be asked, or this one knows not yet.
                Some(Ok(()) | Err(Refusal::Later)) | None => {}
                Some(Err(refusal)) => return Err(refusal),
            }
            thread::sleep(limits::JOIN_PAUSE.into());
        }
        self.take_back();
        Err(Refusal::Later)
    }

    /// How a listener of ours listens has changed, in what nobody can refuse.
    pub(in crate::home) fn amend(&self, wish: Wish) {
        let mut granted = lock(&self.wish);
        if granted.is_some()
            && let Some(link) = self.dispatcher()
        {
            // Under a number that no question has: nobody waits for the answer.
            let _ = link.send(&[&message::listen(NOBODYS, &wish)]);
            *granted = Some(wish);
        }
    }

    /// Takes note of what was granted, unless whoever granted it is the dispatcher no more.
    fn grant(&self, by: &Arc<Link>, wish: &Wish) -> bool {
        let mut granted = lock(&self.wish);
        let still = self.dispatcher().is_some_and(|link| Arc::ptr_eq(&link, by));
        if still {
            *granted = wish.copied();
        }
        still
    }

    /// Nobody said whether a wish was granted: what holds is what was before.
    fn take_back(&self) {
        let granted = lock(&self.wish);
        if let Some(link) = self.dispatcher() {
            let before = match &*granted {
                Some(before) => message::listen(NOBODYS, before),
                None => message::unlisten().to_vec(),
            };
            let _ = link.send(&[&before]);
        }
    }
}

/// The number of what is told and not asked.
const NOBODYS: u32 = 0;

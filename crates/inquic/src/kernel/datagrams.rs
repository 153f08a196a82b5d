//! Datagrams that wait for the application: those of the socket in, one for each call out. It never holds more than
//! [`limits::DATAGRAM_BYTES`], or one that is longer; the oldest go first.

use std::collections::VecDeque;

use super::limits;

/// Datagrams in the order in which they came.
#[derive(Default)]
pub(super) struct Datagrams {
    waiting: VecDeque<Vec<u8>>,
    /// What they cost together.
    cost: usize,
}

impl Datagrams {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        while !self.is_empty() && self.cost + cost(data) > limits::DATAGRAM_BYTES {
            self.pop();
        }
        self.cost += cost(data);
        self.waiting.push_back(data.to_vec());
    }

    pub(super) fn pop(&mut self) -> Option<Vec<u8>> {
        let oldest = self.waiting.pop_front()?;
        self.cost -= cost(&oldest);
        Some(oldest)
    }
}

/// The empty ones cost something, too: a peer can send any number of them.
const fn cost(data: &[u8]) -> usize {
    data.len() + size_of::<Vec<u8>>()
}

#[cfg(test)]
mod tests;

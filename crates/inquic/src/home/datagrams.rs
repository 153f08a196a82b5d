//! Datagrams of one connection (RFC 9221): the application's in, those of the peer out, and who waits for them.

use std::task::{Context, Poll, Waker};

use inquic_socket::socket::{DatagramError, Fate};

use super::entry::{Entry, Held};
use super::waiters::{Wakes, push};
use crate::error::Error;
use crate::transport::Interest;

/// The wakers of callers that wait for datagrams.
#[derive(Default)]
pub(super) struct DatagramWaiters {
    receive: Vec<Waker>,
    send: Vec<Waker>,
    fate: Vec<Waker>,
}

/// What callers can wait for.
#[derive(Clone, Copy)]
pub(super) enum DatagramNews {
    Received,
    Room,
    Fates,
}

impl DatagramWaiters {
    pub(super) fn wake(&mut self, news: DatagramNews, wakes: &mut Wakes) {
        let waiting = match news {
            DatagramNews::Received => &mut self.receive,
            DatagramNews::Room => &mut self.send,
            DatagramNews::Fates => &mut self.fate,
        };
        for waker in waiting.drain(..) {
            wakes.push(waker);
        }
    }

    pub(super) fn wake_all(mut self, wakes: &mut Wakes) {
        for news in [
            DatagramNews::Received,
            DatagramNews::Room,
            DatagramNews::Fates,
        ] {
            self.wake(news, wakes);
        }
    }
}

impl Entry {
    /// Sends a datagram as soon as there is room for it.
    pub(super) fn poll_send_datagram(
        &self,
        context: &Context<'_>,
        data: &[u8],
        told: bool,
    ) -> Poll<Result<Option<u64>, Error>> {
        let mut held = self.lock();
        let answer = match held.socket.send_datagram(data, told) {
            Ok(number) => Ok(number),
            Err(DatagramError::Blocked) => {
                push(&mut held.waiters.datagrams().send, context);
                return Poll::Pending;
            }
            Err(DatagramError::Memory) => Err(Error::NoMemory),
            Err(DatagramError::NotConnected) => Err(held.ended().unwrap_or(Error::NotEstablished)),
            Err(DatagramError::Unsupported) => Err(Error::NoDatagrams),
            Err(DatagramError::TooLarge(most)) => Err(Error::DatagramTooLarge { most }),
        };
        if answer.is_ok() {
            self.flush(held, data.len());
        }
        Poll::Ready(answer)
    }

    /// The next datagram of the peer; none when it closed the connection with code 0.
    pub(super) fn poll_receive_datagram(
        &self,
        context: &Context<'_>,
    ) -> Poll<Result<Option<Vec<u8>>, Error>> {
        let mut held = self.lock();
        if let Some(len) = held.socket.datagram_len() {
            let mut data = vec![0; len];
            held.socket.take_datagram(&mut data);
            held.level_datagrams();
            return Poll::Ready(Ok(Some(data)));
        }
        match held.ended() {
            Some(Error::ClosedByPeer { code: 0, .. }) => Poll::Ready(Ok(None)),
            Some(error) => Poll::Ready(Err(error)),
            None => {
                push(&mut held.waiters.datagrams().receive, context);
                Poll::Pending
            }
        }
    }

    /// The next fate of a datagram: its number, and whether it was acknowledged.
    pub(super) fn poll_datagram_fate(
        &self,
        context: &Context<'_>,
    ) -> Poll<Result<(u64, bool), Error>> {
        let mut held = self.lock();
        if let Some((number, fate)) = held.socket.take_datagram_fate() {
            return Poll::Ready(Ok((number, fate == Fate::Acknowledged)));
        }
        if let Some(error) = held.ended() {
            return Poll::Ready(Err(error));
        }
        push(&mut held.waiters.datagrams().fate, context);
        Poll::Pending
    }

    pub(super) fn max_datagram_size(&self) -> Option<usize> {
        self.lock().socket.max_datagram_size()
    }
}

impl Held {
    /// Raises or lowers the descriptor of received datagrams.
    pub(super) fn level_datagrams(&mut self) {
        let up = self.socket.datagram_len().is_some();
        self.set_level(Interest::Datagrams, up);
    }
}

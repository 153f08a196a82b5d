//! shutdown and close: what the program calls in; CONNECTION_CLOSE with its words, now or when all has arrived, out.

use inquic_platform::Instant;
use inquic_uapi::error::QUIC_TRANSPORT_ERROR_CRYPTO;
use inquic_uapi::socket::{SHUT_RD, SHUT_RDWR};

use super::link::Link;
use super::{Sock, State};
use crate::errno::Errno;
use crate::options::Options;

impl Sock {
    /// shutdown(). SHUT_WR and SHUT_RDWR close the connection with the words of CONNECTION_CLOSE; SHUT_RD changes nothing.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] for another `how`, [`Errno::ENOTCONN`] when there is no connection.
    pub fn shutdown(&mut self, now: Instant, how: i32) -> Result<(), Errno> {
        if !(SHUT_RD..=SHUT_RDWR).contains(&how) {
            return Err(Errno::EINVAL);
        }
        let Self { state, options, .. } = self;
        match state {
            State::Connection(link) if !link.socket.is_closed() => {
                if how != SHUT_RD {
                    link.close(now, options);
                }
                Ok(())
            }
            State::Connection(_) | State::Idle(_) | State::Listening { .. } => Err(Errno::ENOTCONN),
        }
    }

    /// close() of the last descriptor. A listener's connections are first given back by [`Sock::unlisten`].
    pub fn close(&mut self, now: Instant) {
        let Self { state, options, .. } = self;
        if let State::Connection(link) = state {
            link.close(now, options);
        }
    }

    /// Whether the connection is over, lingering included: nothing that was written is on its way any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.link()
            .is_none_or(|link| link.socket.close_reason().is_some())
    }
}

impl Link {
    /// What is on its way is thrown away, unless the program has asked to linger.
    fn close(&mut self, now: Instant, options: &Options) {
        self.corked = None;
        let code = options.close.errcode;
        let phrase = options.close_phrase();
        if self.is_connecting()
            && let Some(alert) = code.checked_sub(QUIC_TRANSPORT_ERROR_CRYPTO)
            && let Ok(alert) = u8::try_from(alert)
        {
            // TLS is the program's, and this is how it says that TLS has failed.
            self.socket.fail_handshake(now, alert);
            self.socket.abort(now, 0, b"");
        } else if options.linger.is_zero() {
            self.socket.abort(now, code.into(), phrase);
        } else {
            self.socket
                .close_within(now, options.linger, code.into(), phrase);
        }
    }
}

//! The handshake of a connection: what the socket gives comes in, what TLS says goes out, as far as the socket takes and gives it now.

use std::io;

use inquic_descriptor::Calls as _;
use inquic_handshake::{HandshakeError, Progress};

use inquic_uapi::option;

use super::connection::{Connection, Held};
use super::events::with_buffer;
use super::settings;
use crate::error::Error;

impl Connection {
    /// Does what can be done now.
    pub(super) fn shake(&self, held: &mut Held) {
        match self.try_shake(held) {
            Ok(true) => {
                if let Err(error) = self.establish(held) {
                    self.fail(held, Error::io("cannot use a QUIC socket", &error));
                }
            }
            Ok(false) => {}
            Err(HandshakeError::Socket(error)) => match held.link.peer_alert() {
                Some(alert) => {
                    let error = Error::handshake(&HandshakeError::PeerAlert(alert));
                    self.fail(held, error);
                }
                None => match self.socket.take_error() {
                    Ok(Some(why)) => self.end(held, Some(&why)),
                    // It was closed in order.
                    _ if error.raw_os_error() == Some(libc::ECONNRESET) => self.end(held, None),
                    _ => self.end(held, Some(&error)),
                },
            },
            Err(error) => self.fail(held, Error::handshake(&error)),
        }
    }

    /// Whether the handshake is complete.
    fn try_shake(&self, held: &mut Held) -> Result<bool, HandshakeError> {
        loop {
            let progress = held.session.step(&mut held.link)?;
            if !self.send_all(held)? {
                return Ok(false);
            }
            if progress == Progress::Complete {
                return Ok(true);
            }
            let came = with_buffer(|buffer| {
                let (len, level) = self.descriptor().receive(buffer)?;
                held.link
                    .arrive(buffer.get(..len).unwrap_or_default(), level)
            });
            match came {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends what TLS has said; whether that is all.
    fn send_all(&self, held: &mut Held) -> io::Result<bool> {
        loop {
            if held.outgoing.is_none() {
                held.outgoing = held.link.outgoing()?;
            }
            let Some(out) = &held.outgoing else {
                return Ok(true);
            };
            match self.descriptor().send(out.level, &out.bytes, out.more) {
                Ok(_) => held.outgoing = None,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// From now on events tell what happens, and streams come by descriptors.
    fn establish(&self, held: &mut Held) -> io::Result<()> {
        settings::set_events(&self.descriptor())?;
        held.established = true;
        // What came before the events were turned on.
        let mut ticket = vec![0; option::SESSION_TICKET_LEN_MAX];
        if held.is_client
            && let Ok(len) = self
                .descriptor()
                .getsockopt(option::QUIC_SOCKOPT_SESSION_TICKET, &mut ticket)
            && len > 0
        {
            held.take_ticket(ticket.get(..len).unwrap_or_default());
        }
        let direction = inquic_wire::Direction::Unidirectional;
        if let Ok(Some(id)) = self.take_incoming(held, direction) {
            held.give_back(id);
        }
        Ok(())
    }
}

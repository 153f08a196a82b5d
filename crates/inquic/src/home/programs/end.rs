//! A descriptor that a program has for a QUIC socket, seen from the home: poll masks in; bytes that make the kernel show them out.
//!
//! It is a socket pair. The program's end is readable while a byte of ours is in it; not writable while a filler of the
//! program's is in ours; and has hung up with an error once ours is closed. Bytes say nothing but that. What is taken out of the
//! program's end or written there, its library does when an answer orders it ([`inquic_calls::DRAIN`], [`inquic_calls::FILL`]):
//! so the counts are exact, whatever threads and processes have the descriptor.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use inquic_calls::{BUFFER_BYTES, DRAIN, FILL, FILLER_BYTES};
use inquic_uapi::flags::{POLLERR, POLLIN, POLLOUT};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType, recv, send, sendmsg, socketpair, sockopt,
};
use rustix::pipe::{PipeFlags, pipe_with};

/// The home's end.
pub(super) struct End {
    ours: Ours,
    /// Whether a byte of ours is in the program's end.
    readable: bool,
    /// Whether a filler of the program's is in ours, or on its way.
    filled: bool,
}

/// What tells us that nobody has the program's end any more: it hangs up.
enum Ours {
    /// Our end.
    Open(OwnedFd),
    /// After the end of the connection: a pipe of which the other end lies in the program's end, where nobody takes it out.
    Closed(OwnedFd),
}

impl End {
    /// A new pair: our end, the program's and its cookie.
    pub(super) fn new() -> io::Result<(Self, OwnedFd, u64)> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        // The kernel doubles what is asked for.
        sockopt::set_socket_send_buffer_size(&theirs, BUFFER_BYTES / 2)?;
        let cookie = sockopt::socket_cookie(&theirs)?;
        // It stays in our end: closing that with something unread is an error to the other.
        send(&theirs, &[0], SendFlags::DONTWAIT)?;
        let end = Self {
            ours: Ours::Open(ours),
            readable: false,
            filled: false,
        };
        Ok((end, theirs, cookie))
    }

    /// Makes the program's end not writable, before it is given away.
    pub(super) fn fill(&mut self, theirs: &OwnedFd) {
        let filler = [0; FILLER_BYTES];
        let filled = send(theirs, &filler, SendFlags::DONTWAIT);
        self.filled = filled.and(send(theirs, &[0], SendFlags::DONTWAIT)).is_ok();
    }

    /// What hangs up when nobody has the program's end.
    pub(super) fn watched(&self) -> &OwnedFd {
        match &self.ours {
            Ours::Open(descriptor) | Ours::Closed(descriptor) => descriptor,
        }
    }

    /// Whether the program's end has hung up.
    pub(super) const fn has_hung_up(&self) -> bool {
        matches!(self.ours, Ours::Closed(_))
    }

    /// Shows `mask` as far as the home can: it raises levels. Whether [`End::watched`] is another one now.
    pub(super) fn show(&mut self, mask: u32) -> bool {
        let Ours::Open(ours) = &self.ours else {
            return false;
        };
        if mask & POLLERR != 0 {
            return self.hang_up().is_ok();
        }
        if mask & POLLIN != 0 && !self.readable {
            self.readable = send(ours, &[0], SendFlags::DONTWAIT | SendFlags::NOSIGNAL).is_ok();
        }
        if mask & POLLOUT != 0 && self.filled {
            self.filled = false;
            self.empty();
        }
        false
    }

    /// What the program's library has to do so that the levels that `mask` lacks go down.
    pub(super) fn orders(&mut self, mask: u32, may_fill: bool) -> u32 {
        let mut orders = 0;
        if self.has_hung_up() {
            return orders;
        }
        if mask & POLLIN == 0 && self.readable {
            self.readable = false;
            orders |= DRAIN;
        }
        if mask & POLLOUT == 0 && !self.filled && may_fill {
            self.filled = true;
            orders |= FILL;
        }
        orders
    }

    /// Something was written to our end: a filler, which may have come after it was to be taken out.
    pub(super) fn on_written(&self) {
        if !self.filled {
            self.empty();
        }
    }

    /// Takes out of our end all but one byte, which came by itself after each filler: memory is in use until all that came with it
    /// is taken.
    fn empty(&self) {
        let Ours::Open(ours) = &self.ours else {
            return;
        };
        let waiting = rustix::io::ioctl_fionread(ours).unwrap_or(0);
        let mut rest = usize::try_from(waiting).unwrap_or(0).saturating_sub(1);
        let mut filler = [MaybeUninit::<u8>::uninit(); FILLER_BYTES];
        while rest > 0 {
            let part = &mut filler[..rest.min(FILLER_BYTES)];
            match recv(ours, part, RecvFlags::DONTWAIT) {
                Ok((_, bytes)) if bytes > 0 => rest = rest.saturating_sub(bytes),
                _ => return,
            }
        }
    }

    /// Closes our end: the other shows POLLIN, POLLOUT, POLLHUP, POLLRDHUP and POLLERR from now on.
    fn hang_up(&mut self) -> io::Result<()> {
        let Ours::Open(ours) = &self.ours else {
            return Ok(());
        };
        let (watched, passed) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let passed = [passed.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&passed));
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        sendmsg(ours, &[IoSlice::new(&[0])], &mut control, flags)?;
        self.ours = Ours::Closed(watched);
        Ok(())
    }
}

#[cfg(test)]
mod tests;

//! A session as C has it, and its steps: what a handshake wants next goes out as a message for sendmsg() or recvmsg(), what the
//! program's call brought comes in. Nothing of a step moves while the program has pointers into it.

use std::ffi::{CString, c_int, c_void};
use std::ptr;

use crate::limits;
use crate::session::{Failed, Handshake, Next, invalid};
use inquic_descriptor::errno;
use inquic_descriptor::sys::{self, CONTROL_BYTES, Control, Descriptor};

/// `quic_session_t`.
pub struct QuicSession {
    pub(crate) handshake: Handshake,
    /// Why the last call failed, as C has it.
    pub(crate) why: CString,
    /// The call that the program is to make, while there is one.
    pub(crate) step: Option<Box<StepSpace>>,
}

/// `struct quic_handshake_step`.
#[repr(C)]
pub struct Step {
    op: u32,
    msg: *mut libc::msghdr,
    flags: c_int,
    retval: isize,
}

/// A step, and what its message points to.
pub(crate) struct StepSpace {
    step: Step,
    msg: libc::msghdr,
    iov: libc::iovec,
    control: Control,
    bytes: Vec<u8>,
}

const OP_SENDMSG: u32 = 1;
const OP_RECVMSG: u32 = 2;

impl QuicSession {
    pub(crate) fn new(sockfd: c_int) -> Self {
        Self {
            handshake: Handshake::new(Box::new(Descriptor(sockfd))),
            why: CString::default(),
            step: None,
        }
    }

    /// Makes a call on the session; why it failed is known until the next one.
    pub(crate) fn call<T>(
        &mut self,
        call: impl FnOnce(&mut Self) -> Result<T, Failed>,
    ) -> Result<T, c_int> {
        self.handshake.forget_failure();
        call(self).map_err(|Failed(number)| {
            self.handshake.explain(number);
            -number
        })
    }

    /// The step for what is next; null when there is nothing.
    pub(crate) fn next_step(&mut self) -> *mut Step {
        let (op, bytes, level, flags) = match self.handshake.next() {
            Next::Nothing => {
                self.step = None;
                return ptr::null_mut();
            }
            Next::Send(out) => {
                let flags = sys::send_flags(out.more);
                (OP_SENDMSG, out.bytes.clone(), Some(out.level), flags)
            }
            Next::Receive => {
                let room = vec![0; limits::RECEIVE_BYTES];
                (OP_RECVMSG, room, None, libc::MSG_DONTWAIT)
            }
        };
        let mut iov = libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: bytes.len(),
        };
        let mut space = Box::new(StepSpace {
            step: Step {
                op,
                msg: ptr::null_mut(),
                flags,
                retval: 0,
            },
            msg: sys::message(&mut iov, ptr::null_mut(), 0),
            iov,
            control: Control([0; CONTROL_BYTES]),
            bytes,
        });
        let len = level.map_or(CONTROL_BYTES, |level| {
            sys::handshake_control(level, &mut space.control)
        });
        // From here on nothing of it moves: the program follows these pointers.
        let space = self.step.insert(space);
        space.iov.iov_base = space.bytes.as_mut_ptr().cast::<c_void>();
        space.msg = sys::message(&mut space.iov, space.control.0.as_mut_ptr(), len);
        space.step.msg = &raw mut space.msg;
        &raw mut space.step
    }

    /// What the program's call brought.
    pub(crate) fn take_step(&mut self) -> Result<(), Failed> {
        let Some(space) = self.step.take() else {
            return Err(self
                .handshake
                .fail(libc::EINVAL, "there is no step under way"));
        };
        let Step { op, retval, .. } = space.step;
        let result = usize::try_from(retval).map_err(|_| {
            let number = retval
                .checked_neg()
                .and_then(|number| i32::try_from(number).ok());
            number.map_or_else(invalid, errno)
        });
        if op == OP_SENDMSG {
            return self.handshake.on_sent(result);
        }
        let control = space.control.0.get(..space.msg.msg_controllen);
        let level = sys::level_in(control.unwrap_or_default());
        let received = result.map(|len| (space.bytes.get(..len).unwrap_or_default(), level));
        self.handshake.on_received(received)
    }
}

use std::os::fd::{AsFd, BorrowedFd, IntoRawFd as _};
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::*;
use crate::agent::Notices;
use crate::message::{Authentication, Role};

/// The agent's end of a pair of Unix sockets, at whose other end a thread stands in for the kernel.
pub(crate) struct Paired(pub(crate) UnixDatagram);

impl Channel for Paired {
    fn send(&self, message: &[u8]) -> io::Result<()> {
        self.0.send(message).map(drop)
    }

    fn receive(&self, out: &mut [u8]) -> io::Result<usize> {
        self.0.recv(out)
    }
}

/// Notices, each a datagram; one of [`LOST`] says that the kernel had no room.
pub(crate) struct Called(pub(crate) UnixDatagram);

impl Notices for Called {
    fn take(&self) -> io::Result<()> {
        let mut byte = [0];
        match self.0.recv(&mut byte)? {
            _ if byte == [LOST] => Err(io::Error::from_raw_os_error(ENOBUFS)),
            _ => Ok(()),
        }
    }
}

impl AsFd for Called {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

pub(crate) const LOST: u8 = b'!';
const ENOBUFS: i32 = 105;
const EAGAIN: i32 = 11;
const EBUSY: i32 = 16;

/// What the kernel does with the next question for a request.
pub(crate) enum Next {
    /// Hands over a socket for a handshake.
    Give(OwnedFd, Wish),
    /// Says an errno.
    Fail(i32),
}

/// What a request says.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) message_type: u32,
    pub(crate) authentication: u32,
    pub(crate) timeout_ms: u32,
    pub(crate) peer_name: &'static str,
}

/// A client of localhost, by certificates.
pub(crate) const CLIENT: Wish = Wish {
    message_type: 1,
    authentication: 3,
    timeout_ms: 5000,
    peer_name: "localhost",
};

/// The kernel's side.
pub(crate) struct Kernel {
    pub(crate) requests: Sender<Next>,
    /// What DONE has said: the number of a socket and a status.
    pub(crate) done: Receiver<(i32, u32)>,
}

/// A service whose requests the test gives; its thread ends with the test's process at the latest.
pub(crate) fn kernel() -> (Paired, Kernel) {
    let (agent, kernel) = UnixDatagram::pair().expect("a pair");
    let (requests, waiting) = mpsc::channel();
    let (settled, done) = mpsc::channel();
    thread::spawn(move || {
        let mut question = [0; 4096];
        while let Ok(len) = kernel.recv(&mut question) {
            if len == 0 {
                return;
            }
            let answer = answer(&question[..len], &waiting, &settled);
            if kernel.send(&answer).is_err() {
                return;
            }
        }
    });
    let kernel = Kernel { requests, done };
    (Paired(agent), kernel)
}

/// What 6.12 answers.
fn answer(question: &[u8], waiting: &Receiver<Next>, settled: &Sender<(i32, u32)>) -> Vec<u8> {
    let number = |at: usize| u32::from_ne_bytes(question[at..at + 4].try_into().expect("four"));
    let kind = u16::from_ne_bytes([question[4], question[5]]);
    if kind == 16 {
        return numbered(FAMILY, number(8));
    }
    assert_eq!(kind, 0x21, "the number of the family");
    match question[16] {
        2 => match waiting.try_recv() {
            Ok(Next::Give(socket, wish)) => request(number(8), socket, wish),
            Ok(Next::Fail(errno)) => error(question, errno),
            Err(_) => error(question, EAGAIN),
        },
        3 => {
            // The status comes first, then the number.
            let (status, socket) = (number(24), number(32).cast_signed());
            match settled.send((socket, status)) {
                Ok(()) => error(question, 0),
                Err(_) => error(question, EBUSY),
            }
        }
        other => panic!("command {other}"),
    }
}

/// What 6.12 said of the family, recorded.
#[rustfmt::skip]
const FAMILY: &[u8] = &[
    0xa4, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x0d, 0x01, 0x00, 0x00,
    0x01, 0x02, 0x00, 0x00, 0x0e, 0x00, 0x02, 0x00, 0x68, 0x61, 0x6e, 0x64, 0x73, 0x68, 0x61, 0x6b,
    0x65, 0x00, 0x00, 0x00, 0x06, 0x00, 0x01, 0x00, 0x21, 0x00, 0x00, 0x00, 0x08, 0x00, 0x03, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x08, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x05, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x06, 0x00, 0x14, 0x00, 0x01, 0x00, 0x08, 0x00, 0x01, 0x00,
    0x02, 0x00, 0x00, 0x00, 0x08, 0x00, 0x02, 0x00, 0x0b, 0x00, 0x00, 0x00, 0x14, 0x00, 0x02, 0x00,
    0x08, 0x00, 0x01, 0x00, 0x03, 0x00, 0x00, 0x00, 0x08, 0x00, 0x02, 0x00, 0x0b, 0x00, 0x00, 0x00,
    0x34, 0x00, 0x07, 0x00, 0x18, 0x00, 0x01, 0x00, 0x08, 0x00, 0x02, 0x00, 0x0d, 0x00, 0x00, 0x00,
    0x09, 0x00, 0x01, 0x00, 0x6e, 0x6f, 0x6e, 0x65, 0x00, 0x00, 0x00, 0x00, 0x18, 0x00, 0x02, 0x00,
    0x08, 0x00, 0x02, 0x00, 0x0e, 0x00, 0x00, 0x00, 0x0a, 0x00, 0x01, 0x00, 0x74, 0x6c, 0x73, 0x68,
    0x64, 0x00, 0x00, 0x00,
];

/// What a kernel without the service said, recorded.
#[rustfmt::skip]
const NO_FAMILY: &[u8] = &[
    0x38, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x85, 0x5f, 0x00, 0x00,
    0xfe, 0xff, 0xff, 0xff, 0x24, 0x00, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x03, 0x02, 0x00, 0x00, 0x0e, 0x00, 0x02, 0x00, 0x68, 0x61, 0x6e, 0x64,
    0x73, 0x68, 0x61, 0x6b, 0x65, 0x00, 0x00, 0x00,
];

/// A message with another sequence number.
fn numbered(message: &[u8], sequence: u32) -> Vec<u8> {
    let mut message = message.to_vec();
    message[8..12].copy_from_slice(&sequence.to_ne_bytes());
    message
}

fn error(question: &[u8], errno: i32) -> Vec<u8> {
    let mut message = Vec::new();
    message.extend_from_slice(&36_u32.to_ne_bytes());
    message.extend_from_slice(&[2, 0, 0, 0]);
    message.extend_from_slice(&question[8..12]);
    message.extend_from_slice(&[0; 4]);
    message.extend_from_slice(&(-errno).to_ne_bytes());
    message.extend_from_slice(&question[..16]);
    message
}

fn request(sequence: u32, socket: OwnedFd, wish: Wish) -> Vec<u8> {
    let mut message = vec![0, 0, 0, 0, 0x21, 0, 0, 0];
    message.extend_from_slice(&sequence.to_ne_bytes());
    message.extend_from_slice(&[0, 0, 0, 0, 2, 1, 0, 0]);
    let mut number = |kind: u8, value: u32| {
        message.extend_from_slice(&[8, 0, kind, 0]);
        message.extend_from_slice(&value.to_ne_bytes());
    };
    // From here on it is the agent's, as in a process that the kernel has put it into.
    number(1, socket.into_raw_fd().cast_unsigned());
    number(3, wish.message_type);
    number(4, wish.timeout_ms);
    number(5, wish.authentication);
    if !wish.peer_name.is_empty() {
        let len = u8::try_from(5 + wish.peer_name.len()).expect("short");
        message.extend_from_slice(&[len, 0, 8, 0]);
        message.extend_from_slice(wish.peer_name.as_bytes());
        message.resize(message.len().next_multiple_of(4).max(message.len() + 1), 0);
        message.resize(message.len().next_multiple_of(4), 0);
    }
    let len = u32::try_from(message.len()).expect("short");
    message[..4].copy_from_slice(&len.to_ne_bytes());
    message
}

/// A descriptor like those that requests bring, of a protocol that is not QUIC.
pub(crate) fn other_socket() -> OwnedFd {
    UnixDatagram::unbound().expect("a socket").into()
}

#[test]
fn the_family_and_its_group_are_found() {
    let (paired, _kernel) = kernel();
    let service = Service::find(Box::new(paired)).expect("a service");
    assert_eq!((service.family.id, service.group()), (0x21, 14));
}

#[test]
fn a_request_is_handed_over_with_its_socket() {
    let (paired, kernel) = kernel();
    let mut service = Service::find(Box::new(paired)).expect("a service");
    let given = Next::Give(other_socket(), CLIENT);
    kernel.requests.send(given).expect("a kernel");
    let job = service.accept().expect("an answer").expect("a request");
    let wanted = job.wanted.expect("understood");
    assert_eq!(wanted.role, Role::Client);
    assert_eq!(wanted.authentication, Authentication::Certificates);
    assert_eq!(wanted.timeout_ms, 5000);
    assert_eq!(wanted.peer_name.as_deref(), Some("localhost"));
    assert!(service.accept().expect("an answer").is_none());
}

#[test]
fn what_became_of_it_is_told() {
    let (paired, kernel) = kernel();
    let mut service = Service::find(Box::new(paired)).expect("a service");
    service.done(7, 110, None).expect("told");
    assert_eq!(kernel.done.recv(), Ok((7, 110)));
}

#[test]
fn an_errno_of_the_kernel_is_an_error() {
    let (paired, kernel) = kernel();
    let mut service = Service::find(Box::new(paired)).expect("a service");
    kernel.requests.send(Next::Fail(1)).expect("a kernel");
    let error = service.accept().err().expect("refused");
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
}

#[test]
fn an_answer_to_an_earlier_question_is_passed_over() {
    let (agent, kernel) = UnixDatagram::pair().expect("a pair");
    kernel.send(&numbered(FAMILY, 7)).expect("sent");
    kernel.send(&numbered(FAMILY, 1)).expect("sent");
    let service = Service::find(Box::new(Paired(agent))).expect("a service");
    assert_eq!(service.group(), 14);
}

#[test]
fn a_kernel_without_the_service_is_told_apart() {
    let (agent, kernel) = UnixDatagram::pair().expect("a pair");
    kernel.send(NO_FAMILY).expect("sent");
    let error = Service::find(Box::new(Paired(agent))).err().expect("none");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

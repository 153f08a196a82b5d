//! What the library that is loaded into programs and the home in `inquic run` say to each other: numbers, layouts, and how
//! both wait for each other. It must never hold a pointer that this process follows.
//!
//! A program's thread makes a socket call by writing it into a [`Page`] that the home has mapped as well, and rings. Addresses
//! in it are the program's; the home reads and writes there through the kernel, which knows a bad one. Descriptors come
//! by a Unix socket, with a [`Hello`] and an [`Answer`] for each.
#![no_std]
#![forbid(unsafe_code)]

mod hello;
mod patience;

use core::ffi::CStr;
use core::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};

pub use hello::{Answer, HELLO_BYTES, Hello, TOKEN_BYTES, Wish};
pub use patience::{HASTY, LINGER_LONG, LINGERS, Patience};

/// Where the home listens, what lets a program in, and the number of the home's process: `NAME:TOKEN:PROCESS`, the name of an abstract Unix
/// socket, hexadecimal digits and decimal ones.
pub const HOME_VARIABLE: &CStr = c"INQUIC_SOCKETS";

/// Bytes of a mapping that holds a [`Page`].
pub const PAGE_BYTES: usize = 4096;

/// How many values a call has.
pub const ARGUMENTS: usize = 6;

/// One call at a time, between a thread of a program and the home.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Page {
    /// [`IDLE`], [`CALLED`], [`CANCELLED`] or [`DONE`].
    pub state: AtomicU32,
    /// The number of the home's thread that serves the page, with [`PROGRAM_SLEEPS`]; [`NOBODY`] once there is none, which the kernel
    /// sees to if the home is killed. The program sleeps on it.
    pub keeper: AtomicU32,
    /// Counts up with each call and each cancellation. The home sleeps on it.
    pub bell: AtomicU32,
    /// Whether the home sleeps.
    pub home_sleeps: AtomicU32,
    /// Which call, [`Call`] as a number.
    pub call: AtomicU32,
    /// How: [`MUST_NOT_WAIT`].
    pub how: AtomicU32,
    /// The cookie of the socket.
    pub socket: AtomicU64,
    /// The call's values, as the program gave them.
    pub arguments: [AtomicU64; ARGUMENTS],
    /// What the call returns; an errno as a negative number.
    pub result: AtomicI64,
    /// What the program's side has to do before it returns: [`DRAIN`] and its like.
    pub orders: AtomicU32,
    /// The descriptor to fetch.
    pub ticket: AtomicU64,
}

const _: () = assert!(size_of::<Page>() <= PAGE_BYTES, "a page holds it");

/// Nothing is asked. A fresh page has it.
pub const IDLE: u32 = 0;
/// The program has made a call and waits.
pub const CALLED: u32 = 1;
/// A signal came: the program wants the call back, with what was done of it.
pub const CANCELLED: u32 = 2;
/// The home has answered.
pub const DONE: u32 = 3;

/// The program sleeps until the home takes this bit away. The kernel knows it as `FUTEX_WAITERS`: if the thread ends it wakes who sleeps.
pub const PROGRAM_SLEEPS: u32 = 0x8000_0000;
/// The thread that served the page has ended, and no call is answered any more. The kernel knows it as `FUTEX_OWNER_DIED`.
pub const NOBODY: u32 = 0x4000_0000;

/// The call must not block.
pub const MUST_NOT_WAIT: u32 = 1;

/// Take one byte out of the descriptor: it is not readable any more.
pub const DRAIN: u32 = 1;
/// Write [`FILLER_BYTES`] into the descriptor, and one byte more by itself: it is not writable any more.
pub const FILL: u32 = 2;
/// Raise SIGPIPE.
pub const PIPE: u32 = 4;
/// Fetch a descriptor with the page's ticket.
pub const FETCH: u32 = 8;

/// Bytes that make a descriptor not writable. It is writable while what was written is a quarter of [`BUFFER_BYTES`] at most, as the
/// kernel counts it, which is more than the bytes.
pub const FILLER_BYTES: usize = BUFFER_BYTES / 4;

/// The size of a descriptor's buffer: room for two fillers, one that is on its way while another is ordered, with single bytes
/// after them that cost up to 1,280 bytes each.
pub const BUFFER_BYTES: usize = 16 * 1024;

/// A socket call, with its values in the order of the C function's, the descriptor left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Call {
    /// Whether the socket is one of the home's: 0, or ENOTSOCK.
    Who = 1,
    /// Address, its length.
    Bind,
    /// Backlog.
    Listen,
    /// Where the address goes, where its length is. Gives a ticket.
    Accept,
    /// Address, its length.
    Connect,
    /// Data, its length, flags.
    Send,
    /// `struct msghdr`, flags, where the number of bytes goes if not 0.
    SendMessage,
    /// `struct iovec`s, how many.
    Write,
    /// Buffer, its length, flags, where the address goes, where its length is.
    Receive,
    /// `struct msghdr`, flags, where the number of bytes goes if not 0.
    ReceiveMessage,
    /// `struct iovec`s, how many.
    Read,
    /// Level, option, where the value goes, where its length is.
    GetOption,
    /// Level, option, value, its length.
    SetOption,
    /// Where the address goes, where its length is.
    OwnName,
    /// Where the address goes, where its length is.
    PeerName,
    /// Request, where the number goes.
    Ioctl,
    /// How.
    Shutdown,
    /// Where the number goes, the number, 32 bits. It concerns no socket.
    Put,
}

impl Call {
    /// The call with this number.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Who,
            2 => Self::Bind,
            3 => Self::Listen,
            4 => Self::Accept,
            5 => Self::Connect,
            6 => Self::Send,
            7 => Self::SendMessage,
            8 => Self::Write,
            9 => Self::Receive,
            10 => Self::ReceiveMessage,
            11 => Self::Read,
            12 => Self::GetOption,
            13 => Self::SetOption,
            14 => Self::OwnName,
            15 => Self::PeerName,
            16 => Self::Ioctl,
            17 => Self::Shutdown,
            18 => Self::Put,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;

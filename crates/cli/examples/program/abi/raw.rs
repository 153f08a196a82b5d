//! The C library's socket calls with any numbers and addresses: what they return, or their errno, out. What an address is good for is
//! the call's to find out: that is what is tested.
#![expect(
    unsafe_code,
    reason = "socket calls take addresses, and bad ones are part of what is tested"
)]

use std::ptr;

use inquic_uapi::{ControlMessage, ControlMessages};
use libc::{c_int, c_void};

use crate::sys::Fd;

/// What a call returned, or its errno.
pub(crate) type Tried<T> = Result<T, i32>;

/// An address that is nobody's.
pub(crate) const NOBODY: usize = 8;

/// The calling thread's errno.
fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn tried(result: isize) -> Tried<usize> {
    usize::try_from(result).map_err(|_| errno())
}

fn done(result: c_int) -> Tried<()> {
    tried(result as isize).map(drop)
}

/// Where a value is that a call writes to or reads from.
pub(crate) fn at<T: ?Sized>(value: &mut T) -> usize {
    ptr::from_mut(value).cast::<c_void>().expose_provenance()
}

/// Where bytes are that a call only reads.
pub(crate) fn of(bytes: &[u8]) -> usize {
    bytes.as_ptr().expose_provenance()
}

fn place<T>(address: usize) -> *mut T {
    ptr::with_exposed_provenance_mut(address)
}

/// Declares calls: each gives its values, addresses as numbers, to the C function.
macro_rules! calls {
    ($($(#[$meta:meta])* fn $name:ident($($value:ident: $type:ty),*) -> $result:ty = $how:ident($call:expr);)*) => {$(
        $(#[$meta])*
        pub(crate) fn $name(socket: &Fd $(, $value: $type)*) -> $result {
            let call = $call;
            $how(call(socket.0 $(, $value)*))
        }
    )*};
}

calls! {
    /// bind().
    fn bind(address: usize, len: u32) -> Tried<()> = done(|socket, address, len| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::bind(socket, place(address), len) }
    });
    /// connect().
    fn connect(address: usize, len: u32) -> Tried<()> = done(|socket, address, len| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::connect(socket, place(address), len) }
    });
    /// listen().
    fn listen(backlog: c_int) -> Tried<()> = done(|socket, backlog| {
        // SAFETY: no address is given.
        unsafe { libc::listen(socket, backlog) }
    });
    /// shutdown().
    fn shutdown(how: c_int) -> Tried<()> = done(|socket, how| {
        // SAFETY: no address is given.
        unsafe { libc::shutdown(socket, how) }
    });
    /// getsockname().
    fn getsockname(address: usize, len: usize) -> Tried<()> = done(|socket, address, len| {
        // SAFETY: the kernel and the home check the addresses.
        unsafe { libc::getsockname(socket, place(address), place(len)) }
    });
    /// getpeername().
    fn getpeername(address: usize, len: usize) -> Tried<()> = done(|socket, address, len| {
        // SAFETY: the kernel and the home check the addresses.
        unsafe { libc::getpeername(socket, place(address), place(len)) }
    });
    /// setsockopt().
    fn setsockopt(level: c_int, name: c_int, value: usize, len: u32) -> Tried<()> = done(|socket, level, name, value, len| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::setsockopt(socket, level, name, place(value), len) }
    });
    /// getsockopt().
    fn getsockopt(level: c_int, name: c_int, value: usize, len: usize) -> Tried<()> = done(|socket, level, name, value, len| {
        // SAFETY: the kernel and the home check the addresses.
        unsafe { libc::getsockopt(socket, level, name, place(value), place(len)) }
    });
    /// ioctl().
    fn ioctl(request: libc::Ioctl, value: usize) -> Tried<()> = done(|socket, request: libc::Ioctl, value| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::ioctl(socket, request, place::<c_void>(value)) }
    });
    /// send().
    fn send(data: usize, len: usize, flags: u32) -> Tried<usize> = tried(|socket, data, len, flags: u32| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::send(socket, place(data), len, flags.cast_signed()) }
    });
    /// write().
    fn write(data: usize, len: usize) -> Tried<usize> = tried(|socket, data, len| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::write(socket, place(data), len) }
    });
    /// writev().
    fn writev(parts: usize, count: c_int) -> Tried<usize> = tried(|socket, parts, count| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::writev(socket, place(parts), count) }
    });
    /// sendmsg().
    fn sendmsg(message: usize, flags: u32) -> Tried<usize> = tried(|socket, message, flags: u32| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::sendmsg(socket, place(message), flags.cast_signed()) }
    });
    /// sendmmsg().
    fn sendmmsg(messages: usize, count: u32, flags: u32) -> Tried<usize> = tried(|socket, messages, count, flags: u32| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::sendmmsg(socket, place(messages), count, flags.cast_signed()) as isize }
    });
    /// recvfrom().
    fn recvfrom(data: usize, len: usize, flags: u32, name: usize, name_len: usize) -> Tried<usize> = tried(|socket, data, len, flags: u32, name, name_len| {
        // SAFETY: the kernel and the home check the addresses.
        unsafe { libc::recvfrom(socket, place(data), len, flags.cast_signed(), place(name), place(name_len)) }
    });
    /// read().
    fn read(data: usize, len: usize) -> Tried<usize> = tried(|socket, data, len| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::read(socket, place(data), len) }
    });
    /// readv().
    fn readv(parts: usize, count: c_int) -> Tried<usize> = tried(|socket, parts, count| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::readv(socket, place(parts), count) }
    });
    /// recvmsg().
    fn recvmsg(message: usize, flags: u32) -> Tried<usize> = tried(|socket, message, flags: u32| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::recvmsg(socket, place(message), flags.cast_signed()) }
    });
    /// recvmmsg(), without a time.
    fn recvmmsg(messages: usize, count: u32, flags: u32) -> Tried<usize> = tried(|socket, messages, count, flags: u32| {
        // SAFETY: the kernel and the home check the address.
        unsafe { libc::recvmmsg(socket, place(messages), count, flags.cast_signed(), ptr::null_mut()) as isize }
    });
    /// fcntl() with a number.
    fn fcntl(command: c_int, value: c_int) -> Tried<usize> = tried(|socket, command: c_int, value: c_int| {
        // SAFETY: no address is given.
        unsafe { libc::fcntl(socket, command, value) as isize }
    });
}

/// accept4().
pub(crate) fn accept(socket: &Fd, address: usize, len: usize, flags: c_int) -> Tried<Fd> {
    // SAFETY: the kernel and the home check the addresses.
    let accepted = unsafe { libc::accept4(socket.0, place(address), place(len), flags) };
    tried(accepted as isize).map(|_| Fd(accepted))
}

/// socket().
pub(crate) fn socket(family: c_int, kind: c_int, protocol: c_int) -> Tried<Fd> {
    // SAFETY: no address is given.
    let socket = unsafe { libc::socket(family, kind, protocol) };
    tried(socket as isize).map(|_| Fd(socket))
}

/// poll() of many descriptors; how many have something, and what.
pub(crate) fn poll(wanted: &[(&Fd, u32)], timeout_ms: c_int) -> Tried<Vec<u32>> {
    let mut polled: Vec<libc::pollfd> = wanted
        .iter()
        .map(|&(socket, events)| libc::pollfd {
            fd: socket.0,
            events: events as i16,
            revents: 0,
        })
        .collect();
    // SAFETY: so many places are given, and live until the call returns.
    let polling = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as u64, timeout_ms) };
    done(polling)?;
    let said = |polled: &libc::pollfd| u32::from(polled.revents.cast_unsigned());
    Ok(polled.iter().map(said).collect())
}

/// `struct iovec`.
pub(crate) type Part = [u64; 2];
/// `struct msghdr`, its seven fields; the length of the name and the flags are the lower half of theirs.
pub(crate) type Header = [u64; 7];

/// A header of a message with these parts and this control data.
pub(crate) fn header(parts: &mut [Part], control: &mut [u8]) -> Header {
    let control_at = if control.is_empty() { 0 } else { at(control) };
    [
        0,
        0,
        at(parts) as u64,
        parts.len() as u64,
        control_at as u64,
        control.len() as u64,
        0,
    ]
}

/// The control data of one message.
pub(crate) fn control(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
    let mut control = vec![0; 64 + data.len()];
    let message = ControlMessage { level, kind, data };
    let len = message.write(&mut control).expect("there is room");
    control.truncate(len);
    control
}

/// sendmsg() of one part with control data.
pub(crate) fn send_message(socket: &Fd, data: &[u8], control: &[u8], flags: u32) -> Tried<usize> {
    let mut control = control.to_vec();
    let mut parts = [[of(data) as u64, data.len() as u64]];
    let mut header = header(&mut parts, &mut control);
    sendmsg(socket, at(&mut header), flags)
}

/// What recvmsg() gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Got {
    /// What it returned.
    pub(crate) told: usize,
    pub(crate) data: Vec<u8>,
    pub(crate) flags: u32,
    /// Bytes of control data.
    pub(crate) control: usize,
    /// Type and data of the control message of QUIC.
    pub(crate) message: Option<(i32, Vec<u8>)>,
}

/// recvmsg() with so much room for data and for control data.
pub(crate) fn receive(socket: &Fd, flags: u32, room: usize, control: usize) -> Tried<Got> {
    let mut data = vec![0_u8; room];
    let mut control = vec![0_u8; control];
    let mut parts = [[at(&mut data[..]) as u64, room as u64]];
    let mut header = header(&mut parts, &mut control);
    let told = recvmsg(socket, at(&mut header), flags)?;
    data.truncate(told);
    let used = (header[5] as usize).min(control.len());
    let message = ControlMessages::new(&control[..used]).flatten().next();
    Ok(Got {
        told,
        data,
        flags: header[6] as u32,
        control: used,
        message: message.map(|message| (message.kind, message.data.to_vec())),
    })
}

/// Two pages, of which the second is nobody's: data may end there, and a call that goes on finds nothing.
pub(crate) struct Edge(usize);

/// Bytes of a page.
pub(crate) const PAGE: usize = 4096;

impl Edge {
    pub(crate) fn new() -> Self {
        // SAFETY: a new mapping, where the kernel chooses.
        let pages = unsafe {
            libc::mmap(
                ptr::null_mut(),
                2 * PAGE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(pages, libc::MAP_FAILED);
        let first = pages.expose_provenance();
        // SAFETY: the second page is part of that mapping, and nobody refers to it.
        unsafe { libc::mprotect(place(first + PAGE), PAGE, libc::PROT_NONE) };
        Self(first)
    }

    /// The address from which there are so many bytes left.
    pub(crate) const fn with(&self, left: usize) -> usize {
        self.0 + PAGE - left
    }

    /// Makes it readable alone.
    pub(crate) fn protect(&self) {
        // SAFETY: it is our mapping, which nobody writes to but calls that are to fail.
        unsafe { libc::mprotect(place(self.0), PAGE, libc::PROT_READ) };
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // SAFETY: it is our mapping.
        unsafe { libc::munmap(place(self.0), 2 * PAGE) };
    }
}

/// preadv2().
pub(crate) fn preadv2(
    socket: &Fd,
    parts: usize,
    count: c_int,
    offset: i64,
    flags: c_int,
) -> Tried<usize> {
    // SAFETY: the kernel and the home check the address.
    tried(unsafe { libc::preadv2(socket.0, place(parts), count, offset, flags) })
}

/// splice() of ten bytes.
pub(crate) fn splice(from: &Fd, to: &Fd) -> Tried<usize> {
    let nowhere = ptr::null_mut();
    // SAFETY: no place is given.
    tried(unsafe { libc::splice(from.0, nowhere, to.0, nowhere, 10, 0) })
}

/// An epoll that tells of one socket, each edge once.
pub(crate) struct Edges(Fd);

impl Edges {
    pub(crate) fn of(socket: &Fd) -> Self {
        // SAFETY: no address is given.
        let epoll = Fd(unsafe { libc::epoll_create1(0) });
        let mut event = libc::epoll_event {
            events: (libc::EPOLLIN | libc::EPOLLET) as u32,
            u64: 0,
        };
        let add = libc::EPOLL_CTL_ADD;
        // SAFETY: the event lives until the call returns.
        let added = unsafe { libc::epoll_ctl(epoll.0, add, socket.0, &raw mut event) };
        assert_eq!(added, 0);
        Self(epoll)
    }

    /// Whether there was one within that time.
    pub(crate) fn next(&self, timeout_ms: c_int) -> bool {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: there is room for one event.
        unsafe { libc::epoll_wait(self.0.0, &raw mut event, 1, timeout_ms) == 1 }
    }
}

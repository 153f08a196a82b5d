//! The way to the home: a socket call in, its answer out, and what is to be done with a descriptor before the call returns.
#![expect(
    unsafe_code,
    reason = "a socket's messages with descriptors are made of addresses"
)]

use core::ffi::{CStr, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU64, Ordering};

use inquic_calls::{
    ARGUMENTS, Answer, CALLED, CANCELLED, Call, DONE, HELLO_BYTES, HOME_VARIABLE, Hello, IDLE,
    MUST_NOT_WAIT, NOBODY, PROGRAM_SLEEPS, Page, Patience, TOKEN_BYTES, Wish,
};

use crate::own::{self, checked};
use crate::pages::{self, Taken};

/// What the home answered.
pub(crate) struct Answered {
    /// What the call returns, or its errno as a negative number.
    pub(crate) result: i64,
    pub(crate) orders: u32,
    pub(crate) ticket: u64,
}

/// Why the home has not done what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Errno(c_int),
    /// It has ended. What that means is said by [`crate::gone`].
    Gone,
}

impl From<c_int> for Failure {
    fn from(errno: c_int) -> Self {
        Self::Errno(errno)
    }
}

type Result<T> = core::result::Result<T, Failure>;

/// Whether there is a home at all.
static PRESENT: AtomicBool = AtomicBool::new(false);
/// The name of its socket, and the token, as the variable has them.
static NAME: [AtomicU8; NAME_BYTES] = [const { AtomicU8::new(0) }; NAME_BYTES];
static TOKEN: [AtomicU8; TOKEN_BYTES] = [const { AtomicU8::new(0) }; TOKEN_BYTES];
/// The home's process, as it knows itself.
static PROCESS: AtomicI32 = AtomicI32::new(0);
/// What the home reads to see whether it may.
static SAMPLE: AtomicU64 = AtomicU64::new(0);
/// Of all threads of the program: they are on one machine.
static LINGERING: Patience = Patience::new();

/// Whether this program was started by `inquic run`.
pub(crate) fn is_present() -> bool {
    PRESENT.load(Ordering::Relaxed)
}

/// Whether the home, which need not be there any more, has made a socket of the kernel's.
pub(crate) fn has_made(descriptor: c_int) -> bool {
    own::maker(descriptor) == Ok(PROCESS.load(Ordering::Relaxed))
}

/// Reads where the home is. Runs once, before the program's own code.
extern "C" fn start() {
    // SAFETY: the name is a C string, and no other thread runs yet that could change the environment.
    let value = unsafe { libc::getenv(HOME_VARIABLE.as_ptr()) };
    if value.is_null() {
        return;
    }
    // SAFETY: getenv gives a C string, which nobody changes before this function returns.
    let value = unsafe { CStr::from_ptr(value) };
    if let Some((name, token, process)) = parse(value.to_bytes()) {
        for (to, from) in NAME.iter().zip(name) {
            to.store(*from, Ordering::Relaxed);
        }
        for (to, from) in TOKEN.iter().zip(token) {
            to.store(from, Ordering::Relaxed);
        }
        PROCESS.store(process, Ordering::Relaxed);
        SAMPLE.store(own::random(), Ordering::Relaxed);
        pages::start();
        PRESENT.store(true, Ordering::Release);
    }
}

#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

/// Takes `NAME:TOKEN:PROCESS` apart.
fn parse(value: &[u8]) -> Option<(&[u8], [u8; TOKEN_BYTES], c_int)> {
    let mut parts = value.splitn(3, |&byte| byte == b':');
    let (name, digits, process) = (parts.next()?, parts.next()?, parts.next()?);
    let process = str::from_utf8(process).ok()?.parse().ok()?;
    let mut token = [0; TOKEN_BYTES];
    let pairs = digits.as_chunks::<2>().0;
    if name.is_empty() || name.len() >= NAME_BYTES || pairs.len() != TOKEN_BYTES {
        return None;
    }
    for (byte, [high, low]) in token.iter_mut().zip(pairs) {
        let digit = |digit: &u8| char::from(*digit).to_digit(16);
        *byte = u8::try_from((digit(high)? << 4) | digit(low)?).ok()?;
    }
    Some((name, token, process))
}

/// Makes a call and waits for its answer.
pub(crate) fn call(
    call: Call,
    cookie: u64,
    how: u32,
    arguments: [u64; ARGUMENTS],
) -> Result<Answered> {
    let taken = pages::take(open_page)?;
    let page = taken.page();
    page.call.store(call as u32, Ordering::Relaxed);
    page.how.store(how, Ordering::Relaxed);
    page.socket.store(cookie, Ordering::Relaxed);
    for (place, value) in page.arguments.iter().zip(arguments) {
        place.store(value, Ordering::Relaxed);
    }
    page.state.store(CALLED, Ordering::Release);
    ring(page);
    wait(taken, how & MUST_NOT_WAIT == 0)
}

/// Wakes the home, if it sleeps.
fn ring(page: &Page) {
    page.bell.fetch_add(1, Ordering::SeqCst);
    if page.home_sleeps.load(Ordering::SeqCst) != 0 {
        own::wake(&page.bell);
    }
}

fn wait(taken: Taken, may_wait: bool) -> Result<Answered> {
    let page = taken.page();
    // The home answers most calls before we would be asleep.
    let is_there = || page.state.load(Ordering::SeqCst) == DONE;
    LINGERING.linger(is_there, own::let_others_run, own::now);
    let mut interrupts = 0;
    while !is_there() {
        let keeper = page.keeper.fetch_or(PROGRAM_SLEEPS, Ordering::SeqCst) | PROGRAM_SLEEPS;
        // The answer may be the last thing that the home did.
        if is_there() {
            break;
        }
        if keeper & NOBODY != 0 {
            // Another of its threads may be about to answer before it ends.
            taken.abandon();
            return Err(Failure::Gone);
        }
        if own::sleep(&page.keeper, keeper) != Err(libc::EINTR) || !may_wait {
            continue;
        }
        interrupts += 1;
        if interrupts == 1 {
            // A signal's handler has run, and was not to be followed by more waiting: the home says what was done so far.
            let asked =
                page.state
                    .compare_exchange(CALLED, CANCELLED, Ordering::SeqCst, Ordering::SeqCst);
            if asked.is_ok() {
                ring(page);
            }
        } else if interrupts > PATIENCE {
            taken.abandon();
            return Err(Failure::Errno(libc::EINTR));
        }
    }
    let answered = Answered {
        result: page.result.load(Ordering::Relaxed),
        orders: page.orders.load(Ordering::Relaxed),
        ticket: page.ticket.load(Ordering::Relaxed),
    };
    page.state.store(IDLE, Ordering::Release);
    if page.keeper.load(Ordering::Relaxed) & PROGRAM_SLEEPS != 0 {
        page.keeper.fetch_and(!PROGRAM_SLEEPS, Ordering::Relaxed);
    }
    drop(taken);
    Ok(answered)
}

/// The descriptor of a new page.
fn open_page() -> Result<c_int> {
    let wish = Wish::Page {
        address: SAMPLE.as_ptr().expose_provenance() as u64,
        sample: SAMPLE.load(Ordering::Relaxed),
    };
    let connection = connect()?;
    let asked = ask(connection, wish, -1).map(|(descriptor, _)| descriptor);
    let asked = match asked {
        // It may not read our memory by itself: it gets a descriptor of it.
        Err(Failure::Errno(libc::EPERM)) => {
            own::open_memory()
                .map_err(Failure::from)
                .and_then(|memory| {
                    let asked = ask(connection, wish, memory).map(|(descriptor, _)| descriptor);
                    own::close(memory);
                    asked
                })
        }
        asked => asked,
    };
    own::close(connection);
    asked
}

/// Asks for a descriptor other than a page's: it has the lowest free number.
pub(crate) fn fetch(wish: Wish, close_on_exec: bool) -> Result<(c_int, u64)> {
    let connection = connect()?;
    let asked = ask(connection, wish, -1);
    own::close(connection);
    let (descriptor, cookie) = asked?;
    Ok((own::lowest(descriptor, close_on_exec), cookie))
}

fn connect() -> Result<c_int> {
    // SAFETY: no address is given.
    let socket = unsafe {
        libc::syscall(
            libc::SYS_socket,
            libc::AF_UNIX,
            libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC,
            0,
        )
    };
    let socket = checked(socket)? as c_int;
    let mut address = libc::sockaddr_un {
        sun_family: libc::AF_UNIX as libc::sa_family_t,
        sun_path: [0; 108],
    };
    let mut len = 0;
    // The first byte stays 0: the name is no file's.
    for (to, from) in address.sun_path.iter_mut().skip(1).zip(&NAME) {
        let byte = from.load(Ordering::Relaxed);
        if byte == 0 {
            break;
        }
        *to = byte.cast_signed();
        len += 1;
    }
    let len = size_of::<libc::sa_family_t>() + 1 + len;
    loop {
        // SAFETY: the address lives until the call returns, and is at least `len` bytes long.
        let result = unsafe { libc::syscall(libc::SYS_connect, socket, &raw const address, len) };
        match checked(result) {
            Ok(_) => return Ok(socket),
            Err(libc::EINTR) => {}
            Err(errno) => {
                own::close(socket);
                return Err(ended(errno));
            }
        }
    }
}

/// What failed on the way to the home: it may have ended before, or meanwhile.
const fn ended(errno: c_int) -> Failure {
    match errno {
        libc::ECONNREFUSED | libc::ECONNRESET | libc::EPIPE => Failure::Gone,
        errno => Failure::Errno(errno),
    }
}

/// Says a wish, with a descriptor if it is not -1, and takes the answer.
fn ask(connection: c_int, wish: Wish, with: c_int) -> Result<(c_int, u64)> {
    let mut token = [0; TOKEN_BYTES];
    for (to, from) in token.iter_mut().zip(&TOKEN) {
        *to = from.load(Ordering::Relaxed);
    }
    let hello = Hello {
        token,
        instance: pages::instance(),
        wish,
    };
    send(connection, hello.to_bytes(), with)?;
    receive(connection)
}

/// A control message with one descriptor.
#[repr(C)]
struct Passed {
    header: libc::cmsghdr,
    descriptor: c_int,
    padding: c_int,
}

impl Passed {
    const fn new(descriptor: c_int) -> Self {
        Self {
            header: libc::cmsghdr {
                cmsg_len: size_of::<libc::cmsghdr>() + size_of::<c_int>(),
                cmsg_level: libc::SOL_SOCKET,
                cmsg_type: libc::SCM_RIGHTS,
            },
            descriptor,
            padding: 0,
        }
    }
}

fn message(part: &mut libc::iovec, control: Option<&mut Passed>) -> libc::msghdr {
    let controllen = if control.is_some() {
        size_of::<Passed>()
    } else {
        0
    };
    libc::msghdr {
        msg_name: ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: part,
        msg_iovlen: 1,
        msg_control: control.map_or(ptr::null_mut(), |control| ptr::from_mut(control).cast()),
        msg_controllen: controllen,
        msg_flags: 0,
    }
}

fn send(connection: c_int, mut bytes: [u8; HELLO_BYTES], with: c_int) -> Result<()> {
    let mut part = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast::<c_void>(),
        iov_len: bytes.len(),
    };
    let mut passed = Passed::new(with);
    let message = message(&mut part, (with >= 0).then_some(&mut passed));
    loop {
        // SAFETY: the message and all that it points to live until the call returns.
        let result = unsafe {
            libc::syscall(
                libc::SYS_sendmsg,
                connection,
                &raw const message,
                libc::MSG_NOSIGNAL,
            )
        };
        match checked(result) {
            Err(libc::EINTR) => {}
            sent => return sent.map(drop).map_err(ended),
        }
    }
}

fn receive(connection: c_int) -> Result<(c_int, u64)> {
    let mut bytes = [0; Answer::BYTES];
    let mut part = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast::<c_void>(),
        iov_len: bytes.len(),
    };
    let mut passed = Passed::new(-1);
    passed.header.cmsg_len = 0;
    let mut message = message(&mut part, Some(&mut passed));
    let received = loop {
        // SAFETY: the message and all that it points to live until the call returns.
        let result = unsafe {
            libc::syscall(
                libc::SYS_recvmsg,
                connection,
                &raw mut message,
                libc::MSG_CMSG_CLOEXEC,
            )
        };
        match checked(result) {
            Err(libc::EINTR) => {}
            received => break received.map_err(ended)?,
        }
    };
    if usize::try_from(received) != Ok(Answer::BYTES) {
        // The home has ended, or is of another version.
        return Err(Failure::Gone);
    }
    let answer = Answer::from_bytes(&bytes);
    if answer.errno != 0 {
        return Err(Failure::Errno(answer.errno.cast_signed()));
    }
    if passed.header.cmsg_len == 0 {
        // There was no number free for it.
        return Err(Failure::Errno(libc::EMFILE));
    }
    Ok((passed.descriptor, answer.cookie))
}

/// Bytes of the name of the home's socket, with a 0.
const NAME_BYTES: usize = 100;

/// Signals that come while a call is being called off, before it is left to itself.
const PATIENCE: u32 = 100;

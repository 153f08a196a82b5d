//! A page that a test writes calls into, as the library in a program does.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use inquic_calls::{CALLED, CANCELLED, Call, DONE, PAGE_BYTES, Page, Wish};
use inquic_socket::sock::Sock;
use rustix::fs::MemfdFlags;
use socket2::SockAddr;

use super::Line;
use crate::home::programs::memory::Memory;
use crate::home::programs::opened::Opened;
use crate::home::programs::registry::Registry;
use crate::home::programs::served::Served;
use crate::home::programs::sys::Mapped;

/// This process, with a listener to which nobody comes.
struct Program {
    registry: Arc<Registry>,
    opened: Arc<Opened>,
    _descriptor: OwnedFd,
}

impl Program {
    fn new() -> Self {
        let registry = Arc::new(Registry::new().unwrap());
        let served = Served::new(Sock::new(libc::AF_INET as u16, libc::SOCK_DGRAM).unwrap());
        let any = SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut name = any.family().to_ne_bytes().to_vec();
        name.resize(any.len() as usize, 0);
        name[4..8].copy_from_slice(&[127, 0, 0, 1]);
        served.bind(process(), &name).unwrap();
        served.listen(process(), 1).unwrap();
        let (opened, descriptor) = Opened::new(&registry, &served, None).unwrap();
        Self {
            registry,
            opened,
            _descriptor: descriptor,
        }
    }

    /// A page with an accept() on it, before it is served.
    fn asks(&self, state: u32) -> OwnedFd {
        let memory = rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&memory, PAGE_BYTES as u64).unwrap();
        let page = Mapped::new(memory.as_fd()).unwrap();
        page.call.store(Call::Accept as u32, Ordering::Relaxed);
        page.socket.store(self.opened.cookie, Ordering::Relaxed);
        page.state.store(state, Ordering::SeqCst);
        memory
    }

    fn serve(&self, memory: &OwnedFd) -> Arc<Line> {
        let sample = Box::new(7_u64);
        let wish = Wish::Page {
            address: (&raw const *sample).expose_provenance() as u64,
            sample: *sample,
        };
        let reached = Memory::open(process(), &wish, None).unwrap();
        let page = Mapped::new(memory.as_fd()).unwrap();
        Line::start(self.registry.clone(), process(), reached, page).unwrap()
    }
}

fn process() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// The result of the call, once there is one.
fn answer(page: &Page) -> Option<i64> {
    for _ in 0..10_000 {
        if page.state.load(Ordering::SeqCst) == DONE {
            return Some(page.result.load(Ordering::Relaxed));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}

#[test]
fn a_call_that_was_called_off_before_it_was_seen_is_answered() {
    let program = Program::new();
    let memory = program.asks(CANCELLED);
    let page = Mapped::new(memory.as_fd()).unwrap();
    let line = program.serve(&memory);
    assert_eq!(answer(&page), Some(-i64::from(libc::EINTR)));
    line.end();
}

#[test]
fn a_call_that_is_called_off_while_it_waits_is_answered() {
    let program = Program::new();
    let memory = program.asks(CALLED);
    let page = Mapped::new(memory.as_fd()).unwrap();
    let line = program.serve(&memory);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(page.state.load(Ordering::SeqCst), CALLED, "it waits");
    page.state.store(CANCELLED, Ordering::SeqCst);
    page.bell.fetch_add(1, Ordering::SeqCst);
    let _ = rustix::thread::futex::wake(&page.bell, rustix::thread::futex::Flags::empty(), 1);
    assert_eq!(answer(&page), Some(-i64::from(libc::EINTR)));
    line.end();
}

//! The porter: programs that knock at the home's socket, descriptors that are closed and processes that end in; pages, descriptors
//! and ends out. One thread, which never makes a socket call of a program.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use inquic_calls::{Answer, HELLO_BYTES, Hello, PAGE_BYTES, TOKEN_BYTES, Wish};
use inquic_socket::Errno;
use inquic_socket::sock::Sock;
use rustix::event::epoll;
use rustix::fs::MemfdFlags;
use rustix::net::{RecvFlags, SocketFlags, accept_with, sockopt};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::line::Line;
use super::memory::Memory;
use super::opened::Opened;
use super::registry::Registry;
use super::served::Served;
use super::sys::Mapped;
use crate::home::{limits, unix};

/// What the porter knows.
pub(super) struct Porter {
    registry: Arc<Registry>,
    listener: OwnedFd,
    token: [u8; TOKEN_BYTES],
    processes: Mutex<HashMap<i32, Process>>,
}

/// A process with QUIC sockets.
struct Process {
    /// See [`Hello::instance`].
    instance: u64,
    /// Readable once it has ended. Not read: its being here keeps it open, and watched.
    _end: OwnedFd,
    lines: Vec<Arc<Line>>,
}

/// Who knocks.
struct Visitor<'a> {
    connection: &'a OwnedFd,
    process: i32,
}

impl Porter {
    /// Watches the listener; [`Porter::run`] serves it.
    pub(super) fn new(
        registry: Arc<Registry>,
        listener: OwnedFd,
        token: [u8; TOKEN_BYTES],
    ) -> io::Result<Self> {
        let data = epoll::EventData::new_u64(KNOCK);
        epoll::add(registry.watcher(), &listener, data, epoll::EventFlags::IN)?;
        Ok(Self {
            registry,
            listener,
            token,
            processes: Mutex::default(),
        })
    }

    /// Serves until the process ends.
    pub(super) fn run(&self) {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            events.clear();
            let filled = epoll::wait(
                self.registry.watcher(),
                rustix::buffer::spare_capacity(&mut events),
                None,
            );
            match filled {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                // Without it there is nothing to serve.
                Err(_) => return,
            }
            for event in &events {
                let epoll::Event { data, flags } = *event;
                match data.u64() {
                    KNOCK => self.answer(),
                    process if process & PROCESS != 0 => {
                        self.forget(i32::try_from(process & !PROCESS).unwrap_or_default());
                    }
                    cookie => self.on_descriptor(cookie, flags),
                }
            }
        }
    }

    fn on_descriptor(&self, cookie: u64, flags: epoll::EventFlags) {
        if flags.intersects(epoll::EventFlags::HUP | epoll::EventFlags::RDHUP) {
            self.registry.close(cookie);
        } else if let Some(opened) = self.registry.find(cookie) {
            opened.on_written();
        }
    }

    fn answer(&self) {
        let flags = SocketFlags::CLOEXEC;
        let Ok(connection) = accept_with(&self.listener, flags) else {
            return;
        };
        let patience = Some(PATIENCE);
        let timeout = sockopt::Timeout::Recv;
        let Ok(peer) = sockopt::socket_peercred(&connection) else {
            return;
        };
        if sockopt::set_socket_timeout(&connection, timeout, patience).is_err() {
            return;
        }
        let visitor = Visitor {
            connection: &connection,
            process: peer.pid.as_raw_nonzero().get(),
        };
        // A library that needs to give us its memory says its wish a second time.
        for _ in 0..2 {
            let Some((hello, given)) = visitor
                .listen()
                .filter(|(hello, _)| hello.token == self.token)
            else {
                return;
            };
            let answered = match hello.wish {
                Wish::Page { .. } => self.page(&visitor, &hello, given),
                Wish::Socket { family, kind } => self.socket(family, kind),
                Wish::Fetch(ticket) => self
                    .registry
                    .fetch(ticket, visitor.process)
                    .ok_or(libc::EINVAL),
            };
            let again = matches!(answered, Err(libc::EPERM));
            visitor.answer(&answered);
            if !again {
                return;
            }
        }
    }

    fn socket(&self, family: u64, kind: u64) -> Result<(OwnedFd, u64), i32> {
        let family = u16::try_from(family).map_err(|_| libc::EAFNOSUPPORT)?;
        let kind = i32::try_from(kind).map_err(|_| libc::EINVAL)?;
        let sock = Sock::new(family, kind).map_err(Errno::number)?;
        let served = Served::new(sock);
        let opened = Opened::new(&self.registry, &served, None);
        let (opened, theirs) = opened.map_err(|_| libc::ENOBUFS)?;
        Ok((theirs, opened.cookie))
    }

    fn page(
        &self,
        visitor: &Visitor<'_>,
        hello: &Hello,
        given: Option<OwnedFd>,
    ) -> Result<(OwnedFd, u64), i32> {
        let process = visitor.process;
        let memory = Memory::open(process, &hello.wish, given)?;
        let make = || -> io::Result<(OwnedFd, Mapped)> {
            let page = rustix::fs::memfd_create("inquic", MemfdFlags::CLOEXEC)?;
            rustix::fs::ftruncate(&page, PAGE_BYTES as u64)?;
            let mapped = Mapped::new(page.as_fd())?;
            Ok((page, mapped))
        };
        let (page, mapped) = make().map_err(|_| libc::ENOMEM)?;
        let mut processes = self
            .processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let known = processes.get(&process).map(|known| known.instance);
        if known.is_some_and(|known| known != hello.instance) {
            // The process has begun another program: the calls of the old one are over.
            end(processes.remove(&process));
        }
        if processes
            .values()
            .map(|process| process.lines.len())
            .sum::<usize>()
            >= limits::LINES
        {
            return Err(libc::ENOBUFS);
        }
        let process_of = match processes.entry(process) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(vacant) => {
                let end = self.watch_process(process).map_err(|_| libc::ENOMEM)?;
                vacant.insert(Process {
                    instance: hello.instance,
                    _end: end,
                    lines: Vec::new(),
                })
            }
        };
        let line = Line::start(self.registry.clone(), process, memory, mapped);
        process_of.lines.push(line.map_err(|_| libc::ENOBUFS)?);
        Ok((page, 0))
    }

    fn watch_process(&self, process: i32) -> io::Result<OwnedFd> {
        let pid = Pid::from_raw(process).ok_or(io::ErrorKind::NotFound)?;
        let end = pidfd_open(pid, PidfdFlags::empty())?;
        let number = PROCESS | u64::from(process.cast_unsigned());
        self.registry.watch(number, &end)?;
        Ok(end)
    }

    /// A process has ended.
    fn forget(&self, process: i32) {
        let mut processes = self
            .processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        end(processes.remove(&process));
        drop(processes);
        self.registry.forget_process(process);
    }
}

fn end(process: Option<Process>) {
    for line in process.into_iter().flat_map(|process| process.lines) {
        line.end();
    }
}

impl Visitor<'_> {
    /// What is said, with the descriptor that comes with it.
    fn listen(&self) -> Option<(Hello, Option<OwnedFd>)> {
        let mut bytes = [0; HELLO_BYTES];
        // A call with a time limit is interrupted when this process is stopped and goes on, whatever becomes of signals (signal(7)).
        let received = loop {
            match unix::receive(self.connection, &mut bytes, RecvFlags::empty()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                received => break received,
            }
        };
        let (_, given) = received.ok().filter(|(len, _)| *len == HELLO_BYTES)?;
        // Only memory: a descriptor that could keep us waiting is not read.
        let given = given.filter(|given| is_memory(given.as_fd()));
        Hello::from_bytes(&bytes).map(|hello| (hello, given))
    }

    fn answer(&self, answered: &Result<(OwnedFd, u64), i32>) {
        let (errno, cookie, descriptor) = match answered {
            Ok((descriptor, cookie)) => (0, *cookie, Some(descriptor)),
            Err(errno) => (errno.cast_unsigned(), 0, None),
        };
        let bytes = Answer { errno, cookie }.to_bytes();
        // Whoever went away without an answer has closed what it asked for.
        let _ = unix::send(self.connection, &[&bytes], descriptor.map(AsFd::as_fd));
    }
}

/// Whether a descriptor is some process's memory: a file of procfs.
fn is_memory(given: BorrowedFd<'_>) -> bool {
    let file = given.try_clone_to_owned().map(File::from);
    let system = file.and_then(|file| Ok(rustix::fs::fstatfs(&file)?));
    system.is_ok_and(|system| system.f_type == rustix::fs::PROC_SUPER_MAGIC)
}

/// The number under which the home's socket is watched. No socket has the cookie 0.
const KNOCK: u64 = 0;
/// The bit of a process's number among those that are watched. No cookie is that high.
const PROCESS: u64 = 1 << 63;
/// Events that are taken in one call.
const EVENTS: usize = 64;
/// How long a program may take to say its wish: it says it at once.
const PATIENCE: Duration = Duration::from_secs(1);

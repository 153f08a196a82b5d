//! A UDP port that several processes have together: who is there in, datagrams to their owners out. One of them, the dispatcher,
//! receives for all; each sends by itself, from its copy of the one UDP socket. When the dispatcher dies, another takes its place.
//!
//! They meet at an abstract Unix socket named after the port, and trust only processes of the same user, and root. A process joins
//! first, and asks whether it may listen when it wants to.

mod asking;
mod dispatch;
mod link;
mod member;
mod message;

pub(super) use link::{Door, own_user};
pub(super) use member::{Asked, join, run};
pub(super) use message::Wish;

use asking::Asking;
use link::Link;
use message::Welcome;

use dispatch::dispatch;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use inquic_engine::{EndpointKeys, HeldDatagram, Introduction, Received, Routing};
use inquic_platform::{Instant, Platform};

/// What the processes of a port have in common. Only they know it.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    /// From which tokens and stateless resets are made.
    pub(super) master: [u8; 32],
    /// What tells connection ids of the group from others, and the key under which they name their process.
    pub(super) tag: [u8; 2],
    pub(super) key: [u8; 16],
    /// The user of whoever bound the port first.
    pub(super) user: u32,
}

/// A port's share of what several processes have.
pub(crate) struct Share {
    pub(super) address: SocketAddr,
    pub(super) group: Group,
    /// Our number among the processes of the port.
    pub(super) number: u8,
    /// What our listener was granted; none before it listens, and none any more once it is closed. Held while a dispatcher is told
    /// of it anew.
    wish: Mutex<Option<Wish>>,
    asking: Asking,
    links: Mutex<Links>,
    /// Whether we are the dispatcher.
    reads: AtomicBool,
}

/// The way to the others.
enum Links {
    /// To each member, from the dispatcher.
    Members(Vec<(u8, Arc<Link>)>),
    /// To the dispatcher.
    Dispatcher(Arc<Link>),
}

impl Group {
    /// For a port that nobody has yet, and that is to be `user`'s.
    pub(super) fn new(platform: &dyn Platform, master: Option<[u8; 32]>, user: u32) -> Self {
        let mut random = [0; 32];
        platform.random(&mut random);
        let mut ids = [0; 18];
        platform.random(&mut ids);
        let [high, low, key @ ..] = ids;
        Self {
            master: master.unwrap_or(random),
            tag: [high, low],
            key,
            user,
        }
    }

    /// The secrets of the endpoint that is `number` in the group.
    pub(super) const fn endpoint_keys(&self, number: u8) -> EndpointKeys {
        let routing = Routing::of_member(number, self.tag, self.key);
        EndpointKeys::from_master(self.master).with_routing(routing)
    }

    /// Whether a process of this user may have the port, too.
    pub(super) const fn admits(&self, user: u32) -> bool {
        user == self.user || user == ROOT
    }
}

impl Share {
    /// Of the dispatcher.
    pub(super) const fn first(address: SocketAddr, group: Group) -> Self {
        Self {
            address,
            group,
            number: FIRST,
            wish: Mutex::new(None),
            asking: Asking::new(),
            links: Mutex::new(Links::Members(Vec::new())),
            reads: AtomicBool::new(true),
        }
    }

    /// Of a process that was welcomed.
    fn joined(address: SocketAddr, welcome: &Welcome, link: Arc<Link>) -> Self {
        Self {
            address,
            group: welcome.group,
            number: welcome.number,
            wish: Mutex::new(None),
            asking: Asking::new(),
            links: Mutex::new(Links::Dispatcher(link)),
            reads: AtomicBool::new(false),
        }
    }

    /// Whether we are the one that receives.
    pub(super) fn reads(&self) -> bool {
        self.reads.load(Ordering::Acquire)
    }

    fn set_reads(&self) {
        self.reads.store(true, Ordering::Release);
    }

    /// Hands datagrams to the process whose they are. What it cannot take is lost, as packets are.
    pub(super) fn forward(&self, member: u8, train: &Received<'_>) {
        if let Some(link) = self.member(member) {
            let mut head = [0; message::TRAIN_HEAD];
            let head = message::train(&mut head, train);
            let _ = link.send(&[head, train.bytes]);
        }
    }

    /// Hands a client to the process whose it is, with all that came of it.
    pub(super) fn introduce(
        &self,
        member: u8,
        now: Instant,
        client: &Introduction,
        datagrams: &[HeldDatagram],
    ) {
        if let Some(link) = self.member(member) {
            let _ = link.send(&[&message::client(now, client, datagrams)]);
        }
    }

    /// Our listener is closed: nobody is to be handed to us any more.
    pub(super) fn unlisten(&self) {
        let wished = lock(&self.wish).take().is_some();
        if let (true, Some(link)) = (wished, self.dispatcher()) {
            let _ = link.send(&[&message::unlisten()]);
        }
    }

    fn dispatcher(&self) -> Option<Arc<Link>> {
        match &*self.links() {
            Links::Members(_) => None,
            Links::Dispatcher(link) => Some(link.clone()),
        }
    }

    fn member(&self, member: u8) -> Option<Arc<Link>> {
        match &*self.links() {
            Links::Members(list) => {
                let mut list = list.iter();
                list.find_map(|(number, link)| (*number == member).then(|| link.clone()))
            }
            Links::Dispatcher(_) => None,
        }
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        lock(&self.links)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number of whoever bound the port first.
const FIRST: u8 = 0;
const ROOT: u32 = 0;

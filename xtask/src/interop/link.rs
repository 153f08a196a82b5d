//! A link between a client and a server: a relay of UDP datagrams over loopback, in a thread of its own. In: what the
//! link does to packets, and where the server is. Out: where clients send to, and a record of all that crossed.
//!
//! It stands in for the ns-3 scenarios of the QUIC interop runner: a rate, a queue that drops its tail, a delay, and one
//! fault. Which packets a fault hits follows from the seed and the order in which they come.

mod fault;
mod header;
mod pipe;
mod record;
mod relay;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

pub(crate) use fault::{Fault, Share};
#[cfg(test)]
pub(crate) use header::Header;
pub(crate) use header::{Form, VERSION_2};
pub(crate) use record::{Crossing, Direction, Fate, Record};

/// What a link does.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// From one end to the other, beside the time that sending takes.
    pub(crate) delay: Duration,
    /// Of each direction.
    pub(crate) bits_per_second: u64,
    /// Packets that wait for the link, in each direction.
    pub(crate) queue: usize,
    /// What else happens to packets.
    pub(crate) fault: Fault,
    /// When a NAT between the link and the server forgets its mappings.
    pub(crate) rebinding: Option<Rebinding>,
    /// Of the faults.
    pub(crate) seed: u64,
}

/// A NAT that gives every client a new port again and again; what comes for an old one is dropped in silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rebinding {
    /// After the first packet.
    pub(crate) first: Duration,
    /// From then on.
    pub(crate) every: Duration,
    /// A new address as well.
    pub(crate) address: bool,
}

impl Terms {
    /// The runner's usual link: 10 Mbit/s, 15 ms each way, 25 packets.
    pub(crate) fn usual() -> Self {
        Self {
            delay: Duration::from_millis(15),
            bits_per_second: 10_000_000,
            queue: 25,
            fault: Fault::None,
            rebinding: None,
            seed: 1,
        }
    }
}

/// A link that is up. Dropping it takes it down.
pub(crate) struct Link {
    fronts: Vec<SocketAddr>,
    record: Arc<Mutex<Record>>,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<Result<()>>>,
}

impl Link {
    /// Sets it up before a server; each further one of `servers` is another address of it, with a front of its own.
    pub(crate) fn start(terms: Terms, servers: &[SocketAddr]) -> Result<Self> {
        let record = Arc::new(Mutex::new(Record::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let mut relay = relay::Relay::new(terms, servers, Arc::clone(&record))?;
        let fronts = relay.fronts()?;
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("link".to_owned())
            .spawn(move || relay.run(&stopped))
            .context("no thread for the link")?;
        Ok(Self {
            fronts,
            record,
            stop,
            thread: Some(thread),
        })
    }

    /// Where a client reaches the server's address of this number.
    pub(crate) fn front(&self, number: usize) -> Result<SocketAddr> {
        self.fronts.get(number).copied().context("no such front")
    }

    /// Takes it down; what it saw.
    ///
    /// # Errors
    ///
    /// When a socket failed on the way.
    pub(crate) fn finish(mut self) -> Result<Record> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| anyhow!("the link panicked"))??;
        }
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *record))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Whoever drops it without asking for the record has something else to say.
            let _ = thread.join();
        }
    }
}

/// The loopback address that a NAT uses for the `number`th time, beginning with 127.0.0.2.
fn nat_address(number: usize) -> IpAddr {
    let last = u8::try_from(number % 200).unwrap_or_default();
    Ipv4Addr::new(127, 0, 0, 2 + last).into()
}

/// Bytes around the UDP payload of a packet on a point-to-point link: PPP, IP and UDP.
fn overhead_bytes(server: SocketAddr) -> usize {
    if server.is_ipv4() { 30 } else { 50 }
}

/// The longest UDP payload that an Ethernet carries.
fn most_bytes(server: SocketAddr) -> usize {
    if server.is_ipv4() { 1472 } else { 1452 }
}

#[cfg(test)]
mod tests;

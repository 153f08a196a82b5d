//! A platform that watches: everything goes to the real one, and packets are shown to the ledger before they are sealed and after
//! they were opened. So the checks see frames without knowing any key.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use inquic_platform::aws_lc::AwsLc;
use inquic_platform::crypto::{HASH_LEN_MAX, IV_LEN, TAG_LEN};
use inquic_platform::{
    CipherSuite, CryptoError, HeaderKey, KeySide, OpenJob, PacketKey, Platform, SealJob, Tails,
};
use inquic_wire::Level;

use super::ledger::Ledger;
use super::{Canary, Heap, Invariant};

/// What the witnesses of a run share.
pub(super) struct Watch {
    pub(super) ledger: Mutex<Ledger>,
    pub(super) heap: Heap,
    /// Bytes that watching itself holds, which are not the engine's.
    own: AtomicI64,
    canary: Option<Canary>,
}

/// A real platform, watched.
pub(super) struct Witness {
    real: AwsLc,
    watch: Arc<Watch>,
}

struct WatchedKey {
    real: Box<dyn PacketKey>,
    watch: Arc<Watch>,
    /// One above the largest number sealed.
    next: AtomicU64,
    /// Packets that it has sealed, and those that it may seal (RFC 9001 §6.6).
    sealed: AtomicU64,
    most: u64,
}

impl Watch {
    pub(super) const fn new(ledger: Ledger, heap: Heap, canary: Option<Canary>) -> Self {
        Self {
            ledger: Mutex::new(ledger),
            heap,
            own: AtomicI64::new(0),
            canary,
        }
    }

    /// Bytes that this thread holds besides those of watching.
    pub(super) fn held(&self) -> i64 {
        (self.heap.held)() - self.own.load(Ordering::Relaxed)
    }

    /// Something that only happens because somebody watches.
    pub(super) fn look<T>(&self, at: impl FnOnce(&mut Ledger) -> T) -> T {
        self.heap.aside(|| {
            let before = (self.heap.held)();
            let seen = at(&mut self.ledger.lock().expect("nobody panics while looking"));
            self.own
                .fetch_add((self.heap.held)() - before, Ordering::Relaxed);
            seen
        })
    }
}

impl Witness {
    pub(super) const fn new(seed: u64, watch: Arc<Watch>) -> Self {
        Self {
            real: AwsLc::seeded(seed),
            watch,
        }
    }
}

impl Platform for Witness {
    fn random(&self, out: &mut [u8]) {
        self.watch.heap.aside(|| self.real.random(out));
    }

    fn hmac(
        &self,
        suite: CipherSuite,
        key: &[u8],
        parts: &[&[u8]],
        out: &mut [u8; HASH_LEN_MAX],
    ) -> usize {
        let heap = self.watch.heap;
        heap.aside(|| self.real.hmac(suite, key, parts, out))
    }

    fn packet_key(
        &self,
        suite: CipherSuite,
        side: KeySide,
        key: &[u8],
        iv: &[u8; IV_LEN],
    ) -> Result<Box<dyn PacketKey>, CryptoError> {
        let heap = self.watch.heap;
        if (heap.refuses)() {
            return Err(CryptoError::Unavailable);
        }
        heap.aside(|| {
            Ok(Box::new(WatchedKey {
                real: self.real.packet_key(suite, side, key, iv)?,
                watch: Arc::clone(&self.watch),
                next: AtomicU64::new(0),
                sealed: AtomicU64::new(0),
                most: self.aead_limits(suite).confidentiality,
            }) as Box<dyn PacketKey>)
        })
    }

    fn header_key(
        &self,
        suite: CipherSuite,
        key: &[u8],
    ) -> Result<Box<dyn HeaderKey>, CryptoError> {
        let heap = self.watch.heap;
        if (heap.refuses)() {
            return Err(CryptoError::Unavailable);
        }
        heap.aside(|| self.real.header_key(suite, key))
    }
}

impl PacketKey for WatchedKey {
    fn seal(
        &self,
        buffer: &mut [u8],
        jobs: &[SealJob],
        tails: &dyn Tails,
    ) -> Result<(), CryptoError> {
        let heap = self.watch.heap;
        if (heap.refuses)() {
            return Err(CryptoError::Unavailable);
        }
        for job in jobs {
            job.put_tail(buffer, tails)?;
            self.see_sealed(buffer, job);
            if self.watch.canary == Some(Canary::RepeatedNumber) {
                self.see_sealed(buffer, job);
            }
        }
        heap.aside(|| self.real.seal(buffer, jobs, tails))
    }

    fn open(&self, buffer: &mut [u8], jobs: &mut [OpenJob]) {
        self.watch.look(|ledger| ledger.on_tries(jobs.len()));
        self.watch.heap.aside(|| self.real.open(buffer, jobs));
        for job in jobs.iter().filter(|job| job.opened) {
            let (Some(level), Some(payload)) =
                (level(buffer, job.start), buffer.get(job.payload()))
            else {
                continue;
            };
            self.watch
                .look(|ledger| ledger.on_opened(level, job.packet_number, payload));
        }
    }
}

impl WatchedKey {
    fn see_sealed(&self, buffer: &[u8], job: &SealJob) {
        let number = job.packet_number;
        if job.payload_at == job.number_at {
            // Tokens and the tag of a Retry are sealed by such keys as well, and have no packet number.
            return;
        }
        let next = self.next.fetch_max(number + 1, Ordering::Relaxed);
        let sealed = self.sealed.fetch_add(1, Ordering::Relaxed);
        self.watch.look(|ledger| {
            if sealed >= self.most {
                ledger.fail(Invariant::Numbers, format!("{sealed} packets with one key"));
            }
            if number < next {
                ledger.fail(Invariant::Numbers, format!("number {number} after {next}"));
            }
            let payload = buffer.get(job.payload_at..job.end.saturating_sub(TAG_LEN));
            if let (Some(level), Some(payload)) = (level(buffer, job.start), payload) {
                ledger.on_sealed(level, number, payload);
            }
        });
    }
}

/// The level of the packet that begins there. Its protection bits may be anything.
fn level(buffer: &[u8], start: usize) -> Option<Level> {
    let packet = buffer.get(start..)?;
    let first = *packet.first()?;
    if first & 0x80 == 0 {
        return Some(Level::OneRtt);
    }
    let turned = packet.get(1..5)? == VERSION_2;
    match (first >> 4 & 3).wrapping_sub(u8::from(turned)) & 3 {
        0 => Some(Level::Initial),
        1 => Some(Level::ZeroRtt),
        2 => Some(Level::Handshake),
        _ => None,
    }
}

/// QUIC version 2 numbers its packet types one higher (RFC 9369 §3.2).
const VERSION_2: [u8; 4] = [0x6b, 0x33, 0x43, 0xcf];

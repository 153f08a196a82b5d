//! Datagrams between two applications (RFC 9221): each has a number and bytes that follow from it. Whatever comes has to be one that
//! was sent, whole, and for the first time; the fate of each that asks for it is told once.

use std::collections::BTreeSet;

use inquic_engine::datagram::DatagramError;
use inquic_wire::Role;

use super::metered::Metered;
use super::scene::Scene;
use super::{Canary, Invariant};
use crate::{Feature, Rng};

/// One end's datagrams.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// Those of which it wants to hear, and has not.
    open: BTreeSet<u64>,
    /// News came of datagrams, and of fates.
    pub(super) waits: (bool, bool),
    buffer: Vec<u8>,
}

/// Writes the bytes of a datagram behind its number.
fn fill(buffer: &mut Vec<u8>, name: u8, sender: Role, number: usize, len: usize) {
    let salt = u64::from(name) << 32 ^ u64::from(sender == Role::Client) << 40 ^ number as u64;
    let mut rng = Rng::new(salt);
    buffer.clear();
    buffer.extend_from_slice(&(number as u32).to_be_bytes());
    while buffer.len() < len {
        buffer.extend_from_slice(&rng.next_u64().to_le_bytes());
    }
    buffer.truncate(len);
}

impl Messages {
    /// Sends some, if the peer takes any.
    pub(super) fn send(
        &mut self,
        name: u8,
        role: Role,
        rng: &mut Rng,
        scene: &mut Scene,
        socket: &mut Metered,
    ) {
        for _ in 0..=rng.below(AT_ONCE) {
            let most = socket.ask().max_datagram_size();
            let Some(more) = most.and_then(|most| most.checked_sub(NUMBER)) else {
                return;
            };
            let sent = scene.truth.datagrams(name, role);
            let (number, len) = (
                sent.lengths.len(),
                NUMBER + rng.below(more as u64 + 1) as usize,
            );
            fill(&mut self.buffer, name, role, number, len);
            let told = rng.chance(500);
            match socket.with(|socket| socket.send_datagram(&self.buffer, told)) {
                Ok(fate) => {
                    scene.truth.datagrams(name, role).lengths.push(len);
                    self.open.extend(fate);
                }
                Err(DatagramError::TooLarge(most)) => {
                    return scene.fail(Invariant::Limits, || {
                        format!("a datagram of {len} bytes is refused, of {most}")
                    });
                }
                Err(_) => return,
            }
        }
    }

    /// Takes what has come.
    pub(super) fn receive(
        &mut self,
        name: u8,
        role: Role,
        scene: &mut Scene,
        socket: &mut Metered,
    ) {
        if !std::mem::take(&mut self.waits.0) {
            return;
        }
        let mut out = [0; LONGEST];
        while let Some(mut len) = socket.with(|socket| socket.take_datagram(&mut out)) {
            scene.hash.add(&out[..len]);
            if scene.strikes(Canary::CutDatagram) {
                len -= 1;
            }
            let sent = scene.truth.datagrams(name, role.peer());
            let place = out[..len]
                .first_chunk()
                .map(|bytes| u32::from_be_bytes(*bytes) as usize);
            let whole = place.is_some_and(|place| {
                fill(&mut self.buffer, name, role.peer(), place, len);
                sent.lengths.get(place) == Some(&len) && self.buffer == out[..len]
            });
            let mut new = place.is_some_and(|place| sent.delivered.insert(place));
            if scene.strikes(Canary::RepeatedDatagram) {
                let sent = scene.truth.datagrams(name, role.peer());
                new &= place.is_some_and(|place| sent.delivered.insert(place));
            }
            if !(whole && new) {
                return scene.fail(Invariant::Prefix, || {
                    format!(
                        "connection {name}: datagram {place:?} of {len} bytes, whole {whole}, new {new}"
                    )
                });
            }
            scene.tally.note_use(Feature::Datagram);
        }
    }

    /// Takes the fates that are known.
    pub(super) fn hear(&mut self, name: u8, scene: &mut Scene, socket: &mut Metered) {
        if !std::mem::take(&mut self.waits.1) {
            return;
        }
        while let Some((number, fate)) = socket.with(inquic_socket::Socket::take_datagram_fate) {
            scene.tally.note_use(Feature::DatagramFate);
            if !self.open.remove(&number) {
                return scene.fail(Invariant::Prefix, || {
                    format!("connection {name}: {fate:?} of datagram {number}, which is not open")
                });
            }
        }
    }
}

/// Datagrams sent at once at most.
const AT_ONCE: u64 = 8;
/// Bytes of a datagram's number.
const NUMBER: usize = 4;
/// Bytes of the longest datagram there can be here.
const LONGEST: usize = 9_000;

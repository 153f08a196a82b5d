//! Tickets that every server with the same key opens: sessions of rustls in, sealed tickets out, and back. A ticket carries its
//! session, so nothing is kept; it must never be opened long after it was given.
//!
//! Each key serves one ticket: it is derived from the shared key, the [`EPOCH`] in which the ticket was given and its random
//! salt. So servers that know nothing of each other can give as many as they like, and no nonce comes twice.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Okm, Prk};
use aws_lc_rs::rand;
use rustls::server::ProducesTickets;
use rustls::time_provider::TimeProvider;

use crate::limits::EPOCH;

/// Seals and opens tickets.
pub(crate) struct FleetTickets {
    master: Prk,
    clock: Arc<dyn TimeProvider>,
}

impl FleetTickets {
    pub(crate) fn new(key: &[u8; 32], clock: Arc<dyn TimeProvider>) -> Self {
        Self {
            master: Prk::new_less_safe(HKDF_SHA256, key),
            clock,
        }
    }

    fn epoch(&self) -> Option<u64> {
        Some(self.clock.current_time()?.as_secs() / EPOCH)
    }

    /// The key of one ticket, and its only nonce.
    fn key(&self, epoch: u64, salt: &[u8]) -> Option<(LessSafeKey, Nonce)> {
        let epoch = epoch.to_be_bytes();
        let info = [LABEL, &epoch, salt];
        let okm: Okm<'_, Length> = self.master.expand(&info, Length).ok()?;
        let mut bytes = [0; KEY_LEN + NONCE_LEN];
        okm.fill(&mut bytes).ok()?;
        let (key, nonce) = bytes.split_at(KEY_LEN);
        let key = UnboundKey::new(&AES_256_GCM, key).ok()?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        Some((LessSafeKey::new(key), nonce))
    }
}

impl ProducesTickets for FleetTickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(EPOCH).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let epoch = self.epoch()?;
        let mut ticket = vec![0; HEAD_LEN];
        let (mark, salt) = ticket.split_first_mut()?;
        *mark = mark_of(epoch);
        rand::fill(salt).ok()?;
        let (key, nonce) = self.key(epoch, salt)?;
        let mut sealed = plain.to_vec();
        key.seal_in_place_append_tag(nonce, Aad::from(&ticket), &mut sealed)
            .ok()?;
        ticket.append(&mut sealed);
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (head, sealed) = ticket.split_at_checked(HEAD_LEN)?;
        let (mark, salt) = head.split_first()?;
        let now = self.epoch()?;
        // Another server's clock may be a little ahead. What is older than the last epoch is over.
        let epoch = [Some(now), now.checked_sub(1), now.checked_add(1)]
            .into_iter()
            .flatten()
            .find(|&epoch| mark_of(epoch) == *mark)?;
        let (key, nonce) = self.key(epoch, salt)?;
        let mut sealed = sealed.to_vec();
        let plain = key
            .open_in_place(nonce, Aad::from(head), &mut sealed)
            .ok()?;
        let len = plain.len();
        sealed.truncate(len);
        Some(sealed)
    }
}

impl fmt::Debug for FleetTickets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("FleetTickets")
    }
}

/// Bytes of a key and a nonce.
#[derive(Debug)]
struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY_LEN + NONCE_LEN
    }
}

/// By which byte a ticket says in which epoch it was given.
const fn mark_of(epoch: u64) -> u8 {
    (epoch & 0xff) as u8
}

const LABEL: &[u8] = b"inquic tickets 1";
const KEY_LEN: usize = 32;
/// One byte of the epoch, and the salt.
const HEAD_LEN: usize = 1 + 16;

#[cfg(test)]
mod tests;

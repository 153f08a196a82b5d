//! Descriptors that tell a connection's readiness to poll(2) and its like: what the connection can do in, levels out.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use inquic_wire::{Direction, StreamId};

use super::entry::Held;
use super::readiness::Level;
use crate::transport::Interest;

/// The descriptors that somebody asked for.
#[derive(Default)]
pub(crate) struct Levels(HashMap<Interest, Arc<Level>>);

impl Held {
    /// The descriptor for `interest`, made when it is asked for first.
    pub(super) fn level(&mut self, interest: Interest) -> io::Result<Arc<Level>> {
        let levels = self.levels.get_or_insert_default();
        if let Some(level) = levels.0.get(&interest) {
            return Ok(level.clone());
        }
        let level = Arc::new(Level::new()?);
        levels.0.insert(interest, level.clone());
        match interest {
            // Up until a call finds nothing: what came before the descriptor was asked for is not lost.
            Interest::Incoming(direction) => self.raise_incoming(direction),
            Interest::Readable(id) => self.level_readable(id),
            Interest::Writable(id) => self.level_writable(id),
            Interest::Datagrams => self.level_datagrams(),
        }
        Ok(level)
    }

    /// The descriptor is not wanted any more.
    pub(super) fn forget_level(&mut self, interest: Interest) {
        if let Some(levels) = &mut self.levels {
            levels.0.remove(&interest);
        }
    }

    pub(super) fn level_readable(&mut self, id: StreamId) {
        if let Some(level) = find(self.levels.as_deref(), Interest::Readable(id)) {
            level.set(self.socket.is_readable(id) || self.is_over());
        }
    }

    pub(super) fn level_writable(&mut self, id: StreamId) {
        if let Some(level) = find(self.levels.as_deref(), Interest::Writable(id)) {
            level.set(self.socket.writable(id) > 0 || self.is_over());
        }
    }

    pub(super) fn raise_incoming(&mut self, direction: Direction) {
        if let Some(level) = find(self.levels.as_deref(), Interest::Incoming(direction)) {
            level.set(true);
        }
    }

    pub(super) fn lower_incoming(&mut self, direction: Direction) {
        if let Some(level) = find(self.levels.as_deref(), Interest::Incoming(direction)) {
            level.set(self.is_over());
        }
    }

    /// Raises or lowers a descriptor, if somebody asked for it.
    pub(super) fn set_level(&mut self, interest: Interest, up: bool) {
        if let Some(level) = find(self.levels.as_deref(), interest) {
            level.set(up || self.is_over());
        }
    }

    /// The connection is over: no call waits any more.
    pub(super) fn raise_all(&mut self) {
        for level in self.levels.iter().flat_map(|levels| levels.0.values()) {
            level.set(true);
        }
    }

    fn is_over(&self) -> bool {
        self.failure.is_some() || self.socket.close_reason().is_some()
    }
}

fn find(levels: Option<&Levels>, interest: Interest) -> Option<&Arc<Level>> {
    levels?.0.get(&interest)
}

//! What goes into a packet: in comes a writer, out go frames in it and a record of each. Control frames go first, then data:
//! the highest priority first, lost before new, and each stream of equal priority one packet in turn. Data that fills a packet to
//! its end is not copied: whoever seals the packet takes it from here.

use inquic_platform::{Instant, Tail, Tails};
use inquic_wire::{Direction, StreamId, Writer, frame, varint_len};

use crate::recovery::SentFrame;

use super::limits::{FRAGMENT, TAIL_MIN};
use super::record::Control;
use super::send::{Run, SendHalf};
use super::{Pending, Streams};

impl Streams {
    /// Whether there is a frame to send that flow control permits.
    #[inline]
    #[must_use]
    pub fn wants_to_send(&self) -> bool {
        !self.owed.is_empty()
            || self.pending != Pending::NONE
            || !self.control.is_empty()
            || !self.fresh.is_empty() && (self.credit.available() > 0 || self.credit.may_tell())
    }

    /// Whether there is a frame to send that may wait for another packet, for [`crate::limits::PATIENCE`].
    #[inline]
    pub(crate) fn is_patient(&self) -> bool {
        self.patient != Pending::NONE
    }

    /// What waited for another packet waits no longer.
    pub(crate) fn hurry(&mut self) {
        self.pending.set(self.patient);
        self.patient = Pending::NONE;
    }

    /// Fills one packet with as many frames as fit, and reports each. `w` ends where the packet's payload does. `sent` says
    /// whether it has room for more; when not, no more than `FRAMES_AFTER_FULL` follow.
    ///
    /// Where `tail` is given, the data at the packet's end may be left out and become the tail. Its place in `w` is then not
    /// written, and the bytes are here until the streams are told of a frame's fate.
    #[inline]
    pub fn write_frames(
        &mut self,
        _now: Instant,
        w: &mut Writer<'_>,
        mut tail: Option<&mut Tail>,
        sent: &mut dyn FnMut(SentFrame) -> bool,
    ) {
        self.hurry();
        if self.pending != Pending::NONE {
            self.write_pending(w, sent);
        }
        if !self.control.is_empty() {
            self.write_control(w, sent);
        }
        while let Some((priority, slot)) = self.turn() {
            if !self.write_data(slot, w, tail.as_deref_mut(), sent) {
                self.owed.rotate(&mut self.slab, slot, priority);
                self.fresh.rotate(&mut self.slab, slot, priority);
                break;
            }
        }
        if !self.fresh.is_empty()
            && self.credit.available() == 0
            && self.credit.may_tell()
            && frame::write_data_blocked(w, self.credit.limit()).is_ok()
        {
            self.credit.tell();
            sent(SentFrame::DataBlocked);
        }
    }

    /// The stream whose turn it is.
    #[inline]
    fn turn(&self) -> Option<(i32, u32)> {
        let fresh = self.fresh.first().filter(|_| self.credit.available() > 0);
        match (self.owed.first(), fresh) {
            (Some(owed), Some(fresh)) if owed.0 < fresh.0 => Some(fresh),
            (Some(owed), _) => Some(owed),
            (None, fresh) => fresh,
        }
    }

    /// Writes what the stream has to send. Whether the packet has room for another stream.
    #[inline]
    fn write_data(
        &mut self,
        slot: u32,
        w: &mut Writer<'_>,
        mut tail: Option<&mut Tail>,
        sent: &mut dyn FnMut(SentFrame) -> bool,
    ) -> bool {
        let Some(stream) = self.slab.get_mut(slot) else {
            return false;
        };
        let id = stream.id;
        let Some(half) = &mut stream.send else {
            return false;
        };
        let room = loop {
            let Some(run) = half.next_run(self.credit.available()) else {
                break true;
            };
            let Some((len, fin)) = write_run(id, run, w) else {
                break false;
            };
            if !leave(half, (slot, run.offset, len), w, tail.as_deref_mut()) {
                copy(half, run.offset, len, w);
            }
            half.on_sent(run, u64::from(len), fin);
            if run.fresh {
                self.credit.spend(u64::from(len));
            } else {
                self.stats.bytes_resent = self.stats.bytes_resent.saturating_add(u64::from(len));
            }
            let more = sent(SentFrame::Stream {
                id,
                offset: run.offset,
                len,
                fin,
            });
            if w.remaining() == 0 || !more {
                break false;
            }
        };
        self.settle(slot);
        room
    }

    #[inline(never)]
    fn write_pending(&mut self, w: &mut Writer<'_>, sent: &mut dyn FnMut(SentFrame) -> bool) {
        if self.pending.has(Pending::MAX_DATA) {
            let limit = self.window.next_grant();
            if frame::write_max_data(w, limit).is_err() {
                return;
            }
            self.window.grant();
            self.pending.clear(Pending::MAX_DATA);
            sent(SentFrame::MaxData);
        }
        for direction in Direction::ALL {
            let (more, blocked) = match direction {
                Direction::Bidirectional => {
                    (Pending::MAX_STREAMS_BIDI, Pending::STREAMS_BLOCKED_BIDI)
                }
                Direction::Unidirectional => {
                    (Pending::MAX_STREAMS_UNI, Pending::STREAMS_BLOCKED_UNI)
                }
            };
            if self.pending.has(more) {
                let remote = self.remote.get_mut(direction);
                let limit = remote.granted.max(remote.limit());
                if frame::write_max_streams(w, direction, limit).is_err() {
                    return;
                }
                remote.granted = limit;
                self.pending.clear(more);
                sent(SentFrame::MaxStreams(direction));
            }
            let local = self.local.get_mut(direction);
            if self.pending.has(blocked) {
                if local.wanted && local.next >= local.limit {
                    if frame::write_streams_blocked(w, direction, local.limit).is_err() {
                        return;
                    }
                    local.told = local.limit.saturating_add(1);
                    sent(SentFrame::StreamsBlocked(direction));
                }
                self.pending.clear(blocked);
            }
        }
    }

    #[inline(never)]
    fn write_control(&mut self, w: &mut Writer<'_>, sent: &mut dyn FnMut(SentFrame) -> bool) {
        while let Some(slot) = self.control.head() {
            let frames = [
                Control::RESET_STREAM,
                Control::STOP_SENDING,
                Control::MAX_STREAM_DATA,
                Control::STREAM_DATA_BLOCKED,
            ];
            for control in frames {
                let asked = self
                    .slab
                    .get(slot)
                    .is_some_and(|stream| stream.control.has(control));
                let mut more = true;
                if asked && self.says_something(slot, control) {
                    let Some(has_room) = self.write_one(slot, control, w, sent) else {
                        return;
                    };
                    more = has_room;
                }
                if let Some(stream) = self.slab.get_mut(slot) {
                    stream.control.clear(control);
                }
                if !more {
                    return;
                }
            }
            self.control.remove(&mut self.slab, slot);
        }
    }

    /// Whether the peer would still learn something from the frame.
    pub(super) fn says_something(&self, slot: u32, control: Control) -> bool {
        let Some(stream) = self.slab.get(slot) else {
            return false;
        };
        let (send, receive) = (stream.send.as_ref(), stream.receive.as_ref());
        match control {
            Control::RESET_STREAM => send.is_some_and(SendHalf::is_resetting),
            Control::STREAM_DATA_BLOCKED => send.is_some_and(SendHalf::is_blocked),
            //= RFC 9000 §3.5: However, once either all stream data or a RESET_STREAM frame has been received for the stream -- that
            //= is, the stream is in any state other than "Recv" or "Size Known" -- sending a STOP_SENDING frame is unnecessary.
            Control::STOP_SENDING => receive.is_some_and(|half| half.stopped && half.is_open()),
            _ => receive.is_some_and(|half| !half.stopped && half.is_unsized()),
        }
    }

    /// Writes one frame of one stream. Whether another may be written; `None` when it did not fit.
    fn write_one(
        &mut self,
        slot: u32,
        control: Control,
        w: &mut Writer<'_>,
        sent: &mut dyn FnMut(SentFrame) -> bool,
    ) -> Option<bool> {
        let Some(stream) = self.slab.get_mut(slot) else {
            return Some(true);
        };
        let id = stream.id;
        let (written, frame) = match (control, &mut stream.send, &mut stream.receive) {
            (Control::RESET_STREAM, Some(half), _) => {
                let (code, size) = half.reset_frame();
                (
                    frame::write_reset_stream(w, id, code, size),
                    SentFrame::ResetStream { id },
                )
            }
            (Control::STREAM_DATA_BLOCKED, Some(half), _) => {
                let written = frame::write_stream_data_blocked(w, id, half.limit());
                if written.is_ok() {
                    half.tell_blocked();
                }
                (written, SentFrame::StreamDataBlocked { id })
            }
            (Control::STOP_SENDING, _, Some(half)) => (
                frame::write_stop_sending(w, id, half.code()),
                SentFrame::StopSending { id },
            ),
            (Control::MAX_STREAM_DATA, _, Some(half)) => {
                let written = frame::write_max_stream_data(w, id, half.window.next_grant());
                if written.is_ok() {
                    half.window.grant();
                }
                (written, SentFrame::MaxStreamData { id })
            }
            _ => return Some(true),
        };
        written.is_ok().then(|| sent(frame))
    }
}

/// Frames that may still be reported when there is no room for more: what is pending, one of control, one of data, DATA_BLOCKED.
pub(crate) const FRAMES_AFTER_FULL: usize = 5 + 1 + 1 + 1;

/// Begins a STREAM frame for as much of the run as fits: how many bytes are to follow, and whether with FIN.
#[inline]
fn write_run(id: StreamId, run: Run, w: &mut Writer<'_>) -> Option<(u16, bool)> {
    let want = u16::try_from(run.len).unwrap_or(u16::MAX);
    let header = frame::stream_header_len(id, run.offset, 0, true);
    let space = w.remaining().checked_sub(header)?;
    // A frame that fills the packet to its end needs no length.
    let (len, last) = match u16::try_from(space) {
        Ok(space) if want >= space => (space, true),
        _ => {
            let prefix = varint_len(u64::from(want));
            let fits = space.saturating_sub(prefix).min(usize::from(want));
            (u16::try_from(fits).ok()?, false)
        }
    };
    let cut = len < want;
    if cut && usize::from(len) < FRAGMENT || len == 0 && run.len > 0 {
        return None;
    }
    let fin = run.fin && u64::from(len) == run.len;
    frame::write_stream_header(w, id, run.offset, usize::from(len), fin, last).ok()?;
    Some((len, fin))
}

/// Leaves the bytes of a frame where they are, if nothing can come after them and they lie in one piece.
#[inline]
fn leave(
    half: &SendHalf,
    (owner, offset, len): (u32, u64, u16),
    w: &mut Writer<'_>,
    tail: Option<&mut Tail>,
) -> bool {
    let fills = w.remaining() == usize::from(len) && usize::from(len) >= TAIL_MIN;
    let Some(tail) = tail.filter(|_| fills && half.piece(offset, len).is_some()) else {
        return false;
    };
    *tail = Tail { owner, len, offset };
    w.reserve(usize::from(len)).is_ok()
}

/// Copies the bytes of a frame behind its header.
#[inline]
fn copy(half: &SendHalf, offset: u64, len: u16, w: &mut Writer<'_>) {
    let place = w.reserve(usize::from(len)).unwrap_or_default();
    let copied = half.copy_out(offset, place);
    debug_assert!(copied, "bytes that are not acknowledged are kept");
}

impl Tails for Streams {
    #[inline]
    fn tail(&self, tail: Tail) -> Option<&[u8]> {
        let half = self.slab.get(tail.owner)?.send.as_ref()?;
        half.piece(tail.offset, tail.len)
    }
}

//! What became of the frames we sent: in come fates, out goes nothing; what was lost is sent again by `transmit`, and what
//! was acknowledged is forgotten. A fate of a stream that is over is ignored.

use inquic_wire::{Direction, StreamId};

use crate::recovery::{Fate, SentFrame};

use super::queue::Kind;
use super::record::{Control, Events};
use super::{Pending, Streams};

impl Streams {
    /// The peer has the frame, or it must be taken as lost. Frames that are not about streams are ignored.
    #[inline]
    pub fn on_frame_fate(&mut self, fate: Fate, frame: SentFrame) {
        match (fate, frame) {
            (
                Fate::Acknowledged,
                SentFrame::Stream {
                    id,
                    offset,
                    len,
                    fin,
                },
            ) => {
                self.on_data_acknowledged(id, offset, u64::from(len), fin);
            }
            (
                Fate::Lost,
                SentFrame::Stream {
                    id,
                    offset,
                    len,
                    fin,
                },
            ) => {
                self.on_data_lost(id, offset, u64::from(len), fin);
            }
            (Fate::Acknowledged, SentFrame::ResetStream { id }) => self.on_reset_acknowledged(id),
            (Fate::Acknowledged, _) => {}
            (Fate::Lost, frame) => self.on_control_lost(frame),
        }
    }

    fn on_data_acknowledged(&mut self, id: StreamId, offset: u64, len: u64, fin: bool) {
        let Some(slot) = self.slot(id) else {
            return;
        };
        let Some(stream) = self.slab.get_mut(slot) else {
            return;
        };
        let Some(half) = &mut stream.send else {
            return;
        };
        let before = half.state;
        let freed = half.on_acknowledged(&mut self.send_pool, offset, len, fin);
        let complete = half.state != before;
        if stream.links.get(Kind::Owed).is_in() {
            // Lost bytes that arrived after all need not be sent again.
            self.settle(slot);
        }
        if freed {
            self.wake_writer(slot);
        }
        if complete {
            self.tell(slot, Events::FINISHED);
        }
    }

    fn on_data_lost(&mut self, id: StreamId, offset: u64, len: u64, fin: bool) {
        let Some(slot) = self.slot(id) else {
            return;
        };
        let half = self
            .slab
            .get_mut(slot)
            .and_then(|stream| stream.send.as_mut());
        if let Some(half) = half {
            half.on_lost(offset, len, fin);
            self.settle(slot);
        }
    }

    fn on_reset_acknowledged(&mut self, id: StreamId) {
        let Some(slot) = self.slot(id) else {
            return;
        };
        if let Some(stream) = self.slab.get_mut(slot)
            && let Some(half) = &mut stream.send
            && half.on_reset_acknowledged()
        {
            stream.control.clear(Control::RESET_STREAM);
            if self.tells_states {
                self.tell(slot, Events::RESET_ARRIVED);
            }
            self.retire(slot);
        }
    }

    /// A lost frame is sent again if it still says something; `transmit` asks for that once more when it writes it.
    fn on_control_lost(&mut self, frame: SentFrame) {
        let (id, control) = match frame {
            SentFrame::ResetStream { id } => (id, Control::RESET_STREAM),
            SentFrame::StopSending { id } => (id, Control::STOP_SENDING),
            SentFrame::MaxStreamData { id } => (id, Control::MAX_STREAM_DATA),
            SentFrame::StreamDataBlocked { id } => (id, Control::STREAM_DATA_BLOCKED),
            SentFrame::MaxData => return self.pending.set(Pending::MAX_DATA),
            SentFrame::MaxStreams(Direction::Bidirectional) => {
                return self.pending.set(Pending::MAX_STREAMS_BIDI);
            }
            SentFrame::MaxStreams(Direction::Unidirectional) => {
                return self.pending.set(Pending::MAX_STREAMS_UNI);
            }
            SentFrame::DataBlocked => return self.credit.forget_told(),
            SentFrame::StreamsBlocked(Direction::Bidirectional) => {
                return self.pending.set(Pending::STREAMS_BLOCKED_BIDI);
            }
            SentFrame::StreamsBlocked(Direction::Unidirectional) => {
                return self.pending.set(Pending::STREAMS_BLOCKED_UNI);
            }
            SentFrame::Ack { .. }
            | SentFrame::Crypto { .. }
            | SentFrame::Stream { .. }
            | SentFrame::NewConnectionId { .. }
            | SentFrame::RetireConnectionId { .. }
            | SentFrame::NewToken
            | SentFrame::HandshakeDone
            | SentFrame::AckFrequency { .. }
            | SentFrame::Ping
            | SentFrame::Datagram { .. }
            | SentFrame::MtuProbe { .. } => return,
        };
        if let Some(slot) = self.slot(id)
            && self.says_something(slot, control)
        {
            self.add_control(slot, control);
        }
    }
}

//! What the application is told: in come flags that other modules raised, out go events that still hold. An application
//! that never asks costs nothing but the flags.

use inquic_wire::Direction;

use super::receive::ReceiveHalf;
use super::record::{Events, Stream};
use super::state::ReceiveState;
use super::types::{Change, StreamEvent};
use super::{Streams, Told};

impl Streams {
    /// The next thing that the application may want to act on.
    pub fn next_event(&mut self) -> Option<StreamEvent> {
        if self.told != Told::NONE
            && let Some(event) = self.connection_event()
        {
            return Some(event);
        }
        while let Some(slot) = self.events.head() {
            let event = self.take_event(slot);
            let Some(stream) = self.slab.get(slot) else {
                break;
            };
            if stream.events == Events::NONE {
                self.events.remove(&mut self.slab, slot);
                self.retire(slot);
            }
            if event.is_some() {
                return event;
            }
        }
        None
    }

    fn connection_event(&mut self) -> Option<StreamEvent> {
        let flags = [
            (
                Told::INCOMING_BIDI,
                StreamEvent::Incoming(Direction::Bidirectional),
            ),
            (
                Told::INCOMING_UNI,
                StreamEvent::Incoming(Direction::Unidirectional),
            ),
            (
                Told::MAX_STREAMS_BIDI,
                StreamEvent::MaxStreams(Direction::Bidirectional),
            ),
            (
                Told::MAX_STREAMS_UNI,
                StreamEvent::MaxStreams(Direction::Unidirectional),
            ),
        ];
        for (flag, event) in flags {
            if !self.told.has(flag) {
                continue;
            }
            self.told.clear(flag);
            let holds = match event {
                StreamEvent::Incoming(direction) => {
                    let remote = self.remote.get(direction);
                    remote.accepted < remote.opened
                }
                _ => true,
            };
            if holds {
                return Some(event);
            }
        }
        None
    }

    /// Takes one flag of the stream; `None` when what it says does not hold any more.
    fn take_event(&mut self, slot: u32) -> Option<StreamEvent> {
        let share = self.stream_send_buffer;
        let stream = self.slab.get_mut(slot)?;
        let id = stream.id;
        if stream.events.has(Events::CHANGES) {
            let change = take_change(stream)?;
            return Some(StreamEvent::Changed { id, change });
        }
        if stream.events.has(Events::READABLE) {
            stream.events.clear(Events::READABLE);
            let readable = stream
                .receive
                .as_ref()
                .is_some_and(ReceiveHalf::is_readable);
            stream.tell_readable |= !readable;
            return readable.then_some(StreamEvent::Readable(id));
        }
        if stream.events.has(Events::WRITABLE) {
            stream.events.clear(Events::WRITABLE);
            let half = stream.send.as_ref()?;
            let open = half.state.is_open() && !half.is_finished() && half.room(share) > 0;
            return open.then_some(StreamEvent::Writable(id));
        }
        if stream.events.has(Events::STOPPED) {
            stream.events.clear(Events::STOPPED);
            let code = stream.send.as_ref()?.code();
            return Some(StreamEvent::Stopped { id, code });
        }
        stream.events.clear(Events::FINISHED);
        Some(StreamEvent::Finished(id))
    }
}

/// Takes one change of the stream's state; `None` when the state has gone on from there.
fn take_change(stream: &mut Stream) -> Option<Change> {
    if stream.events.has(Events::HEARD) {
        stream.events.clear(Events::HEARD);
        return Some(Change::Heard);
    }
    if stream.events.has(Events::RECEIVING) {
        stream.events.clear(Events::RECEIVING);
        let half = stream.receive.as_ref()?;
        let size = half.size();
        return match half.state {
            ReceiveState::Recv => None,
            ReceiveState::SizeKnown => Some(Change::Sized(size)),
            ReceiveState::DataRecvd | ReceiveState::DataRead => Some(Change::Arrived(size)),
            ReceiveState::ResetRecvd | ReceiveState::ResetRead => Some(Change::Reset {
                code: half.code(),
                size,
            }),
        };
    }
    stream.events.clear(Events::RESET_ARRIVED);
    let (code, size) = stream.send.as_ref()?.reset_frame();
    Some(Change::ResetArrived { code, size })
}

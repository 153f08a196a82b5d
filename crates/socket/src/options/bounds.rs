//! How far programs may go where memory is the home's and not theirs: bounds in, settings within them out.

use inquic_engine::stream::Window;
use inquic_platform::Duration;

use super::Options;

/// The most that the programs of a home may set. What they ask for beyond it is cut, as other sockets cut SO_RCVBUF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of SO_SNDBUF.
    pub send: usize,
    /// Bytes of SO_RCVBUF, and of every window for received data, those of the start included.
    pub receive: usize,
    /// How long close() and shutdown() go on to deliver.
    pub linger: Duration,
}

impl Bounds {
    /// Whatever the ABI takes: memory is the program's own.
    pub const NONE: Self = Self {
        send: usize::MAX,
        receive: usize::MAX,
        linger: Duration::MAX,
    };
}

impl Options {
    /// From now on this is the most; what was set before is cut to it as well.
    pub(crate) fn bound(&mut self, bounds: Bounds) {
        self.bounds = bounds;
        self.fit();
    }

    /// Cuts what was set to the bounds.
    pub(super) fn fit(&mut self) {
        let Bounds {
            send,
            receive,
            linger,
        } = self.bounds;
        self.linger = self.linger.min(linger);
        self.receive_buffer = self.receive_buffer.min(receive);
        let most = receive as u64;
        let streams = &mut self.engine.streams;
        streams.send_buffer = streams.send_buffer.min(send);
        streams.stream_send_buffer = streams.stream_send_buffer.min(send);
        streams.connection_window = cut(streams.connection_window, most);
        streams.stream_window = cut(streams.stream_window, most);
        let initial = &mut streams.initial;
        for window in [
            &mut initial.bidi_local,
            &mut initial.bidi_remote,
            &mut initial.uni,
        ] {
            *window = window.map(|window| window.min(most));
        }
    }
}

fn cut(window: Window, most: u64) -> Window {
    Window {
        initial: window.initial.min(most),
        ceiling: window.ceiling.min(most),
    }
}

//! Every bound of the streams, with the sum that gives it and the test that meets it (`tests/limits.rs`).

/// Bytes of one page of stream data: five full packets and a bit, and two pages of memory.
pub const PAGE: usize = 8 * 1024;
/// The smallest piece of memory that holds stream data; a stream that carries 100 bytes costs this.
pub const PIECE_MIN: usize = 128;
/// While one direction of a connection holds less than this, every page is a full one: a few streams never grow a page. The same
/// while it holds less than one [`GENEROUS_SHARE`]th of what it may.
pub const GENEROUS: usize = 8 * 1024;
/// See [`GENEROUS`]: at the windows of the start 30 KiB.
pub const GENEROUS_SHARE: usize = 16;
/// Memory for received data that only data without a hole before it may use, so that holes can always be filled.
pub const RESERVE: usize = 8 * 1024;
/// Bytes that a direction may take for streams and their lists of pages before they count against the memory for data: a dozen of
/// streams cost an application nothing of its buffers.
pub const FREE: usize = 4 * 1024;
/// What a stream costs the direction of whoever opened it, as long as it is alive and whether or not there is a record of it yet: 208
/// bytes of record, a quarter that the slab may spare, and twice four bytes of a table that doubles, with as many again to spare.
pub const STREAM_COST: usize = 288;
/// What the data of a stream costs a direction besides its pages: 112 bytes, and a list of four pages at 24.
pub const LIST_COST: usize = 208;
/// Streams that the peer may have open share one part of the window in so many, and [`FREE`].
pub const STREAMS_SHARE: u64 = 5;
/// One part in so many of the send buffer is for what is known of packets on their way, and not for data.
pub const SENT_SHARE: usize = 16;
/// From this page of one stream on, pages are full ones: (4 + 1) / 4 pages is 1.25 times the data in them.
pub const FULL_PAGES_FROM: usize = 4;
/// Unused pages kept for the next user, in each direction, until the connection is idle: 4 MiB, by which a busy reader may
/// fall behind; never more than the direction may take anyway.
pub const SPARE_PAGES: usize = 512;
/// Unused page lists kept for the next stream, in each direction: as many as short streams fit one 44-packet batch.
pub const SPARE_BUFFERS: usize = 64;
/// Bytes of all of those together: 64 of short streams at 200 bytes, and one of a stream with [`STREAM_SEND_BUFFER`] in pages, whose
/// writer fills it again and again. Never more, with the spare pages, than the direction may take anyway.
pub const SPARE_LISTS: usize = 2 * PAGE;

/// Received pieces of one stream that do not touch, whatever their size (`docs/attacks.txt` 26).
pub const PIECES: usize = 256;
/// Beyond [`PIECES`], a piece is kept only if this many bytes lie in the pieces for each of them, as in honest loss: 16
/// bytes of list for 512 of data.
pub const PIECE_BYTES: u64 = 512;
/// Pieces of one stream that are kept at all: every second packet lost of a window of 6 MiB, in 32 KiB of list.
pub const PIECES_MAX: usize = 2_048;
/// Frames refused for being in too many small pieces, without any progress between them, until the connection closes.
pub const REFUSALS: u32 = 1_000;
/// Acknowledged or lost ranges of one stream that are kept apart: every second packet lost of a 12 MiB window, 64 KiB.
/// Past it, bytes are sent again that need not be, and nothing is lost.
pub const SENT_RANGES: usize = 4_096;

/// Streams of one type that a peer may have open at once, unless the configuration says otherwise. It is an upper limit: see
/// [`streams_at_once`].
pub const STREAMS: u64 = 256;
/// The most that a configuration can allow of one type.
pub const STREAMS_MAX: u64 = 65_536;
/// Streams of ours that are alive at once, whatever the peer allows.
pub const LOCAL_STREAMS: u64 = 65_536;
/// Newest streams of one type that are found by position, at 4 bytes each; older ones that live on are in a table.
pub const RECENT: usize = 4_096;

/// Receive window of a stream at the start: 100 Mbit/s at 20 ms.
pub const STREAM_WINDOW: u64 = 256 * 1024;
/// Receive window that a stream may grow to: 1.3 Gbit/s at 50 ms.
pub const STREAM_WINDOW_MAX: u64 = 8 * 1024 * 1024;
/// Receive window of a connection at the start: one and a half streams.
pub const CONNECTION_WINDOW: u64 = 384 * 1024;
/// Receive window that a connection may grow to: two streams at full window.
pub const CONNECTION_WINDOW_MAX: u64 = 16 * 1024 * 1024;
/// Bytes written but not acknowledged, in one connection, and what is known of the packets that carry them: 2 MiB and a sixteenth.
pub const SEND_BUFFER: usize = 2_240 * 1024;
/// Bytes written but not acknowledged, in one stream.
pub const STREAM_SEND_BUFFER: usize = 1024 * 1024;
/// The least room that a blocked writer is woken for; see [`writable`].
pub const WRITABLE: usize = 16 * 1024;
/// A piece of a stream smaller than this is not put into what is left of a packet, unless it is all there is.
pub const FRAGMENT: usize = 32;
/// Data at the end of a packet that is sealed from its page instead of being copied first. With less, a copy costs no more
/// than finding the page again.
pub const TAIL_MIN: usize = 256;

/// Memory for received data may be so many quarters of the window, and [`GENEROUS`] and [`RESERVE`] more (`docs/attacks.txt` 26).
pub const RECEIVE_QUARTERS: u64 = 5;
/// Bytes of one stream's record; with its 4-byte place in the table and what the slab spares, under 300.
pub const STREAM_BYTES: usize = 208;
/// Bytes of a connection's record of its streams when none is open.
pub const IDLE_BYTES: usize = 1_024;

/// Memory that received data may take when the connection's window is `window`.
#[must_use]
pub const fn receive_memory(window: u64) -> u64 {
    (window / 4)
        .saturating_mul(RECEIVE_QUARTERS)
        .saturating_add((GENEROUS + RESERVE) as u64)
}

/// How many streams of each type a peer may have open at once when the connection's window is `window` and the application allows
/// `most` of each: what one [`STREAMS_SHARE`]th of the window and [`FREE`] pay for at [`STREAM_COST`], half for each type and what one
/// type does not want for the other. At [`CONNECTION_WINDOW`] those are 287 in all, at [`CONNECTION_WINDOW_MAX`] 11,665. It grows with
/// the window and never shrinks.
#[must_use]
pub const fn streams_at_once(window: u64, most: [u64; 2]) -> [u64; 2] {
    let [bidirectional, unidirectional] = most;
    let memory = (window / STREAMS_SHARE).saturating_add(FREE as u64);
    let all = match memory.checked_div(STREAM_COST as u64) {
        Some(all) => all,
        None => 0,
    };
    let half = all / 2;
    [
        share(bidirectional, unidirectional, all, half),
        share(unidirectional, bidirectional, all, half),
    ]
}

/// What one type gets of `all` when it wants `own` and the other wants `other`.
const fn share(own: u64, other: u64, all: u64, half: u64) -> u64 {
    let left = if other < half {
        all.saturating_sub(other)
    } else {
        half
    };
    let most = if own < STREAMS_MAX { own } else { STREAMS_MAX };
    if most < left { most } else { left }
}

/// How many streams of ours may be alive at once when the send buffer has so many bytes: half of it, and of [`FREE`], pays for them,
/// so that there is always room to write on them.
#[must_use]
pub const fn local_streams(send_buffer: usize) -> u64 {
    (send_buffer.saturating_add(FREE) / 2 / STREAM_COST) as u64
}

/// Bytes of data that wait in a send buffer of so many bytes at most.
#[must_use]
pub const fn data_of(send_buffer: usize) -> usize {
    send_buffer.saturating_sub(send_buffer / SENT_SHARE)
}

/// How much of a buffer of `limit` bytes must be free before a blocked writer is woken: an eighth, so that wake-ups are
/// few; at least [`WRITABLE`], so that a write is worth it; at most a quarter.
#[must_use]
pub const fn writable(limit: usize) -> usize {
    let eighth = limit / 8;
    let quarter = limit / 4;
    if eighth >= WRITABLE {
        eighth
    } else if quarter >= WRITABLE {
        WRITABLE
    } else if quarter > 0 {
        quarter
    } else {
        1
    }
}

const _: () = assert!(PAGE.is_power_of_two() && PIECE_MIN.is_power_of_two());
const _: () = assert!(
    PIECES < PIECES_MAX,
    "small pieces are bounded more tightly than all"
);
const _: () =
    assert!(STREAM_WINDOW <= CONNECTION_WINDOW && STREAM_WINDOW_MAX <= CONNECTION_WINDOW_MAX);
const _: () = assert!(
    STREAM_SEND_BUFFER <= SEND_BUFFER,
    "a stream's share is part of the whole"
);
const _: () = assert!(STREAMS <= STREAMS_MAX);
const _: () = assert!(
    4 * STREAMS_MAX < u32::MAX as u64 - 2,
    "every stream has a 32-bit place, and two values are left to say none"
);

//! Every bound of the engine in one place, each with the sum that gives it. Nothing here is a tuning knob for one peer.

use inquic_platform::Duration;

pub use crate::recovery::limits as recovery;
pub use crate::stream::limits as stream;

/// Bytes of an idle connection: the engine's record of 6 KiB, keys, ids of both ends, the newest packet numbers.
pub const IDLE_BYTES: usize = 16 * 1024;
/// Bytes of a working connection that neither its window nor its send buffer pays for: [`IDLE_BYTES`], 24 KiB for packets on their way
/// ([`recovery::SENT_FREE`]), 16 KiB for received data ([`stream::GENEROUS`] and [`stream::RESERVE`]), and 4 KiB in each direction for
/// streams ([`stream::FREE`]). [`working_bytes`] is the whole.
pub const WORKING_BYTES: usize = 64 * 1024;
/// Bytes in the connection ids that we issue. Eight random bytes cannot be guessed and fit one machine word of the table.
pub const LOCAL_CID_LEN: usize = 8;
/// Paths of one connection: the active one, the last one that was good, and two that are being looked at.
pub const PATHS: usize = 4;
/// Connection ids that a peer may hold of us at once, and that we hold of a peer: one for each of [`PATHS`], and three spare.
pub const CIDS: usize = 7;
/// Connection ids of a peer that can be asked for: the socket ABI's bound.
pub const CIDS_MAX: usize = 8;
/// Retirements of the peer's ids that we have not seen acknowledged: two full turns of [`CIDS`].
pub const CIDS_RETIRING: usize = 2 * CIDS;
/// Ranges of received packet numbers that are remembered; older ones count as received (RFC 9000 §13.2.3).
pub const RECEIVED_RANGES: usize = 32;
/// Bytes of handshake messages at one level that TLS has not taken yet. RFC 9000 §7.5 asks for 4,096 or more; a chain of nine
/// certificates with post-quantum signatures fits.
pub const CRYPTO_BUFFER: u64 = 64 * 1024;
/// Gaps in the handshake messages of one level: a 64 KiB flight in 256-byte pieces, all reordered.
pub const CRYPTO_GAPS: usize = 256;
/// Bytes of memory of received handshake messages, all levels together: one level's [`CRYPTO_BUFFER`], and 16 for each gap. See
/// [`crypto_memory`].
pub const CRYPTO_MEMORY: u64 = CRYPTO_BUFFER + 16 * CRYPTO_GAPS as u64;
/// Handshake bytes that a peer may send after the handshake is confirmed, for the whole life of a connection: 64 tickets of 4 KiB.
pub const CRYPTO_AFTER_HANDSHAKE: u64 = 256 * 1024;
/// Packets of one level kept because the keys for them have not come yet (RFC 9001 §5.7): one flight of a client.
pub const HELD_PACKETS: usize = 4;
/// The same at the Handshake level of a client: what a server sends behind its hello before it hears of its client again, an initial
/// window of ten datagrams (RFC 9002 §7.2). TLS is outside, so all of it is there before the keys are.
pub const HELD_FLIGHT: usize = 9;
/// The same of a client whose address is not validated: with one of the 0-RTT, the Handshake and the 1-RTT level each, 4,500
/// bytes.
pub const HELD_PACKETS_UNVALIDATED: usize = 1;
/// Bytes of one kept packet: the largest that fits an Ethernet frame.
pub const HELD_PACKET_BYTES: usize = 1_500;
/// Bytes of an address validation token that we keep or echo.
pub const TOKEN_BYTES: usize = 512;
/// Address validation tokens of a server that a client keeps; the newest wins.
pub const TOKENS: usize = 2;
/// Records of what happened on a connection that is watched and that its home has not taken: 64 datagrams received in one call,
/// with a dozen frames each and what follows from them. 64 KiB of [`TRACE_RECORD_BYTES`] each, for watched connections only.
pub const TRACE_RECORDS: usize = 1_024;
/// Bytes of one record: a moment of 8, and the metrics of the recovery, the largest there is, of 56.
pub const TRACE_RECORD_BYTES: usize = 64;
/// Frames of one packet that are noted: ranges of an ACK at their most, and as many again.
pub const TRACE_FRAMES: usize = 2 * RECEIVED_RANGES;
/// Bytes of a CONNECTION_CLOSE reason that we send or keep.
pub const REASON_BYTES: usize = 256;
/// Datagrams that one call of `receive` takes apart: what one GRO buffer can hold and more.
pub const RECEIVE_BATCH: usize = inquic_platform::crypto::BATCH;
/// Datagrams that one call of `transmit` builds: the kernel's bound for one UDP_SEGMENT send.
pub const TRANSMIT_BATCH: usize = 64;
/// Bytes that one call of `transmit` builds: the largest UDP payload over IPv4.
pub const TRANSMIT_BYTES: usize = 65_507;
/// Bytes in the UDP payload of the largest datagram that we take by default: as many as we would send at once.
pub const UDP_PAYLOAD: u16 = 65_507;
/// Bytes of datagrams (RFC 9221) that wait for the application, and the same again of those that wait to be sent; ten bytes
/// are added for each. One of the longest there can be fits, and a millisecond of 500 Mbit/s. The oldest go first.
pub const DATAGRAM_QUEUE: usize = 64 * 1024;
/// Datagrams whose sender wants to hear of their fate and has not: a round trip of 100 ms at 2,560 in a second. 6 KiB.
pub const DATAGRAM_FATES: usize = 256;
/// The smallest datagram that may carry an Initial packet (RFC 9000 §14.1), and the size that every path is taken to carry.
pub const DATAGRAM_MIN: usize = 1_200;
/// The largest datagram we build: an Ethernet jumbo frame's worth.
pub const DATAGRAM_MAX: usize = 9_000;
/// The largest UDP payload that Ethernet carries over IPv4: 1,500 bytes without the headers of IP and UDP, 20 and 8.
pub const ETHERNET_IPV4: u16 = 1_500 - 20 - 8;
/// The same over IPv6, whose header has 40 bytes.
pub const ETHERNET_IPV6: u16 = 1_500 - 40 - 8;
/// Probes of one size that are lost before it counts as too large: MAX_PROBES of RFC 8899 §5.1.2.
pub const MTU_PROBES: u8 = 3;
/// The search for the largest datagram ends when it is known to so many bytes: half a percent of 1,472.
pub const MTU_STEP: u16 = 8;
/// After a search is complete, larger sizes are tried again: PMTU_RAISE_TIMER of RFC 8899 §5.1.1.
pub const MTU_RAISE: Duration = Duration::from_secs(600);
/// Packets larger than [`DATAGRAM_MIN`] that are lost, none of the others being lost, before the path is taken to carry no more.
pub const MTU_LOSSES: u32 = 3;
/// The second time that a size stops passing within [`MTU_RAISE`], the next search waits for so long; then twice as long, and so on.
pub const MTU_PAUSE: Duration = Duration::from_secs(60);
/// Packets marked ECT(0) before the peer has shown that the marks arrive (RFC 9000 §13.4.2).
pub const ECN_TEST: u64 = 10;
/// Packets in a row that are said to have met congestion, before what says so is taken to be broken: in the test, all of it; later,
/// as many as fill six smallest windows in a row and more, each half of the one before.
pub const ECN_ALL_CE: u64 = 64;
/// An unvalidated address gets this many times what came from it (RFC 9000 §8.1).
pub const AMPLIFICATION: u64 = 3;
/// PATH_CHALLENGE frames of one validation: at once, and after one of the three probe timeouts that it lasts.
pub const CHALLENGES: usize = 2;
/// Bytes of the smallest datagram with a challenge and a response: 1 + 20 + 4 of header, 9, 9 and 1 of frames, 16 of tag.
pub const PROBE_BYTES: u64 = 60;
/// A new address of the peer is taken note of once in a round trip, and not more often than this.
pub const PATH_INTERVAL: Duration = Duration::from_millis(10);
/// For so long after the connection was led astray, new addresses have to be validated before more than probes are sent there:
/// one loss of three probe timeouts, at 1 s each, in as long a time is a tenth.
pub const WARY: Duration = Duration::from_secs(30);
/// A path where the peer was silent for this long has to be validated again, as NATs give such addresses to others (RFC 4787
/// asks them to wait for two minutes, and many wait for 30 s).
pub const PATH_MEMORY: Duration = Duration::from_secs(30);
/// From the first datagram to the confirmed handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Times that a server's hello leaves again because its client asks, before a probe timeout (RFC 9002 §6.2.3): where three of ten
/// datagrams are lost, all five are for one client in four hundred. Each costs the client a full datagram, as it costs us.
pub const EARLY_HELLOS: u8 = 4;
/// How long a server's hello has been on its way when a client's packet shows that it was lost: the datagrams of one flight of the
/// client come closer together.
pub const EARLY_HELLO_APART: Duration = Duration::from_millis(20);
/// A connection on which nothing happened for this long gives unused memory back. One look in that time costs nothing, and a
/// pause between two requests of one person is longer.
pub const REST: Duration = Duration::from_secs(1);
/// What a peer need not know at once waits so long for a packet that goes anyway: as an acknowledgement would
/// (RFC 9000 §13.2.1, §18.2: the default of `max_ack_delay`).
pub const PATIENCE: Duration = Duration::from_millis(25);
/// Where memory was refused, it is asked for again after this long: as soon as others may have given some back.
pub const MEMORY_RETRY: Duration = Duration::from_millis(10);
/// Handshakes that a listener has under way at most, unless it says otherwise: at 6 KiB each, with one packet of 1,500 bytes that
/// came before the keys for it, 7 MiB.
pub const HALF_OPEN: usize = 960;
/// Bytes of a ClientHello that is read before its owner is known: one with shares for the largest post-quantum groups together
/// has 6 KiB, and RFC 9000 §7.5 asks for 4,096 bytes.
pub const HELLO_BYTES: usize = 16 * 1024;
/// Datagrams that wait until their client's hello is whole: 16 KiB in Initial packets of 1,200 bytes, and 0-RTT.
pub const HELLO_DATAGRAMS: usize = 20;
/// Bytes of those: as many of 1,200 bytes.
pub const HELLO_HELD_BYTES: usize = HELLO_DATAGRAMS * DATAGRAM_MIN;
/// The same of a client of which only 0-RTT came yet: what is sent behind one lost Initial packet in an initial window.
pub const HELLO_EARLY_DATAGRAMS: usize = 2;
/// Clients that wait so at once: at 24,000 bytes of datagrams, 16 KiB of hello and 4 KiB of gaps each, 5.5 MiB.
pub const HELLOS: usize = 128;
/// Of them, those from one address, or from one IPv6 network of 64 bits.
pub const HELLOS_PER_SOURCE: usize = 16;
/// How long they wait: a lost packet is sent again after 1 s and after 3 s.
pub const HELLO_TIME: Duration = Duration::from_secs(5);
/// Those who listen on one port, at most.
pub const OWNERS: usize = 64;
/// Server names of one listener: with [`OWNERS`], 4,096 comparisons for a hello.
pub const CLAIM_NAMES: usize = 64;
/// Application protocols of one listener.
pub const CLAIM_PROTOCOLS: usize = 32;
/// Clients of other processes that have our port, too, whose first id is remembered for [`HANDSHAKE_TIMEOUT`]: 400 a second, 80 bytes
/// each.
pub const FORWARDS: usize = 4_096;
/// How far apart two Retry packets to the same first packet of a client have to be to differ.
pub const RETRY_PERIOD: Duration = Duration::from_secs(1);
/// Age at which a Retry token is refused: a client answers at once.
pub const RETRY_TOKEN_AGE: Duration = Duration::from_secs(10);
/// Age at which a NEW_TOKEN token is taken as absent.
pub const NEW_TOKEN_AGE: Duration = Duration::from_secs(24 * 3600);
/// Used tokens remembered so that none counts twice: 2,048 × 8 B are 16 KiB; beyond that the oldest are forgotten.
pub const TOKEN_REPLAYS: usize = 2_048;
/// Stateless answers (version negotiation, Retry, stateless reset) that one endpoint gives in a second.
pub const STATELESS_PER_SECOND: u32 = 10_000;
/// A datagram shorter than this is never answered by a stateless reset: the answer is shorter than its cause, down to the 21
/// bytes that RFC 9000 §10.3 sets as the least, with room for five resets that answer each other.
pub const RESET_CAUSE_MIN: usize = 43;
/// The smallest stateless reset (RFC 9000 §10.3).
pub const RESET_MIN: usize = 21;
/// The shortest time for which we hold an acknowledgement back when the peer sets it, in microseconds, and the least time between
/// two that it asks for at once: a timer of the home is no finer.
pub const MIN_ACK_DELAY_US: u64 = 1_000;
/// Acknowledgements that we ask for in the time of one congestion window, at least: HyStart++ needs eight samples a round
/// (RFC 9406 §4.2), and so many keep a window that is half gone from standing still.
pub const ACKS_PER_WINDOW: u64 = 8;
/// Ack-eliciting packets without an acknowledgement that we ask for at most: half of what leaves in one call.
pub const ACK_THRESHOLD: u64 = 32;
/// From how many on we ask at all. Below, windows are small, and the default of one is as good.
pub const ACK_THRESHOLD_MIN: u64 = 4;
/// Packets that a connection which is closing answers at most: the 1st, 2nd, 4th, 8th, … up to 2^20.
pub const CLOSE_ANSWERS: u32 = 21;
/// One packet number in this many is skipped, on average, so that an ACK of what was never sent shows itself.
pub const SKIP_EVERY: u64 = 512;

/// Memory that received handshake messages may take when the connection's window is `window`: half of what received data may take,
/// out of which it comes, and at most [`CRYPTO_MEMORY`]. From a window of 97 KiB on it is all of that; without a window, 8 KiB.
#[must_use]
pub const fn crypto_memory(window: u64) -> u64 {
    let half = stream::receive_memory(window) / 2;
    if half < CRYPTO_MEMORY {
        half
    } else {
        CRYPTO_MEMORY
    }
}

/// What a connection may hold in all, when the peer may send `window` bytes ahead of the application and `send_buffer` bytes may wait:
/// a quarter more than the window, the send buffer, and [`WORKING_BYTES`].
///
/// Pages that are not full, lists of pages and of pieces and the streams that the peer may open come out of the window's quarter, and
/// are refused beyond it ([`stream::streams_at_once`]). So do handshake messages of the peer ([`crypto_memory`]). Those of our own TLS
/// come on top until they are acknowledged; the peer has no say in them. Streams of ours and what is known of packets on their way come out of the send
/// buffer ([`stream::local_streams`], [`recovery::sent_bytes`]). Where datagrams are taken, their queue of [`DATAGRAM_QUEUE`] bytes is
/// part of the window that was granted, and where they are sent, the other one is part of the send buffer.
#[must_use]
pub const fn working_bytes(window: u64, send_buffer: usize) -> u64 {
    window
        .saturating_add(window / 4)
        .saturating_add(send_buffer as u64)
        .saturating_add(WORKING_BYTES as u64)
}

const _: () = assert!(
    IDLE_BYTES + recovery::SENT_FREE + stream::GENEROUS + stream::RESERVE + 2 * stream::FREE
        <= WORKING_BYTES,
    "the parts of a working connection are not more than the whole"
);
const _: () = assert!(
    (HELD_FLIGHT - HELD_PACKETS) * HELD_PACKET_BYTES
        <= (stream::receive_memory(0) - crypto_memory(0)) as usize,
    "a client has no data yet, whose memory a flight may have"
);
const _: () = assert!(
    HELLO_BYTES as u64 <= CRYPTO_BUFFER,
    "what was read before can be given to the connection"
);
const _: () = assert!(
    LOCAL_CID_LEN >= 8,
    "an Initial of ours must carry a destination id of 8 bytes"
);
const _: () = assert!(
    CIDS > PATHS,
    "every path has an id of its own, and there is a spare one"
);
const _: () = assert!(
    2 * PATHS + CIDS <= CIDS_RETIRING + 1,
    "ids of paths that are gone leave room for those that the peer retires"
);
const _: () = assert!(
    RESET_CAUSE_MIN > RESET_MIN,
    "a reset is shorter than what caused it"
);
const _: () = assert!(
    TRANSMIT_BATCH <= inquic_platform::crypto::BATCH,
    "a batch is sealed in one call"
);
const _: () = assert!(
    DATAGRAM_MAX / 3 <= recovery::FRAMES_PER_PACKET,
    "every frame of the largest packet is remembered"
);

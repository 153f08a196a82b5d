//! Every bound of recovery, with the sum that gives it and the test that meets it (`tests/bounds.rs`).

use inquic_platform::Duration;

/// Packets that one space's sent log remembers before new data has to wait: a window of 64 MiB in packets of 1,200 bytes is
/// 55,925. At 24 bytes each, 1.5 MiB.
pub const SENT_PACKETS: usize = 65_536;
/// What a packet on its way costs: 24 bytes of record, 24 each for two frames, and half of a range that its data may leave in a
/// list, 16 bytes of which half are spare. BBR takes [`SNAPSHOT_BYTES`] more.
pub const SENT_COST: usize = 88;
/// Bytes for packets on their way that do not count against the send buffer: [`ACK_ONLY`] and a few.
pub const SENT_FREE: usize = 24 * 1024;
/// Frames that one space's sent log remembers before new data has to wait: two for each packet. At 24 bytes each, 3 MiB.
pub const SENT_FRAMES: usize = 2 * SENT_PACKETS;
/// Bytes kept beside the record of each sent packet when BBR is the controller: what was delivered and lost when it was sent. For
/// [`SENT_PACKETS`] packets 2 MiB, at 32 bytes each; the other controllers keep none.
pub const SNAPSHOT_BYTES: usize = 32;
/// Frames of one packet that are remembered: what twelve bits count. The largest packet has 9,000 bytes, and the smallest frame
/// whose fate matters three.
pub const FRAMES_PER_PACKET: usize = (1 << 12) - 1;
/// ACK-only packets that one space remembers. Nothing makes a peer acknowledge them, so after as many a PING is due. With BBR, too, they
/// leave a third of what [`SENT_FREE`] pays for to data.
pub const ACK_ONLY: u32 = 128;
/// Packet numbers left out that one space remembers: at one in 512, those of a full log.
pub const SKIPPED: usize = 128;
/// Packet numbers left out that an idle space still remembers.
pub const SKIPPED_IDLE: usize = 8;
/// The packet reordering threshold to begin with (RFC 9002 §6.1.1).
pub const REORDERING_MIN: u64 = 3;
/// The largest packet reordering threshold that packets declared lost too early may lead to. An ACK walks as many settled
/// records again, less one.
pub const REORDERING_MAX: u64 = 32;
/// Numbers declared lost that are remembered, to see them acknowledged late. A reduction for more losses than these stands.
pub const LOST_REMEMBERED: usize = 64;
/// Packets behind a lost one that are looked at for one that was as large and arrived: what four ACKs of every other packet show.
pub const SIZE_WITNESSES: usize = 8;
/// Packets sent at once when a probe timeout expires (RFC 9002 §6.2.4).
pub const PROBES: u8 = 2;
/// Times a probe timeout doubles. From the 1 s of a fresh connection that is 18 hours; the idle timeout comes first.
pub const PTO_DOUBLINGS: u32 = 16;
/// Packets that pacing lets out at once when nothing is on its way, as many as an initial window has (RFC 9002 §7.7).
pub const BURST_PACKETS: u32 = 10;
/// Packets that it lets out at once while others are on their way, at any rate: what one acknowledgement asks for.
pub const TRAIN_PACKETS: u64 = 2;
/// Time worth of packets that it lets out at once then, up to [`BURST_PACKETS`]: so much later than asked a timer may come and cost
/// nothing. From 30 Mbit/s on those are ten; below, queues are short, and a train of ten would fill them.
pub const TRAIN_TIME: Duration = Duration::from_millis(4);
/// The same, however many packets that is: one tick of a timer, and one more for a timer that came late.
pub const BURST_TIME: Duration = Duration::from_millis(2);
/// The largest congestion window that a configuration may ask for, in bytes. Sums over windows of this size fit 64 bits.
pub const WINDOW_CEILING: u64 = 1 << 40;
/// The largest congestion window unless the configuration says otherwise, in bytes: 10 Gbit/s over 50 ms.
pub const WINDOW: u64 = 64 * 1024 * 1024;
/// Packets in the smallest congestion window (RFC 9002 §7.2).
pub const WINDOW_MIN_PACKETS: u64 = 2;
/// Bytes of one [`super::Recovery`]: three logs of 184, the controller of 224 with what was before its last reduction, and the
/// rest. Its heap is not counted; shrunk and idle, that holds [`SKIPPED_IDLE`] numbers for a space at most, and the controller
/// if that is BBR.
pub const RECOVERY_BYTES: usize = 1_080;

const _: () = assert!(
    SENT_PACKETS as u64 * 1_200 >= WINDOW,
    "the log holds the default window"
);
/// Bytes for what is known of packets on their way when the send buffer has so many: one [`crate::stream::limits::SENT_SHARE`]th of
/// it, and [`SENT_FREE`].
#[must_use]
pub const fn sent_bytes(send_buffer: usize) -> usize {
    (send_buffer / crate::stream::limits::SENT_SHARE).saturating_add(SENT_FREE)
}

/// How many packets of 1-RTT so many bytes pay for: more are not on their way at once. With the default send buffer 1,908 of 1,200
/// bytes carry the 2 MiB that wait for acknowledgements, and BBR may have 1,399.
#[must_use]
pub const fn sent_packets(bytes: usize, has_snapshots: bool) -> usize {
    let packets = if has_snapshots {
        bytes / (SENT_COST + SNAPSHOT_BYTES)
    } else {
        bytes / SENT_COST
    };
    if packets < SENT_PACKETS {
        packets
    } else {
        SENT_PACKETS
    }
}

const _: () = assert!(
    sent_packets(sent_bytes(0), true) > ACK_ONLY as usize + 64,
    "what only acknowledges leaves room for data, whatever the controller"
);
const _: () = assert!(SKIPPED_IDLE <= SKIPPED, "idle is not more than busy");
const _: () = assert!(
    SENT_FRAMES < u32::MAX as usize / 2,
    "frame indices are 32 bits and wrap"
);

//! Every kind of fault that the simulator injects. How often each was is counted: a fault that never happened has shown nothing.

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A datagram took half a second or more.
    LongDelay,
    /// A datagram took longer than the one before, by chance.
    Jitter,
    /// A datagram waited for others at a slow link.
    Rate,
    /// A full queue dropped a datagram.
    TailDrop,
    /// CoDel dropped or marked a datagram (RFC 8289).
    CoDel,
    /// A datagram was lost.
    Loss,
    /// A datagram was lost in a burst (Gilbert-Elliott).
    BurstLoss,
    /// A datagram was lost on a link that loses in one direction only.
    OneWayLoss,
    /// A datagram came twice.
    Duplication,
    /// A datagram was overtaken by up to a hundred later ones.
    Reordering,
    /// A bit was flipped.
    Corruption,
    /// A datagram lost its end.
    Truncation,
    /// Bytes were added to a datagram.
    Extension,
    /// An old datagram came again.
    Replay,
    /// Coalesced packets came as datagrams of their own.
    Split,
    /// A datagram was larger than the path carries.
    Mtu,
    /// A large datagram vanished on a path that had carried its like.
    BlackHole,
    /// An ECN mark was cleared.
    EcnBleach,
    /// An ECN mark was changed to the other ECT codepoint.
    EcnRemark,
    /// A datagram was marked as having met congestion.
    EcnAllCe,
    /// The NAT took another port for the client.
    RebindPort,
    /// The NAT took another address for the client.
    RebindAddress,
    /// A datagram met a partition that cuts both directions.
    Partition,
    /// A datagram met a partition that cuts one direction.
    HalfPartition,
    /// The clock jumped forward, by an hour to a month.
    ClockJump,
    /// A timer was late, by up to ten seconds.
    LateTimer,
    /// A host woke up for nothing.
    SpuriousWake,
    /// The kernel took no datagram for a while (EAGAIN).
    SendBlocked,
    /// The kernel refused a datagram for good (ENOBUFS, EPERM, ENETUNREACH).
    SendRefused,
    /// The kernel refused datagrams because of their size (EMSGSIZE).
    SendTooLarge,
    /// The kernel took only the first datagrams of a batch.
    PartialBatch,
    /// A batch was received in another order.
    PermutedBatch,
    /// An application did not read what had come.
    NeverReads,
    /// An application did not write though it could.
    NeverWrites,
    /// An application did not accept a stream that had come.
    NeverAccepts,
    /// An application read or wrote a single byte.
    ByteByByte,
    /// An application opened a stream beside many others.
    ManyStreams,
    /// An application reset a stream.
    Reset,
    /// An application asked its peer to stop a stream.
    Stop,
    /// An application closed in the middle of something.
    Close,
    /// A process ended without closing.
    Vanish,
    /// An attacker sent a datagram of its own making.
    Forgery,
    /// An attacker sent an altered copy of a datagram.
    Mutation,
    /// An attacker sent a copy of a datagram from another address.
    Spoof,
    /// An attacker said by ICMP that datagrams are too large for the path.
    IcmpLie,
    /// The system had no memory for an allocation, or a key.
    RefusedMemory,
}

impl Fault {
    /// Every kind, in the order of the counters.
    pub const ALL: [Self; 46] = [
        Self::LongDelay,
        Self::Jitter,
        Self::Rate,
        Self::TailDrop,
        Self::CoDel,
        Self::Loss,
        Self::BurstLoss,
        Self::OneWayLoss,
        Self::Duplication,
        Self::Reordering,
        Self::Corruption,
        Self::Truncation,
        Self::Extension,
        Self::Replay,
        Self::Split,
        Self::Mtu,
        Self::BlackHole,
        Self::EcnBleach,
        Self::EcnRemark,
        Self::EcnAllCe,
        Self::RebindPort,
        Self::RebindAddress,
        Self::Partition,
        Self::HalfPartition,
        Self::ClockJump,
        Self::LateTimer,
        Self::SpuriousWake,
        Self::SendBlocked,
        Self::SendRefused,
        Self::SendTooLarge,
        Self::PartialBatch,
        Self::PermutedBatch,
        Self::NeverReads,
        Self::NeverWrites,
        Self::NeverAccepts,
        Self::ByteByByte,
        Self::ManyStreams,
        Self::Reset,
        Self::Stop,
        Self::Close,
        Self::Vanish,
        Self::Forgery,
        Self::Mutation,
        Self::Spoof,
        Self::IcmpLie,
        Self::RefusedMemory,
    ];
}

const _: () = {
    let mut index = 0;
    while index < Fault::ALL.len() {
        assert!(
            Fault::ALL[index] as usize == index,
            "in the order of the counters"
        );
        index += 1;
    }
};

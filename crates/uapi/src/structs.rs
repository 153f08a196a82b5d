//! The structures of the ABI. Times are microseconds; numbers are in the machine's byte order.

use crate::{QUIC_CLOSE_PHRASE_BUFFER_SIZE, QUIC_CRYPTO_SECRET_BUFFER_SIZE};

layout! {
    /// Control message of handshake data.
    pub struct HandshakeInfo: 1 {
        /// `QUIC_CRYPTO_*`.
        crypto_level: u8 = 0,
    }
}

layout! {
    /// Control message of stream data.
    pub struct StreamInfo: 16 {
        /// The stream's identifier; -1 for the active or the next one.
        stream_id: i64 = 0,
        /// `MSG_QUIC_STREAM_*`.
        stream_flags: u32 = 8,
    }
}

layout! {
    /// Transport parameters; zero leaves one as it is.
    pub struct TransportParam: 56 {
        /// 0 for our own, 1 for the peer's.
        remote: u8 = 0,
        /// The endpoint does not migrate.
        disable_active_migration: u8 = 1,
        /// The QUIC bit may be greased (RFC 9287).
        grease_quic_bit: u8 = 2,
        /// A stateless reset token is sent.
        stateless_reset: u8 = 3,
        /// 1-RTT packets are not encrypted.
        disable_1rtt_encryption: u8 = 4,
        /// No compatible version negotiation.
        disable_compatible_version: u8 = 5,
        /// Connection identifiers the endpoint stores.
        active_connection_id_limit: u8 = 6,
        /// Scale of the acknowledgement delay.
        ack_delay_exponent: u8 = 7,
        /// Longest DATAGRAM frame; zero for none.
        max_datagram_frame_size: u16 = 8,
        /// Longest UDP payload.
        max_udp_payload_size: u16 = 10,
        /// Idle timeout in microseconds.
        max_idle_timeout: u32 = 12,
        /// Longest acknowledgement delay in microseconds.
        max_ack_delay: u32 = 16,
        /// Bidirectional streams the peer may open.
        max_streams_bidi: u16 = 20,
        /// Unidirectional streams the peer may open.
        max_streams_uni: u16 = 22,
        /// Receive window of the connection.
        max_data: u64 = 24,
        /// Receive window of bidirectional streams we open.
        max_stream_data_bidi_local: u64 = 32,
        /// Receive window of bidirectional streams the peer opens.
        max_stream_data_bidi_remote: u64 = 40,
        /// Receive window of unidirectional streams.
        max_stream_data_uni: u64 = 48,
    }
}

layout! {
    /// Configuration of a connection; zero leaves a number as it is.
    pub struct Config: 28 {
        /// Version to begin with.
        version: u32 = 0,
        /// Microseconds between probes for a larger MTU; 0 for none.
        plpmtud_probe_interval: u32 = 4,
        /// First estimate of the round-trip time in microseconds.
        initial_smoothed_rtt: u32 = 8,
        /// `TLS_CIPHER_*` wanted; a hint for whoever does the handshake.
        payload_cipher_type: u32 = 12,
        /// `QUIC_CONG_ALG_*`.
        congestion_control_algo: u8 = 16,
        /// Validate the peer's address by Retry.
        validate_peer_address: u8 = 17,
        /// Send small writes at once.
        stream_data_nodelay: u8 = 18,
        /// A hint: take session tickets.
        receive_session_ticket: u8 = 19,
        /// A hint: ask for a certificate.
        certificate_request: u8 = 20,
        /// Zero.
        reserved: [u8; 3] = 21,
        /// Microseconds between keep-alive packets; 0 for none.
        keepalive_probe_interval: u32 = 24,
    }
}

layout! {
    /// A traffic secret of the handshake.
    pub struct CryptoSecret: 56 {
        /// 1 when it protects what we send.
        send: u8 = 0,
        /// `QUIC_CRYPTO_*`.
        level: u8 = 1,
        /// Zero.
        reserved: u16 = 2,
        /// `TLS_CIPHER_*` (`type` in C).
        cipher_type: u32 = 4,
        /// The secret; 32 bytes of it for SHA-256, 48 for SHA-384.
        secret: [u8; QUIC_CRYPTO_SECRET_BUFFER_SIZE] = 8,
    }
}

layout! {
    /// An error code for a stream.
    pub struct ErrInfo: 16 {
        /// The stream's identifier.
        stream_id: i64 = 0,
        /// The application's error code.
        errcode: u32 = 8,
    }
}

layout! {
    /// State of the connection identifiers of one side.
    pub struct ConnectionIdInfo: 12 {
        /// 1 for the identifiers we send to.
        dest: u8 = 0,
        /// Zero.
        reserved: [u8; 3] = 1,
        /// Sequence number in use.
        active: u32 = 4,
        /// Every identifier below it is retired.
        prior_to: u32 = 8,
    }
}

layout! {
    /// Turns an event on or off.
    pub struct EventOption: 2 {
        /// The event's number (`type` in C).
        event_type: u8 = 0,
        /// Whether it is delivered.
        on: u8 = 1,
    }
}

layout! {
    /// Event: a stream's state changed.
    pub struct StreamUpdate: 24 {
        /// The stream's identifier.
        id: i64 = 0,
        /// `QUIC_STREAM_*_STATE_*`.
        state: u8 = 8,
        /// Zero.
        reserved: [u8; 3] = 9,
        /// The application's error code.
        errcode: u32 = 12,
        /// The stream's final size.
        finalsz: u64 = 16,
    }
}

layout! {
    /// Event: a stream may send more.
    pub struct StreamMaxData: 16 {
        /// The stream's identifier.
        id: i64 = 0,
        /// The new limit.
        max_data: u64 = 8,
    }
}

layout! {
    /// How a connection was or is to be closed.
    pub struct ConnectionClose: 72 {
        /// The error code.
        errcode: u32 = 0,
        /// The type of the frame that was at fault; 0 when the application closed.
        frame: u8 = 4,
        /// Zero.
        reserved: [u8; 3] = 5,
        /// The reason, ended by a zero byte.
        phrase: [u8; QUIC_CLOSE_PHRASE_BUFFER_SIZE] = 8,
    }
}

layout! {
    /// The priority of a stream; an addition of this project.
    pub struct StreamPriority: 16 {
        /// The stream's identifier.
        stream_id: i64 = 0,
        /// Streams with a higher one send first; 0 to begin with.
        priority: i32 = 8,
        /// Zero.
        reserved: u32 = 12,
    }
}

layout! {
    /// A descriptor for one stream; an addition of this project.
    pub struct StreamDescriptor: 16 {
        /// The stream's identifier; -1 for the next one that the peer opened, or with `MSG_QUIC_STREAM_NEW` a new one.
        stream_id: i64 = 0,
        /// `MSG_QUIC_STREAM_NEW`, `MSG_QUIC_STREAM_UNI`, `MSG_QUIC_STREAM_DONTWAIT`.
        stream_flags: u32 = 8,
        /// Out: the descriptor.
        descriptor: i32 = 12,
    }
}

layout! {
    /// What became of a datagram; an addition of this project.
    pub struct DatagramFate: 16 {
        /// Which one: how many were sent before it while fates were kept.
        number: u64 = 0,
        /// 1 when it was acknowledged, 0 when it is taken as lost.
        acknowledged: u32 = 8,
        /// Zero.
        reserved: u32 = 12,
    }
}

layout! {
    /// Statistics of a connection; an addition of this project.
    pub struct Statistics: 232 {
        /// Smoothed round-trip time in microseconds.
        smoothed_rtt: u64 = 0,
        /// Lowest round-trip time in microseconds.
        min_rtt: u64 = 8,
        /// Latest round-trip time in microseconds.
        latest_rtt: u64 = 16,
        /// Congestion window in bytes.
        congestion_window: u64 = 24,
        /// Bytes sent and not yet acknowledged.
        bytes_in_flight: u64 = 32,
        /// Packets sent.
        packets_sent: u64 = 40,
        /// Packets declared lost.
        packets_lost: u64 = 48,
        /// Packets received.
        packets_received: u64 = 56,
        /// UDP payload bytes sent.
        bytes_sent: u64 = 64,
        /// UDP payload bytes received.
        bytes_received: u64 = 72,
        /// Congestion events.
        congestion_events: u64 = 80,
        /// Probe timeouts.
        probe_timeouts: u64 = 88,
        /// Key updates, begun by either end.
        key_updates: u64 = 96,
        /// From the first datagram to the complete handshake, in microseconds.
        handshake: u64 = 104,
        /// Bytes in the UDP payload of a full packet.
        datagram_size: u64 = 112,
        /// Paths that are known now, the active one included.
        paths: u64 = 120,
        /// Times that the connection went to another path.
        migrations: u64 = 128,
        /// Packets sent with an ECN mark.
        ecn_marked: u64 = 136,
        /// Events that found no room.
        events_dropped: u64 = 144,
        /// Datagrams sent.
        datagrams_sent: u64 = 152,
        /// Datagrams received.
        datagrams_received: u64 = 160,
        /// Datagrams received and thrown away because the program did not take them.
        datagrams_dropped: u64 = 168,
        /// Datagrams sent and taken as lost.
        datagrams_lost: u64 = 176,
        /// Bytes of the longest datagram that can be sent now; 0 where the peer takes none.
        max_datagram: u64 = 184,
        /// Probes of the path's MTU sent.
        mtu_probes: u64 = 192,
        /// Those that were lost.
        mtu_probes_lost: u64 = 200,
        /// Times that the path ceased to carry a size which it had carried.
        mtu_black_holes: u64 = 208,
        /// Validations of a path that failed.
        paths_failed: u64 = 216,
        /// Whether the path carries ECN marks: 0 before it is tested, 1 while it is, 2 where it is not known, 3 if it does, 16 and more why not.
        ecn: u32 = 224,
        /// Times that ECN was turned off.
        ecn_failures: u32 = 228,
    }
}

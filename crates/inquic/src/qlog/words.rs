//! What the engine calls things in, what qlog calls them out. Nothing secret is said: no keys, no tokens.

use std::net::SocketAddr;

use inquic_engine::trace::{Metrics, What};
use inquic_engine::{CloseReason, Drop, EcnState, Path};
use inquic_wire::{Level, PeerError, Space, TransportParameters, Version};
use qlog::HexSlice;
use qlog::events::quic::{
    CongestionStateUpdated, CongestionStateUpdatedTrigger, ConnectionClosed,
    ConnectionClosedTrigger, ConnectionState, ConnectionStateUpdated, EcnState as QlogEcn, KeyType,
    KeyUpdateOrRetiredTrigger, KeyUpdated, MigrationState, MigrationStateUpdated, PacketBuffered,
    PacketBufferedTrigger, PacketDropped, PacketDroppedTrigger, PacketHeader, PacketLost,
    PacketReceived, PacketType, ParametersSet, QuicVersionInformation, RecoveryMetricsUpdated,
    TransportInitiator,
};
use qlog::events::{EventData, TupleEndpointInfo};

/// Things that need nothing but themselves. `None` for those that are told otherwise.
pub(super) fn simple(what: What) -> Option<EventData> {
    Some(match what {
        What::Dropped(reason) => dropped(reason),
        What::Held(level) => EventData::QuicPacketBuffered(PacketBuffered {
            header: Some(header(packet_type(level), None)),
            trigger: Some(PacketBufferedTrigger::KeysUnavailable),
            ..PacketBuffered::default()
        }),
        What::Lost { space, number } => EventData::QuicPacketLost(PacketLost {
            header: Some(header(packet_type_of(space), Some(number))),
            ..PacketLost::default()
        }),
        What::Reduced => congestion("recovery", None),
        What::PersistentCongestion => congestion(
            "slow_start",
            Some(CongestionStateUpdatedTrigger::PersistentCongestion),
        ),
        What::Version(changed) => version(changed),
        What::Retried => unprotected(PacketType::Retry),
        What::VersionNegotiated => unprotected(PacketType::VersionNegotiation),
        What::Complete => state(ConnectionState::HandshakeCompleted),
        What::Confirmed => state(ConnectionState::HandshakeConfirmed),
        What::PathChecked(good) => EventData::QuicMigrationStateUpdated(MigrationStateUpdated {
            new: if good {
                MigrationState::ProbingSuccessful
            } else {
                MigrationState::ProbingAbandoned
            },
            ..MigrationStateUpdated::default()
        }),
        What::Sent(_)
        | What::Received(_)
        | What::Frame(_)
        | What::FramesLeftOut
        | What::Metrics(_)
        | What::Parameters
        | What::Discarded(_)
        | What::KeyUpdate { .. }
        | What::Migrated
        | What::Mtu(_)
        | What::Over => return None,
    })
}

pub(super) const fn packet_type(level: Level) -> PacketType {
    match level {
        Level::Initial => PacketType::Initial,
        Level::ZeroRtt => PacketType::ZeroRtt,
        Level::Handshake => PacketType::Handshake,
        Level::OneRtt => PacketType::OneRtt,
    }
}

/// Which packets a space has. Lost 0-RTT packets are in that of the 1-RTT packets.
const fn packet_type_of(space: Space) -> PacketType {
    match space {
        Space::Initial => PacketType::Initial,
        Space::Handshake => PacketType::Handshake,
        Space::Application => PacketType::OneRtt,
    }
}

fn header(packet_type: PacketType, packet_number: Option<u64>) -> PacketHeader {
    PacketHeader {
        packet_type,
        packet_number,
        ..PacketHeader::default()
    }
}

fn dropped(reason: Drop) -> EventData {
    let trigger = match reason {
        Drop::Header | Drop::ShortInitial | Drop::MixedIds => PacketDroppedTrigger::Invalid,
        Drop::UnknownId => PacketDroppedTrigger::ConnectionUnknown,
        Drop::UnknownVersion => PacketDroppedTrigger::Unsupported,
        Drop::NotListening
        | Drop::HalfOpenLimit
        | Drop::RateLimit
        | Drop::Token
        | Drop::UnknownPath
        | Drop::ForbiddenPath
        | Drop::HelloLimit
        | Drop::Unclaimed => PacketDroppedTrigger::Rejected,
        Drop::NoKeys | Drop::KeysDiscarded | Drop::Duplicate | Drop::Unexpected | Drop::Closed => {
            PacketDroppedTrigger::General
        }
        Drop::Authentication => PacketDroppedTrigger::DecryptionFailure,
        Drop::Memory => PacketDroppedTrigger::InternalError,
    };
    EventData::QuicPacketDropped(PacketDropped {
        details: Some(format!("{reason:?}")),
        trigger: Some(trigger),
        ..PacketDropped::default()
    })
}

fn congestion(new: &str, trigger: Option<CongestionStateUpdatedTrigger>) -> EventData {
    EventData::QuicCongestionStateUpdated(CongestionStateUpdated {
        old: None,
        new: new.into(),
        trigger,
    })
}

fn unprotected(packet_type: PacketType) -> EventData {
    EventData::QuicPacketReceived(PacketReceived {
        header: header(packet_type, None),
        ..PacketReceived::default()
    })
}

const fn state(new: ConnectionState) -> EventData {
    EventData::QuicConnectionStateUpdated(ConnectionStateUpdated { old: None, new })
}

pub(super) const fn warning(message: String) -> EventData {
    EventData::LogLevelWarning {
        code: None,
        message: Some(message),
    }
}

pub(super) fn version(version: Version) -> EventData {
    EventData::QuicVersionInformation(QuicVersionInformation {
        chosen_version: Some(format!("{:08x}", version.0)),
        ..QuicVersionInformation::default()
    })
}

/// The keys of a space of the handshake, both directions.
pub(super) const fn keys_of(space: Space) -> [KeyType; 2] {
    match space {
        Space::Initial => [KeyType::ClientInitialSecret, KeyType::ServerInitialSecret],
        Space::Handshake => [
            KeyType::ClientHandshakeSecret,
            KeyType::ServerHandshakeSecret,
        ],
        Space::Application => [KeyType::Client1RttSecret, KeyType::Server1RttSecret],
    }
}

pub(super) fn key_update(by_peer: bool, updates: u64) -> [EventData; 2] {
    keys_of(Space::Application).map(|key_type| {
        EventData::QuicKeyUpdated(KeyUpdated {
            key_type,
            old: None,
            new: None,
            key_phase: Some(updates),
            trigger: Some(if by_peer {
                KeyUpdateOrRetiredTrigger::RemoteUpdate
            } else {
                KeyUpdateOrRetiredTrigger::LocalUpdate
            }),
        })
    })
}

pub(super) const fn ecn(state: EcnState) -> QlogEcn {
    match state {
        EcnState::Waiting | EcnState::Unknown => QlogEcn::Unknown,
        EcnState::Testing => QlogEcn::Testing,
        EcnState::Capable => QlogEcn::Capable,
        EcnState::Failed(_) => QlogEcn::Failed,
    }
}

/// The numbers that have changed.
pub(super) fn metrics(before: Option<Metrics>, now: Metrics) -> RecoveryMetricsUpdated {
    let changed = |of: fn(Metrics) -> u64| {
        let value = of(now);
        (before.map(of) != Some(value)).then_some(value)
    };
    let milliseconds = |of| changed(of).map(|micros| micros as f32 / 1_000.0);
    RecoveryMetricsUpdated {
        min_rtt: milliseconds(|metrics| metrics.min_rtt_us.into()),
        smoothed_rtt: milliseconds(|metrics| metrics.smoothed_rtt_us.into()),
        latest_rtt: milliseconds(|metrics| metrics.latest_rtt_us.into()),
        rtt_variance: milliseconds(|metrics| metrics.rtt_variance_us.into()),
        pto_count: changed(|metrics| metrics.pto_count.into())
            .and_then(|count| u16::try_from(count).ok()),
        congestion_window: changed(|metrics| metrics.congestion_window),
        bytes_in_flight: changed(|metrics| metrics.bytes_in_flight),
        ssthresh: changed(|metrics| metrics.ssthresh).filter(|&bytes| bytes < u64::MAX),
        ..RecoveryMetricsUpdated::default()
    }
}

pub(super) fn endpoint(address: Option<SocketAddr>) -> TupleEndpointInfo {
    let (v4, v6) = match address {
        Some(SocketAddr::V4(v4)) => (Some(v4), None),
        Some(SocketAddr::V6(v6)) => (None, Some(v6)),
        None => (None, None),
    };
    TupleEndpointInfo {
        ip_v4: v4.map(|v4| v4.ip().to_string()),
        port_v4: v4.map(|v4| v4.port()),
        ip_v6: v6.map(|v6| v6.ip().to_string()),
        port_v6: v6.map(|v6| v6.port()),
        connection_ids: None,
    }
}

pub(super) fn migrated(path: &Path) -> EventData {
    EventData::QuicMigrationStateUpdated(MigrationStateUpdated {
        new: MigrationState::MigrationComplete,
        tuple_remote: Some(endpoint(Some(path.remote))),
        tuple_local: Some(endpoint(path.local)),
        ..MigrationStateUpdated::default()
    })
}

/// What the peer declared. Its reset token stays out: whoever has it can end the connection.
pub(super) fn parameters(peer: &TransportParameters) -> EventData {
    let id = |id: Option<inquic_wire::ConnectionId>| {
        id.map(|id| HexSlice::new(id.as_slice()).to_string())
    };
    EventData::QuicParametersSet(Box::new(ParametersSet {
        initiator: Some(TransportInitiator::Remote),
        original_destination_connection_id: id(peer.original_destination_connection_id),
        initial_source_connection_id: id(peer.initial_source_connection_id),
        retry_source_connection_id: id(peer.retry_source_connection_id),
        disable_active_migration: Some(peer.disable_active_migration),
        max_idle_timeout: Some(peer.max_idle_timeout_ms),
        max_udp_payload_size: Some(peer.max_udp_payload_size),
        ack_delay_exponent: Some(peer.ack_delay_exponent.into()),
        max_ack_delay: Some(peer.max_ack_delay_ms.into()),
        active_connection_id_limit: Some(peer.active_connection_id_limit),
        initial_max_data: Some(peer.initial_max_data),
        initial_max_stream_data_bidi_local: Some(peer.initial_max_stream_data_bidi_local),
        initial_max_stream_data_bidi_remote: Some(peer.initial_max_stream_data_bidi_remote),
        initial_max_stream_data_uni: Some(peer.initial_max_stream_data_uni),
        initial_max_streams_bidi: Some(peer.initial_max_streams_bidi),
        initial_max_streams_uni: Some(peer.initial_max_streams_uni),
        max_datagram_frame_size: Some(peer.max_datagram_frame_size),
        grease_quic_bit: Some(peer.grease_quic_bit),
        ..ParametersSet::default()
    }))
}

pub(super) fn closed(reason: &CloseReason) -> EventData {
    use ConnectionClosedTrigger as Trigger;
    use TransportInitiator::{Local, Remote};
    let text = |bytes: &[u8]| Some(String::from_utf8_lossy(bytes).into_owned());
    let (initiator, trigger, code, reason) = match reason {
        CloseReason::Application { code, reason } => {
            (Local, Trigger::Application, Some(*code), text(reason))
        }
        CloseReason::PeerApplication { code, reason } => {
            (Remote, Trigger::Application, Some(*code), text(reason))
        }
        CloseReason::Transport(PeerError { code, reason, .. }) => (
            Local,
            Trigger::Error,
            Some(code.to_u64()),
            Some((*reason).to_owned()),
        ),
        CloseReason::PeerTransport { code, reason, .. } => {
            (Remote, Trigger::Error, Some(code.to_u64()), text(reason))
        }
        CloseReason::IdleTimeout => (Local, Trigger::IdleTimeout, None, None),
        CloseReason::HandshakeTimeout => (Local, Trigger::HandshakeTimeout, None, None),
        CloseReason::StatelessReset => (Remote, Trigger::StatelessReset, None, None),
        CloseReason::VersionNegotiation => (Remote, Trigger::VersionMismatch, None, None),
    };
    EventData::QuicConnectionClosed(ConnectionClosed {
        initiator: Some(initiator),
        connection_error: None,
        application_error: None,
        error_code: code,
        internal_code: None,
        reason,
        trigger: Some(trigger),
    })
}

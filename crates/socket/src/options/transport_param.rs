//! The TRANSPORT_PARAM option: the ABI's structure in and out, for our own parameters within the bounds of socket-abi 1.4.

use inquic_engine::Config;
use inquic_engine::stream::Window;
use inquic_platform::Duration;
use inquic_uapi::structs::TransportParam;
use inquic_wire::{Role, TransportParameters, Version, Versions, Writer};

use super::Options;
use crate::errno::Errno;

impl Options {
    /// Takes our own transport parameters; one of zero leaves what was.
    pub(super) fn set_transport_param(&mut self, param: &TransportParam) -> Result<(), Errno> {
        let mut next = self.engine.clone();
        set_numbers(&mut next, param)?;
        set_windows(&mut next, param)?;
        // What is on stays on: zero leaves what was.
        next.grease_quic_bit |= param.grease_quic_bit != 0;
        next.disable_active_migration |= param.disable_active_migration != 0;
        next.insecure_disable_1rtt_encryption |= param.disable_1rtt_encryption != 0;
        self.stateless_reset |= param.stateless_reset != 0;
        if param.disable_compatible_version != 0 {
            let only = match next.version {
                version if version.is_known() => version,
                _ => Version::V1,
            };
            next.versions = Versions::of(&[only]);
        }
        self.engine = next;
        if param.max_data != 0 {
            let bytes = param.max_data.saturating_mul(4);
            self.set_receive_buffer(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        Ok(())
    }

    /// Our own parameters as they are.
    pub(super) fn transport_param(&self) -> TransportParam {
        let Config {
            streams,
            idle_timeout,
            max_ack_delay,
            ..
        } = &self.engine;
        let initial = streams.stream_window.initial;
        TransportParam {
            remote: 0,
            disable_active_migration: u8::from(self.engine.disable_active_migration),
            grease_quic_bit: u8::from(self.engine.grease_quic_bit),
            stateless_reset: u8::from(self.stateless_reset),
            disable_1rtt_encryption: u8::from(self.engine.insecure_disable_1rtt_encryption),
            disable_compatible_version: u8::from(self.engine.versions.len() == 1),
            active_connection_id_limit: byte(self.engine.active_connection_id_limit as u64),
            ack_delay_exponent: self.engine.ack_delay_exponent,
            max_datagram_frame_size: self.engine.max_datagram_frame_size,
            max_udp_payload_size: self.engine.max_udp_payload_size,
            max_idle_timeout: micros(*idle_timeout),
            max_ack_delay: micros(*max_ack_delay),
            max_streams_bidi: short(streams.max_streams_bidi),
            max_streams_uni: short(streams.max_streams_uni),
            max_data: streams.connection_window.initial,
            max_stream_data_bidi_local: streams.initial.bidi_local.unwrap_or(initial),
            max_stream_data_bidi_remote: streams.initial.bidi_remote.unwrap_or(initial),
            max_stream_data_uni: streams.initial.uni.unwrap_or(initial),
        }
    }
}

/// The parameters of a peer as the ABI has them. Numbers that have no room are as large as there is room for.
pub(crate) fn of_peer(peer: &TransportParameters) -> TransportParam {
    TransportParam {
        remote: 1,
        disable_active_migration: u8::from(peer.disable_active_migration),
        grease_quic_bit: u8::from(peer.grease_quic_bit),
        stateless_reset: u8::from(peer.stateless_reset_token.is_some()),
        disable_1rtt_encryption: u8::from(peer.disable_1rtt_encryption),
        disable_compatible_version: u8::from(peer.version_information.is_none()),
        active_connection_id_limit: byte(peer.active_connection_id_limit),
        ack_delay_exponent: peer.ack_delay_exponent,
        max_datagram_frame_size: short(peer.max_datagram_frame_size),
        max_udp_payload_size: short(peer.max_udp_payload_size),
        max_idle_timeout: micros(Duration::from_millis(peer.max_idle_timeout_ms)),
        max_ack_delay: micros(Duration::from_millis(peer.max_ack_delay_ms.into())),
        max_streams_bidi: short(peer.initial_max_streams_bidi),
        max_streams_uni: short(peer.initial_max_streams_uni),
        max_data: peer.initial_max_data,
        max_stream_data_bidi_local: peer.initial_max_stream_data_bidi_local,
        max_stream_data_bidi_remote: peer.initial_max_stream_data_bidi_remote,
        max_stream_data_uni: peer.initial_max_stream_data_uni,
    }
}

/// What a program remembers of a server, as the engine takes it for 0-RTT: encoded into `out`. How many bytes, or nothing where
/// a value cannot be.
pub(crate) fn remembered(param: &TransportParam, out: &mut [u8]) -> Option<usize> {
    let mut peer = TransportParameters {
        max_idle_timeout_ms: u64::from(param.max_idle_timeout) / 1_000,
        disable_active_migration: param.disable_active_migration != 0,
        grease_quic_bit: param.grease_quic_bit != 0,
        max_datagram_frame_size: param.max_datagram_frame_size.into(),
        initial_max_streams_bidi: param.max_streams_bidi.into(),
        initial_max_streams_uni: param.max_streams_uni.into(),
        initial_max_data: param.max_data,
        initial_max_stream_data_bidi_local: param.max_stream_data_bidi_local,
        initial_max_stream_data_bidi_remote: param.max_stream_data_bidi_remote,
        initial_max_stream_data_uni: param.max_stream_data_uni,
        ..TransportParameters::default()
    };
    if param.active_connection_id_limit != 0 {
        peer.active_connection_id_limit = param.active_connection_id_limit.into();
    }
    if param.max_udp_payload_size != 0 {
        peer.max_udp_payload_size = param.max_udp_payload_size.into();
    }
    let mut writer = Writer::new(out);
    peer.encode(&mut writer).ok()?;
    TransportParameters::parse(writer.written(), Role::Server).ok()?;
    Some(writer.position())
}

fn set_numbers(next: &mut Config, param: &TransportParam) -> Result<(), Errno> {
    if let Some(idle) = within(param.max_idle_timeout.into(), 1_000_000, u64::MAX)? {
        next.idle_timeout = Duration::from_micros(idle);
    }
    if let Some(delay) = within(param.max_ack_delay.into(), 1, 16_383_999)? {
        next.max_ack_delay = Duration::from_micros(delay);
    }
    if let Some(exponent) = within(param.ack_delay_exponent.into(), 1, 20)? {
        next.ack_delay_exponent = byte(exponent);
    }
    if let Some(limit) = within(param.active_connection_id_limit.into(), 2, 8)? {
        next.active_connection_id_limit = usize::from(byte(limit));
    }
    if let Some(size) = within(param.max_udp_payload_size.into(), 1_200, 65_527)? {
        next.max_udp_payload_size = short(size);
    }
    if let Some(size) = within(param.max_datagram_frame_size.into(), 1_200, u64::MAX)? {
        next.max_datagram_frame_size = short(size);
    }
    if let Some(streams) = within(param.max_streams_bidi.into(), 1, STREAMS_MAX)? {
        next.streams.max_streams_bidi = streams;
    }
    if let Some(streams) = within(param.max_streams_uni.into(), 1, STREAMS_MAX)? {
        next.streams.max_streams_uni = streams;
    }
    Ok(())
}

fn set_windows(next: &mut Config, param: &TransportParam) -> Result<(), Errno> {
    let streams = &mut next.streams;
    if let Some(window) = within(param.max_data, WINDOW_MIN, i32::MAX as u64 / 4)? {
        streams.connection_window = raised(streams.connection_window, window);
    }
    for (given, window) in [
        (
            param.max_stream_data_bidi_local,
            &mut streams.initial.bidi_local,
        ),
        (
            param.max_stream_data_bidi_remote,
            &mut streams.initial.bidi_remote,
        ),
        (param.max_stream_data_uni, &mut streams.initial.uni),
    ] {
        if let Some(given) = within(given, WINDOW_MIN, i32::MAX as u64 / 8)? {
            *window = Some(given);
            streams.stream_window.ceiling = streams.stream_window.ceiling.max(given);
        }
    }
    Ok(())
}

/// A window that begins with `initial` and may grow at least as far.
fn raised(window: Window, initial: u64) -> Window {
    Window {
        initial,
        ceiling: window.ceiling.max(initial),
    }
}

/// A value that was given, if it lies in its bounds.
fn within(value: u64, least: u64, most: u64) -> Result<Option<u64>, Errno> {
    match value {
        0 => Ok(None),
        value if (least..=most).contains(&value) => Ok(Some(value)),
        _ => Err(Errno::EINVAL),
    }
}

fn micros(length: Duration) -> u32 {
    u32::try_from(length.as_micros()).unwrap_or(u32::MAX)
}

fn byte(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn short(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// The smallest window that can be asked for: one packet.
const WINDOW_MIN: u64 = 1_200;
/// The most streams that can be asked for.
const STREAMS_MAX: u64 = 4_096;

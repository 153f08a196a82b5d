//! The TRANSPORT_PARAM option for our own parameters: the ABI's structure in and out, within the bounds of socket-abi 1.4.

use inquic_engine::stream::Window;
use inquic_platform::Duration;
use inquic_uapi::Layout;
use inquic_uapi::structs::TransportParam;
use inquic_wire::{TransportParameters, Version, Versions};

use super::Options;
use crate::errno::Errno;

impl Options {
    /// Takes transport parameters; one of zero leaves what was.
    pub(super) fn set_transport_param(&mut self, value: &[u8]) -> Result<(), Errno> {
        let param = TransportParam::read(value);
        if param.remote != 0 {
            // Remembered parameters of a peer serve 0-RTT, which there is not.
            return Err(Errno::EOPNOTSUPP);
        }
        self.refuse_fixed(&param)?;
        let mut next = self.engine.clone();
        if let Some(idle) = within(param.max_idle_timeout.into(), 1_000_000, u64::MAX)? {
            next.idle_timeout = Duration::from_micros(idle);
        }
        if let Some(delay) = within(param.max_ack_delay.into(), 1, 16_383_999)? {
            next.max_ack_delay = Duration::from_micros(delay);
        }
        if let Some(window) = within(param.max_data, WINDOW_MIN, i32::MAX as u64 / 4)? {
            next.streams.connection_window = raised(next.streams.connection_window, window);
        }
        if let Some(window) = self.stream_window(&param)? {
            next.streams.stream_window = raised(next.streams.stream_window, window);
        }
        if let Some(size) = within(param.max_datagram_frame_size.into(), 1_200, u64::MAX)? {
            next.max_datagram_frame_size = u16::try_from(size).unwrap_or(u16::MAX);
        }
        if let Some(streams) = within(param.max_streams_bidi.into(), 1, STREAMS_MAX)? {
            next.streams.max_streams_bidi = streams;
        }
        if let Some(streams) = within(param.max_streams_uni.into(), 1, STREAMS_MAX)? {
            next.streams.max_streams_uni = streams;
        }
        // On already, and stays on: zero leaves what was.
        next.grease_quic_bit |= param.grease_quic_bit != 0;
        if param.disable_compatible_version != 0 {
            let only = match next.version {
                version if version.is_known() => version,
                _ => Version::V1,
            };
            next.versions = Versions::of(&[only]);
        }
        self.engine = next;
        Ok(())
    }

    /// Our own parameters as they are.
    pub(super) fn get_transport_param(&self, value: &[u8]) -> Result<TransportParam, Errno> {
        if TransportParam::read(value).remote != 0 {
            return Err(Errno::EINVAL);
        }
        Ok(self.transport_param())
    }

    fn transport_param(&self) -> TransportParam {
        let fixed = TransportParameters::default();
        let micros = |length: Duration| u32::try_from(length.as_micros()).unwrap_or(u32::MAX);
        let streams = &self.engine.streams;
        let count = |streams: u64| u16::try_from(streams).unwrap_or(u16::MAX);
        TransportParam {
            disable_active_migration: 1,
            grease_quic_bit: u8::from(self.engine.grease_quic_bit),
            disable_compatible_version: u8::from(self.engine.versions.len() == 1),
            active_connection_id_limit: u8::try_from(inquic_engine::limits::CIDS)
                .unwrap_or(u8::MAX),
            ack_delay_exponent: fixed.ack_delay_exponent,
            max_udp_payload_size: u16::try_from(inquic_engine::limits::TRANSMIT_BYTES)
                .unwrap_or(u16::MAX),
            max_datagram_frame_size: self.engine.max_datagram_frame_size,
            max_idle_timeout: micros(self.engine.idle_timeout),
            max_ack_delay: micros(self.engine.max_ack_delay),
            max_streams_bidi: count(streams.max_streams_bidi),
            max_streams_uni: count(streams.max_streams_uni),
            max_data: streams.connection_window.initial,
            max_stream_data_bidi_local: streams.stream_window.initial,
            max_stream_data_bidi_remote: streams.stream_window.initial,
            max_stream_data_uni: streams.stream_window.initial,
            ..TransportParam::default()
        }
    }

    /// The engine has one window for all kinds of streams.
    fn stream_window(&self, param: &TransportParam) -> Result<Option<u64>, Errno> {
        let mut window = None;
        for given in [
            param.max_stream_data_bidi_local,
            param.max_stream_data_bidi_remote,
            param.max_stream_data_uni,
        ] {
            match (within(given, WINDOW_MIN, i32::MAX as u64 / 8)?, window) {
                (None, _) => {}
                (Some(given), Some(before)) if given != before => return Err(Errno::EOPNOTSUPP),
                (given, _) => window = given,
            }
        }
        Ok(window)
    }

    /// Parameters that the engine chooses itself may be given as they are.
    fn refuse_fixed(&self, param: &TransportParam) -> Result<(), Errno> {
        within(param.ack_delay_exponent.into(), 1, 20)?;
        within(param.active_connection_id_limit.into(), 2, 8)?;
        within(param.max_udp_payload_size.into(), 1_200, 65_527)?;
        let ours = self.transport_param();
        let kept = |given: u64, ours: u64| given == 0 || given == ours;
        let all = kept(
            param.ack_delay_exponent.into(),
            ours.ack_delay_exponent.into(),
        ) && kept(
            param.active_connection_id_limit.into(),
            ours.active_connection_id_limit.into(),
        ) && kept(
            param.max_udp_payload_size.into(),
            ours.max_udp_payload_size.into(),
        ) && kept(
            param.disable_active_migration.into(),
            ours.disable_active_migration.into(),
        ) && param.stateless_reset == 0
            && param.disable_1rtt_encryption == 0;
        if all { Ok(()) } else { Err(Errno::EOPNOTSUPP) }
    }
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

/// The smallest window that can be asked for: one packet.
const WINDOW_MIN: u64 = 1_200;
/// The most streams that can be asked for.
const STREAMS_MAX: u64 = 4_096;

//! Settings of the transport as socket options: what a program chose in, options out; or the name of what no option says.

use std::io;

use inquic_descriptor::Calls;
use inquic_engine::recovery::Algorithm;
use inquic_platform::Duration;
use inquic_uapi::structs::{Config, EventOption, TransportParam};
use inquic_uapi::{EventType, Layout, QUIC_CONG_ALG_BBR, QUIC_CONG_ALG_CUBIC, option};

use super::limits;

/// What is chosen for a connection before its handshake.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    transport: TransportParam,
    config: Config,
}

impl Settings {
    /// The options that say the same, or what none of them says.
    pub(crate) fn of(chosen: &inquic_engine::Config) -> Result<Self, &'static str> {
        if let Some(name) = unsaid(chosen) {
            return Err(name);
        }
        let streams = &chosen.streams;
        // The bounds of the options, beyond which they say EINVAL. Zero would leave a number as it is.
        let microseconds = |name, time: Duration, least: u32, most: u32| {
            let time = u32::try_from(time.as_micros()).ok();
            time.filter(|time| (least..=most).contains(time))
                .ok_or(name)
        };
        let streams_at_once = |number: u64| {
            let number = u16::try_from(number).ok();
            number.filter(|number| *number > 0).ok_or("max_streams")
        };
        let keep_alive = chosen
            .keep_alive
            .map(|time| microseconds("keep_alive", time, 1_500_000, u32::MAX));
        let idle_timeout = microseconds("idle_timeout", chosen.idle_timeout, 1_000_000, u32::MAX);
        Ok(Self {
            transport: TransportParam {
                disable_active_migration: u8::from(chosen.disable_active_migration),
                max_datagram_frame_size: chosen.max_datagram_frame_size,
                max_idle_timeout: idle_timeout?,
                max_streams_bidi: streams_at_once(streams.max_streams_bidi)?,
                max_streams_uni: streams_at_once(streams.max_streams_uni)?,
                ..TransportParam::default()
            },
            config: Config {
                initial_smoothed_rtt: microseconds(
                    "initial_rtt",
                    chosen.initial_rtt,
                    1_000,
                    6_000_000,
                )?,
                congestion_control_algo: match chosen.algorithm {
                    Algorithm::Cubic => QUIC_CONG_ALG_CUBIC,
                    Algorithm::Bbr => QUIC_CONG_ALG_BBR,
                    Algorithm::NewReno => return Err("congestion"),
                },
                keepalive_probe_interval: keep_alive.transpose()?.unwrap_or(0),
                ..Config::default()
            },
        })
    }

    /// The same, where every client has to prove its address first.
    pub(crate) fn with_retry(mut self) -> Self {
        self.config.validate_peer_address = 1;
        self
    }

    /// Sets them.
    pub(super) fn set(&self, socket: &dyn Calls) -> io::Result<()> {
        let mut value = [0; TransportParam::SIZE];
        self.transport.write(&mut value);
        socket.setsockopt(option::QUIC_SOCKOPT_TRANSPORT_PARAM, &value)?;
        let mut value = [0; Config::SIZE];
        self.config.write(&mut value);
        socket.setsockopt(option::QUIC_SOCKOPT_CONFIG, &value)
    }
}

/// What was chosen that there is no option for.
fn unsaid(chosen: &inquic_engine::Config) -> Option<&'static str> {
    let default = inquic_engine::Config::default();
    let (streams, usual) = (&chosen.streams, &default.streams);
    let is_usual = [
        (
            "handshake_timeout",
            chosen.handshake_timeout == default.handshake_timeout,
        ),
        ("udp_payload", chosen.udp_payload == default.udp_payload),
        ("udp_payload_ceiling", chosen.udp_payload_ceiling.is_none()),
        (
            "receive_windows",
            streams.stream_window == usual.stream_window,
        ),
        (
            "receive_windows",
            streams.connection_window == usual.connection_window,
        ),
        ("send_buffers", streams.send_buffer == usual.send_buffer),
        (
            "send_buffers",
            streams.stream_send_buffer == usual.stream_send_buffer,
        ),
        (
            "versions",
            chosen.version == default.version && chosen.versions == default.versions,
        ),
        (
            "grease_quic_bit",
            chosen.grease_quic_bit == default.grease_quic_bit,
        ),
        ("spin_bit", chosen.spin_bit == default.spin_bit),
        (
            "insecure_disable_1rtt_encryption",
            !chosen.insecure_disable_1rtt_encryption,
        ),
        (
            "preferred_address",
            chosen.preferred_v4.is_none() && chosen.preferred_v6.is_none(),
        ),
    ];
    let mut is_usual = is_usual.into_iter();
    is_usual
        .find(|(_, is_usual)| !is_usual)
        .map(|(name, _)| name)
}

/// Has a connection deliver what was written when it is closed, and say how it ended.
pub(super) fn set_manners(socket: &dyn Calls) -> io::Result<()> {
    socket.setsockopt(option::QUIC_SOCKOPT_EOF, &1_u32.to_ne_bytes())?;
    let time = u32::try_from(limits::LINGER.as_micros()).unwrap_or(u32::MAX);
    socket.setsockopt(option::QUIC_SOCKOPT_LINGER, &time.to_ne_bytes())
}

/// Turns the events on that a connection looks at.
pub(super) fn set_events(socket: &dyn Calls) -> io::Result<()> {
    for event in [
        EventType::StreamUpdate,
        EventType::StreamMaxStream,
        EventType::ConnectionMigration,
        EventType::NewSessionTicket,
    ] {
        let mut value = [0; EventOption::SIZE];
        EventOption {
            event_type: event as u8,
            on: 1,
        }
        .write(&mut value);
        socket.setsockopt(option::QUIC_SOCKOPT_EVENT, &value)?;
    }
    Ok(())
}

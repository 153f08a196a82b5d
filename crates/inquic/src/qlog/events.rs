//! Notes of a connection in, events of qlog out, each with its time since the connection began. A packet becomes one event with its
//! frames; numbers that have not changed are not said again.

use inquic_engine::trace::{Metrics, Packet, Record, Seen, What};
use inquic_platform::Instant;
use qlog::events::quic::{
    ConnectionStarted, EcnStateUpdated, KeyDiscarded, KeyUpdateOrRetiredTrigger, MtuUpdated,
    PacketHeader, PacketReceived, PacketSent, QuicFrame, RecoveryMetricsUpdated,
};
use qlog::events::{Event, EventData, RawInfo};

use super::{Note, Opening, frames, words};

/// What is remembered between the notes of one connection.
pub(super) struct Translator {
    began: Instant,
    /// The packet whose frames are being told.
    open: Option<Open>,
    metrics: Option<Metrics>,
    mtu: Option<u16>,
}

struct Open {
    at: Instant,
    packet: Packet,
    is_sent: bool,
    frames: Vec<QuicFrame>,
    /// It has more frames.
    is_cut: bool,
}

impl Translator {
    /// The first events of a log, and what makes those that follow.
    pub(super) fn begin(opening: &Opening, tell: &mut dyn FnMut(&Event)) -> Self {
        let translator = Self {
            began: opening.at,
            open: None,
            metrics: None,
            mtu: None,
        };
        let started = ConnectionStarted {
            local: words::endpoint(opening.path.local),
            remote: words::endpoint(Some(opening.path.remote)),
        };
        let started = EventData::QuicConnectionStarted(started);
        translator.tell(opening.at, started, tell);
        let version = words::version(opening.version);
        translator.tell(opening.at, version, tell);
        translator
    }

    pub(super) fn note(&mut self, note: &Note, tell: &mut dyn FnMut(&Event)) {
        match note {
            Note::Record(record) => self.record(record, tell),
            Note::Parameters(at, parameters) => {
                self.end_packet(tell);
                self.tell(*at, words::parameters(parameters), tell);
            }
            Note::Migrated(at, path) => {
                self.end_packet(tell);
                self.tell(*at, words::migrated(path), tell);
            }
            Note::Over(at, closed) => {
                self.end_packet(tell);
                self.tell(*at, (**closed).clone(), tell);
            }
            Note::Missed(at, missed) => {
                self.end_packet(tell);
                let warning = words::warning(format!("{missed} events were left out"));
                self.tell(*at, warning, tell);
            }
        }
    }

    /// No more frames follow.
    pub(super) fn end_packet(&mut self, tell: &mut dyn FnMut(&Event)) {
        if let Some(open) = self.open.take() {
            let (at, number, is_cut) = (open.at, open.packet.number, open.is_cut);
            self.tell(at, open.into_event(), tell);
            if is_cut {
                let message = format!("packet {number} has more frames than are told");
                self.tell(at, words::warning(message), tell);
            }
        }
    }

    fn record(&mut self, record: &Record, tell: &mut dyn FnMut(&Event)) {
        let at = record.at;
        match record.what {
            What::Frame(seen) => return self.frame(seen),
            What::FramesLeftOut => return self.frame_left_out(),
            _ => self.end_packet(tell),
        }
        match record.what {
            What::Sent(packet) => self.open = Some(Open::new(at, packet, true)),
            What::Received(packet) => self.open = Some(Open::new(at, packet, false)),
            What::Metrics(metrics) => self.metrics(at, metrics, tell),
            What::Mtu(size) => {
                let old = self.mtu.replace(size);
                let updated = MtuUpdated {
                    old: old.map(u32::from),
                    new: size.into(),
                    done: None,
                };
                self.tell(at, EventData::QuicMtuUpdated(updated), tell);
            }
            What::Discarded(space) => {
                for key_type in words::keys_of(space) {
                    let discarded = KeyDiscarded {
                        key_type,
                        key: None,
                        key_phase: None,
                        trigger: Some(KeyUpdateOrRetiredTrigger::Tls),
                    };
                    self.tell(at, EventData::QuicKeyDiscarded(discarded), tell);
                }
            }
            What::KeyUpdate { by_peer, updates } => {
                for event in words::key_update(by_peer, updates) {
                    self.tell(at, event, tell);
                }
            }
            what => {
                if let Some(data) = words::simple(what) {
                    self.tell(at, data, tell);
                }
            }
        }
    }

    fn frame(&mut self, seen: Seen) {
        // Without its packet, for which there was no room, a frame says nothing.
        let Some(open) = &mut self.open else {
            return;
        };
        match frames::frame(seen) {
            Some(frame) => open.frames.push(frame),
            None => {
                if let Some(last) = open.frames.last_mut() {
                    frames::add(last, seen);
                }
            }
        }
    }

    fn frame_left_out(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_cut = true;
        }
    }

    fn metrics(&mut self, at: Instant, now: Metrics, tell: &mut dyn FnMut(&Event)) {
        let before = self.metrics.replace(now);
        if before.is_none_or(|before| before.ecn != now.ecn) {
            let updated = EcnStateUpdated {
                old: before.map(|before| words::ecn(before.ecn)),
                new: words::ecn(now.ecn),
            };
            self.tell(at, EventData::QuicEcnStateUpdated(updated), tell);
        }
        let changed = words::metrics(before, now);
        if changed != RecoveryMetricsUpdated::default() {
            self.tell(at, EventData::QuicMetricsUpdated(changed), tell);
        }
    }

    fn tell(&self, at: Instant, data: EventData, tell: &mut dyn FnMut(&Event)) {
        // Milliseconds, to the microsecond.
        let time = at.since(self.began).as_micros() as f64 / 1_000.0;
        tell(&Event::with_time(time, data));
    }
}

impl Open {
    const fn new(at: Instant, packet: Packet, is_sent: bool) -> Self {
        Self {
            at,
            packet,
            is_sent,
            frames: Vec::new(),
            is_cut: false,
        }
    }

    fn into_event(self) -> EventData {
        let header = PacketHeader {
            packet_type: words::packet_type(self.packet.level),
            packet_number: Some(self.packet.number),
            ..PacketHeader::default()
        };
        let raw = Some(RawInfo {
            length: None,
            payload_length: Some(self.packet.payload.into()),
            data: None,
        });
        let frames = Some(self.frames);
        if self.is_sent {
            EventData::QuicPacketSent(PacketSent {
                header,
                raw,
                frames,
                ..PacketSent::default()
            })
        } else {
            EventData::QuicPacketReceived(PacketReceived {
                header,
                raw,
                frames,
                ..PacketReceived::default()
            })
        }
    }
}

//! Probes out: PATH_CHALLENGE and PATH_RESPONSE, each in a datagram of its own on the path that it is about (RFC 9000 §8.2).
//! Apart from the response, nothing in them is of the peer's choosing, and they never take an address beyond its credit.

use inquic_platform::{Instant, SealJob};
use inquic_wire::frame::{write_path_challenge, write_path_response, write_ping};
use inquic_wire::{Full, Level, Space, Writer, packet_number_len, write_short};

use super::packet::{Built, Permit};
use super::transmit::Transmit;
use super::{Connection, State};
use crate::limits;
use crate::path::PathId;
use crate::recovery::SentFrame;

/// What a probe says.
#[derive(Clone, Copy)]
struct Probe {
    /// It is on the active path, and asks for an acknowledgement: whoever copied the challenge from elsewhere shall not be the
    /// last that the peer heard of us (RFC 9000 §9.3.3).
    is_active: bool,
    response: Option<[u8; 8]>,
    challenge: Option<[u8; 8]>,
}

impl Connection {
    /// Builds one probe, if any path owes one.
    pub(super) fn transmit_probe(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        let id = self.carried.paths.next_probe(now)?;
        if !matches!(self.state, State::Connected { .. }) || !self.keys.can_seal(Level::OneRtt) {
            return None;
        }
        let is_active = self.carried.paths.active().id() == id;
        let path = self.carried.paths.get(id)?;
        let budget = usize::try_from(path.probe_budget(is_active)).unwrap_or(usize::MAX);
        let owes_challenge = path.owes_challenge(now);
        //= RFC 9000 §8.2.2: An endpoint MUST NOT delay transmission of a packet containing a PATH_RESPONSE frame unless
        //= constrained by congestion control.
        if is_active && !owes_challenge && self.permit(now, Space::Application) == Permit::AckOnly {
            return None;
        }
        //= RFC 9000 §8.2.1: An endpoint MUST expand datagrams that contain a PATH_CHALLENGE frame to at least the smallest
        //= allowed maximum datagram size of 1200 bytes, unless the anti-amplification limit for the path does not permit
        //= sending a datagram of this size.
        //= RFC 9000 §8.2.2: However, an endpoint MUST NOT expand the datagram containing the PATH_RESPONSE if the resulting
        //= data exceeds the anti-amplification limit.
        let datagram = out.get_mut(..limits::DATAGRAM_MIN.min(budget))?;
        let challenge = owes_challenge.then(|| {
            //= RFC 9000 §8.2.1: The endpoint MUST use unpredictable data in every PATH_CHALLENGE frame so that it can associate
            //= the peer's response with the corresponding PATH_CHALLENGE.
            let mut data = [0; 8];
            //= RFC 9000 §8.2.1: The endpoint MUST use unpredictable data in every PATH_CHALLENGE frame so that it can associate the
            //= peer's response with the corresponding PATH_CHALLENGE.
            self.platform.random(&mut data);
            data
        });
        let probe = Probe {
            is_active,
            response: self.carried.paths.get_mut(id)?.take_response(),
            challenge,
        };
        let bytes = self.write_probe(now, id, probe, datagram)?;
        let paths = &mut self.carried.paths;
        let path = paths.get_mut(id)?;
        path.on_sent(bytes);
        let addresses = path.path;
        if let Some(data) = challenge {
            path.on_challenge_sent(now, data, bytes);
            paths.on_challenge_sent();
        }
        self.counts.bytes_sent = self.counts.bytes_sent.saturating_add(bytes as u64);
        self.refresh_timer();
        Some(Transmit {
            path: addresses,
            bytes,
            segment: bytes,
            ecn: 0,
        })
    }

    /// Lays out and seals one probe, which fills `datagram`.
    fn write_probe(
        &mut self,
        now: Instant,
        id: PathId,
        probe: Probe,
        datagram: &mut [u8],
    ) -> Option<usize> {
        let numbers = self.numbers.get(Space::Application.index())?;
        let number = numbers.next();
        let number_len = packet_number_len(number, self.recovery.largest_acked(Space::Application));
        let phase = self.keys.one_rtt()?.phase();
        let ids = &self.carried.peer_ids;
        let dcid = *ids
            .of(id)
            .filter(|_| !probe.is_active)
            .unwrap_or(ids.active());
        let room = datagram.len().checked_sub(self.tag_len(Level::OneRtt))?;
        let mut writer = Writer::new(datagram.get_mut(..room)?);
        let plan = write_short(&mut writer, &dcid, false, phase, number, number_len).ok()?;
        probe.write(&mut writer).ok()?;
        let built = Built::probe(
            (plan.number_at, plan.payload_at, writer.position()),
            number,
            probe.is_active,
        );
        let frames: &[SentFrame] = if probe.is_active {
            &[SentFrame::Ping]
        } else {
            &[]
        };
        let mut job = SealJob::NONE;
        self.settle(now, &built, datagram, frames, &mut job)?;
        self.ecn.on_sent(Space::Application, 1, number..=number, 0);
        let end = job.end;
        self.seal(now, Level::OneRtt, datagram, &[job])?;
        Some(end)
    }
}

impl Probe {
    fn write(self, writer: &mut Writer<'_>) -> Result<(), Full> {
        if let Some(data) = self.response {
            write_path_response(writer, data)?;
        }
        if let Some(data) = self.challenge {
            write_path_challenge(writer, data)?;
        }
        if self.is_active {
            write_ping(writer)?;
        }
        writer.zeros(writer.remaining())
    }
}

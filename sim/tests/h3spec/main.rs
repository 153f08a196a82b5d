//! The transport error cases of h3spec, each against a server and, where a server can do the same wrong, against a client: the error
//! as it stands in the CONNECTION_CLOSE frame that the victim sends. The cases of TLS are with the tests of the handshake, and
//! `cargo xtask interop --case h3spec` plays all of them over UDP with another implementation as the offender.

mod frames;
mod ids;
mod packets;
mod parameters;
mod streams;

use inquic_sim::{Attacker, Bits, Duel, Early, Settings, frames};
use inquic_wire::{Code, Frame, Frames, Level, Role, Writer};

/// Which end the rule is broken against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Server,
    Client,
}

use Victim::{Client, Server};

impl Victim {
    fn role(self) -> Role {
        match self {
            Server => Role::Server,
            Client => Role::Client,
        }
    }

    /// The first stream that the offender opens, of those that carry data both ways.
    fn theirs(self) -> u64 {
        u64::from(self == Client)
    }

    /// The same of those that carry data towards the victim alone.
    fn theirs_one_way(self) -> u64 {
        self.theirs() + 2
    }

    /// A stream that the victim could open one day, of those that carry data both ways.
    fn own(self) -> u64 {
        u64::from(self == Server) + 4 * 20
    }

    /// The same of those that carry data away from the victim alone.
    fn own_one_way(self) -> u64 {
        self.own() + 2
    }

    /// It has everything that it needs for packets of `level`, and waits for them.
    fn at(self, level: Level) -> Duel {
        let settings = Settings::default();
        match (self, level) {
            (Server, Level::OneRtt) => Duel::with_server(&settings).connected(),
            (Client, Level::OneRtt) => Duel::with_client(&settings).connected(),
            (Client, _) => {
                let mut duel = Duel::with_client(&settings);
                duel.send(Level::Initial, &Attacker::message(None, 90));
                duel
            }
            (Server, _) => {
                let mut duel = Duel::with_server(&Settings {
                    early: Early::Accept,
                    ..settings
                });
                let mut hello = Attacker::message(Some(&duel.attacker.parameters()), 250);
                if level == Level::ZeroRtt {
                    // The flag of an offer, behind the type, the offset and the length of the CRYPTO frame.
                    hello[4] |= 0x80;
                }
                let initial = duel.attacker.initial(&hello);
                duel.send_datagram(&initial);
                if level == Level::Handshake {
                    duel.follow_server_id();
                }
                duel
            }
        }
    }

    /// What it closes with after one packet of `level` with these frames.
    fn told(self, level: Level, payload: &[u8]) -> Option<Code> {
        self.told_with(level, Bits::default(), payload)
    }

    /// The same with bits of the first byte flipped.
    fn told_with(self, level: Level, bits: Bits, payload: &[u8]) -> Option<Code> {
        let mut duel = self.at(level);
        let packet = duel.attacker.packet_with(level, 50, bits, payload);
        duel.send_datagram(&packet);
        closed(&duel, self)
    }
}

/// The error in the CONNECTION_CLOSE frame that the victim sent.
fn closed(duel: &Duel, victim: Victim) -> Option<Code> {
    let packets = duel.heard.iter();
    let mut frames = packets
        .flat_map(|packet| Frames::new(&packet.payload, packet.level, victim.role().peer()))
        .map(|frame| frame.expect("the victim keeps the rules"));
    frames.find_map(|frame| match frame {
        Frame::ConnectionClose { code, .. } => Some(code),
        _ => None,
    })
}

/// Numbers as frames have them, whatever they say.
fn numbers(all: &[u64]) -> Vec<u8> {
    frames(|writer: &mut Writer<'_>| all.iter().try_for_each(|&number| writer.varint(number)))
}

//! Packets out of shape.

use inquic_sim::Bits;
use inquic_wire::{Code, Level};

use super::{Client, Server};

/// PING, and PADDING for the sample.
const PING: [u8; 4] = [1, 0, 0, 0];

#[test]
fn protocol_violation_for_a_packet_without_frames() {
    for victim in [Server, Client] {
        for level in [Level::Handshake, Level::OneRtt] {
            let told = victim.told(level, &[]);
            assert_eq!(told, Some(Code::ProtocolViolation), "{victim:?} {level:?}");
        }
    }
}

#[test]
fn protocol_violation_for_reserved_bits_in_a_handshake_packet() {
    for victim in [Server, Client] {
        for flipped in [0x04, 0x08, 0x0c] {
            let told = victim.told_with(Level::Handshake, Bits { flipped }, &PING);
            assert_eq!(told, Some(Code::ProtocolViolation), "{victim:?}");
        }
    }
}

#[test]
fn protocol_violation_for_reserved_bits_in_a_short_header() {
    for victim in [Server, Client] {
        for flipped in [0x08, 0x10, 0x18] {
            let told = victim.told_with(Level::OneRtt, Bits { flipped }, &PING);
            assert_eq!(told, Some(Code::ProtocolViolation), "{victim:?}");
        }
    }
}

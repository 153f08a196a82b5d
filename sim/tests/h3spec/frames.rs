//! Frames that are none, or that their sender may not send.

use inquic_wire::{Code, Level};

use super::{Client, Server, numbers};

#[test]
fn frame_encoding_error_for_a_frame_of_unknown_type() {
    for victim in [Server, Client] {
        let told = victim.told(Level::OneRtt, &numbers(&[0x21, 0]));
        assert_eq!(told, Some(Code::FrameEncoding), "{victim:?}");
    }
}

#[test]
fn protocol_violation_for_path_challenge_in_a_handshake_packet() {
    for victim in [Server, Client] {
        let told = victim.told(Level::Handshake, &[0x1a, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(told, Some(Code::ProtocolViolation), "{victim:?}");
    }
}

#[test]
fn protocol_violation_for_new_token_of_a_client() {
    let told = Server.told(Level::OneRtt, &numbers(&[0x07, 1, 9]));
    assert_eq!(told, Some(Code::ProtocolViolation));
}

#[test]
fn frame_encoding_error_for_new_token_without_a_token() {
    assert_eq!(Client.told(Level::OneRtt, &numbers(&[0x07, 1, 9])), None);
    let told = Client.told(Level::OneRtt, &numbers(&[0x07, 0]));
    assert_eq!(told, Some(Code::FrameEncoding));
}

#[test]
fn protocol_violation_for_handshake_done_of_a_client() {
    let told = Server.told(Level::OneRtt, &numbers(&[0x1e]));
    assert_eq!(told, Some(Code::ProtocolViolation));
}

#[test]
fn protocol_violation_for_crypto_in_a_0_rtt_packet() {
    let told = Server.told(Level::ZeroRtt, &numbers(&[0x06, 0, 1, 9]));
    assert_eq!(told, Some(Code::ProtocolViolation));
}

//! NEW_CONNECTION_ID out of shape.

use inquic_wire::{Code, Level};

use super::{Client, Server, Victim, numbers};

fn told(victim: Victim, sequence: u64, retire_prior_to: u64, id: &[u8]) -> Option<Code> {
    let mut frame = numbers(&[0x18, sequence, retire_prior_to, id.len() as u64]);
    frame.extend(id);
    frame.extend([0x77; 16]);
    victim.told(Level::OneRtt, &frame)
}

#[test]
fn frame_encoding_error_for_an_id_that_retires_itself() {
    for victim in [Server, Client] {
        assert_eq!(told(victim, 1, 1, &[9; 8]), None, "{victim:?}");
        let beyond = told(victim, 1, 2, &[9; 8]);
        assert_eq!(beyond, Some(Code::FrameEncoding), "{victim:?}");
    }
}

#[test]
fn frame_encoding_error_for_an_id_of_no_bytes() {
    for victim in [Server, Client] {
        assert_eq!(told(victim, 1, 0, &[9]), None, "{victim:?}");
        let empty = told(victim, 1, 0, &[]);
        assert_eq!(empty, Some(Code::FrameEncoding), "{victim:?}");
    }
}

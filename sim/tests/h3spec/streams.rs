//! Frames about streams that are not, or that carry data the other way.

use inquic_wire::{Code, Level};

use super::{Client, Server, Victim, numbers};

fn told(victim: Victim, frame: &[u64]) -> Option<Code> {
    victim.told(Level::OneRtt, &numbers(frame))
}

#[test]
fn flow_control_error_for_a_stream_frame_with_a_large_offset() {
    for victim in [Server, Client] {
        // With an offset and a length, of one byte.
        let frame = [0x0e, victim.theirs(), 1 << 40, 1, 7];
        assert_eq!(told(victim, &frame), Some(Code::FlowControl), "{victim:?}");
    }
}

#[test]
fn stream_state_error_for_reset_stream_of_a_send_only_stream() {
    for victim in [Server, Client] {
        let frame = [0x04, victim.own_one_way(), 0, 0];
        assert_eq!(told(victim, &frame), Some(Code::StreamState), "{victim:?}");
    }
}

#[test]
fn stream_state_error_for_stop_sending_of_a_stream_that_does_not_exist() {
    for victim in [Server, Client] {
        let frame = [0x05, victim.own(), 0];
        assert_eq!(told(victim, &frame), Some(Code::StreamState), "{victim:?}");
    }
}

#[test]
fn stream_state_error_for_data_of_a_local_stream_that_is_not_yet_created() {
    for victim in [Server, Client] {
        let frame = [0x0a, victim.own(), 1, 7];
        assert_eq!(told(victim, &frame), Some(Code::StreamState), "{victim:?}");
    }
}

#[test]
fn stream_state_error_for_data_of_a_send_only_stream() {
    for victim in [Server, Client] {
        let frame = [0x0a, victim.own_one_way(), 1, 7];
        assert_eq!(told(victim, &frame), Some(Code::StreamState), "{victim:?}");
    }
}

#[test]
fn stream_state_error_for_max_stream_data_of_a_stream_that_does_not_exist() {
    for victim in [Server, Client] {
        let frame = [0x11, victim.own(), 100];
        assert_eq!(told(victim, &frame), Some(Code::StreamState), "{victim:?}");
    }
}

#[test]
fn stream_state_error_for_max_stream_data_of_a_receive_only_stream() {
    for victim in [Server, Client] {
        let frame = [0x11, victim.theirs_one_way(), 100];
        assert_eq!(told(victim, &frame), Some(Code::StreamState), "{victim:?}");
    }
}

#[test]
fn frame_encoding_error_for_max_streams_beyond_2_to_the_60() {
    for victim in [Server, Client] {
        for kind in [0x12, 0x13] {
            assert_eq!(told(victim, &[kind, 1 << 60]), None, "{victim:?}");
            let beyond = told(victim, &[kind, (1 << 60) + 1]);
            assert_eq!(beyond, Some(Code::FrameEncoding), "{victim:?}");
        }
    }
}

#[test]
fn frame_encoding_error_for_streams_blocked_beyond_2_to_the_60() {
    for victim in [Server, Client] {
        for kind in [0x16, 0x17] {
            assert_eq!(told(victim, &[kind, 1 << 60]), None, "{victim:?}");
            let beyond = told(victim, &[kind, (1 << 60) + 1]);
            assert_eq!(beyond, Some(Code::FrameEncoding), "{victim:?}");
        }
    }
}

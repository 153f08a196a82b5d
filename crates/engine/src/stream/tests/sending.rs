use inquic_wire::{Role, StreamId};

use super::helper::*;
use crate::stream::limits::{PAGE, TAIL_MIN};
use crate::stream::{Config, OnStream, SendState, StreamEvent, Streams, WriteError};

fn data(raw: u64, offset: u64, data: &[u8], fin: bool) -> Out {
    Out::Stream {
        id: raw,
        offset,
        data: data.to_vec(),
        fin,
    }
}

#[test]
fn written_bytes_go_out_and_then_nothing_more() {
    let mut client = client();
    let id = client.open(BIDI).unwrap();
    assert!(!client.wants_to_send());
    assert_eq!(client.write(id, b"hello"), Ok(5));
    assert_eq!(client.send_state(id), Some(SendState::Ready));
    assert_eq!(flush(&mut client).frames, [data(0, 0, b"hello", false)]);
    assert_eq!(client.send_state(id), Some(SendState::Send));
    assert!(!client.wants_to_send());
}

#[test]
fn the_end_goes_with_the_last_bytes() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    client.write(id, b"hello").unwrap();
    client.finish(id).unwrap();
    let packet = flush(&mut client);
    assert_eq!(packet.frames, [data(2, 0, b"hello", true)]);
    assert_eq!(client.send_state(id), Some(SendState::DataSent));
    acknowledge(&mut client, &packet.sent);
    assert_eq!(events(&mut client), [StreamEvent::Finished(id)]);
    assert_eq!(client.send_state(id), None);
    assert_eq!(client.stats().open, 0);
}

#[test]
fn an_end_after_the_bytes_goes_alone() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    client.write(id, b"hello").unwrap();
    flush(&mut client);
    client.finish(id).unwrap();
    assert_eq!(flush(&mut client).frames, [data(2, 5, b"", true)]);
    assert_eq!(client.finish(id), Err(WriteError::Finished));
    assert_eq!(client.write(id, b"x"), Err(WriteError::Finished));
}

#[test]
fn a_lost_end_is_sent_again() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    client.finish(id).unwrap();
    let first = flush(&mut client);
    assert_eq!(first.frames, [data(2, 0, b"", true)]);
    lose(&mut client, &first.sent);
    let second = flush(&mut client);
    assert_eq!(second.frames, [data(2, 0, b"", true)]);
    acknowledge(&mut client, &second.sent);
    assert_eq!(events(&mut client), [StreamEvent::Finished(id)]);
}

#[test]
fn lost_bytes_go_before_new_ones() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    client.write(id, b"abc").unwrap();
    let first = flush(&mut client);
    client.write(id, b"def").unwrap();
    flush(&mut client);
    client.write(id, b"ghi").unwrap();
    lose(&mut client, &first.sent);
    let frames = flush(&mut client).frames;
    assert_eq!(
        frames,
        [data(2, 0, b"abc", false), data(2, 6, b"ghi", false)]
    );
}

#[test]
fn bytes_that_arrive_after_all_are_not_sent_again() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    client.write(id, b"abc").unwrap();
    let first = flush(&mut client);
    lose(&mut client, &first.sent);
    assert!(client.wants_to_send());
    acknowledge(&mut client, &first.sent);
    assert!(!client.wants_to_send());
}

#[test]
fn only_what_the_peer_lacks_of_a_lost_frame_is_sent_again() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    client.write(id, &bytes(0, 300)).unwrap();
    let whole = packet(&mut client, 1_200);
    lose(&mut client, &whole.sent);
    let part = packet(&mut client, 103);
    acknowledge(&mut client, &part.sent);
    let kept = match part.frames[0] {
        Out::Stream { ref data, .. } => data.len() as u64,
        ref other => panic!("{other:?}"),
    };
    let rest = flush(&mut client);
    lose(&mut client, &whole.sent);
    lose(&mut client, &rest.sent);
    let again = flush(&mut client).frames;
    assert_eq!(
        again,
        [data(2, kept, &bytes(kept, 300 - kept as usize), false)]
    );
}

#[test]
fn a_reset_tells_the_code_and_the_bytes_sent_until_it_is_acknowledged() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    client.write(id, b"abc").unwrap();
    let before = flush(&mut client);
    client.write(id, b"never sent").unwrap();
    assert_eq!(client.reset(id, 42), Ok(()));
    let reset = flush(&mut client);
    assert_eq!(
        reset.frames,
        [Out::Reset {
            id: 2,
            code: 42,
            size: 3
        }]
    );
    lose(&mut client, &before.sent);
    assert!(!client.wants_to_send());
    lose(&mut client, &reset.sent);
    let again = flush(&mut client);
    assert_eq!(again.frames, reset.frames);
    assert_eq!(client.send_state(id), Some(SendState::ResetSent));
    assert_eq!(client.reset(id, 42), Err(WriteError::Finished));
    acknowledge(&mut client, &again.sent);
    assert_eq!(client.stats().open, 0);
    assert_eq!(events(&mut client), []);
}

#[test]
fn stop_sending_is_answered_by_a_reset_with_its_code_and_told() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    client.write(id, b"abc").unwrap();
    assert_eq!(client.on_stop_sending(id, 9), Ok(OnStream::Taken));
    assert_eq!(client.on_stop_sending(id, 10), Ok(OnStream::Taken));
    let reset = flush(&mut client);
    assert_eq!(
        reset.frames,
        [Out::Reset {
            id: 2,
            code: 9,
            size: 0
        }]
    );
    assert_eq!(client.write(id, b"x"), Err(WriteError::Stopped(9)));
    acknowledge(&mut client, &reset.sent);
    // The application still hears of it.
    assert_eq!(events(&mut client), [StreamEvent::Stopped { id, code: 9 }]);
    assert_eq!(client.stats().open, 0);
    assert_eq!(client.write(id, b"x"), Err(WriteError::Unknown));
}

#[test]
fn a_writer_that_comes_back_late_still_learns_that_the_peer_stopped_the_stream() {
    let late: [fn(&mut Streams, StreamId) -> Option<WriteError>; 3] = [
        |client, id| client.write(id, b"x").err(),
        |client, id| client.finish(id).err(),
        |client, id| client.reset(id, 5).err(),
    ];
    for call in late {
        let mut client = client();
        let id = client.open(UNI).unwrap();
        let _ = client.on_stop_sending(id, 9).unwrap();
        let reset = flush(&mut client);
        // The event is for whoever waits; the writer is busy elsewhere, and all is acknowledged before it calls.
        assert_eq!(events(&mut client), [StreamEvent::Stopped { id, code: 9 }]);
        acknowledge(&mut client, &reset.sent);
        assert_eq!(client.stats().open, 1);
        assert_eq!(call(&mut client, id), Some(WriteError::Stopped(9)));
        assert_eq!(
            client.stats().open,
            0,
            "and the record goes with the answer"
        );
        assert_eq!(call(&mut client, id), Some(WriteError::Unknown));
    }
}

#[test]
fn a_stop_after_the_writer_has_ended_keeps_no_record() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    client.write(id, b"abc").unwrap();
    client.finish(id).unwrap();
    let lost = flush(&mut client);
    let _ = client.on_stop_sending(id, 9).unwrap();
    let reset = flush(&mut client);
    assert_eq!((lost.sent.len(), reset.sent.len()), (1, 1));
    acknowledge(&mut client, &reset.sent);
    assert_eq!(events(&mut client), [StreamEvent::Stopped { id, code: 9 }]);
    assert_eq!(client.stats().open, 0);
}

#[test]
fn stop_sending_after_all_was_acknowledged_changes_nothing() {
    let mut client = client();
    let id = client.open(BIDI).unwrap();
    client.write(id, b"abc").unwrap();
    client.finish(id).unwrap();
    let sent = flush(&mut client).sent;
    acknowledge(&mut client, &sent);
    assert_eq!(client.send_state(id), Some(SendState::DataRecvd));
    assert_eq!(client.on_stop_sending(id, 9), Ok(OnStream::Taken));
    assert!(!client.wants_to_send());
    assert_eq!(events(&mut client), [StreamEvent::Finished(id)]);
}

#[test]
fn a_full_share_blocks_the_writer_until_enough_is_free() {
    let config = Config {
        stream_send_buffer: 1_000,
        ..Config::new(Role::Client)
    };
    let mut client = streams(&config);
    let id = client.open(UNI).unwrap();
    assert_eq!(client.write(id, &[1; 1_500]), Ok(1_000));
    assert_eq!(client.write(id, &[1]), Err(WriteError::Blocked));
    let mut sent = Vec::new();
    while client.wants_to_send() {
        sent.extend(packet(&mut client, 104).sent);
    }
    acknowledge(&mut client, &sent[..2]);
    assert_eq!(events(&mut client), []);
    acknowledge(&mut client, &sent[2..3]);
    assert_eq!(events(&mut client), [StreamEvent::Writable(id)]);
    acknowledge(&mut client, &sent[3..]);
    assert_eq!(events(&mut client), []);
    assert_eq!(client.writable(id), 1_000);
}

#[test]
fn writers_that_the_connection_blocks_are_woken_when_any_stream_frees_memory() {
    let config = Config {
        send_buffer: 16 * 1024,
        ..Config::new(Role::Client)
    };
    let mut client = streams(&config);
    let (a, b) = (client.open(UNI).unwrap(), client.open(UNI).unwrap());
    assert_eq!(client.write(a, &vec![1; 20_000]), Ok(16 * 1024));
    assert_eq!(client.write(b, &[1; 100]), Err(WriteError::Blocked));
    let sent = flush(&mut client).sent;
    acknowledge(&mut client, &sent);
    assert_eq!(
        events(&mut client),
        [StreamEvent::Writable(a), StreamEvent::Writable(b)]
    );
}

#[test]
fn a_reset_frees_memory_for_others() {
    let config = Config {
        send_buffer: 16 * 1024,
        ..Config::new(Role::Client)
    };
    let mut client = streams(&config);
    let (a, b) = (client.open(UNI).unwrap(), client.open(UNI).unwrap());
    assert_eq!(client.write(a, &vec![1; 16 * 1024]), Ok(16 * 1024));
    assert_eq!(client.write(b, &[1; 100]), Err(WriteError::Blocked));
    client.reset(a, 0).unwrap();
    assert_eq!(events(&mut client), [StreamEvent::Writable(b)]);
}

#[test]
fn the_last_frame_fills_the_packet_without_a_length() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    client.write(id, &bytes(0, 3_000)).unwrap();
    let first = packet(&mut client, 1_200);
    // Type and id, no offset, no length.
    assert_eq!(first.bytes.len(), 1_200);
    assert_eq!(first.frames, [data(2, 0, &bytes(0, 1_198), false)]);
    let second = packet(&mut client, 1_200);
    assert_eq!(second.frames, [data(2, 1_198, &bytes(1_198, 1_196), false)]);
    let third = packet(&mut client, 1_200);
    // The rest has its length, so that the packet may be shorter or carry more.
    assert_eq!(third.frames, [data(2, 2_394, &bytes(2_394, 606), false)]);
    assert_eq!(third.bytes.len(), 606 + 1 + 1 + 2 + 2);
}

#[test]
fn frames_of_every_size_parse_and_fit() {
    for size in 1..300 {
        for len in 0..300 {
            let mut client = client();
            let id = client.open(UNI).unwrap();
            client.write(id, &bytes(0, len)).unwrap();
            client.finish(id).unwrap();
            let packet = packet(&mut client, size);
            if size >= len + 4 {
                assert_eq!(
                    packet.frames,
                    [data(2, 0, &bytes(0, len), true)],
                    "{size} {len}"
                );
            }
        }
    }
}

#[test]
fn nothing_is_written_or_read_on_the_wrong_half() {
    let mut client = client();
    let ours = client.open(UNI).unwrap();
    let mut out = [0; 1];
    assert_eq!(
        client.read(at(0), RTT, ours, &mut out),
        Err(crate::stream::ReadError::Unknown)
    );
    receives(&mut client, 3, 0, b"x", false);
    assert_eq!(client.write(id(3), b"x"), Err(WriteError::Unknown));
    assert_eq!(client.finish(id(3)), Err(WriteError::Unknown));
    assert_eq!(client.write(id(40), b"x"), Err(WriteError::Unknown));
}

#[test]
fn data_that_fills_a_packet_is_left_where_it_is_unless_it_spans_pages() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    let written: Vec<u8> = (0..PAGE + 5_000).map(|at| (at % 251) as u8 + 1).collect();
    client.write(id, &written).unwrap();
    let mut offset = 0;
    let mut lengths = Vec::new();
    while client.wants_to_send() {
        let (packet, left_out) = sealed_packet(&mut client, 1_000);
        let [Out::Stream { data, .. }] = &packet.frames[..] else {
            panic!("{:?}", packet.frames);
        };
        assert_eq!(data[..], written[offset..offset + data.len()]);
        let one_page = offset / PAGE == (offset + data.len() - 1) / PAGE;
        let fills = packet.bytes.len() == 1_000;
        assert_eq!(
            left_out,
            if one_page && fills { data.len() } else { 0 },
            "{offset}"
        );
        offset += data.len();
        lengths.push(left_out);
    }
    assert_eq!(offset, written.len());
    assert_eq!(
        lengths.iter().filter(|&&left_out| left_out == 0).count(),
        2,
        "{lengths:?}"
    );
}

#[test]
fn little_data_is_copied_into_its_packet() {
    let mut client = client();
    let id = client.open(UNI).unwrap();
    client.write(id, &[1; 4_000]).unwrap();
    let (_, left_out) = sealed_packet(&mut client, TAIL_MIN);
    assert_eq!(left_out, 0);
    let (_, left_out) = sealed_packet(&mut client, TAIL_MIN + 16);
    assert!(left_out >= TAIL_MIN);
}

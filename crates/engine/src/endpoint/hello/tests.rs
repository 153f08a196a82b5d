//! A hello put together from Initial packets, before there is a connection.

use core::net::SocketAddr;

use inquic_platform::aws_lc::AwsLc;
use inquic_platform::crypto::TAG_LEN;
use inquic_platform::{NoTails, SealJob, Tail};
use inquic_wire::frame::{write_connection_close, write_crypto, write_ping};
use inquic_wire::{ConnectionId, Version, Writer, write_long};

use super::*;
use crate::endpoint::testing::hello_of;
use crate::endpoint::{Introduction, Owner};
use crate::path::Path;

fn id() -> ConnectionId {
    ConnectionId::new(&[5; 8]).unwrap()
}

fn hello(version: Version) -> Hello {
    let introduction = Introduction {
        path: Path {
            local: None,
            remote: SocketAddr::from(([192, 0, 2, 1], 5_000)),
        },
        version,
        dcid: id(),
        scid: ConnectionId::EMPTY,
        original_id: id(),
        retry_id: None,
        validated: false,
    };
    let incoming = Incoming::introduced(introduction, Owner::SOLE, Vec::new());
    Hello::new(&AwsLc::new(), incoming).unwrap()
}

/// A datagram of one Initial packet with these frames.
fn datagram(version: Version, number: u64, frames: &[u8]) -> Vec<u8> {
    let keys = protect::initial_half(&AwsLc::new(), version, Role::Client, KeySide::Seal, &id());
    let keys = keys.unwrap();
    let mut buffer = alloc::vec![0; 1_200];
    let mut w = Writer::new(&mut buffer);
    let kind = LongKind::Initial;
    let scid = ConnectionId::EMPTY;
    let plan = write_long(&mut w, kind, version, &id(), &scid, &[], number, 2).unwrap();
    w.bytes(frames).unwrap();
    w.zeros(1_200 - w.position()).unwrap();
    w.patch(plan.length_at, &plan.length(1_200).unwrap())
        .unwrap();
    let job = SealJob {
        start: 0,
        number_at: plan.number_at,
        payload_at: plan.payload_at,
        end: 1_200,
        packet_number: number,
        tail: Tail::NONE,
    };
    assert!(frames.len() + plan.payload_at + TAG_LEN <= 1_200);
    protect::seal(&*keys.packet, &*keys.header, &mut buffer, &[job], &NoTails).unwrap();
    buffer
}

fn crypto(offset: u64, data: &[u8]) -> Vec<u8> {
    let mut buffer = alloc::vec![0; data.len() + 12];
    let mut w = Writer::new(&mut buffer);
    write_crypto(&mut w, offset, data.len())
        .unwrap()
        .copy_from_slice(data);
    w.written().to_vec()
}

#[test]
fn pieces_in_any_order_of_both_versions_make_the_hello() {
    for version in [Version::V1, Version::V2] {
        let message = hello_of(Some("a.example"), &["h3"]);
        let (head, tail) = message.split_at(50);
        let mut hello = hello(version);
        let mut scratch = Vec::new();
        let mut frames = alloc::vec![0, 1, 1, 0];
        frames.extend(crypto(50, tail));
        let first = datagram(version, 1, &frames);
        assert_eq!(hello.read(&first, &mut scratch), Brought::Part);
        // A copy brings nothing, whatever number it has.
        let copy = datagram(version, 2, &frames);
        assert_eq!(hello.read(&first, &mut scratch), Brought::Nothing);
        assert_eq!(hello.read(&copy, &mut scratch), Brought::Nothing);
        let rest = datagram(version, 0, &crypto(0, head));
        assert_eq!(hello.read(&rest, &mut scratch), Brought::Whole);
        let offer = hello.offer().unwrap();
        assert!(offer.protocols.eq([&b"h3"[..]]));
    }
}

#[test]
fn packets_of_another_version_or_that_were_changed_bring_nothing() {
    let message = hello_of(None, &["h3"]);
    let mut hello = hello(Version::V1);
    let mut scratch = Vec::new();
    let other = datagram(Version::V2, 0, &crypto(0, &message));
    assert_eq!(hello.read(&other, &mut scratch), Brought::Nothing);
    let mut changed = datagram(Version::V1, 0, &crypto(0, &message));
    changed[700] ^= 1;
    assert_eq!(hello.read(&changed, &mut scratch), Brought::Nothing);
}

#[test]
fn what_no_client_says_is_an_offence() {
    let mut scratch = Vec::new();
    let mut read = |frames: &[u8]| {
        let datagram = datagram(Version::V1, 0, frames);
        hello(Version::V1).read(&datagram, &mut scratch)
    };
    // Not a ClientHello; longer than is read, at once and by what it announces; an ACK; a STREAM frame.
    assert_eq!(read(&crypto(0, &[2])), Brought::Offence(UNREADABLE));
    let end = limits::HELLO_BYTES as u64;
    assert_eq!(read(&crypto(end, &[0])), Brought::Offence(TOO_LONG));
    assert_eq!(read(&crypto(end - 1, &[0])), Brought::Part);
    assert_eq!(
        read(&crypto(0, &[1, 0, 0x40, 0])),
        Brought::Offence(TOO_LONG)
    );
    assert_eq!(read(&crypto(0, &[1, 0, 0x3f, 0xfc])), Brought::Part);
    assert_eq!(read(&[2, 0, 0, 0, 0]), Brought::Offence(FORESEEING));
    assert!(matches!(read(&[8, 0, 0]), Brought::Offence(_)));
}

#[test]
fn a_client_that_closes_is_gone() {
    let mut buffer = [0; 32];
    let mut w = Writer::new(&mut buffer);
    write_ping(&mut w).unwrap();
    write_connection_close(&mut w, Code::NoError, 0, b"").unwrap();
    let closing = datagram(Version::V1, 0, w.written());
    let brought = hello(Version::V1).read(&closing, &mut Vec::new());
    assert_eq!(brought, Brought::Closed);
}

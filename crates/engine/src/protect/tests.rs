//! RFC 9001 appendix A and RFC 9369 appendix A, through the platform that ships in user space.

use alloc::sync::Arc;
use alloc::vec::Vec;

use inquic_platform::aws_lc::AwsLc;
use inquic_platform::{CipherSuite, KeySide, NoTails, OpenJob, Platform, SealJob, Tail};
use inquic_wire::{Code, ConnectionId, Role, Version};

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn platform() -> Arc<dyn Platform> {
    Arc::new(AwsLc::new())
}

mod version_2;

#[test]
fn client_initial_of_appendix_a_2() {
    let platform = platform();
    let dcid = ConnectionId::new(&hex("8394c8f03e515708")).unwrap();
    let keys = initial_keys(&*platform, Version::V1, Role::Client, &dcid).unwrap();
    let seal_keys = keys.seal.unwrap();
    let mut packet = hex("c300000001088394c8f03e5157080000449e00000002");
    let payload_at = packet.len();
    packet.extend(hex(CRYPTO_FRAME));
    packet.resize(1200, 0);
    let job = SealJob {
        start: 0,
        number_at: payload_at - 4,
        payload_at,
        end: 1200,
        packet_number: 2,
        tail: Tail::NONE,
    };
    seal(
        &*seal_keys.packet,
        &*seal_keys.header,
        &mut packet,
        &[job],
        &NoTails,
    )
    .unwrap();
    assert_eq!(
        packet[..32],
        hex("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11")[..]
    );
    assert_eq!(packet[1184..], hex("e221af44860018ab0856972e194cd934")[..]);
}

#[test]
fn server_opens_what_the_client_sealed() {
    let platform = platform();
    let dcid = ConnectionId::new(&hex("8394c8f03e515708")).unwrap();
    let client = initial_keys(&*platform, Version::V1, Role::Client, &dcid)
        .unwrap()
        .seal
        .unwrap();
    let server = initial_keys(&*platform, Version::V1, Role::Server, &dcid)
        .unwrap()
        .open
        .unwrap();
    let mut packet = hex("c300000001088394c8f03e5157080000449e00000002");
    let payload_at = packet.len();
    packet.resize(1200, 7);
    let job = SealJob {
        start: 0,
        number_at: payload_at - 4,
        payload_at,
        end: 1200,
        packet_number: 2,
        tail: Tail::NONE,
    };
    seal(
        &*client.packet,
        &*client.header,
        &mut packet,
        &[job],
        &NoTails,
    )
    .unwrap();
    let mut masks = [[0; 5]];
    server
        .header
        .masks(&[sample_at(&packet, payload_at - 4).unwrap()], &mut masks);
    let unmasked = unmask(&mut packet, 0, payload_at - 4, &masks[0]).unwrap();
    assert_eq!(
        (unmasked.first, unmasked.number_len, unmasked.truncated),
        (0xc3, 4, 2)
    );
    let mut job = OpenJob {
        start: 0,
        payload_at,
        end: 1200,
        packet_number: 2,
        opened: false,
    };
    assert!(open_one(&*server.packet, &mut packet, &mut job));
    assert!(packet[job.payload()].iter().all(|&byte| byte == 7));
}

#[test]
fn retry_tag_of_appendix_a_4() {
    let original_id = ConnectionId::new(&hex("8394c8f03e515708")).unwrap();
    let retry = hex("ff000000010008f067a5502a4262b5746f6b656e");
    assert_eq!(
        retry_tag(&*platform(), Version::V1, &original_id, &retry).unwrap()[..],
        hex("04a265ba2eff4d829058fb3f0f2496ba")[..]
    );
}

#[test]
fn chacha20_short_header_of_appendix_a_5() {
    let suite = CipherSuite::ChaCha20Poly1305Sha256;
    let secret = Secret::new(
        suite,
        &hex("9ac312a7f877468ebe69422748ad00a15443f18203a07d6060f688f30f21632b"),
    )
    .unwrap();
    let keys =
        DirectionKeys::derive(&*platform(), Version::V1, suite, KeySide::Seal, &secret).unwrap();
    let mut packet = hex("4200bff401");
    packet.resize(21, 0);
    let job = SealJob {
        start: 0,
        number_at: 1,
        payload_at: 4,
        end: 21,
        packet_number: 654_360_564,
        tail: Tail::NONE,
    };
    seal(&*keys.packet, &*keys.header, &mut packet, &[job], &NoTails).unwrap();
    assert_eq!(packet, hex("4cfe4189655e5cd55c41f69080575d7999c25a5bfb"));
}

#[test]
fn an_update_flips_the_phase_and_keeps_the_old_keys_for_a_while() {
    use inquic_platform::{Duration, Instant};
    let suite = CipherSuite::Aes128GcmSha256;
    let secret = |byte: u8| Secret::new(suite, &[byte; 32]).unwrap();
    let mut keys = OneRtt::new(&platform(), Version::V1, suite, &secret(1), &secret(2)).unwrap();
    assert!(!keys.may_update(), "nothing acknowledged yet");
    keys.on_seal(0).unwrap();
    keys.on_acknowledged(0);
    assert!(keys.may_update());
    keys.update().unwrap();
    assert!(keys.phase());
    assert_eq!(keys.choose(false, 5), Opening::Previous);
    assert_eq!(keys.deadline(), None, "the peer has not used the new keys");
    keys.on_opened(Instant::ZERO, Duration::from_secs(1), 10);
    assert_eq!(keys.choose(false, 9), Opening::Previous);
    assert_eq!(
        keys.choose(false, 11),
        Opening::Next,
        "a higher number with the other bit is a new phase"
    );
    keys.expire(Instant::ZERO + Duration::from_secs(1));
    assert_eq!(keys.choose(false, 9), Opening::Next);
}

#[test]
fn a_second_update_of_the_peer_before_ours_was_answered_is_an_offence() {
    use inquic_platform::{Duration, Instant};
    let suite = CipherSuite::Aes128GcmSha256;
    let secret = |byte: u8| Secret::new(suite, &[byte; 32]).unwrap();
    let mut keys = OneRtt::new(&platform(), Version::V1, suite, &secret(1), &secret(2)).unwrap();
    keys.update().unwrap();
    let error = keys
        .on_peer_update(Instant::ZERO, Duration::from_secs(1), 3)
        .unwrap_err();
    assert_eq!(error.code, Code::KeyUpdate);
}

/// `docs/attacks.txt` 65.
#[test]
fn a_key_seals_up_to_its_limit_and_asks_for_another_at_half() {
    let suite = CipherSuite::Aes128GcmSha256;
    let secret = |byte: u8| Secret::new(suite, &[byte; 32]).unwrap();
    let mut keys = OneRtt::new(&platform(), Version::V1, suite, &secret(1), &secret(2)).unwrap();
    for number in 0..1 << 23 {
        assert_eq!(keys.wants_update(), number >= 1 << 22);
        keys.on_seal(number).unwrap();
    }
    assert!(keys.on_seal(1 << 23).is_err());
    keys.update().unwrap();
    assert!(keys.on_seal(1 << 23).is_ok());
}

const CRYPTO_FRAME: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868\
    04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578\
    616d706c652e636f6dff01000100000a00080006001d00170018001000070005\
    04616c706e000500050100000000003300260024001d00209370b2c9caa47fba\
    baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400\
    0d0010000e0403050306030203080408050806002d00020101001c0002400100\
    3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000\
    75300901100f088394c8f03e51570806048000ffff";

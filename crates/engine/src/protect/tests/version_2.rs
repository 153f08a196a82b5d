//! RFC 9369 appendix A.

use super::*;

fn sealed(
    keys: &DirectionKeys,
    header: &str,
    number: u64,
    number_len: usize,
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = hex(header);
    let payload_at = packet.len();
    packet.extend_from_slice(payload);
    packet.resize(packet.len() + 16, 0);
    let job = SealJob {
        start: 0,
        number_at: payload_at - number_len,
        payload_at,
        end: packet.len(),
        packet_number: number,
        tail: Tail::NONE,
    };
    seal(&*keys.packet, &*keys.header, &mut packet, &[job], &NoTails).unwrap();
    packet
}

fn initial(role: Role) -> LevelKeys {
    let dcid = ConnectionId::new(&hex("8394c8f03e515708")).unwrap();
    initial_keys(&*platform(), Version::V2, role, &dcid).unwrap()
}

#[test]
fn client_initial_of_appendix_a_2() {
    let keys = initial(Role::Client).seal.unwrap();
    let mut payload = hex(CRYPTO_FRAME);
    payload.resize(1162, 0);
    let packet = sealed(
        &keys,
        "d36b3343cf088394c8f03e5157080000449e00000002",
        2,
        4,
        &payload,
    );
    assert_eq!(packet.len(), 1200);
    assert_eq!(
        packet[..32],
        hex("d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485")[..]
    );
    assert_eq!(packet[1184..], hex("a18b2faa745b6fe189cf772a9f84cbfc")[..]);
}

#[test]
fn server_initial_of_appendix_a_3() {
    let keys = initial(Role::Server).seal.unwrap();
    let payload = hex(
        "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf739\
         88cfc79825df566dc5430b9a045a1200130100002e00330024001d00209d3c94\
         0d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b00\
         020304",
    );
    let packet = sealed(
        &keys,
        "d16b3343cf0008f067a5502a4262b50040750001",
        1,
        2,
        &payload,
    );
    assert_eq!(
        packet,
        hex(
            "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698\
             baeea26b91eb761d9b89237bbf87263017915358230035f7fd3945d88965cf17\
             f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2\
             c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca8\
             4bed8521e2e140"
        )
    );
}

#[test]
fn retry_tag_of_appendix_a_4() {
    let original_id = ConnectionId::new(&hex("8394c8f03e515708")).unwrap();
    let retry = hex("cf6b3343cf0008f067a5502a4262b5746f6b656e");
    assert_eq!(
        retry_tag(&*platform(), Version::V2, &original_id, &retry).unwrap()[..],
        hex("c8646ce8bfe33952d955543665dcc7b6")[..]
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
        DirectionKeys::derive(&*platform(), Version::V2, suite, KeySide::Seal, &secret).unwrap();
    let packet = sealed(&keys, "4200bff4", 654_360_564, 3, &[1]);
    assert_eq!(packet, hex("5558b1c60ae7b6b932bc27d786f4bc2bb20f2162ba"));
}

#[test]
fn an_update_has_a_label_of_its_own() {
    let suite = CipherSuite::Aes128GcmSha256;
    let secret = |byte: u8| Secret::new(suite, &[byte; 32]).unwrap();
    let keys = |version, seal, open| {
        let mut keys = OneRtt::new(&platform(), version, suite, &secret(seal), &secret(open));
        keys.as_mut().unwrap().update().unwrap();
        keys.unwrap()
    };
    let sender = keys(Version::V2, 1, 2);
    for (version, opens) in [(Version::V2, true), (Version::V1, false)] {
        let receiver = keys(version, 2, 1);
        let mut packet = alloc::vec![0x44; 60];
        let job = SealJob {
            start: 0,
            number_at: 1,
            payload_at: 5,
            end: 60,
            packet_number: 7,
            tail: Tail::NONE,
        };
        sender
            .seal_keys()
            .0
            .seal(&mut packet, &[job], &NoTails)
            .unwrap();
        let mut job = OpenJob {
            start: 0,
            payload_at: 5,
            end: 60,
            packet_number: 7,
            opened: false,
        };
        let key = receiver.open_key(Opening::Current).unwrap();
        assert_eq!(open_one(key, &mut packet, &mut job), opens, "{version:?}");
    }
}

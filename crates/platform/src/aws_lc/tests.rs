use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::crypto::{BATCH, NoTails};
use CipherSuite::{Aes128CcmSha256, Aes128GcmSha256, Aes256GcmSha384, ChaCha20Poly1305Sha256};

const SUITES: [CipherSuite; 4] = [
    Aes128GcmSha256,
    Aes256GcmSha384,
    ChaCha20Poly1305Sha256,
    Aes128CcmSha256,
];

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|digit| u8::try_from(digit).expect("a digit"))
        .collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4) | pair[1])
        .collect()
}

fn key(suite: CipherSuite, side: KeySide, key: &[u8], iv: &[u8]) -> Box<dyn PacketKey> {
    let iv = iv.try_into().expect("12 bytes");
    AwsLc::new()
        .packet_key(suite, side, key, iv)
        .expect("a key")
}

fn any_key(suite: CipherSuite) -> Box<dyn PacketKey> {
    key(
        suite,
        KeySide::Seal,
        &[7; 32][..suite.key_len()],
        &[9; IV_LEN],
    )
}

fn mask(suite: CipherSuite, key: &[u8], sample: &[u8]) -> [u8; MASK_LEN] {
    let mut masks = [[0; MASK_LEN]];
    let sample = [sample.try_into().expect("16 bytes")];
    let key = AwsLc::new().header_key(suite, key).expect("a key");
    key.masks(&sample, &mut masks);
    masks[0]
}

fn seal_job(start: usize, header: usize, payload: usize, packet_number: u64) -> SealJob {
    let payload_at = start + header;
    SealJob {
        start,
        number_at: payload_at.saturating_sub(1),
        payload_at,
        end: payload_at + payload + TAG_LEN,
        packet_number,
        tail: Tail::NONE,
    }
}

fn open_job(job: &SealJob) -> OpenJob {
    OpenJob {
        start: job.start,
        payload_at: job.payload_at,
        end: job.end,
        packet_number: job.packet_number,
        opened: false,
    }
}

/// Seals `payload` behind `header`, compares, and opens it again.
fn both_ways(
    suite: CipherSuite,
    secret: [&str; 2],
    number: u64,
    header: &str,
    payload: &str,
    sealed: &str,
) {
    let (secret, iv) = (hex(secret[0]), hex(secret[1]));
    let (header, payload) = (hex(header), hex(payload));
    let mut buffer = [&header[..], &payload, &[0; TAG_LEN]].concat();
    let job = seal_job(0, header.len(), payload.len(), number);
    let sealing = key(suite, KeySide::Seal, &secret, &iv);
    sealing
        .seal(&mut buffer, core::slice::from_ref(&job), &NoTails)
        .expect("sealed");
    assert_eq!(buffer, [&header[..], &hex(sealed)].concat());

    let mut jobs = [open_job(&job)];
    key(suite, KeySide::Open, &secret, &iv).open(&mut buffer, &mut jobs);
    assert!(jobs[0].opened);
    assert_eq!(buffer[jobs[0].payload()], payload);
    assert_eq!(buffer[..header.len()], header);
}

#[test]
fn server_initial_of_rfc_9001_a_3_is_sealed_and_opened() {
    both_ways(
        Aes128GcmSha256,
        [
            "cf3a5331653c364c88f0f379b6067e37",
            "0ac1493ca1905853b0bba03e",
        ],
        1,
        "c1000000010008f067a5502a4262b50040750001",
        "02000000000600405a020000560303ee fce7f7b37ba1d1632e96677825ddf739
         88cfc79825df566dc5430b9a045a1200 130100002e00330024001d00209d3c94
         0d89690b84d08a60993c144eca684d10 81287c834d5311bcf32bb9da1a002b00
         020304",
        "5a482cd0991cd25b0aac406a
         5816b6394100f37a1c69797554780bb3 8cc5a99f5ede4cf73c3ec2493a1839b3
         dbcba3f6ea46c5b7684df3548e7ddeb9 c3bf9c73cc3f3bded74b562bfb19fb84
         022f8ef4cdd93795d77d06edbb7aaf2f 58891850abbdca3d20398c276456cbc4
         2158407dd074ee",
    );
}

#[test]
fn short_header_packet_of_rfc_9001_a_5_is_sealed_and_opened() {
    both_ways(
        ChaCha20Poly1305Sha256,
        [
            "c6d98ff3441c3fe1b2182094f69caa2ed4b716b65488960a7a984979fb23e1c8",
            "e0459b3474bdd0e44a41c144",
        ],
        654_360_564,
        "4200bff4",
        "01",
        "655e5cd55c41f69080575d7999c25a5bfb",
    );
}

/// Test case 16 of the GCM specification; RFC 9001 has none for AES-256.
#[test]
fn aes_256_gcm_test_case_16_is_sealed_and_opened() {
    both_ways(
        Aes256GcmSha384,
        [
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "cafebabefacedbaddecaf888",
        ],
        0,
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662
         76fc6ece0f4e1768cddf8853bb2d551b",
    );
}

#[test]
fn masks_are_those_of_rfc_9001_and_fips_197() {
    let client = hex("9f50449e04a0e810283a1e9933adedd2");
    let sample = hex("d1b1c98dd7689fb8ec11d242b123dc9b");
    assert_eq!(
        mask(Aes128GcmSha256, &client, &sample)[..],
        hex("437b9aec36")
    );

    let server = hex("c206b8d9b9f0f37644430b490eeaa314");
    let sample = hex("2cd0991cd25b0aac406a5816b6394100");
    assert_eq!(
        mask(Aes128GcmSha256, &server, &sample)[..],
        hex("2ec0d8356a")
    );

    let secret = hex("25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4");
    let sample = hex("5e5cd55c41f69080575d7999c25a5bfb");
    assert_eq!(
        mask(ChaCha20Poly1305Sha256, &secret, &sample)[..],
        hex("aefefe7d03")
    );

    let secret = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    let sample = hex("00112233445566778899aabbccddeeff");
    assert_eq!(
        mask(Aes256GcmSha384, &secret, &sample)[..],
        hex("8ea2b7ca51")
    );
}

#[test]
fn hmac_is_that_of_rfc_4231_whatever_the_split() {
    let out = &mut [0; HASH_LEN_MAX];
    let whole: &[&[u8]] = &[b"what do ya want for nothing?"];
    let split: &[&[u8]] = &[b"what do ya ", b"", b"want for nothing?"];
    for parts in [whole, split] {
        assert_eq!(AwsLc::new().hmac(Aes128GcmSha256, b"Jefe", parts, out), 32);
        assert_eq!(
            out[..32],
            hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        );
        assert_eq!(AwsLc::new().hmac(Aes256GcmSha384, b"Jefe", parts, out), 48);
        assert_eq!(
            out[..],
            hex(
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"
            )
        );
    }
}

#[test]
fn any_changed_byte_is_noticed_and_the_tag_stays() {
    for suite in SUITES {
        let key = any_key(suite);
        let job = seal_job(3, 5, 11, 42);
        let mut sealed = vec![0x5a; job.end + 4];
        key.seal(&mut sealed, core::slice::from_ref(&job), &NoTails)
            .expect("sealed");
        for at in job.start..job.end {
            let mut tampered = sealed.clone();
            tampered[at] ^= 1;
            let tag = tampered[job.end - TAG_LEN..].to_vec();
            let mut jobs = [open_job(&job)];
            key.open(&mut tampered, &mut jobs);
            assert!(!jobs[0].opened, "{suite:?} byte {at}");
            assert_eq!(tampered[job.end - TAG_LEN..], tag, "{suite:?} byte {at}");
        }
        let mut other = [OpenJob {
            packet_number: 43,
            ..open_job(&job)
        }];
        key.open(&mut sealed.clone(), &mut other);
        assert!(!other[0].opened, "{suite:?} of another number");
        let mut jobs = [open_job(&job)];
        key.open(&mut sealed, &mut jobs);
        assert!(jobs[0].opened);
    }
}

#[test]
fn a_failed_packet_does_not_hide_those_after_it() {
    let key = any_key(Aes128GcmSha256);
    let jobs: Vec<SealJob> = (0..3)
        .map(|at| seal_job(at * 40, 4, 20, at as u64))
        .collect();
    let mut buffer = vec![1; 120];
    key.seal(&mut buffer, &jobs, &NoTails).expect("sealed");
    buffer[50] ^= 0x80;
    let mut jobs: Vec<OpenJob> = jobs.iter().map(open_job).collect();
    key.open(&mut buffer, &mut jobs);
    assert_eq!(
        jobs.iter().map(|job| job.opened).collect::<Vec<_>>(),
        [true, false, true]
    );
}

#[test]
fn offsets_outside_the_buffer_are_misuse() {
    let wrong = [
        [0, 4, 101],
        [101, 102, 130],
        [0, 90, 100],
        [50, 40, 100],
        [50, 54, 40],
        [0, 4, 19],
        [usize::MAX, 4, 100],
        [0, usize::MAX, 100],
        [0, 4, usize::MAX],
    ];
    for suite in SUITES {
        let key = any_key(suite);
        for [start, payload_at, end] in wrong {
            let job = SealJob {
                start,
                number_at: start,
                payload_at,
                end,
                packet_number: 0,
                tail: Tail::NONE,
            };
            let mut opening = [OpenJob {
                opened: true,
                ..open_job(&job)
            }];
            let buffer = &mut [0; 100];
            assert_eq!(
                key.seal(buffer, core::slice::from_ref(&job), &NoTails),
                Err(CryptoError::Misuse)
            );
            key.open(buffer, &mut opening);
            assert!(!opening[0].opened);
            assert_eq!(buffer, &[0; 100]);
        }
    }
}

#[test]
fn keys_of_a_wrong_length_are_misuse() {
    for suite in SUITES {
        for len in [0, 1, suite.key_len() - 1, suite.key_len() + 1, 24, 64] {
            let platform = AwsLc::new();
            let key = &[0; 64][..len];
            let packet = platform.packet_key(suite, KeySide::Open, key, &[0; IV_LEN]);
            assert_eq!(packet.err(), Some(CryptoError::Misuse));
            assert_eq!(
                platform.header_key(suite, key).err(),
                Some(CryptoError::Misuse)
            );
        }
    }
}

#[test]
fn a_full_batch_is_sealed_and_opened_like_one_by_one() {
    for suite in SUITES {
        let key = any_key(suite);
        let mut start = 0;
        let jobs: Vec<SealJob> = (0..BATCH)
            .map(|number| {
                let job = seal_job(start, 9, number * 23, u64::MAX - number as u64);
                start = job.end;
                job
            })
            .collect();
        let plain: Vec<u8> = (0..start).map(|at| at as u8).collect();
        let (mut batch, mut single) = (plain.clone(), plain.clone());
        key.seal(&mut batch, &jobs, &NoTails).expect("sealed");
        for job in &jobs {
            key.seal(&mut single, core::slice::from_ref(job), &NoTails)
                .expect("sealed");
        }
        assert_eq!(batch, single);
        let mut jobs: Vec<OpenJob> = jobs.iter().map(open_job).collect();
        key.open(&mut batch, &mut jobs);
        for job in &jobs {
            assert!(job.opened);
            assert_eq!(batch[job.payload()], plain[job.payload()]);
        }
    }
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    let bytes = |platform: &AwsLc| {
        let mut bytes = [0; 37];
        platform.random(&mut bytes);
        bytes
    };
    let platform = AwsLc::seeded(1);
    let first = bytes(&platform);
    assert_ne!(first, bytes(&platform));
    assert_eq!(first, bytes(&AwsLc::seeded(1)));
    assert_ne!(first, bytes(&AwsLc::seeded(2)));
    assert_ne!(bytes(&AwsLc::new()), bytes(&AwsLc::new()));
}

#[test]
fn aes_ccm_seals_as_another_library_does() {
    // Sealed by OpenSSL under key 40..4f and nonce 10..1b, here as IV xor packet number.
    let secret = [
        "404142434445464748494a4b4c4d4e4f",
        "101112131415161718191a18",
    ];
    let header = "4cfe4189655e5cd55c";
    both_ways(
        Aes128CcmSha256,
        secret,
        3,
        header,
        "202122232425262728292a2b2c2d2e2f3031323334353637",
        "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5430f3633253f0c162d6aacb78febfea9",
    );
    both_ways(
        Aes128CcmSha256,
        secret,
        3,
        header,
        "",
        "b528a8a24e31cb7545cec9ae3d5e5f11",
    );
}

/// Bytes that are elsewhere, under an owner's number.
struct Elsewhere(Vec<u8>);

impl Tails for Elsewhere {
    fn tail(&self, tail: Tail) -> Option<&[u8]> {
        let at = usize::try_from(tail.offset).ok()?;
        let bytes = self.0.get(at..at + usize::from(tail.len));
        bytes.filter(|_| tail.owner == 7)
    }
}

#[test]
fn a_tail_from_elsewhere_is_sealed_as_if_it_had_been_copied() {
    let pages = Elsewhere((0..=255).cycle().take(4_000).collect());
    for suite in SUITES {
        let key = any_key(suite);
        for (payload, tail) in [
            (1, 1),
            (9, 1),
            (16, 16),
            (1_200, 1_191),
            (1_424, 1_424),
            (65_000, 3_999),
        ] {
            let mut job = seal_job(3, 13, payload, 5);
            let mut copied: Vec<u8> = (0..job.end).map(|i| (i * 7) as u8).collect();
            let mut left = copied.clone();
            let at = job.end - TAG_LEN - tail;
            copied[at..at + tail].copy_from_slice(&pages.0[1..=tail]);
            left[at..at + tail].fill(0xee);
            key.seal(&mut copied, core::slice::from_ref(&job), &NoTails)
                .expect("sealed");
            job.tail = Tail {
                owner: 7,
                len: u16::try_from(tail).expect("a tail is short"),
                offset: 1,
            };
            key.seal(&mut left, core::slice::from_ref(&job), &pages)
                .expect("sealed");
            assert_eq!(copied, left, "{suite:?}: {tail} of {payload} bytes");
        }
    }
}

#[test]
fn a_tail_that_nobody_has_or_that_is_longer_than_its_payload_is_misuse() {
    let pages = Elsewhere(vec![1; 100]);
    for suite in SUITES {
        let key = any_key(suite);
        for (owner, len, offset) in [(6, 10, 0), (7, 10, 95), (7, 51, 0)] {
            let mut job = seal_job(0, 13, 50, 5);
            job.tail = Tail { owner, len, offset };
            let mut buffer = vec![0; job.end];
            assert_eq!(
                key.seal(&mut buffer, core::slice::from_ref(&job), &pages),
                Err(CryptoError::Misuse),
                "{suite:?}: {len} bytes of {owner} from {offset}"
            );
        }
    }
}

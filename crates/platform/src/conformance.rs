//! What every home's cryptography must do, checked against the published vectors: a [`Platform`] comes in, the name of what it gets
//! wrong goes out. Each home runs it, the kernel's when its module is loaded with `prove=1`, so it survives a lack of memory, too.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::crypto::{
    BATCH, CipherSuite, CryptoError, HASH_LEN_MAX, IV_LEN, KeySide, NoTails, OpenJob, PacketKey,
    Platform, SealJob, TAG_LEN, Tail, Tails,
};
use crate::memory;
use CipherSuite::{Aes128CcmSha256, Aes128GcmSha256, Aes256GcmSha384, ChaCha20Poly1305Sha256};

/// What a platform got wrong.
pub type Wrong = &'static str;

/// Checks everything.
///
/// # Errors
///
/// The name of the first check that failed.
pub fn check(platform: &dyn Platform) -> Result<(), Wrong> {
    packets(platform)?;
    masks(platform)?;
    hmac(platform)?;
    tampering(platform)?;
    batches(platform)?;
    tails(platform)?;
    misuse(platform)
}

/// One packet, sealed.
struct Vector {
    name: Wrong,
    suite: CipherSuite,
    key: &'static str,
    iv: &'static str,
    number: u64,
    header: &'static str,
    payload: &'static str,
    sealed: &'static str,
}

const PACKETS: [Vector; 5] = [
    Vector {
        name: "the server's Initial packet of RFC 9001 A.3",
        suite: Aes128GcmSha256,
        key: "cf3a5331653c364c88f0f379b6067e37",
        iv: "0ac1493ca1905853b0bba03e",
        number: 1,
        header: "c1000000010008f067a5502a4262b50040750001",
        payload: "02000000000600405a020000560303ee fce7f7b37ba1d1632e96677825ddf739
            88cfc79825df566dc5430b9a045a1200 130100002e00330024001d00209d3c94
            0d89690b84d08a60993c144eca684d10 81287c834d5311bcf32bb9da1a002b00
            020304",
        sealed: "5a482cd0991cd25b0aac406a
            5816b6394100f37a1c69797554780bb3 8cc5a99f5ede4cf73c3ec2493a1839b3
            dbcba3f6ea46c5b7684df3548e7ddeb9 c3bf9c73cc3f3bded74b562bfb19fb84
            022f8ef4cdd93795d77d06edbb7aaf2f 58891850abbdca3d20398c276456cbc4
            2158407dd074ee",
    },
    Vector {
        name: "the short header packet of RFC 9001 A.5",
        suite: ChaCha20Poly1305Sha256,
        key: "c6d98ff3441c3fe1b2182094f69caa2ed4b716b65488960a7a984979fb23e1c8",
        iv: "e0459b3474bdd0e44a41c144",
        number: 654_360_564,
        header: "4200bff4",
        payload: "01",
        sealed: "655e5cd55c41f69080575d7999c25a5bfb",
    },
    // RFC 9001 has none for AES-256.
    Vector {
        name: "test case 16 of the GCM specification",
        suite: Aes256GcmSha384,
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        iv: "cafebabefacedbaddecaf888",
        number: 0,
        header: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        payload: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
            1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        sealed: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
            8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662
            76fc6ece0f4e1768cddf8853bb2d551b",
    },
    // Sealed by OpenSSL under key 40..4f and nonce 10..1b, here as IV xor packet number.
    Vector {
        name: "a packet that OpenSSL sealed with AES-128-CCM",
        suite: Aes128CcmSha256,
        key: CCM_KEY,
        iv: CCM_IV,
        number: 3,
        header: "4cfe4189655e5cd55c",
        payload: "202122232425262728292a2b2c2d2e2f3031323334353637",
        sealed: "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5430f3633253f0c162d6aacb78febfea9",
    },
    Vector {
        name: "an empty packet that OpenSSL sealed with AES-128-CCM",
        suite: Aes128CcmSha256,
        key: CCM_KEY,
        iv: CCM_IV,
        number: 3,
        header: "4cfe4189655e5cd55c",
        payload: "",
        sealed: "b528a8a24e31cb7545cec9ae3d5e5f11",
    },
];

fn packets(platform: &dyn Platform) -> Result<(), Wrong> {
    for vector in &PACKETS {
        let (header, payload) = (hex(vector.header)?, hex(vector.payload)?);
        let mut buffer = joined(&[&header, &payload, &[0; TAG_LEN]])?;
        let job = seal_job(0, header.len(), payload.len(), vector.number);
        let sealing = key(platform, vector, KeySide::Seal)?;
        sealing
            .seal(&mut buffer, core::slice::from_ref(&job), &NoTails)
            .map_err(|_| vector.name)?;
        let sealed = joined(&[&header, &hex(vector.sealed)?])?;
        ensure(buffer == sealed, vector.name)?;
        let mut jobs = [open_job(&job)];
        key(platform, vector, KeySide::Open)?.open(&mut buffer, &mut jobs);
        let [opened] = jobs;
        let good = opened.opened && buffer.starts_with(&joined(&[&header, &payload])?);
        ensure(good, vector.name)?;
    }
    Ok(())
}

fn masks(platform: &dyn Platform) -> Result<(), Wrong> {
    for (suite, secret, sample, expected, name) in [
        (
            Aes128GcmSha256,
            "9f50449e04a0e810283a1e9933adedd2",
            "d1b1c98dd7689fb8ec11d242b123dc9b",
            "437b9aec36",
            "the client's mask of RFC 9001 A.2",
        ),
        (
            Aes128GcmSha256,
            "c206b8d9b9f0f37644430b490eeaa314",
            "2cd0991cd25b0aac406a5816b6394100",
            "2ec0d8356a",
            "the server's mask of RFC 9001 A.3",
        ),
        (
            ChaCha20Poly1305Sha256,
            "25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4",
            "5e5cd55c41f69080575d7999c25a5bfb",
            "aefefe7d03",
            "the mask of RFC 9001 A.5",
        ),
        (
            Aes256GcmSha384,
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "00112233445566778899aabbccddeeff",
            "8ea2b7ca51",
            "AES-256 of FIPS 197 C.3",
        ),
    ] {
        let key = platform.header_key(suite, &hex(secret)?);
        let key = key.map_err(|_| name)?;
        let sample = *hex(sample)?.first_chunk().ok_or(name)?;
        // Many at once give what one gives.
        let mut masks = [[0; 5]; 40];
        key.masks(&[sample; 40], &mut masks);
        let expected = hex(expected)?;
        ensure(masks.iter().all(|mask| *mask == *expected), name)?;
    }
    Ok(())
}

fn hmac(platform: &dyn Platform) -> Result<(), Wrong> {
    const NAME: Wrong = "test case 2 of RFC 4231, whatever the split";
    let sums = [
        (
            Aes128GcmSha256,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            Aes256GcmSha384,
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
    ];
    let whole: &[&[u8]] = &[b"what do ya want for nothing?"];
    let split: &[&[u8]] = &[b"what do ya ", b"", b"want for nothing?"];
    let mut out = [0; HASH_LEN_MAX];
    for (suite, sum) in sums {
        for parts in [whole, split] {
            let len = platform.hmac(suite, b"Jefe", parts, &mut out);
            ensure(len == suite.hash_len(), NAME)?;
            ensure(out.starts_with(&hex(sum)?), NAME)?;
        }
    }
    // Test case 6: a key longer than a block of SHA-256, and of SHA-384.
    let long: &[&[u8]] = &[b"Test Using Larger Than Block-Size Key - Hash Key First"];
    platform.hmac(Aes128GcmSha256, &[0xaa; 131], long, &mut out);
    let sum = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
    ensure(out.starts_with(&hex(sum)?), "test case 6 of RFC 4231")?;
    platform.hmac(Aes256GcmSha384, &[0xaa; 131], long, &mut out);
    let sum = "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952";
    ensure(out.starts_with(&hex(sum)?), "test case 6 of RFC 4231")
}

fn tampering(platform: &dyn Platform) -> Result<(), Wrong> {
    for suite in SUITES {
        let key = any_key(platform, suite)?;
        let job = seal_job(3, 5, 11, 42);
        let mut sealed = filled(job.end + 4, |_| 0x5a)?;
        key.seal(&mut sealed, core::slice::from_ref(&job), &NoTails)
            .map_err(|_| "a packet is sealed")?;
        let opens = |buffer: &mut [u8], number: u64| {
            let mut jobs = [OpenJob {
                packet_number: number,
                ..open_job(&job)
            }];
            key.open(buffer, &mut jobs);
            jobs.iter().all(|job| job.opened)
        };
        let tag_of = |buffer: &[u8]| {
            let tag = buffer.get(job.end - TAG_LEN..)?;
            tag.first_chunk::<TAG_LEN>().copied()
        };
        for at in 0..sealed.len() {
            let mut changed = joined(&[&sealed])?;
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= 1;
            }
            let tag = tag_of(&changed);
            let inside = (job.start..job.end).contains(&at);
            ensure(
                opens(&mut changed, 42) != inside,
                "a changed byte is noticed, and no byte outside the packet counts",
            )?;
            let left = tag.is_some() && tag_of(&changed) == tag;
            ensure(left, "the tag is left as it came")?;
        }
        ensure(!opens(&mut sealed, 43), "another packet number is noticed")?;
    }
    Ok(())
}

fn batches(platform: &dyn Platform) -> Result<(), Wrong> {
    const NAME: Wrong = "a full batch is sealed and opened like one by one";
    for suite in SUITES {
        let key = any_key(platform, suite)?;
        let (mut sealing, mut opening) = (Vec::new(), Vec::new());
        let mut start = 0;
        for number in 0..BATCH {
            let job = seal_job(start, 9, number * 23, u64::MAX - number as u64);
            start = job.end;
            let listed =
                memory::pushed(&mut opening, open_job(&job)) && memory::pushed(&mut sealing, job);
            ensure(listed, MEMORY)?;
        }
        let plain = filled(start, |at| at as u8)?;
        let (mut batch, mut single) = (joined(&[&plain])?, joined(&[&plain])?);
        key.seal(&mut batch, &sealing, &NoTails).map_err(|_| NAME)?;
        for job in &sealing {
            key.seal(&mut single, core::slice::from_ref(job), &NoTails)
                .map_err(|_| NAME)?;
        }
        ensure(batch == single, NAME)?;
        key.open(&mut batch, &mut opening);
        let good = |job: &OpenJob| {
            let payload = batch.get(job.payload());
            job.opened && payload.is_some() && payload == plain.get(job.payload())
        };
        ensure(opening.iter().all(good), NAME)?;
        let spoilt = sealing.get(7).map_or(0, |job| job.end - 1);
        if let Some(byte) = single.get_mut(spoilt) {
            *byte ^= 1;
        }
        key.open(&mut single, &mut opening);
        let good = opening.iter().filter(|job| job.opened).count();
        let failed = opening.get(7).is_some_and(|job| !job.opened);
        ensure(
            good == BATCH - 1 && failed,
            "a failed packet does not hide those after it",
        )?;
    }
    Ok(())
}

/// Bytes that are elsewhere, under an owner's number.
struct Elsewhere(Vec<u8>);

impl Tails for Elsewhere {
    fn tail(&self, tail: Tail) -> Option<&[u8]> {
        let at = usize::try_from(tail.offset).ok()?;
        let bytes = self.0.get(at..at.checked_add(usize::from(tail.len))?);
        bytes.filter(|_| tail.owner == 7)
    }
}

fn tails(platform: &dyn Platform) -> Result<(), Wrong> {
    const NAME: Wrong = "a tail from elsewhere is sealed as if it had been copied";
    let pages = Elsewhere(filled(8_000, |at| at as u8)?);
    for suite in SUITES {
        let key = any_key(platform, suite)?;
        for (payload, tail) in [
            (1, 1),
            (9, 1),
            (16, 16),
            (1_200, 1_191),
            (1_424, 1_424),
            (65_000, 7_999),
        ] {
            let mut job = seal_job(3, 13, payload, 5);
            let mut copied = filled(job.end, |at| (at * 7) as u8)?;
            let mut left = joined(&[&copied])?;
            let at = job.end - TAG_LEN - tail;
            let bytes = pages.0.iter().skip(1).take(tail);
            for (place, byte) in copied.iter_mut().skip(at).zip(bytes) {
                *place = *byte;
            }
            let places = left.get_mut(at..at + tail);
            places.ok_or(NAME)?.fill(0xee);
            key.seal(&mut copied, core::slice::from_ref(&job), &NoTails)
                .map_err(|_| NAME)?;
            job.tail = Tail {
                owner: 7,
                len: tail as u16,
                offset: 1,
            };
            key.seal(&mut left, core::slice::from_ref(&job), &pages)
                .map_err(|_| NAME)?;
            ensure(copied == left, NAME)?;
        }
    }
    Ok(())
}

fn misuse(platform: &dyn Platform) -> Result<(), Wrong> {
    const KEY: Wrong = "a key of a wrong length is misuse";
    const OFFSETS: Wrong = "offsets outside the buffer are misuse";
    const TAIL: Wrong = "a tail that nobody has or that is longer than its payload is misuse";
    let pages = Elsewhere(filled(100, |_| 1)?);
    for suite in SUITES {
        for len in [0, suite.key_len() - 1, suite.key_len() + 1] {
            let key = filled(len, |_| 0)?;
            let packet = platform.packet_key(suite, KeySide::Seal, &key, &[0; IV_LEN]);
            ensure(packet.err() == Some(CryptoError::Misuse), KEY)?;
            let header = platform.header_key(suite, &key);
            ensure(header.err() == Some(CryptoError::Misuse), KEY)?;
        }
        let key = any_key(platform, suite)?;
        for (start, payload_at, end) in [
            (0, 10, 101),
            (50, 40, 100),
            (0, 90, 100),
            (101, 101, 101),
            (60, 60, 40),
            (usize::MAX, usize::MAX, usize::MAX),
        ] {
            let mut buffer = [0; 100];
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
            let sealed = key.seal(&mut buffer, core::slice::from_ref(&job), &NoTails);
            ensure(sealed == Err(CryptoError::Misuse), OFFSETS)?;
            key.open(&mut buffer, &mut opening);
            let [opened] = opening;
            ensure(!opened.opened, OFFSETS)?;
        }
        for (owner, len, offset) in [(6, 10, 0), (7, 10, 95), (7, 51, 0)] {
            let mut job = seal_job(0, 13, 50, 5);
            job.tail = Tail { owner, len, offset };
            let mut buffer = filled(job.end, |_| 0)?;
            let sealed = key.seal(&mut buffer, core::slice::from_ref(&job), &pages);
            ensure(sealed == Err(CryptoError::Misuse), TAIL)?;
        }
    }
    Ok(())
}

fn key(
    platform: &dyn Platform,
    vector: &Vector,
    side: KeySide,
) -> Result<Box<dyn PacketKey>, Wrong> {
    let iv = *hex(vector.iv)?.first_chunk().ok_or(vector.name)?;
    let key = platform.packet_key(vector.suite, side, &hex(vector.key)?, &iv);
    key.map_err(|_| vector.name)
}

fn any_key(platform: &dyn Platform, suite: CipherSuite) -> Result<Box<dyn PacketKey>, Wrong> {
    let key = filled(suite.key_len(), |at| at as u8)?;
    platform
        .packet_key(suite, KeySide::Seal, &key, &[0x24; IV_LEN])
        .map_err(|_| "every suite is offered")
}

fn seal_job(start: usize, header: usize, payload: usize, packet_number: u64) -> SealJob {
    let payload_at = start + header;
    SealJob {
        start,
        number_at: payload_at,
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

fn ensure(good: bool, name: Wrong) -> Result<(), Wrong> {
    if good { Ok(()) } else { Err(name) }
}

/// The bytes that hexadecimal digits say; other characters say nothing.
fn hex(text: &str) -> Result<Vec<u8>, Wrong> {
    let mut bytes = Vec::new();
    let mut upper = None;
    for digit in text.chars().filter_map(|c| c.to_digit(16)) {
        match upper.take() {
            None => upper = Some(digit << 4),
            Some(upper) => ensure(memory::pushed(&mut bytes, (upper | digit) as u8), MEMORY)?,
        }
    }
    Ok(bytes)
}

/// So many bytes, each by its place.
fn filled(len: usize, byte: impl Fn(usize) -> u8) -> Result<Vec<u8>, Wrong> {
    let mut bytes = memory::zeroed(len).ok_or(MEMORY)?;
    for (at, place) in bytes.iter_mut().enumerate() {
        *place = byte(at);
    }
    Ok(bytes)
}

/// One behind the other.
fn joined(parts: &[&[u8]]) -> Result<Vec<u8>, Wrong> {
    let mut bytes = Vec::new();
    for part in parts {
        ensure(memory::appended(&mut bytes, part), MEMORY)?;
    }
    Ok(bytes)
}

/// Not the platform's fault, and no answer either.
const MEMORY: Wrong = "there is memory to check with";

const SUITES: [CipherSuite; 4] = [
    Aes128GcmSha256,
    Aes256GcmSha384,
    ChaCha20Poly1305Sha256,
    Aes128CcmSha256,
];
const CCM_KEY: &str = "404142434445464748494a4b4c4d4e4f";
const CCM_IV: &str = "101112131415161718191a18";

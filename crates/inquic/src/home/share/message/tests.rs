//! Messages between processes: what is written is read, and what is cut is no message.

use super::*;

fn path() -> Path {
    Path {
        local: Some("[fe80::1%3]:443".parse().unwrap()),
        remote: "192.0.2.1:50000".parse().unwrap(),
    }
}

fn group() -> Group {
    Group {
        master: [1; 32],
        tag: [2, 3],
        key: [4; 16],
        user: 1_000,
    }
}

fn wish(claim: Claim, spreads: bool) -> Wish {
    let listen = Listen {
        max_half_open: 77,
        retry: RetryPolicy::Always,
        versions: Versions::of(&[Version::V2, Version::V1]),
    };
    Wish {
        listen,
        claim,
        spreads,
    }
}

#[test]
fn a_wish_arrives_as_it_was_sent() {
    let claim = Claim::new(["a.example", "*.b.example"], ["h3", "smb"]).unwrap();
    for (number, wish) in [
        (None, None),
        (Some(9), Some(wish(claim.copied().unwrap(), true))),
        (None, Some(wish(Claim::default(), false))),
    ] {
        let join = Join { number, wish };
        let read = Join::read(&join.encode()).unwrap();
        assert_eq!(read.number, join.number);
        assert_eq!(read.wish, join.wish);
    }
    let whole = Join {
        number: Some(1),
        wish: Some(wish(claim, false)),
    };
    let bytes = whole.encode();
    for cut in 0..bytes.len() {
        assert!(Join::read(&bytes[..cut]).is_err(), "{cut}");
    }
    let mut other = bytes;
    other[0] += 1;
    assert_eq!(Join::read(&other).unwrap_err(), Refusal::Version);
}

#[test]
fn a_welcome_and_every_refusal_arrive_as_they_were_sent() {
    let welcome = Welcome {
        number: 5,
        group: group(),
    };
    let read = Welcome::read(&welcome.encode()).ok().unwrap();
    assert_eq!(read.number, 5);
    assert_eq!(read.group.master, [1; 32]);
    assert_eq!((read.group.tag, read.group.key), ([2, 3], [4; 16]));
    assert_eq!(read.group.user, 1_000);
    for refusal in [
        Refusal::Version,
        Refusal::InUse,
        Refusal::User,
        Refusal::Full,
        Refusal::Later,
    ] {
        assert_eq!(Welcome::read(&refusal.encode()).err(), Some(refusal));
    }
}

#[test]
fn a_train_arrives_with_its_addresses() {
    let mut head = [0; TRAIN_HEAD];
    let sent = Received {
        path: path(),
        bytes: &mut [],
        segment: 1_200,
        ecn: 2,
    };
    let mut bytes = train(&mut head, &sent).to_vec();
    bytes.extend_from_slice(b"datagrams");
    let Some(Message::Train(received)) = Message::read(Instant::ZERO, &mut bytes) else {
        panic!("a train")
    };
    assert_eq!(
        (received.path, received.segment, received.ecn),
        (path(), 1_200, 2)
    );
    assert_eq!(received.bytes, b"datagrams");
}

#[test]
fn a_client_arrives_with_its_datagrams_and_their_age() {
    let id = |byte| ConnectionId::new(&[byte; 9]).unwrap();
    let introduction = Introduction {
        path: path(),
        version: Version::V2,
        dcid: id(1),
        scid: ConnectionId::EMPTY,
        original_id: id(2),
        retry_id: Some(id(3)),
        validated: true,
    };
    let at = |nanos| Instant::from_nanos(nanos);
    let datagrams =
        [(10, 1, vec![7; 1_200]), (30, 0, vec![8; 50])].map(|(nanos, ecn, bytes)| HeldDatagram {
            at: at(nanos),
            ecn,
            bytes,
        });
    let bytes = client(at(40), &introduction, &datagrams);
    // The clock of the other process is ahead by 1,000.
    let Some(Message::Client(read, held)) = Message::read(at(1_040), &mut bytes.clone()) else {
        panic!("a client")
    };
    assert_eq!(*read, introduction);
    assert_eq!(
        held.iter().map(|one| one.at).collect::<Vec<_>>(),
        [at(1_010), at(1_030)]
    );
    assert!(
        held.iter()
            .zip(&datagrams)
            .all(|(a, b)| (a.ecn, &a.bytes) == (b.ecn, &b.bytes))
    );
    for cut in 1..bytes.len() {
        let mut part = bytes[..cut].to_vec();
        if let Some(Message::Client(_, held)) = Message::read(at(40), &mut part) {
            assert!(held.len() < datagrams.len(), "{cut}");
        }
    }
}

#[test]
fn a_wish_to_listen_and_its_answer_arrive_with_their_number() {
    let wished = wish(Claim::new(["a.example"], ["h3"]).unwrap(), true);
    let mut bytes = listen(0x0102_0304, &wished);
    for cut in 0..bytes.len() {
        let mut part = bytes[..cut].to_vec();
        assert!(Message::read(Instant::ZERO, &mut part).is_none(), "{cut}");
    }
    let Some(Message::Listen(0x0102_0304, read)) = Message::read(Instant::ZERO, &mut bytes) else {
        panic!("a wish")
    };
    assert_eq!(read, wished);
    for said in [Ok(()), Err(Refusal::InUse), Err(Refusal::Later)] {
        let mut bytes = answer(7, said);
        let Some(Message::Answer(7, read)) = Message::read(Instant::ZERO, &mut bytes) else {
            panic!("an answer")
        };
        assert_eq!(read, said);
    }
}

#[test]
fn what_is_no_message_is_none() {
    for bytes in [&b""[..], b"x", b"t", b"c", &[TRAIN, 0, 0, 0, 4, 176, 4, 1]] {
        assert!(Message::read(Instant::ZERO, &mut bytes.to_vec()).is_none());
    }
    let mut bytes = unlisten();
    let said = Message::read(Instant::ZERO, &mut bytes);
    assert!(matches!(said, Some(Message::Unlisten)));
}

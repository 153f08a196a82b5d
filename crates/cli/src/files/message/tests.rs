use super::*;
use proptest::prelude::*;

fn names() -> impl Strategy<Value = Name> {
    "([a-zé ]{1,8}(/[a-z0-9 ]{1,8}){0,3})?".prop_filter_map("a name", |raw| Name::parse(&raw).ok())
}

fn facts() -> impl Strategy<Value = Facts> {
    (
        0..=FILE_MAX,
        any::<i64>(),
        0..1_000_000_000u32,
        any::<bool>(),
    )
        .prop_map(|(size, seconds, nanos, executable)| Facts {
            size,
            modified: Modified { seconds, nanos },
            executable,
        })
}

fn prefixes() -> impl Strategy<Value = Prefix> {
    (0..=FILE_MAX, any::<[u8; 32]>()).prop_map(|(length, digest)| Prefix {
        length,
        digest: Digest(digest),
    })
}

fn entries() -> impl Strategy<Value = Entry> {
    let kind = prop_oneof![facts().prop_map(Kind::File), Just(Kind::Directory)];
    (names(), kind).prop_map(|(name, kind)| Entry { name, kind })
}

fn messages() -> impl Strategy<Value = Message> {
    prop_oneof![
        names().prop_map(|name| Message::List { name }),
        (names(), proptest::option::of(prefixes()))
            .prop_map(|(name, have)| Message::Get { name, have }),
        (names(), facts(), any::<bool>()).prop_map(|(name, facts, resume)| Message::Put {
            name,
            facts,
            resume
        }),
        names().prop_map(|name| Message::MakeDirectory { name }),
        proptest::collection::vec(entries(), 0..20).prop_map(Message::Entries),
        any::<(u32, u32)>()
            .prop_map(|(odd, unreadable)| Message::ListEnd(LeftOut { odd, unreadable })),
        (facts(), 0..=FILE_MAX).prop_map(|(facts, offset)| Message::File { facts, offset }),
        prefixes().prop_map(|have| Message::Ready { have }),
        (0..=FILE_MAX).prop_map(|offset| Message::Start { offset }),
        any::<[u8; 32]>().prop_map(|digest| Message::Done {
            digest: Digest(digest)
        }),
        Just(Message::Stored),
        "\\PC{0,40}".prop_map(|text| Message::Failed {
            reason: Reason::Hopeless,
            text
        }),
    ]
}

fn encoded(message: &Message) -> Vec<u8> {
    let mut body = Vec::new();
    message.encode(&mut body);
    body
}

proptest! {
    #[test]
    fn every_message_comes_back_as_it_was(message in messages()) {
        prop_assert_eq!(Message::decode(message.kind(), &encoded(&message)), Ok(message));
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(kind in any::<u8>(), body in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(Message::decode(kind, &body));
    }

    #[test]
    fn message_cut_short_is_refused(message in messages(), keep in 0.0..1.0f64) {
        let body = encoded(&message);
        let kept = (body.len() as f64 * keep) as usize;
        prop_assume!(kept < body.len() && !matches!(message, Message::Entries(_)));
        prop_assert!(Message::decode(message.kind(), &body[..kept]).is_err());
    }

    #[test]
    fn entry_is_no_longer_than_it_says(entry in entries()) {
        prop_assert!(encoded(&Message::Entries(vec![entry.clone()])).len() <= entry.encoded_max());
    }
}

#[test]
fn hostile_name_in_a_request_is_refused() {
    let mut body = Vec::new();
    put_text(&mut body, "../../etc/passwd");
    assert_eq!(
        Message::decode(1, &body),
        Err(Malformed::Name(BadName::Parent))
    );
}

#[test]
fn bytes_after_the_end_are_refused() {
    assert_eq!(Message::decode(23, &[0]), Err(Malformed::TrailingBytes));
}

#[test]
fn largest_file_is_taken_and_one_byte_more_is_not() {
    assert!(Message::decode(20, &FILE_MAX.to_be_bytes()).is_ok());
    assert_eq!(
        Message::decode(20, &(FILE_MAX + 1).to_be_bytes()),
        Err(Malformed::Value)
    );
}

#[test]
fn longest_body_is_looked_at_and_one_byte_more_is_not() {
    assert_eq!(
        Message::decode(23, &vec![0; MESSAGE_MAX]),
        Err(Malformed::TrailingBytes)
    );
    assert_eq!(
        Message::decode(23, &vec![0; MESSAGE_MAX + 1]),
        Err(Malformed::TooLong(MESSAGE_MAX + 1))
    );
}

#[test]
fn longest_refusal_fits_a_message_and_ends_at_a_character() {
    let body = encoded(&Message::Failed {
        reason: Reason::Refused,
        text: "é".repeat(TEXT_MAX),
    });
    assert!(body.len() <= MESSAGE_MAX);
    assert!(Message::decode(31, &body).is_ok());
}

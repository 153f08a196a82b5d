//! Tokens: who is believed, from where, how long and how often.

use super::*;
use inquic_platform::Duration;
use inquic_platform::aws_lc::AwsLc;

fn id() -> ConnectionId {
    ConnectionId::new(&[5; 12]).unwrap()
}

fn client(text: &str) -> Client<'static> {
    Client {
        remote: text.parse().unwrap(),
        version: Version::V1,
        dcid: &[3; 8],
    }
}

#[test]
fn retry_token_is_good_once_from_the_same_address_for_ten_seconds() {
    let platform = AwsLc::new();
    let mut tokens = Tokens::new([1; 32]);
    let start = Instant::ZERO + Duration::from_secs(100);
    let late = start + limits::RETRY_TOKEN_AGE + Duration::from_nanos(1);
    let here = client("192.0.2.1:50");
    let token = tokens.for_retry(&platform, start, here, &id());
    assert_eq!(
        tokens.open(&platform, start, client("192.0.2.1:51"), &token),
        Opened::Nothing
    );
    assert_eq!(
        tokens.open(&platform, start, client("192.0.2.2:50"), &token),
        Opened::Nothing
    );
    assert_eq!(tokens.open(&platform, late, here, &token), Opened::Refused);
    assert_eq!(
        tokens.open(&platform, start, here, &token),
        Opened::Retry { original_id: id() }
    );
    assert_eq!(tokens.open(&platform, start, here, &token), Opened::Refused);
}

#[test]
fn retry_token_shows_nothing_with_another_id_than_its_packet_had() {
    let platform = AwsLc::new();
    let mut tokens = Tokens::new([1; 32]);
    let here = client("192.0.2.1:50");
    let token = tokens.for_retry(&platform, Instant::ZERO, here, &id());
    let other = Client {
        dcid: &[4; 8],
        ..here
    };
    let opened = tokens.open(&platform, Instant::ZERO, other, &token);
    assert_eq!(opened, Opened::Nothing);
}

#[test]
fn new_token_is_good_from_another_port_and_after_a_restart_with_the_same_key() {
    let platform = AwsLc::new();
    let token = Tokens::new([1; 32]).for_next_connection(
        &platform,
        Instant::ZERO,
        client("[2001:db8::1]:50").remote,
        Version::V1,
    );
    let mut restarted = Tokens::new([1; 32]);
    assert_eq!(
        restarted.open(&platform, Instant::ZERO, client("[2001:db8::2]:60"), &token),
        Opened::Nothing
    );
    assert_eq!(
        restarted.open(&platform, Instant::ZERO, client("[2001:db8::1]:60"), &token),
        Opened::NewToken
    );
    assert_eq!(
        restarted.open(&platform, Instant::ZERO, client("[2001:db8::1]:60"), &token),
        Opened::Nothing
    );
}

/// RFC 9369 §5.
#[test]
fn a_token_shows_nothing_in_another_version() {
    let platform = AwsLc::new();
    let mut tokens = Tokens::new([1; 32]);
    let now = Instant::ZERO;
    let here = client("192.0.2.1:50");
    let in_version_2 = Client {
        version: Version::V2,
        ..here
    };
    let token = tokens.for_next_connection(&platform, now, here.remote, Version::V2);
    assert_eq!(tokens.open(&platform, now, here, &token), Opened::Nothing);
    let opened = tokens.open(&platform, now, in_version_2, &token);
    assert_eq!(opened, Opened::NewToken);
    let token = tokens.for_retry(&platform, now, here, &id());
    let opened = tokens.open(&platform, now, in_version_2, &token);
    assert_eq!(opened, Opened::Nothing);
}

#[test]
fn altered_tokens_are_not_believed() {
    let platform = AwsLc::new();
    let mut tokens = Tokens::new([1; 32]);
    let here = client("192.0.2.1:50");
    let token = tokens.for_retry(&platform, Instant::ZERO, here, &id());
    for at in 1..token.len() {
        for bit in 0..8 {
            let mut altered = token.clone();
            altered[at] ^= 1 << bit;
            assert_eq!(
                tokens.open(&platform, Instant::ZERO, here, &altered),
                Opened::Nothing
            );
        }
    }
    for len in 0..token.len() {
        let opened = tokens.open(&platform, Instant::ZERO, here, &token[..len]);
        assert_eq!(opened, Opened::Nothing);
    }
}

#[test]
fn a_token_that_is_given_back_is_good_once_more() {
    let platform = AwsLc::new();
    let mut tokens = Tokens::new([1; 32]);
    let here = client("192.0.2.1:50");
    let token = tokens.for_retry(&platform, Instant::ZERO, here, &id());
    let good = Opened::Retry { original_id: id() };
    assert_eq!(tokens.open(&platform, Instant::ZERO, here, &token), good);
    tokens.give_back(Mark::of(&token).unwrap());
    assert_eq!(tokens.open(&platform, Instant::ZERO, here, &token), good);
    let third = tokens.open(&platform, Instant::ZERO, here, &token);
    assert_eq!(third, Opened::Refused);
}

#[test]
fn the_bound_of_remembered_tokens_is_met_and_not_passed() {
    let mut tokens = Tokens::new([1; 32]);
    for index in 0..=limits::TOKEN_REPLAYS as u64 {
        let mut salt = [0; SALT_LEN];
        salt[..8].copy_from_slice(&index.to_le_bytes());
        assert!(tokens.use_up(&salt));
    }
    assert_eq!(tokens.used.len(), limits::TOKEN_REPLAYS);
    assert!(tokens.use_up(&[0; SALT_LEN]), "the oldest was forgotten");
}

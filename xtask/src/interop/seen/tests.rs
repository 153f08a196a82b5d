use std::time::Duration;

use super::super::case::{Case, Pairing, Role, Scale};
use super::super::link::{Crossing, Direction, Fate, Form, Header, Record, VERSION_2};
use super::super::program::Kind;
use super::seen;

/// A datagram with one packet, 15 ms on its way.
fn crossing(direction: Direction, ms: u64, form: Form) -> Crossing {
    let source = match direction {
        Direction::ToClient => vec![0x51; 8],
        Direction::ToServer => vec![0xc1; 8],
    };
    Crossing {
        direction,
        flow: 0,
        mapping: 0,
        sent: Duration::from_millis(ms),
        arrived: Duration::from_millis(ms + 15),
        bytes: 1200,
        ecn: 0,
        fate: Fate::Arrived,
        headers: vec![Header {
            form,
            version: 1,
            destination: Vec::new(),
            source,
            token: Vec::new(),
            bytes: 1000,
        }],
    }
}

fn up(ms: u64, form: Form) -> Crossing {
    crossing(Direction::ToServer, ms, form)
}

fn down(ms: u64, form: Form) -> Crossing {
    crossing(Direction::ToClient, ms, form)
}

fn holds(case: Case, crossings: &[Crossing]) -> bool {
    let pairing = Pairing::new(Kind::Inquic, Role::Server, Kind::Quinn, case);
    seen(&pairing, Scale::Quick, &Record::from(crossings.to_vec())).is_ok()
}

#[test]
fn a_handshake_is_one_and_without_retry() {
    let mut all = vec![up(0, Form::Initial), down(20, Form::Handshake)];
    assert!(holds(Case::Handshake, &all));
    all.push(down(30, Form::Handshake));
    assert!(holds(Case::Handshake, &all));
    all.push(down(31, Form::Retry));
    assert!(!holds(Case::Handshake, &all));
    all.pop();
    all.push(down(31, Form::Handshake));
    all[3].headers[0].source = vec![0x52; 8];
    assert!(!holds(Case::Handshake, &all));
}

#[test]
fn over_a_long_link_the_hello_is_repeated() {
    let mut answer = down(800, Form::Handshake);
    answer.arrived = Duration::from_millis(1550);
    let mut all = vec![up(0, Form::Initial), up(1, Form::Initial), answer];
    assert!(!holds(Case::LongRtt, &all), "one flight is no repetition");
    all.push(up(999, Form::Initial));
    assert!(holds(Case::LongRtt, &all));
    all[3] = up(1600, Form::Initial);
    assert!(!holds(Case::LongRtt, &all), "it came after the answer");
}

#[test]
fn the_token_of_a_retry_must_come_back() {
    let mut all = vec![
        up(0, Form::Initial),
        down(20, Form::Retry),
        up(40, Form::Initial),
        down(60, Form::Handshake),
    ];
    all[1].headers[0].token = vec![7; 30];
    assert!(!holds(Case::Retry, &all));
    all[2].headers[0].token = vec![7; 30];
    assert!(holds(Case::Retry, &all));
}

#[test]
fn a_resumed_handshake_is_the_shorter_one() {
    let mut all = vec![down(20, Form::Handshake), down(80, Form::Handshake)];
    all[1].headers[0].source = vec![0x52; 8];
    assert!(!holds(Case::Resumption, &all));
    all[1].headers[0].bytes = 200;
    assert!(holds(Case::Resumption, &all));
}

#[test]
fn data_must_come_after_a_black_hole() {
    let mut all = vec![down(20, Form::Handshake), down(600, Form::Short)];
    assert!(!holds(Case::BlackHole, &all), "nothing was lost");
    all[1].fate = Fate::Lost;
    assert!(!holds(Case::BlackHole, &all));
    all.push(down(3000, Form::Short));
    assert!(holds(Case::BlackHole, &all));
}

#[test]
fn marks_must_go_on_to_the_end() {
    let mut all: Vec<Crossing> = (0..40)
        .flat_map(|ms| [up(ms, Form::Short), down(ms, Form::Short)])
        .chain([down(1, Form::Handshake)])
        .collect();
    assert!(!holds(Case::Ecn, &all));
    for crossing in &mut all {
        crossing.ecn = 2;
    }
    assert!(holds(Case::Ecn, &all));
    all[3].ecn = 3;
    assert!(!holds(Case::Ecn, &all), "CE is for routers");
    all[3].ecn = 0;
    assert!(holds(Case::Ecn, &all));
    for crossing in all.iter_mut().skip(60) {
        crossing.ecn = 0;
    }
    assert!(!holds(Case::Ecn, &all));
}

/// One datagram of the client arrives, six do not, one more validates; the server sends this much before that.
fn amplified(datagrams: u64) -> Vec<Crossing> {
    let mut all = vec![up(0, Form::Initial)];
    all.extend((0..datagrams).map(|number| down(20 + number, Form::Handshake)));
    all.extend((0..6).map(|number| {
        let mut lost = up(60 + number, Form::Initial);
        lost.fate = Fate::Lost;
        lost
    }));
    all.push(up(100, Form::Handshake));
    all.push(down(120, Form::Handshake));
    all
}

#[test]
fn three_times_what_came_is_the_limit() {
    assert!(holds(Case::AmplificationLimit, &amplified(3)));
    assert!(!holds(Case::AmplificationLimit, &amplified(4)));
    assert!(
        !holds(Case::AmplificationLimit, &amplified(1)),
        "the limit was never met"
    );
}

#[test]
fn losses_must_hit_both_directions() {
    let mut all = vec![
        up(0, Form::Initial),
        down(20, Form::Handshake),
        up(30, Form::Short),
        down(50, Form::Short),
    ];
    all[2].fate = Fate::Lost;
    assert!(!holds(Case::TransferLoss, &all));
    all[3].fate = Fate::Lost;
    assert!(holds(Case::TransferLoss, &all));
    assert!(!holds(Case::TransferCorruption, &all));
}

#[test]
fn version_2_is_reached_from_version_1() {
    let mut all = vec![
        up(0, Form::Initial),
        down(20, Form::Initial),
        down(20, Form::Handshake),
        up(40, Form::Handshake),
    ];
    assert!(!holds(Case::V2, &all));
    for crossing in &mut all[1..] {
        crossing.headers[0].version = VERSION_2;
    }
    assert!(holds(Case::V2, &all));
    all[3].headers[0].version = 1;
    assert!(!holds(Case::V2, &all));
}

#[test]
fn a_new_path_is_answered_and_carries_data() {
    let mut all = vec![
        up(0, Form::Initial),
        down(20, Form::Handshake),
        up(500, Form::Short),
        down(520, Form::Short),
    ];
    assert!(!holds(Case::RebindPort, &all), "nothing was rebound");
    all[2].mapping = 1;
    all[3].mapping = 1;
    all.push(up(900, Form::Short));
    all[4].mapping = 2;
    assert!(!holds(Case::RebindPort, &all), "nobody answered");
    all.push(up(540, Form::Short));
    all[5].mapping = 1;
    assert!(holds(Case::RebindPort, &all));
    all[3].bytes = 100;
    assert!(!holds(Case::RebindPort, &all), "a challenge is no data");
}

#[test]
fn a_client_goes_on_at_the_preferred_address_by_another_id() {
    let sent = |flow, id: u8| {
        let mut crossing = up(500, Form::Short);
        crossing.flow = flow;
        crossing.bytes = 40;
        crossing.headers[0].destination = vec![id; 20];
        crossing
    };
    let mut all = vec![up(0, Form::Initial), down(20, Form::Handshake), sent(0, 1)];
    assert!(!holds(Case::ConnectionMigration, &all), "it stayed");
    all.push(sent(1, 2));
    all.push(down(520, Form::Short));
    assert!(!holds(Case::ConnectionMigration, &all), "the server stayed");
    all[4].flow = 1;
    assert!(holds(Case::ConnectionMigration, &all));
    all[3] = sent(1, 1);
    assert!(
        !holds(Case::ConnectionMigration, &all),
        "the id is the old one"
    );
}

#[test]
fn goodput_counts_from_the_first_data_to_the_last() {
    let fetched = |ms: u64| {
        vec![
            down(20, Form::Handshake),
            down(30, Form::Short),
            down(30 + ms, Form::Short),
        ]
    };
    // 3 MiB at 8.8 Mbit/s take 2,859.7 ms.
    assert!(holds(Case::Goodput, &fetched(2859)));
    assert!(!holds(Case::Goodput, &fetched(2861)));
}

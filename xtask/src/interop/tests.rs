use super::case::{Case, Pairing, Role, Scale};
use super::matrix::{Cell, Matrix};
use super::module::{self, Counters};
use super::program::{Kind, why_not};
use super::{evidence, probe};

fn pairing(role: Role, peer: Kind, case: Case) -> Pairing {
    Pairing::new(Kind::Inquic, role, peer, case)
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_failed_cell_fails_the_matrix() {
    let mut matrix = Matrix::default();
    matrix.put(
        pairing(Role::Client, Kind::Quinn, Case::Handshake),
        Cell::Passed(None),
    );
    assert!(matrix.verdict().is_ok());
    let failed = Cell::Failed("no reason".to_owned());
    matrix.put(pairing(Role::Server, Kind::Quinn, Case::Handshake), failed);
    assert!(matrix.verdict().is_err());
    assert!(matrix.to_string().contains("1 passed, 1 failed, 0 skipped"));
}

#[test]
fn a_matrix_of_gaps_has_shown_nothing() {
    let mut matrix = Matrix::default();
    let skipped = Cell::Skipped("not installed".to_owned());
    matrix.put(
        pairing(Role::Client, Kind::Ngtcp2, Case::Handshake),
        skipped,
    );
    assert!(matrix.verdict().is_err());
}

#[test]
fn the_peer_updates_keys_only_where_it_can() {
    let by_peer = |role, peer| why_not(&pairing(role, peer, Case::KeyUpdated));
    assert!(by_peer(Role::Client, Kind::S2n).is_some());
    assert!(by_peer(Role::Client, Kind::Ngtcp2).is_some());
    assert!(by_peer(Role::Server, Kind::Ngtcp2).is_none());
    assert!(by_peer(Role::Client, Kind::Quinn).is_none());
    for peer in Kind::PEERS {
        assert!(why_not(&pairing(Role::Client, peer, Case::KeyUpdate)).is_none());
        assert!(why_not(&pairing(Role::Server, peer, Case::KeyUpdate)).is_none());
    }
}

#[test]
fn what_was_measured_stands_in_the_table() {
    let mut matrix = Matrix::default();
    let measured = Cell::Passed(Some("9.41".to_owned()));
    matrix.put(pairing(Role::Server, Kind::S2n, Case::Goodput), measured);
    matrix.put(
        pairing(Role::Client, Kind::Quinn, Case::Retry),
        Cell::Passed(None),
    );
    let table = matrix.to_string();
    let mut lines = table.lines();
    assert_eq!(
        lines.next().unwrap(),
        "client > server         > quinn s2n-quic >"
    );
    assert_eq!(
        lines.next().unwrap(),
        "retry                        ok           "
    );
    assert_eq!(
        lines.next().unwrap(),
        "goodput                               9.41"
    );
}

#[test]
fn quick_runs_take_the_cases_of_full_ones_with_less_in_them() {
    let files = |scale, case| pairing(Role::Server, Kind::Quinn, case).paths(scale).len();
    for case in Case::ALL {
        assert!(case == Case::H3Spec || files(Scale::Quick, case) > 0);
        assert!(files(Scale::Quick, case) <= files(Scale::Full, case));
        let links = [case.link(Scale::Quick), case.link(Scale::Full)];
        assert_eq!(links[0].is_some(), links[1].is_some());
    }
    assert_eq!(files(Scale::Full, Case::Multiplexing), 1999);
    assert_eq!(files(Scale::Full, Case::HandshakeLoss), 50);
}

#[test]
fn an_update_that_ours_did_not_see_is_none() {
    let case = pairing(Role::Client, Kind::Picoquic, Case::KeyUpdated);
    let said = |count| lines(&format!(r#"{{"key_update":false,"key_updates":{count}}}"#));
    assert!(evidence::shown(&case, &[], &said(2)).is_ok());
    assert!(evidence::shown(&case, &[], &said(0)).is_err());
}

#[test]
fn a_connection_that_was_not_resumed_is_no_resumption() {
    let case = pairing(Role::Client, Kind::Quinn, Case::Resumption);
    assert!(evidence::shown(&case, &[], &lines(r#"{"resumed":true}"#)).is_ok());
    assert!(evidence::shown(&case, &[], &lines(r#"{"resumed":false}"#)).is_err());
    assert!(evidence::shown(&case, &[], &lines("")).is_err());
}

#[test]
fn a_socket_that_stayed_has_asked_nobody_away() {
    let case = |peer| Pairing::new(Kind::Sockets, Role::Server, peer, Case::ConnectionMigration);
    for peer in [Kind::Aioquic, Kind::Ngtcp2, Kind::Picoquic, Kind::Inquic] {
        let case = case(peer);
        assert!(why_not(&case).is_none());
        assert!(case.link(Scale::Quick).is_none(), "the address is its own");
        let shown = |server| evidence::shown(&case, &lines(server), &[]);
        assert!(shown("listening 127.0.0.1:1\nevent moved").is_ok());
        assert!(shown("listening 127.0.0.1:1").is_err());
    }
    assert!(why_not(&case(Kind::Quinn)).is_some());
}

#[test]
fn a_cell_whose_connections_the_module_did_not_make_has_failed() {
    let count = |active, passive, packets| {
        Counters::read(&format!(
            "QuicConnPassiveEstabs           {passive}\nQuicConnActiveEstabs            {active}\n\
             QuicPktDecFastpaths             {packets}\nQuicPktEncFastpaths             {packets}\n"
        ))
    };
    let case = Pairing::new(Kind::Sockets, Role::Client, Kind::Quinn, Case::Resumption);
    let used = |after| module::used(&case, Scale::Quick, &count(3, 4, 50), &after);
    assert!(used(count(5, 4, 90)).is_ok());
    assert!(used(count(4, 4, 90)).is_err(), "one of two");
    assert!(used(count(5, 5, 90)).is_err(), "a server of its own, too");
    assert!(used(count(5, 4, 50)).is_err(), "no packets");
    assert!(used(Counters::read("")).is_err(), "no module");
}

#[test]
fn one_home_of_ours_is_a_peer_of_the_other() {
    for case in [Case::Transfer, Case::ZeroRtt, Case::V2] {
        for role in [Role::Client, Role::Server] {
            let pairing = Pairing::new(Kind::Sockets, role, Kind::Inquic, case);
            assert!(why_not(&pairing).is_none());
        }
    }
}

#[test]
fn a_client_must_name_the_version_it_gave_up_for() {
    let failed = || Err(anyhow::anyhow!("exit code 1"));
    assert!(evidence::refused(&failed(), &lines("no common Version")).is_ok());
    assert!(evidence::refused(&failed(), &lines("timed out")).is_err());
    assert!(evidence::refused(&Ok(()), &lines("version")).is_err());
}

#[test]
fn version_negotiation_must_swap_the_connection_ids() {
    let answer = |first: [u8; 8], second: [u8; 8], versions: &[u8]| {
        [
            &[0x80, 0, 0, 0, 0, 8],
            first.as_slice(),
            &[8],
            &second,
            versions,
        ]
        .concat()
    };
    let (ours, theirs) = (probe::SOURCE, probe::DESTINATION);
    let v1 = [0, 0, 0, 1];
    assert!(probe::check(&answer(ours, theirs, &v1)).is_ok());
    assert!(probe::check(&answer(theirs, ours, &v1)).is_err());
    assert!(probe::check(&answer(ours, theirs, &[0, 0, 0, 2])).is_err());
    assert!(probe::check(&answer(ours, theirs, &[0, 0, 0, 1, 0])).is_err());
    assert!(probe::check(&[]).is_err());
}

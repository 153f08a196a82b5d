//! Transport parameters: ours are in order, and those of others are judged.

use inquic_sim::{Attacker, Duel, Settings, frames};
use inquic_wire::frame::write_crypto;
use inquic_wire::{Code, ConnectionId, Grease, Level, Role, TransportParameters};

fn other() -> Option<ConnectionId> {
    ConnectionId::new(b"somebody")
}

/// The offence that a client finds in the parameters of a server.
fn client_finds(change: impl Fn(&mut TransportParameters)) -> Option<Code> {
    let mut duel = Duel::with_client(&Settings::default());
    let mut parameters = duel.attacker.parameters();
    parameters.original_destination_connection_id = Some(duel.original_id());
    change(&mut parameters);
    duel.send(Level::Initial, &Attacker::message(None, 90));
    duel.send(Level::Handshake, &Attacker::message(Some(&parameters), 900));
    duel.offence()
}

/// The offence that a server finds in the parameters of a client.
fn server_finds(change: impl Fn(&mut TransportParameters)) -> Option<Code> {
    let mut duel = Duel::with_server(&Settings::default());
    let mut parameters = duel.attacker.parameters();
    change(&mut parameters);
    let hello = duel
        .attacker
        .initial(&Attacker::message(Some(&parameters), 250));
    duel.send_datagram(&hello);
    duel.offence()
}

#[test]
fn ids_in_the_parameters_of_a_server_are_those_on_the_wire() {
    assert_eq!(client_finds(|_| ()), None);
    let refused = |change: &dyn Fn(&mut TransportParameters)| {
        let code = client_finds(change);
        assert!(
            matches!(
                code,
                Some(Code::TransportParameter | Code::ProtocolViolation)
            ),
            "{code:?}"
        );
        code
    };
    let absent = Some(Code::TransportParameter);
    assert_eq!(
        refused(&|it| it.initial_source_connection_id = None),
        absent
    );
    assert_eq!(
        refused(&|it| it.original_destination_connection_id = None),
        absent
    );
    refused(&|it| it.initial_source_connection_id = other());
    refused(&|it| it.original_destination_connection_id = other());
    refused(&|it| it.retry_source_connection_id = other());
}

#[test]
fn ids_in_the_parameters_of_a_client_are_those_on_the_wire() {
    assert_eq!(server_finds(|_| ()), None);
    assert_eq!(
        server_finds(|it| it.initial_source_connection_id = None),
        Some(Code::TransportParameter)
    );
    assert!(matches!(
        server_finds(|it| it.initial_source_connection_id = other()),
        Some(Code::TransportParameter | Code::ProtocolViolation)
    ));
}

#[test]
fn parameters_that_only_a_server_declares_are_refused_from_a_client() {
    let changes: [&dyn Fn(&mut TransportParameters); 3] = [
        &|it| it.original_destination_connection_id = other(),
        &|it| it.retry_source_connection_id = other(),
        &|it| it.stateless_reset_token = Some([1; 16]),
    ];
    for change in changes {
        assert_eq!(server_finds(change), Some(Code::TransportParameter));
    }
}

#[test]
fn a_value_out_of_range_closes_with_the_code_for_parameters() {
    let changes: [&dyn Fn(&mut TransportParameters); 5] = [
        &|it| it.active_connection_id_limit = 1,
        &|it| it.max_udp_payload_size = 1_199,
        &|it| it.initial_max_streams_bidi = (1 << 60) + 1,
        &|it| it.initial_max_streams_uni = (1 << 60) + 1,
        &|it| it.ack_delay_exponent = 21,
    ];
    for change in changes {
        assert_eq!(client_finds(change), Some(Code::TransportParameter));
        assert_eq!(server_finds(change), Some(Code::TransportParameter));
    }
}

#[test]
fn our_parameters_break_no_rule_for_their_sender() {
    for (mut duel, role) in [
        (Duel::with_client(&Settings::default()), Role::Client),
        (
            Duel::with_server(&Settings::default()).connected(),
            Role::Server,
        ),
    ] {
        let mut bytes = [0; 1_024];
        let count = duel.connection().transport_parameters(&mut bytes);
        // Reading refuses duplicates, values out of range and what only a server declares.
        let parameters = TransportParameters::parse(&bytes[..count], role).unwrap();
        assert!(parameters.active_connection_id_limit >= 2);
        assert!(parameters.initial_source_connection_id.is_some());
        assert_eq!(
            parameters.original_destination_connection_id.is_some(),
            role == Role::Server
        );
    }
}

#[test]
fn unknown_parameters_are_ignored() {
    assert_eq!(
        client_finds(|it| it.grease = Some(Grease::from_random([9; Grease::RANDOM]))),
        None
    );
    assert_eq!(
        server_finds(|it| it.grease = Some(Grease::from_random([0; Grease::RANDOM]))),
        None
    );
}

#[test]
fn parameters_that_are_no_parameters_close_with_the_code_for_parameters() {
    let mut duel = Duel::with_server(&Settings::default());
    let message = frames(|w| {
        // Three bytes of parameters that say they are five, and no padding.
        let bytes = [0, 3, 0, 0, 0x04, 5, 1];
        write_crypto(w, 0, bytes.len())?.copy_from_slice(&bytes);
        Ok(())
    });
    let hello = duel.attacker.initial(&message);
    duel.send_datagram(&hello);
    assert_eq!(duel.offence(), Some(Code::TransportParameter));
}

//! Transport parameters that are missing, out of range, or another's to send.

use std::net::{Ipv4Addr, SocketAddrV4};

use inquic_sim::{Attacker, Duel, Settings, frames};
use inquic_wire::frame::write_crypto;
use inquic_wire::{Code, ConnectionId, Level, PreferredAddress, TransportParameters, Writer};

use super::{Client, Server, Victim, closed, numbers};

/// What a victim closes with that gets the parameters of an honest offender after `change`, and these bytes behind them.
fn told(victim: Victim, change: impl Fn(&mut TransportParameters), behind: &[u8]) -> Option<Code> {
    let settings = Settings::default();
    let mut duel = match victim {
        Server => Duel::with_server(&settings),
        Client => Duel::with_client(&settings),
    };
    let mut parameters = duel.attacker.parameters();
    if victim == Client {
        parameters.original_destination_connection_id = Some(duel.original_id());
    }
    change(&mut parameters);
    let mut bytes = frames(|writer: &mut Writer<'_>| parameters.encode(writer));
    bytes.extend(behind);
    match victim {
        Server => {
            let hello = duel.attacker.initial(&message(&bytes, 250));
            duel.send_datagram(&hello);
        }
        Client => {
            duel.send(Level::Initial, &Attacker::message(None, 90));
            duel.send(Level::Handshake, &message(&bytes, 900));
        }
    }
    closed(&duel, victim)
}

/// The message of the handshake in place of TLS that carries parameters: their length, that of padding, and both.
fn message(parameters: &[u8], padding: u16) -> Vec<u8> {
    let mut message = u16::try_from(parameters.len())
        .unwrap()
        .to_be_bytes()
        .to_vec();
    message.extend(padding.to_be_bytes());
    message.extend(parameters);
    message.resize(message.len() + usize::from(padding), 0);
    frames(|writer| {
        write_crypto(writer, 0, message.len())?.copy_from_slice(&message);
        Ok(())
    })
}

fn with_value(victim: Victim, parameter: u64, value: u64) -> Option<Code> {
    let value = numbers(&[value]);
    let mut behind = numbers(&[parameter, value.len() as u64]);
    behind.extend(value);
    told(victim, |_| (), &behind)
}

fn other() -> Option<ConnectionId> {
    ConnectionId::new(b"somebody")
}

const REFUSED: Option<Code> = Some(Code::TransportParameter);

#[test]
fn honest_parameters_are_taken() {
    for victim in [Server, Client] {
        assert_eq!(told(victim, |_| (), &[]), None, "{victim:?}");
    }
}

#[test]
fn transport_parameter_error_without_initial_source_connection_id() {
    for victim in [Server, Client] {
        let code = told(victim, |it| it.initial_source_connection_id = None, &[]);
        assert_eq!(code, REFUSED, "{victim:?}");
    }
}

#[test]
fn transport_parameter_error_for_original_destination_connection_id_of_a_client() {
    let code = told(
        Server,
        |it| it.original_destination_connection_id = other(),
        &[],
    );
    assert_eq!(code, REFUSED);
}

#[test]
fn transport_parameter_error_for_another_original_destination_connection_id_or_none() {
    for id in [None, other()] {
        let code = told(Client, |it| it.original_destination_connection_id = id, &[]);
        assert_eq!(code, REFUSED);
    }
}

#[test]
fn transport_parameter_error_for_preferred_address_of_a_client() {
    let elsewhere = PreferredAddress {
        v4: Some(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 7), 4433)),
        v6: None,
        id: other().unwrap(),
        reset_token: [7; 16],
    };
    let code = told(Server, |it| it.preferred_address = Some(elsewhere), &[]);
    assert_eq!(code, REFUSED);
}

#[test]
fn transport_parameter_error_for_preferred_address_without_an_id() {
    let address = |id: &[u8]| {
        let mut value = vec![192, 0, 2, 7, 1, 1];
        value.extend([0; 18]);
        value.push(id.len() as u8);
        value.extend(id);
        value.extend([7; 16]);
        let mut behind = numbers(&[0x0d, value.len() as u64]);
        behind.extend(value);
        behind
    };
    assert_eq!(told(Client, |_| (), &address(b"an id")), None);
    assert_eq!(told(Client, |_| (), &address(b"")), REFUSED);
}

#[test]
fn transport_parameter_error_for_retry_source_connection_id_without_retry() {
    for victim in [Server, Client] {
        let code = told(victim, |it| it.retry_source_connection_id = other(), &[]);
        assert_eq!(code, REFUSED, "{victim:?}");
    }
}

#[test]
fn transport_parameter_error_for_stateless_reset_token_of_a_client() {
    let change = |it: &mut TransportParameters| it.stateless_reset_token = Some([7; 16]);
    assert_eq!(told(Client, change, &[]), None);
    assert_eq!(told(Server, change, &[]), REFUSED);
}

#[test]
fn transport_parameter_error_for_max_udp_payload_size_below_1200() {
    for victim in [Server, Client] {
        assert_eq!(with_value(victim, 0x03, 1_200), None, "{victim:?}");
        assert_eq!(with_value(victim, 0x03, 1_199), REFUSED, "{victim:?}");
    }
}

#[test]
fn transport_parameter_error_for_ack_delay_exponent_above_20() {
    for victim in [Server, Client] {
        assert_eq!(with_value(victim, 0x0a, 20), None, "{victim:?}");
        assert_eq!(with_value(victim, 0x0a, 21), REFUSED, "{victim:?}");
    }
}

#[test]
fn transport_parameter_error_for_max_ack_delay_of_2_to_the_14() {
    for victim in [Server, Client] {
        assert_eq!(with_value(victim, 0x0b, (1 << 14) - 1), None, "{victim:?}");
        assert_eq!(with_value(victim, 0x0b, 1 << 14), REFUSED, "{victim:?}");
    }
}

//! Any extension, from the role that the first byte chooses. All values are in range, a client's say nothing that only a
//! server says, and what is read can be written, in no more bytes, and read again.
#![no_main]

use inquic_wire::{Code, Role, TransportParameters, Writer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&first, extension)) = input.split_first() else {
        return;
    };
    let sender = if first & 1 == 0 {
        Role::Client
    } else {
        Role::Server
    };
    let parameters = match TransportParameters::parse(extension, sender) {
        Ok(parameters) => parameters,
        Err(error) => {
            assert_eq!(error.code, Code::TransportParameter);
            return;
        }
    };
    check(&parameters, sender);

    let mut buffer = vec![0; extension.len()];
    let mut w = Writer::new(&mut buffer);
    parameters.encode(&mut w).unwrap();
    let again = TransportParameters::parse(w.written(), sender);
    assert_eq!(again, Ok(parameters));
});

fn check(parameters: &TransportParameters, sender: Role) {
    assert!(parameters.max_udp_payload_size >= 1200);
    assert!(parameters.initial_max_streams_bidi <= 1 << 60);
    assert!(parameters.initial_max_streams_uni <= 1 << 60);
    assert!(parameters.ack_delay_exponent <= 20);
    assert!(parameters.max_ack_delay_ms < 1 << 14);
    assert!(parameters.active_connection_id_limit >= 2);
    if let Some(address) = parameters.preferred_address {
        assert!(!address.id.is_empty());
    }
    if sender == Role::Client {
        assert!(parameters.original_destination_connection_id.is_none());
        assert!(parameters.stateless_reset_token.is_none());
        assert!(parameters.preferred_address.is_none());
        assert!(parameters.retry_source_connection_id.is_none());
        // So a server has all that a client has.
        check(parameters, Role::Server);
    }
}

//! Any bytes, looked at as a ClientHello, whole and cut. What is found lies inside the message, a cut never says more than the whole,
//! and the length is announced before it is needed.
#![no_main]

use inquic_wire::{ClientHello, ServerName};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let look = ClientHello::look(input);
    if let ClientHello::Whole(offer) = &look {
        assert!(offer.len <= input.len());
        assert_eq!(ClientHello::announced(input), Some(offer.len));
        let inside = |part: &[u8]| input[..offer.len].as_ptr_range().contains(&part.as_ptr());
        if let ServerName::Host(name) = offer.server_name {
            assert!(inside(name) && (1..=255).contains(&name.len()));
        }
        let mut protocols = 0;
        for protocol in offer.protocols.clone() {
            assert!(inside(protocol) && (1..=255).contains(&protocol.len()));
            protocols += protocol.len() + 1;
        }
        assert!(protocols <= offer.len);
        // What follows the message changes nothing, and what is cut off makes it a part.
        assert_eq!(ClientHello::look(&input[..offer.len]), look);
        assert_eq!(
            ClientHello::look(&input[..offer.len - 1]),
            ClientHello::Part
        );
    }
    if let [1, high, middle, low, rest @ ..] = input {
        let len = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
        assert_eq!(look == ClientHello::Part, rest.len() < len);
    }
});

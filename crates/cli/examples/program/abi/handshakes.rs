//! Handshakes by TLS, as programs make them; versions, Retry and early data.

use inquic_uapi::option::{
    QUIC_SOCKOPT_CONFIG, QUIC_SOCKOPT_TOKEN, QUIC_SOCKOPT_TRANSPORT_PARAM,
    QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
};
use inquic_uapi::structs::{Config, TransportParam};
use inquic_uapi::{
    Layout, QUIC_CRYPTO_APP, QUIC_CRYPTO_EARLY, QUIC_CRYPTO_HANDSHAKE, QUIC_CRYPTO_INITIAL,
    QUIC_VERSION_V1, QUIC_VERSION_V2, TLS_CIPHER_AES_GCM_128,
};
use libc::EAGAIN;

use super::pair::{
    Ends, FIN, NEW, accept, bytes, connect, echo, get, got, install, level, next, send, set,
    socket, there,
};
use super::process::until;
use super::{Check, check, raw};

pub(super) const CHECKS: &[Check] = &[
    check!(
        tls_makes_a_connection,
        "QUIC_SOCKOPT_CRYPTO_SECRET QUIC_SOCKOPT_TRANSPORT_PARAM_EXT QUIC_HANDSHAKE_INFO QUIC_CRYPTO_INITIAL QUIC_CRYPTO_HANDSHAKE QUIC_CRYPTO_APP"
    ),
    check!(
        both_versions_carry_data,
        "QUIC_VERSION_V1 QUIC_VERSION_V2 QUIC_SOCKOPT_CONFIG"
    ),
    check!(
        a_token_spares_the_retry,
        "QUIC_SOCKOPT_TOKEN QUIC_SOCKOPT_CONFIG"
    ),
    check!(
        early_data_goes_before_the_handshake,
        "QUIC_CRYPTO_EARLY QUIC_SOCKOPT_TRANSPORT_PARAM"
    ),
    check!(
        measuring_without_encryption_needs_both,
        "QUIC_SOCKOPT_TRANSPORT_PARAM"
    ),
];

fn tls_makes_a_connection() {
    let ends = Ends::shaken();
    echo(&ends);
    let theirs =
        TransportParam::read(&get(&ends.client, QUIC_SOCKOPT_TRANSPORT_PARAM, &[1]).unwrap());
    assert_eq!(theirs.max_streams_bidi, 100);
}

fn both_versions_carry_data() {
    for version in [QUIC_VERSION_V1, QUIC_VERSION_V2] {
        let config = Config {
            version,
            ..Config::default()
        };
        let ends = Ends::made_with(|client, listener| {
            for socket in [client, listener] {
                set(socket, QUIC_SOCKOPT_CONFIG, &bytes(&config)).unwrap();
            }
        });
        echo(&ends);
        // A server may go over to the version that it prefers, which both ends tell then.
        let used: Config = got(&ends.client, QUIC_SOCKOPT_CONFIG);
        assert!([version, QUIC_VERSION_V1].contains(&used.version));
        let same: Config = got(&ends.server, QUIC_SOCKOPT_CONFIG);
        assert_eq!(used.version, same.version);
    }
}

fn a_token_spares_the_retry() {
    let validates = Config {
        validate_peer_address: 1,
        ..Config::default()
    };
    let first = Ends::made_with(|_, listener| {
        set(listener, QUIC_SOCKOPT_CONFIG, &bytes(&validates)).unwrap();
    });
    echo(&first);
    let mut token = Vec::new();
    until("a token comes", || {
        token = get(&first.client, QUIC_SOCKOPT_TOKEN, &[]).unwrap();
        !token.is_empty()
    });
    let client = socket();
    set(&client, QUIC_SOCKOPT_TOKEN, &token).unwrap();
    connect(&client, first.at).unwrap();
    let Ends { listener, at, .. } = first;
    let second = Ends::greet((listener, client, at));
    second.shake_hands();
    echo(&second);
}

const WITH_EARLY_DATA: &[u8] = &[8, 0, 0, 6, 0, 4, 0, 42, 0, 0];
const WITHOUT: &[u8] = &[8, 0, 0, 2, 0, 0];

fn early_data_goes_before_the_handshake() {
    let known = Ends::made();
    echo(&known);
    let param = QUIC_SOCKOPT_TRANSPORT_PARAM;
    let remembered = get(&known.client, param, &[1]).unwrap();
    for accepted in [true, false] {
        early(&remembered, accepted);
    }
}

fn early(remembered: &[u8], accepted: bool) {
    let (listener, client, _) = super::pair::connecting(|_, _| {});
    set(&client, QUIC_SOCKOPT_TRANSPORT_PARAM, remembered).unwrap();
    let hello = level(QUIC_CRYPTO_INITIAL);
    raw::send_message(&client, b"client hello", &hello, 0).unwrap();
    let cipher = TLS_CIPHER_AES_GCM_128;
    install(&client, QUIC_CRYPTO_EARLY, 1, 9, cipher).unwrap();
    assert_eq!(send(&client, b"early", NEW | FIN), Ok(5));
    let server = accept(&listener);
    assert_eq!(next(&server).data, b"client hello");
    if accepted {
        install(&server, QUIC_CRYPTO_EARLY, 0, 9, cipher).unwrap();
    }
    assert_eq!(there(&server), Err(EAGAIN), "handshake messages alone");
    let ext = QUIC_SOCKOPT_TRANSPORT_PARAM_EXT;
    set(&server, ext, &get(&client, ext, &[]).unwrap()).unwrap();
    raw::send_message(&server, b"server hello", &hello, 0).unwrap();
    install(&server, QUIC_CRYPTO_HANDSHAKE, 1, 2, cipher).unwrap();
    install(&server, QUIC_CRYPTO_HANDSHAKE, 0, 1, cipher).unwrap();
    let extensions = if accepted { WITH_EARLY_DATA } else { WITHOUT };
    raw::send_message(&server, extensions, &level(QUIC_CRYPTO_HANDSHAKE), 0).unwrap();
    let parameters = get(&server, ext, &[]).unwrap();
    assert_eq!(next(&client).data, b"server hello");
    install(&client, QUIC_CRYPTO_HANDSHAKE, 1, 1, cipher).unwrap();
    install(&client, QUIC_CRYPTO_HANDSHAKE, 0, 2, cipher).unwrap();
    assert_eq!(next(&client).data, extensions);
    set(&client, ext, &parameters).unwrap();
    for (client_sends, server_sends) in [(1, 0), (0, 1)] {
        let seed = 3 + client_sends;
        install(&client, QUIC_CRYPTO_APP, client_sends, seed, cipher).unwrap();
        install(&server, QUIC_CRYPTO_APP, server_sends, seed, cipher).unwrap();
    }
    assert_eq!(next(&server).data, b"early", "once");
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(there(&server), Err(EAGAIN));
}

fn measuring_without_encryption_needs_both() {
    let plain = TransportParam {
        disable_1rtt_encryption: 1,
        disable_compatible_version: 1,
        stateless_reset: 1,
        ..TransportParam::default()
    };
    for both in [true, false] {
        let ends = Ends::made_with(|client, listener| {
            set(client, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&plain)).unwrap();
            if both {
                set(listener, QUIC_SOCKOPT_TRANSPORT_PARAM, &bytes(&plain)).unwrap();
            }
        });
        echo(&ends);
        let theirs = get(&ends.client, QUIC_SOCKOPT_TRANSPORT_PARAM, &[1]).unwrap();
        let theirs = TransportParam::read(&theirs);
        assert_eq!(theirs.disable_1rtt_encryption, u8::from(both));
    }
}

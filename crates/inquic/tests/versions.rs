//! Versions of QUIC over loopback, with TLS.

mod common;

use std::io::{Read, Write};

use common::{Identity, identity};
use inquic::{Connection, Error, Listener, TransportConfig, Version};

const V1: Version = Version::V1;
const V2: Version = Version::V2;

fn speaking(versions: &[Version]) -> TransportConfig {
    TransportConfig::default().versions(versions.iter().copied())
}

fn listener(identity: &Identity, versions: &[Version]) -> (Listener, String) {
    let builder = identity
        .listen(Listener::builder())
        .config(speaking(versions));
    let listener = builder.bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().to_string();
    (listener, address)
}

/// The version that both ends say they use, after some bytes have gone from one to the other.
fn version(client: &Connection, server: &Connection) -> Version {
    let mut stream = client.open_uni().unwrap();
    stream.write_all(b"hello").unwrap();
    stream.finish().unwrap();
    let mut said = String::new();
    let mut stream = server.accept_uni().unwrap().unwrap();
    stream.read_to_string(&mut said).unwrap();
    assert_eq!(said, "hello");
    let versions = [client, server].map(|end| end.handshake_info().unwrap().version);
    assert_eq!(versions[0], versions[1]);
    Version(versions[0])
}

#[test]
fn each_pair_of_preferences_has_its_version() {
    let identity = identity();
    for (client, server, agreed) in [
        (&[V1, V2][..], &[V1, V2][..], V1),
        (&[V1, V2], &[V2, V1], V2),
        (&[V2, V1], &[V1, V2], V1),
        (&[V2, V1], &[V2], V2),
        (&[V2], &[V1, V2], V2),
        (&[V1], &[V2, V1], V1),
    ] {
        let (listener, address) = listener(&identity, server);
        let builder = identity.builder().config(speaking(client));
        let client = builder.connect(&address).unwrap();
        let server = listener.accept().unwrap();
        assert_eq!(version(&client, &server), agreed);
    }
}

#[test]
fn without_a_common_version_there_is_no_connection() {
    let identity = identity();
    let (_listener, address) = listener(&identity, &[V1]);
    let refused = identity.builder().config(speaking(&[V2])).connect(&address);
    assert_eq!(refused.unwrap_err(), Error::NoCommonVersion);
}

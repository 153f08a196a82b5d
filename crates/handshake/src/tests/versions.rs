//! Versions of QUIC: what a server knows before it answers, what a client does when it has to begin again, and which tickets are
//! good (RFC 9368, RFC 9369).

use super::*;

const V1: Version = Version::V1;
const V2: Version = Version::V2;

impl Pair {
    /// Both ends in a connection whose first flight is of `original`, and which goes on in `version`.
    fn in_versions(mut self, original: Version, version: Version) -> Self {
        for socket in [&mut self.client_socket, &mut self.server_socket] {
            socket.original = original;
            socket.version = version;
        }
        self
    }

    /// Runs a handshake and takes the tickets; says whether it resumed.
    fn resumed(mut self) -> bool {
        self.complete();
        self.run().0.expect("tickets");
        assert!(self.client.tickets_received() > 0);
        self.server.info().expect("agreed").resumed
    }
}

#[test]
fn a_server_tells_the_clients_parameters_before_it_asks_for_its_own() {
    let mut pair = pair();
    pair.client.step(&mut pair.client_socket).expect("a hello");
    pair.server_socket
        .arrived
        .append(&mut pair.client_socket.sent);
    pair.server_socket.piece = 100;
    assert!(pair.server_socket.asked_after.is_none());
    pair.server
        .step(&mut pair.server_socket)
        .expect("an answer");
    assert_eq!(
        pair.server_socket.asked_after,
        Some(vec![Act::PeerParameters])
    );
    assert_eq!(
        pair.server_socket.peer_parameters.as_deref(),
        Some(&b"client parameters"[..])
    );
}

#[test]
fn a_client_whose_version_was_refused_says_hello_again() {
    let mut pair = pair();
    pair.client.step(&mut pair.client_socket).expect("a hello");
    let first = std::mem::take(&mut pair.client_socket.sent);
    pair.client
        .step(&mut pair.client_socket)
        .expect("nothing new");
    assert!(pair.client_socket.sent.is_empty());
    pair.client_socket.original = V2;
    pair.client_socket.role = b"other parameters";
    pair.client
        .step(&mut pair.client_socket)
        .expect("a second hello");
    assert_ne!(first, pair.client_socket.sent, "it has a random of its own");
    pair.complete();
    let told = pair.server_socket.peer_parameters.as_deref();
    assert_eq!(told, Some(&b"other parameters"[..]));
}

#[test]
fn a_client_does_not_begin_again_once_the_server_was_heard() {
    let mut pair = pair();
    pair.complete();
    pair.client_socket.original = V2;
    pair.client.step(&mut pair.client_socket).expect("nothing");
    assert!(pair.client_socket.sent.is_empty());
}

#[test]
fn a_ticket_resumes_in_its_own_version_only() {
    let (client, server) = (
        client().build().expect("a client"),
        server().build().expect("a server"),
    );
    let resumes = |original, version| {
        Pair::new(&client, &server)
            .in_versions(original, version)
            .resumed()
    };
    assert!(!resumes(V1, V1), "the first has no ticket");
    assert!(!resumes(V2, V2), "that of version 1 is not used");
    assert!(resumes(V1, V1));
    assert!(resumes(V2, V2));
}

#[test]
fn a_ticket_is_of_the_version_that_was_agreed_on() {
    let (client, server) = (
        client().build().expect("a client"),
        server().build().expect("a server"),
    );
    let resumes = |original, version| {
        Pair::new(&client, &server)
            .in_versions(original, version)
            .resumed()
    };
    assert!(!resumes(V1, V2));
    assert!(!resumes(V1, V2), "what there is is of version 2");
    assert!(resumes(V2, V2));
}

#[test]
fn a_server_opens_no_ticket_of_another_version() {
    let (client, server) = (
        client().build().expect("a client"),
        server().build().expect("a server"),
    );
    let mut first = Pair::new(&client, &server);
    first.complete();
    first.run().0.expect("tickets");
    let mut lying = Pair::new(&client, &server);
    // The client believes to be in version 1, the server knows that it is in version 2.
    lying.server_socket.original = V2;
    lying.server_socket.version = V2;
    lying.complete();
    assert!(!lying.server.info().expect("agreed").resumed);
}

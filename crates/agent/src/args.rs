//! The command line of the agent, with the help that teaches it.

use std::path::PathBuf;

use clap::Parser;

/// Makes the TLS handshakes of QUIC sockets that users in the kernel have.
///
/// A user in the kernel (a network file system, say) opens a QUIC socket and asks the kernel's handshake service for TLS. The service
/// hands the socket to this agent, which makes the handshake, puts the keys into the socket, and says how it went. Data never comes
/// here, and private keys never leave here.
///
/// It needs the right to administer the network (CAP_NET_ADMIN) in the initial user namespace. On a machine with another agent for the
/// same service (tlshd), whoever asks first gets a request, so run one of them. Sockets of other protocols than QUIC are refused.
#[derive(Debug, Parser)]
#[command(name = "inquic-agent", version, max_term_width = 100, after_long_help = EXAMPLE)]
pub(crate) struct Args {
    /// The configuration; without it clients trust the system's authorities, and servers have nothing to show.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Read the configuration, say what it means, and end.
    #[arg(long)]
    pub(crate) check: bool,
}

const EXAMPLE: &str = "\
A configuration:

    handshakes = 64                # at the same time; others wait in the kernel
    timeout_seconds = 10           # for each, where its user says nothing; 60 at the most

    [client]
    roots = \"ca.pem\"               # in place of the system's authorities
    chain = \"client.pem\"           # what clients show to servers that ask, where their user names nothing
    key = \"client.key\"

    [server]
    roots = \"clients-ca.pem\"       # whose certificates servers take from clients
    clients = \"ask\"               # or \"require\"; a user may ask for more (option CONFIG of the socket)

    [psk]
    file = \"keys\"                 # lines identity:key, beside the keys that users name

    [[certificate]]                # what servers show; the first also to who asks for another name
    names = [\"files.example\", \"*.files.example\"]
    chain = \"files.pem\"            # the server's own certificate first
    key = \"files.key\"              # keep it readable by root alone

Names of files that do not begin with a slash are looked for beside the configuration.

What is verified: the server's certificate, always, for the name that the kernel's user gave, or for the address if it gave
none. A server whose certificate is not good is told the TLS alert; the user in the kernel gets an errno: EKEYREJECTED for a
certificate or a pre-shared key, ENOKEY where nothing is configured, EPROTONOSUPPORT for no common protocol (ALPN), ECONNABORTED
where the peer ended it, ETIMEDOUT, and what the kernel says of a key that cannot be read.

Keys of the kernel: a user may name keys by their serial numbers. A pre-shared key is of type user or psk, its description the identity,
its bytes the key, 16 at least. A certificate and its private key are keys of type user that hold DER.

Signals: HUP reads the configuration again; TERM and INT let handshakes under way end, for 5 seconds. A second one does not wait.
";

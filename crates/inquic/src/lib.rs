//! QUIC as sockets.
#![deny(unsafe_code)]

mod blocking;
mod builder;
mod config;
mod connect;
mod connection;
mod error;
mod handshake_info;
mod home;
mod stats;
mod stream;
pub mod tokio;

pub use blocking::{Connection, Listener, ReceiveStream, SendStream, Stream};
pub use builder::{Blocking, ConnectionBuilder, ListenerBuilder, Tokio};
pub use config::TransportConfig;
pub use error::Error;
pub use handshake_info::HandshakeInfo;
pub use inquic_engine::RetryPolicy;
pub use inquic_engine::recovery::Algorithm;
pub use inquic_handshake::{Certificate, CipherSuite, ConfigError, KeyExchange, Roots, cert};
pub use stats::Stats;
pub use stream::Readiness;

/// Whether the home that `INQUIC_HOME` asks for is here.
fn check_home() -> Result<(), Error> {
    match std::env::var("INQUIC_HOME") {
        Ok(home) if home == "embedded" || home.is_empty() => Ok(()),
        Ok(home) => Err(Error::NoSuchHome(home)),
        Err(std::env::VarError::NotPresent) => Ok(()),
        Err(std::env::VarError::NotUnicode(home)) => {
            Err(Error::NoSuchHome(home.to_string_lossy().into_owned()))
        }
    }
}

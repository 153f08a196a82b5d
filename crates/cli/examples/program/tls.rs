//! The handshake over a socket's calls: what a TLS library does on QUIC sockets.

use std::io;

use inquic_handshake::{
    Certificate, CipherSuite, ClientConfig, HandshakeError, HandshakeSocket, KeySide, Level,
    Progress, Roots, ServerConfig, Session, TRANSPORT_PARAMETERS_BYTES,
};
use inquic_uapi::Layout;
use inquic_uapi::structs::{ConnectionClose, CryptoSecret};
use inquic_wire::Version;

use crate::sys::{self, Fd};

const CONNECTION_CLOSE: i32 = 5;
const CRYPTO_SECRET: i32 = 13;
const TRANSPORT_PARAM_EXT: i32 = 14;
const HANDSHAKE_INFO: i32 = 1;

/// Makes the handshake of a client.
pub(crate) fn connect(socket: &Fd, ca: &str, alpn: &str) -> io::Result<()> {
    connect_to(socket, ca, "localhost", alpn)
}

/// Makes the handshake of a client that wants a server of this name.
pub(crate) fn connect_to(socket: &Fd, ca: &str, name: &str, alpn: &str) -> io::Result<()> {
    finish(socket, Side::client_of(ca, name, alpn)?)
}

/// One side of a handshake.
pub(crate) struct Side(Session);

impl Side {
    pub(crate) fn client(ca: &str, alpn: &str) -> io::Result<Self> {
        Self::client_of(ca, "localhost", alpn)
    }

    /// Of a client that wants a server of this name.
    pub(crate) fn client_of(ca: &str, name: &str, alpn: &str) -> io::Result<Self> {
        let roots = Roots::pem_file(ca).map_err(io::Error::other)?;
        let config = ClientConfig::builder()
            .roots(roots)
            .alpn([alpn])
            .resumption(0);
        let config = config.build().map_err(io::Error::other)?;
        let session = Session::client(&config, name).map_err(io::Error::other)?;
        Ok(Self(session))
    }

    pub(crate) fn server(config: &ServerConfig) -> Self {
        Self(Session::server(config))
    }

    /// Goes on with what has come; whether it is over.
    pub(crate) fn step(&mut self, socket: &Fd) -> io::Result<bool> {
        let progress = self.0.step(&mut Calls(socket)).map_err(io::Error::other)?;
        Ok(progress != Progress::Pending)
    }
}

/// How a server makes handshakes.
pub(crate) fn server(certificate: &str, key: &str, alpn: &str) -> io::Result<ServerConfig> {
    let certificate = Certificate::from_pem_files(certificate, key).map_err(io::Error::other)?;
    let config = ServerConfig::builder()
        .certificate(certificate)
        .alpn([alpn])
        .tickets(0);
    config.build().map_err(io::Error::other)
}

/// Makes the handshake of a server.
pub(crate) fn accept(socket: &Fd, config: &ServerConfig) -> io::Result<()> {
    finish(socket, Side::server(config))
}

fn finish(socket: &Fd, mut side: Side) -> io::Result<()> {
    loop {
        match side.step(socket) {
            Ok(true) => return Ok(()),
            Ok(false) if sys::poll(socket, libc::POLLIN, 60_000)? > 0 => {}
            // Its connection should have been over long ago.
            Ok(false) => return Err(io::Error::other("nothing happens")),
            Err(error) => {
                // A connection that is over is told as such; that it took too long, the socket knows.
                let late = sys::error(socket)?.filter(|why| why.kind() == io::ErrorKind::TimedOut);
                return Err(late.unwrap_or(error));
            }
        }
    }
}

/// A socket, as a handshake needs it.
struct Calls<'a>(&'a Fd);

impl HandshakeSocket for Calls<'_> {
    fn transport_parameters(
        &mut self,
        out: &mut [u8; TRANSPORT_PARAMETERS_BYTES],
    ) -> io::Result<usize> {
        sys::get_option(self.0, TRANSPORT_PARAM_EXT, out)
    }

    fn set_peer_transport_parameters(&mut self, bytes: &[u8]) -> io::Result<()> {
        sys::set_option(self.0, TRANSPORT_PARAM_EXT, bytes)
    }

    fn begin_early_data(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_early_data_accepted(&mut self, _: bool) {}

    fn install_secret(
        &mut self,
        level: Level,
        side: KeySide,
        suite: CipherSuite,
        secret: &[u8],
    ) -> io::Result<()> {
        let mut value = CryptoSecret {
            send: u8::from(side == KeySide::Seal),
            level: number(level),
            cipher_type: match suite {
                CipherSuite::Aes128GcmSha256 => inquic_uapi::TLS_CIPHER_AES_GCM_128,
                CipherSuite::Aes256GcmSha384 => inquic_uapi::TLS_CIPHER_AES_GCM_256,
                CipherSuite::ChaCha20Poly1305Sha256 => inquic_uapi::TLS_CIPHER_CHACHA20_POLY1305,
                CipherSuite::Aes128CcmSha256 => inquic_uapi::TLS_CIPHER_AES_CCM_128,
            },
            ..CryptoSecret::default()
        };
        value.secret[..secret.len()].copy_from_slice(secret);
        let mut bytes = [0; CryptoSecret::SIZE];
        value.write(&mut bytes);
        sys::set_option(self.0, CRYPTO_SECRET, &bytes)
    }

    fn send(&mut self, level: Level, bytes: &[u8]) -> io::Result<()> {
        let sent = sys::send_with(self.0, bytes, HANDSHAKE_INFO, &[number(level)])?;
        if sent == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }

    fn receive(&mut self, out: &mut [u8]) -> io::Result<Option<(Level, usize)>> {
        // What comes after the handshake is not ours to take.
        let first = sys::receive(self.0, &mut [0; 1], libc::MSG_DONTWAIT | libc::MSG_PEEK);
        let received = match first {
            Ok(first) if first.level.is_none() => return Ok(None),
            Ok(_) => sys::receive(self.0, out, libc::MSG_DONTWAIT)?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => {
                let mut bytes = [0; ConnectionClose::SIZE];
                sys::get_option(self.0, CONNECTION_CLOSE, &mut bytes)?;
                let code = ConnectionClose::read(&bytes).errcode;
                return Err(match code.checked_sub(0x100).map(u8::try_from) {
                    Some(Ok(alert)) => io::Error::other(HandshakeError::PeerAlert(alert)),
                    _ => error,
                });
            }
        };
        let level = match received.level {
            Some(1) => Level::Initial,
            Some(2) => Level::Handshake,
            Some(_) => Level::OneRtt,
            None => return Err(io::ErrorKind::InvalidData.into()),
        };
        Ok(Some((level, received.bytes)))
    }

    fn original_version(&self) -> Version {
        Version::V1
    }

    fn version(&self) -> Version {
        Version::V1
    }

    fn fail(&mut self, alert: u8) {
        let close = ConnectionClose {
            errcode: 0x100 + u32::from(alert),
            ..ConnectionClose::default()
        };
        let mut bytes = [0; ConnectionClose::SIZE];
        close.write(&mut bytes);
        // The socket is closed next, whatever this says.
        drop(sys::set_option(self.0, CONNECTION_CLOSE, &bytes));
    }
}

const fn number(level: Level) -> u8 {
    match level {
        Level::OneRtt => 0,
        Level::Initial => 1,
        Level::Handshake => 2,
        Level::ZeroRtt => 3,
    }
}

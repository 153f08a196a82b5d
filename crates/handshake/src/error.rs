//! What can go wrong before and in a handshake, as types: errors of rustls and the system come in, one line each that names
//! the cause and the way out goes out. No text here repeats bytes of a peer unescaped.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use rustls::{CertificateError, InconsistentKeys};

/// Why a configuration cannot be.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file cannot be read or written.
    File(PathBuf, io::Error),
    /// What is wrong with the text of a file.
    InFile(PathBuf, Box<Self>),
    /// PEM text that is broken.
    DamagedPem,
    /// A certificate that is none.
    DamagedCertificate,
    /// A private key that is none.
    DamagedKey,
    /// PEM text without a certificate.
    NoCertificate,
    /// PEM text without a private key.
    NoKey,
    /// A server without a certificate.
    CertificateMissing,
    /// The key is not the certificate's.
    KeyMismatch,
    /// The machine trusts nobody.
    NoSystemRoots,
    /// No application protocol was named.
    NoApplicationProtocol,
    /// An application protocol's name of a length that TLS cannot carry.
    ApplicationProtocolLength(usize),
    /// No cipher suite or no key exchange is left.
    NothingToOffer,
    /// A key exchange that we do not know.
    UnknownKeyExchange(String),
    /// 0-RTT, whose tickets are good in one process, with a key that others share.
    SharedEarlyData,
    /// A server name that is neither a DNS name nor an IP address.
    ServerName(String),
    /// A certificate without names.
    NoNames,
    /// A certificate that would be good for longer than a date can say.
    Validity,
    /// A certificate could not be made.
    Making(String),
    /// What is wrong with a pre-shared key, or with a file of them.
    SharedKey(&'static str),
    /// rustls refuses the rest.
    Tls(rustls::Error),
}

/// Why a handshake failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Nobody whom we trust signed the server's certificate.
    UntrustedAuthority {
        /// The server's name.
        name: String,
    },
    /// The server's certificate is not good any more.
    Expired {
        /// The server's name.
        name: String,
    },
    /// The server's certificate is not good yet.
    NotYetValid {
        /// The server's name.
        name: String,
    },
    /// The server's certificate is for other names.
    WrongName {
        /// The name that we asked for.
        name: String,
        /// The names in the certificate.
        presented: Vec<String>,
    },
    /// Something else is wrong with the server's certificate.
    Certificate {
        /// The server's name.
        name: String,
        /// What it is.
        cause: CertificateError,
        /// The alert that says so.
        alert: u8,
    },
    /// The two ends speak no common application protocol.
    NoCommonProtocol,
    /// The two ends have no common cipher suite, key exchange or version.
    NothingInCommon {
        /// What rustls says.
        cause: rustls::Error,
        /// The alert that says so.
        alert: u8,
    },
    /// The client's second ClientHello has other transport parameters than its first.
    ParametersChanged,
    /// The client has shown no certificate, and must.
    NoClientCertificate,
    /// The client has none of our pre-shared keys, or offered none.
    UnknownSharedKey,
    /// The client offered a pre-shared key by the name of one of ours, and it is another key.
    WrongSharedKey,
    /// The server took none of the pre-shared keys that we offered.
    SharedKeyNotTaken,
    /// The peer sent no transport parameters, so it does not speak QUIC.
    NoTransportParameters,
    /// The client speaks TLS in the compatibility mode that QUIC forbids.
    CompatibilityMode,
    /// The peer sent handshake bytes where there must be none.
    UnexpectedBytes,
    /// The peer sent a message of this type, which TLS does not permit after the handshake.
    UnexpectedMessage(u8),
    /// The server asked for a certificate after the handshake.
    LateCertificateRequest,
    /// The server gave a ticket for a bounded amount of 0-RTT.
    EarlyDataBound,
    /// The peer sent more handshake bytes than we hold.
    TooManyBytes,
    /// The peer broke a rule of TLS.
    Peer {
        /// What rustls says.
        cause: rustls::Error,
        /// The alert that says so.
        alert: u8,
    },
    /// The peer ended the handshake with this alert.
    PeerAlert(u8),
    /// We cannot go on, and the peer is not to blame.
    Internal(&'static str),
    /// A call of the socket failed.
    Socket(io::Error),
    /// The handshake failed before.
    Ended,
}

impl ConfigError {
    /// The same in a file.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        Self::InFile(path.to_owned(), Box::new(self))
    }

    pub(crate) fn from_certificate(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Self::KeyMismatch,
            rustls::Error::InvalidCertificate(_) => Self::DamagedCertificate,
            error => Self::Tls(error),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
    pub(crate) fn made(error: rcgen::Error) -> Self {
        Self::Making(error.to_string())
    }
}

impl HandshakeError {
    /// The TLS alert that tells the peer, if this is something to tell.
    #[must_use]
    pub const fn alert(&self) -> Option<u8> {
        match self {
            Self::UntrustedAuthority { .. } => Some(48),
            Self::Expired { .. } | Self::NotYetValid { .. } => Some(45),
            Self::WrongName { .. } => Some(42),
            Self::NoCommonProtocol => Some(120),
            Self::NoTransportParameters => Some(109),
            Self::ParametersChanged => Some(47),
            Self::NoClientCertificate => Some(116),
            Self::UnknownSharedKey => Some(115),
            Self::WrongSharedKey => Some(51),
            Self::SharedKeyNotTaken => Some(40),
            Self::UnexpectedMessage(_) => Some(10),
            Self::TooManyBytes => Some(50),
            Self::Internal(_) => Some(80),
            Self::Certificate { alert, .. }
            | Self::NothingInCommon { alert, .. }
            | Self::Peer { alert, .. } => Some(*alert),
            Self::CompatibilityMode
            | Self::UnexpectedBytes
            | Self::LateCertificateRequest
            | Self::EarlyDataBound
            | Self::PeerAlert(_)
            | Self::Socket(_)
            | Self::Ended => None,
        }
    }

    /// Whether the peer broke a rule of QUIC and none of TLS, for which there is no alert but PROTOCOL_VIOLATION.
    #[must_use]
    pub const fn is_violation(&self) -> bool {
        matches!(
            self,
            Self::CompatibilityMode
                | Self::UnexpectedBytes
                | Self::LateCertificateRequest
                | Self::EarlyDataBound
        )
    }

    /// What to say where a peer has not shown who it is, or we have not.
    const fn who_is_missing(&self) -> &'static str {
        match self {
            Self::NoClientCertificate => {
                "the client has shown no certificate; give it one that an authority of ours has signed"
            }
            Self::WrongSharedKey => {
                "the client's pre-shared key is another one than ours of that name; give both ends the same one"
            }
            Self::SharedKeyNotTaken => {
                "the server takes none of our pre-shared keys; give both ends the same one"
            }
            _ => "the client has none of our pre-shared keys; give both ends the same one",
        }
    }

    /// What rustls' error, with the alert it raised, is for a client that asked for `name` or a server that did not.
    pub(crate) fn from_tls(cause: rustls::Error, alert: Option<u8>, name: Option<&str>) -> Self {
        use rustls::{Error as Tls, PeerMisbehaved};
        let name = || name.unwrap_or("the peer").to_owned();
        match cause {
            Tls::InvalidCertificate(cause) => match cause {
                CertificateError::UnknownIssuer => Self::UntrustedAuthority { name: name() },
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    Self::Expired { name: name() }
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    Self::NotYetValid { name: name() }
                }
                CertificateError::NotValidForName => Self::WrongName {
                    name: name(),
                    presented: Vec::new(),
                },
                CertificateError::NotValidForNameContext { presented, .. } => Self::WrongName {
                    name: name(),
                    presented,
                },
                cause => Self::Certificate {
                    name: name(),
                    alert: alert.unwrap_or(42),
                    cause,
                },
            },
            Tls::NoCertificatesPresented => Self::NoClientCertificate,
            Tls::NoApplicationProtocol => Self::NoCommonProtocol,
            Tls::PeerMisbehaved(PeerMisbehaved::MissingQuicTransportParameters) => {
                Self::NoTransportParameters
            }
            Tls::PeerMisbehaved(PeerMisbehaved::KeyEpochWithPendingFragment) => {
                Self::UnexpectedBytes
            }
            //= RFC 9001 §4.6.1: A client MUST treat receipt of a NewSessionTicket that contains an early_data extension with
            //= any other value as a connection error of type PROTOCOL_VIOLATION.
            Tls::PeerMisbehaved(PeerMisbehaved::InvalidMaxEarlyDataSize) => Self::EarlyDataBound,
            Tls::PeerIncompatible(_) => Self::NothingInCommon {
                alert: alert.unwrap_or(40),
                cause,
            },
            Tls::FailedToGetRandomBytes => Self::Internal("the system gives no random bytes"),
            Tls::FailedToGetCurrentTime => Self::Internal("the system's clock cannot be read"),
            // A message that could not even be parsed raises no alert in rustls.
            Tls::InvalidMessage(_) => Self::Peer {
                alert: alert.unwrap_or(50),
                cause,
            },
            cause => Self::Peer {
                alert: alert.unwrap_or(10),
                cause,
            },
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(out, "{}: {error}", path.display()),
            Self::InFile(path, error) => write!(out, "{}: {error}", path.display()),
            Self::DamagedPem => out.write_str("the PEM text is damaged; export it again"),
            Self::DamagedCertificate => {
                out.write_str("a certificate is damaged or of a kind that TLS does not take; make it again")
            }
            Self::DamagedKey => {
                out.write_str("the private key is damaged or of a kind that TLS does not take; make it again")
            }
            Self::NoCertificate => out.write_str("no certificate in it; a PEM block BEGIN CERTIFICATE is needed"),
            Self::NoKey => out.write_str("no private key in it; a PEM block BEGIN PRIVATE KEY is needed"),
            Self::CertificateMissing => out.write_str("a server needs a certificate and its key; give it one"),
            Self::KeyMismatch => {
                out.write_str("the private key is not that of the certificate; the server's own certificate comes first")
            }
            Self::NoSystemRoots => {
                out.write_str("this machine trusts no authority; install ca-certificates or pass a CA certificate as a root")
            }
            Self::NoApplicationProtocol => out.write_str("QUIC needs an application protocol (ALPN); name one at least"),
            Self::ApplicationProtocolLength(len) => {
                write!(out, "the name of an application protocol (ALPN) has 1 to 255 bytes, not {len}")
            }
            Self::NothingToOffer => out.write_str("no cipher suite or no key exchange is left; allow one of each"),
            Self::UnknownKeyExchange(name) => {
                write!(out, "no key exchange is called {name:?}; there are X25519MLKEM768, x25519, secp256r1, secp384r1")
            }
            Self::SharedEarlyData => out.write_str("0-RTT cannot go with a ticket key that others share, since its tickets are good in one process; leave one out"),
            Self::ServerName(name) => write!(out, "{name:?} is neither a DNS name nor an IP address; name the server by one"),
            Self::NoNames => out.write_str("a certificate needs a DNS name or an IP address at least"),
            Self::Validity => out.write_str("a certificate cannot be good for so long; make it a hundred years at most"),
            Self::Making(cause) => write!(out, "the certificate cannot be made: {cause}"),
            Self::SharedKey(what) => write!(out, "pre-shared keys: {what}"),
            Self::Tls(error) => write!(out, "TLS cannot be set up: {error}"),
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UntrustedAuthority { name } => write!(
                out,
                "the certificate of {name} is signed by an authority that is not trusted here; pass its CA certificate as a root"
            ),
            Self::Expired { name } => write!(
                out,
                "the certificate of {name} has expired; the server needs a new one (or the clock here is wrong)"
            ),
            Self::NotYetValid { name } => write!(
                out,
                "the certificate of {name} is not valid yet; wait, or set the clock here or there"
            ),
            Self::WrongName { name, presented } => {
                write!(out, "the server's certificate is not for {name}")?;
                if presented.is_empty() {
                    out.write_str("; connect by a name that it holds")
                } else {
                    write!(out, " but for {}; connect by that name", presented.join(", "))
                }
            }
            Self::Certificate { name, cause: CertificateError::BadSignature, .. } => write!(
                out,
                "a signature on or by the certificate of {name} is wrong; if its authority was made anew, pass the new CA certificate as a root"
            ),
            Self::Certificate { name, cause, .. } => {
                write!(out, "the certificate of {name} cannot be accepted: {cause}")
            }
            Self::NoCommonProtocol => out.write_str(
                "client and server have no application protocol (ALPN) in common; give both ends the same name",
            ),
            Self::NothingInCommon { cause, .. } => {
                write!(out, "client and server have no TLS parameters in common: {cause}")
            }
            Self::NoTransportParameters => {
                out.write_str("the peer sent no transport parameters; it speaks TLS, but not QUIC")
            }
            Self::CompatibilityMode => {
                out.write_str("the client uses the middlebox compatibility mode of TLS, which QUIC forbids")
            }
            Self::ParametersChanged => {
                out.write_str("the client changed its transport parameters when it was asked for another key share")
            }
            Self::NoClientCertificate
            | Self::UnknownSharedKey
            | Self::WrongSharedKey
            | Self::SharedKeyNotTaken => out.write_str(self.who_is_missing()),
            Self::UnexpectedBytes => out.write_str("the peer sent handshake bytes after the end of a level"),
            Self::UnexpectedMessage(kind) => {
                write!(out, "the peer sent a handshake message of type {kind} after the handshake")
            }
            Self::LateCertificateRequest => {
                out.write_str("the server asked for a certificate after the handshake, which QUIC forbids")
            }
            Self::EarlyDataBound => {
                out.write_str("the server gave a ticket with a bound for 0-RTT, which QUIC forbids")
            }
            Self::TooManyBytes => out.write_str("the peer sent more than 64 KiB of handshake; its certificate chain must be shorter"),
            Self::Peer { cause, .. } => write!(out, "the peer broke a rule of TLS: {cause}"),
            Self::PeerAlert(alert) => {
                write!(out, "the peer ended the handshake with alert {alert} ({}){}", alert_name(*alert), advice(*alert))
            }
            Self::Internal(cause) => write!(out, "the handshake cannot go on: {cause}"),
            Self::Socket(error) => write!(out, "the socket failed in the handshake: {error}"),
            Self::Ended => out.write_str("the handshake failed before; open a new connection"),
        }
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::File(_, error) => Some(error),
            Self::InFile(_, error) => Some(error),
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }
}

impl Error for HandshakeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Socket(error) => Some(error),
            Self::NothingInCommon { cause, .. } | Self::Peer { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

/// An error of the socket that carries a [`HandshakeError`] becomes that one, so that a socket that learns of the peer's alert
/// can say so.
impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        error.downcast().unwrap_or_else(Self::Socket)
    }
}

/// The name of a TLS alert in RFC 8446 §6.
#[must_use]
pub const fn alert_name(alert: u8) -> &'static str {
    match alert {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "unknown",
    }
}

/// What to do about an alert of the peer.
const fn advice(alert: u8) -> &'static str {
    match alert {
        40 => ": no TLS parameters in common; allow more cipher suites or key exchanges",
        42 | 43 | 46 => {
            ": it does not accept our certificate; give a certificate for the name that it connects to"
        }
        45 => ": our certificate is not valid now; renew it",
        48 => {
            ": it does not trust the authority that signed our certificate; give it that CA certificate"
        }
        116 => ": it wants a certificate of ours; give one that an authority of its has signed",
        115 => ": it has none of our pre-shared keys; give both ends the same one",
        120 => ": no application protocol (ALPN) in common; give both ends the same name",
        _ => "",
    }
}

//! The agent's configuration: a file comes in, identities and authorities that can be used go out. Whatever can be wrong with a file
//! is found here, before a connection is.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, fs, io};

use inquic_handshake::{
    Certificate, ClientCertificate, ClientConfig, ConfigError, Roots, ServerConfig, SharedKey,
};
use serde::Deserialize;

use crate::limits;

/// What handshakes are made with.
#[derive(Debug)]
pub(crate) struct Config {
    /// Handshakes at the same time.
    pub(crate) handshakes: usize,
    /// How long one may take where its user leaves that open.
    pub(crate) timeout: Duration,
    /// Whom clients trust, or why there is nobody.
    roots: Result<Roots, String>,
    /// What clients show where their user names nothing.
    pub(crate) own: Option<Certificate>,
    /// Whose certificates servers take from clients.
    clients: Option<Roots>,
    /// What servers want of clients, at the least.
    wanted: Option<ClientCertificate>,
    /// What servers show, the first to whoever asks for another name.
    certificates: Vec<Identity>,
    /// Pre-shared keys, beside those that users in the kernel name.
    pub(crate) shared_keys: Vec<SharedKey>,
}

/// A certificate and the names that it is shown for.
#[derive(Debug)]
struct Identity {
    names: Vec<String>,
    certificate: Certificate,
}

/// Why there is no configuration.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The file cannot be read.
    File(PathBuf, io::Error),
    /// It is not what it should be.
    Text(PathBuf, Box<toml::de::Error>),
    /// A number is out of its bounds.
    Number(&'static str, u64, u64),
    /// A chain of clients without its key, or the other way about.
    Half,
    /// Something that it names cannot be used.
    Named(ConfigError),
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Text {
    handshakes: Option<u64>,
    timeout_seconds: Option<u64>,
    client: Client,
    server: Server,
    certificate: Vec<Shown>,
    psk: Shared,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Client {
    roots: Option<PathBuf>,
    chain: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Server {
    roots: Option<PathBuf>,
    clients: Option<Clients>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Clients {
    Ask,
    Require,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Shared {
    file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    #[serde(default)]
    names: Vec<String>,
    chain: PathBuf,
    key: PathBuf,
}

impl Config {
    /// Reads the file. Names in it that do not begin with a slash are looked for beside it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or with a file that it names.
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let mut text = String::new();
        let read = fs::File::open(path)
            .and_then(|file| file.take(limits::CONFIG_BYTES).read_to_string(&mut text));
        read.map_err(|error| Fault::File(path.to_owned(), error))?;
        let text: Text =
            toml::from_str(&text).map_err(|error| Fault::Text(path.to_owned(), Box::new(error)))?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        Self::new(text, folder)
    }

    /// What goes without a file: the system's authorities, and no certificate.
    pub(crate) fn without_file() -> Self {
        Self {
            handshakes: limits::HANDSHAKES,
            timeout: limits::HANDSHAKE,
            roots: system(),
            own: None,
            clients: None,
            wanted: None,
            certificates: Vec::new(),
            shared_keys: Vec::new(),
        }
    }

    fn new(text: Text, folder: &Path) -> Result<Self, Fault> {
        let Text {
            handshakes,
            timeout_seconds,
            client: Client { roots, chain, key },
            server,
            certificate,
            psk: Shared { file: keys },
        } = text;
        let handshakes = within(
            "handshakes",
            handshakes,
            limits::HANDSHAKES as u64,
            limits::HANDSHAKES_MAX as u64,
        )?;
        let timeout = within(
            "timeout_seconds",
            timeout_seconds,
            limits::HANDSHAKE.as_secs(),
            limits::HANDSHAKE_MAX.as_secs(),
        )?;
        let roots = match roots {
            None => system(),
            Some(file) => Ok(Roots::pem_file(folder.join(file))?),
        };
        let own = match (chain, key) {
            (None, None) => None,
            (Some(chain), Some(key)) => Some(identity(folder, chain, key)?),
            _ => return Err(Fault::Half),
        };
        let mut certificates = Vec::new();
        for Shown { names, chain, key } in certificate {
            let certificate = identity(folder, chain, key)?;
            certificates.push(Identity { names, certificate });
        }
        Ok(Self {
            handshakes: usize::try_from(handshakes).unwrap_or(limits::HANDSHAKES_MAX),
            timeout: Duration::from_secs(timeout),
            roots,
            own,
            clients: match server.roots {
                None => None,
                Some(file) => Some(Roots::pem_file(folder.join(file))?),
            },
            wanted: server.clients.map(|clients| match clients {
                Clients::Ask => ClientCertificate::Asked,
                Clients::Require => ClientCertificate::Required,
            }),
            certificates,
            shared_keys: match keys {
                None => Vec::new(),
                Some(file) => SharedKey::in_file(folder.join(file))?,
            },
        })
    }

    /// How a client makes its handshake.
    ///
    /// # Errors
    ///
    /// [`Unusable::Authorities`] where it would trust nobody, else what is wrong with the protocols.
    pub(crate) fn client(
        &self,
        alpn: &[Vec<u8>],
        own: Option<Certificate>,
    ) -> Result<ClientConfig, Unusable> {
        let roots = self.roots.as_ref();
        let roots = roots.map_err(|why| Unusable::Authorities(why.clone()))?;
        let mut builder = ClientConfig::builder().roots(roots.clone()).alpn(alpn);
        if let Some(own) = own {
            builder = builder.certificate(own);
        }
        // Nobody would find a ticket again: the next connection has a session of its own.
        builder.resumption(0).build().map_err(Unusable::Other)
    }

    /// How a server makes its handshake; `own` is shown to all where its user names it, and `asked` is what its socket wants of clients.
    ///
    /// # Errors
    ///
    /// [`Unusable::Certificates`] where it has nothing to show, [`Unusable::Clients`] where it takes nobody's, else what is wrong with the
    /// protocols.
    pub(crate) fn server(
        &self,
        alpn: &[Vec<u8>],
        own: Option<Certificate>,
        asked: Option<ClientCertificate>,
    ) -> Result<ServerConfig, Unusable> {
        let mut builder = ServerConfig::builder().alpn(alpn).tickets(0);
        if let Some(own) = own {
            builder = builder.certificate(own);
        } else {
            let first = self.certificates.first().ok_or(Unusable::Certificates)?;
            builder = builder.certificate(first.certificate.clone());
            for Identity { names, certificate } in &self.certificates {
                builder = builder.certificate_for(names, certificate.clone());
            }
        }
        // The stricter of the two.
        if let Some(wanted) = asked.max(self.wanted) {
            let roots = self.clients.clone().ok_or(Unusable::Clients)?;
            builder = builder.clients(roots, wanted);
        }
        builder.build().map_err(Unusable::Other)
    }
}

/// Why a handshake cannot be made with this configuration.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// Nobody is trusted.
    Authorities(String),
    /// There is nothing to show.
    Certificates,
    /// Clients are to show something, and nobody is trusted to have signed it.
    Clients,
    /// The rest.
    Other(ConfigError),
}

fn system() -> Result<Roots, String> {
    Roots::system().map_err(|error| error.to_string())
}

/// A certificate from files. That key and certificate belong together is found out here, and not by the first peer.
fn identity(folder: &Path, chain: PathBuf, key: PathBuf) -> Result<Certificate, ConfigError> {
    let certificate = Certificate::from_pem_files(folder.join(chain), folder.join(key))?;
    let server = ServerConfig::builder().certificate(certificate.clone());
    server.alpn(["check"]).build()?;
    Ok(certificate)
}

fn within(name: &'static str, value: Option<u64>, default: u64, most: u64) -> Result<u64, Fault> {
    match value {
        None => Ok(default),
        Some(value) if (1..=most).contains(&value) => Ok(value),
        Some(value) => Err(Fault::Number(name, value, most)),
    }
}

impl From<ConfigError> for Fault {
    fn from(error: ConfigError) -> Self {
        Self::Named(error)
    }
}

/// One line for people.
impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(out, "{}: {error}", path.display()),
            Self::Text(path, error) => {
                let line: Vec<&str> = error.message().split_whitespace().collect();
                write!(out, "{}: {}", path.display(), line.join(" "))
            }
            Self::Number(name, value, most) => {
                write!(out, "{name} is {value}; it may be 1 to {most}")
            }
            Self::Half => {
                out.write_str("[client] has a chain or a key without the other; give both")
            }
            Self::Named(error) => error.fmt(out),
        }
    }
}

impl fmt::Display for Config {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            handshakes,
            timeout,
            roots,
            own,
            clients,
            wanted,
            certificates,
            shared_keys,
        } = self;
        writeln!(out, "handshakes at the same time: {handshakes}")?;
        writeln!(out, "seconds for each: {}", timeout.as_secs())?;
        match roots {
            Ok(_) => writeln!(out, "clients: trust the authorities that were found")?,
            Err(why) => writeln!(out, "clients: none ({why})")?,
        }
        if own.is_some() {
            writeln!(out, "clients: have a certificate of their own")?;
        }
        match (clients, wanted) {
            (None, None) => {}
            (None, Some(_)) => writeln!(out, "servers: none (no [server] roots for clients)")?,
            (Some(_), None) => writeln!(out, "servers: clients show certificates where asked")?,
            (Some(_), Some(ClientCertificate::Asked)) => {
                writeln!(out, "servers: clients are asked for certificates")?;
            }
            (Some(_), Some(ClientCertificate::Required)) => {
                writeln!(out, "servers: clients must show certificates")?;
            }
        }
        if certificates.is_empty() {
            writeln!(out, "servers: none (no [[certificate]])")?;
        }
        for (at, Identity { names, .. }) in certificates.iter().enumerate() {
            let shown = if names.is_empty() {
                "no names".to_owned()
            } else {
                names.join(", ")
            };
            let others = if at == 0 { ", and any other name" } else { "" };
            writeln!(out, "servers: a certificate for {shown}{others}")?;
        }
        if !shared_keys.is_empty() {
            let number = shared_keys.len();
            writeln!(out, "pre-shared keys, beside those of the kernel: {number}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

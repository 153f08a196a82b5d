//! In: a directory. Out: a throw-away CA, and a certificate for `localhost` that it signed. Never used for anything else.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::shell::{command, output};

/// Paths of PEM files.
#[derive(Clone)]
pub(crate) struct Certificates {
    /// The CA's certificate.
    pub(crate) ca: PathBuf,
    /// The server's.
    pub(crate) cert: PathBuf,
    /// The server's key, PKCS #8.
    pub(crate) key: PathBuf,
}

impl Certificates {
    /// Makes both, ECDSA P-256, with openssl.
    pub(crate) fn make(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let path = |name: &str| directory.join(name);
        let made = Self {
            ca: path("ca.pem"),
            cert: path("cert.pem"),
            key: path("key.pem"),
        };
        fs::write(path("leaf.cnf"), LEAF)?;
        output(
            openssl(&[
                "req",
                "-x509",
                "-subj",
                "/CN=inquic throw-away CA",
                "-days",
                "30",
            ])
            .args(NEW_KEY)
            .arg("-keyout")
            .arg(path("ca.key"))
            .arg("-out")
            .arg(&made.ca),
        )?;
        output(
            openssl(&["req", "-subj", "/CN=localhost"])
                .args(NEW_KEY)
                .arg("-keyout")
                .arg(&made.key)
                .arg("-out")
                .arg(path("request.pem")),
        )?;
        output(
            openssl(&["x509", "-req", "-days", "30", "-set_serial", "1"])
                .arg("-in")
                .arg(path("request.pem"))
                .arg("-CA")
                .arg(&made.ca)
                .arg("-CAkey")
                .arg(path("ca.key"))
                .arg("-extfile")
                .arg(path("leaf.cnf"))
                .arg("-out")
                .arg(&made.cert),
        )?;
        Ok(made)
    }
}

fn openssl(arguments: &[&str]) -> std::process::Command {
    let mut openssl = command("openssl");
    openssl.args(arguments);
    openssl
}

const NEW_KEY: [&str; 5] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
];
const LEAF: &str = "\
subjectAltName = DNS:localhost, IP:127.0.0.1
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
";

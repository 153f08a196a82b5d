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
    /// The server's for the same key, behind long certificates of five more authorities.
    pub(crate) chain: PathBuf,
    /// The server's key, PKCS #8.
    pub(crate) key: PathBuf,
}

impl Certificates {
    /// Those that were made in a directory.
    pub(crate) fn of(directory: &Path) -> Self {
        let path = |name: &str| directory.join(name);
        Self {
            ca: path("ca.pem"),
            cert: path("cert.pem"),
            chain: path("chain.pem"),
            key: path("key.pem"),
        }
    }

    /// Makes both, ECDSA P-256, with openssl.
    pub(crate) fn make(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let path = |name: &str| directory.join(name);
        let made = Self::of(directory);
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
        let root = Issuer {
            certificate: made.ca.clone(),
            key: path("ca.key"),
        };
        root.sign(&path("request.pem"), &path("leaf.cnf"), &made.cert)?;
        make_chain(directory, root, &made.chain)?;
        Ok(made)
    }
}

/// Who signs.
struct Issuer {
    certificate: PathBuf,
    key: PathBuf,
}

impl Issuer {
    fn sign(&self, request: &Path, extensions: &Path, to: &Path) -> Result<()> {
        output(
            openssl(&["x509", "-req", "-days", "30", "-set_serial", "1"])
                .arg("-in")
                .arg(request)
                .arg("-CA")
                .arg(&self.certificate)
                .arg("-CAkey")
                .arg(&self.key)
                .arg("-extfile")
                .arg(extensions)
                .arg("-out")
                .arg(to),
        )?;
        Ok(())
    }
}

/// Five authorities below the first, each with a long comment: a handshake of more than 7,500 bytes. More authorities
/// than that are refused by some verifiers.
fn make_chain(directory: &Path, root: Issuer, to: &Path) -> Result<()> {
    let path = |name: &str| directory.join(name);
    let comment = "inquic ".repeat(170);
    let authority = format!("{AUTHORITY}nsComment = {comment}\n");
    fs::write(path("authority.cnf"), authority)?;
    let mut issuer = root;
    let mut chain = Vec::new();
    for number in 1..=5 {
        let next = Issuer {
            certificate: path(&format!("authority{number}.pem")),
            key: path(&format!("authority{number}.key")),
        };
        let request = path("authority-request.pem");
        output(
            openssl(&["req", "-subj", &format!("/CN=authority {number}")])
                .args(NEW_KEY)
                .arg("-keyout")
                .arg(&next.key)
                .arg("-out")
                .arg(&request),
        )?;
        issuer.sign(&request, &path("authority.cnf"), &next.certificate)?;
        chain.push(fs::read_to_string(&next.certificate)?);
        issuer = next;
    }
    let leaf = path("chain-leaf.pem");
    issuer.sign(&path("request.pem"), &path("leaf.cnf"), &leaf)?;
    chain.push(fs::read_to_string(&leaf)?);
    chain.reverse();
    fs::write(to, chain.concat())?;
    Ok(())
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
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
";
const AUTHORITY: &str = "\
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
";

//! Comes in: names. Goes out: an authority and a certificate for them, as PEM files. Must never let others read a key.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use inquic::cert::CertificateAuthority;

use crate::args;
use crate::failure::{Exit, Failure, shown};
use crate::output::say;

/// Makes what is missing, and says what it made.
pub(crate) fn run(args: &args::Cert) -> Result<(), Failure> {
    let new = make(&args.names, &args.out, args.days)?;
    let out = shown(&args.out);
    let ca = if new {
        "a new certificate authority"
    } else {
        "the certificate authority that was there"
    };
    say(&format!("{out}/ca.pem    {ca}: give it to clients as --ca"));
    say(&format!(
        "{out}/cert.pem  certificate for {}, {} days: --cert of the server",
        args.names.join(", "),
        args.days
    ));
    say(&format!(
        "{out}/key.pem   its private key: --key of the server"
    ));
    Ok(())
}

/// Makes `ca.pem`, `ca.key`, `cert.pem` and `key.pem` in a directory, and says whether the authority is new.
pub(crate) fn make(names: &[String], directory: &Path, days: u32) -> Result<bool, Failure> {
    fs::create_dir_all(directory).map_err(|e| Failure::writing(&shown(directory), &e))?;
    let failed = |e: &dyn std::fmt::Display| {
        let cause = format!("cannot make a certificate for {}: {e}", names.join(", "));
        Failure::new(
            Exit::Usage,
            cause,
            "give host names or IP addresses, and a ca.key in PEM or none",
        )
    };
    let key_path = directory.join("ca.key");
    let old = match fs::read_to_string(&key_path) {
        Ok(key) => Some(key),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(Failure::reading(&shown(&key_path), &error)),
    };
    let authority = match &old {
        Some(key) => CertificateAuthority::from_key_pem(AUTHORITY, key),
        None => CertificateAuthority::new(AUTHORITY),
    };
    let authority = authority.map_err(|e| failed(&e))?;
    let issued = authority
        .issue(names, Duration::from_secs(u64::from(days) * 24 * 3600))
        .map_err(|e| failed(&e))?;
    if old.is_none() {
        write(&key_path, &authority.key_pem(), 0o600)?;
        write(&directory.join("ca.pem"), authority.pem(), 0o644)?;
    }
    write(&directory.join("key.pem"), &issued.key_pem, 0o600)?;
    write(&directory.join("cert.pem"), &issued.certificate_pem, 0o644)?;
    Ok(old.is_none())
}

/// Writes a new file; one of that name is replaced, with whatever permissions it had.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::writing(&shown(path), &e);
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(failed)
}

/// What the authority is called in its certificate.
const AUTHORITY: &str = "inquic CA";

#[cfg(test)]
mod tests;

//! Throw-away authorities and certificates, for demonstrations, tests and private networks: names come in, PEM text goes out.
//! A key made here is P-256 and lies in clear in the text.

use std::fmt;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};

use crate::error::ConfigError;

/// An authority that signs certificates.
#[derive(Debug)]
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key.
#[derive(Clone)]
pub struct IssuedCertificate {
    /// The certificate, in PEM.
    pub certificate_pem: String,
    /// Its private key, in PEM.
    pub key_pem: String,
}

impl CertificateAuthority {
    /// An authority of this name with a new key, good for ten years.
    ///
    /// # Errors
    ///
    /// When no key can be made.
    pub fn new(name: &str) -> Result<Self, ConfigError> {
        let key = KeyPair::generate().map_err(ConfigError::made)?;
        Self::with_key(name, key)
    }

    /// The authority of this name and key again, to sign further certificates. Its certificate is made anew, and what was
    /// signed before is good under either.
    ///
    /// # Errors
    ///
    /// When the key is not one.
    pub fn from_key_pem(name: &str, key_pem: &str) -> Result<Self, ConfigError> {
        let key = KeyPair::from_pem(key_pem).map_err(ConfigError::made)?;
        Self::with_key(name, key)
    }

    /// The authority's own certificate, in PEM: what clients need as a root.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The authority's private key, in PEM.
    #[must_use]
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A server certificate for these DNS names and IP addresses, good from an hour ago (clocks differ) for so long.
    ///
    /// # Errors
    ///
    /// When a name cannot stand in a certificate.
    pub fn issue(
        &self,
        names: &[impl AsRef<str>],
        valid_for: Duration,
    ) -> Result<IssuedCertificate, ConfigError> {
        let (from, until) = validity(valid_for)?;
        self.issue_between(names, from, until)
    }

    /// A client's certificate in this name, good as one of [`CertificateAuthority::issue`] is. No server can be one with it.
    ///
    /// # Errors
    ///
    /// When the name cannot stand in a certificate.
    pub fn issue_client(
        &self,
        name: &str,
        valid_for: Duration,
    ) -> Result<IssuedCertificate, ConfigError> {
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        self.sign(&[name], validity(valid_for)?, usage)
    }

    /// A server certificate that is good between two moments, for tests of what is not good any more or not yet.
    ///
    /// # Errors
    ///
    /// When a name cannot stand in a certificate.
    pub fn issue_between(
        &self,
        names: &[impl AsRef<str>],
        not_before: SystemTime,
        not_after: SystemTime,
    ) -> Result<IssuedCertificate, ConfigError> {
        let usage = ExtendedKeyUsagePurpose::ServerAuth;
        self.sign(names, (not_before, not_after), usage)
    }

    fn sign(
        &self,
        names: &[impl AsRef<str>],
        (not_before, not_after): (SystemTime, SystemTime),
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<IssuedCertificate, ConfigError> {
        let names: Vec<String> = names.iter().map(|name| name.as_ref().to_owned()).collect();
        let common_name = names.first().ok_or(ConfigError::NoNames)?.clone();
        let mut params = CertificateParams::new(names).map_err(ConfigError::made)?;
        params.distinguished_name = named(&common_name);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.not_before = not_before.into();
        params.not_after = not_after.into();
        let key = KeyPair::generate().map_err(ConfigError::made)?;
        let certificate = params.signed_by(&key, &self.issuer);
        Ok(IssuedCertificate {
            certificate_pem: certificate.map_err(ConfigError::made)?.pem(),
            key_pem: key.serialize_pem(),
        })
    }

    fn with_key(name: &str, key: KeyPair) -> Result<Self, ConfigError> {
        let now = now();
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        // Authorities of one name must not look alike: a client that trusts the one is then told that the other is unknown,
        // and not that a signature is wrong.
        let public = key.public_key_raw();
        let serial = public
            .iter()
            .rev()
            .take(8)
            .map(|byte| format!("{byte:02x}"));
        let serial: String = serial.collect();
        params
            .distinguished_name
            .push(DnType::CustomDnType(SERIAL_NUMBER.to_vec()), serial);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = (now - CLOCK_DIFFERENCE).into();
        params.not_after = (now + TEN_YEARS).into();
        let certificate = params.self_signed(&key).map_err(ConfigError::made)?;
        Ok(Self {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        })
    }
}

impl fmt::Debug for IssuedCertificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut issued = out.debug_struct("IssuedCertificate");
        issued.field("certificate_pem", &self.certificate_pem);
        issued.finish_non_exhaustive()
    }
}

/// From an hour ago, since clocks differ, for so long.
fn validity(valid_for: Duration) -> Result<(SystemTime, SystemTime), ConfigError> {
    if valid_for > HUNDRED_YEARS {
        return Err(ConfigError::Validity);
    }
    let now = now();
    Ok((now - CLOCK_DIFFERENCE, now + valid_for))
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

#[expect(
    clippy::disallowed_methods,
    reason = "dates in certificates are those of the calendar, which rustls reads too"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// The attribute serialNumber of X.520.
const SERIAL_NUMBER: [u64; 4] = [2, 5, 4, 5];
/// How far the clocks of two machines that talk may be apart.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(3600);
/// How long a throw-away authority is good for.
const TEN_YEARS: Duration = Duration::from_secs(3650 * 24 * 3600);
/// How long a certificate may be good for: dates beyond the year 9999 have no form.
const HUNDRED_YEARS: Duration = Duration::from_secs(36_500 * 24 * 3600);

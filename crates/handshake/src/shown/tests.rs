use super::*;
use crate::cert::CertificateAuthority;
use crate::options::Options;
use std::time::Duration;

fn certificate(name: &str) -> Certificate {
    let authority = CertificateAuthority::new("test").expect("an authority");
    let issued = authority.issue(&[name], Duration::from_secs(60));
    let issued = issued.expect("a certificate");
    Certificate::from_pem(issued.certificate_pem.as_bytes(), issued.key_pem.as_bytes())
        .expect("a certificate")
}

/// The place of the certificate that is shown, among those that were given; 0 is that for all others.
fn place(shown: &Shown, asked: &str) -> usize {
    let found = shown.find(asked);
    let named = shown.named.iter();
    let at = named
        .map(|(_, certificate)| certificate)
        .position(|one| Arc::ptr_eq(one, found));
    at.map_or(0, |at| at + 1)
}

fn shown(names: &[&str]) -> Shown {
    let provider = Options::default().provider().expect("a provider");
    let named = names
        .iter()
        .map(|name| (vec![(*name).to_owned()], certificate("x")));
    Shown::new(certificate("other"), named.collect(), &provider).expect("certificates")
}

#[test]
fn a_client_is_shown_the_certificate_of_the_name_that_it_asks_for() {
    let shown = shown(&["a.example", "B.example."]);
    assert_eq!(place(&shown, "a.example"), 1);
    assert_eq!(place(&shown, "b.EXAMPLE"), 2);
    assert_eq!(place(&shown, "c.example"), 0);
}

#[test]
fn an_asterisk_stands_for_one_label() {
    let shown = shown(&["one.example", "*.example"]);
    assert_eq!(place(&shown, "one.example"), 1);
    assert_eq!(place(&shown, "two.example"), 2);
    assert_eq!(place(&shown, "a.two.example"), 0);
    assert_eq!(place(&shown, ".example"), 0);
    assert_eq!(place(&shown, "example"), 0);
}

use inquic_handshake::cert::CertificateAuthority;
use tempfile::TempDir;

use super::*;

/// A folder with an authority, a certificate of it and a configuration.
fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = CertificateAuthority::new("test").expect("an authority");
    let issued = authority
        .issue(&["localhost"], Duration::from_secs(60))
        .expect("a certificate");
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    put("ca.pem", authority.pem());
    put("cert.pem", &issued.certificate_pem);
    put("key.pem", &issued.key_pem);
    put("other.key", &authority.key_pem());
    put("agent.toml", config);
    folder
}

fn read(config: &str) -> Result<Config, Fault> {
    Config::read(&folder(config).path().join("agent.toml"))
}

#[test]
fn files_are_looked_for_beside_the_configuration() {
    let config = read(
        r#"
        handshakes = 3
        timeout_seconds = 7
        [client]
        roots = "ca.pem"
        [[certificate]]
        names = ["localhost"]
        chain = "cert.pem"
        key = "key.pem"
        "#,
    );
    let config = config.expect("a configuration");
    assert_eq!(config.handshakes, 3);
    assert_eq!(config.timeout, Duration::from_secs(7));
    assert!(config.client(&[b"a".to_vec()], None).is_ok());
    assert!(config.server(&[b"a".to_vec()], None, None).is_ok());
    assert!(matches!(
        config.server(&[], None, None),
        Err(Unusable::Other(_))
    ));
}

#[test]
fn without_a_certificate_there_is_no_server() {
    let config = read("[client]\nroots = \"ca.pem\"").expect("a configuration");
    let server = config.server(&[b"a".to_vec()], None, None);
    assert!(matches!(server, Err(Unusable::Certificates)));
}

#[test]
fn the_bounds_of_numbers_are_kept() {
    let most = limits::HANDSHAKES_MAX;
    let roots = "[client]\nroots = \"ca.pem\"";
    assert!(read(&format!("handshakes = {most}\n{roots}")).is_ok());
    let over = read(&format!("handshakes = {}\n{roots}", most + 1));
    assert!(matches!(over, Err(Fault::Number("handshakes", ..))));
    let seconds = limits::HANDSHAKE_MAX.as_secs();
    assert!(read(&format!("timeout_seconds = {seconds}\n{roots}")).is_ok());
    let over = read(&format!("timeout_seconds = {}\n{roots}", seconds + 1));
    assert!(matches!(over, Err(Fault::Number("timeout_seconds", ..))));
    assert!(matches!(read("handshakes = 0"), Err(Fault::Number(..))));
}

#[test]
fn a_key_of_another_certificate_is_found_out_at_once() {
    let config = read("[[certificate]]\nchain = \"cert.pem\"\nkey = \"other.key\"");
    let fault = config.expect_err("refused");
    assert!(
        matches!(fault, Fault::Named(ConfigError::KeyMismatch)),
        "{fault}"
    );
}

#[test]
fn a_word_that_it_does_not_know_is_named() {
    let fault = read("certificates = 1").expect_err("refused");
    assert!(fault.to_string().contains("certificates"), "{fault}");
}

#[test]
fn a_client_key_goes_with_its_chain() {
    let text = "[client]\nroots = \"ca.pem\"\nchain = \"cert.pem\"\n";
    let config = read(&format!("{text}key = \"key.pem\"")).expect("a configuration");
    assert!(config.own.is_some());
    let fault = read(&format!("{text}key = \"other.key\"")).expect_err("refused");
    assert!(
        matches!(fault, Fault::Named(ConfigError::KeyMismatch)),
        "{fault}"
    );
    let fault = read(text).expect_err("refused");
    assert!(matches!(fault, Fault::Half), "{fault}");
}

#[test]
fn clients_certificates_need_an_authority() {
    let server = "chain = \"cert.pem\"\nkey = \"key.pem\"";
    let text = format!("[[certificate]]\n{server}\n[server]\nclients = \"require\"\n");
    let alpn = [b"a".to_vec()];
    let config = read(&text).expect("a configuration");
    let unusable = config.server(&alpn, None, None);
    assert!(matches!(unusable, Err(Unusable::Clients)));
    let config = read(&format!("{text}roots = \"ca.pem\"")).expect("a configuration");
    assert!(config.server(&alpn, None, None).is_ok());
    assert!(read("[server]\nclients = \"perhaps\"").is_err());
}

use super::*;
use std::os::unix::fs::PermissionsExt as _;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn keys_are_readable_by_their_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    assert!(make(&["localhost".into()], dir.path(), 1).unwrap());
    assert_eq!(
        (
            mode(&dir.path().join("ca.key")),
            mode(&dir.path().join("key.pem"))
        ),
        (0o600, 0o600)
    );
}

#[test]
fn authority_that_is_there_stays() {
    let dir = tempfile::tempdir().unwrap();
    make(&["localhost".into()], dir.path(), 1).unwrap();
    let ca = fs::read(dir.path().join("ca.pem")).unwrap();
    let certificate = fs::read(dir.path().join("cert.pem")).unwrap();
    assert!(!make(&["example.org".into(), "192.0.2.1".into()], dir.path(), 1).unwrap());
    assert_eq!(fs::read(dir.path().join("ca.pem")).unwrap(), ca);
    assert_ne!(fs::read(dir.path().join("cert.pem")).unwrap(), certificate);
}

#[test]
fn name_that_cannot_be_certified_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let failure = make(&["ünïcödé".into()], dir.path(), 1).unwrap_err();
    assert_eq!(failure.exit(), Exit::Usage);
    assert_eq!(failure.to_string().lines().count(), 1);
}

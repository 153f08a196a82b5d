use super::*;

#[test]
fn error_of_the_library_keeps_its_kind_through_a_stream() {
    let error = Error::Handshake("it failed; try again".into());
    let failure = Failure::broken(&io::Error::from(error.clone()));
    assert_eq!(failure.exit(), Exit::Handshake);
    assert_eq!(failure.to_string(), error.to_string());
}

#[test]
fn every_kind_of_trouble_has_its_exit_code() {
    let address: SocketAddr = "192.0.2.1:1".parse().unwrap();
    let cases = [
        (
            Error::UnknownHost {
                host: "x".into(),
                cause: "y".into(),
            },
            Exit::Network,
        ),
        (Error::PortInUse(address), Exit::Network),
        (Error::NoRoute(address), Exit::Network),
        (Error::PeerGone, Exit::Network),
        (Error::NoCommonVersion, Exit::Handshake),
        (Error::Handshake("x".into()), Exit::Handshake),
        (Error::BadAddress("x".into()), Exit::Usage),
    ];
    for (error, exit) in cases {
        let failure = failure(&error);
        assert_eq!(failure.exit(), exit, "{error}");
        assert_eq!(failure.to_string().lines().count(), 1);
    }
}

#[test]
fn file_that_is_no_certificate_is_one_line_with_the_way_out() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "not a certificate").unwrap();
    let failure = roots(Some(file.path())).unwrap_err();
    assert_eq!(failure.exit(), Exit::Local);
    assert!(
        failure.to_string().contains("no usable CA certificate"),
        "{failure}"
    );
    let failure = certificate(file.path(), file.path()).unwrap_err();
    assert!(
        failure.to_string().contains("are no certificate and key"),
        "{failure}"
    );
}

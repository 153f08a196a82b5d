use super::Target;
use crate::Error;

#[test]
fn a_target_is_a_host_and_a_port() {
    assert_eq!(
        Target::parse("example.org:4433"),
        Ok(Target {
            host: "example.org",
            port: 4433
        })
    );
    assert_eq!(
        Target::parse("[::1]:80"),
        Ok(Target {
            host: "::1",
            port: 80
        })
    );
    assert_eq!(
        Target::parse("127.0.0.1:1"),
        Ok(Target {
            host: "127.0.0.1",
            port: 1
        })
    );
}

#[test]
fn what_is_no_target_is_told_so() {
    for bad in [
        "",
        "example.org",
        ":80",
        "::1:80",
        "[::1:80",
        "example.org:99999",
        "example.org:0",
        "example.org:http",
    ] {
        assert_eq!(
            Target::parse(bad),
            Err(Error::BadAddress(bad.into())),
            "{bad}"
        );
    }
}

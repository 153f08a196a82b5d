use super::*;

fn parsed(raw: &str) -> (String, String, bool) {
    let target = Location::parse(raw).unwrap();
    (target.server, target.name.as_str().to_owned(), target.into)
}

#[test]
fn url_and_short_form_mean_the_same() {
    let expected = ("host:1234".to_owned(), "a/b".to_owned(), false);
    assert_eq!(parsed("quic://host:1234/a/b"), expected);
    assert_eq!(parsed("host:1234/a/b"), expected);
}

#[test]
fn port_and_path_may_be_missing() {
    assert_eq!(parsed("host"), ("host:4433".into(), String::new(), true));
    assert_eq!(
        parsed("quic://host/"),
        ("host:4433".into(), String::new(), true)
    );
    assert_eq!(
        parsed("host/dir/"),
        ("host:4433".into(), "dir".into(), true)
    );
}

#[test]
fn ipv6_is_written_in_brackets() {
    assert_eq!(parsed("[::1]:9/x"), ("[::1]:9".into(), "x".into(), false));
    assert_eq!(
        parsed("[fe80::1]/x"),
        ("[fe80::1]:4433".into(), "x".into(), false)
    );
}

#[test]
fn url_is_percent_decoded_and_the_short_form_is_not() {
    assert_eq!(parsed("quic://h/a%20b").1, "a b");
    assert_eq!(parsed("h/a%20b").1, "a%20b");
}

#[test]
fn what_names_no_file_on_a_server_is_refused_in_one_line() {
    for raw in [
        "",
        "/x",
        ":1/x",
        "http://h/x",
        "h:0/x",
        "h:65536/x",
        "h:x/y",
        "[::1/x",
        "[::1]9/x",
        "[host]:1/x",
        "::1/x",
        "h/../x",
        "quic://h/%2e%2e/x",
        "quic://h/a%00b",
        "quic://h/%ff",
        "user@h/x",
        "h/.f.inquic-part",
    ] {
        let failure = Location::parse(raw).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage, "{raw}");
        assert_eq!(failure.to_string().lines().count(), 1, "{raw}");
    }
}

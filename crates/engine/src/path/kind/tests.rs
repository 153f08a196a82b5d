//! Addresses by kind.

use super::*;

fn may(from: &str, to: &str) -> bool {
    may_follow(from.parse().unwrap(), to.parse().unwrap())
}

#[test]
fn from_the_internet_to_the_internet() {
    for to in [
        "198.51.100.7:1",
        "10.1.2.3:65535",
        "[2001:db8::1]:9",
        "[::ffff:198.51.100.7]:1",
    ] {
        assert!(may("192.0.2.1:4433", to), "{to}");
        assert!(may("[2001:db8::9]:4433", to), "{to}");
    }
}

#[test]
fn never_to_nobody_or_to_everybody() {
    for to in [
        "198.51.100.7:0",
        "0.0.0.0:1",
        "0.1.2.3:1",
        "224.0.0.1:1",
        "239.255.255.255:1",
        "255.255.255.255:1",
        "[::]:1",
        "[ff02::1]:1",
        "[ff0e::1]:1",
        "[::ffff:224.0.0.1]:1",
        "[::ffff:0.0.0.0]:1",
    ] {
        for from in [
            "192.0.2.1:4433",
            "127.0.0.1:4433",
            "[fe80::1]:4433",
            "[::1]:4433",
        ] {
            assert!(!may(from, to), "{from} to {to}");
        }
    }
}

#[test]
fn to_this_machine_only_from_it() {
    for to in [
        "127.0.0.1:1",
        "127.255.255.255:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        assert!(!may("192.0.2.1:4433", to), "{to}");
        assert!(!may("169.254.1.1:4433", to), "{to}");
        assert!(may("127.0.0.1:4433", to), "{to}");
        assert!(may("[::1]:4433", to), "{to}");
    }
    assert!(!may("127.0.0.1:4433", "127.0.0.1:0"));
}

#[test]
fn to_the_same_wire_only_from_it() {
    for to in [
        "169.254.0.1:1",
        "[fe80::1]:1",
        "[febf::1]:1",
        "[::ffff:169.254.0.1]:1",
    ] {
        assert!(!may("192.0.2.1:4433", to), "{to}");
        assert!(!may("127.0.0.1:4433", to), "{to}");
        assert!(may("169.254.9.9:4433", to), "{to}");
        assert!(may("[fe80::9]:4433", to), "{to}");
    }
}

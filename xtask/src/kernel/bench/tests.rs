//! Lines of the script, and what they come to.

use super::{judge, sample};

fn lines(quic: f64, packets: f64) -> Vec<String> {
    let mut lines = Vec::new();
    for mtu in [1_500, 65_536] {
        for (who, rate, p50) in [
            ("quic", quic, 100),
            ("ktls", 1.0, 80),
            ("embedded", 0.9, 90),
        ] {
            for mode in ["bulk-down", "bulk-up"] {
                lines.push(format!(
                    r#"{who} {mtu} 10 {{"mode":"{mode}","gbit_s":{rate},"packets":{packets}}}"#
                ));
            }
            lines.push(format!(
                r#"{who} {mtu} 0 {{"mode":"rr","rate":9000,"p50_us":{p50}}}"#
            ));
        }
    }
    lines
}

/// The floors that are not reached.
fn below(quic: f64, packets: f64) -> Vec<String> {
    let samples: Vec<_> = lines(quic, packets)
        .iter()
        .filter_map(|line| sample(line))
        .collect();
    judge(&samples, true).unwrap().below
}

#[test]
fn floors_that_are_reached_hold() {
    assert_eq!(below(0.7, 100.0), [""; 0]);
}

#[test]
fn floors_that_are_not_reached_are_named() {
    let slow = below(0.6, 99.0).join(", ");
    assert!(slow.contains("bulk-down at MTU 1500"), "{slow}");
    assert!(slow.contains("packets a trip"), "{slow}");
    assert!(!slow.contains("requests"), "{slow}");
}

#[test]
fn what_the_kernel_says_meanwhile_is_no_sample() {
    assert_eq!(sample("[    1.2] quic: loaded"), None);
    assert_eq!(sample("listening 127.0.0.1:4433"), None);
}

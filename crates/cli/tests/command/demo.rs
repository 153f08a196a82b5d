//! The demonstration, smaller.

use crate::common::{code, inquic};
use serde_json::Value;

#[test]
fn demo_finds_every_file_equal_and_cleans_up() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = inquic();
    command
        .args(["demo", "--mib", "8", "--files", "200", "--json"])
        .env("TMPDIR", temporary.path());
    let output = command.output().unwrap();
    assert_eq!(code(&output), 0, "{output:?}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["equal"], true);
    assert_eq!(result["files"].as_u64(), Some(208));
    assert!(result["packets_lost"]["down"].is_u64(), "{result}");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn demo_says_where_it_ran_and_how() {
    let output = inquic()
        .args(["demo", "--mib", "1", "--files", "3"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for word in [
        "home",
        "embedded",
        "version",
        "cipher",
        "key exchange",
        "X25519MLKEM768",
        "Gbit/s",
        "handshake",
        "RTT",
        "lost",
        "all equal",
    ] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
}

//! The C header against the ABI: a C compiler finds every number, size and offset where programs expect it.

use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn c_compiler_finds_everything_in_its_place() {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let output = Command::new(compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"])
        .arg("-I")
        .arg(root().join("include"))
        .arg(root().join("crates/uapi/tests/quic.c"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn no_name_of_the_header_is_left_out() {
    let (header, asserted) = (
        read("include/linux/quic.h"),
        read("crates/uapi/tests/quic.c"),
    );
    let mut names = 0;
    for line in header.lines() {
        let mut words = line.split_whitespace();
        let name = match words.next() {
            Some("#define") => words.next().unwrap(),
            Some(word) if word.starts_with("QUIC_EVENT_") => word.trim_end_matches(','),
            Some("struct") if line.ends_with('{') => words.next().unwrap(),
            _ => continue,
        };
        if name == "_UAPI_LINUX_QUIC_H" {
            continue;
        }
        names += 1;
        let found = asserted.contains(&format!("IS({name}, "))
            || asserted.contains(&format!("SIZE({name}, "));
        assert!(found, "{name} is asserted nowhere");
    }
    assert!(names > 90, "{names}");
}

#[test]
fn no_field_of_the_header_is_left_out() {
    let (header, asserted) = (
        read("include/linux/quic.h"),
        read("crates/uapi/tests/quic.c"),
    );
    let mut structure = None;
    for line in header.lines() {
        if let Some(name) = line.strip_prefix("struct ") {
            structure = name.strip_suffix(" {");
        } else if line == "};" {
            structure = None;
        } else if let Some(name) = structure
            && line.starts_with("\t__")
        {
            let field = line.split('\t').nth(2).unwrap();
            let field = field.split(['[', ';']).next().unwrap();
            let at = format!("AT({name}, {field}, ");
            assert!(asserted.contains(&at), "{name}.{field} is asserted nowhere");
        }
    }
}

use super::section;
use crate::tidy::File;

#[test]
fn a_limit_is_a_line_with_its_value_as_written_and_its_reason() {
    let file = File {
        path: "crates/engine/src/limits.rs".into(),
        text: "/// Paths of a connection:\n/// one, and a spare.\npub const PATHS: usize =\n    1 + 1;\nconst _: () = ();\n"
            .to_owned(),
    };
    let text = section(&file).unwrap();
    assert!(text.starts_with("\n## crates/engine/src/limits.rs\n"));
    assert!(text.ends_with("\n| `PATHS` | `1 + 1` | Paths of a connection: one, and a spare. |\n"));
}

use super::*;

fn small() -> args::Demo {
    args::Demo {
        mib: 1,
        files: 50,
        seed: 7,
        json: false,
    }
}

#[test]
fn same_seed_makes_the_same_tree_and_another_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let made = tree::make(&dir.path().join("a"), &small()).unwrap();
    assert_eq!(made.len(), 1 + 1 + 6 + 50);
    assert_eq!(tree::make(&dir.path().join("b"), &small()).unwrap(), made);
    assert_ne!(
        tree::make(&dir.path().join("c"), &args::Demo { seed: 8, ..small() }).unwrap(),
        made
    );
    assert_eq!(Digests::of(&dir.path().join("a")).unwrap(), made);
}

#[test]
fn comparison_finds_what_is_missing_what_differs_and_what_is_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let made = tree::make(dir.path(), &small()).unwrap();
    let compared = || {
        made.compare("there", &Digests::of(dir.path()).unwrap())
            .map_err(|f| f.to_string())
    };
    assert_eq!(compared(), Ok(()));
    std::fs::write(dir.path().join("new"), "new").unwrap();
    assert!(
        compared()
            .unwrap_err()
            .starts_with("new should not be in there")
    );
    std::fs::remove_file(dir.path().join("new")).unwrap();
    std::fs::write(dir.path().join("empty"), "no longer").unwrap();
    assert!(
        compared()
            .unwrap_err()
            .starts_with("empty has other content in there")
    );
    std::fs::remove_file(dir.path().join("empty")).unwrap();
    assert!(
        compared()
            .unwrap_err()
            .starts_with("empty is missing in there")
    );
}

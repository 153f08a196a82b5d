use super::*;
use proptest::prelude::*;
use std::path::{Component, Path};

#[test]
fn plain_paths_are_taken() {
    for raw in [
        "a",
        "a/b",
        "with space/ünïcödé 日本",
        "..a",
        "a..",
        "...",
        "a/.hidden",
        "10:30.txt",
        "-rf",
        "~",
    ] {
        assert_eq!(Name::parse(raw).unwrap().as_str(), raw);
    }
}

#[test]
fn hostile_paths_are_refused() {
    let cases = [
        ("/etc/passwd", BadName::Absolute),
        ("..", BadName::Parent),
        ("../x", BadName::Parent),
        ("a/../../x", BadName::Parent),
        ("a/..", BadName::Parent),
        ("a//b", BadName::NotPlain),
        ("a/", BadName::NotPlain),
        ("./a", BadName::NotPlain),
        ("a/./b", BadName::NotPlain),
        ("C:/Windows", BadName::Windows),
        ("c:x", BadName::Windows),
        ("..\\..\\x", BadName::Windows),
        ("\\\\server\\share", BadName::Windows),
        ("a\0b", BadName::Nul),
        ("\0", BadName::Nul),
        (".x.inquic-part", BadName::Partial),
        ("a/.x.inquic-part", BadName::Partial),
        (".x.inquic-part/b", BadName::Partial),
    ];
    for (raw, why) in cases {
        assert_eq!(Name::parse(raw), Err(why), "{raw:?}");
    }
}

#[test]
fn longest_component_is_taken_and_one_byte_more_is_not() {
    assert!(Name::parse(&"x".repeat(COMPONENT_MAX)).is_ok());
    assert_eq!(
        Name::parse(&"x".repeat(COMPONENT_MAX + 1)),
        Err(BadName::TooLong)
    );
}

#[test]
fn longest_path_is_taken_and_one_byte_more_is_not() {
    let component = "x".repeat(COMPONENT_MAX);
    let longest = vec![component; 16].join("/") + "/";
    assert_eq!(longest.len(), NAME_MAX);
    assert!(Name::parse(longest.trim_end_matches('/')).is_ok());
    let whole = format!("{}{}", longest.strip_suffix("x/").unwrap(), "/y");
    assert_eq!(whole.len(), NAME_MAX);
    assert!(Name::parse(&whole).is_ok());
    assert_eq!(Name::parse(&format!("{whole}y")), Err(BadName::TooLong));
}

#[test]
fn deepest_path_is_taken_and_one_level_more_is_not() {
    assert!(Name::parse(&vec!["d"; DEPTH_MAX].join("/")).is_ok());
    assert_eq!(
        Name::parse(&vec!["d"; DEPTH_MAX + 1].join("/")),
        Err(BadName::TooDeep)
    );
}

#[test]
fn users_slashes_are_overlooked_but_not_their_parents() {
    assert_eq!(Name::from_user("/a//b/./c/").unwrap().as_str(), "a/b/c");
    assert_eq!(Name::from_user("/").unwrap(), Name::ROOT);
    assert_eq!(Name::from_user("/../etc"), Err(BadName::Parent));
}

#[test]
fn partial_name_fits_a_component_however_long_the_name() {
    assert_eq!(partial_of("a b"), ".a b.inquic-part");
    for length in [241, 242, 243, 255] {
        let partial = partial_of(&"x".repeat(length));
        assert!(partial.len() <= COMPONENT_MAX && is_partial(&partial));
    }
}

proptest! {
    #[test]
    fn what_is_taken_stays_below_its_root(raw in "(\\PC|/|\\.|\\x00|\\\\){0,40}") {
        if let Ok(name) = Name::parse(&raw) {
            let joined = Path::new("/root").join(name.as_str());
            prop_assert!(joined.starts_with("/root"));
            prop_assert!(joined.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_))));
        }
    }

    #[test]
    fn split_and_join_are_inverse(raw in "[a-z]{1,8}(/[a-z]{1,8}){0,5}") {
        let name = Name::parse(&raw).unwrap();
        let (parent, last) = name.split().unwrap();
        prop_assert_eq!(parent.join(&Name::parse(last).unwrap()).unwrap(), name);
    }
}

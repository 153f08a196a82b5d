//! What a program's environment gets.

use std::path::Path;

use super::preload;

#[test]
fn the_library_comes_before_those_that_were_there() {
    let library = Path::new("/usr/lib/a.so");
    assert_eq!(preload(library, None).unwrap(), "/usr/lib/a.so");
    assert_eq!(preload(library, Some("".into())).unwrap(), "/usr/lib/a.so");
    assert_eq!(
        preload(library, Some("/b.so".into())).unwrap(),
        "/usr/lib/a.so:/b.so"
    );
}

#[test]
fn a_path_that_the_loader_would_cut_is_refused() {
    assert!(preload(Path::new("/my lib/a.so"), None).is_err());
    assert!(preload(Path::new("/a:b/a.so"), None).is_err());
}

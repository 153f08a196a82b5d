use super::*;
use std::fs;
use std::path::Path;

fn facts(content: &[u8]) -> Facts {
    Facts {
        size: content.len() as u64,
        modified: Modified {
            seconds: 1_000_000_000,
            nanos: 5,
        },
        executable: false,
    }
}

fn open(dir: &Path, name: &str) -> Result<Partial, Failure> {
    Partial::open(
        &Root::open(dir).unwrap(),
        &Name::parse(name).unwrap(),
        false,
    )
}

fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn file_gets_its_name_only_when_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut partial = open(dir.path(), "a/b").unwrap();
    partial.write(b"con").unwrap();
    assert_eq!(names(&dir.path().join("a")), [".b.inquic-part"]);
    partial.write(b"tent").unwrap();
    partial
        .commit(&facts(b"content"), &Digest::of(b"content"))
        .unwrap();
    assert_eq!(names(&dir.path().join("a")), ["b"]);
    let metadata = fs::metadata(dir.path().join("a/b")).unwrap();
    let modified = metadata
        .modified()
        .unwrap()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(modified, Duration::new(1_000_000_000, 5));
}

#[test]
fn wrong_digest_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), "old").unwrap();
    let mut partial = open(dir.path(), "f").unwrap();
    partial.write(b"content").unwrap();
    let failure = partial
        .commit(&facts(b"content"), &Digest::of(b"another"))
        .unwrap_err();
    assert_eq!(failure.exit(), Exit::Changed);
    assert_eq!(names(dir.path()), ["f"]);
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"old");
}

#[test]
fn file_cut_short_leaves_nothing_even_if_the_digest_is_that_of_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let mut partial = open(dir.path(), "f").unwrap();
    partial.write(b"cont").unwrap();
    assert!(
        partial
            .commit(&facts(b"content"), &Digest::of(b"cont"))
            .is_err()
    );
    assert!(names(dir.path()).is_empty());
}

#[test]
fn interrupted_file_stays_and_is_resumed() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), "f").unwrap().write(b"con").unwrap();
    assert_eq!(names(dir.path()), [".f.inquic-part"]);
    let mut partial = open(dir.path(), "f").unwrap();
    assert_eq!(
        partial.resume(7).unwrap(),
        Prefix {
            length: 3,
            digest: Digest::of(b"con")
        }
    );
    partial.write(b"tent").unwrap();
    partial
        .commit(&facts(b"content"), &Digest::of(b"content"))
        .unwrap();
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"content");
}

#[test]
fn partial_file_longer_than_the_file_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), "f")
        .unwrap()
        .write(b"much too long")
        .unwrap();
    assert_eq!(
        open(dir.path(), "f").unwrap().resume(7).unwrap(),
        Prefix::none()
    );
}

#[test]
fn interrupted_before_its_first_byte_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), "f").unwrap());
    assert!(names(dir.path()).is_empty());
}

#[test]
fn second_transfer_of_the_same_file_is_refused_while_the_first_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = open(dir.path(), "f").unwrap();
    first.write(b"first").unwrap();
    let failure = open(dir.path(), "f").unwrap_err();
    assert!(
        failure.to_string().ends_with("wait until it is done"),
        "{failure}"
    );
    first
        .commit(&facts(b"first"), &Digest::of(b"first"))
        .unwrap();
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"first");
}

#[test]
fn partial_name_that_is_a_link_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("precious"), "precious").unwrap();
    std::os::unix::fs::symlink("precious", dir.path().join(".f.inquic-part")).unwrap();
    assert!(open(dir.path(), "f").is_err());
    assert_eq!(fs::read(dir.path().join("precious")).unwrap(), b"precious");
}

#[test]
fn directory_under_the_final_name_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("f")).unwrap();
    let partial = open(dir.path(), "f").unwrap();
    let failure = partial.commit(&facts(b""), &Digest::of(b"")).unwrap_err();
    assert!(
        failure
            .to_string()
            .contains("remove the directory of that name"),
        "{failure}"
    );
}

#[test]
fn directory_that_is_a_link_out_is_refused() {
    let outside = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("out")).unwrap();
    assert_eq!(open(dir.path(), "out/f").unwrap_err().exit(), Exit::Local);
    assert!(names(outside.path()).is_empty());
}

#[test]
fn executable_file_stays_executable() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let root = Root::open(dir.path()).unwrap();
    let partial = Partial::open(&root, &Name::parse("x").unwrap(), true).unwrap();
    partial.commit(&facts(b""), &Digest::of(b"")).unwrap();
    assert_ne!(
        fs::metadata(dir.path().join("x"))
            .unwrap()
            .permissions()
            .mode()
            & 0o100,
        0
    );
}

#[test]
fn full_disk_says_so() {
    let Ok(full) = File::options().read(true).write(true).open("/dev/full") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut partial = open(dir.path(), "f").unwrap();
    partial.file = full;
    let failure = partial.write(b"x").unwrap_err();
    assert!(failure.ends_everything());
    assert!(
        failure
            .to_string()
            .contains("No space left on device; make room on the disk"),
        "{failure}"
    );
}

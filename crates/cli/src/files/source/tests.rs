use super::*;
use std::fs;

fn source(content: &[u8]) -> (tempfile::TempDir, Source) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), content).unwrap();
    let root = Root::open(dir.path()).unwrap();
    let source = Source::open(&root, &Name::parse("f").unwrap()).unwrap();
    (dir, source)
}

fn read_all(source: &mut Source) -> Result<Vec<u8>, Failure> {
    let (mut all, mut frame) = (Vec::new(), Vec::new());
    while source.next_frame(&mut frame)? > 0 {
        all.extend(&frame[HEAD..]);
    }
    Ok(all)
}

#[test]
fn file_of_two_buffers_and_a_byte_comes_out_whole() {
    let content: Vec<u8> = (0..2 * DATA_MAX + 1).map(|i| i as u8).collect();
    let (_dir, mut source) = source(&content);
    assert_eq!(read_all(&mut source).unwrap(), content);
    assert_eq!(source.finish().unwrap(), Digest::of(&content));
}

#[test]
fn file_that_grew_while_it_was_read_has_no_digest() {
    let (dir, mut source) = source(b"before");
    read_all(&mut source).unwrap();
    fs::write(dir.path().join("f"), b"before and after").unwrap();
    let failure = source.finish().unwrap_err();
    assert_eq!(failure.exit(), Exit::Changed);
    assert!(
        failure
            .to_string()
            .ends_with("f changed while it was read; transfer it again when nobody writes to it")
    );
}

#[test]
fn file_that_shrank_while_it_was_read_fails_at_once() {
    let (dir, mut source) = source(b"before");
    fs::write(dir.path().join("f"), b"").unwrap();
    assert_eq!(read_all(&mut source).unwrap_err().exit(), Exit::Changed);
}

#[test]
fn file_of_equal_size_but_another_time_has_no_digest() {
    let (dir, mut source) = source(b"before");
    read_all(&mut source).unwrap();
    let file = File::options()
        .write(true)
        .open(dir.path().join("f"))
        .unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(source.finish().unwrap_err().exit(), Exit::Changed);
}

#[test]
fn prefix_that_the_peer_has_is_skipped_and_counts_for_the_digest() {
    let (_dir, mut source) = source(b"0123456789");
    let have = Prefix {
        length: 4,
        digest: Digest::of(b"0123"),
    };
    assert_eq!(source.skip(&have, &mut Vec::new()).unwrap(), 4);
    assert_eq!(read_all(&mut source).unwrap(), b"456789");
    assert_eq!(source.finish().unwrap(), Digest::of(b"0123456789"));
}

#[test]
fn other_prefix_means_the_whole_file_again() {
    for have in [
        Prefix {
            length: 4,
            digest: Digest::of(b"abcd"),
        },
        Prefix {
            length: 11,
            digest: Digest::of(b"0123456789a"),
        },
        Prefix::none(),
    ] {
        let (_dir, mut source) = source(b"0123456789");
        assert_eq!(source.skip(&have, &mut Vec::new()).unwrap(), 0);
        assert_eq!(read_all(&mut source).unwrap(), b"0123456789");
    }
}

#[test]
fn pipe_is_refused_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("p"), mode).unwrap();
    let root = Root::open(dir.path()).unwrap();
    let failure = Source::open(&root, &Name::parse("p").unwrap()).unwrap_err();
    assert!(
        failure.to_string().contains("is not a regular file"),
        "{failure}"
    );
}

#[test]
fn link_that_leads_outside_is_refused() {
    let outside = tempfile::NamedTempFile::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("absolute")).unwrap();
    std::os::unix::fs::symlink("../../../../etc/hostname", dir.path().join("relative")).unwrap();
    std::os::unix::fs::symlink("/", dir.path().join("top")).unwrap();
    let root = Root::open(dir.path()).unwrap();
    for name in ["absolute", "relative", "top/etc/hostname"] {
        let failure = Source::open(&root, &Name::parse(name).unwrap()).unwrap_err();
        assert_eq!(failure.exit(), Exit::Local);
        assert!(
            failure
                .to_string()
                .ends_with("name something inside the directory"),
            "{failure}"
        );
    }
}

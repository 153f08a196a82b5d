use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tokio::task::JoinHandle;

use super::channel::{Channel, HEAD, Incoming};
use super::limits::DATA_MAX;
use super::message::{Entry, Facts, Kind, LeftOut, Message, Modified, Prefix, Reason};
use super::*;
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::transport::Streams;
use crate::transport::memory::{self, Memory};

/// A directory served over memory, one to fetch into, and a client between them.
struct Scene {
    served: tempfile::TempDir,
    local: tempfile::TempDir,
    client: Memory,
    _server: JoinHandle<Result<(), Failure>>,
}

impl Scene {
    fn new(writable: bool) -> Self {
        let served = tempfile::tempdir().unwrap();
        let (client, server) = memory::pair();
        let share = Share::new(Root::open(served.path()).unwrap(), writable);
        let serving = tokio::spawn(async move { share.serve(&server, |_| {}).await });
        Self {
            served,
            local: tempfile::tempdir().unwrap(),
            client,
            _server: serving,
        }
    }

    fn client(&self, resume: bool) -> Client<Memory> {
        Client::new(self.client.clone(), 32, resume, Progress::none())
    }

    async fn channel(&self) -> Channel<tokio::io::DuplexStream> {
        Channel::new(self.client.open().await.unwrap())
    }
}

/// A server that answers every stream with these messages and no more.
fn hostile_server(answers: Vec<Message>) -> Memory {
    let (client, server) = memory::pair();
    tokio::spawn(async move {
        while let Ok(Some(stream)) = server.accept().await {
            let mut channel = Channel::new(stream);
            drop(channel.receive().await);
            for answer in &answers {
                drop(channel.send(answer).await);
            }
            channel.finish().await;
        }
    });
    client
}

fn name(raw: &str) -> Name {
    Name::parse(raw).unwrap()
}

fn facts(size: u64) -> Facts {
    Facts {
        size,
        modified: Modified::default(),
        executable: false,
    }
}

fn pattern(bytes: usize) -> Vec<u8> {
    (0..bytes)
        .map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8)
        .collect()
}

fn fill(dir: &Path) {
    fs::create_dir_all(dir.join("deep/er")).unwrap();
    fs::create_dir(dir.join("nothing in it")).unwrap();
    fs::write(dir.join("empty"), b"").unwrap();
    fs::write(dir.join("a name with spaces"), b"spaces").unwrap();
    fs::write(dir.join("deep/er/ünïcödé 日本.txt"), b"utf-8").unwrap();
    fs::write(dir.join("big"), pattern(3 * DATA_MAX + 17)).unwrap();
    for i in 0..200 {
        fs::write(dir.join(format!("deep/small {i}")), pattern(i)).unwrap();
    }
}

fn tree(dir: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let root = Root::open(dir).unwrap();
    let mut walk = root.walk(&Name::ROOT).unwrap();
    let mut tree = BTreeMap::new();
    while let Some(entry) = walk.next_entry().unwrap() {
        let content = matches!(entry.kind, Kind::File(_))
            .then(|| fs::read(dir.join(entry.name.as_str())).unwrap());
        tree.insert(entry.name.as_str().to_owned(), content);
    }
    tree
}

#[tokio::test]
async fn tree_comes_down_as_it_is() {
    let scene = Scene::new(false);
    fill(scene.served.path());
    let report = scene
        .client(false)
        .get(&Name::ROOT, &scene.local.path().join("new"))
        .await
        .unwrap();
    assert_eq!((report.files, report.kept), (204, 0));
    assert_eq!(
        tree(&scene.local.path().join("new")),
        tree(scene.served.path())
    );
}

#[tokio::test]
async fn tree_goes_up_as_it_is() {
    let scene = Scene::new(true);
    fill(scene.local.path());
    let report = scene
        .client(false)
        .put(scene.local.path(), &name("to/here"), false)
        .await
        .unwrap();
    assert_eq!(report.files, 204);
    assert_eq!(
        tree(&scene.served.path().join("to/here")),
        tree(scene.local.path())
    );
}

#[tokio::test]
async fn one_file_goes_into_a_directory_or_under_the_name_given() {
    let scene = Scene::new(true);
    let file = scene.local.path().join("f");
    fs::write(&file, b"content").unwrap();
    scene
        .client(false)
        .put(&file, &name("d"), true)
        .await
        .unwrap();
    scene
        .client(false)
        .put(&file, &name("e"), false)
        .await
        .unwrap();
    assert_eq!(
        fs::read(scene.served.path().join("d/f")).unwrap(),
        b"content"
    );
    assert_eq!(fs::read(scene.served.path().join("e")).unwrap(), b"content");
    scene
        .client(false)
        .get(&name("d/f"), &scene.local.path().join("g"))
        .await
        .unwrap();
    scene
        .client(false)
        .get(&name("e"), scene.local.path())
        .await
        .unwrap();
    assert_eq!(fs::read(scene.local.path().join("g")).unwrap(), b"content");
    assert_eq!(fs::read(scene.local.path().join("e")).unwrap(), b"content");
}

#[tokio::test]
async fn listing_longer_than_one_message_is_whole() {
    let scene = Scene::new(false);
    for i in 0..2000 {
        fs::write(scene.served.path().join(format!("{i:040}")), b"").unwrap();
    }
    let report = scene
        .client(false)
        .get(&Name::ROOT, scene.local.path())
        .await
        .unwrap();
    assert_eq!(report.files, 2000);
}

#[tokio::test]
async fn resumed_get_fetches_only_the_rest() {
    let scene = Scene::new(false);
    let content = pattern(2 * DATA_MAX);
    fs::write(scene.served.path().join("f"), &content).unwrap();
    fs::write(
        scene.local.path().join(".f.inquic-part"),
        &content[..DATA_MAX],
    )
    .unwrap();
    let report = scene
        .client(true)
        .get(&name("f"), scene.local.path())
        .await
        .unwrap();
    assert_eq!(report.kept, DATA_MAX as u64);
    assert_eq!(fs::read(scene.local.path().join("f")).unwrap(), content);
    let again = scene
        .client(true)
        .get(&name("f"), scene.local.path())
        .await
        .unwrap();
    assert_eq!(again.kept, content.len() as u64);
}

#[tokio::test]
async fn resumed_get_of_a_file_that_changed_since_begins_anew() {
    let scene = Scene::new(false);
    fs::write(scene.served.path().join("f"), b"new content").unwrap();
    fs::write(scene.local.path().join(".f.inquic-part"), b"old").unwrap();
    let report = scene
        .client(true)
        .get(&name("f"), scene.local.path())
        .await
        .unwrap();
    assert_eq!(report.kept, 0);
    assert_eq!(
        fs::read(scene.local.path().join("f")).unwrap(),
        b"new content"
    );
}

#[tokio::test]
async fn resumed_put_sends_only_the_rest() {
    let scene = Scene::new(true);
    let content = pattern(2 * DATA_MAX);
    fs::write(scene.local.path().join("f"), &content).unwrap();
    fs::write(
        scene.served.path().join(".f.inquic-part"),
        &content[..DATA_MAX],
    )
    .unwrap();
    let report = scene
        .client(true)
        .put(&scene.local.path().join("f"), &name("f"), false)
        .await
        .unwrap();
    assert_eq!(report.kept, DATA_MAX as u64);
    assert_eq!(fs::read(scene.served.path().join("f")).unwrap(), content);
    let again = scene
        .client(true)
        .put(&scene.local.path().join("f"), &name("f"), false)
        .await
        .unwrap();
    assert_eq!(again.kept, content.len() as u64);
}

#[tokio::test]
async fn resumed_put_onto_another_beginning_begins_anew() {
    let scene = Scene::new(true);
    fs::write(scene.local.path().join("f"), b"new content").unwrap();
    fs::write(scene.served.path().join(".f.inquic-part"), b"old").unwrap();
    let report = scene
        .client(true)
        .put(&scene.local.path().join("f"), &name("f"), false)
        .await
        .unwrap();
    assert_eq!(report.kept, 0);
    assert_eq!(
        fs::read(scene.served.path().join("f")).unwrap(),
        b"new content"
    );
}

#[tokio::test]
async fn resumed_put_replaces_another_file_of_equal_size_and_time() {
    let scene = Scene::new(true);
    for (dir, content) in [(&scene.local, b"mine"), (&scene.served, b"else")] {
        fs::write(dir.path().join("f"), content).unwrap();
        let file = fs::File::options()
            .write(true)
            .open(dir.path().join("f"))
            .unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
    }
    scene
        .client(true)
        .put(&scene.local.path().join("f"), &name("f"), false)
        .await
        .unwrap();
    assert_eq!(fs::read(scene.served.path().join("f")).unwrap(), b"mine");
}

#[tokio::test]
async fn upload_is_refused_unless_the_server_is_writable() {
    let scene = Scene::new(false);
    fs::write(scene.local.path().join("f"), pattern(4 * DATA_MAX)).unwrap();
    for resume in [false, true] {
        let put = scene
            .client(resume)
            .put(&scene.local.path().join("f"), &name("f"), false)
            .await;
        let failure = put.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "the peer says: uploads are off; start the server with --writable"
        );
        assert_eq!(failure.exit(), Exit::Refused);
    }
    assert!(tree(scene.served.path()).is_empty());
}

#[tokio::test]
async fn missing_file_is_refused_without_a_word_about_the_servers_directories() {
    let scene = Scene::new(false);
    let failure = scene
        .client(false)
        .get(&name("no/such"), scene.local.path())
        .await
        .unwrap_err();
    assert_eq!(
        failure.to_string(),
        "the peer says: cannot read no/such: No such file or directory; check the name"
    );
}

#[tokio::test]
async fn links_out_of_the_directory_are_neither_listed_nor_sent() {
    let scene = Scene::new(false);
    fs::write(scene.local.path().join("secret"), b"secret").unwrap();
    std::os::unix::fs::symlink(
        scene.local.path().join("secret"),
        scene.served.path().join("link"),
    )
    .unwrap();
    std::os::unix::fs::symlink(scene.local.path(), scene.served.path().join("dir")).unwrap();
    fs::write(scene.served.path().join("f"), b"f").unwrap();
    std::os::unix::fs::symlink("f", scene.served.path().join("inside")).unwrap();
    let into = scene.local.path().join("into");
    let report = scene.client(false).get(&Name::ROOT, &into).await.unwrap();
    assert_eq!(
        report.left_out,
        LeftOut {
            odd: 2,
            unreadable: 0
        }
    );
    assert_eq!(tree(&into).into_keys().collect::<Vec<_>>(), ["f", "inside"]);
    for hostile in ["link", "dir/secret", "dir"] {
        let failure = scene
            .client(false)
            .get(&name(hostile), &into)
            .await
            .unwrap_err();
        assert_eq!(failure.exit(), Exit::Refused, "{hostile}: {failure}");
    }
}

#[tokio::test]
async fn upload_through_a_link_out_of_the_directory_is_refused() {
    let scene = Scene::new(true);
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), scene.served.path().join("out")).unwrap();
    fs::write(scene.local.path().join("f"), b"f").unwrap();
    let failure = scene
        .client(false)
        .put(&scene.local.path().join("f"), &name("out/f"), false)
        .await
        .unwrap_err();
    assert_eq!(failure.exit(), Exit::Refused);
    assert!(tree(outside.path()).is_empty());
}

#[tokio::test]
async fn hostile_clients_names_are_refused_by_the_server() {
    let scene = Scene::new(true);
    for raw in [
        "../x",
        "/etc/passwd",
        "a/../../x",
        "C:\\x",
        "a\0b",
        ".f.inquic-part",
    ] {
        for kind in [1u8, 2, 4] {
            let mut stream = scene.client.open().await.unwrap();
            let mut body = (raw.len() as u16).to_be_bytes().to_vec();
            body.extend(raw.as_bytes());
            if kind == 2 {
                body.push(0);
            }
            let mut bytes = vec![kind];
            bytes.extend((body.len() as u32).to_be_bytes());
            bytes.extend(body);
            tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes)
                .await
                .unwrap();
            let answer = Channel::new(stream)
                .receive_any(&mut Vec::new())
                .await
                .unwrap();
            let Incoming::Message(Message::Failed { reason, text }) = answer else {
                panic!("{raw:?}: {answer:?}")
            };
            assert_eq!(reason, Reason::Malformed, "{raw:?}: {text}");
        }
    }
}

#[tokio::test]
async fn hostile_servers_names_are_refused_by_the_client() {
    for raw in ["../x", "/tmp/x", "a/../../x", "C:x", "a\\b", "a\0b"] {
        let (client, server) = memory::pair();
        tokio::spawn(async move {
            let stream = server.accept().await.unwrap().unwrap();
            let mut channel = Channel::new(stream);
            channel.receive().await.unwrap();
            // An entry for a directory, written by hand: `Name` would not hold such a path.
            let mut frame = vec![0; HEAD];
            frame.extend((raw.len() as u16).to_be_bytes());
            frame.extend(raw.as_bytes());
            frame.push(1);
            frame[0] = 16;
            let length = (frame.len() - HEAD) as u32;
            frame[1..HEAD].copy_from_slice(&length.to_be_bytes());
            let mut stream = channel.into_stream();
            tokio::io::AsyncWriteExt::write_all(&mut stream, &frame)
                .await
                .unwrap();
        });
        let dir = tempfile::tempdir().unwrap();
        let into = dir.path().join("into");
        let client = Client::new(client, 1, false, Progress::none());
        let failure = client.get(&Name::ROOT, &into).await.unwrap_err();
        assert!(
            failure.to_string().contains("is refused"),
            "{raw:?}: {failure}"
        );
        assert!(tree(dir.path()).is_empty());
    }
}

#[tokio::test]
async fn server_that_answers_out_of_turn_is_a_protocol_failure() {
    let entry = Entry {
        name: name("f"),
        kind: Kind::File(facts(0)),
    };
    let client = hostile_server(vec![
        Message::Entries(vec![entry]),
        Message::ListEnd(LeftOut::default()),
    ]);
    let dir = tempfile::tempdir().unwrap();
    let failure = Client::new(client, 1, false, Progress::none())
        .get(&Name::ROOT, dir.path())
        .await
        .unwrap_err();
    assert!(
        failure
            .to_string()
            .contains("a message where it has no place"),
        "{failure}"
    );
    assert!(tree(dir.path()).is_empty());
}

#[tokio::test]
async fn upload_with_another_digest_than_its_bytes_have_leaves_no_file() {
    let scene = Scene::new(true);
    let mut channel = scene.channel().await;
    channel
        .send(&Message::Put {
            name: name("f"),
            facts: facts(0),
            resume: false,
        })
        .await
        .unwrap();
    channel
        .send(&Message::Done {
            digest: Digest::of(b"other"),
        })
        .await
        .unwrap();
    assert_eq!(channel.receive().await.unwrap_err().exit(), Exit::Changed);
    assert_eq!(fs::read_dir(scene.served.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn more_data_than_announced_is_refused() {
    let scene = Scene::new(true);
    let mut channel = scene.channel().await;
    channel
        .send(&Message::Put {
            name: name("f"),
            facts: facts(3),
            resume: false,
        })
        .await
        .unwrap();
    channel
        .send_data(&mut [0, 0, 0, 0, 0, 1, 2, 3, 4])
        .await
        .unwrap();
    assert!(
        channel
            .receive()
            .await
            .unwrap_err()
            .to_string()
            .contains("more data than the file has")
    );
}

#[tokio::test]
async fn upload_that_breaks_off_leaves_no_file_but_what_resume_needs() {
    let scene = Scene::new(true);
    let content = pattern(1000);
    let facts = facts(1000);
    let mut channel = scene.channel().await;
    channel
        .send(&Message::Put {
            name: name("f"),
            facts,
            resume: false,
        })
        .await
        .unwrap();
    let mut frame = vec![0; HEAD];
    frame.extend(&content[..600]);
    channel.send_data(&mut frame).await.unwrap();
    channel.finish().await;
    assert_eq!(channel.receive().await.unwrap_err().exit(), Exit::Network);
    assert!(!scene.served.path().join("f").exists());
    assert_eq!(
        fs::read(scene.served.path().join(".f.inquic-part")).unwrap(),
        content[..600]
    );

    let mut channel = scene.channel().await;
    channel
        .send(&Message::Put {
            name: name("f"),
            facts,
            resume: true,
        })
        .await
        .unwrap();
    let have = Prefix {
        length: 600,
        digest: Digest::of(&content[..600]),
    };
    assert_eq!(channel.receive().await.unwrap(), Message::Ready { have });
}

#[tokio::test]
async fn sender_that_says_its_file_changed_leaves_nothing_here() {
    let scene = Scene::new(true);
    let facts = facts(10);
    let mut channel = scene.channel().await;
    channel
        .send(&Message::Put {
            name: name("f"),
            facts,
            resume: false,
        })
        .await
        .unwrap();
    channel
        .send_data(&mut [0, 0, 0, 0, 0, 1, 2, 3])
        .await
        .unwrap();
    channel
        .send(&Message::Failed {
            reason: Reason::Changed,
            text: "changed".into(),
        })
        .await
        .unwrap();
    channel.receive().await.unwrap_err();
    assert_eq!(fs::read_dir(scene.served.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn one_unreadable_file_does_not_stop_the_others() {
    let scene = Scene::new(true);
    fill(scene.local.path());
    fs::create_dir(scene.served.path().join("empty")).unwrap();
    let failure = scene
        .client(false)
        .put(scene.local.path(), &Name::ROOT, false)
        .await
        .unwrap_err();
    assert!(
        failure
            .to_string()
            .starts_with("1 file of 204 failed, the first: the peer says: cannot write empty")
    );
    assert_eq!(
        fs::read(scene.served.path().join("big")).unwrap(),
        pattern(3 * DATA_MAX + 17)
    );
}

#[tokio::test]
async fn silence_instead_of_a_request_is_not_waited_for_forever() {
    tokio::time::pause();
    let scene = Scene::new(false);
    let mut channel = scene.channel().await;
    let failure = channel.receive().await.unwrap_err();
    assert!(
        failure
            .to_string()
            .contains("a stream without a request on it"),
        "{failure}"
    );
}

//! One port, many owners, each in a process of its own: whoever is killed takes no other's connection with it.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use common::until;
use inquic::cert::CertificateAuthority;
use inquic::{Certificate, Connection, ConnectionBuilder, Error, Listener, Roots, TransportConfig};

const NAMES: [&str; 5] = [
    "localhost",
    "127.0.0.1",
    "a.example",
    "b.example",
    "x.c.example",
];

/// An owner: what it is called, its names, its protocols, and whether it runs tasks.
type Role = (&'static str, &'static str, &'static str, bool);

const WEB_A: Role = ("a", "a.example", "web", false);
const WEB_B: Role = ("b", "b.example", "web,web/2", true);
const FILES: Role = ("files", "", "files", false);
const WILD: Role = ("wild", "*.c.example", "web", true);

/// What a client asks each of them for.
const CLIENTS: [(Role, &str, &str); 4] = [
    (WEB_A, "a.example", "web"),
    (WEB_B, "b.example", "web/2"),
    (FILES, "a.example", "files"),
    (WILD, "x.c.example", "web"),
];

/// A process that listens.
struct Owner {
    child: Child,
    address: String,
    _out: BufReader<ChildStdout>,
}

/// Certificates in a folder that the processes share.
struct Place {
    folder: PathBuf,
    roots: Roots,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("inquic-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let ca = CertificateAuthority::new("Test CA").unwrap();
        let issued = ca.issue(&NAMES, Duration::from_secs(3600)).unwrap();
        std::fs::write(folder.join("cert.pem"), &issued.certificate_pem).unwrap();
        std::fs::write(folder.join("key.pem"), &issued.key_pem).unwrap();
        let roots = Roots::pem(ca.pem().as_bytes()).unwrap();
        Self { folder, roots }
    }

    #[expect(
        clippy::zombie_processes,
        reason = "who is started is waited for when it is dropped"
    )]
    /// Starts an owner; the first of a port gives port 0.
    fn start(&self, role: Role, address: &str) -> Owner {
        let (who, names, protocols, tasks) = role;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "owner", "--ignored", "--nocapture"])
            .env("OWNER_WHO", who)
            .env("OWNER_NAMES", names)
            .env("OWNER_PROTOCOLS", protocols)
            .env("OWNER_TASKS", if tasks { "1" } else { "" })
            .env("OWNER_ADDRESS", address)
            .env("OWNER_FOLDER", &self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "{who} has ended");
            if let Some((_, address)) = line.trim().split_once("listening ") {
                return Owner {
                    child,
                    address: address.to_owned(),
                    _out: out,
                };
            }
        }
    }

    fn builder(&self, name: &str, protocol: &str) -> ConnectionBuilder<inquic::Blocking> {
        Connection::builder()
            .roots(self.roots.clone())
            .alpn([protocol])
            .server_name(name)
            .config(TransportConfig::default().idle_timeout(Duration::from_secs(20)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks who is there, on a new stream.
fn ask(connection: &Connection) -> Result<String, Error> {
    let fail = |error: std::io::Error| {
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>());
        inner.cloned().unwrap_or(Error::WouldBlock)
    };
    let mut stream = connection.open()?;
    // Long enough to be answered by a stateless reset, which is shorter than what it answers.
    stream.write_all(&[b'?'; 100]).map_err(fail)?;
    stream.finish()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(fail)?;
    Ok(answer)
}

/// What an owner's process does. It ends with its standard input.
#[test]
#[ignore = "the tests below run it as a process of its own"]
fn owner() {
    let Ok(who) = std::env::var("OWNER_WHO") else {
        return;
    };
    let list = |name: &str| -> Vec<String> {
        let text = std::env::var(name).unwrap();
        let entries = text.split(',').filter(|entry| !entry.is_empty());
        entries.map(str::to_owned).collect()
    };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let folder = PathBuf::from(std::env::var("OWNER_FOLDER").unwrap());
    let certificate = certificate(&folder);
    let address = std::env::var("OWNER_ADDRESS").unwrap();
    let (names, protocols) = (list("OWNER_NAMES"), list("OWNER_PROTOCOLS"));
    if std::env::var("OWNER_TASKS").unwrap().is_empty() {
        let listener = Listener::builder()
            .certificate(certificate)
            .server_names(names)
            .alpn(protocols)
            .bind(&address)
            .unwrap();
        println!("listening {}", listener.local_addr());
        while let Ok(connection) = listener.accept() {
            let who = who.clone();
            std::thread::spawn(move || serve(&connection, &who));
        }
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let listener = inquic::tokio::Listener::builder()
            .certificate(certificate)
            .server_names(names)
            .alpn(protocols)
            .bind(&address)
            .unwrap();
        println!("listening {}", listener.local_addr());
        while let Ok(connection) = listener.accept().await {
            let who = who.clone();
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                while let Ok(Some(mut stream)) = connection.accept().await {
                    let mut question = Vec::new();
                    if stream.read_to_end(&mut question).await.is_err() {
                        return;
                    }
                    let _ = stream.write_all(who.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            });
        }
    });
}

fn serve(connection: &Connection, who: &str) {
    while let Ok(Some(mut stream)) = connection.accept() {
        let mut question = Vec::new();
        if stream.read_to_end(&mut question).is_err() {
            return;
        }
        let _ = stream.write_all(who.as_bytes());
        let _ = stream.finish();
    }
}

fn certificate(folder: &Path) -> Certificate {
    Certificate::from_pem_files(folder.join("cert.pem"), folder.join("key.pem")).unwrap()
}

#[test]
fn each_client_reaches_the_process_of_its_name_and_protocol() {
    let place = Place::new("names");
    let first = place.start(FILES, "127.0.0.1:0");
    let address = first.address.clone();
    let _others = [WEB_A, WEB_B, WILD].map(|role| place.start(role, &address));
    for _ in 0..3 {
        for ((who, ..), name, protocol) in CLIENTS {
            let connection = place.builder(name, protocol).connect(&address).unwrap();
            assert_eq!(ask(&connection).as_deref(), Ok(who));
            connection.close(0, "");
        }
    }
    let refused = place.builder("b.example", "mail").connect(&address);
    assert!(
        matches!(refused, Err(Error::NoCommonAlpn(_))),
        "{refused:?}"
    );
}

#[test]
fn no_owner_that_is_killed_takes_a_connection_of_another_with_it() {
    let place = Place::new("killed");
    let first = place.start(CLIENTS[0].0, "127.0.0.1:0");
    let address = first.address.clone();
    let mut owners = vec![first];
    owners.extend(
        CLIENTS[1..]
            .iter()
            .map(|(role, ..)| place.start(*role, &address)),
    );
    let connect = |at: usize| {
        let (_, name, protocol) = CLIENTS[at];
        place.builder(name, protocol).connect(&address).unwrap()
    };
    // Everybody but one answers an old connection and a new one; how long all of that takes.
    let asked = |connections: &[Connection], but: usize| {
        let begin = now();
        for (at, ((who, ..), ..)) in CLIENTS.iter().enumerate() {
            if at == but {
                continue;
            }
            assert_eq!(ask(&connections[at]).as_deref(), Ok(*who), "but {but}");
            assert_eq!(ask(&connect(at)).as_deref(), Ok(*who), "but {but}");
        }
        begin.elapsed()
    };
    let mut connections: Vec<_> = (0..CLIENTS.len()).map(connect).collect();
    // Each in turn, the one that receives for the others first; it is another each time then.
    for killed in 0..CLIENTS.len() {
        let usual = asked(&connections, killed);
        owners[killed].child.kill().unwrap();
        owners[killed].child.wait().unwrap();
        let then = asked(&connections, killed);
        println!("three old and three new connections: {then:?}, with all processes {usual:?}");
        // A second more, by a clock that goes as slowly as this machine works.
        assert!(
            then < Duration::from_secs(1) + 4 * usual,
            "{then:?}, usually {usual:?}"
        );
        let lost = ask(&connections[killed]).unwrap_err();
        assert_eq!(lost, Error::PeerRestarted);
        owners[killed] = place.start(CLIENTS[killed].0, &address);
        connections[killed] = connect(killed);
    }
}

#[test]
fn a_process_that_claims_what_another_has_is_refused() {
    let place = Place::new("claims");
    let first = place.start(WEB_A, "127.0.0.1:0");
    let address: std::net::SocketAddr = first.address.parse().unwrap();
    let bind = |names: &[&str], protocols: &[&str]| {
        Listener::builder()
            .certificate(certificate(&place.folder))
            .server_names(names)
            .alpn(protocols)
            .bind(address)
    };
    let refused = bind(&["a.example"], &["web", "files"]).unwrap_err();
    assert_eq!(refused, Error::PortInUse(address));
    let taken = bind(&["a.example"], &["files"]);
    assert!(taken.is_ok(), "{taken:?}");
}

#[test]
fn a_listener_that_is_closed_leaves_its_connections_and_its_claim() {
    let place = Place::new("closed");
    let first = place.start(WEB_A, "127.0.0.1:0");
    let bind = || {
        Listener::builder()
            .certificate(certificate(&place.folder))
            .server_names(["b.example"])
            .alpn(["web"])
            .bind(&first.address)
            .unwrap()
    };
    let listener = bind();
    let client = place.builder("b.example", "web").connect(&first.address);
    let client = client.unwrap();
    let server = listener.accept().unwrap();
    drop(listener);
    // The process that receives hears of it.
    until("the name is nobody's", || {
        let refused = place.builder("b.example", "web").connect(&first.address);
        matches!(refused, Err(Error::WrongName(_)))
    });
    std::thread::scope(|scope| {
        scope.spawn(|| serve(&server, "the one that was accepted"));
        assert_eq!(ask(&client).as_deref(), Ok("the one that was accepted"));
        client.close(0, "");
    });
    drop(bind());
}

#[expect(clippy::disallowed_methods, reason = "the test measures time")]
fn now() -> Instant {
    Instant::now()
}

//! One UDP port, many owners: programs under `inquic run`, alone, together and beside owners that use the Rust crate.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::common::{Place, code, inquic, own_address, run, skipped, until};
use crate::programs::{only_child_of, program, under_run};

const EADDRINUSE: &str = "98";
const EACCES: &str = "13";

/// A directory with certificates for the names that the tests use.
fn place() -> Place {
    let place = Place::new();
    let names = ["localhost", "a.example", "b.example", "x.c.example"];
    let out = ["--out", &place.text("")];
    let made = run(["cert"].iter().chain(&names).chain(&out));
    assert_eq!(code(&made), 0, "{made:?}");
    place
}

/// A process whose lines are read.
struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The address of a server, which it says when it listens, and what it said before.
    fn address(&mut self) -> (String, Vec<String>) {
        let mut before = Vec::new();
        loop {
            let line = self.line();
            if let Some(address) = line.strip_prefix("listening ") {
                return (address.to_owned(), before);
            }
            assert_ne!(line, "", "it has ended after {before:?}");
            before.push(line);
        }
    }

    /// kill -9 of `inquic run`, which takes the program with it.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // With what it has started, which has nobody else to end it.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        drop(self.child.wait());
    }
}

/// The words of a program that listens for each of the claims.
fn owner(place: &Place, address: &str, claims: &[&str]) -> Vec<String> {
    let mut words = vec!["owner".to_owned(), address.to_owned()];
    words.extend([place.text("cert.pem"), place.text("key.pem")]);
    words.extend(claims.iter().map(|claim| (*claim).to_owned()));
    words
}

/// The same under an `inquic run` of its own, with its address and what was refused.
fn owners(place: &Place, address: &str, claims: &[&str]) -> (Process, String, Vec<String>) {
    let words = owner(place, address, claims);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut process = Process::start(under_run(&words));
    let (address, refused) = process.address();
    (process, address, refused)
}

/// A client with a connection, on which it asks again and again.
struct Client {
    process: Process,
    questions: ChildStdin,
}

impl Client {
    fn new(place: &Place, address: &str, name: &str, protocol: &str) -> Self {
        let ca = place.text("ca.pem");
        let mut process = Process::start(under_run(&["ask", address, &ca, name, protocol]));
        let questions = process.child.stdin.take().unwrap();
        Self { process, questions }
    }

    /// Who answers.
    fn ask(&mut self) -> String {
        // One that was refused has ended, and says why.
        drop(self.questions.write_all(b"who?\n"));
        self.process.line()
    }
}

fn ask(place: &Place, address: &str, name: &str, protocol: &str) -> String {
    Client::new(place, address, name, protocol).ask()
}

#[test]
fn programs_under_runs_of_their_own_share_a_port_by_name_and_by_protocol() {
    let place = place();
    let (_first, address, refused) = owners(&place, "127.0.0.1:0", &["web/a.example"]);
    assert_eq!(refused, [""; 0]);
    let (_second, same, refused) = owners(&place, &address, &["web/b.example,*.c.example"]);
    assert_eq!((same, refused), (address.clone(), Vec::new()));
    let (_third, ..) = owners(&place, &address, &["files/a.example"]);
    for (name, protocol, who) in [
        ("a.example", "web", "web/a.example"),
        ("b.example", "web", "web/b.example,*.c.example"),
        ("x.c.example", "web", "web/b.example,*.c.example"),
        ("a.example", "files", "files/a.example"),
    ] {
        assert_eq!(ask(&place, &address, name, protocol), who);
    }
    // no_application_protocol where the name is known, unrecognized_name where it is not.
    let refused = ask(&place, &address, "a.example", "mail");
    assert!(refused.starts_with("refused 0x0178"), "{refused}");
    let refused = ask(&place, &address, "localhost", "web");
    assert!(refused.starts_with("refused 0x0170"), "{refused}");
}

#[test]
fn listeners_of_one_program_share_a_port() {
    let place = place();
    let claims = ["web/a.example", "web/b.example", "files"];
    let (_program, address, refused) = owners(&place, "127.0.0.1:0", &claims);
    assert_eq!(refused, [""; 0]);
    assert_eq!(ask(&place, &address, "a.example", "web"), claims[0]);
    assert_eq!(ask(&place, &address, "b.example", "web"), claims[1]);
    assert_eq!(ask(&place, &address, "b.example", "files"), claims[2]);
}

#[test]
fn programs_of_one_run_share_a_port() {
    let place = place();
    let address = own_address();
    // Two programs of one shell.
    let start = |claim: &str| {
        let words = owner(&place, &address, &[claim]).join(" ");
        format!("'{}' {words}", program().display())
    };
    let script = format!(
        "{} & exec {}",
        start("web/a.example"),
        start("web/b.example")
    );
    let mut command = inquic();
    command.args(["run", "sh", "-c", &script]);
    let mut both = Process::start(command);
    for _ in 0..2 {
        assert_eq!(both.address().0, address);
    }
    for name in ["a.example", "b.example"] {
        assert_eq!(ask(&place, &address, name, "web"), format!("web/{name}"));
    }
}

#[test]
fn no_program_that_is_killed_takes_the_connection_of_another_with_it() {
    let place = place();
    let claims = ["web/a.example", "web/b.example"];
    let names = ["a.example", "b.example"];
    let (first, address, _) = owners(&place, "127.0.0.1:0", &claims[..1]);
    let (second, ..) = owners(&place, &address, &claims[1..]);
    let mut owning = [first, second];
    let connect = |at: usize| Client::new(&place, &address, names[at], "web");
    let mut clients = [connect(0), connect(1)];
    for (at, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.ask(), claims[at]);
    }
    // The one that receives for both first; then the other does.
    for killed in [0, 1, 1] {
        owning[killed].kill();
        let other = 1 - killed;
        assert_eq!(clients[other].ask(), claims[other], "{killed} was killed");
        assert_eq!(connect(other).ask(), claims[other], "{killed} was killed");
        // ECONNRESET of a stateless reset, or ENOTCONN if it came before.
        let lost = clients[killed].ask();
        assert!(
            ["lost 104", "lost 107", "lost 32"].contains(&&*lost),
            "{lost}"
        );
        owning[killed] = owners(&place, &address, &claims[killed..=killed]).0;
        clients[killed] = connect(killed);
        assert_eq!(clients[killed].ask(), claims[killed]);
    }
}

#[test]
fn a_program_that_is_killed_leaves_its_claim_to_the_next() {
    let place = place();
    let (first, address, _) = owners(&place, "127.0.0.1:0", &["web/a.example"]);
    let (_second, ..) = owners(&place, &address, &["web/b.example"]);
    // The program alone: who serves its sockets goes on until it hears of it.
    kill_process(only_child_of(first.child.id()), Signal::KILL).unwrap();
    let mut third = None;
    until("the claim is free", || {
        let (process, _, refused) = owners(&place, &address, &["web/a.example"]);
        third = refused.is_empty().then_some(process);
        third.is_some()
    });
    for name in ["a.example", "b.example"] {
        assert_eq!(ask(&place, &address, name, "web"), format!("web/{name}"));
    }
}

#[test]
fn a_claim_that_overlaps_is_refused_when_it_listens() {
    let place = place();
    let (_first, address, _) = owners(&place, "127.0.0.1:0", &["web/a.example"]);
    let refused = |claims: &[&str]| owners(&place, &address, claims).2;
    let in_use = |claim: &str| format!("listen {claim}: {EADDRINUSE}");
    // By another run, and SO_REUSEPORT on one side alone does not help.
    for claim in ["web/a.example", "files,web/a.example", "web/a.example+"] {
        assert_eq!(refused(&[claim]), [in_use(claim)]);
    }
    assert_eq!(refused(&["web/b.example", "files/a.example"]), [""; 0]);
    // In one program.
    let both = ["web/b.example", "web/*.c.example,b.example"];
    let (_both, _, said) = owners(&place, "127.0.0.1:0", &both);
    assert_eq!(said, [in_use(both[1])]);
}

#[test]
fn programs_that_all_say_so_spread_what_they_claim() {
    let place = place();
    let (_first, address, _) = owners(&place, "127.0.0.1:0", &["web/a.example+"]);
    let (_second, _, refused) = owners(&place, &address, &["web/a.example,b.example+"]);
    assert_eq!(refused, [""; 0]);
    let mut answered = std::collections::BTreeSet::new();
    until("an answer of each", || {
        answered.insert(ask(&place, &address, "a.example", "web"));
        answered.len() == 2
    });
    assert!(
        answered.iter().all(|who| who.starts_with("web/a.example")),
        "{answered:?}"
    );
}

/// `inquic serve` uses the Rust crate.
fn serve(place: &Place, address: &str, name: &str) -> (Process, String) {
    let mut command = inquic();
    command.arg("serve").arg(place.path("served"));
    command.args(["--listen", address, "--name", name]);
    command.arg("--cert").arg(place.path("cert.pem"));
    command.arg("--key").arg(place.path("key.pem"));
    let mut process = Process::start(command);
    let (address, _) = process.address();
    (process, address)
}

#[test]
fn programs_share_a_port_with_owners_that_use_the_crate() {
    let place = place();
    std::fs::write(place.path("served/words"), "by the crate").unwrap();
    let fetch = |address: &str| {
        let url = format!("quic://{address}/words");
        let mut get = inquic();
        get.arg("get").arg(url).arg(place.path("got"));
        get.arg("--ca").arg(place.path("ca.pem"));
        let done = get.args(["--server-name", "b.example"]).output().unwrap();
        assert_eq!(code(&done), 0, "{done:?}");
        assert_eq!(std::fs::read(place.path("got")).unwrap(), b"by the crate");
        std::fs::remove_file(place.path("got")).unwrap();
    };
    let claim = "web/a.example";
    // The crate binds first and is killed; then the program receives for both.
    let (mut crates, address) = serve(&place, "127.0.0.1:0", "b.example");
    let (_program, ..) = owners(&place, &address, &[claim]);
    let mut client = Client::new(&place, &address, "a.example", "web");
    assert_eq!(client.ask(), claim);
    fetch(&address);
    crates.kill();
    assert_eq!(client.ask(), claim);
    let (_crates, _) = serve(&place, &address, "b.example");
    fetch(&address);
    assert_eq!(client.ask(), claim);
}

#[test]
fn a_port_is_its_users() {
    if !rustix::process::geteuid().is_root() {
        return skipped("only root can be another user");
    }
    let place = place();
    let (_first, address, _) = owners(&place, "127.0.0.1:0", &["web/a.example"]);
    let words = owner(&place, &address, &["web/b.example"]);
    let refused = format!("bind web/b.example: {EADDRINUSE}");
    let mut theirs = inquic();
    theirs.arg("run").arg(program()).args(&words);
    theirs.uid(NOBODY).gid(NOBODY);
    assert_eq!(Process::start(theirs).line(), refused);
    // It is the program's user that counts, not that of `inquic run`.
    assert_eq!(Process::start(run_as_nobody(&words)).line(), refused);
}

/// A program that root's `inquic run` starts as a user with no rights.
fn run_as_nobody(words: &[String]) -> Command {
    let mut run = inquic();
    run.args(["run", "setpriv", &format!("--reuid={NOBODY}")]);
    run.arg("--clear-groups").arg(program()).args(words);
    run
}

#[test]
fn a_privileged_port_is_not_for_every_user_whom_root_serves() {
    if !rustix::process::geteuid().is_root() {
        return skipped("only root can be another user");
    }
    let place = place();
    let words = owner(&place, "127.87.65.43:443", &["web/a.example"]);
    let line = Process::start(run_as_nobody(&words)).line();
    assert_eq!(line, format!("bind web/a.example: {EACCES}"));
    let (_root, ..) = owners(&place, "127.87.65.43:443", &["web/a.example"]);
}

#[test]
fn a_port_that_another_stack_has_is_not_shared() {
    let place = place();
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let words = owner(&place, &address, &["web/a.example"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let line = Process::start(under_run(&words)).line();
    assert_eq!(line, format!("bind web/a.example: {EADDRINUSE}"));
}

/// A user with no rights.
const NOBODY: u32 = 65_534;

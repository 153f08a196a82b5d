//! The agent with a thread in place of the kernel. Its sockets are of another protocol than QUIC, so that each is answered at once.

use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::RecvTimeoutError;
use std::thread::JoinHandle;

use super::*;
use crate::service::tests::{CLIENT, Called, Kernel, LOST, Next, kernel, other_socket};

/// An agent at work.
struct Working {
    kernel: Kernel,
    /// Where the kernel calls.
    calls: UnixDatagram,
    orders: UnixStream,
    agent: JoinHandle<io::Result<()>>,
}

impl Working {
    /// One that finds these requests when it begins.
    fn with(waiting: Vec<Next>) -> Self {
        let (paired, kernel) = kernel();
        let (notices, calls) = UnixDatagram::pair().expect("a pair");
        notices.set_nonblocking(true).expect("set");
        let (ours, orders) = UnixStream::pair().expect("a pair");
        for next in waiting {
            kernel.requests.send(next).expect("a kernel");
        }
        let service = Service::find(Box::new(paired)).expect("a service");
        let config = Config::without_file();
        let agent = Agent::new(service, Box::new(Called(notices)), config).expect("an agent");
        let agent = thread::spawn(move || agent.run(&ours, &|| Some(Config::without_file())));
        Self {
            kernel,
            calls,
            orders,
            agent,
        }
    }

    fn give(&self, next: Next) {
        self.kernel.requests.send(next).expect("a kernel");
    }

    fn order(&self, order: u8) {
        (&self.orders).write_all(&[order]).expect("written");
    }

    /// The status of the next handshake.
    fn status(&self) -> Result<u32, RecvTimeoutError> {
        let done = self.kernel.done.recv_timeout(Duration::from_secs(20));
        done.map(|(_, status)| status)
    }

    /// Ends it; what it says last.
    fn end(self) -> io::Result<()> {
        self.order(END);
        self.agent.join().expect("no panic")
    }
}

fn request() -> Next {
    Next::Give(other_socket(), CLIENT)
}

const EOPNOTSUPP: u32 = 95;

#[test]
fn requests_that_wait_already_are_taken_at_the_start() {
    let working = Working::with(vec![request(), request(), request()]);
    for _ in 0..3 {
        assert_eq!(working.status(), Ok(EOPNOTSUPP));
    }
    working.end().expect("a good end");
}

#[test]
fn a_notice_brings_a_request_in() {
    let working = Working::with(vec![request()]);
    assert_eq!(working.status(), Ok(EOPNOTSUPP));
    working.give(request());
    working.calls.send(b"r").expect("sent");
    assert_eq!(working.status(), Ok(EOPNOTSUPP));
    working.end().expect("a good end");
}

#[test]
fn lost_notices_do_not_end_it_and_lose_no_request() {
    let working = Working::with(vec![request()]);
    assert_eq!(working.status(), Ok(EOPNOTSUPP));
    working.give(request());
    working.give(request());
    working.calls.send(&[LOST]).expect("sent");
    assert_eq!(working.status(), Ok(EOPNOTSUPP));
    assert_eq!(working.status(), Ok(EOPNOTSUPP));
    working.end().expect("a good end");
}

#[test]
fn a_request_that_the_kernel_could_not_hand_over_is_no_reason_to_end() {
    const ENOMEM: i32 = 12;
    let working = Working::with(vec![Next::Fail(ENOMEM), request()]);
    // It asks again by itself.
    assert_eq!(working.status(), Ok(EOPNOTSUPP));
    working.end().expect("a good end");
}

#[test]
fn without_the_right_it_ends_at_once() {
    const EPERM: i32 = 1;
    let working = Working::with(vec![Next::Fail(EPERM)]);
    let ended = working.agent.join().expect("no panic");
    assert_eq!(
        ended.expect_err("refused").kind(),
        io::ErrorKind::PermissionDenied
    );
}

#[test]
fn it_reads_its_configuration_again_and_goes_on() {
    let working = Working::with(vec![request()]);
    assert_eq!(working.status(), Ok(EOPNOTSUPP));
    working.order(RELOAD);
    working.give(request());
    working.calls.send(b"r").expect("sent");
    assert_eq!(working.status(), Ok(EOPNOTSUPP));
    working.end().expect("a good end");
}

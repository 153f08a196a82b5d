//! The seam: the socket calls that a handshake makes. What a descriptor answers comes in, errno values go out with it.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// The socket calls of a handshake, on one connected or accepted QUIC socket.
pub trait Calls: Send {
    /// getsockopt() at the level of QUIC.
    ///
    /// # Errors
    ///
    /// What the socket says.
    fn getsockopt(&self, option: u32, out: &mut [u8]) -> io::Result<usize>;

    /// setsockopt() at the level of QUIC.
    ///
    /// # Errors
    ///
    /// What the socket says.
    fn setsockopt(&self, option: u32, value: &[u8]) -> io::Result<()>;

    /// getpeername().
    ///
    /// # Errors
    ///
    /// What the socket says.
    fn peer(&self) -> io::Result<IpAddr>;

    /// sendmsg() of handshake messages of a crypto level, without waiting; `more` follow.
    ///
    /// # Errors
    ///
    /// What the socket says.
    fn send(&self, level: u8, bytes: &[u8], more: bool) -> io::Result<usize>;

    /// recvmsg(), without waiting: how many bytes, and the crypto level if they are handshake messages.
    ///
    /// # Errors
    ///
    /// What the socket says.
    fn receive(&self, out: &mut [u8]) -> io::Result<(usize, Option<u8>)>;

    /// poll() for something to receive, or for room to send. `false` when the time is over.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn wait(&self, sending: bool, at_most: Duration) -> io::Result<bool>;
}

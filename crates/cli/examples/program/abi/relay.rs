//! What lies between two ends where a check needs a bad network: datagrams in, the same out, or nothing.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::pair::any;

/// Forwards between whoever sends to it and a target, in a thread that ends with the process.
pub(crate) struct Relay {
    pub(crate) at: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Whether what goes to the target is thrown away.
    deaf: AtomicBool,
    dropped: AtomicU32,
}

impl Relay {
    pub(crate) fn to(target: SocketAddr) -> Self {
        let socket = UdpSocket::bind(any()).expect("a UDP socket");
        let relay = Self {
            at: socket.local_addr().expect("its address"),
            shared: Arc::default(),
        };
        let shared = relay.shared.clone();
        std::thread::spawn(move || forward(&socket, target, &shared));
        relay
    }

    /// Throws away what goes to the target, or no more.
    pub(crate) fn deafen(&self, deaf: bool) {
        self.shared.deaf.store(deaf, Ordering::SeqCst);
    }

    /// How much was thrown away.
    pub(crate) fn dropped(&self) -> u32 {
        self.shared.dropped.load(Ordering::SeqCst)
    }
}

fn forward(socket: &UdpSocket, target: SocketAddr, shared: &Shared) {
    let mut datagram = [0; 2048];
    let mut other = None;
    while let Ok((bytes, from)) = socket.recv_from(&mut datagram) {
        let to = if from == target {
            other
        } else {
            other = Some(from);
            Some(target)
        };
        if from != target && shared.deaf.load(Ordering::SeqCst) {
            shared.dropped.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        if let Some(to) = to {
            // What is lost here is lost on the way.
            drop(socket.send_to(&datagram[..bytes], to));
        }
    }
}

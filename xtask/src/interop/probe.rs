//! In: the port of a server. Out: whether it answers a version that nobody speaks with Version Negotiation.

use std::net::UdpSocket;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// Sends one packet of a reserved version and checks the answer (RFC 9000 §6.1, §17.2.1).
pub(crate) fn version_negotiation(port: u16) -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.send_to(&packet(), ("127.0.0.1", port))?;
    let mut answer = [0; 1500];
    let (length, _) = socket
        .recv_from(&mut answer)
        .context("no answer to a reserved version")?;
    check(answer.get(..length).unwrap_or_default())
}

/// A long header with a version of the form that is never used (§15), in a datagram as large as an Initial's must be.
fn packet() -> Vec<u8> {
    let mut packet = vec![0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8];
    packet.extend(DESTINATION);
    packet.push(8);
    packet.extend(SOURCE);
    packet.resize(1200, 0);
    packet
}

pub(super) fn check(answer: &[u8]) -> Result<()> {
    let ids: Vec<u8> = [&[8], SOURCE.as_slice(), &[8], &DESTINATION].concat();
    let first = answer.first().context("an empty answer")?;
    ensure!(first & 0x80 != 0, "the answer has no long header");
    ensure!(
        answer.get(1..5) == Some(&[0; 4]),
        "the answer is no Version Negotiation packet"
    );
    ensure!(
        answer.get(5..23) == Some(&ids),
        "the connection IDs are not ours, swapped"
    );
    let versions: Vec<&[u8]> = answer.get(23..).unwrap_or_default().chunks(4).collect();
    ensure!(
        versions.iter().all(|version| version.len() == 4),
        "half a version at the end"
    );
    ensure!(
        versions.contains(&[0, 0, 0, 1].as_slice()),
        "version 1 is not offered"
    );
    ensure!(
        !versions.contains(&[0x1a, 0x2a, 0x3a, 0x4a].as_slice()),
        "our own version is offered"
    );
    Ok(())
}

pub(super) const DESTINATION: [u8; 8] = [0xd0, 1, 2, 3, 4, 5, 6, 7];
pub(super) const SOURCE: [u8; 8] = [0x50, 9, 10, 11, 12, 13, 14, 15];

use std::net::{IpAddr, SocketAddr};

use inquic_engine::Path;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, ip_mtu_discover, ipv6_mtu_discover,
};

use super::{Inbox, Sent, Udp};

fn bind(address: &str) -> Udp {
    Udp::bind(address.parse().unwrap(), false).unwrap()
}

fn to(port: u16, ip: &str) -> Path {
    Path {
        local: None,
        remote: SocketAddr::new(ip.parse().unwrap(), port),
    }
}

/// Every datagram that has arrived, with its source and our address.
fn drain(udp: &Udp, inbox: &mut Inbox, count: usize) -> Vec<(Path, Vec<u8>)> {
    let mut datagrams = Vec::new();
    while datagrams.len() < count {
        let limit = Timespec {
            tv_sec: 5,
            tv_nsec: 0,
        };
        assert_eq!(
            poll(&mut [PollFd::new(udp, PollFlags::IN)], Some(&limit)),
            Ok(1),
            "nothing came"
        );
        udp.receive(inbox).unwrap();
        for train in inbox.trains() {
            for datagram in train.bytes.chunks(train.segment) {
                datagrams.push((train.path, datagram.to_vec()));
            }
        }
    }
    datagrams
}

#[test]
fn a_batch_arrives_as_the_datagrams_it_was_cut_into() {
    let (from, at) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let bytes: Vec<u8> = (0..44 * 1452 - 100).map(|at| (at / 1452) as u8).collect();
    let path = to(at.local().port(), "127.0.0.1");
    assert_eq!(from.send(&path, &bytes, 1452, 0), Sent::Done);
    let datagrams = drain(&at, &mut Inbox::new(), 44);
    assert_eq!(datagrams.len(), 44);
    assert!(
        datagrams
            .iter()
            .take(43)
            .all(|(_, datagram)| datagram.len() == 1452)
    );
    assert_eq!(datagrams[43].1.len(), 1352);
    assert_eq!(datagrams[43].1[0], 43);
}

#[test]
fn a_batch_that_the_kernel_cannot_cut_leaves_in_pieces() {
    let (from, at) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    // More than 64 segments is more than the kernel cuts.
    let path = to(at.local().port(), "127.0.0.1");
    assert_eq!(from.send(&path, &[7; 65 * 100], 100, 0), Sent::Done);
    let datagrams = drain(&at, &mut Inbox::new(), 65);
    assert!(datagrams.iter().all(|(_, datagram)| datagram == &[7; 100]));
}

#[test]
fn a_dual_stack_socket_speaks_both_families_by_their_own_names() {
    let dual = bind("[::]:0");
    let port = dual.local().port();
    for (ip, any) in [("127.0.0.1", "127.0.0.1:0"), ("::1", "[::1]:0")] {
        let peer = bind(any);
        assert_eq!(peer.send(&to(port, ip), b"there", 5, 0), Sent::Done);
        let (path, datagram) = drain(&dual, &mut Inbox::new(), 1).remove(0);
        assert_eq!(datagram, b"there");
        assert_eq!(path.remote, peer.local());
        assert_eq!(
            path.local.map(|local| local.ip()),
            Some(ip.parse::<IpAddr>().unwrap())
        );
        assert_eq!(dual.send(&path, b"back", 4, 0), Sent::Done);
        let (path, datagram) = drain(&peer, &mut Inbox::new(), 1).remove(0);
        assert_eq!(datagram, b"back");
        assert_eq!(path.remote, SocketAddr::new(ip.parse().unwrap(), port));
    }
}

#[test]
fn the_ecn_bits_of_single_datagrams_and_trains_arrive() {
    let dual = bind("[::]:0");
    for (ip, any) in [("127.0.0.1", "127.0.0.1:0"), ("::1", "[::1]:0")] {
        let peer = bind(any);
        for (from, at) in [(&peer, &dual), (&dual, &peer)] {
            for count in [1, 2, 10] {
                for mark in [0, 0b10, 0b11] {
                    let path = to(at.local().port(), ip);
                    let bytes = [7; 12_000];
                    from.send(&path, &bytes[..1_200 * count], 1_200, mark);
                    let mut inbox = Inbox::new();
                    drain(at, &mut inbox, count);
                    let marks: Vec<u8> = inbox.trains().map(|train| train.ecn).collect();
                    assert_eq!(marks, [mark], "{count} to {ip}");
                }
            }
        }
    }
}

#[test]
fn a_port_is_bound_once_unless_both_share_it() {
    let first = bind("127.0.0.1:0");
    let error = Udp::bind(first.local(), false).err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    let first = Udp::bind("127.0.0.1:0".parse().unwrap(), true).unwrap();
    assert!(Udp::bind(first.local(), true).is_ok());
}

#[test]
fn where_the_kernel_does_not_send_is_unreachable() {
    let udp = bind("0.0.0.0:0");
    // Broadcasting needs an option that the socket does not have.
    let path = to(9, "255.255.255.255");
    assert_eq!(udp.send(&path, b"x", 1, 0), Sent::Unreachable);
}

#[test]
fn what_no_interface_carries_is_too_large() {
    let (from, at) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let path = to(at.local().port(), "127.0.0.1");
    let bytes = vec![0; 65_508];
    assert_eq!(from.send(&path, &bytes[..65_507], 65_507, 0), Sent::Done);
    assert_eq!(from.send(&path, &bytes, 65_508, 0), Sent::TooLarge);
}

#[test]
fn no_datagram_is_fragmented_or_believed_too_large_because_of_icmp() {
    for address in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
        let udp = bind(address);
        let v4 = Ok(Ipv4PathMtuDiscovery::PROBE);
        let v6 = Ok(Ipv6PathMtuDiscovery::PROBE);
        assert_eq!(ip_mtu_discover(&udp), v4, "{address}");
        assert!(
            udp.local().is_ipv4() || ipv6_mtu_discover(&udp) == v6,
            "{address}"
        );
    }
}

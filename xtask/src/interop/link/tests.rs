use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::fault::{Fault, Faults, Share};
use super::header::{Form, VERSION_2, headers};
use super::pipe::{Parcel, Pipe};
use super::record::{Direction, Fate};
use super::{Link, Rebinding, Terms};

fn parcel(number: usize) -> Parcel {
    Parcel {
        number,
        flow: 0,
        ecn: 0,
        bytes: Vec::new(),
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// 1,000 bytes take 8 ms.
fn pipe(queue: usize) -> Pipe {
    Pipe::new(1_000_000, queue, ms(15))
}

#[test]
fn a_packet_arrives_after_sending_and_delay() {
    let mut pipe = pipe(1);
    pipe.offer(ms(100), 1000, parcel(0)).unwrap();
    assert_eq!(pipe.arrival(), Some(ms(123)));
    assert_eq!(pipe.arrived(ms(122)), None);
    assert_eq!(pipe.arrived(ms(123)), Some(parcel(0)));
    assert_eq!(pipe.arrival(), None);
}

#[test]
fn packets_wait_for_those_before_them() {
    let mut pipe = pipe(2);
    for number in 0..3 {
        pipe.offer(ms(0), 1000, parcel(number)).unwrap();
    }
    assert_eq!(pipe.arrived(ms(23)), Some(parcel(0)));
    assert_eq!(pipe.arrival(), Some(ms(31)));
    assert_eq!(pipe.arrived(ms(39)), Some(parcel(1)));
    assert_eq!(pipe.arrived(ms(39)), Some(parcel(2)));
}

#[test]
fn a_full_queue_drops_what_comes_last() {
    let mut pipe = pipe(2);
    // One is being sent, two wait.
    for number in 0..3 {
        pipe.offer(ms(0), 1000, parcel(number)).unwrap();
    }
    assert_eq!(pipe.offer(ms(0), 1000, parcel(3)), Err(parcel(3)));
    // The first has left, so the second waits no more.
    pipe.offer(ms(8), 1000, parcel(4)).unwrap();
    assert_eq!(pipe.offer(ms(8), 1000, parcel(5)), Err(parcel(5)));
}

fn fates(fault: &Fault, direction: Direction, seed: u64) -> Vec<Fate> {
    let mut faults = Faults::new(fault.clone(), direction, seed);
    (0..2000)
        .map(|number| faults.next(ms(number), &mut [0; 1200]))
        .collect()
}

#[test]
fn loss_follows_from_the_seed() {
    let fault = Fault::Loss(Share {
        percent: 30,
        burst: 3,
    });
    let all = fates(&fault, Direction::ToServer, 7);
    assert_eq!(all, fates(&fault, Direction::ToServer, 7));
    assert_ne!(all, fates(&fault, Direction::ToServer, 8));
    assert_ne!(all, fates(&fault, Direction::ToClient, 7));
    let lost = all.iter().filter(|fate| **fate == Fate::Lost).count();
    assert!((500..650).contains(&lost), "{lost} of 2,000 lost");
}

#[test]
fn after_three_losses_one_packet_is_let_through() {
    let fault = Fault::Loss(Share {
        percent: 100,
        burst: 3,
    });
    let all = fates(&fault, Direction::ToClient, 1);
    for (number, fate) in all.iter().enumerate() {
        assert_eq!(*fate == Fate::Arrived, number % 4 == 3, "packet {number}");
    }
}

#[test]
fn corruption_changes_one_of_the_first_bytes() {
    let share = Share {
        percent: 100,
        burst: u64::MAX,
    };
    let mut faults = Faults::new(Fault::Corruption(share), Direction::ToServer, 1);
    let mut places = [0; 1200];
    for _ in 0..5000 {
        let mut packet = [0x40; 1200];
        assert_eq!(faults.next(ms(0), &mut packet), Fate::Corrupted);
        let changed: Vec<usize> = (0..1200).filter(|at| packet[*at] != 0x40).collect();
        assert_eq!(changed.len(), 1);
        places[changed[0]] += 1;
    }
    assert!(places[..51].iter().all(|count| *count > 0));
    assert!(places[51..].iter().all(|count| *count == 0));
}

#[test]
fn version_negotiation_is_not_corrupted() {
    let share = Share {
        percent: 100,
        burst: u64::MAX,
    };
    let mut faults = Faults::new(Fault::Corruption(share), Direction::ToClient, 1);
    let packet = [0x80, 0, 0, 0, 0, 1, 2, 1, 3, 0, 0, 0, 1];
    let mut crossed = packet;
    assert_eq!(faults.next(ms(0), &mut crossed), Fate::Arrived);
    assert_eq!(crossed, packet);
}

#[test]
fn a_list_of_losses_counts_from_one_and_one_way() {
    let fault = Fault::Listed(vec![2, 4]);
    let up = fates(&fault, Direction::ToServer, 1);
    assert_eq!(
        up[..5],
        [
            Fate::Arrived,
            Fate::Lost,
            Fate::Arrived,
            Fate::Lost,
            Fate::Arrived
        ]
    );
    let down = fates(&fault, Direction::ToClient, 1);
    assert!(down.iter().all(|fate| *fate == Fate::Arrived));
}

#[test]
fn a_black_hole_opens_and_closes() {
    let fault = Fault::BlackHole {
        after: ms(500),
        length: ms(200),
    };
    let all = fates(&fault, Direction::ToServer, 1);
    for (number, fate) in all.iter().enumerate() {
        let inside = (500..700).contains(&number);
        assert_eq!(*fate == Fate::Lost, inside, "packet at {number} ms");
    }
}

fn long(first: u8, version: u32, after_ids: &[u8]) -> Vec<u8> {
    let mut packet = vec![first];
    packet.extend(version.to_be_bytes());
    packet.extend([2, 0xd1, 0xd2, 3, 0x51, 0x52, 0x53]);
    packet.extend(after_ids);
    packet
}

#[test]
fn the_packets_of_a_datagram_are_told_apart() {
    let mut datagram = long(0xc0, 1, &[2, 7, 8, 0x40, 4, 0, 0, 0, 0]);
    datagram.extend(long(0xe0, 1, &[3, 0, 0, 0]));
    datagram.extend([0x41, 0xd1, 0xd2, 9, 9]);
    let found = headers(&datagram);
    let forms: Vec<Form> = found.iter().map(|header| header.form).collect();
    assert_eq!(forms, [Form::Initial, Form::Handshake, Form::Short]);
    assert_eq!(found[0].destination, [0xd1, 0xd2]);
    assert_eq!(found[0].source, [0x51, 0x52, 0x53]);
    assert_eq!(found[0].token, [7, 8]);
    assert_eq!(found[0].bytes, 21);
    assert_eq!(found[1].bytes, 16);
    assert_eq!(found[2].destination, [0xd1, 0xd2, 9, 9]);
}

#[test]
fn padding_behind_a_long_header_is_no_packet() {
    let mut datagram = long(0xe0, 1, &[3, 0, 0, 0]);
    datagram.extend([0; 100]);
    assert_eq!(headers(&datagram).len(), 1);
}

#[test]
fn version_2_has_types_of_its_own() {
    let form = |first, rest: &[u8]| headers(&long(first, VERSION_2, rest))[0].form;
    assert_eq!(form(0xd0, &[0, 1, 0]), Form::Initial);
    assert_eq!(form(0xe0, &[1, 0]), Form::ZeroRtt);
    assert_eq!(form(0xf0, &[1, 0]), Form::Handshake);
    assert_eq!(form(0xc0, &[9; 20]), Form::Retry);
}

#[test]
fn a_retry_ends_with_its_tag() {
    let mut rest = vec![7; 5];
    rest.extend([0xee; 16]);
    let found = headers(&long(0xf0, 1, &rest));
    assert_eq!(found[0].form, Form::Retry);
    assert_eq!(found[0].token, [7; 5]);
}

#[test]
fn nonsense_has_no_headers() {
    assert!(headers(&[]).is_empty());
    assert!(headers(&[0xc0]).is_empty());
    // More connection ID than packet, more token, more payload.
    assert!(headers(&[0xc0, 0, 0, 0, 1, 20, 1]).is_empty());
    assert!(headers(&long(0xc0, 1, &[9, 1])).is_empty());
    assert!(headers(&long(0xe0, 1, &[9, 1])).is_empty());
}

/// A server that a test plays itself, and one client of it behind a link.
struct Lab {
    server: UdpSocket,
    client: UdpSocket,
    link: Link,
    front: SocketAddr,
}

impl Lab {
    fn new(terms: Terms) -> Self {
        let socket = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(ms(60_000))).unwrap();
            socket
        };
        let server = socket();
        let link = Link::start(terms, &[server.local_addr().unwrap()]).unwrap();
        Self {
            client: socket(),
            front: link.front(0).unwrap(),
            server,
            link,
        }
    }

    /// Sends one datagram to the server; who it comes from there.
    fn up(&self, bytes: &[u8]) -> SocketAddr {
        self.client.send_to(bytes, self.front).unwrap();
        let mut got = [0; 2000];
        let (length, from) = self.server.recv_from(&mut got).unwrap();
        assert_eq!(&got[..length], bytes);
        from
    }
}

fn quick() -> Terms {
    Terms {
        delay: ms(5),
        ..Terms::usual()
    }
}

#[test]
fn a_datagram_crosses_both_ways() {
    let lab = Lab::new(quick());
    let from = lab.up(&[0x41; 300]);
    assert_ne!(from, lab.client.local_addr().unwrap());
    lab.server.send_to(&[0x42; 1200], from).unwrap();
    let mut got = [0; 2000];
    let (length, from) = lab.client.recv_from(&mut got).unwrap();
    assert_eq!((length, from), (1200, lab.front));
    let record = lab.link.finish().unwrap();
    let all: Vec<_> = record.all().collect();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].direction, Direction::ToServer);
    assert_eq!((all[0].bytes, all[1].bytes), (300, 1200));
    assert!(all.iter().all(|crossing| crossing.is_whole()));
    assert!(all.iter().all(|c| c.arrived >= c.sent + ms(5)));
    assert!(all[1].sent >= all[0].arrived);
}

#[test]
fn a_datagram_longer_than_ethernet_carries_is_lost() {
    let lab = Lab::new(quick());
    lab.client.send_to(&[0x41; 1473], lab.front).unwrap();
    lab.up(&[0x41; 1472]);
    let record = lab.link.finish().unwrap();
    assert_eq!(record.count(Direction::ToServer, Fate::TooLong), 1);
    assert_eq!(record.count(Direction::ToServer, Fate::Arrived), 1);
}

#[test]
fn a_rebound_client_has_another_address_and_is_deaf_at_the_old_one() {
    let lab = Lab::new(Terms {
        rebinding: Some(Rebinding {
            first: ms(1000),
            every: Duration::from_secs(3600),
            address: true,
        }),
        ..quick()
    });
    let before = lab.up(b"one");
    let mut after = before;
    while after.ip() == before.ip() {
        std::thread::sleep(ms(50));
        after = lab.up(b"two");
    }
    lab.server.send_to(b"old", before).unwrap();
    lab.server.send_to(b"new", after).unwrap();
    let mut got = [0; 10];
    let (length, _) = lab.client.recv_from(&mut got).unwrap();
    assert_eq!(&got[..length], b"new");
    let record = lab.link.finish().unwrap();
    assert_eq!(record.count(Direction::ToClient, Fate::Forgotten), 1);
    let mut mappings: Vec<usize> = record.all().map(|crossing| crossing.mapping).collect();
    mappings.dedup();
    assert_eq!(mappings, [0, 1, 0, 1]);
}

fn ecn_received(socket: &UdpSocket) -> Option<u8> {
    let state = quinn_udp::UdpSocketState::new(socket.into()).unwrap();
    socket.set_nonblocking(false).unwrap();
    let mut meta = [quinn_udp::RecvMeta::default()];
    let mut memory = [0; 2000];
    let mut buffers = [std::io::IoSliceMut::new(&mut memory)];
    state.recv(socket.into(), &mut buffers, &mut meta).unwrap();
    meta[0].ecn.map(|ecn| ecn as u8)
}

#[test]
fn ecn_bits_cross() {
    let lab = Lab::new(quick());
    let seen = lab.up(b"unmarked");
    let socket = super::relay::Socket::bind([127, 0, 0, 1].into()).unwrap();
    let mut marked = parcel(0);
    marked.ecn = 2;
    marked.bytes = vec![0x41; 100];
    socket.send(lab.front, &marked).unwrap();
    assert_eq!(ecn_received(&lab.server), Some(2));
    marked.ecn = 3;
    socket.send(seen, &marked).unwrap();
    assert_eq!(ecn_received(&lab.client), Some(3));
    let record = lab.link.finish().unwrap();
    assert_eq!(record.all().map(|c| c.ecn).collect::<Vec<_>>(), [0, 2, 3]);
}

#[test]
fn a_link_goes_nowhere_but_to_loopback() {
    let elsewhere = "192.0.2.1:443".parse().unwrap();
    assert!(Link::start(quick(), &[elsewhere]).is_err());
}

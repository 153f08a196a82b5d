use alloc::vec;
use alloc::vec::Vec;

use super::{After, Tickets, Verdict};
use crate::limits;

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = (body.len() as u32).to_be_bytes();
    [&[kind, high, middle, low][..], body].concat()
}

fn tickets(pieces: &[&[u8]]) -> Vec<After> {
    let mut tickets = Tickets::default();
    let mut out = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while let Some(after) = tickets.take(&mut rest) {
            out.push(after);
        }
    }
    out
}

#[test]
fn ticket_in_pieces_is_one_ticket() {
    let ticket = message(4, &[7; 100]);
    let (first, rest) = ticket.split_at(2);
    let (second, third) = rest.split_at(50);
    let got = tickets(&[first, second, third]);
    assert_eq!(got, [After::Ticket(ticket.clone())]);
}

#[test]
fn two_tickets_in_one_piece_are_two() {
    let both = [message(4, &[1; 5]), message(4, &[2; 6])].concat();
    let got = tickets(&[&both]);
    let wanted = [message(4, &[1; 5]), message(4, &[2; 6])].map(After::Ticket);
    assert_eq!(got, wanted);
}

#[test]
fn ticket_of_the_longest_length_is_kept_and_a_longer_one_is_not() {
    let longest = message(4, &vec![1; 4_092]);
    let longer = message(4, &vec![2; 4_093]);
    let short = message(4, &[3]);
    let got = tickets(&[&longest, &longer, &short]);
    assert_eq!(got, [After::Ticket(longest), After::Ticket(short)]);
}

#[test]
fn other_messages_after_the_handshake_are_told_apart() {
    let all = [message(24, &[0]), message(13, &[0; 9]), message(99, &[0])].concat();
    let got = tickets(&[&all]);
    assert_eq!(got, [After::KeyUpdate, After::CertificateRequest]);
}

fn extensions(list: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, data) in list {
        body.extend_from_slice(&kind.to_be_bytes());
        body.extend_from_slice(&(data.len() as u16).to_be_bytes());
        body.extend_from_slice(data);
    }
    let len = (body.len() as u16).to_be_bytes();
    message(8, &[&len[..], &body].concat())
}

fn verdict(pieces: &[&[u8]]) -> bool {
    let mut verdict = Verdict::default();
    for piece in pieces {
        verdict.read(piece);
    }
    verdict.is_accepted()
}

#[test]
fn early_data_extension_is_the_servers_yes() {
    let yes = extensions(&[(16, b"\x00\x03\x02h3"), (42, b"")]);
    let (first, rest) = yes.split_at(7);
    assert!(verdict(&[first, rest]));
    let no = extensions(&[(16, b"\x00\x03\x02h3"), (0x39, &[42; 90])]);
    assert!(!verdict(&[&no]));
}

#[test]
fn what_is_not_understood_is_a_no() {
    assert!(!verdict(&[]));
    assert!(!verdict(&[&[8, 0, 0, 9, 0, 7, 0, 42]]));
    assert!(!verdict(&[&message(11, &[0, 4, 0, 42, 0, 0])]));
    // The extension lies beyond what is kept.
    let far = extensions(&[(1, &vec![0; limits::ENCRYPTED_EXTENSIONS]), (42, b"")]);
    assert!(!verdict(&[&far]));
}

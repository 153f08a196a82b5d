use super::*;

fn waiting(mut datagrams: Datagrams) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| datagrams.pop()).collect()
}

#[test]
fn datagrams_are_taken_in_the_order_in_which_they_came() {
    let mut datagrams = Datagrams::default();
    datagrams.push(b"one");
    datagrams.push(b"");
    datagrams.push(b"three");
    assert_eq!(waiting(datagrams), [&b"one"[..], b"", b"three"]);
}

#[test]
fn the_oldest_go_where_there_is_no_room() {
    let each = limits::DATAGRAM_BYTES / 4 - size_of::<Vec<u8>>();
    let mut datagrams = Datagrams::default();
    for number in 0..4 {
        datagrams.push(&vec![number; each]);
    }
    assert_eq!(datagrams.waiting.len(), 4);
    // One byte more than there was room for.
    datagrams.push(b"");
    let left = waiting(datagrams);
    assert_eq!(left.len(), 4);
    assert_eq!(left.first(), Some(&vec![1; each]));
}

#[test]
fn empty_datagrams_are_bounded() {
    let most = limits::DATAGRAM_BYTES / size_of::<Vec<u8>>();
    let mut datagrams = Datagrams::default();
    for _ in 0..most {
        datagrams.push(b"");
    }
    assert_eq!(datagrams.waiting.len(), most);
    datagrams.push(b"");
    assert_eq!(datagrams.waiting.len(), most);
    assert!(datagrams.cost <= limits::DATAGRAM_BYTES);
}

#[test]
fn the_longest_datagram_fits_alone() {
    let mut datagrams = Datagrams::default();
    datagrams.push(b"before");
    datagrams.push(&vec![0; limits::RECEIVE_BYTES]);
    assert_eq!(datagrams.waiting.len(), 1);
    datagrams.push(b"after");
    assert_eq!(waiting(datagrams), [b"after"]);
}

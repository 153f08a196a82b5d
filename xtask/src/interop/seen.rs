//! In: the record of a link. Out: whether the case took place on it, beyond the files having crossed. Pure, and without
//! keys: what packets hold is for the two sides to say.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::case::{Case, Pairing, Scale};
use super::link::{Crossing, Direction, Fate, Form, Record, VERSION_2};

/// Checks a record; what was measured, where something was.
pub(crate) fn seen(pairing: &Pairing, scale: Scale, record: &Record) -> Result<Option<f64>> {
    let expected = pairing.connections(scale);
    let handshakes = record.handshakes().len();
    ensure!(
        handshakes == expected,
        "{handshakes} handshakes instead of {expected}"
    );
    match pairing.case {
        Case::Handshake => ensure!(no_retry(record), "a Retry that nobody asked for"),
        Case::LongRtt => long_rtt(record)?,
        Case::Retry => retry(record)?,
        Case::Resumption => resumption(record)?,
        Case::ZeroRtt => ensure!(
            record.headers(Direction::ToServer, Form::ZeroRtt).count() > 0,
            "no 0-RTT packet crossed the link"
        ),
        Case::BlackHole => black_hole(record)?,
        Case::Ecn => ecn(pairing, record)?,
        Case::AmplificationLimit => {
            // A server may take a client's use of its connection ID as proof (RFC 9000 §8.1); ours does not.
            if pairing.server() == pairing.ours {
                amplification(record)?;
            }
            ensure!(
                record.count(Direction::ToServer, Fate::Lost) == 6,
                "not all packets were lost that should be"
            );
        }
        Case::HandshakeLoss | Case::TransferLoss => both_ways(record, Fate::Lost)?,
        Case::HandshakeCorruption | Case::TransferCorruption => {
            both_ways(record, Fate::Corrupted)?;
        }
        Case::V2 => version_2(record)?,
        Case::RebindPort | Case::RebindAddr => rebinding(record)?,
        Case::ConnectionMigration => migration(record)?,
        Case::Goodput => return goodput(pairing, scale, record).map(Some),
        _ => {}
    }
    Ok(None)
}

fn no_retry(record: &Record) -> bool {
    let mut retries = record.headers(Direction::ToClient, Form::Retry);
    retries.next().is_none()
}

/// The client must have asked again before it could have an answer: after 500 ms, for its first flight may be long.
fn long_rtt(record: &Record) -> Result<()> {
    let answer = record.of(Direction::ToClient).map(|answer| answer.arrived);
    let answer = answer.min().context("no answer")?;
    ensure!(
        answer >= Duration::from_millis(1500),
        "an answer after {answer:?}, earlier than light"
    );
    let again = record
        .headers(Direction::ToServer, Form::Initial)
        .any(|(hello, _)| hello.sent > Duration::from_millis(500) && hello.sent < answer);
    ensure!(again, "the client did not repeat its hello");
    Ok(())
}

fn retry(record: &Record) -> Result<()> {
    let mut retries = record.headers(Direction::ToClient, Form::Retry);
    let (_, retry) = retries.next().context("no Retry crossed the link")?;
    ensure!(!retry.token.is_empty(), "a Retry without a token");
    let echoed = record
        .headers(Direction::ToServer, Form::Initial)
        .any(|(_, initial)| initial.token == retry.token);
    ensure!(echoed, "the client did not return the token of the Retry");
    Ok(())
}

/// A certificate travels in the first handshake alone.
fn resumption(record: &Record) -> Result<()> {
    let sizes: Vec<usize> = record
        .handshakes()
        .iter()
        .map(|id| {
            let packets = record.headers(Direction::ToClient, Form::Handshake);
            let own = packets.filter(|(_, header)| header.source == *id);
            own.map(|(_, header)| header.bytes).sum()
        })
        .collect();
    let [first, second] = sizes[..] else {
        return Ok(());
    };
    ensure!(
        second < first,
        "the second handshake took {second} bytes of the server, the first {first}"
    );
    Ok(())
}

/// Packets of a sender that may end within the round trip after its test of ECN: ten are marked in the test, and a window of ten
/// more follows at most before the acknowledgement.
const FEW: usize = 40;

fn black_hole(record: &Record) -> Result<()> {
    let lost = || record.all().filter(|crossing| crossing.fate == Fate::Lost);
    ensure!(lost().count() > 0, "the black hole swallowed nothing");
    let last = lost().map(|crossing| crossing.sent).max();
    let after = record
        .headers(Direction::ToClient, Form::Short)
        .any(|(data, _)| data.is_whole() && Some(data.sent) > last);
    ensure!(after, "no data came after the black hole");
    Ok(())
}

/// Packets are marked in both directions, and those of the last quarter too: a sender whose marks were not acknowledged has
/// stopped by then (RFC 9000 §13.4.2). One that sends little is seen between its test and the first acknowledgement, when it may
/// mark nothing (§A.4); then it is enough that it marks again, and from a peer, whose acknowledgements nobody acknowledges, that it
/// ever did.
fn ecn(pairing: &Pairing, record: &Record) -> Result<()> {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let all: Vec<&Crossing> = record.of(direction).collect();
        let marked = |crossings: &[&Crossing]| crossings.iter().filter(|c| c.ecn & 3 != 0).count();
        let last = all.get(all.len() * 3 / 4..).unwrap_or_default();
        let sender = match direction {
            Direction::ToServer => pairing.client(),
            Direction::ToClient => pairing.server(),
        };
        let least = if all.len() < FEW {
            usize::from(sender == pairing.ours)
        } else {
            last.len() * 9 / 10
        };
        ensure!(
            marked(&all) > 0 && marked(last) >= least,
            "{} of {} packets {direction:?} are marked, {} of the last {}",
            marked(&all),
            all.len(),
            marked(last),
            last.len()
        );
        ensure!(
            all.iter().all(|crossing| crossing.ecn & 3 != 3),
            "packets are sent with CE"
        );
    }
    Ok(())
}

/// Until the server has a Handshake packet of the client, it sends at most three times what it got (RFC 9000 §8.1).
fn amplification(record: &Record) -> Result<()> {
    let whole = || record.of(Direction::ToServer).filter(|c| c.is_whole());
    let validated = whole().find(|c| c.has(Form::Handshake));
    let validated = validated.map_or(Duration::MAX, |crossing| crossing.arrived);
    let (mut sent, mut tight) = (0, false);
    for crossing in record.of(Direction::ToClient) {
        if crossing.sent >= validated {
            break;
        }
        let got = whole().filter(|c| c.arrived <= crossing.sent);
        let got: usize = got.map(|crossing| crossing.bytes).sum();
        sent += crossing.bytes;
        ensure!(
            sent <= 3 * got,
            "the server sent {sent} bytes for {got} before the address was validated"
        );
        tight |= sent + 1200 > 3 * got;
    }
    ensure!(tight, "the server was never near its limit");
    Ok(())
}

/// The client's first packet is of version 1, an Initial of the server of version 2, and so are all Handshake packets.
fn version_2(record: &Record) -> Result<()> {
    let versions = |direction, form| {
        let headers = record.headers(direction, form);
        headers
            .map(|(_, header)| header.version)
            .collect::<Vec<u32>>()
    };
    let first = versions(Direction::ToServer, Form::Initial);
    ensure!(
        first.first() == Some(&1),
        "the client does not begin with version 1: {first:x?}"
    );
    let answers = versions(Direction::ToClient, Form::Initial);
    ensure!(
        answers.contains(&VERSION_2),
        "the server does not go over to version 2: {answers:x?}"
    );
    for direction in [Direction::ToServer, Direction::ToClient] {
        let handshake = versions(direction, Form::Handshake);
        ensure!(
            handshake.iter().all(|version| *version == VERSION_2),
            "Handshake packets {direction:?} of {handshake:x?}"
        );
    }
    Ok(())
}

fn both_ways(record: &Record, fate: Fate) -> Result<()> {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let count = record.count(direction, fate);
        ensure!(count > 0, "no packet {direction:?} was {fate:?}");
    }
    Ok(())
}

/// On each new path that the server uses the client answers, and full datagrams come on one of them at least. A challenge
/// may be shorter than 1,200 bytes while three times what came is less (RFC 9000 §8.2.1).
fn rebinding(record: &Record) -> Result<()> {
    let last = record.all().map(|crossing| crossing.mapping).max();
    let last = last.unwrap_or(0);
    ensure!(last > 0, "the NAT was never rebound");
    let mut full = false;
    for mapping in 1..=last {
        let of = |direction| record.of(direction).filter(move |c| c.mapping == mapping);
        let Some(first) = of(Direction::ToClient).next() else {
            continue;
        };
        full |= of(Direction::ToClient).any(|c| c.is_whole() && c.bytes >= 1200);
        ensure!(
            mapping == last || of(Direction::ToServer).any(|c| c.sent >= first.arrived),
            "the client did not answer on path {mapping}"
        );
    }
    ensure!(full, "no data came on a new path");
    Ok(())
}

/// The client goes to another address of the server and uses another connection ID there; the server finds the path good, which
/// shows by its sending more than it may without an answer to its challenge, and the end of the file comes from there.
fn migration(record: &Record) -> Result<()> {
    let ids = record.handshakes();
    let length = ids.first().map_or(0, Vec::len);
    let used = |moved: bool| -> Vec<&[u8]> {
        let packets = record.headers(Direction::ToServer, Form::Short);
        let own = packets.filter(|(crossing, _)| (crossing.flow > 0) == moved);
        own.filter_map(|(_, header)| header.destination.get(..length))
            .collect()
    };
    let (before, after) = (used(false), used(true));
    ensure!(!after.is_empty(), "the client stayed at the first address");
    ensure!(
        after.iter().all(|id| !before.contains(id)),
        "the client used a connection ID at both addresses"
    );
    let moved = |direction| record.of(direction).filter(|c| c.flow > 0 && c.is_whole());
    let bytes = |direction| {
        moved(direction)
            .map(|crossing| crossing.bytes)
            .sum::<usize>()
    };
    let (came, sent) = (bytes(Direction::ToServer), bytes(Direction::ToClient));
    ensure!(
        sent > 3 * came,
        "only {sent} bytes came from the other address, for {came}"
    );
    let full = record.of(Direction::ToClient).filter(|c| c.bytes >= 1200);
    ensure!(
        full.last().is_some_and(|crossing| crossing.flow > 0),
        "the end of the file came from the first address"
    );
    Ok(())
}

fn goodput(pairing: &Pairing, scale: Scale, record: &Record) -> Result<f64> {
    let time = record.application_time().context("no data")?;
    let megabytes = scale.pick(3, 10);
    let bits = f64::from(megabytes * (8 << 20));
    let rate = bits / time.as_secs_f64() / 1e6;
    let floor = scale.pick(8.8, 9.1);
    ensure!(
        pairing.server() != pairing.ours || rate >= floor,
        "{rate:.2} Mbit/s, less than {floor}: {record}"
    );
    Ok(rate)
}

#[cfg(test)]
mod tests;

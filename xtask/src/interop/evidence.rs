//! In: what both sides printed. Out: whether that shows that the case took place, beyond the files having crossed. Pure.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::case::{Case, Pairing, Role};
use super::program::Kind;

/// Checks that a case took place, as far as the two sides can tell.
pub(crate) fn shown(pairing: &Pairing, server: &[String], client: &[String]) -> Result<()> {
    let says = |lines: &[String], text: &str| lines.iter().any(|line| line.contains(text));
    let gtls = pairing.client() == Kind::Ngtcp2;
    match pairing.case {
        Case::Resumption if !gtls => {
            let resumed = report(client)?.get("resumed").cloned();
            ensure!(
                resumed == Some(Value::Bool(true)),
                "the client was not resumed"
            );
        }
        Case::Resumption if pairing.server().is_inquic() => {
            ensure!(says(server, "resumed=true"), "no connection was resumed");
        }
        // aiopquic does not say what became of it.
        Case::ZeroRtt if !gtls && pairing.client() != Kind::Picoquic => {
            let early = report(client)?.get("early").cloned();
            ensure!(early == Some(Value::Bool(true)), "0-RTT was not taken");
        }
        Case::ZeroRtt if pairing.server().is_inquic() => {
            ensure!(says(server, "event early"), "no 0-RTT was taken");
        }
        Case::KeyUpdate | Case::KeyUpdated => key_update(pairing, server, client)?,
        Case::VersionNegotiation if !gtls => {
            let negotiation = report(client)?.get("negotiation").cloned();
            ensure!(
                negotiation.is_some_and(|text| text.is_string()),
                "nothing was negotiated"
            );
        }
        Case::ConnectionMigration if pairing.server() == Kind::Sockets => {
            ensure!(
                says(server, "event moved"),
                "the connection stayed at the first address"
            );
        }
        Case::ConnectionMigration if pairing.client().is_inquic() => {
            let moved = report(client)?.get("moved").cloned();
            ensure!(
                moved == Some(Value::Bool(true)),
                "the client stayed at the first address"
            );
        }
        _ => {}
    }
    Ok(())
}

/// Whoever should update says that it did; ours counts the updates of either side.
fn key_update(pairing: &Pairing, server: &[String], client: &[String]) -> Result<()> {
    let says = |lines: &[String], text: &str| lines.iter().any(|line| line.contains(text));
    match pairing.key_updater() {
        // picoquic updates by itself after a number of packets, and says nothing.
        Some(Role::Server) if pairing.server() == Kind::Picoquic => {}
        Some(Role::Server) => ensure!(
            says(server, "event key_update"),
            "the server updated no keys"
        ),
        _ if pairing.client() == Kind::Ngtcp2 => ensure!(
            says(client, "key update confirmed"),
            "no key update was confirmed"
        ),
        _ => {
            let updated = report(client)?.get("key_update").cloned();
            ensure!(
                updated == Some(Value::Bool(true)),
                "the client updated no keys"
            );
        }
    }
    let counted = if pairing.client().is_inquic() {
        let count = report(client)?.get("key_updates").and_then(Value::as_u64);
        count > Some(0)
    } else if pairing.server().is_inquic() {
        says(server, "event closed key_updates=") && !says(server, "event closed key_updates=0")
    } else {
        true
    };
    ensure!(counted, "inquic saw no key update");
    Ok(())
}

/// Checks that a client gave up because of the version, and said so.
pub(crate) fn refused(outcome: &Result<()>, client: &[String]) -> Result<()> {
    ensure!(
        outcome.is_err(),
        "the client connected to a server that does not speak version 1"
    );
    let named = client
        .iter()
        .any(|line| line.to_lowercase().contains("version"));
    ensure!(
        named,
        "the client does not name the version: {}",
        client.join(" | ")
    );
    Ok(())
}

/// How many offences of h3spec were answered as they should be.
pub(crate) fn answered(client: &[String]) -> Result<f64> {
    let report = report(client)?;
    let count = report.get("cases").and_then(Value::as_f64);
    count
        .filter(|count| *count > 0.0)
        .context("nothing was tried")
}

/// The line of JSON that a client ends with.
fn report(client: &[String]) -> Result<Value> {
    client
        .iter()
        .rev()
        .find_map(|line| serde_json::from_str(line).ok().filter(Value::is_object))
        .context("the client printed no report")
}

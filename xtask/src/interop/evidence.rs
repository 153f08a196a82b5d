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
        Case::Retry => {
            let (by_server, by_client) = (
                match pairing.server() {
                    Kind::Quinn | Kind::S2n => Some(says(server, "event retry")),
                    Kind::Ngtcp2 => Some(says(server, "Perform stateless address validation")),
                    Kind::Aioquic | Kind::Inquic => None,
                },
                match pairing.client() {
                    Kind::Aioquic => {
                        Some(report(client)?.get("retried") == Some(&Value::Bool(true)))
                    }
                    Kind::Ngtcp2 => Some(says(client, "Retry")),
                    Kind::Quinn | Kind::S2n | Kind::Inquic => None,
                },
            );
            ensure!(by_server != Some(false), "the server sent no Retry");
            ensure!(by_client != Some(false), "the client got no Retry");
        }
        Case::Resumption if !gtls => {
            let resumed = report(client)?.get("resumed").cloned();
            ensure!(
                resumed == Some(Value::Bool(true)),
                "the client was not resumed"
            );
        }
        Case::Resumption if pairing.server() == Kind::Inquic => {
            ensure!(says(server, "resumed=true"), "no connection was resumed");
        }
        Case::ZeroRtt if !gtls => {
            let early = report(client)?.get("early").cloned();
            ensure!(early == Some(Value::Bool(true)), "0-RTT was not taken");
        }
        Case::ZeroRtt if pairing.server() == Kind::Inquic => {
            ensure!(says(server, "event early"), "no 0-RTT was taken");
        }
        Case::KeyUpdate | Case::KeyUpdated => match pairing.key_updater() {
            Some(Role::Server) => {
                ensure!(
                    says(server, "event key_update"),
                    "the server updated no keys"
                );
            }
            _ if gtls => {
                ensure!(
                    says(client, "key update confirmed"),
                    "no key update was confirmed"
                );
            }
            _ => {
                let updated = report(client)?.get("key_update").cloned();
                ensure!(
                    updated == Some(Value::Bool(true)),
                    "the client updated no keys"
                );
            }
        },
        Case::VersionNegotiation if !gtls => {
            let negotiation = report(client)?.get("negotiation").cloned();
            ensure!(
                negotiation.is_some_and(|text| text.is_string()),
                "nothing was negotiated"
            );
        }
        _ => {}
    }
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

/// The line of JSON that a client ends with.
fn report(client: &[String]) -> Result<Value> {
    client
        .iter()
        .rev()
        .find_map(|line| serde_json::from_str(line).ok().filter(Value::is_object))
        .context("the client printed no report")
}

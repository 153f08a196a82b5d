//! Comes in: a directory, a certificate, an address. Goes out: the directory, to everybody who connects, until Ctrl-C.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use inquic::RetryPolicy;
use inquic::tokio::Listener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::transfer::about;
use crate::args;
use crate::failure::{Exit, Failure};
use crate::files::{ALPN, CONNECTIONS_AT_ONCE, Root, Share};
use crate::interrupt::Interrupt;
use crate::output::{note, say};
use crate::quic::{self, Quic};
use crate::transport::Streams as _;

/// Serves.
pub(crate) async fn run(args: &args::Serve) -> Result<(), Failure> {
    let (cert, key) = both(args.cert.as_deref(), args.key.as_deref())?;
    let share = Share::new(Root::open(&args.directory)?, args.writable);
    let retry = if args.retry {
        RetryPolicy::Always
    } else {
        RetryPolicy::WhenBusy
    };
    let mut builder = Listener::builder()
        .certificate(quic::certificate(cert, key)?)
        .alpn([ALPN])
        .key_log_from_env()
        .retry(retry)
        .config(quic::transport(args.datagram));
    if !args.name.is_empty() {
        builder = builder.server_names(&args.name);
    }
    if let Some(directory) = quic::logs(args.qlog.as_deref())? {
        builder = builder.qlog(directory);
    }
    let listener = quic::listen(builder, args.listen)?;
    let mut interrupt = Interrupt::new()?;
    say(&format!("listening {}", listener.local_addr()));

    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    tokio::select! {
        done = accept(&listener, &share, args.json, &mut connections, &stopped) => done?,
        () = interrupt.wait() => {}
    }
    listener.close();
    // Every connection tells its client, then its task ends; none is waited for longer than that may take.
    drop(stop);
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(GOODBYE, all).await;
    Ok(())
}

async fn accept(
    listener: &Listener,
    share: &Share,
    json: bool,
    connections: &mut JoinSet<()>,
    stopped: &watch::Receiver<()>,
) -> Result<(), Failure> {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_AT_ONCE));
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let Some(quic) = quic::accept(listener).await? else {
            break;
        };
        while connections.try_join_next().is_some() {}
        let (share, mut stopped) = (share.clone(), stopped.clone());
        connections.spawn(async move {
            let mut serving = pin!(serve(&share, &quic));
            // Closed before the requests under way are dropped, so that the client hears why and not only that they were.
            tokio::select! {
                () = &mut serving => quic.close(0, "done"),
                _ = stopped.changed() => quic.close(STOPPED, "the server was stopped"),
            }
            if json {
                say(&about(&quic).to_string());
            }
            quic.gone().await;
            drop(slot);
        });
    }
    Ok(())
}

/// Serves one connection. What goes wrong on it is noted, and is no reason to stop.
async fn serve(share: &Share, quic: &Quic) {
    let peer = quic.0.peer_addr();
    let log = move |failure: &Failure| note(&format!("{peer}: {failure}"));
    if let Err(failure) = share.serve(quic, log).await {
        log(&failure);
    }
}

/// Both files, or a word on where to get them.
fn both<'a>(
    cert: Option<&'a Path>,
    key: Option<&'a Path>,
) -> Result<(&'a Path, &'a Path), Failure> {
    cert.zip(key).ok_or_else(|| {
        let cause = "a server needs a certificate and its key";
        Failure::new(
            Exit::Usage,
            cause,
            "give --cert FILE and --key FILE, which `inquic cert` makes",
        )
    })
}

/// Tells clients that the server stopped of its own will, and not because they were done.
const STOPPED: u64 = 1;
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(3);

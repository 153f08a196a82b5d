//! Comes in: nothing but this program. Goes out: proof that files cross a QUIC connection between two processes unharmed.
//! Must never leave anything behind: everything is in one temporary directory, and every process is ended.

mod children;
mod compare;
mod tree;

use std::path::Path;
use std::time::Duration;

use indicatif::HumanBytes;
use serde_json::{Value, json};

use self::children::{Server, transfer};
use self::compare::Digests;
use crate::args;
use crate::commands::cert;
use crate::failure::{Exit, Failure, shown};
use crate::files::Digest;
use crate::interrupt::Interrupt;
use crate::output::{note, say};

/// Runs it all. Success means that every file is the same at every place.
pub(crate) async fn run(args: &args::Demo) -> Result<(), Failure> {
    let failed = |e| Failure::writing(&shown(&std::env::temp_dir()), &e);
    let directory = tempfile::Builder::new()
        .prefix("inquic-demo-")
        .tempdir()
        .map_err(failed)?;
    let done = Interrupt::new()?
        .or(in_directory(args, directory.path()))
        .await;
    // Removed here and not on drop, to see whether it worked.
    if let Err(error) = directory.close() {
        note(&format!(
            "a temporary directory could not be removed: {error}"
        ));
    }
    let result = done?;
    if args.json {
        say(&result.to_string());
    } else {
        print(&result);
    }
    Ok(())
}

async fn in_directory(args: &args::Demo, directory: &Path) -> Result<Value, Failure> {
    let [source, stored, fetched, pki] =
        ["source", "stored", "fetched", "pki"].map(|name| directory.join(name));
    note(&format!(
        "making {} MiB in one file and {} small files in {}",
        args.mib,
        args.files,
        shown(directory)
    ));
    let original = {
        let (args, source) = (args.clone(), source.clone());
        working(move || tree::make(&source, &args).map_err(|e| no_room(&source, &e, &args))).await?
    };
    cert::make(&["localhost".to_owned()], &pki, 1)?;
    std::fs::create_dir(&stored).map_err(|e| Failure::writing(&shown(&stored), &e))?;

    let mut server = Server::start(&stored, &pki).await?;
    let url = format!("quic://{}/", server.address());
    let up = transfer("put", source.as_os_str(), url.as_ref(), &pki).await?;
    let down = transfer("get", url.as_ref(), fetched.as_os_str(), &pki).await?;
    let connections = server.stop().await?;

    note("comparing SHA-256 of every file at the three places");
    let files = original.len();
    working(move || {
        let places = [("source", source), ("stored", stored), ("fetched", fetched)];
        places
            .iter()
            .try_for_each(|(place, path)| original.compare(place, &Digests::of(path)?))
    })
    .await?;
    // Each side counts what it lost of what it sent; going down that is the server.
    let lost = |connection: Option<&Value>| {
        connection.map_or(Value::Null, |stats| stats["packets_lost"].clone())
    };
    let lost = json!({ "up": up["packets_lost"], "down": lost(connections.get(1)) });
    Ok(json!({ "files": files, "equal": true, "up": up, "down": down, "packets_lost": lost }))
}

fn print(result: &Value) {
    let (up, down) = (&result["up"], &result["down"]);
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    say(&format!("home          {}", text(&up["home"])));
    say(&format!("version       {}", text(&up["version"])));
    say(&format!("cipher        {}", text(&up["cipher"])));
    say(&format!("key exchange  {}", text(&up["key_exchange"])));
    for (way, one) in [("up", up), ("down", down)] {
        let number = |key: &str| one[key].as_f64().unwrap_or(0.0);
        say(&format!(
            "{way:<12}  {} files, {} in {:.2} s: {:.2} Gbit/s; handshake {:.1} ms, RTT {:.2} ms, {} packets lost",
            one["files"],
            HumanBytes(one["bytes"].as_u64().unwrap_or(0)),
            number("seconds"),
            number("gbit_s"),
            number("handshake_ms"),
            number("rtt_ms"),
            result["packets_lost"][way],
        ));
    }
    say(&format!(
        "compared      SHA-256 of {} files at three places: all equal",
        result["files"]
    ));
}

fn no_room(path: &Path, error: &std::io::Error, args: &args::Demo) -> Failure {
    let megabytes = args
        .mib
        .saturating_mul(3)
        .saturating_add(u64::from(args.files) / 20)
        .saturating_add(16);
    let cause = format!("cannot write {}: {error}", shown(path));
    Failure::new(
        Exit::Local,
        cause,
        &format!("set TMPDIR to a directory with {megabytes} MiB free, or give --mib less"),
    )
}

async fn working<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let ended = |e| {
        Failure::new(
            Exit::Unexpected,
            format!("a worker stopped: {e}"),
            "report this",
        )
    };
    tokio::task::spawn_blocking(work).await.map_err(ended)?
}

/// One file's place in the comparison.
type Content = (String, Digest);

/// Longer than this a step of the demonstration does not take, unless something hangs.
const PATIENCE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;

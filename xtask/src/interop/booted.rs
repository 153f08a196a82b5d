//! The table in a booted kernel. In: a choice of peers and cases; out: the programs and certificates for it in one archive, and the
//! same command there. It runs no peer itself.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::case::{Case, Role};
use super::lab::{Certificates, target};
use super::program::Kind;
use super::{Arguments, peers};
use crate::kernel;
use crate::shell;
use crate::step::Outcome;

/// Boots a kernel with the module, and plays the table there.
///
/// # Errors
///
/// When a cell failed there, or there can be no such kernel.
pub(super) fn outside(arguments: &Arguments) -> Result<()> {
    let arguments = Arguments {
        ours: Kind::Sockets,
        ..arguments.clone()
    };
    let minutes = if arguments.full { 180 } else { 90 };
    match kernel::boot_interop(&lay_out(&arguments)?, &words(&arguments), minutes * 60)? {
        Outcome::Passed => Ok(()),
        Outcome::Skipped(why) => {
            println!("skipped: {why}");
            Ok(())
        }
    }
}

/// The archive and the words for a little of it: what starts quickly, in both roles.
///
/// # Errors
///
/// When our own programs cannot be built.
pub(crate) fn brief() -> Result<(PathBuf, Vec<String>)> {
    let arguments = Arguments {
        ours: Kind::Sockets,
        peer: BRIEF_PEERS.to_vec(),
        case: BRIEF.to_vec(),
        role: None,
        full: false,
        jobs: 1,
        seed: 1,
        require_all: false,
        kernel: false,
        booted: None,
    };
    Ok((lay_out(&arguments)?, words(&arguments)))
}

/// Puts what the booted kernel needs into one archive.
fn lay_out(arguments: &Arguments) -> Result<PathBuf> {
    let folder = target().join("interop/booted");
    let programs = folder.join(PROGRAMS);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&programs).with_context(|| format!("cannot make {}", folder.display()))?;
    Certificates::make(&folder.join(CERTIFICATES))?;
    add(&std::env::current_exe()?, &programs)?;
    add(&arguments.ours.install()?, &programs)?;
    for peer in peers(arguments) {
        let added = peer.install().and_then(|program| match peer {
            Kind::Aioquic | Kind::Picoquic => add_python(peer, &program, &folder),
            Kind::Ngtcp2 => Ok(()),
            _ => add(&program, &programs),
        });
        if let Err(error) = added {
            println!("without {}: {error:#}", peer.name());
        }
    }
    // One long file is read in a fraction of the time.
    let archive = folder.with_extension("tar");
    let mut tar = shell::command("tar");
    tar.arg("-cf").arg(&archive).arg("-C").arg(&folder).arg(".");
    shell::output(&mut tar)?;
    Ok(archive)
}

/// A copy without what a debugger wants.
fn add(program: &Path, folder: &Path) -> Result<()> {
    let name = program.file_name().context("a program without a name")?;
    let mut strip = shell::command("strip");
    shell::output(strip.arg("-o").arg(folder.join(name)).arg(program)).map(drop)
}

/// The scripts of a peer in Python, and all that they import.
fn add_python(peer: Kind, python: &Path, folder: &Path) -> Result<()> {
    let folder = peer.modules(folder);
    let scripts = Kind::scripts();
    for script in peer.starts() {
        let mut list = shell::command(&python.to_string_lossy());
        list.arg(scripts.join("modules.py"))
            .arg(scripts.join(script));
        for line in shell::output(&mut list)?.lines() {
            let (from, to) = line.split_once('\t').context("a file without a place")?;
            let to = folder.join(to);
            fs::create_dir_all(to.parent().context("a file without a folder")?)?;
            keep_times(Path::new(from), &to)?;
        }
        keep_times(&scripts.join(script), &folder.join(script))?;
    }
    Ok(())
}

/// A copy as old as what it is of: what is compiled is good for a source of that age.
fn keep_times(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    let age = fs::metadata(from)?.modified()?;
    Ok(fs::File::options()
        .write(true)
        .open(to)?
        .set_modified(age)?)
}

/// The same choice, as words of a command line.
fn words(arguments: &Arguments) -> Vec<String> {
    let mut words = vec![format!("--seed={}", arguments.seed)];
    words.push("--jobs=1".to_owned());
    words.push(format!("--ours={}", name(&arguments.ours)));
    words.extend(
        peers(arguments)
            .iter()
            .map(|peer| format!("--peer={}", name(peer))),
    );
    let cases = if arguments.case.is_empty() {
        // Seconds of emulated processors measure nothing.
        Case::ALL
            .into_iter()
            .filter(|case| *case != Case::Goodput)
            .collect()
    } else {
        arguments.case.clone()
    };
    words.extend(cases.iter().map(|case| format!("--case={}", name(case))));
    let role: Option<&Role> = arguments.role.as_ref();
    words.extend(role.map(|role| format!("--role={}", name(role))));
    for (wanted, word) in [
        (arguments.full, "--full"),
        (arguments.require_all, "--require-all"),
    ] {
        words.extend(wanted.then(|| word.to_owned()));
    }
    words
}

/// What a value is called on the command line.
fn name(value: &impl ValueEnum) -> String {
    let value = value.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Folders of what was laid out.
const PROGRAMS: &str = "programs";
pub(super) const CERTIFICATES: &str = "certificates";

/// What `cargo xtask kernel test` takes of the table.
const BRIEF: [Case; 3] = [Case::TransferLoss, Case::ZeroRtt, Case::Ipv6];
const BRIEF_PEERS: [Kind; 4] = [Kind::Inquic, Kind::Quinn, Kind::S2n, Kind::Ngtcp2];

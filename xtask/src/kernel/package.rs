//! What a machine without Rust makes the module of. In: the built Rust side, the shim, `kernel/dkms.conf` and `kernel/debian`; out: a tree
//! for DKMS, a Debian source package of it and the package `inquic-dkms`. It must never pass a package of which DKMS does not make the
//! module that `cargo xtask kernel build` makes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::module::{self, Module};
use crate::shell;
use crate::step::Outcome;

/// Makes the package and proves it, or says what is missing for that.
///
/// # Errors
///
/// When it cannot be made, or DKMS makes something else of it than the module.
pub(crate) fn run() -> Result<Outcome> {
    if let Err(error) = shell::need_packages(&NEEDED) {
        return Ok(Outcome::Skipped(format!("{error:#}")));
    }
    let module = match module::build()? {
        Ok(module) => module,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let folder = shell::root().join("target/kernel-package");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let version = version()?;
    let tree = folder.join(format!("inquic-{version}"));
    assemble(&module, &tree)?;
    shell::run(
        shell::command("dpkg-buildpackage")
            .args(["--build=full", "--no-sign", "--post-clean"])
            .current_dir(&tree),
    )?;
    let package = folder.join(format!("inquic-dkms_{version}_amd64.deb"));
    prove(&module, &package, &version, &folder.join("proof"))?;
    println!("{}", tree.display());
    println!("{}", package.display());
    Ok(Outcome::Passed)
}

/// The version of the module, as DKMS is told.
fn version() -> Result<String> {
    let conf = fs::read_to_string(shell::root().join("kernel/dkms.conf"))?;
    let version = setting(&conf, "PACKAGE_VERSION").context("kernel/dkms.conf has no version")?;
    Ok(version.to_owned())
}

/// The value of a setting of dkms.conf.
fn setting<'a>(conf: &'a str, name: &str) -> Option<&'a str> {
    let mut values = conf.lines().filter_map(|line| {
        let value = line.strip_prefix(name)?.strip_prefix('=')?;
        value.strip_prefix('"')?.strip_suffix('"')
    });
    values.next()
}

/// Puts together what the module is built from on a machine without Rust.
fn assemble(module: &Module, tree: &Path) -> Result<()> {
    let (root, built) = (shell::root(), module.folder()?);
    for part in ["shim", "include/linux", "debian", "debian/source"] {
        copy_files(&root.join("kernel").join(part), &tree.join(part))?;
    }
    let abi = tree.join("include/uapi/linux");
    fs::create_dir_all(&abi)?;
    for (from, to) in [
        (root.join("include/linux/quic.h"), abi.join("quic.h")),
        (root.join("kernel/Kbuild"), tree.join("Kbuild")),
        (root.join("kernel/dkms.conf"), tree.join("dkms.conf")),
        (root.join("LICENSE-MIT"), tree.join("LICENSE-MIT")),
        (root.join("LICENSE-APACHE"), tree.join("LICENSE-APACHE")),
        (built.join("rust.o"), tree.join("rust.o_shipped")),
    ] {
        fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}

/// Copies the files of one folder, with their permissions.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Has DKMS build what is in the package, in folders of its own, and compares the module with ours.
fn prove(module: &Module, package: &Path, version: &str, folder: &Path) -> Result<()> {
    let unpacked = folder.join("unpacked");
    let dkms_tree = folder.join("dkms");
    fs::create_dir_all(&dkms_tree)?;
    shell::run(
        shell::command("dpkg-deb")
            .arg("--extract")
            .args([package, &unpacked]),
    )?;
    let dkms = |action: &str| -> Command {
        let mut dkms = shell::command("dkms");
        dkms.args([action, "-m", "inquic", "-v", version])
            .arg("--dkmstree")
            .arg(&dkms_tree)
            .arg("--sourcetree")
            .arg(unpacked.join("usr/src"))
            .args(["-k", &module.kernel.release]);
        dkms
    };
    shell::output(&mut dkms("add"))?;
    let built = dkms_tree.join(format!("inquic/{version}"));
    if let Err(error) = shell::output(&mut dkms("build")) {
        let log = fs::read_to_string(built.join("build/make.log")).unwrap_or_default();
        return Err(error.context(log));
    }
    let file = built.join(format!("{}/x86_64/module", module.kernel.release));
    let file = unpacked_module(&file)?;
    for field in ["license", "alias", "vermagic", "softdep", "depends"] {
        let (ours, theirs) = (modinfo(&module.file, field)?, modinfo(&file, field)?);
        ensure!(ours == theirs, "{field} differs: {ours:?}, and {theirs:?}");
    }
    let (ours, theirs) = (symbols(&module.file)?, symbols(&file)?);
    let differ: Vec<&String> = ours.symmetric_difference(&theirs).collect();
    ensure!(differ.is_empty(), "symbols differ: {differ:?}");
    println!(
        "DKMS makes the same module of it: {} symbols, {}",
        ours.len(),
        modinfo(&file, "vermagic")?.trim()
    );
    Ok(())
}

/// The module in a folder of DKMS, which may have compressed it.
fn unpacked_module(folder: &Path) -> Result<PathBuf> {
    let file = folder.join("quic.ko");
    let compressed = folder.join("quic.ko.xz");
    if compressed.exists() {
        shell::output(shell::command("xz").arg("--decompress").arg(&compressed))?;
    }
    ensure!(file.exists(), "DKMS left no module in {}", folder.display());
    Ok(file)
}

fn modinfo(module: &Path, field: &str) -> Result<String> {
    shell::output(shell::command("modinfo").args(["-F", field]).arg(module))
}

/// What a module defines and needs for others: the kind and the name of each of its global symbols.
fn symbols(module: &Path) -> Result<BTreeSet<String>> {
    let printed = shell::output(
        shell::command("nm")
            .args(["--extern-only", "--format=posix"])
            .arg(module),
    )?;
    let lines = printed.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (name, kind) = (words.next()?, words.next()?);
        Some(format!("{kind} {name}"))
    });
    Ok(lines.collect())
}

/// What the packages are made and proven with.
const NEEDED: [&str; 5] = ["dkms", "debhelper", "dh-dkms", "dpkg-dev", "xz-utils"];

#[cfg(test)]
mod tests;

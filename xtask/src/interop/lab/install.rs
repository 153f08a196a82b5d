//! In: nothing, or what to build. Out: the peers as programs under target/. Never installs outside the tree.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::{cargo, command, output, root, run};

/// The folder for what is built and made.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// Where the peers' workspace is built.
pub(crate) fn peers_target() -> PathBuf {
    target().join("peers")
}

/// Builds in release; prints what cargo prints.
pub(crate) fn cargo_build(manifest: &Path, package: &str, target: &Path) -> Result<PathBuf> {
    run(cargo()
        .args(["build", "--release", "--package", package])
        .arg("--manifest-path")
        .arg(manifest)
        .arg("--target-dir")
        .arg(target))
    .with_context(|| format!("cannot build {package}"))?;
    Ok(target.join("release"))
}

/// A Python that has these packages; makes it when it is not there.
pub(crate) fn python(packages: &[&str]) -> Result<PathBuf> {
    let venv = target().join("python");
    let (python, mark) = (venv.join("bin/python"), venv.join("installed"));
    let wanted = packages.join(" ");
    if fs::read_to_string(&mark).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    output(
        command("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv),
    )
    .context("cannot make a Python environment")?;
    output(
        command(&python.to_string_lossy())
            .args(["-m", "pip", "install", "--quiet"])
            .args(packages),
    )
    .with_context(|| format!("cannot install {wanted}"))?;
    fs::write(&mark, wanted)?;
    Ok(python)
}

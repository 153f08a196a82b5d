//! In: nothing, or what to build. Out: the peers as programs under target/. Never installs outside the tree.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::{cargo, root, run};

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

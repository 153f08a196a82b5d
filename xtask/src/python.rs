//! Python with packages of PyPI. In: their names; out: an interpreter in a folder of target/ that has them. Never installs outside the
//! tree.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::shell::{command, output, root};

/// A Python 3 of at least this minor version that has these packages, in a folder of target/; made when it is not there.
pub(crate) fn with(folder: &str, packages: &[&str], minor: u32) -> Result<PathBuf> {
    let venv = root().join("target").join(folder);
    let (python, mark) = (venv.join("bin/python"), venv.join("installed"));
    let wanted = packages.join(" ");
    if fs::read_to_string(&mark).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    let system = system_python(minor)
        .with_context(|| format!("needs Python 3.{minor}, and there is none here"))?;
    output(command(&system).args(["-m", "venv", "--clear"]).arg(&venv))
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

/// The first Python that is new enough: the usual one, one by its full name, one that pyenv keeps.
fn system_python(minor: u32) -> Option<String> {
    let mut names = vec!["python3".to_owned()];
    names.extend((minor..=14).map(|minor| format!("python3.{minor}")));
    if let Some(home) = std::env::home_dir() {
        let kept = fs::read_dir(home.join(".pyenv/versions"))
            .into_iter()
            .flatten();
        let kept = kept.flatten().map(|entry| entry.path().join("bin/python"));
        names.extend(kept.map(|path| path.to_string_lossy().into_owned()));
    }
    let test = format!("import sys; sys.exit(not (3, {minor}) <= sys.version_info < (3, 15))");
    names
        .into_iter()
        .find(|name| output(command(name).args(["-c", &test])).is_ok())
}

//! The script that every home plays (`sim/replay`). In: the libraries that the module is linked from, and the same sources for a process;
//! out: a module that plays it while it is loaded, and a program that plays it and compares.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::module::{self, Module};
use super::{TARGET, boot, cargo};
use crate::shell;

/// Builds the module, for the kernel of the other, and the program.
///
/// # Errors
///
/// When one of them does not compile.
pub(super) fn build(module: &Module) -> Result<[PathBuf; 2]> {
    let (kernel, folder) = (&module.kernel, module.folder()?);
    let mut library = cargo(&kernel.target, kernel.flags);
    library.arg("--manifest-path").arg(module::manifest());
    shell::run(library.args(["--package", "inquic-kernel-replay"]))?;
    let built = kernel.target.join(TARGET).join("release");
    module::link(
        &built.join("libinquic_kernel_replay.a"),
        &folder.join(RUST),
        &["inquic_replay"],
    )?;
    module::make(&kernel.tree, folder)?;
    let mut program = shell::cargo();
    program.args(["build", "--quiet", "--package", "inquic-replay"]);
    shell::run(program.args(["--example", "replay"]))?;
    let program = boot::stripped(&shell::target().join("debug/examples/replay"))?;
    Ok([folder.join("quic_replay.ko"), program])
}

/// Takes away what is left of an earlier one, which the module's files may not fit any more.
pub(super) fn forget(folder: &Path) {
    let _ = fs::remove_file(folder.join(RUST));
}

/// The Rust side: where it is, the makefile knows that module.
const RUST: &str = "replay_rust.o";

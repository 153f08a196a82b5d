//! The booted kernel. In: a module; out: whether the stock kernel takes it, proves it and lets it go. The emulator has no more of this
//! machine than its files, which it cannot change.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::module::Module;
use crate::step::Outcome;
use crate::{python, shell};

/// Boots the kernel that the module is for and runs `kernel/test.sh` in it, which loads and unloads the module so many times.
///
/// # Errors
///
/// When something in the booted kernel fails, or it does not end in time.
pub(crate) fn run(module: &Module, cycles: u32) -> Result<Outcome> {
    let image = format!("linux-image-{}-unsigned", module.release);
    let packages = [
        &image,
        "qemu-system-x86",
        "busybox-static",
        "iproute2",
        "python3",
    ];
    if let Err(error) = shell::need_packages(&packages) {
        return Ok(Outcome::Skipped(format!("{error:#}")));
    }
    let python = match python::with("python-vng", &["virtme-ng==1.42"], 8) {
        Ok(python) => python,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let tools = python.parent().context("an interpreter is in a folder")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let (program, pki) = program()?;
    let script = shell::root().join("kernel/test.sh");
    let words = [&script, &module.file, &program, &pki];
    let words = words.map(|word| word.display().to_string());
    let seconds = SECONDS + cycles * CYCLE_SECONDS;
    let done = shell::command("timeout")
        .env("PATH", format!("{}:{path}", tools.display()))
        .args([&seconds.to_string(), "vng", "--disable-kvm"])
        .args(["--cpus", "2", "--memory", "2G"])
        .args(["--run", &format!("/boot/vmlinuz-{}", module.release)])
        .args([
            "--exec",
            &format!("/bin/sh {} {cycles} 2>&1", words.join(" ")),
        ])
        .output()
        .context("cannot start the emulator")?;
    let printed = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    let log = module.file.with_file_name("boot.log");
    fs::write(&log, &*printed)?;
    print!("{printed}");
    ensure!(
        printed.lines().any(|line| line.trim() == "all held"),
        "the module failed in the booted kernel; see {}",
        log.display()
    );
    Ok(Outcome::Passed)
}

/// A program that uses nothing but socket calls, and certificates for it.
fn program() -> Result<(PathBuf, PathBuf)> {
    let target = shell::root().join("target");
    let mut cargo = shell::cargo();
    cargo.args(["build", "--quiet", "--package", "inquic-cli"]);
    shell::run(cargo.args(["--bin", "inquic", "--example", "program"]))?;
    let pki = target.join("kernel-module/pki");
    // Made anew each time: they are good for a while only.
    let _ = fs::remove_dir_all(&pki);
    let inquic = target.join("debug/inquic");
    shell::output(
        shell::command(&inquic.to_string_lossy())
            .args(["cert", "localhost", "--out"])
            .arg(&pki),
    )?;
    Ok((target.join("debug/examples/program"), pki))
}

/// How long the emulator may take, on a busy machine.
const SECONDS: u32 = 900;
/// And for each time that the module comes and goes.
const CYCLE_SECONDS: u32 = 20;

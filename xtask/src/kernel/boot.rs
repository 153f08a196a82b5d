//! The booted kernel. In: a module; out: whether the stock kernel takes it, proves it and lets it go. The emulator has no more of this
//! machine than its files, which it cannot change.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::module::Module;
use crate::step::Outcome;
use crate::{python, shell};

/// Boots the kernel that the module is for and runs `kernel/test.sh` in it.
///
/// # Errors
///
/// When something in the booted kernel fails, or it does not end in time.
pub(crate) fn run(module: &Module) -> Result<Outcome> {
    let image = format!("linux-image-{}-unsigned", module.release);
    if let Err(error) = shell::need_packages(&[&image, "qemu-system-x86", "busybox-static"]) {
        return Ok(Outcome::Skipped(format!("{error:#}")));
    }
    let python = match python::with("python-vng", &["virtme-ng==1.42"], 8) {
        Ok(python) => python,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    let tools = python.parent().context("an interpreter is in a folder")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let script = shell::root().join("kernel/test.sh");
    let printed = shell::output(
        shell::command("timeout")
            .env("PATH", format!("{}:{path}", tools.display()))
            .args([
                SECONDS,
                "vng",
                "--disable-kvm",
                "--cpus",
                "2",
                "--memory",
                "2G",
            ])
            .args(["--run", &format!("/boot/vmlinuz-{}", module.release)])
            .args([
                "--exec",
                &format!("/bin/sh {} {}", script.display(), module.file.display()),
            ]),
    )
    .context("the booted kernel did not end as it should")?;
    let log = module.file.with_file_name("boot.log");
    fs::write(&log, &printed)?;
    print!("{printed}");
    ensure!(
        printed.lines().any(|line| line.trim() == "all held"),
        "the module failed in the booted kernel; see {}",
        log.display()
    );
    Ok(Outcome::Passed)
}

/// How long the emulator may take.
const SECONDS: &str = "600";

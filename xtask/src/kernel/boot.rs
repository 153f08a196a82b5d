//! The booted kernel. In: a module; out: whether the stock kernel takes it, proves it and lets it go. The emulator has no more of this
//! machine than its files, which it cannot change.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::module::Module;
use crate::step::Outcome;
use crate::{python, shell};

/// Boots the kernel that the module is for and runs `kernel/test.sh` in it, which loads and unloads the module so many times, and once
/// more for `kernel/users.sh`.
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
    let Programs {
        program,
        agent,
        pki,
    } = programs()?;
    let words = |files: &[&PathBuf]| -> Vec<String> {
        files
            .iter()
            .map(|file| file.display().to_string())
            .collect()
    };
    let mut test = words(&[&module.file, &program, &pki]);
    test.push(cycles.to_string());
    script(
        module,
        tools,
        "test.sh",
        &test,
        SECONDS + cycles * CYCLE_SECONDS,
    )?;
    let users = words(&[&module.file, &module.sample, &agent, &program, &pki]);
    script(module, tools, "users.sh", &users, SECONDS)?;
    Ok(Outcome::Passed)
}

/// Boots the kernel and runs a script in it, for so many seconds at most.
fn script(module: &Module, tools: &Path, name: &str, words: &[String], seconds: u32) -> Result<()> {
    let path = std::env::var("PATH").unwrap_or_default();
    let script = shell::root().join("kernel").join(name);
    let words = words.join(" ");
    let done = shell::command("timeout")
        .env("PATH", format!("{}:{path}", tools.display()))
        .args([&seconds.to_string(), "vng", "--disable-kvm"])
        .args(["--cpus", "2", "--memory", "2G"])
        .args(["--run", &format!("/boot/vmlinuz-{}", module.release)])
        .args([
            "--exec",
            &format!("/bin/sh {} {words} 2>&1", script.display()),
        ])
        .output()
        .context("cannot start the emulator")?;
    let printed = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    let log = module.file.with_file_name(format!("{name}.log"));
    fs::write(&log, &*printed)?;
    print!("{printed}");
    ensure!(
        printed.lines().any(|line| line.trim() == "all held"),
        "the module failed in the booted kernel; see {}",
        log.display()
    );
    Ok(())
}

/// What is run in the booted kernel.
struct Programs {
    /// A program that uses nothing but socket calls.
    program: PathBuf,
    agent: PathBuf,
    /// Certificates for it.
    pki: PathBuf,
}

/// Builds the programs, and makes the certificates.
fn programs() -> Result<Programs> {
    let target = shell::root().join("target");
    let mut cargo = shell::cargo();
    cargo.args(["build", "--quiet"]);
    cargo.args(["--package", "inquic-cli", "--package", "inquic-agent"]);
    cargo.args(["--bin", "inquic", "--bin", "inquic-agent"]);
    shell::run(cargo.args(["--example", "program"]))?;
    let pki = target.join("kernel-module/pki");
    // Made anew each time: they are good for a while only.
    let _ = fs::remove_dir_all(&pki);
    let inquic = target.join("debug/inquic");
    shell::output(
        shell::command(&inquic.to_string_lossy())
            .args(["cert", "localhost", "--out"])
            .arg(&pki),
    )?;
    Ok(Programs {
        program: target.join("debug/examples/program"),
        agent: target.join("debug/inquic-agent"),
        pki,
    })
}

/// How long the emulator may take, on a busy machine.
const SECONDS: u32 = 900;
/// And for each time that the module comes and goes.
const CYCLE_SECONDS: u32 = 20;

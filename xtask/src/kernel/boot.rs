//! The booted kernel. In: a module; out: whether the stock kernel takes it, proves it and lets it go. The emulator has no more of this
//! machine than its files, which it cannot change.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::module::Module;
use crate::step::Outcome;
use crate::{python, shell};

/// An emulator that can boot the kernel of a module.
pub(super) struct Emulator<'a> {
    module: &'a Module,
    /// The folder of the program that starts it.
    tools: PathBuf,
}

/// The processors of a booted kernel, and what its clock is.
#[derive(Clone, Copy)]
pub(super) enum Processors {
    /// Two, and this machine's clock.
    Two,
    /// One, whose clock goes on by a nanosecond with each instruction, and with this machine's while it is idle.
    Counting,
}

/// Boots the kernel that the module is for and runs `kernel/test.sh` in it, which loads and unloads the module so many times, once more
/// for `kernel/abi.sh`, and once for `kernel/users.sh`.
///
/// # Errors
///
/// When something in the booted kernel fails, or it does not end in time.
pub(super) fn run(module: &Module, cycles: u32) -> Result<Outcome> {
    let emulator = match Emulator::of(module)? {
        Ok(emulator) => emulator,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let Programs {
        program,
        agent,
        pki,
    } = programs()?;
    let mut test = words(&[&module.file, &program, &pki]);
    test.push(cycles.to_string());
    let seconds = SECONDS + cycles * CYCLE_SECONDS;
    emulator.script("test.sh", &test, seconds, Processors::Two)?;
    // By a clock that counts instructions: on a busy machine nothing is late, however long it takes.
    let abi = words(&[&module.file, &program, &pki]);
    emulator.script("abi.sh", &abi, SECONDS, Processors::Counting)?;
    let users = words(&[&module.file, &module.sample, &agent, &program, &pki]);
    emulator.script("users.sh", &users, SECONDS, Processors::Two)?;
    Ok(Outcome::Passed)
}

impl<'a> Emulator<'a> {
    /// One for the module, or what is missing for it.
    ///
    /// # Errors
    ///
    /// When its folder is not as it should be.
    pub(super) fn of(module: &'a Module) -> Result<Result<Self, String>> {
        let image = format!("linux-image-{}-unsigned", module.release);
        let packages = [
            &image,
            "qemu-system-x86",
            "busybox-static",
            "iproute2",
            "python3",
        ];
        if let Err(error) = shell::need_packages(&packages) {
            return Ok(Err(format!("{error:#}")));
        }
        let python = match python::with("python-vng", &["virtme-ng==1.42"], 8) {
            Ok(python) => python,
            Err(error) => return Ok(Err(format!("{error:#}"))),
        };
        let tools = python.parent().context("an interpreter is in a folder")?;
        Ok(Ok(Self {
            module,
            tools: tools.to_path_buf(),
        }))
    }

    /// Boots the kernel and runs a script of `kernel/` in it, for so many seconds at most; what it printed.
    ///
    /// # Errors
    ///
    /// When the script does not end by saying that all held.
    pub(super) fn script(
        &self,
        name: &str,
        words: &[String],
        seconds: u32,
        processors: Processors,
    ) -> Result<String> {
        let path = std::env::var("PATH").unwrap_or_default();
        let script = shell::root().join("kernel").join(name);
        let words = words.join(" ");
        let mut emulator = shell::command("timeout");
        emulator
            .env("PATH", format!("{}:{path}", self.tools.display()))
            .args([&seconds.to_string(), "vng", "--disable-kvm"])
            .args(["--memory", "2G"]);
        match processors {
            Processors::Two => emulator.args(["--cpus", "2"]),
            Processors::Counting => emulator.args(["--cpus", "1", "--qemu-opts=-icount shift=0"]),
        };
        let done = emulator
            .args(["--run", &format!("/boot/vmlinuz-{}", self.module.release)])
            .args([
                "--exec",
                &format!("/bin/sh {} {words} 2>&1", script.display()),
            ])
            .output()
            .context("cannot start the emulator")?;
        let printed = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
        let log = self.module.file.with_file_name(format!("{name}.log"));
        fs::write(&log, &*printed)?;
        print!("{printed}");
        ensure!(
            printed.lines().any(|line| line.trim() == "all held"),
            "the module failed in the booted kernel; see {}",
            log.display()
        );
        Ok(printed.into_owned())
    }
}

/// Files as words of a script.
pub(super) fn words(files: &[&PathBuf]) -> Vec<String> {
    files
        .iter()
        .map(|file| file.display().to_string())
        .collect()
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
    let target = shell::target();
    let mut cargo = shell::cargo();
    cargo.args(["build", "--quiet"]);
    cargo.args(["--package", "inquic-cli", "--package", "inquic-agent"]);
    cargo.args(["--bin", "inquic", "--bin", "inquic-agent"]);
    shell::run(cargo.args(["--example", "program"]))?;
    let pki = certificates(&target.join("debug/inquic"))?;
    Ok(Programs {
        program: target.join("debug/examples/program"),
        agent: target.join("debug/inquic-agent"),
        pki,
    })
}

/// A folder with certificates for localhost.
///
/// # Errors
///
/// When they cannot be made.
pub(super) fn certificates(inquic: &Path) -> Result<PathBuf> {
    let pki = shell::target().join("kernel-module/pki");
    // Made anew each time: they are good for a while only.
    let _ = fs::remove_dir_all(&pki);
    shell::output(
        shell::command(&inquic.to_string_lossy())
            .args(["cert", "localhost", "--out"])
            .arg(&pki),
    )?;
    Ok(pki)
}

/// How long the emulator may take, on a busy machine.
const SECONDS: u32 = 900;
/// And for each time that the module comes and goes.
const CYCLE_SECONDS: u32 = 20;

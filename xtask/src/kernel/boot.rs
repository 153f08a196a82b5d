//! The booted kernel. In: a module; out: whether the stock kernel takes it, proves it and lets it go. The emulator has no more of this
//! machine than its files, which it cannot change.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, ensure};

use super::interop;
use super::module::Module;
use super::replay;
use crate::step::Outcome;
use crate::{python, rust_api, shell};

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
    /// The same, but its clock skips the time while it is idle: for programs that wait for nothing but each other and the time.
    Skipping,
}

/// Boots the stock kernel that the module is for and runs `kernel/replay.sh` in it, once more for `kernel/test.sh`, which loads and unloads
/// the module so many times, once for `kernel/users.sh`, and then for `kernel/abi.sh` and `kernel/api.sh`, and `kernel/interop.sh` at the same
/// time: each has one processor, by whose clock nothing is late.
///
/// # Errors
///
/// When something in the booted kernel fails, or it does not end in time.
pub(super) fn run(module: &Module, cycles: u32) -> Result<Outcome> {
    let emulator = match Emulator::of(module)? {
        Ok(emulator) => emulator,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let programs = programs()?;
    let script = words(&replay::build(module)?.each_ref());
    emulator.script("replay.sh", &script, SECONDS, Processors::Two)?;
    emulator.test(&programs, cycles)?;
    emulator.users(&programs)?;
    thread::scope(|scope| {
        let abi = scope.spawn(|| {
            emulator.abi(&programs)?;
            emulator.api(&programs)
        });
        let interop = interop::brief(&emulator, module);
        abi.join().unwrap_or_else(|why| resume_unwind(why))?;
        interop
    })
}

impl<'a> Emulator<'a> {
    /// One for the module, or what is missing for it.
    ///
    /// # Errors
    ///
    /// When its folder is not as it should be.
    pub(super) fn of(module: &'a Module) -> Result<Result<Self, String>> {
        let mut packages = vec![
            "qemu-system-x86",
            "busybox-static",
            "iproute2",
            "nftables",
            "python3",
        ];
        packages.extend(module.kernel.package.as_deref());
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

    /// Programs use the module, which comes and goes so many times under traffic: `kernel/test.sh`.
    ///
    /// # Errors
    ///
    /// As [`Emulator::script`].
    pub(super) fn test(&self, programs: &Programs, cycles: u32) -> Result<String> {
        let mut test = words(&[&self.module.file, &programs.program, &programs.pki]);
        test.push(cycles.to_string());
        let seconds = self.patience() * (SECONDS + cycles * CYCLE_SECONDS);
        self.script("test.sh", &test, seconds, Processors::Two)
    }

    /// Programs use every call: `kernel/abi.sh`, by a clock that counts instructions. On a busy machine nothing is late, however long it
    /// takes.
    ///
    /// # Errors
    ///
    /// As [`Emulator::script`].
    pub(super) fn abi(&self, programs: &Programs) -> Result<String> {
        let abi = words(&[&self.module.file, &programs.program, &programs.pki]);
        let seconds = self.patience() * SECONDS;
        self.script("abi.sh", &abi, seconds, Processors::Counting)
    }

    /// The Rust API and the command use it by themselves: `kernel/api.sh`, by such a clock.
    ///
    /// # Errors
    ///
    /// As [`Emulator::script`].
    pub(super) fn api(&self, programs: &Programs) -> Result<String> {
        let mut api = words(&[&self.module.file, &programs.api, &programs.pki]);
        api.extend(rust_api::left_out());
        let seconds = self.patience() * SECONDS;
        self.script("api.sh", &api, seconds, Processors::Counting)
    }

    /// Users in the kernel use it, with the agent and without: `kernel/users.sh`.
    ///
    /// # Errors
    ///
    /// As [`Emulator::script`].
    pub(super) fn users(&self, programs: &Programs) -> Result<String> {
        let Programs {
            program,
            agent,
            library,
            pki,
            api: _,
        } = programs;
        let (module, sample) = (&self.module.file, &self.module.sample);
        let users = words(&[module, sample, agent, program, pki, library]);
        let seconds = self.patience() * SECONDS;
        self.script("users.sh", &users, seconds, Processors::Two)
    }

    /// How many times as long everything takes.
    const fn patience(&self) -> u32 {
        if self.module.kernel.package.is_some() {
            1
        } else {
            PATIENCE
        }
    }

    /// Boots the kernel and runs a script of `kernel/` in it, where its name may go on with a part of it, for so many seconds at most; what
    /// it printed, which is printed here as it comes. A kernel that watches itself has its log in there.
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
        let machine: &[&str] = match &self.module.kernel.package {
            Some(_) => &STOCK,
            None => &WATCHED,
        };
        let mut emulator = shell::command("timeout");
        emulator
            .env("PATH", format!("{}:{path}", self.tools.display()))
            .args([&seconds.to_string(), "vng", "--disable-kvm"])
            .args(machine);
        match processors {
            Processors::Two => emulator.args(["--cpus", "2"]),
            Processors::Counting => emulator.args(["--cpus", "1", "--qemu-opts=-icount shift=0"]),
            Processors::Skipping => {
                emulator.args(["--cpus", "1", "--qemu-opts=-icount shift=0,sleep=off"])
            }
        };
        emulator
            .arg("--run")
            .arg(&self.module.kernel.image)
            .arg("--exec")
            .arg(format!("/bin/sh {} {words} 2>&1", script.display()));
        let printed = tee(emulator, name)?;
        let log = format!("{}.log", name.replace(' ', "-"));
        let log = self.module.file.with_file_name(log);
        fs::write(&log, &printed)?;
        ensure!(
            printed.lines().any(|line| line.trim() == "all held"),
            "the module failed in the booted kernel; see {}",
            log.display()
        );
        Ok(printed)
    }
}

/// Prints what a command prints, as it comes and with its name before it, and keeps it.
fn tee(mut command: Command, name: &str) -> Result<String> {
    let (from, to) = io::pipe()?;
    command.stdout(to.try_clone()?).stderr(to);
    let mut child = command.spawn().context("cannot start the emulator")?;
    // There is no end of what comes as long as this has an end to write to.
    drop(command);
    let mut printed = String::new();
    for line in BufReader::new(from).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{name}: {line}");
        printed.push_str(&line);
        printed.push('\n');
    }
    child.wait()?;
    Ok(printed)
}

/// Files as words of a script.
pub(super) fn words(files: &[&PathBuf]) -> Vec<String> {
    files
        .iter()
        .map(|file| file.display().to_string())
        .collect()
}

/// What is run in the booted kernel.
pub(super) struct Programs {
    /// A program that uses nothing but socket calls.
    pub(super) program: PathBuf,
    agent: PathBuf,
    /// libquic.
    library: PathBuf,
    /// Certificates for it.
    pub(super) pki: PathBuf,
    /// The command, and a folder of tests of the Rust API.
    api: PathBuf,
}

/// Builds the programs, and makes the certificates.
///
/// # Errors
///
/// When they do not compile.
pub(super) fn programs() -> Result<Programs> {
    let target = shell::target();
    let mut cargo = shell::cargo();
    cargo.args(["build", "--quiet"]);
    cargo.args(["--package", "inquic-cli", "--package", "inquic-agent"]);
    cargo.args(["--bin", "inquic", "--bin", "inquic-agent"]);
    shell::run(cargo.args(["--example", "program"]))?;
    let inquic = target.join("debug/inquic");
    let pki = certificates(&inquic)?;
    let api = target.join("kernel-module/api");
    let _ = fs::remove_dir_all(&api);
    fs::create_dir_all(api.join("tests"))?;
    strip(&inquic, &api.join("inquic"))?;
    for test in rust_api::programs()? {
        // cargo has put a number behind the name.
        let name = test.file_name().context("a program has a name")?;
        let name = name.to_string_lossy();
        let name = name.split_once('-').map_or(&*name, |(name, _)| name);
        strip(&test, &api.join("tests").join(name))?;
    }
    Ok(Programs {
        program: stripped(&target.join("debug/examples/program"))?,
        agent: stripped(&target.join("debug/inquic-agent"))?,
        // Built on the way to the agent.
        library: stripped(&target.join("debug/deps/libquic.so"))?,
        pki,
        api,
    })
}

/// A copy of a program that the emulator does not have to read for so long.
///
/// # Errors
///
/// When it cannot be made.
pub(super) fn stripped(program: &Path) -> Result<PathBuf> {
    let name = program.file_name().context("a program has a name")?;
    let copy = shell::target().join("kernel-module").join(name);
    strip(program, &copy)?;
    Ok(copy)
}

fn strip(program: &Path, copy: &Path) -> Result<()> {
    let mut strip = shell::command("strip");
    shell::output(strip.arg("-o").arg(copy).arg(program)).map(drop)
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

/// What a stock kernel is booted with.
const STOCK: [&str; 2] = ["--memory", "2G"];
/// What a kernel that watches itself needs: memory for its notes, its log where it can be read after a panic, and time before it
/// calls somebody stuck.
const WATCHED: [&str; 6] = [
    "--memory",
    "3G",
    "--verbose",
    "--append",
    "loglevel=5",
    "--append=rcupdate.rcu_cpu_stall_timeout=300 watchdog_thresh=60",
];
/// How long the emulator may take, on a busy machine.
const SECONDS: u32 = 900;
/// How many times as long everything takes in a kernel that watches itself.
const PATIENCE: u32 = 6;
/// And for each time that the module comes and goes.
const CYCLE_SECONDS: u32 = 20;

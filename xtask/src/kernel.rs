//! The crates that a kernel takes, compiled the way a kernel needs them. In: the sources and the distribution's
//! compiler; out: one relocatable object, and whether a stock kernel could load it. It must never pass an object that
//! holds a float, a vector register or a symbol that no kernel has.

mod bench;
mod boot;
mod debug;
mod interop;
mod module;
mod object;
mod package;
mod prove;
mod replay;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;

pub(crate) use interop::boot as boot_interop;
pub(crate) use module::object as module_object;
pub(crate) use object::{Object, Reference};

use crate::shell;
use crate::step::Outcome;

#[derive(Subcommand)]
pub(crate) enum Task {
    /// Compile wire, engine and socket for a stock kernel, and look for what a kernel cannot take.
    Check,
    /// Make quic.ko for the newest stock kernel that there are packages of.
    Build,
    /// Make a Debian package of which DKMS builds quic.ko on machines without Rust, and try it.
    Package,
    /// Boot that kernel in an emulator, and load and prove the module there.
    Test {
        /// How often the module is loaded and unloaded under traffic.
        #[arg(long, default_value_t = CYCLES)]
        cycles: u32,
    },
    /// Boot a kernel that watches itself (KASAN, UBSAN, lockdep, kmemleak), with handshakes, bulk data, a fuzzer and refused memory; a
    /// report is a failure.
    Prove(prove::Arguments),
    /// Measure the module beside TCP with TLS in the kernel and beside the embedded home, in one boot.
    Bench(bench::Arguments),
}

/// Does what `cargo xtask kernel …` asks for.
pub(crate) fn run(task: &Task) -> Result<Outcome> {
    match task {
        Task::Check => check(),
        Task::Build => module::build().map(|built| match built {
            Ok(module) => {
                println!("{}", module.file.display());
                Outcome::Passed
            }
            Err(why) => Outcome::Skipped(why),
        }),
        Task::Package => package(),
        Task::Test { cycles } => test(*cycles),
        Task::Prove(arguments) => prove::run(arguments),
        Task::Bench(arguments) => bench::run(arguments),
    }
}

/// Compiles the crates and checks the object.
///
/// # Errors
///
/// When the crates do not compile, or their object holds what a kernel cannot take.
pub(crate) fn check() -> Result<Outcome> {
    if let Some(why) = missing() {
        return Ok(Outcome::Skipped(why));
    }
    let object = build()?;
    let findings = object.findings()?;
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(
        findings.is_empty(),
        "{} findings in {}",
        findings.len(),
        object.path().display()
    );
    println!(
        "{} holds no float, no vector register and no symbol that a kernel lacks ({} bytes of code)",
        object.path().display(),
        object.code_bytes()?
    );
    let (function, bytes) = object.largest_frame()?;
    println!("the largest frame on the stack has {bytes} bytes: {function}");
    Ok(Outcome::Passed)
}

/// Makes the Debian package of the module.
///
/// # Errors
///
/// When it cannot be made, or DKMS makes another module of it.
pub(crate) fn package() -> Result<Outcome> {
    package::run()
}

/// Boots the stock kernel with the module.
///
/// # Errors
///
/// When the module cannot be built, or something in the booted kernel fails.
pub(crate) fn test(cycles: u32) -> Result<Outcome> {
    match module::build()? {
        Ok(module) => boot::run(&module, cycles),
        Err(why) => Ok(Outcome::Skipped(why)),
    }
}

/// What is missing for a build for the kernel, after an attempt to install it.
pub(crate) fn missing() -> Option<String> {
    if cfg!(not(all(target_arch = "x86_64", target_os = "linux"))) {
        return Some("only on Linux on x86-64".to_owned());
    }
    shell::need_packages(&["rustc-web", "rust-web-src", "binutils"])
        .err()
        .map(|error| format!("{error:#}"))
}

/// Compiles the crates and links all that their public functions reach into one relocatable object.
pub(crate) fn build() -> Result<Object> {
    let target_folder = shell::target().join("kernel");
    let mut cargo = cargo(&target_folder, &[]);
    cargo
        // A library that waits for link-time optimisation holds no machine code to look at.
        .args(["--config", "profile.release.lto=false"])
        .args(["--config", "profile.release.codegen-units=1"]);
    for package in PACKAGES {
        cargo.args(["--package", package]);
    }
    shell::run(&mut cargo)?;
    link(&target_folder.join(TARGET).join("release"))
}

/// Cargo with the distribution's compiler and the kernel's flags and these, about to build in release.
fn cargo(target_folder: &Path, flags: &[&str]) -> Command {
    let mut cargo = shell::cargo();
    cargo
        .env("RUSTC", COMPILER)
        // The distribution's compiler is a stable one; a kernel needs flags that are not stable yet.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", [&FLAGS, flags].concat().join(" "))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .args(["build", "--release", "--target", TARGET])
        .args([
            "-Zbuild-std=core,alloc",
            "-Zbuild-std-features=compiler-builtins-mem",
        ])
        .arg("--target-dir")
        .arg(target_folder);
    cargo
}

/// Links as the module is linked: sections that nothing reaches are dropped. Every function that the crates export is an entry,
/// whether the module calls it or not.
fn link(folder: &Path) -> Result<Object> {
    let crates: Vec<PathBuf> = PACKAGES
        .iter()
        .map(|package| folder.join(format!("lib{}.rlib", package.replace('-', "_"))))
        .collect();
    let mut script = String::from("-r --gc-sections\n");
    for library in &crates {
        for symbol in object::exported(library)? {
            script.push_str(&format!("-u {symbol}\n"));
        }
    }
    let entries = folder.join("entries.ld");
    fs::write(&entries, script).with_context(|| format!("cannot write {}", entries.display()))?;
    let mut response = OsString::from("@");
    response.push(&entries);

    let path = folder.join("inquic.o");
    let mut ld = shell::command("ld");
    ld.arg(response)
        .arg("--whole-archive")
        .args(&crates)
        .arg("--no-whole-archive");
    for name in ["alloc", "core", "compiler_builtins"] {
        ld.arg(newest(&folder.join("deps"), &format!("lib{name}-"))?);
    }
    shell::output(ld.arg("-o").arg(&path))?;
    Ok(Object::new(path))
}

/// The library of that name that was built last; older ones stay when the compiler changes.
fn newest(folder: &Path, prefix: &str) -> Result<PathBuf> {
    let mut best = None;
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(prefix) && name.ends_with(".rlib") {
            let found = (entry.metadata()?.modified()?, entry.path());
            best = best.max(Some(found));
        }
    }
    match best {
        Some((_, path)) => Ok(path),
        None => bail!("no {prefix}*.rlib in {}", folder.display()),
    }
}

/// How often the module is loaded and unloaded where nothing else is asked for.
pub(crate) const CYCLES: u32 = 200;

/// The distribution's compiler: the module is built with it, because it comes with the distribution's kernels.
const COMPILER: &str = "/usr/bin/rustc";

const TARGET: &str = "x86_64-unknown-none";

/// What a module is made of.
const PACKAGES: [&str; 5] = [
    "inquic-platform",
    "inquic-uapi",
    "inquic-wire",
    "inquic-engine",
    "inquic-socket",
];

/// The flags of a stock kernel's own objects, and two (plt, direct access) without which the loader refuses the module.
const FLAGS: [&str; 10] = [
    "-Crelocation-model=static",
    "-Ccode-model=kernel",
    "-Cno-redzone=y",
    "-Zfunction-return=thunk-extern",
    "-Zretpoline-external-thunk",
    "-Zcf-protection=branch",
    "-Cforce-unwind-tables=no",
    "-Zplt=yes",
    "-Zdirect-access-external-data=yes",
    // Lints are judged with the toolchain that the tree is written with.
    "-Awarnings",
];

//! The debug kernel. In: the distribution's source of its newest kernel, and `kernel/debug.config`; out: a kernel that watches itself,
//! built here, with the flags that make the module's Rust side watched as well. It must never be one of other sources or of another
//! configuration than it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, ensure};

use super::missing;
use super::module::Kernel;
use crate::shell;

/// Builds it, unless it is there already; or says what is missing for it.
///
/// # Errors
///
/// When it does not compile, or does not have what the configuration asks for.
pub(super) fn build() -> Result<Result<Kernel, String>> {
    if let Some(why) = missing() {
        return Ok(Err(why));
    }
    if let Err(error) = shell::need_packages(&PACKAGES) {
        return Ok(Err(format!("{error:#}")));
    }
    let target = shell::target().join("kernel-debug");
    let tree = target.join(SOURCE);
    let image = tree.join("arch/x86/boot/bzImage");
    let wanted = fs::read_to_string(shell::root().join("kernel/debug.config"))?;
    let stamp = Stamp::of(&target);
    let version = version()?;
    if stamp.sources() != Some(version.as_str()) {
        unpack(&target, &tree)?;
        stamp.write(&version, "")?;
    }
    if stamp.configuration() != Some(wanted.as_str()) || !image.is_file() {
        configure(&tree, &wanted)?;
        make(&tree, &["bzImage", "modules"])?;
        stamp.write(&version, &wanted)?;
    }
    let release = fs::read_to_string(tree.join("include/config/kernel.release"))?;
    Ok(Ok(Kernel {
        release: release.trim().to_owned(),
        image,
        package: None,
        tree,
        target,
        flags: &FLAGS,
    }))
}

/// What the tree was made of, as a file beside it says.
struct Stamp {
    file: PathBuf,
    text: String,
}

impl Stamp {
    fn of(target: &Path) -> Self {
        let file = target.join("made-of");
        let text = fs::read_to_string(&file).unwrap_or_default();
        Self { file, text }
    }

    /// The version of the package that the sources are from.
    fn sources(&self) -> Option<&str> {
        self.text.split_once('\n').map(|(version, _)| version)
    }

    /// The configuration that was built to the end.
    fn configuration(&self) -> Option<&str> {
        self.text.split_once('\n').map(|(_, wanted)| wanted)
    }

    fn write(&self, version: &str, wanted: &str) -> Result<()> {
        fs::write(&self.file, format!("{version}\n{wanted}"))
            .with_context(|| format!("cannot write {}", self.file.display()))
    }
}

/// The version of the sources that are installed.
fn version() -> Result<String> {
    let mut query = shell::command("dpkg-query");
    query.args(["-W", "-f=${Version}", SOURCE]);
    Ok(shell::output(&mut query)?.trim().to_owned())
}

/// Unpacks the sources, but for what is large and never built here.
fn unpack(target: &Path, tree: &Path) -> Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    fs::create_dir_all(target)?;
    let mut tar = shell::command("tar");
    tar.arg("-xJf").arg(format!("/usr/src/{SOURCE}.tar.xz"));
    for (folder, files) in NEVER_BUILT {
        tar.arg(format!("--exclude={SOURCE}/{folder}/{files}"));
    }
    shell::run(tar.arg("-C").arg(target))
}

/// Configures the tree: what is not asked for is off, and what is asked for is there.
fn configure(tree: &Path, wanted: &str) -> Result<()> {
    let mut all = String::new();
    for smallest in ["kernel/configs/tiny.config", "arch/x86/configs/tiny.config"] {
        all.push_str(&fs::read_to_string(tree.join(smallest))?);
    }
    all.push_str(wanted);
    fs::write(tree.join(ASKED_FOR), all)?;
    make(
        tree,
        &[&format!("KCONFIG_ALLCONFIG={ASKED_FOR}"), "allnoconfig"],
    )?;
    let got = fs::read_to_string(tree.join(".config"))?;
    let missing = missing_options(wanted, &got);
    ensure!(missing.is_empty(), "not to be had: {}", missing.join(", "));
    Ok(())
}

/// Options that were asked for and are not there.
fn missing_options<'a>(wanted: &'a str, got: &str) -> Vec<&'a str> {
    let got: Vec<&str> = got.lines().collect();
    let options = wanted.lines().filter(|line| line.starts_with("CONFIG_"));
    options.filter(|option| !got.contains(option)).collect()
}

fn make(tree: &Path, goals: &[&str]) -> Result<()> {
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let mut make = shell::command("make");
    make.args(["--silent", &format!("-j{jobs}"), "-C"])
        .arg(tree)
        .args(goals);
    shell::run(&mut make)
}

/// The package with the sources, and the folder that is in it.
const SOURCE: &str = "linux-source-6.12";

const PACKAGES: [&str; 9] = [
    SOURCE,
    "bc",
    "bison",
    "flex",
    "gcc",
    "kmod",
    "libelf-dev",
    "make",
    "xz-utils",
];

/// Its own name for what was asked of it.
const ASKED_FOR: &str = "asked-for.config";

/// What is not unpacked: half of the sources. What configures them stays.
const NEVER_BUILT: [(&str, &str); 6] = [
    ("Documentation", "*.rst"),
    ("Documentation", "*.yaml"),
    ("drivers/gpu", "*.[ch]"),
    ("drivers/media", "*.[ch]"),
    ("drivers/staging", "*.[ch]"),
    ("sound", "*.[ch]"),
];

/// How Rust is watched, as the kernel's makefiles have it: each access of memory, and what the engine asserts of itself. Frames on the
/// stack are not, for they would outgrow it; and there are no globals that could be overrun.
const FLAGS: [&str; 9] = [
    "-Zsanitizer=kernel-address",
    "-Zsanitizer-recover=kernel-address",
    "-Cllvm-args=-asan-mapping-offset=0xdffffc0000000000",
    "-Cllvm-args=-asan-instrumentation-with-call-threshold=10000",
    "-Cllvm-args=-asan-stack=0",
    "-Cllvm-args=-asan-globals=0",
    "-Cllvm-args=-asan-kernel-mem-intrinsic-prefix=1",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
];

#[cfg(test)]
mod tests;

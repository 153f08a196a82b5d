//! The module. In: `kernel/`, the headers of a stock kernel; out: `quic.ko` for it. It must never pass a module that objtool or modpost
//! warns of.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::{Object, TARGET, cargo, missing, replay};
use crate::shell;

/// A kernel that a module is built for.
pub(crate) struct Kernel {
    /// As `uname -r` would say there.
    pub(super) release: String,
    /// What is booted.
    pub(super) image: PathBuf,
    /// The package that has it; none where it was built here, to watch itself.
    pub(super) package: Option<String>,
    /// Its makefiles and headers.
    pub(super) tree: PathBuf,
    /// Where what is for it is built.
    pub(super) target: PathBuf,
    /// Flags of the Rust compiler, beyond those of every kernel.
    pub(super) flags: &'static [&'static str],
}

/// A module and the kernel it is for.
pub(crate) struct Module {
    pub(super) kernel: Kernel,
    /// `quic.ko`.
    pub(crate) file: PathBuf,
    /// A user of it in the kernel.
    pub(crate) sample: PathBuf,
}

impl Module {
    /// Where it was built, its object of the Rust side beside it.
    pub(crate) fn folder(&self) -> Result<&Path> {
        self.file.parent().context("a module without a folder")
    }
}

/// Builds the module for the stock kernel, or says what is missing for it.
///
/// # Errors
///
/// When it does not compile, or something warns of it.
pub(crate) fn build() -> Result<Result<Module, String>> {
    if let Some(why) = missing() {
        return Ok(Err(why));
    }
    let release = match kernel() {
        Ok(release) => release,
        Err(error) => return Ok(Err(format!("{error:#}"))),
    };
    let kernel = Kernel {
        image: Path::new("/boot").join(format!("vmlinuz-{release}")),
        package: Some(format!("linux-image-{release}-unsigned")),
        tree: Path::new("/lib/modules").join(&release).join("build"),
        target: target(),
        flags: &[],
        release,
    };
    build_for(kernel).map(Ok)
}

/// Builds the module for a kernel.
///
/// # Errors
///
/// As [`build`].
pub(super) fn build_for(kernel: Kernel) -> Result<Module> {
    let folder = kernel.target.join(&kernel.release);
    copy_sources(&folder)?;
    replay::forget(&folder);
    rust_side(&kernel.target, kernel.flags, &folder.join("rust.o"))?;
    make(&kernel.tree, &folder)?;
    let file = folder.join("quic.ko");
    println!("{}", shell::output(shell::command("size").arg(&file))?);
    let sample = folder.join("quic_sample.ko");
    Ok(Module {
        kernel,
        file,
        sample,
    })
}

/// The object of the Rust side, as it is linked into the module. It needs no kernel.
///
/// # Errors
///
/// When it does not compile.
pub(crate) fn object() -> Result<Object> {
    let path = target().join("rust.o");
    rust_side(&target(), &[], &path)?;
    Ok(Object::new(path))
}

/// Builds the Rust side and links it into one object.
fn rust_side(target: &Path, flags: &[&str], object: &Path) -> Result<()> {
    shell::run(cargo(target, flags).arg("--manifest-path").arg(manifest()))?;
    let library = target.join(TARGET).join("release/libinquic_kernel.a");
    link(&library, object, &ENTRIES)
}

/// Where what is for the stock kernel is built.
fn target() -> PathBuf {
    shell::target().join("kernel-module")
}

/// The workspace of what is built for a kernel.
pub(super) fn manifest() -> PathBuf {
    shell::root().join("kernel/Cargo.toml")
}

/// The release of the newest kernel of the series that apt offers, with its headers installed.
fn kernel() -> Result<String> {
    let packages = [HEADERS, SERIES].concat();
    let search = || {
        let pattern = format!("^{}", packages.replace('.', "\\."));
        let printed =
            shell::output(shell::command("apt-cache").args(["search", "--names-only", &pattern]))?;
        anyhow::Ok(newest(&printed))
    };
    let release = if let Some(release) = search()? {
        release
    } else {
        ensure!(
            shell::is_root(),
            "needs the list of packages (as root: apt-get update)"
        );
        shell::output(shell::command("apt-get").args(["-qq", "update"]))?;
        search()?.with_context(|| format!("apt offers no {packages}*: no stock kernel"))?
    };
    shell::need_packages(&[&format!("{HEADERS}{release}"), "make", "gcc", "kmod"])?;
    Ok(release)
}

/// The newest release among the packages that apt-cache printed: of the flavour for ordinary machines.
fn newest(printed: &str) -> Option<String> {
    let releases = printed.lines().filter_map(|line| {
        let release = line.split_whitespace().next()?.strip_prefix(HEADERS)?;
        let (number, flavour) = release.split_once('+')?;
        let flavour = flavour
            .strip_prefix("deb")?
            .trim_start_matches(|c: char| c.is_ascii_digit());
        let point: u32 = number.strip_prefix(SERIES)?.parse().ok()?;
        (flavour == "-amd64").then(|| (point, release.to_owned()))
    });
    releases.max().map(|(_, release)| release)
}

/// Copies what changed, so that make builds no more than that.
fn copy_sources(folder: &Path) -> Result<()> {
    let from = shell::root().join("kernel");
    let mut files = vec![(from.join("Kbuild"), folder.join("Kbuild"))];
    for part in SOURCES {
        let (from, to) = (from.join(part), folder.join(part));
        fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
        for entry in
            fs::read_dir(&from).with_context(|| format!("cannot read {}", from.display()))?
        {
            let name = entry?.file_name();
            files.push((from.join(&name), to.join(&name)));
        }
    }
    // Where a kernel has what programs are compiled with, too.
    let uapi = folder.join("include/uapi/linux");
    fs::create_dir_all(&uapi)?;
    let abi = shell::root().join("include/linux/quic.h");
    files.push((abi, uapi.join("quic.h")));
    for (from, to) in files {
        let (new, old) = (fs::read(from)?, fs::read(&to));
        if old.ok().as_ref() != Some(&new) {
            fs::write(to, new)?;
        }
    }
    Ok(())
}

/// Links what a module's entries reach into one object for Kbuild.
pub(super) fn link(library: &Path, object: &Path, entries: &[&str]) -> Result<()> {
    let mut ld = shell::command("ld");
    ld.args(["-r", "--gc-sections"]);
    for entry in entries {
        ld.args(["-u", entry]);
    }
    shell::output(ld.arg("-o").arg(object).arg(library))?;
    // Link-time optimisation leaves its own form of the code behind.
    let mut objcopy = shell::command("objcopy");
    objcopy.args(["--remove-section=.llvmbc", "--remove-section=.llvmcmd"]);
    shell::output(objcopy.arg(object))?;
    let name = object.file_name().context("an object without a name")?;
    let note = format!(".{}.cmd", name.to_string_lossy());
    fs::write(object.with_file_name(note), "")?;
    Ok(())
}

/// Has the kernel's own makefiles make the module.
pub(super) fn make(tree: &Path, folder: &Path) -> Result<()> {
    let mut make = shell::command("make");
    make.args(["--silent", "-C"])
        .arg(tree)
        .arg(format!("M={}", folder.display()))
        .arg("modules");
    let done = make.output().context("cannot start make")?;
    let said = String::from_utf8_lossy(&done.stderr);
    print!("{}{said}", String::from_utf8_lossy(&done.stdout));
    ensure!(done.status.success(), "make ended with {}", done.status);
    let warnings = said.lines().filter(|line| is_warning(line)).count();
    ensure!(warnings == 0, "{warnings} warnings of the module");
    Ok(())
}

/// Whether the line warns of the module. That the kernel's compiler is another build of the same is no fault of it.
fn is_warning(line: &str) -> bool {
    line.contains("warning") && !line.contains("the compiler differs")
}

/// Folders of what make compiles.
const SOURCES: [&str; 4] = ["shim", "sample", "replay", "include/linux"];

const HEADERS: &str = "linux-headers-";
/// The series of the stock kernel that the module is for.
pub(super) const SERIES: &str = "6.12.";
/// What the shim calls.
const ENTRIES: [&str; 33] = [
    "inquic_prove",
    "inquic_defaults",
    "inquic_sock_new",
    "inquic_sock_close",
    "inquic_sock_over",
    "inquic_sock_bind",
    "inquic_sock_connect",
    "inquic_sock_listen",
    "inquic_sock_accept",
    "inquic_sock_name",
    "inquic_sock_poll",
    "inquic_sock_ioctl",
    "inquic_sock_shutdown",
    "inquic_sock_setsockopt",
    "inquic_sock_getsockopt",
    "inquic_sock_buffers",
    "inquic_sock_follow",
    "inquic_sock_leads",
    "inquic_sock_udp",
    "inquic_sock_error",
    "inquic_sock_show",
    "inquic_sock_count",
    "inquic_sock_send",
    "inquic_sock_look",
    "inquic_sock_way",
    "inquic_sock_receive",
    "inquic_stream_look",
    "inquic_stream_read",
    "inquic_stream_write",
    "inquic_stream_poll",
    "inquic_stream_shutdown",
    "inquic_stream_close",
    "inquic_stream_value",
];

#[cfg(test)]
mod tests;

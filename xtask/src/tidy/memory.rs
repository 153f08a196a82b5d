//! Rules for the crates that survive when memory is refused. In: the files of the tree; out: what would let an aborting allocation
//! in. Which calls abort is listed in those crates' clippy.toml; that the lists are there and in force, and that nothing is
//! cloned that may hold memory, is seen here. `cargo xtask panics` looks into the object for whatever both overlook.

use anyhow::{Context, Result};
use syn::visit::{self, Visit};

use super::{File, Finding};

/// Crates that survive.
const SURVIVING: [&str; 2] = ["engine", "socket"];

/// The lints that refuse what is on the lists.
const LINTS: [&str; 3] = [
    "clippy::disallowed_macros",
    "clippy::disallowed_methods",
    "clippy::disallowed_types",
];

/// Files that clone what holds no memory and is not `Copy`, each with what that is.
const FLAT: [(&str, &str); 7] = [
    (
        "crates/engine/src/connection/early.rs",
        "transport parameters, which are plain numbers",
    ),
    (
        "crates/engine/src/config.rs",
        "a configuration, which is plain numbers",
    ),
    (
        "crates/engine/src/endpoint/claim.rs",
        "an iterator over a client's hello",
    ),
    ("crates/engine/src/path/table.rs", "iterators over paths"),
    ("crates/socket/src/options/config.rs", "a configuration"),
    ("crates/socket/src/options/mod.rs", "a configuration"),
    (
        "crates/socket/src/options/transport_param.rs",
        "a configuration",
    ),
];

/// What the tree breaks of these rules.
pub(super) fn check(files: &[File]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let general = lines_of(files, "clippy.toml");
    for name in SURVIVING {
        let own = format!("crates/{name}/clippy.toml");
        let listed = lines_of(files, &own);
        let missing = general.iter().filter(|line| !listed.contains(*line));
        for line in missing {
            findings.push(Finding {
                path: own.clone().into(),
                line: 0,
                rule: format!(
                    "clippy reads this file in place of the root's, and it lacks: {line}"
                ),
            });
        }
        let folder = format!("crates/{name}/src/");
        for file in files {
            let path = file.path.to_string_lossy();
            if path.starts_with(&folder) && file.is_rust() && !file.is_test() {
                findings.extend(check_file(file, *path == format!("{folder}lib.rs"))?);
            }
        }
    }
    Ok(findings)
}

fn check_file(file: &File, is_root: bool) -> Result<Vec<Finding>> {
    let parsed = syn::parse_file(&file.text)
        .with_context(|| format!("{} is no Rust that can be parsed", file.path.display()))?;
    let mut findings = Vec::new();
    if is_root {
        let denied = parsed.attrs.iter().map(super::source::text_of);
        let denied: Vec<String> = denied.filter(|text| text.contains("deny(")).collect();
        for lint in LINTS {
            if !denied.iter().any(|text| text.contains(lint)) {
                findings
                    .push(file.finding(1, format!("what survives without memory denies {lint}")));
            }
        }
    }
    let path = file.path.to_string_lossy();
    if !FLAT.iter().any(|(flat, _what)| *flat == path) {
        let mut visitor = Clones { file, findings };
        visitor.visit_file(&parsed);
        findings = visitor.findings;
    }
    Ok(findings)
}

fn lines_of<'a>(files: &'a [File], path: &str) -> Vec<&'a str> {
    let found = files
        .iter()
        .find(|file| file.path.to_string_lossy() == path);
    let lines = found.map_or("", |file| &file.text).lines();
    lines.filter(|line| !line.starts_with('#')).collect()
}

/// Looks for clones of anything but a reference count.
struct Clones<'a> {
    file: &'a File,
    findings: Vec<Finding>,
}

impl Clones<'_> {
    fn find(&mut self, name: &syn::Ident) {
        let line = name.span().start().line;
        let rule = "Arc::clone(&…) for a count, memory::copied for a list; what holds no memory has a line in tidy/memory.rs";
        self.findings.push(self.file.finding(line, rule));
    }
}

impl<'ast> Visit<'ast> for Clones<'_> {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "clone" || call.method == "cloned" || call.method == "clone_from" {
            self.find(&call.method);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, expression: &'ast syn::ExprPath) {
        let mut names = expression.path.segments.iter().rev();
        if let Some(last) = names.next()
            && last.ident == "clone"
            && names.next().is_none_or(|of| of.ident != "Arc")
        {
            self.find(&last.ident);
        }
        visit::visit_expr_path(self, expression);
    }
}

#[cfg(test)]
mod tests;

//! Rules for Rust sources. In: one file; out: what it breaks: sizes, first lines, attributes, floats. It judges what the
//! parser of the language sees, not how the text looks.

use anyhow::{Context, Result};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Meta, Signature};

use super::{File, Finding};

/// Lines in a file that holds one idea.
const FILE_LINES: usize = 500;

/// Lines in a function that fits a screen.
const FUNCTION_LINES: usize = 70;

/// Files and functions that are longer, as `path` or `path: function`, each with the reason.
const LONGER: [(&str, &str); 0] = [];

/// Crates that every home takes, the kernel too.
const CORE: [&str; 5] = ["platform", "uapi", "wire", "engine", "socket"];

/// Crates that meet what a peer sends: nothing in them may panic.
const MUST_NOT_PANIC: [&str; 3] = ["wire", "engine", "socket"];

/// What may not be used where nothing may panic.
const PANICKING: [&str; 7] = [
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::panic",
    "clippy::unreachable",
    "clippy::indexing_slicing",
    "clippy::arithmetic_side_effects",
    "clippy::string_slice",
];

/// Crates with a few lines of `unsafe` behind a safe type. They deny it at the root, and expect it, with a reason, there.
const SOME_UNSAFE: [&str; 7] = [
    "crates/descriptor/src/lib.rs",
    "crates/agent/src/main.rs",
    "crates/libquic/src/lib.rs",
    "crates/inquic/src/lib.rs",
    "crates/handshake/src/lib.rs",
    "crates/preload/src/lib.rs",
    "kernel/src/lib.rs",
];

/// A module that several test programs include: what is unused in it differs from one to the next, so nothing can be expected.
const SHARED_BY_TESTS: [&str; 2] = ["tests/common/mod.rs", "fuzz_targets/common/mod.rs"];

/// What one Rust file breaks.
pub(super) fn check(file: &File) -> Result<Vec<Finding>> {
    let parsed = syn::parse_file(&file.text)
        .with_context(|| format!("{} is no Rust that can be parsed", file.path.display()))?;
    let mut visitor = Visitor {
        file,
        findings: Vec::new(),
    };
    visitor.visit_file(&parsed);
    let mut findings = visitor.findings;
    if !file.is_test() {
        findings.extend(size_of_file(file));
        if !file.text.starts_with("//! ") {
            findings
                .push(file.finding(1, "a module begins with //! and what comes in and goes out"));
        }
    }
    findings.extend(crate_root(file, &parsed.attrs));
    Ok(findings)
}

fn size_of_file(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    (lines > FILE_LINES && !is_excepted(&file.path.to_string_lossy())).then(|| {
        file.finding(
            0,
            format!("{lines} lines, more than {FILE_LINES}: two ideas?"),
        )
    })
}

fn is_excepted(what: &str) -> bool {
    LONGER.iter().any(|(excepted, _reason)| *excepted == what)
}

/// What the root of a crate has to promise.
fn crate_root(file: &File, attributes: &[Attribute]) -> Vec<Finding> {
    let path = file.path.to_string_lossy();
    let mut parts = path.split('/');
    let is_library = path.ends_with("src/lib.rs");
    if file.is_test() || !is_library && !path.ends_with("src/main.rs") {
        return Vec::new();
    }
    let texts: Vec<String> = attributes.iter().map(text_of).collect();
    let has = |text: &str| texts.iter().any(|attribute| attribute.contains(text));
    let mut findings = Vec::new();
    let excepted = SOME_UNSAFE.contains(&&*path) && has("deny(unsafe_code");
    if !excepted && !has("forbid(unsafe_code)") {
        findings.push(file.finding(1, "the root of a crate has #![forbid(unsafe_code)]"));
    }
    let name = if parts.next() == Some("crates") {
        parts.next().unwrap_or_default()
    } else {
        ""
    };
    if is_library && CORE.contains(&name) && !has("no_std") {
        findings.push(file.finding(1, "a crate that the kernel takes has #![no_std]"));
    }
    if is_library && MUST_NOT_PANIC.contains(&name) {
        for lint in PANICKING {
            if !has(lint) {
                findings.push(file.finding(1, format!("what meets a peer's bytes denies {lint}")));
            }
        }
    }
    findings
}

/// An attribute without the spaces that the parser puts between tokens.
pub(super) fn text_of(attribute: &Attribute) -> String {
    let tokens = match &attribute.meta {
        Meta::Path(path) => path_text(path),
        Meta::List(list) => format!("{}({})", path_text(&list.path), list.tokens),
        Meta::NameValue(pair) => path_text(&pair.path),
    };
    tokens.split_whitespace().collect()
}

fn path_text(path: &syn::Path) -> String {
    let names: Vec<String> = path
        .segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect();
    names.join("::")
}

struct Visitor<'a> {
    file: &'a File,
    findings: Vec<Finding>,
}

impl Visitor<'_> {
    fn find(&mut self, span: Span, rule: impl Into<String>) {
        self.findings
            .push(self.file.finding(span.start().line, rule));
    }

    fn size_of_function(&mut self, signature: &Signature, block: &Block) {
        let lines = block
            .span()
            .end()
            .line
            .saturating_sub(signature.span().start().line)
            .saturating_add(1);
        let name = format!("{}: {}", self.file.path.display(), signature.ident);
        if lines > FUNCTION_LINES && !self.file.is_test() && !is_excepted(&name) {
            let rule = format!(
                "{} has {lines} lines, more than {FUNCTION_LINES}",
                signature.ident
            );
            self.find(signature.ident.span(), rule);
        }
    }

    /// Whether the file is part of a crate in which nothing may compute with floats.
    fn is_core(&self) -> bool {
        let path = self.file.path.to_string_lossy();
        CORE.iter()
            .any(|name| path.starts_with(&format!("crates/{name}/src/")))
            && !self.file.is_test()
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let text = text_of(attribute);
        let is_shared = SHARED_BY_TESTS
            .iter()
            .any(|shared| self.file.path.ends_with(shared));
        if !is_shared && text.starts_with("allow(")
            || text.starts_with("cfg_attr(") && text.contains(",allow(")
        {
            self.find(
                attribute.span(),
                "#[expect(…, reason = …)] instead of allow",
            );
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.size_of_function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.size_of_function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.size_of_function(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = module
            .attrs
            .iter()
            .any(|attribute| text_of(attribute) == "cfg(test)");
        if is_test && module.content.is_some() && !self.file.is_test() {
            self.find(
                module.ident.span(),
                "tests live in tests.rs beside what they test",
            );
        }
        visit::visit_item_mod(self, module);
    }

    fn visit_lit_float(&mut self, literal: &'ast syn::LitFloat) {
        if self.is_core() {
            self.find(literal.span(), "no floats in what the kernel takes");
        }
    }

    fn visit_ident(&mut self, ident: &'ast proc_macro2::Ident) {
        if self.is_core() && (ident == "f32" || ident == "f64") {
            self.find(ident.span(), "no floats in what the kernel takes");
        }
    }
}

#[cfg(test)]
mod tests;

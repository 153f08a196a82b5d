//! Files of the tree that are made from its code: what one should say in; the file, or word that it is out of date, out.

use std::fs;

use anyhow::{Context, Result, ensure};
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

use crate::shell;

/// A file that is made.
pub(crate) struct Made {
    /// Where it is, from the root of the tree.
    pub(crate) file: &'static str,
    /// The task that makes it.
    pub(crate) task: &'static str,
}

impl Made {
    /// Writes the file, or compares it with `text`.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or says something else.
    pub(crate) fn keep(&self, text: &str, write: bool) -> Result<()> {
        let Self { file, task } = self;
        let path = shell::root().join(file);
        if write {
            let folder = path.parent().context("a file is in a folder")?;
            fs::create_dir_all(folder)?;
            return fs::write(path, text).with_context(|| format!("cannot write {file}"));
        }
        let kept = fs::read_to_string(path).with_context(|| format!("cannot read {file}"))?;
        ensure!(
            kept == text,
            "{file} is not what it is made from: cargo xtask {task} --write"
        );
        Ok(())
    }
}

/// The words of an item's documentation.
pub(crate) fn words(attributes: &[Attribute]) -> Vec<String> {
    let mut words = Vec::new();
    for attribute in attributes {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(ExprLit {
                lit: Lit::Str(line),
                ..
            }) = &pair.value
        {
            words.extend(line.value().split_whitespace().map(str::to_owned));
        }
    }
    words
}

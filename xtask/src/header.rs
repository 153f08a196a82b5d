//! The C header of the socket ABI. In: the numbers and layouts of the crate `uapi`; out: include/linux/quic.h, which says the
//! same in C, with the same words.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, ExprLit, Ident, Item, ItemConst, ItemEnum, Lit, LitInt, Token, Type};

use crate::made::{self, Made};
use crate::shell;
use crate::step::Outcome;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Write include/linux/quic.h instead of comparing with it.
    #[arg(long)]
    write: bool,
}

/// Prints the header; writes it, or compares it with the one that is kept.
///
/// # Errors
///
/// When the one that is kept says something else than the code.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let header = header(&shell::root())?;
    print!("{header}");
    MADE.keep(&header, arguments.write)?;
    Ok(Outcome::Passed)
}

/// Compares the header with the code.
///
/// # Errors
///
/// When it says something else.
pub(crate) fn check() -> Result<Outcome> {
    MADE.keep(&header(&shell::root())?, false)?;
    Ok(Outcome::Passed)
}

/// The whole header.
fn header(root: &Path) -> Result<String> {
    let mut text = HEAD.to_owned();
    for file in SOURCES {
        let path = root.join("crates/uapi/src").join(file);
        let source = fs::read_to_string(&path).with_context(|| format!("cannot read {file}"))?;
        text.push_str(&section(&source)?);
    }
    text.push_str(TAIL);
    Ok(text)
}

/// What one source file gives.
fn section(source: &str) -> Result<String> {
    let parsed = syn::parse_file(source).context("no Rust that can be parsed")?;
    let mut text = String::new();
    for item in &parsed.items {
        match item {
            Item::Const(constant)
                if PREFIXES
                    .iter()
                    .any(|&prefix| constant.ident.to_string().starts_with(prefix)) =>
            {
                text.push_str(&define(constant)?);
            }
            Item::Enum(events) => text.push_str(&enumeration(events)?),
            Item::Macro(layout) if layout.mac.path.is_ident("layout") => {
                let structure: Structure = layout.mac.parse_body()?;
                text.push_str(&structure.write()?);
            }
            _ => {}
        }
    }
    Ok(text)
}

fn define(constant: &ItemConst) -> Result<String> {
    let (name, value) = (&constant.ident, number(&constant.expr)?);
    let comment = comment(&constant.attrs, "");
    Ok(match name.to_string().as_str() {
        // Newer C libraries and kernels have these.
        "IPPROTO_QUIC" | "SOL_QUIC" => {
            format!("{comment}#ifndef {name}\n#define {name} {value}\n#endif\n")
        }
        _ => format!("{comment}#define {name} {value}\n"),
    })
}

/// The numbers of the events.
fn enumeration(events: &ItemEnum) -> Result<String> {
    let mut text = format!(
        "\n{}enum quic_event_type {{\n\tQUIC_EVENT_NONE = 0,\n",
        comment(&events.attrs, "")
    );
    let mut last = String::new();
    for variant in &events.variants {
        let Some((_, value)) = &variant.discriminant else {
            bail!("{} has no number", variant.ident);
        };
        last = snake(&variant.ident.to_string()).to_uppercase();
        text.push_str(&comment(&variant.attrs, "\t"));
        text.push_str(&format!("\tQUIC_EVENT_{last} = {},\n", number(value)?));
    }
    text.push_str(&format!(
        "\tQUIC_EVENT_END,\n\tQUIC_EVENT_MAX = QUIC_EVENT_{last},\n}};\n\n"
    ));
    Ok(text)
}

/// What `layout!` declares.
struct Structure {
    attrs: Vec<Attribute>,
    name: Ident,
    size: LitInt,
    fields: Vec<Field>,
}

struct Field {
    attrs: Vec<Attribute>,
    name: Ident,
    kind: Type,
    offset: LitInt,
}

impl Parse for Structure {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        input.parse::<Token![pub]>()?;
        input.parse::<Token![struct]>()?;
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        let size = input.parse()?;
        let body;
        syn::braced!(body in input);
        let fields = body.parse_terminated(Field::parse, Token![,])?;
        Ok(Self {
            attrs,
            name,
            size,
            fields: fields.into_iter().collect(),
        })
    }
}

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        let kind = input.parse()?;
        input.parse::<Token![=]>()?;
        let offset = input.parse()?;
        Ok(Self {
            attrs,
            name,
            kind,
            offset,
        })
    }
}

impl Structure {
    fn write(&self) -> Result<String> {
        let name = snake(&self.name.to_string());
        let mut text = format!(
            "\n{}/* {} bytes. */\nstruct quic_{name} {{\n",
            comment(&self.attrs, ""),
            self.size.base10_digits()
        );
        for field in &self.fields {
            // In C a field may be called `type`, and is.
            let name = match field.name.to_string().as_str() {
                "cipher_type" | "event_type" => "type".to_owned(),
                name => name.to_owned(),
            };
            let (kind, count) = c_type(&field.kind)?;
            text.push_str(&comment(&field.attrs, "\t"));
            text.push_str(&format!(
                "\t{kind}\t{name}{count};\t/* {} */\n",
                field.offset.base10_digits()
            ));
        }
        text.push_str("};\n\n");
        Ok(text)
    }
}

/// The C type of a field, and how many there are of it.
fn c_type(kind: &Type) -> Result<(String, String)> {
    match kind {
        Type::Path(path) => {
            let name = path.path.require_ident()?.to_string();
            let c = match name.as_str() {
                "i32" => "__s32",
                "i64" => "__s64",
                "u8" => "__u8",
                "u16" => "__u16",
                "u32" => "__u32",
                "u64" => "__u64",
                other => bail!("{other} has no C type"),
            };
            Ok((c.to_owned(), String::new()))
        }
        Type::Array(array) => {
            let (kind, _) = c_type(&array.elem)?;
            let count = match &array.len {
                Expr::Path(path) => path.path.require_ident()?.to_string(),
                other => number(other)?,
            };
            Ok((kind, format!("[{count}]")))
        }
        _ => bail!("a field that C does not have"),
    }
}

/// A number as C writes it.
fn number(expr: &Expr) -> Result<String> {
    match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) => Ok(number.to_string().replace('_', "")),
        _ => bail!("a constant that is no plain number"),
    }
}

/// The documentation as a C comment, without links.
fn comment(attrs: &[Attribute], indent: &str) -> String {
    let words: Vec<String> = made::words(attrs).iter().map(|word| plain(word)).collect();
    if words.is_empty() {
        String::new()
    } else {
        format!("{indent}/* {} */\n", words.join(" "))
    }
}

/// A word of the documentation: a link to a structure becomes its name in C.
fn plain(word: &str) -> String {
    let bare = word.replace(['`', '[', ']'], "");
    for path in ["crate::structs::", "structs::"] {
        if let Some((before, name)) = bare.split_once(path) {
            let end = name.find(|letter: char| !letter.is_alphanumeric());
            let (name, after) = name.split_at(end.unwrap_or(name.len()));
            return format!(
                "{before}struct quic_{}{}",
                snake(name),
                after.replace("::", ".")
            );
        }
    }
    bare.replace("crate::", "").replace("flags::", "")
}

/// `ConnectionIdInfo` as `connection_id_info`.
fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    // One word in C.
    text.replace("err_info", "errinfo")
}

const MADE: Made = Made {
    file: "include/linux/quic.h",
    task: "header",
};

/// In the order in which C needs them.
const SOURCES: [&str; 6] = [
    "lib.rs",
    "flags.rs",
    "option.rs",
    "error.rs",
    "structs.rs",
    "event.rs",
];

/// What the header has of the constants. The others are of other headers.
const PREFIXES: [&str; 4] = ["QUIC_", "MSG_QUIC_", "IPPROTO_QUIC", "SOL_QUIC"];

const HEAD: &str = "\
/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The socket ABI of QUIC on Linux: numbers and layouts. docs/abi.md says what they mean.
 * Made from crates/uapi by `cargo xtask header --write`. Do not edit.
 */
#ifndef _UAPI_LINUX_QUIC_H
#define _UAPI_LINUX_QUIC_H

#include <linux/types.h>

";

const TAIL: &str = "
/* An event after its type, which is one byte: copy it from there, it is not aligned. */
union quic_event {
\tstruct quic_stream_update\tupdate;
\tstruct quic_stream_max_data\tmax_data;
\tstruct quic_connection_close\tclose;
\tstruct quic_connection_id_info\tinfo;
\t__u64\tmax_stream;
\t__u8\tlocal_migration;
\t__u8\tkey_update_phase;
};

#endif /* _UAPI_LINUX_QUIC_H */
";

#[cfg(test)]
mod tests;

//! The lines that cite an RFC where its requirement is enforced. In: a file, and the texts of the RFCs where there are
//! some; out: tags that nobody could look up. Form: `//= RFC 9000 §8.1: sentence`, going on with `//= ` in the next line;
//! where the code deviates, a further line `//= type=exception: reason`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::{File, Finding, files, numbered};
use crate::shell;
use crate::step::Outcome;

#[derive(Args)]
pub(crate) struct Arguments {
    /// A folder with the texts of the RFCs, one rfcNNNN.txt each: looks up the sentences in them.
    #[arg(long)]
    rfc: Option<PathBuf>,
}

/// One citation.
#[derive(Debug, PartialEq, Eq)]
struct Tag {
    line: usize,
    rfc: u32,
    section: String,
    sentence: String,
    /// Why the code deviates, where it does.
    exception: Option<String>,
}

/// A sentence that some line of what ships enforces.
pub(crate) struct Citation {
    pub(crate) rfc: u32,
    pub(crate) section: String,
    pub(crate) sentence: String,
}

/// What the code cites and keeps: citations with an exception are left out.
pub(crate) fn citations(files: &[File]) -> Vec<Citation> {
    let sources = files
        .iter()
        .filter(|file| file.is_rust() && !file.is_test() && file.path.starts_with("crates"));
    let tags = sources.flat_map(|file| parse(file).0);
    tags.filter(|tag| tag.exception.is_none())
        .map(|tag| Citation {
            rfc: tag.rfc,
            section: tag.section,
            sentence: tag.sentence,
        })
        .collect()
}

/// Prints how many requirements of which RFC are cited; with the texts, the citations that are not in them.
///
/// # Errors
///
/// When a sentence is not in the text of its RFC.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    let mut texts: BTreeMap<u32, String> = BTreeMap::new();
    let mut unknown = Vec::new();
    let mut exceptions = 0_usize;
    for file in files(&shell::root())?.iter().filter(|file| file.is_rust()) {
        for tag in parse(file).0 {
            let count = counts.entry(tag.rfc).or_default();
            *count = count.saturating_add(1);
            if let Some(reason) = &tag.exception {
                exceptions = exceptions.saturating_add(1);
                println!("exception to RFC {} §{}: {reason}", tag.rfc, tag.section);
            }
            if let Some(folder) = &arguments.rfc {
                if let std::collections::btree_map::Entry::Vacant(place) = texts.entry(tag.rfc) {
                    let path = folder.join(format!("rfc{}.txt", tag.rfc));
                    let text = fs::read_to_string(&path)
                        .with_context(|| format!("cannot read {}", path.display()));
                    place.insert(text.map(|text| plain(&text)).unwrap_or_default());
                }
                let text = texts.get(&tag.rfc).map_or("", String::as_str);
                if !text.is_empty() && !text.contains(&plain(&tag.sentence)) {
                    unknown.push(file.finding(
                        tag.line,
                        format!("not in RFC {}: {}", tag.rfc, tag.sentence),
                    ));
                }
            }
        }
    }
    for (rfc, count) in &counts {
        let read = if texts.get(rfc).is_some_and(|text| !text.is_empty()) {
            ", looked up"
        } else {
            ""
        };
        println!("RFC {rfc}: {count} requirements cited{read}");
    }
    println!("{exceptions} exceptions");
    for finding in &unknown {
        println!("{finding}");
    }
    ensure!(
        unknown.is_empty(),
        "{} sentences are not in the text of their RFC",
        unknown.len()
    );
    Ok(Outcome::Passed)
}

/// The tags of a file that are not well formed.
pub(super) fn check(file: &File) -> Vec<Finding> {
    parse(file).1
}

fn parse(file: &File) -> (Vec<Tag>, Vec<Finding>) {
    let mut tags: Vec<Tag> = Vec::new();
    let mut findings = Vec::new();
    let mut last = 0;
    for (number, line) in numbered(&file.text) {
        let Some(text) = line.trim_start().strip_prefix(concat!("//", "=")) else {
            continue;
        };
        let goes_on = last != 0 && number == last + 1;
        let text = text.trim();
        if text.starts_with("RFC ") {
            match parse_first(number, text) {
                Some(tag) => tags.push(tag),
                None => {
                    findings.push(file.finding(number, "a tag reads //= RFC 9000 §8.1: sentence"));
                }
            }
        } else if let Some(tag) = tags.last_mut().filter(|_| goes_on && !text.is_empty()) {
            tag.go_on(text);
        } else {
            findings.push(file.finding(number, "a line that continues no tag"));
        }
        last = number;
    }
    (tags, findings)
}

impl Tag {
    /// Takes the next line of the tag.
    fn go_on(&mut self, text: &str) {
        if let Some(reason) = text.strip_prefix("type=exception: ") {
            self.exception = Some(reason.to_owned());
            return;
        }
        let part = self.exception.as_mut().unwrap_or(&mut self.sentence);
        part.push(' ');
        part.push_str(text);
    }
}

fn parse_first(line: usize, text: &str) -> Option<Tag> {
    let (number, rest) = text.strip_prefix("RFC ")?.split_once(" §")?;
    let (section, sentence) = rest.split_once(": ")?;
    let mut parts = section.split('.');
    let first = parts.next()?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_letter = first.len() == 1 && first.bytes().all(|byte| byte.is_ascii_uppercase());
    if number.len() != 4 || !(is_number(first) || is_letter) || !parts.all(is_number) {
        return None;
    }
    let sentence = sentence.trim().to_owned();
    (!sentence.is_empty()).then_some(Tag {
        line,
        rfc: number.parse().ok()?,
        section: section.to_owned(),
        sentence,
        exception: None,
    })
}

/// Text without what differs between a page and a comment: line ends, page ends, case, quotation marks.
pub(crate) fn plain(text: &str) -> String {
    let kept = text.lines().filter(|line| {
        let is_footer = line.contains("Standards Track") && line.contains("[Page");
        let is_header = line.starts_with("RFC ") && line.ends_with(|c: char| c.is_ascii_digit());
        !is_footer && !is_header
    });
    let mut words = String::with_capacity(text.len());
    for word in kept.flat_map(str::split_whitespace) {
        words.extend(
            word.chars()
                .filter(|c| !matches!(c, '"' | '`' | '\''))
                .flat_map(char::to_lowercase),
        );
        // A word that is broken at a hyphen by the end of a line is one word.
        if !word.ends_with('-') {
            words.push(' ');
        }
    }
    words.trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;

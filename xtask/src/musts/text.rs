//! The text of an RFC. In: the text as the editor publishes it; out: the sentences that demand something, in order, with
//! their sections. It never invents a sentence.

/// One sentence of an RFC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentence {
    pub(super) section: String,
    pub(super) words: String,
}

/// The sentences of a text that demand something of somebody.
pub(super) fn demands(text: &str) -> Vec<Sentence> {
    let mut demands = Vec::new();
    for (section, paragraph) in paragraphs(text) {
        for sentence in sentences(&paragraph) {
            if is_demand(&sentence) {
                let section = section.clone();
                demands.push(Sentence {
                    section,
                    words: sentence,
                });
            }
        }
    }
    demands
}

/// Whether a sentence demands something; the one that explains the words does not.
fn is_demand(sentence: &str) -> bool {
    let words = sentence.split(|c: char| !c.is_ascii_alphanumeric());
    let explains = sentence.contains("\"MUST\"") || sentence.contains("\"MUST\",");
    !explains && words.into_iter().any(|word| DEMANDING.contains(&word))
}

/// The paragraphs and items of lists of a text, each a list of words, with their sections.
fn paragraphs(text: &str) -> Vec<(String, Vec<String>)> {
    let mut section = String::new();
    let mut paragraphs: Vec<(String, Vec<String>)> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let line = line.trim_start_matches('\u{c}');
        if is_furniture(line) {
            continue;
        }
        if line.trim().is_empty() || !line.starts_with(' ') {
            if let Some(number) = heading(line) {
                section = number;
            }
            goes_on = false;
            continue;
        }
        if !goes_on || begins_item(line) {
            paragraphs.push((section.clone(), Vec::new()));
            goes_on = true;
        }
        if let Some((_, words)) = paragraphs.last_mut() {
            words.extend(line.split_whitespace().map(str::to_owned));
        }
    }
    paragraphs
}

/// The first and last line of a page.
fn is_furniture(line: &str) -> bool {
    let is_footer = line.contains("Standards Track") && line.trim_end().ends_with(']');
    let is_header = line.starts_with("RFC ") && line.ends_with(|c: char| c.is_ascii_digit());
    is_footer || is_header
}

/// The number of the section that a line begins.
fn heading(line: &str) -> Option<String> {
    let line = line.strip_prefix("Appendix ").unwrap_or(line);
    let number = line.split_whitespace().next()?.strip_suffix('.')?;
    let mut parts = number.split('.');
    let first = parts.next()?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_letter = first.len() == 1 && first.bytes().all(|byte| byte.is_ascii_uppercase());
    ((is_number(first) || is_letter) && parts.all(is_number)).then(|| number.to_owned())
}

fn begins_item(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let is_number = first.strip_suffix('.').is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    ["*", "o", "-"].contains(&first) || is_number
}

/// Cuts a paragraph where a sentence ends and another begins.
fn sentences(words: &[String]) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut sentence = String::new();
    let words = words.iter().filter(|word| *word != "*");
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        sentence.push_str(word);
        let ends = word.ends_with(['.', '!', '?', ':']) && !ABBREVIATIONS.contains(&word.as_str());
        let begins = words.peek().is_none_or(|next| {
            next.starts_with(|c: char| c.is_ascii_uppercase() || ['"', '[', '('].contains(&c))
        });
        if ends && begins {
            sentences.push(std::mem::take(&mut sentence));
        } else if word == "--" || !word.ends_with('-') {
            // A word that is broken at a hyphen by the end of a line is one word.
            sentence.push(' ');
        }
    }
    let rest = sentence.trim_end();
    if !rest.is_empty() {
        sentences.push(rest.to_owned());
    }
    sentences
}

/// Words that make a sentence one that demands (RFC 2119). "MUST NOT" and "SHALL NOT" have them too.
const DEMANDING: [&str; 3] = ["MUST", "SHALL", "REQUIRED"];

const ABBREVIATIONS: [&str; 4] = ["e.g.", "i.e.", "(e.g.", "(i.e."];

#[cfg(test)]
mod tests;

//! The names that comments use, marked and linked, and nothing else in them taken for Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use prost_types::{DescriptorProto, EnumDescriptorProto};

use super::File;

/// The names that comments use: those with a heading of their own, by their anchors, and the others.
pub(super) struct Names {
    anchors: BTreeMap<String, String>,
    others: BTreeSet<String>,
}

impl Names {
    pub(super) fn of(files: &[File<'_>]) -> Self {
        let mut names = Self { anchors: BTreeMap::new(), others: BTreeSet::new() };
        for file in files {
            for service in &file.descriptor.service {
                names.head(service.name(), service.name());
                for method in &service.method {
                    let full = format!("{}.{}", service.name(), method.name());
                    names.head(method.name(), &full);
                    names.head(&full, &full);
                }
            }
            file.descriptor.message_type.iter().for_each(|message| names.message("", message));
            file.descriptor.enum_type.iter().for_each(|one| names.enumeration("", one));
        }
        names
    }

    fn message(&mut self, outer: &str, message: &DescriptorProto) {
        let name = format!("{outer}{}", message.name());
        self.head(&name, &name);
        for field in &message.field {
            self.others.insert(format!("{name}.{}", field.name()));
            // A single word may be meant as a word.
            if field.name().contains('_') {
                self.others.insert(field.name().to_owned());
            }
        }
        let inner = format!("{name}.");
        message.nested_type.iter().for_each(|nested| self.message(&inner, nested));
        message.enum_type.iter().for_each(|nested| self.enumeration(&inner, nested));
    }

    fn enumeration(&mut self, outer: &str, one: &EnumDescriptorProto) {
        let name = format!("{outer}{}", one.name());
        self.head(&name, &name);
        self.others.extend(one.value.iter().map(|value| value.name().to_owned()));
    }

    /// As a renderer of Markdown makes anchors of headings.
    fn head(&mut self, name: &str, heading: &str) {
        self.anchors.insert(name.to_owned(), heading.replace('.', "").to_lowercase());
    }

    /// A comment in a cell of a table.
    pub(super) fn cell(&self, comment: &str) -> String {
        self.prose(comment).replace("\n\n", "<br>").replace('\n', " ").replace('|', r"\|")
    }

    /// A comment with its names marked, and nothing in it taken for Markdown that is none.
    pub(super) fn prose(&self, comment: &str) -> String {
        let lines = comment.lines().map(str::trim).collect::<Vec<_>>().join("\n");
        // What stands between backticks is code already.
        let pieces = lines
            .split('`')
            .enumerate()
            .map(|(at, piece)| if at % 2 == 1 { format!("`{piece}`") } else { self.words(piece) });
        pieces.collect()
    }

    fn words(&self, text: &str) -> String {
        let is_part = |c: char| c.is_ascii_alphanumeric() || ['_', '.'].contains(&c);
        let mut marked = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let length = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
            let word = rest[..length].trim_end_matches('.');
            if word.is_empty() {
                let next = rest.chars().next().expect("some are left");
                match next {
                    '<' => marked.push_str("&lt;"),
                    '*' | '_' => marked.extend(['\\', next]),
                    _ => marked.push(next),
                }
                rest = &rest[next.len_utf8()..];
                continue;
            }
            // A name of one word that begins a sentence is meant as that word.
            let is_name = word.contains('.') || word[1..].contains(|c: char| c.is_uppercase());
            if is_name && self.anchors.contains_key(word) {
                marked.push_str(&self.link(word));
            } else if self.others.contains(word) {
                let _ = write!(marked, "`{word}`");
            } else {
                marked.push_str(word);
            }
            rest = &rest[word.len()..];
        }
        marked
    }

    /// A name, which leads to what it names where that is on the page.
    pub(super) fn link(&self, name: &str) -> String {
        match self.anchors.get(name) {
            Some(anchor) => format!("[`{name}`](#{anchor})"),
            None => format!("`{name}`"),
        }
    }
}

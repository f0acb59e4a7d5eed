//! The contract as a page to read: each service, call, message, field, enum and reason with its comment.
//! What stands before it on the page, how to connect say, is written by people.

mod names;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, MessageOptions, MethodDescriptorProto, ServiceDescriptorProto,
};

use self::names::Names;
use crate::FILE_DESCRIPTOR_SET;
use crate::v1::Reason;

/// What the names of this package begin with in descriptors.
const PACKAGE: &str = ".nestr.directory.v1.";
/// Where descriptors keep what (the field numbers of `google/protobuf/descriptor.proto`).
const MESSAGES: i32 = 4;
const ENUMS: i32 = 5;
const SERVICES: i32 = 6;
const METHODS_OF_SERVICE: i32 = 2;
const FIELDS_OF_MESSAGE: i32 = 2;
const MESSAGES_OF_MESSAGE: i32 = 3;
const ENUMS_OF_MESSAGE: i32 = 4;
const ONEOFS_OF_MESSAGE: i32 = 8;
const VALUES_OF_ENUM: i32 = 2;

/// The contract in Markdown. `roles` names who may make a call, by its request message.
///
/// # Panics
/// When the descriptors are not those that the build wrote.
#[must_use]
pub fn reference(roles: &BTreeMap<&str, Vec<&str>>) -> String {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("the build's descriptors");
    let is_ours = |file: &&FileDescriptorProto| PACKAGE.contains(file.package());
    let files: Vec<_> = files.file.iter().filter(is_ours).map(File::new).collect();
    let names = Names::of(&files);
    let mut page = Page { text: String::new(), names, roles };
    let (with_services, shared): (Vec<_>, Vec<_>) =
        files.iter().partition(|file| !file.descriptor.service.is_empty());

    page.text.push_str("## Services\n\n| | |\n| --- | --- |\n");
    for file in &with_services {
        for (at, service) in file.descriptor.service.iter().enumerate() {
            let calls: Vec<_> = service.method.iter().map(|m| page.names.link(m.name())).collect();
            let about = first_sentence(file.comment(&[SERVICES, index(at)]));
            let (service, about) = (page.names.link(service.name()), page.names.prose(about));
            let _ = writeln!(page.text, "| {service} | {about} {} |", calls.join(", "));
        }
    }
    for file in &with_services {
        for (at, service) in file.descriptor.service.iter().enumerate() {
            page.service(file, &[SERVICES, index(at)], service);
        }
        page.types(file);
    }
    page.text.push_str("\n## Messages of several services\n");
    for file in &shared {
        page.types(file);
    }
    page.reasons(&files);
    page.text
}

/// A file of the contract, with the comments at their places.
struct File<'a> {
    descriptor: &'a FileDescriptorProto,
    comments: BTreeMap<&'a [i32], &'a str>,
}

impl<'a> File<'a> {
    fn new(descriptor: &'a FileDescriptorProto) -> Self {
        let locations = descriptor.source_code_info.iter().flat_map(|info| &info.location);
        let comments =
            locations.map(|location| (&*location.path, location.leading_comments().trim()));
        Self { descriptor, comments: comments.collect() }
    }

    fn comment(&self, path: &[i32]) -> &'a str {
        self.comments.get(path).copied().unwrap_or_default()
    }
}

/// The page as it grows.
struct Page<'a> {
    text: String,
    names: Names,
    roles: &'a BTreeMap<&'a str, Vec<&'a str>>,
}

impl Page<'_> {
    fn service(&mut self, file: &File<'_>, path: &[i32], service: &ServiceDescriptorProto) {
        let _ = writeln!(self.text, "\n## {}\n", service.name());
        self.paragraphs(file.comment(path));
        for (at, method) in service.method.iter().enumerate() {
            let _ = writeln!(self.text, "\n### {}.{}\n", service.name(), method.name());
            self.signature(method);
            self.paragraphs(file.comment(&[path, &[METHODS_OF_SERVICE, index(at)]].concat()));
        }
    }

    fn signature(&mut self, method: &MethodDescriptorProto) {
        let stream = |is_one: bool| if is_one { "stream of " } else { "" };
        let asked = stream(method.client_streaming());
        let answered = stream(method.server_streaming());
        let request = short(method.input_type());
        let roles = self.roles.get(request).map_or_else(String::new, |roles| roles.join(", "));
        let (request, answer) =
            (self.names.link(request), self.names.link(short(method.output_type())));
        let _ = writeln!(self.text, "{asked}{request} → {answered}{answer}; roles: {roles}\n");
    }

    /// The messages and enums of a file, but for the reasons: they have a table of their own.
    fn types(&mut self, file: &File<'_>) {
        for (at, message) in file.descriptor.message_type.iter().enumerate() {
            self.message(file, &[MESSAGES, index(at)], "", message);
        }
        for (at, one) in file.descriptor.enum_type.iter().enumerate() {
            if one.name() != "Reason" {
                self.enumeration(file, &[ENUMS, index(at)], "", one);
            }
        }
    }

    fn message(&mut self, file: &File<'_>, path: &[i32], outer: &str, message: &DescriptorProto) {
        let at = |kind: i32, at: usize| [path, &[kind, index(at)]].concat();
        let name = format!("{outer}{}", message.name());
        let _ = writeln!(self.text, "\n### {name}\n");
        self.paragraphs(file.comment(path));
        if !message.field.is_empty() {
            self.text.push_str("\n| | field | type | |\n| --- | --- | --- | --- |\n");
        }
        let mut told = None;
        for (number, field) in message.field.iter().enumerate() {
            let choice = field.oneof_index.filter(|_| !field.proto3_optional());
            if let Some(choice) = choice.filter(|_| choice != told) {
                let place = usize::try_from(choice).expect("a place");
                let about = self.names.cell(file.comment(&at(ONEOFS_OF_MESSAGE, place)));
                let one_of = message.oneof_decl[place].name();
                let _ = writeln!(self.text, "| | one of `{one_of}` | | {about} |");
            }
            told = choice;
            let entry = message.nested_type.iter().find(|nested| {
                is_map(nested) && field.type_name() == format!("{PACKAGE}{name}.{}", nested.name())
            });
            let of_type = self.field_type(field, entry);
            let about = self.names.cell(file.comment(&at(FIELDS_OF_MESSAGE, number)));
            let (number, name) = (field.number(), field_name(field));
            let _ = writeln!(self.text, "| {number} | {name} | {of_type} | {about} |");
        }
        let inner = format!("{name}.");
        for (number, nested) in message.nested_type.iter().enumerate().filter(|(_, n)| !is_map(n)) {
            self.message(file, &at(MESSAGES_OF_MESSAGE, number), &inner, nested);
        }
        for (number, nested) in message.enum_type.iter().enumerate() {
            self.enumeration(file, &at(ENUMS_OF_MESSAGE, number), &inner, nested);
        }
    }

    fn field_type(&self, field: &FieldDescriptorProto, entry: Option<&DescriptorProto>) -> String {
        if let Some([key, value]) = entry.map(|entry| &*entry.field) {
            return format!("map of {} to {}", self.value_type(key), self.value_type(value));
        }
        let of = self.value_type(field);
        match field.label() {
            Label::Repeated => format!("repeated {of}"),
            _ if field.proto3_optional() => format!("optional {of}"),
            _ => of,
        }
    }

    fn value_type(&self, field: &FieldDescriptorProto) -> String {
        match field.r#type() {
            Type::Message | Type::Enum => self.names.link(short(field.type_name())),
            scalar => {
                format!("`{}`", scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase())
            }
        }
    }

    fn enumeration(
        &mut self,
        file: &File<'_>,
        path: &[i32],
        outer: &str,
        one: &EnumDescriptorProto,
    ) {
        let _ = writeln!(self.text, "\n### {outer}{}\n", one.name());
        self.paragraphs(file.comment(path));
        self.text.push_str("\n| | value | |\n| --- | --- | --- |\n");
        for (at, value) in one.value.iter().enumerate() {
            let about = file.comment(&[path, &[VALUES_OF_ENUM, index(at)]].concat());
            let about = self.names.cell(about);
            let _ = writeln!(self.text, "| {} | `{}` | {about} |", value.number(), value.name());
        }
    }

    /// The one table of reasons, with what each protocol makes of them.
    fn reasons(&mut self, files: &[File<'_>]) {
        let place = |file: &File<'_>| {
            file.descriptor.enum_type.iter().position(|one| one.name() == "Reason")
        };
        let Some((file, place)) = files.iter().find_map(|file| Some((file, place(file)?))) else {
            return;
        };
        self.text.push_str("\n## Reason\n\n");
        self.paragraphs(file.comment(&[ENUMS, index(place)]));
        self.text.push_str("\n| | reason | gRPC code | over REST | meaning and fix |\n");
        self.text.push_str("| --- | --- | --- | --- | --- |\n");
        for (at, value) in file.descriptor.enum_type[place].value.iter().enumerate().skip(1) {
            let row = Reason::from_str_name(value.name()).expect("a reason of the contract").row();
            let path = [ENUMS, index(place), VALUES_OF_ENUM, index(at)];
            let (number, name, about) =
                (value.number(), value.name(), self.names.cell(file.comment(&path)));
            let (code, http) = (code_name(row.code), row.http);
            let scim = if row.scim_type.is_empty() { "" } else { " " };
            let scim_type = row.scim_type;
            let _ = writeln!(
                self.text,
                "| {number} | `{name}` | `{code}` | {http}{scim}{scim_type} | {about} |"
            );
        }
    }

    /// A comment, its paragraphs apart.
    fn paragraphs(&mut self, comment: &str) {
        let text = self.names.prose(comment);
        let _ = writeln!(self.text, "{text}");
    }
}

/// Whether a message stands for an entry of a map, which nobody wrote.
fn is_map(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(MessageOptions::map_entry)
}

/// A field as proto3 names it, and in JSON where that is not the same in camelCase.
fn field_name(field: &FieldDescriptorProto) -> String {
    let name = field.name();
    let mut usual = String::new();
    for (at, part) in name.split('_').enumerate() {
        let (first, others) = part.split_at(usize::from(at > 0).min(part.len()));
        usual.extend([&first.to_uppercase(), others]);
    }
    if usual == field.json_name() {
        return format!("`{name}`");
    }
    format!("`{name}`, in JSON `{}`", field.json_name())
}

/// A type without the contract's package; others keep theirs.
fn short(type_name: &str) -> &str {
    type_name.strip_prefix(PACKAGE).unwrap_or_else(|| type_name.trim_start_matches('.'))
}

fn first_sentence(comment: &str) -> &str {
    comment.find(". ").or(comment.find(".\n")).map_or(comment, |end| &comment[..=end])
}

/// A code as gRPC's documents spell it.
fn code_name(code: tonic::Code) -> String {
    let mut name = String::new();
    for (at, letter) in format!("{code:?}").char_indices() {
        if letter.is_uppercase() && at > 0 {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

fn index(at: usize) -> i32 {
    i32::try_from(at).expect("a contract that a person can read")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A page of everything, whose every call says whose it is.
    fn page() -> String {
        reference(&BTreeMap::from([("ResolveLoginRequest", vec!["internal", "reader"])]))
    }

    #[test]
    fn a_call_shows_what_goes_in_what_comes_out_and_who_may() {
        let page = page();
        let call = page.split("\n### LoginService.ResolveLogin\n\n").nth(1).unwrap();
        assert!(call.starts_with(
            "[`ResolveLoginRequest`](#resolveloginrequest) → \
             [`ResolveLoginResponse`](#resolveloginresponse); roles: internal, reader\n\nThe people"
        ));
        assert!(page.contains("\n### UserService.CreateUser\n"));
    }

    #[test]
    fn a_field_shows_its_number_name_type_and_meaning() {
        let page = page();
        for row in [
            "| 3 | `active` | `bool` | Whether the person may sign in. False: refuse, and end what sessions there are. |",
            "| 4 | `reason` | [`Account.InactiveReason`](#accountinactivereason) | Why not. |",
            "| 1 | `accounts` | repeated [`Account`](#account) | At most one",
            "| | one of `resource` | | The person. Required. |",
            "| 15 | `active` | optional `bool` | Whether",
            "| 1 | `INACTIVE_REASON_USER_INACTIVE` | The person's",
            "| 30 | `USER_NAME_TAKEN` | `ALREADY_EXISTS` | 409 uniqueness | Another living user",
        ] {
            assert!(page.contains(&format!("\n{row}")), "{row}");
        }
        assert!(page.contains("map of `string` to `google.protobuf.Struct`"));
        assert!(page.contains("in JSON `$ref`"), "a name that JSON spells otherwise");
    }

    /// Comments are no Markdown. Seen to fail with the words left as they are.
    #[test]
    fn what_looks_like_markdown_in_a_comment_is_none() {
        let page = page();
        assert!(page.contains(r"gave it. \* is any version."));
        assert!(page.contains("`authorization: Bearer <credential>`"), "code stays code");
    }

    /// Every link of the page leads to a heading of it.
    #[test]
    fn every_link_leads_somewhere() {
        let page = page();
        let anchor =
            |heading: &str| heading.trim_start_matches('#').trim().replace('.', "").to_lowercase();
        let headings: Vec<_> =
            page.lines().filter(|line| line.starts_with("##")).map(anchor).collect();
        let is_once = headings.iter().collect::<BTreeSet<_>>().len() == headings.len();
        assert!(is_once, "two headings look alike");
        for link in page.split("](#").skip(1).map(|rest| rest.split_once(')').unwrap().0) {
            assert!(headings.iter().any(|heading| heading == link), "{link}");
        }
    }
}

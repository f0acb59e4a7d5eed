//! Field masks (AIP-161) over a [`User`](crate::v1::User) or a [`Group`](crate::v1::Group): the typed fields that
//! they name, by the names that SCIM has for them. The contract's own descriptors say which.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use pbjson_types::FieldMask;
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use crate::FILE_DESCRIPTOR_SET;

/// The field that a path of a mask names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in JSON, which is SCIM's, behind those of what it lies in; such as `name` and `familyName`.
    pub names: Vec<String>,
    /// Whether it lies in values of which there are several, such as the `value` of `emails`.
    pub is_in_list: bool,
}

/// A path of a mask names no field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoField(pub String);

impl fmt::Display for NoField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no field; name one of the contract, such as display_name", self.0)
    }
}

impl std::error::Error for NoField {}

/// The fields that a mask names in the message of this name, such as `User`. A field is named as in the contract or
/// as in JSON.
///
/// # Errors
/// For the first path that names none.
pub fn fields(message: &str, mask: &FieldMask) -> Result<Vec<Field>, NoField> {
    mask.paths.iter().map(|path| field(message, path)).collect()
}

fn field(message: &str, path: &str) -> Result<Field, NoField> {
    static MESSAGES: LazyLock<HashMap<String, Vec<Known>>> = LazyLock::new(messages);
    let (mut within, mut names, mut is_in_list) = (Some((message, false)), Vec::new(), false);
    for segment in path.split('.') {
        let (message, is_list) = within.ok_or_else(|| NoField(path.to_owned()))?;
        is_in_list |= is_list;
        let mut known = MESSAGES.get(message).into_iter().flatten();
        let found =
            known.find(|known| [&known.name, &known.json_name].contains(&&segment.to_owned()));
        let found = found.ok_or_else(|| NoField(path.to_owned()))?;
        names.push(found.json_name.clone());
        within = found.message.as_deref().map(|message| (message, found.is_list));
    }
    Ok(Field { names, is_in_list })
}

/// A field of a message.
struct Known {
    name: String,
    json_name: String,
    is_list: bool,
    /// The message of the contract that it holds.
    message: Option<String>,
}

/// The fields of each message of the contract.
fn messages() -> HashMap<String, Vec<Known>> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET);
    let files = files.map(|set| set.file).unwrap_or_default();
    let all: Vec<&DescriptorProto> = files.iter().flat_map(|file| &file.message_type).collect();
    let known = |field: &FieldDescriptorProto| {
        let held = (field.r#type() == Type::Message).then(|| field.type_name().rsplit('.').next());
        Known {
            name: field.name().to_owned(),
            json_name: field.json_name().to_owned(),
            is_list: field.label() == Label::Repeated,
            message: held
                .flatten()
                .filter(|held| all.iter().any(|m| m.name() == *held))
                .map(Into::into),
        }
    };
    let fields = |message: &&DescriptorProto| message.field.iter().map(known).collect();
    all.iter().map(|message| (message.name().to_owned(), fields(message))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str) -> Result<Field, NoField> {
        let mask = FieldMask { paths: vec![path.to_owned()] };
        fields("User", &mask).map(|mut fields| fields.remove(0))
    }

    #[test]
    fn a_path_names_a_field_by_scims_names() {
        const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        for (path, names, is_in_list) in [
            ("user_name", &["userName"][..], false),
            ("userName", &["userName"], false),
            ("name.family_name", &["name", "familyName"], false),
            ("emails", &["emails"], false),
            ("emails.value", &["emails", "value"], true),
            ("enterprise.department", &[ENTERPRISE, "department"], false),
            ("enterprise.manager.value", &[ENTERPRISE, "manager", "value"], false),
            ("extensions", &["extensions"], false),
        ] {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(named(path), Ok(Field { names, is_in_list }), "{path}");
        }
    }

    #[test]
    fn a_path_that_names_none_is_told() {
        for path in ["", "*", "shoe_size", "user_name.x", "name.", "USER_NAME", "extensions.key"] {
            assert_eq!(named(path), Err(NoField(path.to_owned())));
        }
    }
}

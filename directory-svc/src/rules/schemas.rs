//! What a workspace may register as a schema of its own.

use directory_api::v1::Reason;
use scim::{Schema, Schemas};

use crate::refusal::Refusal;
use crate::store::{Kind, RegisteredSchema};

/// How many schemas a workspace may register.
pub(crate) const REGISTERED_SCHEMAS: usize = 20;

/// Decides on a registration: `document` extends resources of `kind`. One of a URN that is there already
/// may add attributes to it; what is there stays, as documents hold values of it.
///
/// # Errors
/// `TOO_MANY` over [`REGISTERED_SCHEMAS`], `INVALID_VALUE` for a change of what is there, and those of
/// [`Schemas::with_extension`], as `refusal_of` tells them.
pub(crate) fn register(
    standing: &[RegisteredSchema],
    kind: Kind,
    document: &str,
    refusal_of: impl Fn(scim::Error) -> Refusal,
) -> Result<RegisteredSchema, Refusal> {
    let extended = |schemas: Schemas, schema: &RegisteredSchema| {
        schemas.with_extension(schema.kind.name(), &schema.document).map_err(&refusal_of)
    };
    let wanted = read(Schemas::standard(), kind, document).map_err(&refusal_of)?;
    let mut others = Schemas::standard().clone();
    let mut before = None;
    for schema in standing {
        if schema.urn.eq_ignore_ascii_case(&wanted.id) {
            before = Some(schema);
        } else {
            others = extended(others, schema)?;
        }
    }
    let urn = match before {
        None if standing.len() >= REGISTERED_SCHEMAS => return Err(too_many()),
        None => wanted.id.clone(),
        Some(before) => {
            let old =
                read(Schemas::standard(), before.kind, &before.document).map_err(&refusal_of)?;
            let is_kept = |old: &_| wanted.attributes.iter().any(|attribute| attribute == old);
            if before.kind != kind || !old.attributes.iter().all(is_kept) {
                return Err(changed(&before.urn));
            }
            before.urn.clone()
        }
    };
    let schema = RegisteredSchema { urn, kind, document: document.to_owned() };
    extended(others, &schema)?;
    Ok(schema)
}

/// The schema of a document, if it can extend resources of this kind.
fn read(schemas: &Schemas, kind: Kind, document: &str) -> Result<Schema, scim::Error> {
    let known = schemas.schemas().count();
    let extended = schemas.with_extension(kind.name(), document)?;
    let added = extended.schemas().nth(known).cloned();
    added.ok_or_else(|| scim::Error {
        kind: scim::ErrorKind::InvalidSyntax,
        detail: "This is no schema.".to_owned(),
        at: None,
    })
}

fn too_many() -> Refusal {
    let detail = format!(
        "The workspace has {REGISTERED_SCHEMAS} schemas of its own already (REGISTERED_SCHEMAS). Add \
         the attributes to one of them."
    );
    Refusal::new(Reason::TooMany, detail)
}

fn changed(urn: &str) -> Refusal {
    Refusal::new(
        Reason::InvalidValue,
        format!(
            "The schema {urn} is registered already. Attributes may be added to it; those that are \
             there, and what it extends, stay as they are. Register another URN instead."
        ),
    )
    .at("schema_json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(urn: &str, attributes: &str) -> String {
        format!(r#"{{"id":"{urn}","name":"Badge","attributes":[{attributes}]}}"#)
    }

    fn decided(standing: &[RegisteredSchema], document: &str) -> Result<RegisteredSchema, Reason> {
        let refusal_of = |error: scim::Error| Refusal::new(Reason::InvalidValue, error.detail);
        register(standing, Kind::User, document, refusal_of).map_err(|no| no.reason)
    }

    const URN: &str = "urn:example:badge:2.0:User";

    /// Seen to fail with the attributes that are there not compared.
    #[test]
    fn a_schema_may_grow_and_nothing_of_it_changes() {
        let number = r#"{"name":"number","type":"integer"}"#;
        let first = decided(&[], &document(URN, number)).unwrap();
        assert_eq!((first.urn.as_str(), first.kind), (URN, Kind::User));
        let standing = [first];
        let grown = document(
            &URN.to_uppercase().replace("URN:", "urn:"),
            &format!(r#"{number},{{"name":"door"}}"#),
        );
        assert_eq!(decided(&standing, &grown).unwrap().urn, URN);
        for other in [r#"{"name":"number"}"#, r#"{"name":"door"}"#] {
            assert_eq!(
                decided(&standing, &document(URN, other)),
                Err(Reason::InvalidValue),
                "{other}"
            );
        }
        let refusal_of = |error: scim::Error| Refusal::new(Reason::InvalidValue, error.detail);
        assert!(register(&standing, Kind::Group, &document(URN, number), refusal_of).is_err());
    }

    #[test]
    fn what_the_rfc_defines_cannot_be_registered_nor_more_than_twenty() {
        let core = document("urn:ietf:params:scim:schemas:core:2.0:User", r#"{"name":"x"}"#);
        assert_eq!(decided(&[], &core), Err(Reason::InvalidValue));
        let mut standing = Vec::new();
        for n in 0..REGISTERED_SCHEMAS {
            let next = document(&format!("urn:example:s{n}:2.0:User"), r#"{"name":"x"}"#);
            standing.push(decided(&standing, &next).unwrap());
        }
        assert_eq!(decided(&standing, &document(URN, r#"{"name":"x"}"#)), Err(Reason::TooMany));
    }
}

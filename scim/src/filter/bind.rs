//! Fitting a filter to a schema: names to attributes, literals to types.

use std::sync::Arc;

use serde_json::Value;

use super::{AttrPath, Bound, Filter, Literal, Operator, Path, Target};
use crate::error::{Error, echo};
use crate::fold::fold;
use crate::read::{boolean, decimal, integer, scalar_text};
use crate::schema::{Attribute, Kind, ResourceType, Returned};
use crate::time;

impl Filter {
    /// Fits the filter to the attributes of `rt`.
    ///
    /// A complex attribute without sub-attribute stands for its `value`: `emails eq "x"` is
    /// `emails.value eq "x"`. `eq null` is "not present". Literals are coerced as the reader coerces
    /// values (`"True"` for a boolean, 7 for a string).
    ///
    /// # Errors
    /// `InvalidFilter`, naming the attribute and where it stands, when there is no such attribute, when the operator has
    /// no meaning for its type, or when the literal is of another type.
    pub fn bind(&self, rt: &ResourceType) -> Result<Bound, Error> {
        Scope::Resource(rt).bind(self)
    }

    /// Fits a value filter to the sub-attributes of `attribute`. The values of one that is not complex
    /// are their own `value`; [`Bound::matches`] takes them as an object of that.
    pub(crate) fn bind_within(&self, attribute: &Attribute) -> Result<Bound, Error> {
        if attribute.is_complex() {
            return Scope::Value(attribute).bind(self);
        }
        let value =
            Attribute { name: "value".to_owned(), multi_valued: false, ..attribute.clone() };
        let whole = Attribute {
            name: attribute.name.clone(),
            kind: Kind::Complex,
            sub_attributes: vec![Arc::new(value)],
            ..Attribute::default()
        };
        Scope::Value(&whole).bind(self)
    }
}

/// What names are looked up in.
#[derive(Clone, Copy)]
enum Scope<'a> {
    Resource(&'a ResourceType),
    Value(&'a Attribute),
}

impl Scope<'_> {
    fn bind(self, filter: &Filter) -> Result<Bound, Error> {
        let all = |parts: &[Filter]| {
            parts.iter().map(|part| self.bind(part)).collect::<Result<Vec<_>, Error>>()
        };
        match filter {
            Filter::And(parts) => Ok(Bound::And(all(parts)?)),
            Filter::Or(parts) => Ok(Bound::Or(all(parts)?)),
            Filter::Not(inner) => Ok(negated(self.bind(inner)?)),
            Filter::Present(path) => self.test(path, |target| Ok(Bound::Present(target))),
            Filter::Compare { path, op, value } => {
                self.test(path, |target| compare(target, *op, value))
            }
            Filter::Any { attribute, filter } => {
                let target = self.complex(attribute)?;
                let filter = Box::new(filter.bind_within(&target.attribute)?);
                Ok(Bound::Any { target, filter })
            }
        }
    }

    /// Asks `test` of what `path` points to. `emails[type eq "work"].value eq "x"` asks both of one
    /// and the same value.
    fn test(
        self,
        path: &Path,
        test: impl FnOnce(Target) -> Result<Bound, Error>,
    ) -> Result<Bound, Error> {
        let at = path.attribute.at;
        let Some(filter) = &path.filter else {
            return self.resolve(&path.attribute).and_then(test).map_err(|error| at.of(error));
        };
        let target = self.complex(&path.attribute)?;
        let within = Scope::Value(&target.attribute);
        let name = path.sub.as_deref().unwrap_or("value").to_owned();
        let sub = within.resolve(&AttrPath { name, ..AttrPath::default() });
        let first = within.bind(filter)?;
        let second = sub.and_then(test).map_err(|error| at.of(error))?;
        Ok(Bound::Any { target, filter: Box::new(Bound::And(vec![first, second])) })
    }

    fn resolve(self, path: &AttrPath) -> Result<Target, Error> {
        let target = match self {
            Self::Resource(rt) => path.resolve(rt),
            Self::Value(attribute) if path.uri.is_none() && path.sub.is_none() => {
                attribute.sub(&path.name).map(Target::of)
            }
            Self::Value(_) => None,
        };
        let visible = |target: &Target| {
            target.attribute.returned != Returned::Never
                && target.leaf().returned != Returned::Never
        };
        target.filter(visible).ok_or_else(|| {
            let shown = echo(&path.to_string());
            Error::filter(match self {
                Self::Resource(rt) => format!("A {} has no attribute `{shown}`.", rt.name()),
                Self::Value(within) => format!("`{}` has no sub-attribute `{shown}`.", within.name),
            })
        })
    }

    fn complex(self, path: &AttrPath) -> Result<Target, Error> {
        let target = self.resolve(path).map_err(|error| path.at.of(error))?;
        if target.leaf().is_complex() && !target.attribute.is_extension() {
            return Ok(target);
        }
        let detail = format!("`{target}` has no values of several parts, so it takes no [filter].");
        Err(path.at.of(Error::filter(detail)))
    }
}

/// Two negations are none.
fn negated(bound: Bound) -> Bound {
    match bound {
        Bound::Not(inner) => *inner,
        other => Bound::Not(Box::new(other)),
    }
}

fn compare(target: Target, op: Operator, value: &Value) -> Result<Bound, Error> {
    if value.is_null() {
        if op == Operator::Eq {
            return Ok(negated(Bound::Present(target)));
        }
        return Err(Error::filter(format!("`{target} {op} null` has no meaning; use eq or ne.")));
    }
    let target = proper_value(target)?;
    let kind = target.leaf().kind;
    let fits = match op {
        Operator::Eq => true,
        Operator::Co | Operator::Sw | Operator::Ew => {
            matches!(kind, Kind::String | Kind::Reference)
        }
        Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le => {
            !matches!(kind, Kind::Boolean | Kind::Binary)
        }
    };
    if !fits {
        let detail = format!("The operator {op} has no meaning for `{target}`, a {}.", kind.name());
        return Err(Error::filter(detail));
    }
    let literal = coerce(target.leaf(), value).ok_or_else(|| {
        Error::filter(format!("`{target}` can be compared with a {} alone.", kind.name()))
    })?;
    Ok(Bound::Compare { target, op, literal })
}

/// A complex attribute stands for its `value`.
fn proper_value(target: Target) -> Result<Target, Error> {
    if !target.leaf().is_complex() {
        return Ok(target);
    }
    if let Some(value) = target.attribute.value().cloned() {
        return Ok(Target { sub: Some(value), ..target });
    }
    let subs: Vec<_> = target.attribute.sub_attributes.iter().map(|s| s.name.as_str()).collect();
    let detail = format!("`{target}` has parts; compare one of them: {}.", subs.join(", "));
    Err(Error::filter(detail))
}

/// The literal in the type of `attribute`; `None` when it is of another.
fn coerce(attribute: &Attribute, value: &Value) -> Option<Literal> {
    match attribute.kind {
        Kind::String | Kind::Reference | Kind::Binary => {
            let text = scalar_text(value)?;
            Some(Literal::Text(if attribute.folds() { fold(&text) } else { text }))
        }
        Kind::Boolean => boolean(value).map(Literal::Boolean),
        Kind::Integer => integer(value).map(Literal::Integer),
        Kind::Decimal => decimal(value)?.as_f64().map(Literal::Decimal),
        Kind::DateTime => time::parse(value.as_str()?).ok().map(Literal::Micros),
        Kind::Complex => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind::InvalidFilter;
    use crate::Schemas;
    use crate::filter::parse;

    fn bind(text: &str) -> Result<Bound, Error> {
        parse(text).unwrap().bind(Schemas::standard().user())
    }

    fn compared(text: &str) -> (String, Operator, Literal) {
        match bind(text).unwrap() {
            Bound::Compare { target, op, literal } => (target.to_string(), op, literal),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_are_resolved_whatever_their_letter_case() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        for (written, meant) in [
            ("USERNAME", "userName".to_owned()),
            (
                "urn:ietf:params:scim:schemas:core:2.0:user:Name.FamilyName",
                "name.familyName".into(),
            ),
            ("emails", "emails.value".into()),
            ("emails.TYPE", "emails.type".into()),
            (&format!("{}:Department", urn.to_uppercase()), format!("{urn}:department")),
            (&format!("{urn}:manager"), format!("{urn}:manager.value")),
        ] {
            assert_eq!(compared(&format!("{written} eq \"x\"")).0, meant);
        }
        let whole = bind(&format!("{urn} pr")).unwrap();
        assert!(matches!(whole, Bound::Present(target) if target.attribute.name == urn));
    }

    #[test]
    fn literals_take_the_type_and_the_form_of_their_attribute() {
        for (filter, literal) in [
            (r#"userName eq "ADA""#, Literal::Text("ada".into())),
            (r#"externalId eq "ADA""#, Literal::Text("ADA".into())),
            ("externalId eq 17", Literal::Text("17".into())),
            (r#"active eq "True""#, Literal::Boolean(true)),
            ("active eq FALSE", Literal::Boolean(false)),
            (r#"meta.created gt "1970-01-01T00:00:01Z""#, Literal::Micros(1_000_000)),
        ] {
            assert_eq!(compared(filter).2, literal, "{filter}");
        }
    }

    #[test]
    fn null_asks_for_presence() {
        assert!(matches!(bind("title ne null"), Ok(Bound::Present(_))));
        assert!(matches!(bind("emails eq null"), Ok(Bound::Not(_))));
        assert!(bind("title gt null").is_err());
    }

    #[test]
    fn a_filter_and_what_follows_it_ask_one_value() {
        let Bound::Any { target, filter } = bind(r#"emails[type eq "Work"].value co "@""#).unwrap()
        else {
            panic!("no value filter")
        };
        assert_eq!(target.to_string(), "emails");
        let Bound::And(parts) = *filter else { panic!("not both") };
        assert!(matches!(&parts[0], Bound::Compare { target, .. } if target.to_string() == "type"));
        assert!(
            matches!(&parts[1], Bound::Compare { target, .. } if target.to_string() == "value")
        );
    }

    #[test]
    fn what_does_not_fit_the_schema_is_refused_by_name() {
        for (filter, named) in [
            (r#"nickname.first eq "x""#, "`nickname.first`"),
            (r#"password eq "x""#, "`password`"),
            (r#"emails[colour eq "x"]"#, "`colour`"),
            (r#"userName[value eq "x"]"#, "`userName`"),
            (r#"name eq "x""#, "familyName"),
            ("active gt true", "`active`"),
            (r#"active co "t""#, "`active`"),
            (r#"active eq "yes""#, "`active`"),
            ("userName eq true", "`userName`"),
            (r#"meta.created eq "today""#, "`meta.created`"),
            (r#"urn:example:unknown:User:x eq "y""#, "urn:example"),
        ] {
            let error = bind(filter).unwrap_err();
            assert_eq!(error.kind, InvalidFilter, "{filter}");
            assert!(error.detail.contains(named), "{filter}: {}", error.detail);
        }
    }
}

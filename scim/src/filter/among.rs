//! A filter over resources of several types at once (RFC 7644 section 3.4.2.1): what it means for each
//! of them.

use super::{AttrPath, Bound, Filter};
use crate::error::Error;
use crate::schema::ResourceType;

/// What a filter means for the resources of one type.
#[derive(Clone, Debug, PartialEq)]
pub enum Fitted {
    /// None of them passes.
    Nothing,
    /// All of them pass.
    Everything,
    /// Those pass that this says.
    Those(Bound),
}

impl Filter {
    /// Fits the filter to the attributes of `rt`, where it is asked of `others` too: an attribute that
    /// `rt` does not have and one of them has is absent from its resources.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub fn bind_among(&self, rt: &ResourceType, others: &[&ResourceType]) -> Result<Fitted, Error> {
        match self {
            Self::And(parts) => {
                let mut all = Vec::new();
                let mut is_nothing = false;
                for part in parts {
                    match part.bind_among(rt, others)? {
                        Fitted::Nothing => is_nothing = true,
                        Fitted::Everything => {}
                        Fitted::Those(bound) => all.push(bound),
                    }
                }
                Ok(if is_nothing {
                    Fitted::Nothing
                } else {
                    joined(all, Bound::And, Fitted::Everything)
                })
            }
            Self::Or(parts) => {
                let mut any = Vec::new();
                let mut is_everything = false;
                for part in parts {
                    match part.bind_among(rt, others)? {
                        Fitted::Nothing => {}
                        Fitted::Everything => is_everything = true,
                        Fitted::Those(bound) => any.push(bound),
                    }
                }
                Ok(if is_everything {
                    Fitted::Everything
                } else {
                    joined(any, Bound::Or, Fitted::Nothing)
                })
            }
            Self::Not(inner) => Ok(match inner.bind_among(rt, others)? {
                Fitted::Nothing => Fitted::Everything,
                Fitted::Everything => Fitted::Nothing,
                Fitted::Those(Bound::Not(inner)) => Fitted::Those(*inner),
                Fitted::Those(bound) => Fitted::Those(Bound::Not(Box::new(bound))),
            }),
            // `x eq null` asks for what is absent.
            Self::Compare { path, value, .. } if is_elsewhere(&path.attribute, rt, others) => {
                Ok(if value.is_null() { Fitted::Everything } else { Fitted::Nothing })
            }
            Self::Present(path) if is_elsewhere(&path.attribute, rt, others) => Ok(Fitted::Nothing),
            Self::Any { attribute, .. } if is_elsewhere(attribute, rt, others) => {
                Ok(Fitted::Nothing)
            }
            Self::Present(_) | Self::Compare { .. } | Self::Any { .. } => {
                self.bind(rt).map(Fitted::Those)
            }
        }
    }
}

/// The parts together, or the only one, or what none of them means.
fn joined(mut parts: Vec<Bound>, by: fn(Vec<Bound>) -> Bound, none: Fitted) -> Fitted {
    match parts.len() {
        0 => none,
        1 => Fitted::Those(parts.remove(0)),
        _ => Fitted::Those(by(parts)),
    }
}

fn is_elsewhere(path: &AttrPath, rt: &ResourceType, others: &[&ResourceType]) -> bool {
    path.resolve(rt).is_none() && others.iter().any(|other| path.resolve(other).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schemas;
    use crate::filter::parse;

    fn fitted(filter: &str) -> [Result<Fitted, Error>; 2] {
        let (user, group) = (Schemas::standard().user(), Schemas::standard().group());
        let filter = parse(filter).unwrap();
        [filter.bind_among(user, &[group]), filter.bind_among(group, &[user])]
    }

    #[test]
    fn what_one_type_does_not_have_is_absent_from_it() {
        use Fitted::{Everything, Nothing};
        let those = |filter: &str, rt: &ResourceType| {
            Ok(Fitted::Those(parse(filter).unwrap().bind(rt).unwrap()))
        };
        let (user, group) = (Schemas::standard().user(), Schemas::standard().group());
        let (name, shown) = (r#"userName eq "a""#, r#"displayName eq "a""#);
        for (filter, of_user, of_group) in [
            (name, those(name, user), Ok(Nothing)),
            (shown, those(shown, user), those(shown, group)),
            ("members pr", Ok(Nothing), those("members pr", group)),
            (r#"not (userName eq "a")"#, those(&format!("not ({name})"), user), Ok(Everything)),
            ("userName eq null", those("userName eq null", user), Ok(Everything)),
            (r#"emails[type eq "work"]"#, those(r#"emails[type eq "work"]"#, user), Ok(Nothing)),
            (
                r#"userName eq "a" or displayName eq "a""#,
                those(&format!("{name} or {shown}"), user),
                those(shown, group),
            ),
            (
                r#"userName eq "a" and displayName eq "a""#,
                those(&format!("{name} and {shown}"), user),
                Ok(Nothing),
            ),
        ] {
            assert_eq!(fitted(filter), [of_user, of_group], "{filter}");
        }
    }

    #[test]
    fn what_no_type_has_is_refused() {
        for filter in ["shoeSize pr", r#"displayName eq "a" or shoeSize eq 5"#, "active gt true"] {
            let [of_user, of_group] = fitted(filter);
            assert!(of_user.is_err() || of_group.is_err(), "{filter}");
        }
    }
}

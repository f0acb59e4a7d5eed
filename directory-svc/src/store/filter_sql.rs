//! Bound filters as parameterised SQL, with the meaning that [`Bound::matches`] gives them.
//!
//! Every value is bound, and so is every path into the search document. SQL's third truth value
//! stands for false: each condition is true or it is not, and a negation asks for `IS NOT TRUE`.
//! The person's row is `u` in the SQL around.

use directory_api::v1::Reason;
use scim::Target;
use scim::filter::{Bound, Literal, Operator};

use super::places::{EMAILS, Place, place};
use crate::ids::{IntegrationId, UserId, WorkspaceId};
use crate::refusal::Refusal;

/// What differs between engines.
pub(super) trait Dialect {
    /// The n-th bound value, counted from 1.
    fn placeholder(number: usize) -> String;
    /// The text that names a place in a JSON document.
    fn json_path(names: &[&str]) -> String;
    /// The value at a path in a JSON document, NULL when there is none.
    fn json_value(document: &str, path: &str) -> String;
    /// The values of the array at a path, as rows of a column `value`; none when there is no array.
    fn json_elements(document: &str, path: &str) -> String;
    /// Whether a text contains another.
    fn contains(text: &str, part: &str) -> String;
    /// Whether a text ends with another, which is not empty.
    fn ends_with(text: &str, end: &str) -> String;
    /// An id as the text that is given out.
    fn id_text(column: &str) -> String;
}

/// A value to be bound.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bind {
    Text(String),
    Integer(i64),
    Decimal(f64),
    Boolean(bool),
    Workspace(WorkspaceId),
    Integration(IntegrationId),
    User(UserId),
}

/// A condition and its values; `text` refers to them by number.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) text: String,
    pub(super) binds: Vec<Bind>,
    /// Whether a range of one column holds all who pass: better found by that column's index and
    /// sorted than in the order of creation, which may lead past everybody.
    pub(super) is_range: bool,
}

/// The condition under which a person of `workspace` passes `filter`, as `viewer` sees externalIds.
/// The first bound value is the workspace.
///
/// # Errors
/// `INVALID_FILTER` for an attribute that no store knows.
pub(super) fn compile<D: Dialect>(
    filter: Option<&Bound>,
    workspace: WorkspaceId,
    viewer: Option<IntegrationId>,
) -> Result<Condition, Refusal> {
    let mut compiler = Compiler::<D> {
        condition: Condition {
            text: String::new(),
            binds: Vec::new(),
            is_range: filter.is_some_and(is_range),
        },
        workspace: String::new(),
        viewer,
        documents: 0,
        dialect: std::marker::PhantomData,
    };
    compiler.workspace = compiler.bind(Bind::Workspace(workspace));
    compiler.condition.text = format!("u.workspace_id = {}", compiler.workspace);
    if let Some(filter) = filter {
        let passes = compiler.filter(filter, &Scope::person())?;
        compiler.condition.text = format!("{} AND ({passes})", compiler.condition.text);
    }
    Ok(compiler.condition)
}

/// One step of the way to a value.
#[derive(Clone, Copy)]
struct Step<'f> {
    name: &'f str,
    is_multi_valued: bool,
}

/// What the names of a filter are relative to.
#[derive(Clone)]
struct Scope<'f> {
    base: Base,
    /// The single-valued complex attribute inside the base that the names belong to.
    within: Vec<Step<'f>>,
}

#[derive(Clone)]
enum Base {
    Person,
    /// A row of [`EMAILS`], by its alias.
    EmailRow(&'static str),
    /// An element of an array: the expression that holds it.
    Element(String),
}

/// What is asked of a value.
#[derive(Clone, Copy)]
enum Test<'f> {
    Present,
    Compare(Operator, &'f Literal),
}

/// What is asked of one value of a multi-valued attribute.
enum Each<'a, 'f> {
    Value { rest: &'a [Step<'f>], test: Test<'f> },
    Passes(&'f Bound),
}

impl<'f> Scope<'f> {
    fn person() -> Self {
        Self { base: Base::Person, within: Vec::new() }
    }

    fn of(base: Base) -> Self {
        Self { base, within: Vec::new() }
    }

    fn steps(&self, target: &'f Target) -> Vec<Step<'f>> {
        let extension =
            target.extension.iter().map(|urn| Step { name: urn, is_multi_valued: false });
        let attributes = [Some(&target.attribute), target.sub.as_ref()].into_iter().flatten();
        let attributes = attributes.map(|attribute| Step {
            name: &attribute.name,
            is_multi_valued: attribute.multi_valued,
        });
        self.within.iter().copied().chain(extension).chain(attributes).collect()
    }
}

fn names<'f>(steps: &[Step<'f>]) -> Vec<&'f str> {
    steps.iter().map(|step| step.name).collect()
}

struct Compiler<D> {
    condition: Condition,
    /// The placeholder of the workspace.
    workspace: String,
    viewer: Option<IntegrationId>,
    /// How many arrays of the search document have been given a name.
    documents: usize,
    dialect: std::marker::PhantomData<D>,
}

impl<D: Dialect> Compiler<D> {
    /// The recursion is as deep as the filter, which `scim::limits::FILTER_DEPTH` bounds.
    fn filter<'f>(&mut self, filter: &'f Bound, scope: &Scope<'f>) -> Result<String, Refusal> {
        match filter {
            Bound::And(all) => self.joined(all, " AND ", scope),
            Bound::Or(any) => self.joined(any, " OR ", scope),
            Bound::Not(inner) => Ok(format!("({}) IS NOT TRUE", self.filter(inner, scope)?)),
            Bound::Present(target) => self.value(&scope.steps(target), scope, Test::Present),
            Bound::Compare { target, op, literal } => {
                self.value(&scope.steps(target), scope, Test::Compare(*op, literal))
            }
            Bound::Any { target, filter } => {
                let steps = scope.steps(target);
                if steps.iter().any(|step| step.is_multi_valued) {
                    return self.any(&steps, scope, &Each::Passes(filter));
                }
                let is_there = self.value(&steps, scope, Test::Present)?;
                let inside = Scope { base: scope.base.clone(), within: steps };
                Ok(format!("({is_there}) AND ({})", self.filter(filter, &inside)?))
            }
        }
    }

    fn joined<'f>(
        &mut self,
        parts: &'f [Bound],
        by: &str,
        scope: &Scope<'f>,
    ) -> Result<String, Refusal> {
        let parts = parts.iter().map(|part| Ok(format!("({})", self.filter(part, scope)?)));
        Ok(parts.collect::<Result<Vec<_>, Refusal>>()?.join(by))
    }

    /// A value at the end of `steps`, or any one where a step is multi-valued.
    fn value<'f>(
        &mut self,
        steps: &[Step<'f>],
        scope: &Scope<'f>,
        test: Test<'f>,
    ) -> Result<String, Refusal> {
        if let Some(multi) = steps.iter().position(|step| step.is_multi_valued) {
            let (upto, rest) = steps.split_at(multi + 1);
            return self.any(upto, scope, &Each::Value { rest, test });
        }
        let names = names(steps);
        match &scope.base {
            Base::Person => self.of_person(&names, test),
            Base::EmailRow(alias) => Ok(match names.first().and_then(|sub| EMAILS.column(sub)) {
                Some(column) => self.test(&format!("{alias}.{column}"), test),
                None => "TRUE".to_owned(),
            }),
            Base::Element(element) if names.is_empty() => Ok(self.test(element, test)),
            Base::Element(element) => Ok(self.in_document(element, &names, test)),
        }
    }

    fn of_person(&mut self, names: &[&str], test: Test<'_>) -> Result<String, Refusal> {
        Ok(match (place(names), test) {
            (Place::Column(column), _) => self.test(&format!("u.{column}"), test),
            (Place::Always | Place::Id | Place::Version | Place::Same(_), Test::Present) => {
                "TRUE".to_owned()
            }
            (Place::Id, Test::Compare(Operator::Eq, Literal::Text(id))) => {
                match id.parse().map(|id| self.bind(Bind::User(id))) {
                    Ok(id) => format!("u.id = {id}"),
                    Err(_) => "FALSE".to_owned(),
                }
            }
            (Place::Id, _) => self.test(&D::id_text("u.id"), test),
            (Place::Version, _) => self.test("('W/\"' || u.revision || '\"')", test),
            (Place::Same(value), _) => {
                let value = self.bind(Bind::Text(value.to_owned()));
                self.test(&value, test)
            }
            (Place::ExternalId, _) => self.external_id(test),
            (Place::Document | Place::Always, _) => self.in_document("u.search", names, test),
            (Place::Unknown, _) => return Err(unknown(names)),
        })
    }

    fn external_id(&mut self, test: Test<'_>) -> String {
        let Some(viewer) = self.viewer else { return "FALSE".to_owned() };
        let viewer = self.bind(Bind::Integration(viewer));
        let test = self.test("x.external_id", test);
        let workspace = &self.workspace;
        format!(
            "u.id IN (SELECT x.user_id FROM binding x WHERE x.workspace_id = {workspace} \
             AND x.integration_id = {viewer} AND {test})"
        )
    }

    fn in_document(&mut self, document: &str, names: &[&str], test: Test<'_>) -> String {
        let path = self.bind(Bind::Text(D::json_path(names)));
        self.test(&D::json_value(document, &path), test)
    }

    /// One value of the attribute at the end of `steps` is as `each` asks.
    fn any<'f>(
        &mut self,
        steps: &[Step<'f>],
        scope: &Scope<'f>,
        each: &Each<'_, 'f>,
    ) -> Result<String, Refusal> {
        let names = names(steps);
        if matches!(scope.base, Base::Person)
            && names == [EMAILS.attribute]
            && each.is_in_email_rows()
        {
            let inner = self.each(each, &Scope::of(Base::EmailRow("e")))?;
            let (table, workspace) = (EMAILS.table, &self.workspace);
            return Ok(format!(
                "u.id IN (SELECT e.user_id FROM {table} e WHERE e.workspace_id = {workspace} \
                 AND ({inner}))"
            ));
        }
        self.documents += 1;
        let alias = format!("j{}", self.documents);
        let path = self.bind(Bind::Text(D::json_path(&names)));
        let elements = match &scope.base {
            Base::Element(element) => D::json_elements(element, &path),
            // A row of an e-mail address has no array in it, so it is never asked here.
            Base::Person | Base::EmailRow(_) => D::json_elements("u.search", &path),
        };
        let inner = self.each(each, &Scope::of(Base::Element(format!("{alias}.value"))))?;
        Ok(format!("EXISTS (SELECT 1 FROM {elements} AS {alias} WHERE {inner})"))
    }

    fn each<'f>(&mut self, each: &Each<'_, 'f>, scope: &Scope<'f>) -> Result<String, Refusal> {
        match each {
            Each::Value { rest, test } => self.value(rest, scope, *test),
            Each::Passes(filter) => self.filter(filter, scope),
        }
    }

    fn test(&mut self, value: &str, test: Test<'_>) -> String {
        let Test::Compare(op, literal) = test else { return format!("{value} IS NOT NULL") };
        let part = match literal {
            Literal::Text(part) => Some(part.as_str()),
            _ => None,
        };
        if part == Some("") && matches!(op, Operator::Co | Operator::Sw | Operator::Ew) {
            return format!("{value} IS NOT NULL");
        }
        if let (Operator::Sw, Some(prefix)) = (op, part) {
            return self.begins_with(value, prefix);
        }
        let literal = self.literal(literal);
        match op {
            Operator::Eq => format!("{value} = {literal}"),
            Operator::Gt => format!("{value} > {literal}"),
            Operator::Ge => format!("{value} >= {literal}"),
            Operator::Lt => format!("{value} < {literal}"),
            Operator::Le => format!("{value} <= {literal}"),
            Operator::Co | Operator::Sw => D::contains(value, &literal),
            Operator::Ew => D::ends_with(value, &literal),
        }
    }

    /// As a range, which an index serves.
    fn begins_with(&mut self, value: &str, prefix: &str) -> String {
        let from = self.bind(Bind::Text(prefix.to_owned()));
        match behind(prefix).map(|end| self.bind(Bind::Text(end))) {
            Some(end) => format!("({value} >= {from} AND {value} < {end})"),
            None => format!("{value} >= {from}"),
        }
    }

    fn literal(&mut self, literal: &Literal) -> String {
        self.bind(match literal {
            Literal::Text(text) => Bind::Text(text.clone()),
            Literal::Integer(number) | Literal::Micros(number) => Bind::Integer(*number),
            Literal::Decimal(number) => Bind::Decimal(*number),
            Literal::Boolean(truth) => Bind::Boolean(*truth),
        })
    }

    fn bind(&mut self, value: Bind) -> String {
        self.condition.binds.push(value);
        D::placeholder(self.condition.binds.len())
    }
}

impl Each<'_, '_> {
    /// Whether the rows of e-mail addresses hold all that is asked.
    fn is_in_email_rows(&self) -> bool {
        match self {
            Each::Value { rest: [], test } => matches!(test, Test::Present),
            Each::Value { rest: [sub], .. } => EMAILS.column(sub.name).is_some(),
            Each::Value { .. } => false,
            Each::Passes(filter) => asks_email_rows(filter),
        }
    }
}

fn is_range(filter: &Bound) -> bool {
    match filter {
        Bound::And(parts) => parts.iter().any(is_range),
        Bound::Compare { target, op, .. } => {
            let names = names(&Scope::person().steps(target));
            let is_column = matches!(place(&names), Place::Column(_));
            is_column && !matches!(op, Operator::Eq | Operator::Co | Operator::Ew)
        }
        _ => false,
    }
}

/// Whether an index finds who passes, in every engine: else everybody is read.
pub(crate) fn is_served(filter: &Bound) -> bool {
    let is_column = |target: &Target| {
        let place = place(&names(&Scope::person().steps(target)));
        matches!(place, Place::Column(_) | Place::Id | Place::ExternalId)
    };
    let is_address = |target: &Target| {
        target.attribute.name == EMAILS.attribute
            && target.sub.as_ref().is_none_or(|sub| sub.name == "value")
    };
    match filter {
        Bound::And(parts) => parts.iter().any(is_served),
        Bound::Or(parts) => parts.iter().all(is_served),
        Bound::Compare { target, op: Operator::Eq, .. } => is_column(target) || is_address(target),
        Bound::Any { target, filter } if is_address(target) => {
            let is_value = |part: &Bound| {
                matches!(part, Bound::Compare { target, op: Operator::Eq, .. }
                    if target.attribute.name == "value")
            };
            match &**filter {
                Bound::And(parts) => parts.iter().any(is_value),
                one => is_value(one),
            }
        }
        other => is_range(other),
    }
}

fn asks_email_rows(filter: &Bound) -> bool {
    match filter {
        Bound::And(parts) | Bound::Or(parts) => parts.iter().all(asks_email_rows),
        Bound::Not(inner) => asks_email_rows(inner),
        Bound::Present(target) | Bound::Compare { target, .. } => {
            target.sub.is_none() && EMAILS.column(&target.attribute.name).is_some()
        }
        Bound::Any { .. } => false,
    }
}

/// The first text behind all that begin with `prefix`, by code point; `None` when there is none.
fn behind(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

fn unknown(names: &[&str]) -> Refusal {
    let detail = format!("{} cannot be filtered by. Filter by id instead.", names.join("."));
    Refusal::new(Reason::InvalidFilter, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_code_point() {
        assert_eq!(behind("ab").as_deref(), Some("ac"));
        assert_eq!(behind("a\u{d7ff}").as_deref(), Some("a\u{e000}"), "no surrogate between");
        assert_eq!(behind("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(behind("\u{10ffff}"), None);
        assert_eq!(behind(""), None);
    }
}

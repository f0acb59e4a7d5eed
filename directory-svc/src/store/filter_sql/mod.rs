//! Bound filters as parameterised SQL, with the meaning that [`Bound::matches`] gives them.
//!
//! Every value is bound, and so is every path into the search document. SQL's third truth value
//! stands for false: each condition is true or it is not, and a negation asks for `IS NOT TRUE`.
//! The resource's row is [`Kind::alias`] in the SQL around.

mod dialect;
mod order;
mod page;
mod served;

pub(super) use dialect::{Bind, Condition, Dialect, Form};
use directory_api::v1::Reason;
use order::{Order, number};
pub(super) use page::{Source, Statement, any_page_and_counts, page_and_count};
use scim::filter::{Bound, Literal, Operator};
use scim::{Sort, Target};
pub(crate) use served::is_served;

use super::Kind;
use super::places::{Column, Place, Rows, RowsOf, place, rows};
use crate::ids::{IntegrationId, WorkspaceId};
use crate::refusal::Refusal;

/// The condition under which a resource of `workspace` passes `filter`, as `viewer` sees externalIds.
/// With it, the order that `sort` asks for. The values follow those of `before`, the statement's so far.
///
/// # Errors
/// `INVALID_FILTER` for an attribute that no store knows, `INVALID_VALUE` for one that none can sort by.
pub(super) fn compile<D: Dialect>(
    kind: Kind,
    filter: Option<&Bound>,
    sort: Option<&Sort>,
    workspace: WorkspaceId,
    viewer: Option<IntegrationId>,
    before: Vec<Bind>,
) -> Result<Condition, Refusal> {
    let mut compiler = Compiler::<D> {
        condition: Condition {
            text: String::new(),
            binds: before,
            is_range: filter.is_some_and(|filter| served::is_range(kind, filter)),
            order: None,
            filtered: 0,
        },
        kind,
        workspace: String::new(),
        viewer,
        documents: 0,
        dialect: std::marker::PhantomData,
    };
    compiler.workspace = compiler.bind(Bind::Workspace(workspace));
    compiler.condition.text = format!("{}.workspace_id = {}", kind.alias(), compiler.workspace);
    if let Some(filter) = filter {
        let passes = compiler.filter(filter, &Scope::of(Base::Resource))?;
        compiler.condition.text = format!("{} AND ({passes})", compiler.condition.text);
    }
    compiler.condition.filtered = compiler.condition.binds.len();
    compiler.condition.order = sort.map(|sort| compiler.order(sort)).transpose()?;
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
    Resource,
    /// A row that holds a value.
    Row(&'static Rows),
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
    kind: Kind,
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
            Base::Resource => self.of_resource(&names, test),
            Base::Row(rows) => match (names.first().and_then(|sub| rows.column(sub)), test) {
                (Some(Column::Text(column)), _) => Ok(self.test(column, test)),
                (Some(Column::Id(column)), _) => Ok(self.id(column, test)),
                // Whether there is a value at all: the row is one.
                (None, Test::Present) => Ok("TRUE".to_owned()),
                (None, Test::Compare(..)) => Err(unknown(&[&[rows.attribute], &*names].concat())),
            },
            Base::Element(element) if names.is_empty() => {
                Ok(self.test(&D::json_value(element, None, form(test)), test))
            }
            Base::Element(element) => Ok(self.in_document(element, &names, test)),
        }
    }

    fn of_resource(&mut self, names: &[&str], test: Test<'_>) -> Result<String, Refusal> {
        let row = self.kind.alias();
        Ok(match (place(self.kind, names), test) {
            (Place::Column(column), _) => self.test(&format!("{row}.{column}"), test),
            (Place::Always | Place::Id | Place::Version | Place::Same(_), Test::Present) => {
                "TRUE".to_owned()
            }
            (Place::Id, _) => self.id(&format!("{row}.id"), test),
            (Place::Version, _) => {
                let tag = format!("('W/\"' || {row}.revision || '\"'){}", D::BY_CODE_POINT);
                self.test(&tag, test)
            }
            (Place::Same(value), _) => {
                let value = self.bind(Bind::Text(value.to_owned()));
                self.test(&format!("{value}{}", D::BY_CODE_POINT), test)
            }
            (Place::BoundExternalId, _) => self.bound_external_id(test),
            (Place::ExternalId, _) => self.external_id(test),
            (Place::Document | Place::Always, _) => {
                self.in_document(&format!("{row}.search"), names, test)
            }
            (Place::Unknown, _) => return Err(unknown(names)),
        })
    }

    /// An id is compared as an id where it can be, and else as the text that is given out.
    fn id(&mut self, column: &str, test: Test<'_>) -> String {
        match test {
            Test::Compare(Operator::Eq, Literal::Text(id)) => {
                match id.parse().map(|id| self.bind(Bind::Member(id))) {
                    Ok(id) => format!("{column} = {id}"),
                    Err(_) => "FALSE".to_owned(),
                }
            }
            Test::Present => "TRUE".to_owned(),
            Test::Compare(..) => self.test(&D::id_text(column), test),
        }
    }

    fn external_id(&mut self, test: Test<'_>) -> String {
        let Some(viewer) = self.viewer else { return "FALSE".to_owned() };
        let viewer = self.bind(Bind::Integration(viewer));
        let row = self.kind.alias();
        let test = self.test(&format!("{row}.external_id"), test);
        format!("{row}.integration_id = {viewer} AND {test}")
    }

    fn bound_external_id(&mut self, test: Test<'_>) -> String {
        let Some(viewer) = self.viewer else { return "FALSE".to_owned() };
        let viewer = self.bind(Bind::Integration(viewer));
        let test = self.test("b2.external_id", test);
        let (row, workspace) = (self.kind.alias(), &self.workspace);
        let bound = format!(
            "SELECT b2.user_id FROM binding b2 WHERE b2.workspace_id = {workspace} \
             AND b2.integration_id = {viewer} AND {test}"
        );
        D::one_of(&format!("{row}.id"), &bound)
    }

    fn in_document(&mut self, document: &str, names: &[&str], test: Test<'_>) -> String {
        let path = self.bind(Bind::Text(D::json_path(names)));
        self.test(&D::json_value(document, Some(&path), form(test)), test)
    }

    /// One value of the attribute at the end of `steps` is as `each` asks.
    fn any<'f>(
        &mut self,
        steps: &[Step<'f>],
        scope: &Scope<'f>,
        each: &Each<'_, 'f>,
    ) -> Result<String, Refusal> {
        let names = names(steps);
        if let (Base::Resource, [name]) = (&scope.base, &*names)
            && let Some(rows) = rows(self.kind, name)
            && (rows.is_whole || served::is_in_rows(each, rows))
        {
            return self.any_row(rows, each);
        }
        self.documents += 1;
        let alias = format!("j{}", self.documents);
        let path = self.bind(Bind::Text(D::json_path(&names)));
        let elements = match &scope.base {
            Base::Element(element) => D::json_elements(element, &path),
            // A row has no array in it, so it is never asked here.
            Base::Resource | Base::Row(_) => {
                D::json_elements(&format!("{}.search", self.kind.alias()), &path)
            }
        };
        let inner = self.each(each, &Scope::of(Base::Element(format!("{alias}.value"))))?;
        Ok(format!("EXISTS (SELECT 1 FROM {elements} AS {alias} WHERE {inner})"))
    }

    /// One of the rows is as `each` asks.
    fn any_row(&mut self, rows: &'static Rows, each: &Each<'_, '_>) -> Result<String, Refusal> {
        let (row, join) = (self.kind.alias(), D::ORDERED_JOIN);
        let workspace = self.workspace.clone();
        match rows.of {
            RowsOf::Table { table, owner } => {
                let inner = self.each(each, &Scope::of(Base::Row(rows)))?;
                let (alias, _) = owner.split_once('.').unwrap_or_default();
                let owners = format!(
                    "SELECT {owner} FROM {table} WHERE {alias}.workspace_id = {workspace} \
                     AND ({inner})"
                );
                Ok(D::one_of(&format!("{row}.id"), &owners))
            }
            RowsOf::Memberships => {
                if let Some(group) = served::value_asked(each) {
                    return Ok(self.within(group));
                }
                let inner = self.each(each, &Scope::of(Base::Row(rows)))?;
                Ok(format!(
                    "EXISTS (WITH RECURSIVE up(id) AS (SELECT m.group_id FROM group_member m \
                     WHERE m.workspace_id = {workspace} AND m.member_id = {row}.id \
                     UNION SELECT m.group_id FROM up {join} group_member m \
                     ON m.workspace_id = {workspace} AND m.member_id = up.id) \
                     SELECT 1 FROM up {join} scim_group x \
                     ON x.workspace_id = {workspace} AND x.id = up.id WHERE {inner})"
                ))
            }
        }
    }

    /// That the resource belongs to this group, from the group downwards.
    fn within(&mut self, group: &str) -> String {
        let Ok(group) = group.parse() else { return "FALSE".to_owned() };
        let group = self.bind(Bind::Member(group));
        let (row, workspace, join) = (self.kind.alias(), &self.workspace, D::ORDERED_JOIN);
        let within = format!(
            "WITH RECURSIVE down(id) AS (SELECT x.id FROM scim_group x \
             WHERE x.workspace_id = {workspace} AND x.id = {group} \
             UNION SELECT m.member_id FROM down {join} group_member m \
             ON m.workspace_id = {workspace} AND m.group_id = down.id WHERE m.kind = 'group') \
             SELECT m.member_id FROM down {join} group_member m \
             ON m.workspace_id = {workspace} AND m.group_id = down.id"
        );
        D::one_of(&format!("{row}.id"), &within)
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
        if let Some((before, _)) = part.and_then(|part| part.split_once('\0')) {
            // No text holds a NUL: none is equal to one that does, and it lies right behind what it begins with.
            let before = self.bind(Bind::Text(before.to_owned()));
            return match op {
                Operator::Gt | Operator::Ge => format!("{value} > {before}"),
                Operator::Lt | Operator::Le => format!("{value} <= {before}"),
                Operator::Eq | Operator::Co | Operator::Sw | Operator::Ew => "FALSE".to_owned(),
            };
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

/// As what a value is asked for.
fn form(test: Test<'_>) -> Form {
    match test {
        Test::Present | Test::Compare(_, Literal::Text(_)) => Form::Text,
        Test::Compare(_, Literal::Boolean(_)) => Form::Truth,
        Test::Compare(_, Literal::Integer(_) | Literal::Micros(_) | Literal::Decimal(_)) => {
            Form::Number
        }
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
    Refusal::new(Reason::InvalidFilter, detail).at("filter")
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

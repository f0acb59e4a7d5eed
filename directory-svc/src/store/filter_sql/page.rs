//! The statements of a page of people, of groups or of both.

use scim::filter::Fitted;

use super::{Bind, Condition, Dialect, Order, compile, number};
use crate::ids::WorkspaceId;
use crate::refusal::Refusal;
use crate::store::words::Word;
use crate::store::{AnyQuery, Kind, Mark, Query, Start};

/// Where the rows of a kind come from.
pub(in crate::store) struct Source {
    pub(in crate::store) kind: Kind,
    /// The table, under [`Kind::alias`], and what a row is read with.
    pub(in crate::store) from: &'static str,
    /// The columns that a row is read from.
    pub(in crate::store) columns: &'static str,
    /// The table alone, under the same alias.
    pub(in crate::store) table: &'static str,
}

/// A statement and its values.
pub(in crate::store) struct Statement {
    pub(in crate::store) sql: String,
    pub(in crate::store) binds: Vec<Bind>,
}

/// A page, one row more than asked for, and the count of all. The last two columns of a row are its mark.
///
/// # Errors
/// As [`compile`].
pub(in crate::store) fn page_and_count<D: Dialect>(
    source: &Source,
    workspace: WorkspaceId,
    query: &Query,
) -> Result<(Statement, Statement), Refusal> {
    let Source { kind, from, columns, table } = source;
    let (filter, sort) = (query.filter.as_ref(), query.sort.as_ref());
    let condition = compile::<D>(*kind, filter, sort, workspace, query.viewer, Vec::new())?;
    let Condition { text: passes, mut binds, is_range, order, filtered } = condition;
    let count_binds = binds[..filtered].to_vec();
    let mut bind = |value: Bind| {
        binds.push(value);
        D::placeholder(binds.len())
    };
    let seq = format!("{}.seq", kind.alias());
    let seq = if is_range || order.is_some() { D::not_by_index(&seq) } else { seq };
    let limit = bind(Bind::Integer(i64::from(query.limit) + 1));
    let key = order.as_ref().map_or("NULL", |order| &order.key);
    let by = order.as_ref().map_or_else(|| seq.clone(), |order| order.by(&seq));
    let (after, offset) = match &query.start {
        Start::After(mark) if *mark == Mark::of(0) => (String::new(), String::new()),
        Start::After(mark) => {
            let after = match &order {
                Some(order) => order.after(mark, &seq, bind),
                None => format!("{seq} > {}", bind(Bind::Integer(number(mark.seq)))),
            };
            (format!("AND {after}"), String::new())
        }
        Start::Skip(rows) => {
            (String::new(), format!("OFFSET {}", bind(Bind::Integer(number(*rows)))))
        }
    };
    let page = format!(
        "SELECT {columns}, {key}, {}.seq FROM {from} WHERE {passes} {after} ORDER BY {by} \
         LIMIT {limit} {offset}",
        kind.alias()
    );
    let count = format!("SELECT count(*) FROM {table} WHERE {passes}");
    Ok((Statement { sql: page, binds }, Statement { sql: count, binds: count_binds }))
}

/// A page of people and groups, one row more than asked for (kind, id and the mark), and the counts that
/// together are that of all; `None`: none of either is asked for.
///
/// # Errors
/// As [`compile`].
pub(in crate::store) fn any_page_and_counts<D: Dialect>(
    sources: [&Source; 2],
    workspace: WorkspaceId,
    query: &AnyQuery,
) -> Result<Option<(Statement, Vec<Statement>)>, Refusal> {
    let mut binds = Vec::new();
    let (mut rows, mut counts) = (Vec::new(), Vec::new());
    let mut is_descending = false;
    for (at, (source, fitted)) in sources.into_iter().zip([&query.users, &query.groups]).enumerate()
    {
        let filter = match fitted {
            Fitted::Nothing => continue,
            Fitted::Everything => None,
            Fitted::Those(bound) => Some(bound),
        };
        let sort = query.sort.as_ref().and_then(|sorts| sorts[at].as_ref());
        is_descending |= sort.is_some_and(|sort| sort.is_descending);
        let Source { kind, from, table, .. } = source;
        let count = compile::<D>(*kind, filter, None, workspace, query.viewer, Vec::new())?;
        let sql = format!("SELECT count(*) FROM {table} WHERE {}", count.text);
        counts.push(Statement { sql, binds: count.binds });
        let condition = compile::<D>(*kind, filter, sort, workspace, query.viewer, binds)?;
        let key = condition.order.as_ref().map_or("NULL", |order| &order.key);
        let row = kind.alias();
        rows.push(format!(
            "SELECT '{}' AS kind, {row}.id AS id, {key} AS key, {row}.seq AS seq FROM {from} \
             WHERE {}",
            kind.word(),
            condition.text
        ));
        binds = condition.binds;
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let mut bind = |value: Bind| {
        binds.push(value);
        D::placeholder(binds.len())
    };
    let order = Order::of_key(is_descending);
    let limit = bind(Bind::Integer(i64::from(query.limit) + 1));
    let (after, offset) = match &query.start {
        Start::After(mark) if *mark == Mark::of(0) => (String::new(), String::new()),
        Start::After(mark) => (format!("WHERE {}", order.after(mark, "seq", bind)), String::new()),
        Start::Skip(rows) => {
            (String::new(), format!("OFFSET {}", bind(Bind::Integer(number(*rows)))))
        }
    };
    let sql = format!(
        "SELECT kind, id, key, seq FROM ({}) AS found {after} ORDER BY {} LIMIT {limit} {offset}",
        rows.join(" UNION ALL "),
        order.by("seq")
    );
    Ok(Some((Statement { sql, binds }, counts)))
}

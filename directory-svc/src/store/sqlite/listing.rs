//! Pages of people and of groups, filtered and sorted by the engine.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params, params_from_iter};
use scim::filter::Fitted;
use uuid::Uuid;

use super::counts;
use super::dialect::Sqlite;
use super::statement::all;
use crate::ids::{MemberId, WorkspaceId};
use crate::store::filter_sql::{Bind, Condition, Dialect, Order, compile, number};
use crate::store::words::Word;
use crate::store::{Answer, AnyQuery, Kind, Mark, Page, Query, SortKey, Start};

/// Where the rows of a kind come from.
pub(super) struct Source {
    pub(super) kind: Kind,
    /// The table, under [`Kind::alias`], and what a row is read with.
    pub(super) from: &'static str,
    /// The columns that a row is read from.
    pub(super) columns: &'static str,
    /// The table alone, under the same alias.
    pub(super) table: &'static str,
}

/// A page. One row more than asked for tells whether more follow.
pub(super) fn page<T>(
    connection: &Connection,
    workspace: WorkspaceId,
    source: &Source,
    query: &Query,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Answer<Page<T>> {
    let is_whole = query.filter.is_none() && query.sort.is_none();
    if let (true, Start::Skip(rows)) = (is_whole, &query.start)
        && *rows > 0
    {
        return nth_page(connection, workspace, source, query, *rows, read);
    }
    let Statements { page, page_binds, count, count_binds } = statements(source, workspace, query)?;
    let limit = query.limit as usize;
    let mut found =
        all(connection, &page, params_from_iter(page_binds), |row| Ok((read(row)?, mark(row)?)))?;
    let more = found.len() > limit;
    found.truncate(limit);
    let is_begun = match &query.start {
        Start::After(mark) => *mark != Mark::of(0),
        Start::Skip(rows) => *rows > 0,
    };
    let total = if is_whole {
        counts::total(connection, workspace, source.kind)?
    } else if is_begun || more {
        let mut count = connection.prepare_cached(&count)?;
        count.query_row(params_from_iter(count_binds), |row| row.get(0))?
    } else {
        found.len() as u64
    };
    let (rows, marks) = found.into_iter().unzip();
    Ok(Page { rows, marks, total, more })
}

/// The page of everybody that begins behind so many: found by the counters, not by walking there.
fn nth_page<T>(
    connection: &Connection,
    workspace: WorkspaceId,
    source: &Source,
    query: &Query,
    skip: u64,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Answer<Page<T>> {
    let total = counts::total(connection, workspace, source.kind)?;
    let Some((from, rest)) = counts::place(connection, workspace, source.kind, skip)? else {
        return Ok(Page { rows: Vec::new(), marks: Vec::new(), total, more: false });
    };
    let Source { from: tables, columns, kind, .. } = source;
    let row = kind.alias();
    let sql = format!(
        "SELECT {columns}, NULL, {row}.seq FROM {tables} WHERE {row}.workspace_id = ?1 \
         AND {row}.seq >= ?2 ORDER BY {row}.seq LIMIT ?3 OFFSET ?4"
    );
    let limit = query.limit as usize;
    let binds = params![workspace, from, u64::from(query.limit) + 1, rest];
    let mut found = all(connection, &sql, binds, |row| Ok((read(row)?, mark(row)?)))?;
    let more = found.len() > limit;
    found.truncate(limit);
    let (rows, marks) = found.into_iter().unzip();
    Ok(Page { rows, marks, total, more })
}

/// The place of a row, from its last two columns.
fn mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    let columns = row.as_ref().column_count();
    let key = match row.get_ref(columns - 2)? {
        ValueRef::Null => SortKey::None,
        ValueRef::Integer(number) => SortKey::Integer(number),
        ValueRef::Real(number) => SortKey::Decimal(number),
        ValueRef::Text(text) => SortKey::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(id) => Uuid::from_slice(id).map_or(SortKey::None, SortKey::Id),
    };
    Ok(Mark { key, seq: row.get(columns - 1)? })
}

/// A page of ids of people and groups, which both sources together answer.
pub(super) fn page_of_any(
    connection: &Connection,
    workspace: WorkspaceId,
    sources: [&Source; 2],
    query: &AnyQuery,
) -> Answer<Page<(Kind, MemberId)>> {
    let mut binds = Vec::new();
    let (mut rows, mut counts) = (Vec::new(), Vec::new());
    let (mut total, mut is_descending) = (0, false);
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
        let count = compile::<Sqlite>(*kind, filter, None, workspace, query.viewer, Vec::new())?;
        counts.push((format!("SELECT count(*) FROM {table} WHERE {}", count.text), count.binds));
        let condition = compile::<Sqlite>(*kind, filter, sort, workspace, query.viewer, binds)?;
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
    for (count, binds) in counts {
        let mut count = connection.prepare_cached(&count)?;
        total += count.query_row(params_from_iter(binds), |row| row.get::<_, u64>(0))?;
    }
    if rows.is_empty() {
        return Ok(Page { rows: Vec::new(), marks: Vec::new(), total: 0, more: false });
    }
    let mut bind = |value: Bind| {
        binds.push(value);
        Sqlite::placeholder(binds.len())
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
    let page = format!(
        "SELECT kind, id, key, seq FROM ({}) {after} ORDER BY {} LIMIT {limit} {offset}",
        rows.join(" UNION ALL "),
        order.by("seq")
    );
    let mut found = all(connection, &page, params_from_iter(binds), |row| {
        Ok(((row.get(0)?, row.get(1)?), mark(row)?))
    })?;
    let more = found.len() > query.limit as usize;
    found.truncate(query.limit as usize);
    let (rows, marks) = found.into_iter().unzip();
    Ok(Page { rows, marks, total, more })
}

/// How the engine would go about the query: the steps of its plan for the page and the count.
#[cfg(test)]
pub(super) fn explain(
    connection: &Connection,
    workspace: WorkspaceId,
    source: &Source,
    query: &Query,
) -> Answer<Vec<String>> {
    let Statements { page, page_binds, count, count_binds } = statements(source, workspace, query)?;
    let mut steps = Vec::new();
    for (sql, binds) in [(page, page_binds), (count, count_binds)] {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        steps.extend(all(connection, &sql, params_from_iter(binds), |row| row.get(3))?);
    }
    Ok(steps)
}

struct Statements {
    page: String,
    page_binds: Vec<Bind>,
    count: String,
    count_binds: Vec<Bind>,
}

fn statements(source: &Source, workspace: WorkspaceId, query: &Query) -> Answer<Statements> {
    let Source { kind, from, columns, table } = source;
    let (filter, sort) = (query.filter.as_ref(), query.sort.as_ref());
    let condition = compile::<Sqlite>(*kind, filter, sort, workspace, query.viewer, Vec::new())?;
    let Condition { text: passes, binds, is_range, order, filtered } = condition;
    let count_binds = binds[..filtered].to_vec();
    let mut page_binds = binds;
    let mut bind = |value: Bind| {
        page_binds.push(value);
        Sqlite::placeholder(page_binds.len())
    };
    // The sign takes the index of the column out of the engine's choice.
    let sign = if is_range || order.is_some() { "+" } else { "" };
    let seq = format!("{sign}{}.seq", kind.alias());
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
    Ok(Statements {
        page: format!(
            "SELECT {columns}, {key}, {}.seq FROM {from} WHERE {passes} {after} ORDER BY {by} \
             LIMIT {limit} {offset}",
            kind.alias()
        ),
        page_binds,
        count: format!("SELECT count(*) FROM {table} WHERE {passes}"),
        count_binds,
    })
}

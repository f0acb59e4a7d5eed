//! Pages of people and of groups, filtered by the engine.

use rusqlite::{Connection, Row, params_from_iter};

use super::dialect::Sqlite;
use super::statement::all;
use crate::ids::WorkspaceId;
use crate::store::filter_sql::{Bind, compile};
use crate::store::{Answer, Kind, Page, Query, Start};

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
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Answer<Page<T>> {
    let Statements { page, page_binds, count, count_binds } = statements(source, workspace, query)?;
    let limit = query.limit as usize;
    let mut rows = all(connection, &page, params_from_iter(page_binds), read)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let is_all = !more && matches!(query.start, Start::After(0) | Start::Skip(0));
    let total = if is_all {
        rows.len() as u64
    } else {
        let mut count = connection.prepare_cached(&count)?;
        count.query_row(params_from_iter(count_binds), |row| row.get(0))?
    };
    Ok(Page { rows, total, more })
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
    let condition = compile::<Sqlite>(*kind, query.filter.as_ref(), workspace, query.viewer)?;
    let passes = condition.text;
    // The sign takes the index of the column out of the engine's choice.
    let sign = if condition.is_range { "+" } else { "" };
    let seq = format!("{sign}{}.seq", kind.alias());
    let (count_binds, mut page_binds) = (condition.binds.clone(), condition.binds);
    let mut bind = |number: u64| {
        page_binds.push(Bind::Integer(i64::try_from(number).unwrap_or(i64::MAX)));
        format!("?{}", page_binds.len())
    };
    let limit = bind(u64::from(query.limit) + 1);
    let start = match query.start {
        Start::After(after) => {
            format!("AND {seq} > {} ORDER BY {seq} LIMIT {limit}", bind(after))
        }
        Start::Skip(rows) => format!("ORDER BY {seq} LIMIT {limit} OFFSET {}", bind(rows)),
    };
    Ok(Statements {
        page: format!("SELECT {columns} FROM {from} WHERE {passes} {start}"),
        page_binds,
        count: format!("SELECT count(*) FROM {table} WHERE {passes}"),
        count_binds,
    })
}

//! Pages of people and of groups, filtered and sorted by the engine.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params, params_from_iter};
use uuid::Uuid;

use super::counts;
use super::dialect::Sqlite;
use super::statement::all;
use crate::ids::{MemberId, WorkspaceId};
use crate::store::filter_sql::{Source, Statement, any_page_and_counts, page_and_count};
use crate::store::{Answer, AnyQuery, Kind, Mark, Page, Query, SortKey, Start};

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
    let (page, counted) = page_and_count::<Sqlite>(source, workspace, query)?;
    let limit = query.limit as usize;
    let mut found = all(connection, &page.sql, params_from_iter(page.binds), |row| {
        Ok((read(row)?, mark(row)?))
    })?;
    let more = found.len() > limit;
    found.truncate(limit);
    let is_begun = match &query.start {
        Start::After(mark) => *mark != Mark::of(0),
        Start::Skip(rows) => *rows > 0,
    };
    let total = if is_whole {
        counts::total(connection, workspace, source.kind)?
    } else if is_begun || more {
        count(connection, counted)?
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

fn count(connection: &Connection, Statement { sql, binds }: Statement) -> Answer<u64> {
    Ok(connection.prepare_cached(&sql)?.query_row(params_from_iter(binds), |row| row.get(0))?)
}

/// A page of ids of people and groups, which both sources together answer.
pub(super) fn page_of_any(
    connection: &Connection,
    workspace: WorkspaceId,
    sources: [&Source; 2],
    query: &AnyQuery,
) -> Answer<Page<(Kind, MemberId)>> {
    let Some((page, counts)) = any_page_and_counts::<Sqlite>(sources, workspace, query)? else {
        return Ok(Page { rows: Vec::new(), marks: Vec::new(), total: 0, more: false });
    };
    let mut total = 0;
    for counted in counts {
        total += count(connection, counted)?;
    }
    let mut found = all(connection, &page.sql, params_from_iter(page.binds), |row| {
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
    let (page, counted) = page_and_count::<Sqlite>(source, workspace, query)?;
    let mut steps = Vec::new();
    for Statement { sql, binds } in [page, counted] {
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        steps.extend(all(connection, &sql, params_from_iter(binds), |row| row.get(3))?);
    }
    Ok(steps)
}

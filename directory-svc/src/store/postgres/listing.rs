//! Pages of people and of groups, filtered and sorted by the engine.

use tokio_postgres::types::Type;

use super::connection::Connection;
use super::counts;
use super::dialect::Postgres;
use super::statement::{Row, all, asked, params};
use crate::ids::{MemberId, WorkspaceId};
use crate::store::filter_sql::{Source, Statement, any_page_and_counts, page_and_count};
use crate::store::{Answer, AnyQuery, Kind, Mark, Page, Query, SortKey, Start};

/// A page. One row more than asked for tells whether more follow.
pub(super) async fn page<T>(
    connection: &Connection,
    workspace: WorkspaceId,
    source: &Source,
    query: &Query,
    mut read: impl FnMut(&Row) -> Answer<T>,
) -> Answer<Page<T>> {
    let is_whole = query.filter.is_none() && query.sort.is_none();
    if let (true, Start::Skip(rows)) = (is_whole, &query.start)
        && *rows > 0
    {
        return nth_page(connection, workspace, source, query, *rows, read).await;
    }
    let (page, counted) = page_and_count::<Postgres>(source, workspace, query)?;
    let limit = query.limit as usize;
    let read = |row: &Row| Ok((read(row)?, mark(row)?));
    let mut found = asked(connection, &page.sql, &page.binds, read).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let is_begun = match &query.start {
        Start::After(mark) => *mark != Mark::of(0),
        Start::Skip(rows) => *rows > 0,
    };
    let total = if is_whole {
        counts::total(connection, workspace, source.kind).await?
    } else if is_begun || more {
        count(connection, &counted).await?
    } else {
        found.len() as u64
    };
    let (rows, marks) = found.into_iter().unzip();
    Ok(Page { rows, marks, total, more })
}

/// The page of everybody that begins behind so many: found by the counters, not by walking there.
async fn nth_page<T>(
    connection: &Connection,
    workspace: WorkspaceId,
    source: &Source,
    query: &Query,
    skip: u64,
    mut read: impl FnMut(&Row) -> Answer<T>,
) -> Answer<Page<T>> {
    let total = counts::total(connection, workspace, source.kind).await?;
    let Some((from, rest)) = counts::place(connection, workspace, source.kind, skip).await? else {
        return Ok(Page { rows: Vec::new(), marks: Vec::new(), total, more: false });
    };
    let Source { from: tables, columns, kind, .. } = source;
    let row = kind.alias();
    let sql = format!(
        "SELECT {columns}, NULL, {row}.seq FROM {tables} WHERE {row}.workspace_id = $1 \
         AND {row}.seq >= $2 ORDER BY {row}.seq LIMIT $3 OFFSET $4"
    );
    let limit = query.limit as usize;
    let one_more = u64::from(query.limit) + 1;
    let binds = params![workspace, from, one_more, rest];
    let mut found = all(connection, &sql, binds, |row| Ok((read(row)?, mark(row)?))).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let (rows, marks) = found.into_iter().unzip();
    Ok(Page { rows, marks, total, more })
}

/// The place of a row, from its last two columns.
fn mark(row: &Row) -> Answer<Mark> {
    let (at, seq) = (row.len() - 2, row.len() - 1);
    let key = match *row.type_of(at) {
        Type::INT8 => row.get::<Option<i64>>(at)?.map(SortKey::Integer),
        Type::FLOAT8 => row.get::<Option<f64>>(at)?.map(SortKey::Decimal),
        Type::UUID => row.get::<Option<MemberId>>(at)?.map(|id| SortKey::Id(id.uuid())),
        _ => row.get::<Option<String>>(at)?.map(SortKey::Text),
    };
    Ok(Mark { key: key.unwrap_or(SortKey::None), seq: row.get(seq)? })
}

async fn count(connection: &Connection, Statement { sql, binds }: &Statement) -> Answer<u64> {
    let counted = asked(connection, sql, binds, |row| row.get::<u64>(0)).await?;
    Ok(counted.first().copied().unwrap_or(0))
}

/// A page of ids of people and groups, which both sources together answer.
pub(super) async fn page_of_any(
    connection: &Connection,
    workspace: WorkspaceId,
    sources: [&Source; 2],
    query: &AnyQuery,
) -> Answer<Page<(Kind, MemberId)>> {
    let Some((page, counts)) = any_page_and_counts::<Postgres>(sources, workspace, query)? else {
        return Ok(Page { rows: Vec::new(), marks: Vec::new(), total: 0, more: false });
    };
    let mut total = 0;
    for counted in &counts {
        total += count(connection, counted).await?;
    }
    let read = |row: &Row| Ok(((row.get(0)?, row.get(1)?), mark(row)?));
    let mut found = asked(connection, &page.sql, &page.binds, read).await?;
    let more = found.len() > query.limit as usize;
    found.truncate(query.limit as usize);
    let (rows, marks) = found.into_iter().unzip();
    Ok(Page { rows, marks, total, more })
}

/// How the engine would go about the query: the steps of its plan for the page and the count.
#[cfg(test)]
pub(super) async fn explain(
    connection: &Connection,
    workspace: WorkspaceId,
    source: &Source,
    query: &Query,
) -> Answer<Vec<String>> {
    let (page, counted) = page_and_count::<Postgres>(source, workspace, query)?;
    let mut steps = Vec::new();
    for Statement { sql, binds } in [page, counted] {
        let sql = format!("EXPLAIN {sql}");
        steps.extend(asked(connection, &sql, &binds, |row| row.get::<String>(0)).await?);
    }
    Ok(steps)
}

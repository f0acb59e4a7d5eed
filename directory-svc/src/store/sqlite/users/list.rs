//! Pages of people, filtered by the engine.

use rusqlite::{Connection, params_from_iter};

use super::{COLUMNS, PEOPLE, read};
use crate::ids::WorkspaceId;
use crate::store::filter_sql::{Bind, compile};
use crate::store::sqlite::dialect::Sqlite;
use crate::store::sqlite::statement::all;
use crate::store::{Answer, Start, UserPage, UserQuery};

/// A page. One row more than asked for tells whether more follow.
pub(in crate::store::sqlite) fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    query: &UserQuery,
) -> Answer<UserPage> {
    let Statements { page, page_binds, count, count_binds } = statements(workspace, query)?;
    let limit = query.limit as usize;
    let mut users = all(connection, &page, params_from_iter(page_binds), read)?;
    let more = users.len() > limit;
    users.truncate(limit);
    let is_all = !more && matches!(query.start, Start::After(0) | Start::Skip(0));
    let total = if is_all {
        users.len() as u64
    } else {
        let mut count = connection.prepare_cached(&count)?;
        count.query_row(params_from_iter(count_binds), |row| row.get(0))?
    };
    Ok(UserPage { users, total, more })
}

/// How the engine would go about the query: the steps of its plan for the page and the count.
#[cfg(test)]
pub(in crate::store::sqlite) fn explain(
    connection: &Connection,
    workspace: WorkspaceId,
    query: &UserQuery,
) -> Answer<Vec<String>> {
    let Statements { page, page_binds, count, count_binds } = statements(workspace, query)?;
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

fn statements(workspace: WorkspaceId, query: &UserQuery) -> Answer<Statements> {
    let condition = compile::<Sqlite>(query.filter.as_ref(), workspace, query.viewer)?;
    let passes = condition.text;
    // The sign takes the index of the column out of the engine's choice.
    let seq = if condition.is_range { "+u.seq" } else { "u.seq" };
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
        Start::Skip(people) => format!("ORDER BY {seq} LIMIT {limit} OFFSET {}", bind(people)),
    };
    Ok(Statements {
        page: format!("SELECT {COLUMNS} FROM {PEOPLE} WHERE {passes} {start}"),
        page_binds,
        count: format!("SELECT count(*) FROM user u WHERE {passes}"),
        count_binds,
    })
}

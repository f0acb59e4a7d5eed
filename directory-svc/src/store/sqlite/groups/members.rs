//! Who belongs to a group: a row each, and what edits do to the rows.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row, params};
use scim::filter::Bound;
use scim::patch::ListEdit;

use crate::ids::{GroupId, MemberId, WorkspaceId};
use crate::store::edits::{Delta, Moves, expect, met, rejoined};
use crate::store::sqlite::statement::{all, one, run};
use crate::store::sqlite::writing::Writing;
use crate::store::{Answer, Belonging, Kind, Member, Revision};

/// Behind nobody: no id that is given out is as low.
const BEGIN: MemberId = MemberId::new(uuid::Uuid::nil());

/// A group and all that belong to it. UNION takes a group once, so that a ring of groups ends.
const BELOW: &str = "WITH RECURSIVE down(id) AS (SELECT ?2 UNION SELECT m.member_id FROM down \
                     CROSS JOIN group_member m ON m.workspace_id = ?1 AND m.group_id = down.id \
                     AND m.kind = 'group') SELECT id FROM down";

/// A page of members, in the order of their ids.
pub(in crate::store::sqlite) fn page(
    connection: &Connection,
    workspace: WorkspaceId,
    of: GroupId,
    after: Option<MemberId>,
    limit: u32,
) -> Answer<Vec<Member>> {
    all(
        connection,
        "SELECT member_id, kind FROM group_member WHERE workspace_id = ?1 AND group_id = ?2 \
         AND member_id > ?3 ORDER BY member_id LIMIT ?4",
        params![workspace, of, after.unwrap_or(BEGIN), limit],
        read,
    )
}

/// A page of all who belong to a group, in the order of their ids: of each group below it no more is read than a
/// page, however many belong to it.
pub(in crate::store::sqlite) fn belonging(
    connection: &Connection,
    workspace: WorkspaceId,
    to: GroupId,
    after: Option<MemberId>,
    limit: u32,
) -> Answer<Vec<Belonging>> {
    let below = all(connection, BELOW, params![workspace, to], |row| row.get::<_, GroupId>(0))?;
    let mut found = BTreeMap::new();
    for group in below {
        // One more, for the group itself may be among them.
        for member in page(connection, workspace, group, after, limit.saturating_add(1))? {
            *found.entry(member).or_insert(false) |= group == to;
        }
    }
    let found = found.into_iter().filter(|(member, _)| member.id != to.into());
    let belonging = found.map(|(member, is_direct)| Belonging { member, is_direct });
    Ok(belonging.take(limit as usize).collect())
}

/// Does the edits to the members of a group, one after the other.
///
/// # Errors
/// `NO_TARGET` and `MUTABILITY`, of a [`ListEdit::Expect`] that is disappointed.
pub(super) fn edit(writing: &Writing<'_>, of: GroupId, edits: &[ListEdit]) -> Answer<Delta> {
    let mut editing = Editing { writing, of, moves: Moves::default() };
    for edit in edits {
        editing.apply(edit)?;
    }
    Ok(editing.moves.into_delta())
}

struct Editing<'w, 'c> {
    writing: &'w Writing<'c>,
    of: GroupId,
    moves: Moves,
}

impl Editing<'_, '_> {
    fn apply(&mut self, edit: &ListEdit) -> Answer<()> {
        match edit {
            ListEdit::Add(values) => {
                for member in self.existing(values)? {
                    self.join(member)?;
                }
                Ok(())
            }
            ListEdit::Remove(values) => values
                .iter()
                .filter_map(|value| value.parse().ok())
                .try_for_each(|id| self.leave(id)),
            ListEdit::Replace(values) => self.replace(values),
            ListEdit::RemoveWhere { value, filter } => {
                let found = self.matching(value.as_deref(), filter)?;
                found.into_iter().try_for_each(|member| self.leave(member.id))
            }
            ListEdit::Expect { value, filter, members } => {
                let found = self.matching(value.as_deref(), filter)?;
                Ok(expect(&found, members)?)
            }
        }
    }

    /// All but the existing of `values` go. Where none of several exists the sender knows others than we
    /// do, and nobody goes.
    fn replace(&mut self, values: &[String]) -> Answer<()> {
        let wanted = self.existing(values)?;
        if wanted.is_empty() && !values.is_empty() {
            return Ok(());
        }
        let stay: BTreeSet<MemberId> = wanted.iter().map(|member| member.id).collect();
        let standing = all(
            self.writing.connection,
            "SELECT member_id FROM group_member WHERE workspace_id = ?1 AND group_id = ?2",
            params![self.writing.workspace, self.of],
            |row| row.get::<_, MemberId>(0),
        )?;
        standing.into_iter().filter(|id| !stay.contains(id)).try_for_each(|id| self.leave(id))?;
        wanted.into_iter().try_for_each(|member| self.join(member))
    }

    /// Those of the values that are people or groups of the workspace. The others are counted.
    fn existing(&mut self, values: &[String]) -> Answer<Vec<Member>> {
        let mut found = Vec::with_capacity(values.len());
        for value in values {
            match value.parse().ok().map(|id| self.find(id)).transpose()?.flatten() {
                Some(member) => found.push(member),
                None => self.moves.skipped += 1,
            }
        }
        Ok(found)
    }

    fn find(&self, id: MemberId) -> Answer<Option<Member>> {
        one(
            self.writing.connection,
            "SELECT id, 'user' FROM user WHERE workspace_id = ?1 AND id = ?2 \
             UNION ALL SELECT id, 'group' FROM scim_group WHERE workspace_id = ?1 AND id = ?2",
            params![self.writing.workspace, id],
            read,
        )
    }

    fn join(&mut self, member: Member) -> Answer<()> {
        let joined = run(
            self.writing.connection,
            "INSERT OR IGNORE INTO group_member (workspace_id, group_id, member_id, kind) \
             VALUES (?1, ?2, ?3, ?4)",
            params![self.writing.workspace, self.of, member.id, member.kind],
        )?;
        if joined > 0 {
            self.moves.note(member, true);
        }
        Ok(())
    }

    fn leave(&mut self, id: MemberId) -> Answer<()> {
        let left = one(
            self.writing.connection,
            "DELETE FROM group_member WHERE workspace_id = ?1 AND group_id = ?2 AND member_id = ?3 \
             RETURNING member_id, kind",
            params![self.writing.workspace, self.of, id],
            read,
        )?;
        if let Some(member) = left {
            self.moves.note(member, false);
        }
        Ok(())
    }

    /// The members that a filter meets: one row is read where it names a value, else all are.
    fn matching(&self, value: Option<&str>, filter: &Bound) -> Answer<Vec<Member>> {
        let Writing { connection, workspace, .. } = *self.writing;
        let standing = match value {
            Some(value) => match value.parse::<MemberId>() {
                Ok(id) => all(
                    connection,
                    "SELECT member_id, kind FROM group_member WHERE workspace_id = ?1 \
                     AND group_id = ?2 AND member_id = ?3",
                    params![workspace, self.of, id],
                    read,
                )?,
                Err(_) => Vec::new(),
            },
            None => all(
                connection,
                "SELECT member_id, kind FROM group_member WHERE workspace_id = ?1 \
                 AND group_id = ?2",
                params![workspace, self.of],
                read,
            )?,
        };
        Ok(met(standing, filter))
    }
}

/// Takes a removed person or group out of every group; answers the groups that were left.
pub(in crate::store::sqlite) fn leave_all(
    writing: &Writing<'_>,
    member: MemberId,
    revision: Revision,
) -> Answer<Vec<GroupId>> {
    let left = all(
        writing.connection,
        "DELETE FROM group_member WHERE workspace_id = ?1 AND member_id = ?2 RETURNING group_id",
        params![writing.workspace, member],
        |row| row.get::<_, GroupId>(0),
    )?;
    left.iter().try_for_each(|&group| count(writing, group, -1, revision))?;
    Ok(left)
}

/// Puts a person or group who came back into those of `groups`, a list of [`edits`](crate::store::edits), that are still here;
/// answers them.
pub(in crate::store::sqlite) fn rejoin(
    writing: &Writing<'_>,
    member: Member,
    groups: &str,
    revision: Revision,
) -> Answer<Vec<GroupId>> {
    let mut joined = Vec::new();
    for id in rejoined(groups) {
        let added = run(
            writing.connection,
            "INSERT OR IGNORE INTO group_member (workspace_id, group_id, member_id, kind) \
             SELECT workspace_id, id, ?3, ?4 FROM scim_group WHERE workspace_id = ?1 AND id = ?2",
            params![writing.workspace, id, member.id, member.kind],
        )?;
        if added > 0 {
            count(writing, id, 1, revision)?;
            joined.push(id);
        }
    }
    Ok(joined)
}

/// A member more or less, in the group's own row.
fn count(writing: &Writing<'_>, group: GroupId, by: i64, revision: Revision) -> Answer<()> {
    run(
        writing.connection,
        "UPDATE scim_group SET member_count = member_count + ?3, revision = ?4, modified_at = ?5 \
         WHERE workspace_id = ?1 AND id = ?2",
        params![writing.workspace, group, by, revision, writing.write.at],
    )?;
    Ok(())
}

/// Moves the version of the people who joined or left.
pub(super) fn touch(writing: &Writing<'_>, delta: &Delta, revision: Revision) -> Answer<()> {
    let people = delta.added.iter().chain(&delta.removed).filter(|m| m.kind == Kind::User);
    for member in people {
        run(
            writing.connection,
            "UPDATE user SET revision = ?3, modified_at = ?4 WHERE workspace_id = ?1 AND id = ?2",
            params![writing.workspace, member.id, revision, writing.write.at],
        )?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member { id: row.get(0)?, kind: row.get(1)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::{connection, migrations};

    /// A group of a hundred thousand people and one group is asked for the group alone.
    #[test]
    fn groups_below_a_group_are_found_without_its_people() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.sqlite3");
        connection::create(&path).unwrap();
        let mut connection = connection::writer(&path).unwrap();
        migrations::run(&mut connection).unwrap();
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {BELOW}")).unwrap();
        let steps = explain.raw_query().mapped(|row| row.get::<_, String>("detail"));
        let steps = steps.collect::<Result<Vec<_>, _>>().unwrap().join("\n");
        assert!(steps.contains("group_member_nested"), "{steps}");
    }
}

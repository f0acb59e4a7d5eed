//! Who belongs to a group: a row each, and what edits do to the rows.

use std::collections::BTreeSet;

use scim::filter::Bound;
use scim::patch::ListEdit;

use crate::ids::{GroupId, MemberId, WorkspaceId};
use crate::store::edits::{Delta, Moves, expect, met, rejoined};
use crate::store::postgres::connection::Connection;
use crate::store::postgres::statement::{Row, all, params, run};
use crate::store::postgres::writing::Writing;
use crate::store::{Answer, Belonging, Kind, Member, Revision};

/// Behind nobody: no id that is given out is as low.
const BEGIN: MemberId = MemberId::new(uuid::Uuid::nil());

/// A page of members, in the order of their ids.
pub(in crate::store::postgres) async fn page(
    connection: &Connection,
    workspace: WorkspaceId,
    of: GroupId,
    after: Option<MemberId>,
    limit: u32,
) -> Answer<Vec<Member>> {
    all(
        connection,
        "SELECT member_id, kind FROM group_member WHERE workspace_id = $1 AND group_id = $2 \
         AND member_id > $3 ORDER BY member_id LIMIT $4",
        params![workspace, of, after.unwrap_or(BEGIN), limit],
        read,
    )
    .await
}

/// A page of all who belong to a group, in the order of their ids: of each group below it no more is read than a
/// page and one, as the group itself may be among them. UNION takes a group once, so that a ring of groups ends.
pub(in crate::store::postgres) async fn belonging(
    connection: &Connection,
    workspace: WorkspaceId,
    to: GroupId,
    after: Option<MemberId>,
    limit: u32,
) -> Answer<Vec<Belonging>> {
    all(
        connection,
        "WITH RECURSIVE down(id) AS (SELECT $2 UNION SELECT m.member_id FROM down \
         JOIN group_member m ON m.workspace_id = $1 AND m.group_id = down.id AND m.kind = 'group') \
         SELECT m.member_id, m.kind, bool_or(down.id = $2) FROM down CROSS JOIN LATERAL ( \
         SELECT p.member_id, p.kind FROM group_member p WHERE p.workspace_id = $1 \
         AND p.group_id = down.id AND p.member_id > $3 ORDER BY p.member_id LIMIT $4 + 1) m \
         WHERE m.member_id <> $2 GROUP BY m.member_id, m.kind ORDER BY m.member_id LIMIT $4",
        params![workspace, to, after.unwrap_or(BEGIN), limit],
        |row| Ok(Belonging { member: read(row)?, is_direct: row.get(2)? }),
    )
    .await
}

/// Does the edits to the members of a group, one after the other: each in a statement or two, however many
/// members it names.
///
/// # Errors
/// `NO_TARGET` and `MUTABILITY`, of a [`ListEdit::Expect`] that is disappointed.
pub(super) async fn edit(writing: &Writing<'_>, of: GroupId, edits: &[ListEdit]) -> Answer<Delta> {
    let mut editing = Editing { writing, of, moves: Moves::default() };
    for edit in edits {
        editing.apply(edit).await?;
    }
    Ok(editing.moves.into_delta())
}

struct Editing<'w, 'c> {
    writing: &'w Writing<'c>,
    of: GroupId,
    moves: Moves,
}

impl Editing<'_, '_> {
    async fn apply(&mut self, edit: &ListEdit) -> Answer<()> {
        match edit {
            ListEdit::Add(values) => {
                let wanted = self.existing(values).await?;
                self.join(&wanted).await
            }
            ListEdit::Remove(values) => {
                let ids: Vec<_> = values.iter().filter_map(|value| value.parse().ok()).collect();
                self.leave(&ids).await
            }
            ListEdit::Replace(values) => self.replace(values).await,
            ListEdit::RemoveWhere { value, filter } => {
                let found = self.matching(value.as_deref(), filter).await?;
                self.leave(&ids(&found)).await
            }
            ListEdit::Expect { value, filter, members } => {
                let found = self.matching(value.as_deref(), filter).await?;
                Ok(expect(&found, members)?)
            }
        }
    }

    /// All but the existing of `values` go. Where none of several exists the sender knows others than we
    /// do, and nobody goes.
    async fn replace(&mut self, values: &[String]) -> Answer<()> {
        let wanted = self.existing(values).await?;
        if wanted.is_empty() && !values.is_empty() {
            return Ok(());
        }
        let left = all(
            self.writing.connection,
            "DELETE FROM group_member WHERE workspace_id = $1 AND group_id = $2 \
             AND NOT member_id = ANY($3) RETURNING member_id, kind",
            params![self.writing.workspace, self.of, *ids(&wanted)],
            read,
        )
        .await?;
        for member in left {
            self.moves.note(member, false);
        }
        self.join(&wanted).await
    }

    /// Those of the values that are people or groups of the workspace. The others are counted.
    async fn existing(&mut self, values: &[String]) -> Answer<Vec<Member>> {
        let asked: Vec<MemberId> = values.iter().filter_map(|value| value.parse().ok()).collect();
        let found = all(
            self.writing.connection,
            "SELECT id, 'user' FROM scim_user WHERE workspace_id = $1 AND id = ANY($2) \
             UNION ALL SELECT id, 'group' FROM scim_group WHERE workspace_id = $1 AND id = ANY($2)",
            params![self.writing.workspace, *asked],
            read,
        )
        .await?;
        let known: BTreeSet<MemberId> = found.iter().map(|member| member.id).collect();
        let existing = asked.iter().filter(|id| known.contains(id)).count();
        self.moves.skipped += values.len() - existing;
        Ok(found)
    }

    async fn join(&mut self, members: &[Member]) -> Answer<()> {
        for kind in [Kind::User, Kind::Group] {
            let of_kind = members.iter().copied().filter(|member| member.kind == kind);
            let ids = ids(&of_kind.collect::<Vec<_>>());
            if ids.is_empty() {
                continue;
            }
            let joined = all(
                self.writing.connection,
                "INSERT INTO group_member (workspace_id, group_id, member_id, kind) \
                 SELECT $1, $2, m.id, $4 FROM unnest($3) AS m (id) ON CONFLICT DO NOTHING \
                 RETURNING member_id, kind",
                params![self.writing.workspace, self.of, *ids, kind],
                read,
            )
            .await?;
            for member in joined {
                self.moves.note(member, true);
            }
        }
        Ok(())
    }

    async fn leave(&mut self, ids: &[MemberId]) -> Answer<()> {
        let left = all(
            self.writing.connection,
            "DELETE FROM group_member WHERE workspace_id = $1 AND group_id = $2 \
             AND member_id = ANY($3) RETURNING member_id, kind",
            params![self.writing.workspace, self.of, *ids],
            read,
        )
        .await?;
        for member in left {
            self.moves.note(member, false);
        }
        Ok(())
    }

    /// The members that a filter meets: one row is read where it names a value, else all are.
    async fn matching(&self, value: Option<&str>, filter: &Bound) -> Answer<Vec<Member>> {
        let Writing { connection, workspace, .. } = *self.writing;
        let standing = match value {
            Some(value) => match value.parse::<MemberId>() {
                Ok(id) => {
                    all(
                        connection,
                        "SELECT member_id, kind FROM group_member WHERE workspace_id = $1 \
                         AND group_id = $2 AND member_id = $3",
                        params![workspace, self.of, id],
                        read,
                    )
                    .await?
                }
                Err(_) => Vec::new(),
            },
            None => {
                all(
                    connection,
                    "SELECT member_id, kind FROM group_member WHERE workspace_id = $1 \
                     AND group_id = $2",
                    params![workspace, self.of],
                    read,
                )
                .await?
            }
        };
        Ok(met(standing, filter))
    }
}

fn ids(members: &[Member]) -> Vec<MemberId> {
    members.iter().map(|member| member.id).collect()
}

/// Takes a removed person or group out of every group; answers the groups that were left.
pub(in crate::store::postgres) async fn leave_all(
    writing: &Writing<'_>,
    member: MemberId,
    revision: Revision,
) -> Answer<Vec<GroupId>> {
    let left = all(
        writing.connection,
        "DELETE FROM group_member WHERE workspace_id = $1 AND member_id = $2 RETURNING group_id",
        params![writing.workspace, member],
        |row| row.get::<GroupId>(0),
    )
    .await?;
    count(writing, &left, -1, revision).await?;
    Ok(left)
}

/// Puts a person or group who came back into those of `groups`, a list of
/// [`edits`](crate::store::edits), that are still here; answers them.
pub(in crate::store::postgres) async fn rejoin(
    writing: &Writing<'_>,
    member: Member,
    groups: &str,
    revision: Revision,
) -> Answer<Vec<GroupId>> {
    let groups: Vec<MemberId> = rejoined(groups).into_iter().map(Into::into).collect();
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let joined = all(
        writing.connection,
        "INSERT INTO group_member (workspace_id, group_id, member_id, kind) \
         SELECT workspace_id, id, $3, $4 FROM scim_group WHERE workspace_id = $1 AND id = ANY($2) \
         ON CONFLICT DO NOTHING RETURNING group_id",
        params![writing.workspace, *groups, member.id, member.kind],
        |row| row.get::<GroupId>(0),
    )
    .await?;
    count(writing, &joined, 1, revision).await?;
    Ok(joined)
}

/// A member more or less, in the groups' own rows.
async fn count(
    writing: &Writing<'_>,
    groups: &[GroupId],
    by: i64,
    revision: Revision,
) -> Answer<()> {
    if groups.is_empty() {
        return Ok(());
    }
    let groups: Vec<MemberId> = groups.iter().map(|&id| id.into()).collect();
    run(
        writing.connection,
        "UPDATE scim_group SET member_count = member_count + $3, revision = $4, modified_at = $5 \
         WHERE workspace_id = $1 AND id = ANY($2)",
        params![writing.workspace, *groups, by, revision, writing.write.at],
    )
    .await?;
    Ok(())
}

/// Moves the version of the people who joined or left.
pub(super) async fn touch(writing: &Writing<'_>, delta: &Delta, revision: Revision) -> Answer<()> {
    let people = delta.added.iter().chain(&delta.removed).filter(|m| m.kind == Kind::User);
    let people = ids(&people.copied().collect::<Vec<_>>());
    if people.is_empty() {
        return Ok(());
    }
    run(
        writing.connection,
        "UPDATE scim_user SET revision = $3, modified_at = $4 \
         WHERE workspace_id = $1 AND id = ANY($2)",
        params![writing.workspace, *people, revision, writing.write.at],
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Answer<Member> {
    Ok(Member { id: row.get(0)?, kind: row.get(1)? })
}

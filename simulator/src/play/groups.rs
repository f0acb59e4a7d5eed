//! The life of each group.

use serde_json::Value;

use super::Play;
use crate::exchange::{Exchange, Kind};
use crate::{Check, Request, Step, Team};

/// How many members, at most, a batch adds.
const BATCH: usize = 100;

impl Play<'_> {
    pub(super) async fn groups(&mut self) {
        for team in std::mem::take(&mut self.teams) {
            let mut everybody: Vec<String> =
                self.people.iter().map(|known| known.id.clone()).collect();
            self.draw.shuffle(&mut everybody);
            let size = everybody.len().div_ceil(2) + self.draw.below(everybody.len() / 2 + 1);
            everybody.truncate(size);
            if let Some(id) = self.create_group(&team).await {
                self.live(&id, team, everybody).await;
            }
        }
    }

    async fn create_group(&mut self, team: &Team) -> Option<String> {
        let request = self.dialect.create_group(team);
        let exchange = self.ask(Step::GroupCreate, &request).await?;
        let created = exchange.resource(&mut self.recorder, 201, Kind::Group)?;
        exchange.as_sent(&mut self.recorder, &created);
        let id = created["id"].as_str()?.to_owned();
        self.made.push((Kind::Group, id.clone()));
        let request = self.dialect.read_group(&id);
        let exchange = self.ask(Step::GroupCreate, &request).await?;
        let read = exchange.resource(&mut self.recorder, 200, Kind::Group)?;
        self.without_members(&exchange, &read);
        self.find_group(Step::GroupFind, &id, team).await;
        Some(id)
    }

    /// All that becomes of a group whose `members` are to be.
    async fn live(&mut self, id: &str, team: Team, members: Vec<String>) {
        let mut now: Vec<String> = Vec::new();
        for batch in members.chunks(members.len().div_ceil(2).clamp(1, BATCH)) {
            let request = self.dialect.add_members(id, batch);
            let then = [&now[..], batch].concat();
            now = self.members(Step::GroupAdd, id, &request, then, Check::Members).await;
        }
        let again = &now[..now.len().min(2)];
        let request = self.dialect.add_members(id, again);
        now = self.members(Step::GroupAdd, id, &request, now, Check::Members).await;

        let gone = now.split_off(now.len().div_ceil(2));
        if !gone.is_empty() {
            let request = self.dialect.remove_members(id, &gone);
            now = self.members(Step::GroupRemove, id, &request, now, Check::Members).await;
        }

        let renamed = Team { display_name: format!("{} (renamed)", team.display_name), ..team };
        let request = self.dialect.rename_group(id, &renamed);
        now = self.members(Step::GroupRename, id, &request, now, Check::Untouched).await;
        self.find_group(Step::GroupRename, id, &renamed).await;

        if self.dialect.gives_up_at_400() {
            let push = [&[self.draw.guid()], &gone[..]].concat();
            let request = self.dialect.add_members(id, &push);
            let then = [now, gone].concat();
            self.members(Step::GroupPush, id, &request, then, Check::GoneMember).await;
        }
        if let Some(request) = self.dialect.put_group(id, &renamed, &members) {
            self.members(Step::GroupPut, id, &request, members, Check::Members).await;
        }
        if let Some(request) = self.dialect.empty_group(id) {
            self.members(Step::GroupEmpty, id, &request, Vec::new(), Check::Members).await;
        }
        if self.plan.keep || self.stopped.is_some() {
            return;
        }
        self.end(Step::GroupDelete, Kind::Group, id).await;
        for (attribute, value) in self.dialect.group_matching(&renamed) {
            let request = self.dialect.find_group(attribute, &value);
            let Some(exchange) = self.ask(Step::GroupDelete, &request).await else { continue };
            if !exchange.nobody(&mut self.recorder, attribute, &value).is_empty() {
                exchange.wrong(&mut self.recorder, Check::Gone, "an empty ListResponse");
            }
        }
    }

    /// Sends a change of a group and reads who is in it afterwards: `expected`, each once. Answers
    /// who is, so that one finding does not bring others.
    async fn members(
        &mut self,
        step: Step,
        id: &str,
        request: &Request,
        expected: Vec<String>,
        check: Check,
    ) -> Vec<String> {
        let Some(exchange) = self.ask(step, request).await else { return expected };
        let is_taken = matches!(exchange.answer.status, 200 | 204);
        if !is_taken {
            let check = if check == Check::GoneMember { check } else { Check::Status };
            exchange.wrong(&mut self.recorder, check, "200 with the group, or 204");
            exchange.error_body(&mut self.recorder);
        } else if exchange.answer.status == 200 {
            exchange.resource(&mut self.recorder, 200, Kind::Group);
        }
        let whole = self.dialect.request("GET", Kind::Group.endpoint(id), None);
        let Some(read) = self.read(step, &whole, Kind::Group).await else { return expected };
        let rows = read["members"].as_array().cloned().unwrap_or_default();
        let id_of = |row: &Value| row["value"].as_str().unwrap_or_default().to_owned();
        let mut found: Vec<String> = rows.iter().map(id_of).collect();
        let mut expected = expected;
        found.sort_unstable();
        expected.sort_unstable();
        if is_taken && found != expected {
            let missing = expected.iter().filter(|id| !found.contains(id)).count();
            let (are, more) = (found.len(), found.len() + missing - expected.len());
            let what = format!("a read answered {are} members: {missing} missing, {more} too many");
            let expected = format!("{} members, each once", expected.len());
            exchange.wrong_in(&mut self.recorder, check, expected, &what);
        }
        found.dedup();
        found
    }

    async fn find_group(&mut self, step: Step, id: &str, team: &Team) {
        for (attribute, value) in self.dialect.group_matching(team) {
            let request = self.dialect.find_group(attribute, &value);
            let Some(exchange) = self.ask(step, &request).await else { continue };
            let Some(rows) = exchange.rows(&mut self.recorder, None) else { continue };
            if rows.len() != 1 || rows[0]["id"] != id {
                let expected = format!("one row, of the id {id}");
                exchange.wrong(&mut self.recorder, Check::Lookup, expected);
            }
            for row in &rows {
                self.without_members(&exchange, row);
            }
        }
    }

    fn without_members(&mut self, exchange: &Exchange, read: &Value) {
        if self.dialect.leaves_members_out() && read.get("members").is_some() {
            exchange.wrong(&mut self.recorder, Check::Excluded, "no members");
        }
    }
}

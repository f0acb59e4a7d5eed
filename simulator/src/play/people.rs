//! The life of each person.

use serde_json::Value;

use super::{Known, Play, SAMPLE};
use crate::answer::at;
use crate::exchange::{Exchange, Kind};
use crate::{Check, Leaving, Person, Step};

impl Play<'_> {
    /// From the first day to the last but one: the last is for the end.
    pub(super) async fn people(&mut self) {
        let hired = std::mem::take(&mut self.hired);
        for (number, person) in (1..).zip(hired) {
            self.create(number, person).await;
        }
        self.find_everybody().await;
        self.duplicate().await;
        self.import().await;
        for place in self.order() {
            let manager = self.people[(place + 1) % self.people.len()].id.clone();
            let manager = (self.people.len() > 1).then_some(manager);
            let person = &self.people[place].person;
            let after = self.company.promote(person, manager, &mut self.draw);
            self.change(Step::Update, place, after).await;
        }
        for place in self.order() {
            let Known { number, person, .. } = &self.people[place];
            let after = self.company.rename(*number, person);
            self.change(Step::Rename, place, after).await;
        }
        self.half_wrong().await;
        for place in self.order() {
            let after = Person { active: false, ..self.people[place].person.clone() };
            if self.change(Step::Disable, place, after).await {
                self.find_as(Step::Disable, place, Check::Lookup, str::to_owned).await;
            }
        }
        for place in self.order() {
            let after = Person { active: true, ..self.people[place].person.clone() };
            self.change(Step::Enable, place, after).await;
        }
        if self.dialect.leaving() == Leaving::Renamed {
            self.soft_delete().await;
        }
    }

    /// The places of all people, in the order of this step.
    fn order(&mut self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.people.len()).collect();
        self.draw.shuffle(&mut places);
        places
    }

    async fn create(&mut self, number: usize, person: Person) {
        let request = self.dialect.create(&person);
        let Some(exchange) = self.ask(Step::Create, &request).await else { return };
        let Some(created) = exchange.resource(&mut self.recorder, 201, Kind::User) else { return };
        exchange.as_sent(&mut self.recorder, &created);
        let id = created["id"].as_str().unwrap_or_default().to_owned();
        if self.made.iter().any(|(_, made)| *made == id) {
            exchange.wrong(&mut self.recorder, Check::Id, "an id that nobody else has");
            return;
        }
        self.made.push((Kind::User, id.clone()));
        let request = self.dialect.read(&id);
        let Some(held) = self.read(Step::Create, &request, Kind::User).await else { return };
        self.compare_with_read(&exchange, &created, &held);
        self.people.push(Known { number, id, person, held });
    }

    /// What a write answered is what a read answers, but for `meta`.
    fn compare_with_read(&mut self, exchange: &Exchange, answered: &Value, read: &Value) {
        let without_meta = |value: &Value| {
            let mut value = value.clone();
            value.as_object_mut().map(|values| values.remove("meta"));
            value
        };
        if without_meta(answered) != without_meta(read) {
            let what = format!("a read answered {read}");
            let expected = "the same resource as a read";
            exchange.wrong_in(&mut self.recorder, Check::SameAsRead, expected, &what);
        }
    }

    async fn find_everybody(&mut self) {
        for place in self.order() {
            self.find_as(Step::Find, place, Check::Lookup, str::to_owned).await;
            self.find_as(Step::Find, place, Check::LetterCase, other_case).await;
        }
    }

    /// Looks a person up by each matching attribute, the value in the spelling that `spelt` makes.
    async fn find_as(
        &mut self,
        step: Step,
        place: usize,
        check: Check,
        spelt: impl Fn(&str) -> String,
    ) {
        let id = self.people[place].id.clone();
        for (attribute, value) in self.dialect.matching(&self.people[place].person) {
            if check == Check::LetterCase && attribute == "externalId" {
                continue;
            }
            let request = self.dialect.find(attribute, &spelt(&value));
            let Some(exchange) = self.ask(step, &request).await else { continue };
            let asked_for_page = request.endpoint.contains("startIndex=1");
            let start = asked_for_page.then_some(1);
            let Some(rows) = exchange.rows(&mut self.recorder, start) else { continue };
            if rows.len() != 1 || rows[0]["id"] != id {
                exchange.wrong(&mut self.recorder, check, format!("one row, of the id {id}"));
            }
        }
    }

    async fn duplicate(&mut self) {
        for place in self.order().into_iter().take(SAMPLE) {
            let person = &self.people[place].person;
            let again = Person {
                user_name: other_case(&person.user_name),
                mail: person.mail.as_deref().map(other_case),
                external_id: format!("{}.again", person.external_id),
                ..person.clone()
            };
            let request = self.dialect.create(&again);
            let Some(exchange) = self.ask(Step::Duplicate, &request).await else { continue };
            exchange.refused(&mut self.recorder, Check::Duplicate, 409);
            let answer = exchange.answer.json();
            if exchange.is_done() {
                let id = answer["id"].as_str().unwrap_or_default().to_owned();
                if !id.is_empty() && self.made.iter().all(|(_, made)| *made != id) {
                    self.made.push((Kind::User, id));
                }
            } else if exchange.answer.status == 409 && answer["scimType"] != "uniqueness" {
                exchange.wrong(
                    &mut self.recorder,
                    Check::Duplicate,
                    "409 with scimType uniqueness",
                );
            }
        }
    }

    /// Reads everybody by pages: two to begin with, then three times a third of what there is.
    async fn import(&mut self) {
        let (mut start, mut count) = (1, 2);
        let mut read: Vec<String> = Vec::new();
        let last = loop {
            let Some(request) = self.dialect.import(start, count) else { return };
            let Some(exchange) = self.ask(Step::Import, &request).await else { return };
            let Some(rows) = exchange.rows(&mut self.recorder, Some(start)) else { return };
            if rows.len() > count {
                exchange.wrong(&mut self.recorder, Check::Paging, format!("{count} rows at most"));
            }
            read.extend(rows.iter().filter_map(|row| Some(row["id"].as_str()?.to_owned())));
            let total = exchange.answer.json()["totalResults"].as_u64().unwrap_or_default();
            let total = usize::try_from(total).unwrap_or(usize::MAX);
            start += rows.len();
            count = (total / 3).clamp(2, 100);
            if rows.is_empty() || start > total {
                break exchange;
            }
        };
        let unread = self.people.iter().filter(|known| !read.contains(&known.id)).count();
        let all = read.len();
        read.sort_unstable();
        read.dedup();
        if unread > 0 || read.len() != all {
            let what =
                format!("{unread} of ours on no page, {} on more than one", all - read.len());
            let expected = "everybody on one page";
            last.wrong_in(&mut self.recorder, Check::Paging, expected, &what);
        }
    }

    /// A person becomes another; whether the server took it.
    async fn change(&mut self, step: Step, place: usize, after: Person) -> bool {
        let Known { id, person: before, held, .. } = &self.people[place];
        let (id, before, held) = (id.clone(), before.clone(), held.clone());
        let request = self.dialect.change(&held, &before, &after);
        let Some(exchange) = self.ask(step, &request).await else { return false };
        let answered = match exchange.answer.status {
            204 => None,
            _ => match exchange.resource(&mut self.recorder, 200, Kind::User) {
                Some(answered) => Some(answered),
                None => return false,
            },
        };
        let read = self.dialect.read(&id);
        let Some(read) = self.read(step, &read, Kind::User).await else { return false };
        if let Some(answered) = answered {
            self.compare_with_read(&exchange, &answered, &read);
        }
        if read["id"] != *id {
            exchange.wrong(&mut self.recorder, Check::Id, format!("the id {id}, as before"));
        }
        for (old, new) in before.fields().into_iter().zip(after.fields()) {
            let (found, path) = (at(&read, &new.path), &new.path);
            let check = match path.as_str() {
                _ if old.value == new.value => Check::Untouched,
                "active" => Check::Active,
                _ => Check::AsSent,
            };
            let is_as_before = check == Check::Untouched && found == at(&held, path);
            if found != new.value && !is_as_before {
                let value = new.value.map_or_else(|| "nothing".to_owned(), |v| v.to_string());
                let found = found.map_or_else(|| "nothing".to_owned(), |v| v.to_string());
                let expected = format!("{path} to be {value} afterwards");
                let what = format!("a read answered {found}");
                exchange.wrong_in(&mut self.recorder, check, expected, &what);
            }
        }
        let known = &mut self.people[place];
        (known.person, known.held) = (after, read);
        true
    }

    async fn half_wrong(&mut self) {
        for place in self.order().into_iter().take(SAMPLE) {
            let Known { id, held, .. } = &self.people[place];
            let (id, held) = (id.clone(), held.clone());
            let Some(request) = self.dialect.half_wrong(&id) else { return };
            let Some(exchange) = self.ask(Step::Atomic, &request).await else { continue };
            exchange.refused(&mut self.recorder, Check::Atomic, 400);
            let read = self.dialect.read(&id);
            let Some(read) = self.read(Step::Atomic, &read, Kind::User).await else { continue };
            if read != held {
                let what = format!("a read answered {read}");
                let expected = format!("the person as before: {held}");
                exchange.wrong_in(&mut self.recorder, Check::Atomic, expected, &what);
                self.people[place].held = read;
            }
        }
    }

    /// The tenant deletes people softly, under another name, and takes them back.
    async fn soft_delete(&mut self) {
        for place in self.order() {
            let before = self.people[place].person.clone();
            let gone = Person {
                user_name: format!("{}{}", self.draw.hex(), before.user_name),
                active: false,
                ..before.clone()
            };
            if !self.change(Step::SoftDelete, place, gone).await {
                continue;
            }
            let request = self.dialect.find("userName", &before.user_name);
            if let Some(exchange) = self.ask(Step::SoftDelete, &request).await
                && !exchange.nobody(&mut self.recorder, "userName", &before.user_name).is_empty()
            {
                let expected = "an empty ListResponse: nobody has the old userName";
                exchange.wrong(&mut self.recorder, Check::Lookup, expected);
            }
            self.change(Step::Restore, place, before).await;
        }
    }
}

/// A text in the other letter case.
fn other_case(text: &str) -> String {
    let other = |c: char| {
        if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }
    };
    text.chars().map(other).collect()
}

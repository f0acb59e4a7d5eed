//! Nothing acknowledged is lost, whenever the power goes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::durability::{Crew, Person, State, everybody_in, mark, miscounted_groups};
use crate::harness::{Disk, Fault, Journal, Nestr, Shape, Workspace, is_long, seed};

/// Clients that write at the same time, each to people of its own.
const CLIENTS: u64 = 4;

/// One write: when it was asked for and when it was acknowledged, as lengths of the journal.
struct Event {
    asked: u64,
    acknowledged: u64,
    after: State,
}

/// A person, and all that was done to them.
struct Life {
    user_name: String,
    events: Vec<Event>,
}

impl Life {
    /// Whether a disk that was cut off at `cut` may hold `found`: what was acknowledged last by then,
    /// or what was asked for since.
    fn may_be(&self, found: &State, cut: u64) -> bool {
        let last = self.events.iter().rposition(|event| event.acknowledged <= cut);
        let stands = last.map_or(&State::Nobody, |at| &self.events[at].after);
        let since = self.events[last.map_or(0, |at| at + 1)..].iter();
        stands == found || since.clone().any(|e| e.asked <= cut && e.after == *found)
    }
}

/// Writes until it is over.
async fn write(
    acme: Workspace,
    crew: Crew,
    disk: Arc<Disk>,
    mut rng: StdRng,
    over: Arc<AtomicBool>,
) -> Vec<Life> {
    let mut lives: Vec<(Person, Life)> = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let mut at = rng.random_range(0..=lives.len());
        if lives.get(at).is_none_or(|(person, _)| person.stands == State::Nobody) {
            at = lives.len();
            let person = Person::or_group(&crew, &mut rng);
            let life = Life { user_name: person.user_name.clone(), events: Vec::new() };
            lives.push((person, life));
        }
        let (person, life) = &mut lives[at];
        let (ask, after) = person.next_write(&acme, &mut rng);
        let asked = disk.written();
        let answer = acme.send(ask).await;
        assert!((200..300).contains(&answer.status), "{answer}");
        if answer.status == 201 {
            person.id = Some(answer.text("/id"));
        }
        person.stands = after.clone();
        life.events.push(Event { asked, acknowledged: disk.written(), after });
    }
    lives.into_iter().map(|(_, life)| life).collect()
}

/// Everybody's life over some time of a server on this disk, which is killed at the end; and the length
/// of the journal at which the demo's key was told.
async fn lived(disk: &Arc<Disk>, fault: Fault, rng: &mut StdRng) -> (Vec<Life>, u64, Known) {
    disk.has(fault);
    let settings = ["--demo", "acme.com", "--rate", "0"];
    let shape = Shape::of_this_run();
    let nestr = Nestr::start_prepared(shape, &settings, |dir| disk.environment(dir)).await;
    let acme = nestr.acme();
    let crew = Crew::make(&acme).await;
    let told = disk.written();
    let over = Arc::new(AtomicBool::new(false));
    let mut writing = JoinSet::new();
    for _ in 0..CLIENTS {
        let rng = StdRng::seed_from_u64(rng.random());
        writing.spawn(write(acme.clone(), crew.clone(), Arc::clone(disk), rng, Arc::clone(&over)));
    }
    sleep(Duration::from_millis(1_500)).await;
    over.store(true, Ordering::Relaxed);
    let lives = writing.join_all().await.into_iter().flatten().collect();
    nestr.kill_dash_nine();
    (lives, told, Known { acme, crew })
}

/// What is known of a workspace from the beginning.
struct Known {
    acme: Workspace,
    crew: Crew,
}

/// Starts on what a cut may leave, and answers what is wrong with it.
async fn wrongs(
    journal: &Journal,
    cut: u64,
    told: u64,
    (lives, Known { acme, crew }): (&[Life], &Known),
    rng: &mut StdRng,
) -> Vec<String> {
    let settings = ["--demo", "acme.com", "--rate", "0"];
    let image = |dir: &Path| {
        journal.image(cut, dir, rng);
        Vec::new()
    };
    let nestr = Nestr::start_prepared(Shape::Whole, &settings, image).await;
    let mut wrongs = Vec::new();
    if cut >= told {
        let here = nestr.acme();
        if (&here.id, &here.key) != (&acme.id, &acme.key) {
            return vec!["the workspace that was told is another".to_owned()];
        }
        let mut found = everybody_in(&here).await;
        for life in lives {
            let found = found.remove(&life.user_name);
            let state = found.map_or(State::Nobody, |row| State::Marked(mark(&row, crew)));
            if !life.may_be(&state, cut) {
                wrongs.push(format!("{} is {state:?}", life.user_name));
            }
        }
        wrongs.extend(found.keys().map(|name| format!("{name} is nobody's")));
        here.create("the next one").await;
    }
    nestr.terminate().await;
    let path = nestr.data_dir().join("directory.sqlite3");
    let store =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a store");
    let verdict: String = store
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("a verdict of the engine");
    if miscounted_groups(&store) > 0 {
        wrongs.push("a group counts other members than it has".to_owned());
    }
    if verdict != "ok" {
        wrongs.push(verdict);
    }
    wrongs
}

/// From the first file of an empty directory to the last write. Seen to fail with `synchronous` at
/// NORMAL, and with a sync that does nothing, which the next test keeps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_write_outlives_a_power_cut_whole() {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let images = if is_long() { 1_000 } else { 24 };
    let disk = Arc::new(Disk::new());
    let (lives, told, known) = lived(&disk, Fault::None, &mut rng).await;
    let journal = disk.journal();
    let writes: usize = lives.iter().map(|life| life.events.len()).sum();
    println!("seed {seed}, {writes} writes, {images} images of {} bytes", journal.length());
    for number in 0..images {
        // Every fourth before anything was acknowledged: the making of the store itself.
        let cut = match number % 4 {
            0 => rng.random_range(0..=told),
            _ => rng.random_range(told..=journal.length()),
        };
        let wrongs = wrongs(&journal, cut, told, (&lives, &known), &mut rng).await;
        assert!(wrongs.is_empty(), "image {number}, cut at {cut}: {wrongs:#?}");
    }
}

/// The test above can fail: with a disk that only says that it synced, it does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_lies_is_found_out() {
    let seed = seed();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let disk = Arc::new(Disk::new());
    let settings = ["--demo", "acme.com"];
    let shape = Shape::of_this_run();
    let nestr = Nestr::start_prepared(shape, &settings, |dir| disk.environment(dir)).await;
    let acme = nestr.acme();
    let known = Known { crew: Crew::make(&acme).await, acme };
    let told = disk.written();
    disk.has(Fault::Lying);
    let mut lives = Vec::new();
    for _ in 0..20 {
        let person = Person::or_group(&known.crew, &mut rng);
        let (ask, after) = person.next_write(&known.acme, &mut rng);
        let asked = disk.written();
        known.acme.send(ask).await.is(201);
        let events = vec![Event { asked, acknowledged: disk.written(), after }];
        lives.push(Life { user_name: person.user_name, events });
    }
    nestr.kill_dash_nine();
    let (journal, mut found) = (disk.journal(), 0);
    for _ in 0..6 {
        let cut = journal.length();
        found += wrongs(&journal, cut, told, (&lives, &known), &mut rng).await.len();
    }
    assert!(found > 0, "nothing was missed in {}", json!(journal.length()));
}

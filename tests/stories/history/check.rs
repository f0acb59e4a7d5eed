//! Whether a history is linearisable: whether each call can have happened at one moment between its sending
//! and its answer.
//!
//! The directory says in what order it did the writes, by their revisions, so nothing has to be searched for:
//! that order is a witness, and it is checked. It has no gap; it holds each acknowledged write once, and no
//! write that nobody asked for; what it comes to at each revision is what was told of it; and no call that
//! began when another had ended comes before that one. A wrong witness fails as a wrong answer does.

use std::collections::{BTreeMap, HashMap};

use super::record::{Act, Call, Change, History, Id, Revision, State, Told};

/// What is wrong with a history.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("revision {0} is missing, or there twice")]
    Gap(Revision),
    #[error("revision {0} is of no call, or a second one of the same")]
    NotAsked(Revision),
    #[error("revision {0} writes to what is not there, or makes what is")]
    OutOfPlace(Revision),
    #[error("a write was acknowledged, and is not in the order: {0}")]
    Lost(String),
    #[error("what was told of a revision is not what the writes up to it come to: {0}")]
    Untrue(String),
    #[error("a call comes before one that had ended when it began: {0}")]
    Stale(String),
}

/// What a good history held.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) writes: usize,
    pub(super) looks: usize,
    /// Writes whose client was told nothing, and which were done.
    pub(super) unheard: usize,
}

/// A person or a group through time: what it was from each revision on; `None`: it is not there.
type Timeline = BTreeMap<Revision, Option<State>>;

/// Checks a history.
pub(super) fn check(history: &History) -> Result<Counts, Fault> {
    let mut changes: Vec<_> = history.changes.iter().collect();
    changes.sort_by_key(|change| change.revision);
    for (change, expected) in changes.iter().zip(history.before + 1..) {
        if change.revision != expected {
            return Err(Fault::Gap(expected));
        }
    }
    let timelines = replay(history, &changes)?;
    let places: HashMap<_, _> =
        changes.iter().map(|change| (change.operation.as_str(), *change)).collect();
    let acknowledged = acknowledged(history, &places);
    // The last write that had been acknowledged when a call began.
    let standing = |call: &Call| {
        let over = acknowledged.partition_point(|(ended, _)| *ended < call.began);
        over.checked_sub(1).map_or(history.before, |last| acknowledged[last].1)
    };
    // Whether a person may have been removed already when a call ended.
    let removals = history.calls.iter().filter(|call| call.act == Act::Delete);
    let removals: HashMap<_, _> = removals
        .filter_map(|call| Some((places.get(call.operation.as_str())?.id.as_str(), call.began)))
        .collect();
    let had_left = |person: &Id, call: &Call| {
        removals.get(person.as_str()).is_some_and(|began| *began < call.ended)
    };
    let mut counts = Counts::default();
    let mut moments: HashMap<&str, Vec<Moment<'_>>> = HashMap::new();
    let mut writes = Vec::new();
    for call in &history.calls {
        let done = places.get(call.operation.as_str()).filter(|_| call.act != Act::Get);
        let id = done.map_or(call.id.as_str(), |change| change.id.as_str());
        if let Some(change) = done {
            counts.writes += 1;
            counts.unheard += usize::from(call.told == Told::Nothing);
            let moment = Moment::new(call, change.revision * 2);
            moments.entry(id).or_default().push(moment);
            writes.push(moment);
        }
        counts.looks += usize::from(call.act == Act::Get);
        if let Some(seen_at) = seen(call, done.copied(), id, &timelines, standing, had_left)? {
            moments.entry(id).or_default().push(Moment::new(call, seen_at * 2 + 1));
        }
    }
    // A workspace's writes have one order, and so has all that is told of one person or group.
    for moments in moments.into_values().chain([writes]) {
        in_order(moments)?;
    }
    Ok(counts)
}

/// The last revision that was acknowledged at each time at which one was.
fn acknowledged(history: &History, places: &HashMap<&str, &Change>) -> Vec<(u64, Revision)> {
    let done = |call: &Call| Some((call.ended, places.get(call.operation.as_str())?.revision));
    let mut acknowledged: Vec<_> = history.calls.iter().filter_map(done).collect();
    acknowledged.sort_unstable();
    let mut last = history.before;
    for (_, revision) in &mut acknowledged {
        last = last.max(*revision);
        *revision = last;
    }
    acknowledged
}

/// What each person and group comes to at each revision.
fn replay<'a>(
    history: &'a History,
    changes: &[&'a Change],
) -> Result<HashMap<&'a str, Timeline>, Fault> {
    let asked = history.calls.iter().filter(|call| call.act != Act::Get);
    let mut asked: HashMap<_, _> = asked.map(|call| (call.operation.as_str(), call)).collect();
    let mut timelines: HashMap<&str, Timeline> = HashMap::new();
    for change in changes {
        let revision = change.revision;
        let call = asked.remove(change.operation.as_str()).ok_or(Fault::NotAsked(revision))?;
        let is_creation = matches!(call.act, Act::Create(_));
        let stands = now(&timelines, &change.id);
        if is_creation != stands.is_none() || !is_creation && call.id != change.id {
            return Err(Fault::OutOfPlace(revision));
        }
        let after = after(call, stands.unwrap_or_default(), &timelines);
        if let Act::Join(person) | Act::Leave(person) = &call.act
            && let Some(state) = now(&timelines, person)
        {
            // The person's version moves as well.
            timelines.entry(person).or_default().insert(revision, Some(state));
        }
        ripple(&mut timelines, call, revision);
        timelines.entry(&change.id).or_default().insert(revision, after);
    }
    Ok(timelines)
}

fn now(timelines: &HashMap<&str, Timeline>, id: &str) -> Option<State> {
    timelines.get(id)?.last_key_value()?.1.clone()
}

/// What a write leaves of what it writes to.
fn after(call: &Call, mut state: State, timelines: &HashMap<&str, Timeline>) -> Option<State> {
    match &call.act {
        Act::Create(mark) | Act::Replace(mark) | Act::Patch(mark) => {
            Some(State { mark: mark.clone(), ..state })
        }
        Act::Delete => None,
        Act::Get => Some(state),
        Act::Join(person) => {
            if now(timelines, person).is_some() {
                state.members.insert(person.clone());
            }
            Some(state)
        }
        Act::Leave(person) => {
            state.members.remove(person);
            Some(state)
        }
    }
}

/// Who is removed leaves every group; who was in a group that is removed may have another version.
fn ripple(timelines: &mut HashMap<&str, Timeline>, call: &Call, revision: Revision) {
    if call.act != Act::Delete {
        return;
    }
    let members = now(timelines, &call.id).unwrap_or_default().members;
    for (id, timeline) in timelines {
        let Some((_, Some(state))) = timeline.last_key_value() else { continue };
        let mut state = state.clone();
        if state.members.remove(&call.id) || members.contains(*id) {
            timeline.insert(revision, Some(state));
        }
    }
}

/// At which revision what a call was told was so; `None` when it was told nothing. `done`: the change that
/// it made; `standing`: from which revision on it can have looked; `had_left`: whether a person can have been
/// removed when it did.
fn seen(
    call: &Call,
    done: Option<&Change>,
    id: &str,
    timelines: &HashMap<&str, Timeline>,
    standing: impl Fn(&Call) -> Revision,
    had_left: impl Fn(&Id, &Call) -> bool,
) -> Result<Option<Revision>, Fault> {
    let timeline = timelines.get(id);
    let untrue = || {
        let about = match call.told {
            Told::Stands(version, _) => version.saturating_sub(20)..version + 20,
            _ => 0..Revision::MAX,
        };
        let was: Vec<_> =
            timeline.iter().flat_map(|timeline| timeline.range(about.clone())).collect();
        Fault::Untrue(format!("{call:#?}\ndone as {done:?}, but it was {was:#?}"))
    };
    let lost = || Fault::Lost(format!("{call:?}"));
    match &call.told {
        Told::Nothing => Ok(None),
        Told::Removed => done.map(|change| Some(change.revision)).ok_or_else(lost),
        Told::Absent => {
            // Nobody asks for what was never there: ids come from answers.
            let gone = timeline.and_then(|timeline| timeline.iter().find(|(_, is)| is.is_none()));
            gone.map(|(revision, _)| Some(*revision)).ok_or_else(untrue)
        }
        Told::Stands(..) if done.is_none() && matches!(call.act, Act::Create(_)) => Err(lost()),
        Told::Stands(version, state) => {
            let timeline = timeline.ok_or_else(untrue)?;
            let is = timeline.get(version).ok_or_else(untrue)?;
            if is.as_ref() != Some(state) {
                return Err(untrue());
            }
            // A group is read behind its write, in one moment with its members, of whom there may be 50,000: inside
            // the write they would hold up everybody else's. So what is told may be later than the write, and
            // than the moment at which there was nothing to do, as the contract says (GroupService); never
            // earlier, and never a version with the members of another.
            let was = |person: &Id, is_member: bool| {
                let first = standing(call);
                let then = timeline.range(..=first).next_back();
                let later = timeline.range(..=*version).filter(|(revision, _)| **revision > first);
                then.into_iter().chain(later).any(|(_, was)| {
                    was.as_ref().is_some_and(|was| was.members.contains(person) == is_member)
                })
            };
            let is_nothing_to_do = match &call.act {
                Act::Get => true,
                // Who was removed joins nothing.
                Act::Join(person) => was(person, true) || had_left(person, call),
                Act::Leave(person) => was(person, false),
                Act::Create(_) | Act::Replace(_) | Act::Patch(_) | Act::Delete => false,
            };
            match done {
                Some(change) if change.revision > *version => Err(untrue()),
                None if !is_nothing_to_do => Err(lost()),
                _ => Ok(Some(*version)),
            }
        }
    }
}

/// A moment in the order, and the time in which it lies.
#[derive(Clone, Copy)]
struct Moment<'a> {
    call: &'a Call,
    /// Twice the revision of a write; one more of what was seen behind it.
    place: u64,
}

impl<'a> Moment<'a> {
    fn new(call: &'a Call, place: u64) -> Self {
        Self { call, place }
    }
}

/// Whether no moment lies before one that was over when it began.
fn in_order(mut moments: Vec<Moment<'_>>) -> Result<(), Fault> {
    let mut ended = moments.clone();
    ended.sort_by_key(|moment| moment.call.ended);
    moments.sort_by_key(|moment| moment.call.began);
    let (mut ended, mut latest) = (ended.into_iter().peekable(), None::<Moment<'_>>);
    for moment in moments {
        while let Some(over) = ended.next_if(|over| over.call.ended < moment.call.began) {
            latest = latest.filter(|latest| latest.place >= over.place).or(Some(over));
        }
        if let Some(latest) = latest.filter(|latest| latest.place > moment.place) {
            return Err(Fault::Stale(format!("{:?}\nis behind\n{:?}", moment.call, latest.call)));
        }
    }
    Ok(())
}

//! Services that keep in step with the directory: what they are told, when, and that nothing is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::change::{Author, Subject};
use directory_api::v1::watch_response::Item;
use directory_api::v1::{AccessChange, Reason, ResourceAct, WatchStart};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Streaming};

use crate::harness::{Dialect, Mirror, Mirrored, Nestr, Operator, Workspace, seed};

/// Longer than anything takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a change may take from its answer to those who watch; met at five times that.
const DELIVERY: Duration = Duration::from_millis(100);

type Feed = Streaming<v1::WatchResponse>;

fn of(workspace_id: &str, start: WatchStart) -> v1::WatchRequest {
    let workspace_id = workspace_id.to_owned();
    v1::WatchRequest { workspace_id, start: start.into(), ..v1::WatchRequest::default() }
}

fn of_all(start: WatchStart) -> v1::WatchRequest {
    v1::WatchRequest { all: true, ..of("", start) }
}

async fn next(feed: &mut Feed) -> v1::WatchResponse {
    let next = timeout(PATIENCE, feed.message()).await.expect("an answer in time");
    next.expect("no end").expect("a watch ends with an error")
}

/// The next change, behind heartbeats.
async fn next_change(feed: &mut Feed) -> v1::Change {
    loop {
        if let Some(Item::Change(change)) = next(feed).await.item {
            return change;
        }
    }
}

/// A change in a few words.
fn said(change: &v1::Change) -> String {
    let access = |access: i32| match AccessChange::try_from(access).expect("a change") {
        AccessChange::Unspecified => "",
        AccessChange::Granted => " +access",
        AccessChange::Revoked => " -access",
    };
    let act = |act: i32| {
        let name = ResourceAct::try_from(act).expect("an act").as_str_name();
        name.trim_start_matches("RESOURCE_ACT_").to_lowercase()
    };
    match change.subject.as_ref().expect("a subject") {
        Subject::User(user) => {
            let moved = user.login_email.as_ref();
            let moved = moved.map(|moved| format!(" {}>{}", moved.old_email, moved.new_email));
            let (attributes, access) = (user.attributes.join(","), access(user.access));
            let groups = if user.group_ids.is_empty() { "" } else { " groups" };
            let moved = moved.unwrap_or_default();
            format!("user {} {attributes}{moved}{access}{groups}", act(user.act))
        }
        Subject::Group(group) => {
            let (added, removed) = (group.members_added.len(), group.members_removed.len());
            format!("group {} {} +{added} -{removed}", act(group.act), group.attributes.join(","))
        }
        Subject::Domain(domain) => {
            format!("domain {} {}", domain.domain, domain.state().as_str_name())
        }
        Subject::Integration(integration) => {
            format!("integration {}", integration.state().as_str_name())
        }
        Subject::ApiKey(key) => format!("key {}", key.act().as_str_name()),
        Subject::Workspace(workspace) => format!("workspace {}", workspace.act().as_str_name()),
        Subject::Schema(schema) => format!("schema {}", schema.schema_id),
        Subject::Identity(identity) => {
            format!("identity {} {}", identity.issuer, identity.act().as_str_name())
        }
        Subject::Address(address) => {
            let (act, access) = (address.act().as_str_name(), access(address.access));
            format!("address {} {act}{access}", address.email)
        }
    }
}

/// One after the other, as they are made. Seen to fail with a kind of change that is not recorded.
#[tokio::test]
async fn every_kind_of_change_is_told() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let entra = acme.connect_entra(Dialect::Flagged);
    let mut feed = operator.watch(of(&acme.id, WatchStart::Now)).await.unwrap();
    assert!(matches!(next(&mut feed).await.item, Some(Item::Heartbeat(_))));

    let ada = entra.assign("ada@acme.com").await;
    entra.set(&ada, &[("title", json!("Countess"))]).await.is(200);
    entra.rename(&ada, "lovelace@acme.com").await.is(200);
    entra.disable(&ada).await;
    entra.enable(&ada).await.is(200);
    let group = json!({"displayName": "Staff", "members": [{"value": ada}]}).to_string();
    let group = format!("/Groups/{}", acme.post("/Groups", group).await.is(201).text("/id"));
    let bob = operator.create_user(&acme.id, r#"{"userName":"bob@acme.com"}"#).await;
    let joins = json!({"op": "add", "path": "members", "value": [{"value": bob}]});
    acme.patch(&group, json!({"Operations": [joins]}).to_string()).await;
    let leaves = json!({"op": "remove", "path": format!("members[value eq \"{bob}\"]")});
    let named = json!({"op": "replace", "path": "displayName", "value": "All"});
    acme.patch(&group, json!({"Operations": [leaves, named]}).to_string()).await;
    acme.post("/Users", r#"{"userName":"bob@acme.com","externalId":"bob"}"#).await.is(201);
    acme.delete(&format!("/Users/{ada}")).await.is(204);
    operator.restore(&acme.id, &ada).await.unwrap();
    acme.delete(&group).await.is(204);
    let restore = v1::RestoreGroupRequest {
        workspace_id: acme.id.clone(),
        id: group.trim_start_matches("/Groups/").to_owned(),
        ..v1::RestoreGroupRequest::default()
    };
    operator.groups().restore_group(restore).await.unwrap();

    operator.claim(&acme.id, "acme.org").await;
    operator.verify(&acme.id, "acme.org").await;
    let (_, key) = operator.create_key(&acme.id).await;
    operator.revoke_key(&acme.id, &key).await;
    operator.resolve("bob@acme.com", Some(("https://idp.example", "bob-1"))).await;
    let unlink = v1::UnlinkIdentityRequest {
        workspace_id: acme.id.clone(),
        user_id: bob.clone(),
        issuer: "https://idp.example".to_owned(),
    };
    operator.logins().unlink_identity(unlink).await.unwrap();
    let allow = v1::AllowAddressRequest {
        workspace_id: acme.id.clone(),
        email: "guest@outside.example".to_owned(),
        ..v1::AllowAddressRequest::default()
    };
    operator.domains().allow_address(allow).await.unwrap();
    let suspend = v1::SuspendWorkspaceRequest {
        workspace_id: acme.id.clone(),
        reason: "an invoice".to_owned(),
    };
    operator.workspaces().suspend_workspace(suspend).await.unwrap();
    let resume = v1::ResumeWorkspaceRequest { workspace_id: acme.id.clone() };
    operator.workspaces().resume_workspace(resume).await.unwrap();
    let pause = v1::PauseIntegrationRequest {
        workspace_id: acme.id.clone(),
        ..v1::PauseIntegrationRequest::default()
    };
    operator.integrations().pause_integration(pause).await.unwrap();

    let expected = [
        "user created  >ada@acme.com +access",
        "user updated title",
        "user updated emails,userName ada@acme.com>lovelace@acme.com",
        "user updated active -access",
        "user updated active +access",
        "group created  +1 -0",
        "user created  >bob@acme.com +access",
        "group updated  +1 -0",
        "group updated displayName +0 -1",
        "user adopted externalId",
        "user deleted  lovelace@acme.com> -access groups",
        "user restored  >lovelace@acme.com +access groups",
        "group deleted  +0 -0",
        "group restored  +1 -0",
        "domain acme.org DOMAIN_STATE_PENDING",
        "domain acme.org DOMAIN_STATE_VERIFIED",
        "key API_KEY_ACT_MADE",
        "key API_KEY_ACT_REVOKED",
        "identity https://idp.example IDENTITY_ACT_LINKED",
        "identity https://idp.example IDENTITY_ACT_UNLINKED",
        "address guest@outside.example ADDRESS_ACT_ALLOWED",
        "workspace WORKSPACE_ACT_SUSPENDED",
        "workspace WORKSPACE_ACT_RESUMED",
        "integration INTEGRATION_STATE_PAUSED",
    ];
    let mut last = None;
    for expected in expected {
        let change = next_change(&mut feed).await;
        assert_eq!(said(&change), expected);
        assert_eq!(change.workspace_id, acme.id);
        let is_next = last.is_none_or(|last| change.revision == last + 1);
        assert!(is_next, "{} behind {last:?}", change.revision);
        last = Some(change.revision);
        match (&change.author, expected) {
            (Some(Author::IntegrationId(_)), "user created  >ada@acme.com +access") => {}
            (Some(Author::Service(name)), "user created  >bob@acme.com +access") => {
                assert_eq!(name, "operator");
            }
            (author, _) => assert!(author.is_some()),
        }
    }
}

/// An operator readmits a person and names no address, for one had none: who follows is told whom. Seen to fail
/// with the person left out of what is told.
#[tokio::test]
async fn who_is_readmitted_by_their_id_is_told_of_by_it() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    for user_name in ["4711", "ada@acme.com"] {
        let id = acme.create(user_name).await;
        let leaves = json!({"op": "replace", "value": {"active": false}});
        let body = json!({"Operations": [leaves]}).to_string();
        acme.patch(&format!("/Users/{id}"), body).await.is(200);
        let mut feed = operator.watch(of(&acme.id, WatchStart::Now)).await.unwrap();
        assert!(matches!(next(&mut feed).await.item, Some(Item::Heartbeat(_))));
        let (workspace_id, user_id) = (acme.id.clone(), id.clone());
        let ask = v1::ReadmitAddressRequest { workspace_id, email: String::new(), user_id };
        let answer = operator.logins().readmit_address(ask).await.unwrap().into_inner();
        assert!(answer.was_barred);
        let change = next_change(&mut feed).await;
        assert_eq!(said(&change), "address  ADDRESS_ACT_READMITTED");
        assert_eq!(change.author, Some(Author::Service("operator".to_owned())));
        let Some(Subject::Address(address)) = change.subject else { panic!("{change:?}") };
        assert_eq!(address.user_id, id);
    }
}

/// Makes people until it is over, on a server that comes and goes. Answers who was acknowledged.
async fn provision(
    workspace: Workspace,
    name: &'static str,
    over: Arc<AtomicBool>,
) -> BTreeSet<String> {
    let mut acknowledged = BTreeSet::new();
    let mut n = 0;
    while !over.load(Ordering::Relaxed) {
        n += 1;
        let body = json!({"userName": format!("{name}-{n}")}).to_string();
        match workspace.try_send(workspace.ask("POST", "/Users").scim(body)).await {
            Ok(answer) if answer.status == 201 => drop(acknowledged.insert(answer.text("/id"))),
            Ok(_) | Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
    acknowledged
}

/// The process is killed again and again while two workspaces are written to. Whoever follows both and goes on with
/// the last cursor has each revision once at least, in order, and everybody who was acknowledged.
#[tokio::test]
async fn nothing_is_missing_though_the_process_dies_again_and_again() {
    let nestr = Nestr::start().await;
    let (acme, globex) =
        (nestr.acme(), nestr.workspace_with_verified_domain("globex.example").await);
    let over = Arc::new(AtomicBool::new(false));
    let mut writing = JoinSet::new();
    for (workspace, name) in [(&acme, "ada"), (&acme, "bob"), (&globex, "eve")] {
        writing.spawn(provision(workspace.clone(), name, Arc::clone(&over)));
    }
    let (seed, mut told) = (seed(), BTreeMap::<String, Vec<u64>>::new());
    println!("seed {seed}");
    let (mut lot, mut cursor) = (StdRng::seed_from_u64(seed), String::new());
    let mut made = BTreeSet::new();
    for kill in 0..6 {
        let is_last = kill == 5;
        let mut acknowledged = BTreeSet::new();
        if is_last {
            over.store(true, Ordering::Relaxed);
            while let Some(done) = writing.join_next().await {
                acknowledged.extend(done.unwrap());
            }
        }
        let ask = v1::WatchRequest { cursor: cursor.clone(), ..of_all(WatchStart::Earliest) };
        let mut feed = nestr.operator().watch(ask).await.unwrap();
        let mut left = lot.random_range(1..60);
        while is_last || left > 0 {
            let answer = next(&mut feed).await;
            cursor = answer.cursor;
            match answer.item.expect("an item") {
                Item::Change(change) => {
                    told.entry(change.workspace_id).or_default().push(change.revision);
                    if let Some(Subject::User(user)) = change.subject {
                        made.insert(user.user_id);
                    }
                    left -= 1;
                }
                Item::Heartbeat(_) if is_last => break,
                _ => {}
            }
        }
        if is_last {
            assert!(acknowledged.len() > 10, "{}", acknowledged.len());
            assert!(acknowledged.is_subset(&made), "{:?}", acknowledged.difference(&made));
        } else {
            nestr.kill_dash_nine();
            nestr.start_again().await;
        }
    }
    assert_eq!(told.len(), 2);
    for revisions in told.values() {
        let mut last = 0;
        for &revision in revisions {
            assert!(revision <= last + 1, "{revision} behind {last}: {revisions:?}");
            last = last.max(revision);
        }
    }
}

/// The directory as whoever asks call by call finds it.
pub(crate) async fn as_it_is(operator: &Operator, workspace_id: &str) -> Mirrored {
    let mut is = Mirrored::default();
    let id = || workspace_id.to_owned();
    let card = v1::GetWorkspaceRequest { workspace_id: id() };
    is.card =
        Some(operator.workspaces().get_workspace(card).await.expect("an answer").into_inner());
    let domains = operator.list_domains(workspace_id).await;
    is.domains = domains.into_iter().map(|domain| (domain.domain.clone(), domain.state)).collect();
    let ask = v1::ListIntegrationsRequest { workspace_id: id() };
    let found =
        operator.integrations().list_integrations(ask).await.expect("an answer").into_inner();
    for integration in found.integrations {
        let integration = v1::Integration { status: None, ..integration };
        is.integrations.insert(integration.id.clone(), integration);
    }
    let without_groups =
        v1::View { excluded_attributes: vec!["groups".to_owned()], ..v1::View::default() };
    let mut page_token = String::new();
    loop {
        let view = Some(without_groups.clone());
        let ask = v1::ListUsersRequest {
            workspace_id: id(),
            page_token,
            view,
            ..v1::ListUsersRequest::default()
        };
        let page = operator.users().list_users(ask).await.expect("an answer").into_inner();
        is.people.extend(page.users.into_iter().map(|user| (user.id.clone(), user)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    loop {
        let ask = v1::ListGroupsRequest {
            workspace_id: id(),
            page_token,
            ..v1::ListGroupsRequest::default()
        };
        let page = operator.groups().list_groups(ask).await.expect("an answer").into_inner();
        is.groups.extend(page.groups.into_iter().map(|group| (group.id.clone(), group)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    for group in is.groups.keys() {
        let ask = v1::ListMembersRequest {
            workspace_id: id(),
            group_id: group.clone(),
            ..v1::ListMembersRequest::default()
        };
        let page = operator.groups().list_members(ask).await.expect("an answer").into_inner();
        is.members.extend(page.members.into_iter().map(|member| (group.clone(), member.value)));
    }
    is
}

/// For who writes as fast as they can.
pub(crate) const UNBOUNDED: [&str; 6] =
    ["--demo", "acme.com", "--rate", "100000", "--burst", "100000"];

/// Comes and goes at random, a write each `pace`: people and groups are made, changed, joined, removed and brought
/// back, until it is over.
pub(crate) async fn unrest(workspace: Workspace, seed: u64, pace: Duration, over: Arc<AtomicBool>) {
    let operator = workspace.operator();
    let (mut lot, mut people, mut groups) =
        (StdRng::seed_from_u64(seed), Vec::<String>::new(), Vec::<String>::new());
    for n in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        sleep(pace).await;
        let mut some = |of: &[String]| of.get(lot.random_range(0..of.len().max(1))).cloned();
        let (person, group) = (some(&people), some(&groups));
        match (lot.random_range(0..9), person, group) {
            (1, Some(person), _) => {
                let title = json!({"op": "replace", "value": {"title": format!("title {n}")}});
                let body = json!({"Operations": [title]}).to_string();
                workspace.patch(&format!("/Users/{person}"), body).await;
            }
            (2, _, _) => {
                let members: Vec<_> =
                    people.iter().rev().take(5).map(|p| json!({"value": p})).collect();
                let group = json!({"displayName": format!("{seed}-{n}"), "members": members});
                let made = workspace.post("/Groups", group.to_string()).await.is(201);
                groups.push(made.text("/id"));
            }
            (3 | 4, Some(person), Some(group)) => {
                let op = if lot.random() { "add" } else { "remove" };
                let edit = json!({"op": op, "path": "members", "value": [{"value": person}]});
                let body = json!({"Operations": [edit]}).to_string();
                workspace.patch(&format!("/Groups/{group}"), body).await;
            }
            (5, Some(person), _) => {
                workspace.delete(&format!("/Users/{person}")).await;
                if lot.random() {
                    let _ = operator.restore(&workspace.id, &person).await;
                }
            }
            (6, _, Some(group)) => {
                workspace.delete(&format!("/Groups/{group}")).await;
                if lot.random() {
                    let ask = v1::RestoreGroupRequest {
                        workspace_id: workspace.id.clone(),
                        id: group,
                        ..v1::RestoreGroupRequest::default()
                    };
                    let _ = operator.groups().restore_group(ask).await;
                }
            }
            (7, Some(member), Some(group)) => {
                // A group in a group.
                let inner = groups.last().cloned().unwrap_or(member);
                let edit = json!({"op": "add", "path": "members", "value": [{"value": inner}]});
                let body = json!({"Operations": [edit]}).to_string();
                workspace.patch(&format!("/Groups/{group}"), body).await;
            }
            _ => people.push(workspace.create(&format!("{seed}-{n}")).await),
        }
    }
}

/// A mirror that is written from the contract alone, begun with a snapshot while others write, cut off at any
/// point of it and afterwards, ends as the directory is: of one workspace, and of all. Seen to fail with changes
/// that follow from the end of the snapshot instead of its beginning, and without the members of a group that is
/// brought back.
#[tokio::test]
async fn a_mirror_ends_as_the_directory_is_though_many_write() {
    let nestr = Nestr::start_with(&UNBOUNDED).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let globex = nestr.workspace_with_verified_domain("globex.example").await;
    let seed = seed();
    println!("seed {seed}");
    let over = Arc::new(AtomicBool::new(false));
    let mut unrests = JoinSet::new();
    for (workspace, n) in [(&acme, 1), (&acme, 2), (&globex, 3)] {
        let seed = (seed >> 8) + n;
        unrests.spawn(unrest(workspace.clone(), seed, Duration::ZERO, Arc::clone(&over)));
    }
    // There is something to begin with.
    sleep(Duration::from_secs(2)).await;
    let mut mirrors = JoinSet::new();
    for (n, ask) in
        [of(&acme.id, WatchStart::Snapshot), of_all(WatchStart::Snapshot)].into_iter().enumerate()
    {
        let (operator, over) = (operator.clone(), Arc::clone(&over));
        let mut lot = StdRng::seed_from_u64(seed + n as u64);
        mirrors.spawn(async move {
            let (mut mirror, mut is_calm_since) = (Mirror::default(), None);
            loop {
                let ask = v1::WatchRequest { cursor: mirror.cursor.clone(), ..ask.clone() };
                let mut feed = operator.watch(ask).await.unwrap();
                for _ in 0..lot.random_range(20..200) {
                    let answer = next(&mut feed).await;
                    let is_quiet = matches!(answer.item, Some(Item::Heartbeat(_)));
                    mirror.take(answer);
                    // The first sign that nothing is left may be from before the last write.
                    match (is_quiet && over.load(Ordering::Relaxed), is_calm_since) {
                        (true, None) => is_calm_since = Some(Instant::now()),
                        (true, Some(_)) => return mirror,
                        (false, _) => {}
                    }
                    // Others get a word in.
                    sleep(Duration::from_millis(u64::from(lot.random_ratio(1, 4)))).await;
                }
            }
        });
    }
    sleep(Duration::from_secs(4)).await;
    over.store(true, Ordering::Relaxed);
    while let Some(done) = unrests.join_next().await {
        done.unwrap();
    }
    let [acme_is, globex_is] =
        [as_it_is(&operator, &acme.id).await, as_it_is(&operator, &globex.id).await];
    assert!(acme_is.people.len() > 20 && acme_is.members.len() > 5, "much was done");
    let is =
        |workspace: &Workspace, is: &Mirrored| (workspace.id.clone(), is.clone().without_stamps());
    let mut compared = 0;
    while let Some(mirror) = mirrors.join_next().await {
        let mirror = mirror.unwrap();
        for (id, is) in [is(&acme, &acme_is), is(&globex, &globex_is)] {
            let Some(copy) = mirror.copies.get(&id).cloned() else { continue };
            let copy = copy.without_stamps();
            assert_eq!(copy.people, is.people);
            assert_eq!(copy.members, is.members);
            assert_eq!(copy, is);
            compared += 1;
        }
    }
    assert_eq!(compared, 3);
}

/// Nothing happens, and it is told so. Seen to fail without heartbeats.
#[tokio::test]
async fn a_quiet_workspace_has_a_heartbeat() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let heartbeat_interval = Some(pbjson_types::Duration { seconds: 1, nanos: 0 });
    let ask = v1::WatchRequest { heartbeat_interval, ..of(&acme.id, WatchStart::Now) };
    let mut feed = operator.watch(ask.clone()).await.unwrap();
    let mut beats = Vec::new();
    for _ in 0..3 {
        let answer = next(&mut feed).await;
        let Some(Item::Heartbeat(beat)) = answer.item else { panic!("{answer:?}") };
        beats.push((beat.as_of_time.expect("a time"), answer.cursor));
    }
    assert!(beats.is_sorted_by_key(|(time, _)| (time.seconds, time.nanos)), "{beats:?}");
    drop(feed);
    acme.create("ada").await;
    let cursor = beats.pop().expect("a beat").1;
    let mut feed = operator.watch(v1::WatchRequest { cursor, ..ask }).await.unwrap();
    assert_eq!(said(&next_change(&mut feed).await), "user created ");
}

/// Seen to fail with streams that wait for their heartbeat.
#[tokio::test]
async fn a_change_is_told_within_a_tenth_of_a_second() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let mut feed = nestr.operator().watch(of_all(WatchStart::Now)).await.unwrap();
    next(&mut feed).await;
    let mut slowest = Duration::ZERO;
    for n in 0..20 {
        acme.create(&format!("p{n}")).await;
        let answered = Instant::now();
        next_change(&mut feed).await;
        slowest = slowest.max(answered.elapsed());
    }
    assert!(slowest < 5 * DELIVERY, "{slowest:?}");
}

/// One that takes nothing for a while finds everything in order when it reads on; one beside it waits for nobody.
/// Seen to fail with a stream that drops what its reader does not take.
#[tokio::test]
async fn a_slow_reader_is_waited_for_and_holds_up_no_other() {
    const PEOPLE: u64 = 400;
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let mut slow = operator.watch(of(&acme.id, WatchStart::Now)).await.unwrap();
    let mut fast = operator.watch(of(&acme.id, WatchStart::Now)).await.unwrap();
    // Long enough to fill every buffer on the way.
    let title = "x".repeat(20_000);
    let mut making = JoinSet::new();
    for n in 0..PEOPLE {
        let body = json!({"userName": format!("p{n}"), "title": title}).to_string();
        let acme = acme.clone();
        making.spawn(async move { acme.post("/Users", body).await.status });
        if n % 20 == 0 {
            while making.len() > 20 {
                assert_eq!(making.join_next().await.unwrap().unwrap(), 201);
            }
        }
    }
    let mut first = None;
    for n in 0..PEOPLE {
        let change = next_change(&mut fast).await;
        assert_eq!(change.revision, *first.get_or_insert(change.revision) + n);
    }
    assert!(making.join_all().await.iter().all(|status| *status == 201));
    for n in 0..PEOPLE {
        assert_eq!(next_change(&mut slow).await.revision, first.unwrap() + n);
    }
}

/// Whoever watches is told at the end, and nobody has to be cut off for it. Seen to fail without the end.
#[tokio::test]
async fn a_watch_ends_in_order_with_the_process() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let mut feed = nestr.operator().watch(of(&acme.id, WatchStart::Now)).await.unwrap();
    let cursor = next(&mut feed).await.cursor;
    acme.create("ada").await;
    nestr.ask_to_end();
    let last = async {
        loop {
            if let Err(ended) = feed.message().await {
                return ended;
            }
        }
    };
    let (ended, status) = tokio::join!(timeout(PATIENCE, last), nestr.ended());
    let ended = ended.expect("an end in time");
    assert_eq!((ended.code(), Reason::of(&ended)), (Code::Unavailable, Some(Reason::Unavailable)));
    assert!(status.success());
    assert!(!nestr.log().contains("are cut"), "{}", nestr.log());
    nestr.start_again().await;
    let ask = v1::WatchRequest { cursor, ..of(&acme.id, WatchStart::Now) };
    let mut feed = nestr.operator().watch(ask).await.unwrap();
    assert_eq!(said(&next_change(&mut feed).await), "user created ");
}

//! What every store must do, whatever its engine. A case is a promise, and an engine joins by a line
//! in [`every_store_must`].

mod audit;
mod domain_checks;
mod domains;
mod engines;
mod feed;
mod filters;
mod groups;
mod integrations;
mod joining;
mod leavers;
mod model;
mod notices;
mod order;
mod people;
mod receipts;
mod removal;
mod state_machine;
mod steps;
mod traits;
mod waiting;
mod workspaces;
mod writes;

use serde_json::Value;

use super::{
    Admission, Answer, Author, Binding, DecidedHow, Decision, Domain, DomainState, Draft, Footing,
    Integration, IntegrationState, JoiningStore, Kind, LoginEmail, Mark, Met, Names, OperationId,
    Page, Passage, Policy, Provided, Query, Revision, Start, Store, User, Workspace,
    WorkspaceStore, Write,
};
use crate::clock::Micros;
use crate::ids::{IntegrationId, UserId, WorkspaceId};
use crate::refusal::Refusal;
use engines::Engine;

macro_rules! every_store_must {
    ($($file:ident :: $case:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$file::$case(<super::engines::Sqlite as super::Engine>::start().await).await;
                    crate::store::sqlite::plans::assert_served();
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$file::$case(<super::engines::Postgres as super::Engine>::start().await).await;
                }
            )*
        }
        mod pooled_postgres {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$file::$case(super::engines::Postgres::pooled().await).await;
                }
            )*
        }
    };
}

/// What is the same on a PostgreSQL with a standby. Where nobody allows it nothing is read there.
mod followed_postgres {
    use super::engines::Postgres;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn read_as_new_as_asked_for() {
        super::people::read_as_new_as_asked_for(Postgres::followed().await).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn read_each_write_as_soon_as_it_is_answered() {
        super::people::read_each_write_as_soon_as_it_is_answered(Postgres::followed().await).await;
    }
}

every_store_must![
    audit::change_a_workspace_and_tell_who_did,
    audit::list_acts_by_who_what_and_when,
    audit::record_each_administrative_act_once,
    domain_checks::give_a_check_that_is_due_to_one_at_a_time,
    domain_checks::give_the_check_of_a_claim_to_one_at_a_time,
    domain_checks::keep_what_is_known_of_a_claims_record,
    domains::count_the_people_of_a_domain,
    domains::let_one_of_many_verifications_of_a_domain_win,
    domains::list_what_waits_in_order_of_waiting,
    domains::tell_who_else_has_a_domain_or_waits_for_it,
    feed::clear_the_earliest_changes_first,
    feed::end_a_page_where_it_gets_long,
    feed::give_out_no_place_again,
    feed::tell_of_each_commit,
    feed::tell_the_changes_of_all_in_order_without_a_gap,
    filters::answer_filters_as_the_pure_evaluator_does,
    filters::answer_the_longest_and_the_deepest_filter,
    filters::list_in_order_of_creation,
    filters::serve_each_known_query_from_an_index,
    filters::show_an_external_id_to_its_integration_alone,
    groups::add_and_remove_members,
    groups::answer_filters_on_members_as_the_pure_evaluator_does,
    groups::keep_the_members_of_a_removed_group_with_its_tombstone,
    groups::let_many_add_at_once_and_lose_nobody,
    groups::name_the_holder_of_a_groups_name,
    groups::never_empty_a_group_for_members_it_does_not_know,
    groups::put_who_comes_back_into_their_groups,
    groups::tell_what_a_person_belongs_to,
    groups::read_several_groups_at_once,
    groups::walk_all_who_belong_to_a_group_in_pages,
    groups::walk_the_members_of_a_group_in_pages,
    integrations::keep_what_an_integration_was_seen_to_do,
    integrations::let_a_key_take_the_place_of_another_in_one_write,
    integrations::refuse_the_writes_of_whoever_was_shut_out_meanwhile,
    integrations::refuse_the_writes_that_come_through_a_key_which_has_ended,
    integrations::show_a_suspension_with_each_key_and_account,
    integrations::show_the_others_to_whoever_decides,
    joining::allow_outside_addresses,
    joining::ask_again_about_an_allowed_address,
    leavers::bar_addresses_to_those_who_left,
    leavers::bar_an_address_longer_than_its_tombstone,
    leavers::readmit_an_address_or_a_person,
    leavers::remember_of_the_removed_whether_they_had_left,
    joining::list_who_waits_for_a_login_email,
    leavers::keep_the_identities_of_the_removed_until_they_are_let_in,
    joining::close_the_workspace_with_the_first_person_of_an_integration,
    joining::keep_refused_domains_until_they_are_verified,
    joining::link_an_identity_to_whom_it_is_decided,
    joining::tell_a_sign_in_what_it_meets,
    notices::forget_what_has_ended_long_ago,
    notices::give_a_taken_notice_to_nobody_else,
    notices::keep_a_notice_with_its_decision_or_not_at_all,
    notices::keep_one_notice_of_a_name,
    notices::list_keys_that_end_in_pages,
    notices::tell_when_a_notice_is_kept,
    notices::try_a_notice_until_it_is_sent_or_given_up,
    order::find_any_place_of_everybody,
    order::sort_as_the_pure_order_does,
    order::walk_by_marks_past_comings_and_goings,
    people::adopt_an_unbound_person,
    people::find_who_is_met_by_either_name,
    people::keep_the_before_image,
    people::let_one_of_a_hundred_creations_of_a_name_win,
    people::name_the_holder_of_a_login_email,
    people::read_as_new_as_asked_for,
    people::read_each_write_as_soon_as_it_is_answered,
    people::read_several_people_at_once,
    people::record_who_is_protected,
    people::remember_what_an_integration_has_said,
    people::sign_in_where_the_domain_is_verified,
    receipts::keep_who_has_acknowledged_the_end_of_an_access_and_since_when,
    receipts::forget_who_has_gone,
    receipts::wait_for_each_consumer_by_itself,
    removal::answer_the_revision_of_a_removal,
    removal::clear_what_has_expired,
    removal::name_the_removed_person_whom_a_new_one_resembles,
    removal::refuse_a_restore_when_the_name_is_taken,
    removal::remove_to_a_tombstone_and_restore,
    state_machine::agree_with_a_model_after_every_step,
    traits::be_empty_where_there_is_no_workspace,
    traits::keep_the_first_card_of_a_workspace,
    traits::leave_expiry_and_revocation_to_the_caller,
    traits::list_the_removed_in_order_of_their_making,
    traits::say_in_a_change_what_became_of_it,
    traits::show_the_policy_to_every_decision,
    traits::sign_in_the_living_by_the_last_part_of_an_address,
    waiting::give_a_domain_whose_people_wait_to_one_at_a_time,
    waiting::mark_a_domain_whose_people_wait_as_it_is_verified,
    workspaces::end_bindings_when_an_integration_is_off,
    workspaces::keep_workspaces_apart,
    workspaces::open_with_a_key_what_it_was_made_for,
    workspaces::refuse_writes_to_a_workspace_that_is_not_there,
    workspaces::survive_reopening,
    writes::find_the_first_result_of_a_repeated_operation,
    writes::leave_no_trace_of_a_refused_change,
    writes::number_writes_without_a_gap,
    writes::take_no_revision_for_what_changes_nothing,
];

/// When everything happens that says nothing else.
const NOW: Micros = 1_700_000_000_000_000;

/// The n-th id of a test.
fn uuid(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}

fn user_id(n: u128) -> UserId {
    UserId::new(uuid(n))
}

fn integration_id(n: u128) -> IntegrationId {
    IntegrationId::new(uuid(n))
}

/// A new workspace.
async fn workspace<S: Store>(store: &S, n: u128) -> S::Workspace {
    let id = WorkspaceId::new(uuid(n));
    let card = Workspace::new(id, format!("Workspace {n}"), "admin@acme.com", NOW);
    store.create_workspace(write("make the workspace"), card).await.unwrap();
    store.workspace(id)
}

/// A write by a service.
fn write(operation: &str) -> Write {
    let author = Author::Service("test".to_owned());
    Write { operation: OperationId(operation.to_owned()), author, at: NOW }
}

/// A write by an identity provider.
fn write_by(integration: IntegrationId, operation: &str) -> Write {
    Write { author: Author::Integration(integration), ..write(operation) }
}

fn login(address: &str) -> LoginEmail {
    LoginEmail { address: address.to_owned(), key: scim::fold::fold(address) }
}

/// A draft of a person, by the document.
fn draft(document: &Value) -> Draft {
    let resource = scim::Schemas::standard().user().read_value(document.clone()).unwrap();
    Draft {
        resource,
        login_email: None,
        binding: None,
        provided: Provided::default(),
        is_protected: false,
        predecessor: None,
        is_guest: false,
        passage: Passage::default(),
    }
}

fn named(user_name: &str) -> Draft {
    draft(&serde_json::json!({ "userName": user_name }))
}

/// That an integration has said something of these.
fn provided(names: &[&str]) -> Provided {
    Provided::default().and(&names.iter().map(|&name| name.to_owned()).collect())
}

impl Draft {
    fn signed_in_by(self, address: &str) -> Self {
        Self { login_email: Some(login(address)), ..self }
    }

    fn bound_to(self, integration_id: IntegrationId, external_id: Option<&str>) -> Self {
        let external_id = external_id.map(str::to_owned);
        Self { binding: Some(Binding { integration_id, external_id }), ..self }
    }
}

/// Makes a person, whoever is there already: the store alone decides.
async fn create<W: WorkspaceStore>(
    workspace: &W,
    write: Write,
    id: UserId,
    draft: Draft,
) -> Answer<User> {
    let names = Names {
        user_name: scim::fold::fold(draft.resource.user_name().unwrap()),
        login_email: draft.login_email.clone(),
        external_id: draft.binding.as_ref().and_then(|b| b.external_id.clone()),
    };
    let decide = move |_: &Policy, _: &Met| Ok(Admission::Create(draft.clone()));
    workspace.create_user(write, id, names, decide).await
}

/// Makes of a person what the draft says.
async fn change<W: WorkspaceStore>(
    workspace: &W,
    operation: &str,
    id: UserId,
    draft: Draft,
) -> Answer<User> {
    workspace.change_user(write(operation), id, move |_, _| Ok(draft.clone())).await
}

/// Removes a person, to a tombstone for an hour.
async fn remove<W: WorkspaceStore>(workspace: &W, operation: &str, id: UserId) -> Answer<Revision> {
    let expires_at = NOW + 60 * crate::clock::MINUTE;
    workspace.remove_user(write(operation), id, expires_at, |_| Ok(Passage::default())).await
}

/// The accounts that an address alone signs in to: workspace, person, and whether they are active.
async fn accounts<S: Store>(store: &S, email: LoginEmail) -> Vec<(WorkspaceId, UserId, bool)> {
    let met = store.doorsteps(email, None).await.unwrap();
    let account = |step: super::Doorstep| {
        let holder = step.by_email.filter(|holder| holder.footing == Footing::Verified)?;
        Some((step.workspace_id, holder.user_id, holder.active))
    };
    met.into_iter().filter_map(account).collect()
}

/// Has a domain verified.
async fn verify<W: WorkspaceStore>(workspace: &W, name: &str) -> Answer<Domain> {
    let decision = decision("");
    let domain = Domain { decision: Some(decision), ..claim(name, NOW, DomainState::Verified) };
    let operation = write(&format!("verify {name}"));
    workspace.change_domain(operation, name.to_owned(), move |_, _| Ok(domain.clone().into())).await
}

fn claim(name: &str, claimed_at: Micros, state: DomainState) -> Domain {
    Domain {
        name: name.to_owned(),
        state,
        contact_email: "admin@acme.com".to_owned(),
        claimed_at,
        claimed_by: "settings".to_owned(),
        challenge: "abc123".to_owned(),
        decision: None,
    }
}

/// An operator's word on a claim.
fn decision(note: &str) -> Decision {
    let (by, how) = ("olga".to_owned(), DecidedHow::Operator);
    Decision { at: NOW, by, how, note: note.to_owned() }
}

/// Brings an integration into a state.
async fn switch<W: WorkspaceStore>(
    workspace: &W,
    operation: &str,
    id: IntegrationId,
    state: IntegrationState,
) -> Answer<Integration> {
    let integration =
        Integration { id, display_name: "Entra".to_owned(), kind: 1, state, created_at: NOW };
    let decide = move |_: &[Domain], _: &[Integration]| Ok(integration.clone());
    workspace.change_integration(write(operation), id, decide).await
}

fn no() -> Refusal {
    Refusal::new(directory_api::v1::Reason::DomainNotVerified, "no")
}

/// A question for everybody who passes the filter, as `viewer` sees them.
fn query(filter: &str, viewer: Option<IntegrationId>) -> Query {
    query_of(Kind::User, filter, viewer)
}

/// A question for all of a kind that pass the filter, as `viewer` sees them.
fn query_of(kind: Kind, filter: &str, viewer: Option<IntegrationId>) -> Query {
    let filter = scim::filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
    let filter = filter.bind(kind.resource_type()).unwrap();
    Query {
        filter: Some(filter),
        viewer,
        sort: None,
        start: Start::After(Mark::of(0)),
        limit: 1_000,
    }
}

fn ids(page: &Page<User>) -> Vec<UserId> {
    page.rows.iter().map(|user| user.id).collect()
}

/// The last revision that the workspace gave out.
async fn revision<W: WorkspaceStore>(workspace: &W) -> u64 {
    workspace.card().await.unwrap().unwrap().revision
}

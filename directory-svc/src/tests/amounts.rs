//! Groups of more members than a message holds, and many writes in one call.

use std::path::Path;

use directory_api::v1::group_service_client::GroupServiceClient;
use directory_api::v1::resource_service_client::ResourceServiceClient;
use rusqlite::{Connection, params};
use serde_json::Value;
use uuid::Uuid;

use super::*;

/// The most members that one message holds, as `docs/limits.md` tells it.
const MEMBERS: usize = 50_000;

/// How many transactions 1,000 creations may take at most. Those that the writer can take at once are 256,
/// and what else is written meanwhile, such as the use of a key, comes on top.
const TRANSACTIONS: usize = 20;

impl House {
    fn by_the_idp<T>(&self, ask: T) -> Request<T> {
        let mut ask = Request::new(ask);
        let bearer = format!("Bearer {}", self.demo.api_key.expose()).parse().unwrap();
        ask.metadata_mut().insert(directory_api::SCIM_AUTHORIZATION, bearer);
        ask
    }

    fn groups(&self) -> GroupServiceClient<InProcess> {
        GroupServiceClient::new(InProcess::new(self.router.clone()))
            .max_decoding_message_size(usize::MAX)
    }

    fn resources(&self) -> ResourceServiceClient<InProcess> {
        ResourceServiceClient::new(InProcess::new(self.router.clone()))
            .max_decoding_message_size(usize::MAX)
    }

    async fn make_group(&self, display_name: &str) -> String {
        let text = format!(r#"{{"displayName":"{display_name}"}}"#);
        let ask = self.by_the_idp(v1::CreateGroupRequest {
            workspace_id: self.demo.workspace_id.to_string(),
            resource: Some(v1::create_group_request::Resource::ScimJson(text)),
            ..v1::CreateGroupRequest::default()
        });
        self.groups().create_group(ask).await.unwrap().into_inner().id
    }

    /// Another connection to the store's file.
    fn beside(&self) -> Connection {
        Connection::open(self.dir.path().join("directory.sqlite3")).unwrap()
    }

    /// Gives a group the members 1 to `count`, as rows: nobody asks who they are.
    fn fill(&self, group: &str, count: usize) {
        let of = [self.demo.workspace_id.uuid(), Uuid::parse_str(group).unwrap()];
        let [workspace, group] = of.map(|id| id.as_bytes().to_vec());
        let store = self.beside();
        let members = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3) \
                       INSERT OR IGNORE INTO group_member (workspace_id, group_id, member_id, kind) \
                       SELECT ?1, ?2, unhex(printf('%032x', i)), 'user' FROM n";
        store.execute(members, params![workspace, group, count]).unwrap();
        let told = "UPDATE scim_group SET member_count = ?3 WHERE workspace_id = ?1 AND id = ?2";
        assert_eq!(store.execute(told, params![workspace, group, count]).unwrap(), 1);
    }
}

fn members(text: &str) -> usize {
    let group: Value = serde_json::from_str(text).unwrap();
    group["members"].as_array().map_or(0, Vec::len)
}

/// Seen to fail with a bound of one more, with none, with a page of groups, and one of all, that does not
/// end before such a group, and with the answer to a write that does not look at the bound.
#[tokio::test]
async fn a_group_too_large_for_a_message_is_read_in_pieces_and_ends_a_page() {
    let house = House::new().await;
    let workspace_id = || house.demo.workspace_id.to_string();
    let mut made = Vec::new();
    for name in ["First", "Everybody", "Last"] {
        made.push(house.make_group(name).await);
    }
    let everybody = &made[1];
    let mut groups = house.groups();
    let json = v1::View {
        format: v1::view::Format::ScimJson.into(),
        attributes: vec!["members".to_owned()],
        ..v1::View::default()
    };
    let one = v1::GetGroupRequest {
        workspace_id: workspace_id(),
        id: everybody.clone(),
        view: Some(json.clone()),
        ..v1::GetGroupRequest::default()
    };
    let all = v1::ListGroupsRequest {
        workspace_id: workspace_id(),
        view: Some(json.clone()),
        ..v1::ListGroupsRequest::default()
    };
    let ids = |page: &v1::ListGroupsResponse| {
        page.groups.iter().map(|group| group.id.clone()).collect::<Vec<_>>()
    };

    house.fill(everybody, MEMBERS);
    let whole = groups.get_group(house.by_the_idp(one.clone())).await.unwrap().into_inner();
    assert_eq!(members(&whole.scim_json), MEMBERS);
    let page = groups.list_groups(house.by_the_idp(all.clone())).await.unwrap().into_inner();
    assert_eq!((ids(&page), page.next_page_token.as_str()), (made.clone(), ""));

    house.fill(everybody, MEMBERS + 1);
    let refused = groups.get_group(house.by_the_idp(one)).await.unwrap_err();
    assert_eq!(Reason::of(&refused), Some(Reason::TooMany), "{refused}");
    let patch = v1::PatchGroupRequest {
        workspace_id: workspace_id(),
        id: everybody.clone(),
        operations: vec![v1::PatchOperation {
            op: "replace".to_owned(),
            path: Some("displayName".to_owned()),
            operand: Some(v1::patch_operation::Operand::ValueJson(r#""All""#.to_owned())),
        }],
        view: Some(json.clone()),
        ..v1::PatchGroupRequest::default()
    };
    let patched = groups.patch_group(house.by_the_idp(patch)).await.unwrap().into_inner();
    assert_eq!((&patched.id, patched.scim_json.as_str()), (everybody, ""));

    let read = v1::ReadGroupRequest {
        workspace_id: workspace_id(),
        id: everybody.clone(),
        view: Some(json.clone()),
        ..v1::ReadGroupRequest::default()
    };
    let mut pieces = groups.read_group(house.by_the_idp(read)).await.unwrap().into_inner();
    let mut text = String::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        text.push_str(&piece.scim_json);
    }
    assert_eq!(members(&text), MEMBERS + 1);

    let page = groups.list_groups(house.by_the_idp(all.clone())).await.unwrap().into_inner();
    assert_eq!(ids(&page), made[..1]);
    let rest = v1::ListGroupsRequest { page_token: page.next_page_token, ..all };
    let refused = groups.list_groups(house.by_the_idp(rest.clone())).await.unwrap_err();
    assert_eq!(Reason::of(&refused), Some(Reason::TooMany), "{refused}");
    assert!(refused.message().contains(everybody), "{refused}");
    let any = v1::ListResourcesRequest {
        workspace_id: workspace_id(),
        view: Some(json.clone()),
        ..v1::ListResourcesRequest::default()
    };
    let mut resources = house.resources();
    let page = resources.list_resources(house.by_the_idp(any)).await.unwrap().into_inner();
    assert_eq!((page.resources.len(), page.next_page_token.is_empty()), (1, false));
    let without = v1::View {
        format: v1::view::Format::ScimJson.into(),
        excluded_attributes: vec!["members".to_owned()],
        ..v1::View::default()
    };
    let rest = v1::ListGroupsRequest { view: Some(without), ..rest };
    let page = groups.list_groups(house.by_the_idp(rest)).await.unwrap().into_inner();
    assert_eq!((ids(&page), page.next_page_token.as_str()), (made[1..].to_vec(), ""));
}

/// How many transactions the log of the store holds: a frame that ends one tells the length of the file
/// (SQLite's file format, section 4.1).
fn transactions(dir: &Path) -> usize {
    let log = std::fs::read(dir.join("directory.sqlite3-wal")).unwrap();
    let (head, frames) = log.split_at(32);
    let page = u32::from_be_bytes(head[8..12].try_into().unwrap());
    let frames = frames.chunks_exact(24 + usize::try_from(page).unwrap());
    frames.filter(|frame| frame[8..16] == head[16..24] && frame[4..8] != [0; 4]).count()
}

/// RFC 7644 section 3.7. All are queued while the writer waits, so that what is counted does not depend
/// on how fast the disk is. Seen to fail with the operations done one after the other.
#[tokio::test]
async fn a_bulk_of_a_thousand_takes_few_transactions() {
    let house = House::new().await;
    let operations = (0..1_000).map(|n| v1::BulkOperation {
        method: "POST".to_owned(),
        path: "/Users".to_owned(),
        bulk_id: n.to_string(),
        data_json: format!(r#"{{"userName":"p{n}"}}"#),
        ..v1::BulkOperation::default()
    });
    let ask = house.by_the_idp(v1::BulkWriteRequest {
        workspace_id: house.demo.workspace_id.to_string(),
        operations: operations.collect(),
        ..v1::BulkWriteRequest::default()
    });
    let mut resources = house.resources();
    // Who reads what stood before keeps the log from starting over.
    let (reads, holds) = (house.beside(), house.beside());
    reads.execute_batch("BEGIN; SELECT count(*) FROM migration").unwrap();
    holds.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = transactions(house.dir.path());

    let bulk = tokio::spawn(async move { resources.bulk_write(ask).await });
    // Each turn brings some of the operations to the queue.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    holds.execute_batch("ROLLBACK").unwrap();
    let results = bulk.await.unwrap().unwrap().into_inner().results;

    assert_eq!(results.iter().filter(|result| !result.location.is_empty()).count(), 1_000);
    let taken = transactions(house.dir.path()) - before;
    assert!((1..=TRANSACTIONS).contains(&taken), "{taken} transactions");
}

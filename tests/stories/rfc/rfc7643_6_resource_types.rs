//! RFC 7643 section 6: resource types.

use serde_json::Value;

use crate::harness::Nestr;

/// `name`, `endpoint` and `schema` are REQUIRED, and of each extension `schema` and `required`. What they
/// name is there.
#[tokio::test]
async fn each_resource_type_leads_to_its_endpoint_and_its_schemas() {
    let acme = Nestr::start().await.acme();
    let types = acme.get("/ResourceTypes").await.rows();
    let names: Vec<&Value> = types.iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["User", "Group"]);
    for row in &types {
        assert_eq!(row["schemas"][0], "urn:ietf:params:scim:schemas:core:2.0:ResourceType");
        acme.get(row["endpoint"].as_str().unwrap()).await.is(200);
        let extensions = row["schemaExtensions"].as_array().unwrap();
        assert!(extensions.iter().all(|extension| extension["required"].is_boolean()), "{row}");
        let schemas = extensions.iter().map(|extension| &extension["schema"]);
        for schema in schemas.chain([&row["schema"]]) {
            let schema = schema.as_str().unwrap();
            assert_eq!(acme.get(&format!("/Schemas/{schema}")).await.is(200).text("/id"), schema);
        }
    }
}

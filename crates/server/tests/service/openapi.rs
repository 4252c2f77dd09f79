//! `docs/openapi.json` has every route and no other, and its schemas have the fields of the answers.

use crate::support::Site;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Method and path of every operation in the document.
fn documented(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = METHODS.iter().filter(|method| item.get(**method).is_some());
        methods.map(|method| ((*method).to_owned(), path.clone()))
    });
    operations.collect()
}

/// Method and path of every `.route(…)` in the sources of the routers: a router does not tell what it has.
fn routed() -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    for source in [include_str!("../../src/http/router.rs"), include_str!("../../src/http/admin.rs")] {
        for call in source.split(".route(").skip(1) {
            let (path, rest) = call.split_once(',').unwrap();
            let path = match path.strip_prefix("paths::") {
                Some(name) => api::routes::ALL.iter().find(|(known, _)| *known == name).unwrap().1,
                None => path.trim().trim_matches('"'),
            };
            let rest = rest.split_once(".route_layer").map_or(rest, |(rest, _)| rest);
            for method in METHODS.iter().filter(|method| rest.contains(&format!("{method}("))) {
                routes.insert(((*method).to_owned(), path.to_owned()));
            }
        }
    }
    routes
}

#[test]
fn every_route_is_documented_and_no_other() {
    assert_eq!(documented(&document()), routed());
}

#[test]
fn the_server_knows_every_route_of_the_document() {
    let site = Site::new();
    for (method, path) in documented(&document()) {
        let id = "00000000000000000000000000000001";
        let filled: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect();
        let line = format!("{} {}", method.to_uppercase(), filled.join("/"));
        let answer = site.ask("Bearer nobody", &line, None);
        assert!(![404, 405].contains(&answer.status), "{line}: {answer:?}");
    }
}

/// The names of the fields of a schema.
fn properties<'a>(document: &'a Value, name: &str) -> BTreeSet<&'a str> {
    let schema = &document["components"]["schemas"][name]["properties"];
    schema.as_object().unwrap_or_else(|| panic!("no schema {name}")).keys().map(String::as_str).collect()
}

#[track_caller]
fn fits(document: &Value, name: &str, answer: &Value) {
    let fields: BTreeSet<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, properties(document, name), "{name}");
}

fn to_json(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn schemas_have_the_fields_of_the_answers() {
    let (site, document) = (Site::new(), document());
    let device = site.device("anna");
    let path = format!("/v1/admin/devices/{}", device.answer.device_id);
    fits(&document, "User", &site.admin("GET /v1/admin/users/anna", None));
    fits(&document, "Device", &site.admin(&format!("GET {path}"), None));
    fits(&document, "Order", &site.admin(&format!("POST {path}/start"), None));
    fits(&document, "Token", &site.admin(&format!("POST {path}/replace"), Some(&json!({}))));
    fits(&document, "Group", &site.admin("GET /v1/admin/groups", None)[0]);
    fits(&document, "Storage", &site.admin("GET /v1/admin/storage", None));
    let events = site.admin(&format!("GET {path}/events"), None);
    fits(&document, "Events", &events);
    fits(&document, "Event", &events["events"][0]);
    let view = site.admin("GET /v1/admin/policy", None);
    fits(&document, "PolicyView", &view);
    fits(&document, "Policy", &view["policy"]);
    fits(&document, "Origins", &view["origins"]);
    for (name, field) in
        [("Retention", "retention"), ("Notifications", "notifications"), ("Schedule", "schedule")]
    {
        fits(&document, name, &view["policy"][field]);
    }
    let connection = device.remote.connection();
    let state = to_json(connection.device_state().unwrap());
    fits(&document, "DeviceState", &state);
    let order =
        &document["components"]["schemas"]["DeviceState"]["properties"]["orders"]["items"]["properties"];
    let told: Vec<_> = state["orders"][0].as_object().unwrap().keys().collect();
    assert_eq!(told, order.as_object().unwrap().keys().collect::<Vec<_>>());
    fits(&document, "PolicyAnswer", &to_json(connection.policy().unwrap()));
    fits(&document, "Quota", &to_json(connection.quota().unwrap()));
    fits(&document, "Health", &to_json(connection.health().unwrap()));
    fits(&document, "ActivateAnswer", &to_json(&device.answer));
    fits(&document, "VaultAnswer", &to_json(connection.vault(device.vault()).unwrap()));
}

//! Groups and policies: layers, what is refused, what they decide, and that they outlive the database.

use crate::support::Site;
use crate::support::agent::{DEFAULT, noise};
use model::{Code, Custody};
use serde_json::{Map, Value, json};
use server::admin::{Command, PolicyOf, RetentionChange};

fn fields(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn change(group: Option<&str>, change: &Value) -> Command {
    Command::PolicyChange { group: group.map(str::to_owned), change: fields(change) }
}

impl Site {
    fn group(&self, name: &str, users: &[&str]) {
        self.run(Command::GroupAdd { name: name.to_owned() }).unwrap();
        for user in users {
            self.token(user);
            self.run(Command::GroupSetUser { user: (*user).to_owned(), group: name.to_owned() }).unwrap();
        }
    }

    /// The value that holds for a user, and where it comes from.
    fn value(&self, user: &str, field: &str) -> (Value, String) {
        let view = self.json(Command::PolicyShow(PolicyOf::User(user.to_owned())));
        (view["policy"][field].clone(), view["origins"][field].as_str().unwrap().to_owned())
    }
}

#[test]
fn a_value_comes_from_the_highest_layer_that_sets_it() {
    let site = Site::new();
    site.group("sales", &["anna"]);
    site.token("bert");
    let quota = |user| site.value(user, "quota_bytes");
    assert_eq!(quota("anna"), (json!(0), "built_in".to_owned()));
    site.run(change(None, &json!({"quota_bytes": 100, "tray_icon": false}))).unwrap();
    assert_eq!(quota("anna"), (json!(100), "server".to_owned()));
    let view = site.json(change(Some("SALES"), &json!({"quota_bytes": 200})));
    assert_eq!((&view["group"], &view["set"]), (&json!("sales"), &json!({"quota_bytes": 200})));
    assert_eq!(quota("anna"), (json!(200), "group".to_owned()));
    assert_eq!(quota("bert"), (json!(100), "server".to_owned()));
    assert_eq!(site.value("anna", "tray_icon"), (json!(false), "server".to_owned()));
    site.run(Command::UserQuota { name: "anna".to_owned(), quota_bytes: Some(300) }).unwrap();
    assert_eq!(quota("anna"), (json!(300), "user".to_owned()));
    site.run(Command::UserQuota { name: "anna".to_owned(), quota_bytes: None }).unwrap();
    site.run(change(Some("sales"), &json!({"quota_bytes": null}))).unwrap();
    assert_eq!(quota("anna"), (json!(100), "server".to_owned()));
    let listed = site.json(Command::GroupList);
    let rows: Vec<_> =
        listed.as_array().unwrap().iter().map(|row| (&row["name"], &row["users"], &row["sets"])).collect();
    assert_eq!(rows, [(&json!("default"), &json!(1), &json!([])), (&json!("sales"), &json!(1), &json!([]))]);
    // For people, a line for each field.
    let text = site.run(Command::PolicyShow(PolicyOf::All)).unwrap().to_string();
    assert_eq!(text.lines().count(), model::policy::Policy::FIELDS.len());
    assert!(text.contains("quota_bytes                    server    100"), "{text}");
}

#[test]
fn what_is_not_allowed_changes_nothing() {
    let site = Site::new();
    site.group("sales", &["anna"]);
    for bad in [
        json!({"quota_bytes": 5, "not_backed_up_days": 0}),
        json!({"quota_bytes": 5, "colour": 1}),
        json!({"quota_bytes": 5, "snapshot": "maybe"}),
    ] {
        assert_eq!(site.refusal(change(None, &bad)), Code::PolicyInvalid, "{bad}");
        assert_eq!(site.refusal(change(Some("sales"), &bad)), Code::PolicyInvalid, "{bad}");
    }
    assert_eq!(site.value("anna", "quota_bytes"), (json!(0), "built_in".to_owned()));
    assert_eq!(site.refusal(change(Some("nobody"), &json!({}))), Code::GroupUnknown);
    assert_eq!(site.refusal(Command::GroupAdd { name: "Sales".to_owned() }), Code::NameTaken);
    assert_eq!(site.refusal(Command::GroupAdd { name: "a b".to_owned() }), Code::NameInvalid);
    let remove = |name: &str| site.refusal(Command::GroupRemove { name: name.to_owned() });
    assert_eq!((remove("default"), remove("sales")), (Code::StateConflict, Code::StateConflict));
    site.run(Command::GroupSetUser { user: "anna".to_owned(), group: "default".to_owned() }).unwrap();
    site.run(Command::GroupRemove { name: "sales".to_owned() }).unwrap();
    assert_eq!(remove("sales"), Code::GroupUnknown);
    assert!(site.objects("server/groups/").is_empty());
}

#[test]
fn the_rules_that_the_server_keeps_follow_the_policy() {
    let site = Site::new();
    let device = site.device("anna");
    site.group("sales", &["anna", "carl"]);
    // Retention and custody have commands of their own, and are the same values.
    let retention = RetentionChange { keep_last: Some(1), hourly: Some(0), ..RetentionChange::default() };
    site.run(Command::RetentionSet(retention)).unwrap();
    let (value, origin) = site.value("anna", "retention");
    assert_eq!((&value["keep_last"], origin.as_str()), (&json!(1), "server"));
    site.run(change(None, &json!({"retention": null}))).unwrap();
    assert_eq!(site.json(Command::RetentionShow)["keep_last"], 10);

    for seed in 1..=3 {
        device.back_up(&device.agent.tree(&[noise(seed, 100)], DEFAULT), DEFAULT);
    }
    let one = json!({"keep_last": 1, "hourly": 0, "daily": 0, "weekly": 0, "monthly": 0});
    site.run(change(Some("sales"), &json!({"retention": one, "quota_bytes": 50}))).unwrap();
    site.run(Command::Cleanup { dry_run: false }).unwrap();
    assert_eq!(device.snapshots().len(), 1);
    let refused = engine::remote::Remote::grant(&device.remote, device.set("default")).unwrap_err();
    assert_eq!(refused.code, Code::QuotaReached);
    let users = site.json(Command::UserList);
    let anna = users.as_array().unwrap().iter().find(|user| user["name"] == "anna").unwrap();
    assert_eq!((&anna["quota_bytes"], &anna["group"]), (&json!(50), &json!("sales")));

    site.run(change(Some("sales"), &json!({"custody": "private"}))).unwrap();
    assert_eq!(site.device("carl").answer.custody_default, Custody::Private);
    assert_eq!(site.device("anna").answer.custody_default, Custody::Private);
    assert_eq!(site.device("bert").answer.custody_default, Custody::Managed);
}

#[test]
fn programs_set_policies_as_the_commands_do() {
    let site = Site::new();
    site.token("anna");
    let added = site.admin("POST /v1/admin/groups", Some(&json!({"name": "sales"})));
    assert_eq!((&added["name"], &added["users"]), (&json!("sales"), &json!(0)));
    let user = site.admin("PUT /v1/admin/users/anna/group", Some(&json!({"group": "sales"})));
    assert_eq!(user["group"], "sales");
    let policy = site.admin("PATCH /v1/admin/groups/sales/policy", Some(&json!({"tray_icon": false})));
    assert_eq!(
        (&policy["policy"]["tray_icon"], &policy["origins"]["tray_icon"]),
        (&json!(false), &json!("group"))
    );
    let all = site.admin("PATCH /v1/admin/policy", Some(&json!({"low_priority": false, "tray_icon": null})));
    assert_eq!(all["set"], json!({"low_priority": false}));
    let of_user = site.admin("GET /v1/admin/users/anna/policy", None);
    assert_eq!(of_user["origins"]["low_priority"], "server");
    assert_eq!(of_user["policy"], site.admin("GET /v1/admin/groups/sales/policy", None)["policy"]);
    assert_eq!(site.admin("GET /v1/admin/policy", None)["set"], json!({"low_priority": false}));
    let token = site.admin_token(Some(60));
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    let refused = site.ask(&bearer, "PATCH /v1/admin/policy", Some(&json!({"user_block_min_prefix": 33})));
    assert_eq!((refused.status, refused.code().as_str()), (422, "policy_invalid"));
    let refused = site.ask(&bearer, "DELETE /v1/admin/groups/sales", None);
    assert_eq!((refused.status, refused.code().as_str()), (409, "state_conflict"));
    site.admin("PUT /v1/admin/users/anna/group", Some(&json!({"group": "default"})));
    site.admin("DELETE /v1/admin/groups/sales", None);
    assert_eq!(site.admin("GET /v1/admin/groups", None).as_array().unwrap().len(), 1);
}

#[test]
fn groups_and_policies_outlive_the_database() {
    let mut site = Site::new();
    site.group("sales", &["anna"]);
    site.device("anna");
    site.run(change(None, &json!({"not_backed_up_days": 3}))).unwrap();
    site.run(change(Some("sales"), &json!({"tray_icon": false}))).unwrap();
    site.clock.advance(std::time::Duration::from_secs(60));
    site.run(change(Some("default"), &json!({"low_priority": false}))).unwrap();
    site.lose_all_but_the_store();
    site.recover(site.recovery()).unwrap();
    site.start();
    assert_eq!(site.value("anna", "tray_icon"), (json!(false), "group".to_owned()));
    assert_eq!(site.value("anna", "not_backed_up_days"), (json!(3), "server".to_owned()));
    site.token("bert");
    assert_eq!(site.value("bert", "low_priority"), (json!(false), "group".to_owned()));
}

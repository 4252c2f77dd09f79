//! The interface for administrators over HTTP: who may use it, and that it does what the commands do.

use crate::support::Site;
use crate::support::raw::Answer;
use model::Code;
use serde_json::{Value, json};
use server::admin::Command;
use std::time::Duration;

impl Site {
    /// A token of the first administrator.
    pub(crate) fn admin_token(&self, expires_seconds: Option<u64>) -> Value {
        let administrator = "admin".to_owned();
        self.json(Command::AdminTokenCreate { administrator, label: "tests".to_owned(), expires_seconds })
    }

    /// A request with this value of the header `authorization`.
    pub(crate) fn ask(&self, authorization: &str, line: &str, body: Option<&Value>) -> Answer {
        let body = body.map(|body| serde_json::to_vec(body).unwrap()).unwrap_or_default();
        let head = format!(
            "{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: {authorization}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.send(&head, &body)
    }

    /// A request of an administrator that must succeed.
    #[track_caller]
    pub(crate) fn admin(&self, line: &str, body: Option<&Value>) -> Value {
        let token = self.admin_token(Some(60));
        let answer = self.ask(&format!("Bearer {}", token["token"].as_str().unwrap()), line, body);
        assert!(answer.status < 300, "{line}: {answer:?}");
        serde_json::from_slice(&answer.body).unwrap()
    }
}

#[test]
fn only_holders_of_a_good_token_are_let_in() {
    let site = Site::new();
    let device = site.device("anna");
    let (good, short) = (site.admin_token(None), site.admin_token(Some(60)));
    let bearer = |view: &Value| format!("Bearer {}", view["token"].as_str().unwrap());
    let status = |authorization: &str| site.ask(authorization, "GET /v1/admin/devices", None).status;
    assert_eq!((status(&bearer(&good)), status(&bearer(&short))), (200, 200));
    let forged = format!("Bearer hfa1-{}.{}", good["id"].as_str().unwrap(), api::Secret::random().to_text());
    let of_device = device.credential.to_header();
    for authorization in ["", "Bearer x", &forged, &of_device] {
        let answer = site.ask(authorization, "GET /v1/admin/devices", None);
        assert_eq!((answer.status, answer.code().as_str()), (401, "admin_unknown"), "{authorization}");
        let post = site.ask(authorization, "POST /v1/admin/users/anna/disable", None);
        assert_eq!((post.status, post.code().as_str()), (401, "admin_unknown"), "{authorization}");
    }
    assert!(device.snapshots().is_empty(), "nothing was done");
    // A token of an administrator is no device.
    let line = format!("GET {}", api::routes::vault(device.vault()));
    let head = format!(
        "{line} HTTP/1.1\r\nhost: localhost\r\nholdfast-protocol: 1\r\nauthorization: {}\r\n\r\n",
        bearer(&good)
    );
    assert_eq!(site.send(&head, b"").code(), "device_unknown");

    site.clock.advance(Duration::from_secs(60));
    assert_eq!((status(&bearer(&good)), status(&bearer(&short))), (200, 401));
    let id = good["id"].as_str().unwrap().to_owned();
    let listed = site.json(Command::AdminTokenList);
    let of = listed.as_array().unwrap().iter().find(|view| view["id"] == *id).unwrap();
    assert_eq!((&of["administrator"], &of["label"]), (&json!("admin"), &json!("tests")));
    assert!(of["last_used"].is_string() && of.get("token").is_none(), "{of}");
    site.run(Command::AdminTokenRevoke { id: id.clone() }).unwrap();
    assert_eq!(status(&bearer(&good)), 401);
    assert_eq!(site.refusal(Command::AdminTokenRevoke { id }), Code::NotFound);
    let nobody = Command::AdminTokenCreate {
        administrator: "nobody".to_owned(),
        label: String::new(),
        expires_seconds: None,
    };
    assert_eq!(site.refusal(nobody), Code::NotFound);
}

#[test]
fn guessing_is_bounded() {
    let site = Site::new();
    let answers: Vec<_> = (0..25).map(|_| site.ask("Bearer x", "GET /v1/admin/users", None).status).collect();
    assert_eq!((answers[0], answers[24]), (401, 429));
}

#[test]
fn users_and_devices_are_listed_and_changed() {
    let site = Site::new();
    let device = site.device("anna");
    let users = site.admin("GET /v1/admin/users", None);
    assert_eq!(
        (&users[0]["name"], &users[0]["state"], &users[0]["devices"]),
        (&json!("anna"), &json!("active"), &json!(1))
    );
    assert_eq!(users, site.json(Command::UserList));
    assert_eq!(site.admin("GET /v1/admin/users/Anna", None), users[0]);
    let devices = site.admin("GET /v1/admin/devices?user=anna", None);
    assert_eq!(devices, site.json(Command::DeviceList { user: None }));
    let at = format!("/v1/admin/devices/{}", device.answer.device_id);
    assert_eq!(site.admin(&format!("GET {at}"), None), devices[0]);

    let refusal = || device.remote.snapshot_rows().err().map(|error| error.code);
    for (line, expected) in [
        (format!("POST {at}/disable"), Some(Code::DeviceDisabled)),
        (format!("POST {at}/enable"), None),
        (format!("DELETE {at}"), Some(Code::DeviceDeleted)),
        (format!("POST {at}/undelete"), None),
        ("POST /v1/admin/users/anna/disable".to_owned(), Some(Code::AccountDisabled)),
        ("POST /v1/admin/users/anna/enable".to_owned(), None),
        ("DELETE /v1/admin/users/anna".to_owned(), Some(Code::DeviceDeleted)),
        ("POST /v1/admin/users/anna/undelete".to_owned(), None),
    ] {
        // Asked twice it is answered as the first time.
        assert_eq!(site.admin(&line, None), site.admin(&line, None), "{line}");
        assert_eq!(refusal(), expected, "{line}");
    }
    let token = site.admin(&format!("POST {at}/replace"), Some(&json!({"expires_seconds": 60})));
    assert_eq!(token["replaces"], "laptop");
    assert!(token["token"].as_str().unwrap().starts_with("hf1-"));
}

#[test]
fn what_is_not_there_or_cannot_be_done_is_said_so() {
    let site = Site::new();
    let device = site.device("anna");
    let token = format!("Bearer {}", site.admin_token(None)["token"].as_str().unwrap());
    let code = |line: &str, body: Option<&Value>| site.ask(&token, line, body).code();
    let nobody = model::DeviceId::random();
    assert_eq!(code(&format!("GET /v1/admin/devices/{nobody}"), None), "not_found");
    assert_eq!(code("GET /v1/admin/devices/x", None), "not_found");
    assert_eq!(code("GET /v1/admin/devices?user=bert", None), "user_unknown");
    assert_eq!(code("DELETE /v1/admin/users/bert", None), "user_unknown");
    assert_eq!(code("POST /v1/admin/nothing", None), "not_found");
    let at = format!("/v1/admin/devices/{}", device.answer.device_id);
    assert_eq!(code(&format!("POST {at}/replace"), Some(&json!({"expires_seconds": 0}))), "request_invalid");
    site.admin(&format!("DELETE {at}"), None);
    assert_eq!(code(&format!("POST {at}/disable"), None), "state_conflict");
    assert_eq!(code(&format!("POST {at}/replace"), Some(&json!({}))), "state_conflict");
}

//! The shape of JSON documents: names of fields and kinds of values, without the values.

use e2e::Outcome;
use serde_json::Value;

/// `name:kind` of each field of an object, sorted by name, with a blank between. Whole numbers are `whole`.
pub(crate) fn shape(document: &Value) -> String {
    let object = document.as_object().unwrap_or_else(|| panic!("not an object: {document}"));
    let mut fields: Vec<String> =
        object.iter().map(|(name, value)| format!("{name}:{}", kind(value))).collect();
    fields.sort();
    fields.join(" ")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.as_u64().is_some() => "whole",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// Fails unless standard output is one line with an object of this shape.
#[track_caller]
pub(crate) fn assert_document(outcome: &Outcome, expected: &str) -> Value {
    let document = outcome.json();
    assert_eq!(outcome.stdout.lines().count(), 1, "{outcome}");
    assert_eq!(shape(&document), expected, "{outcome}");
    document
}

/// Fails unless the command failed with this code, said so to people, and printed one document about it.
#[track_caller]
pub(crate) fn assert_error(outcome: Outcome, code: model::Code) {
    let events = outcome.events();
    let error = &events.last().unwrap_or_else(|| panic!("no document: {outcome}"))["error"];
    assert_eq!(shape(error), "advice:text code:text message:text", "{outcome}");
    assert_eq!(error["code"], code.as_str(), "{outcome}");
    assert!(!error["message"].as_str().unwrap().is_empty(), "{outcome}");
    outcome.expect(i32::from(code.exit_status()));
}

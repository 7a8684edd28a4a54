//! Schemas and the types that they become, and schemas without an end.

use super::*;
use serde_json::json;

fn kind(schema: &Value) -> Result<String, String> {
    Document(schema).kind(schema).map(|kind| kind.to_string())
}

#[test]
fn schemas_of_one_value() {
    for (schema, wanted) in [
        (json!({"type": "integer"}), "integer"),
        (json!({"type": "integer", "minimum": 1, "maximum": 100}), "integer 1..100"),
        (json!({"type": "integer", "minimum": "1"}), "integer 1.."),
        (json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true}), "integer 1.."),
        (json!({"type": "integer", "exclusiveMaximum": 10}), "integer ..9"),
        (json!({"type": "integer", "minimum": 5, "exclusiveMinimum": 1}), "integer 5.."),
        (json!({"type": ["integer", "null"]}), "integer"),
        (json!({"type": "number"}), "number"),
        (json!({"type": "boolean"}), "boolean"),
        (json!({"type": "string", "format": "uuid"}), "uuid"),
        (json!({"type": "string", "format": "date"}), "date"),
        (json!({"type": "string", "format": "date-time"}), "date-time"),
        (json!({"type": "string", "enum": ["desc", "asc", null]}), "one-of asc desc"),
        (json!({"enum": [1, 2]}), "one-of 1 2"),
        (json!({"const": "on"}), "one-of on"),
        (json!({"type": "string", "pattern": "^[A-Z]{3}\\d{4}$"}), "token A-Z0-9 7..7"),
        (
            json!({"type": "string", "pattern": "^[a-z0-9-]+$", "maxLength": 40}),
            "token a-z0-9- 1..40",
        ),
        (json!({"type": "string", "pattern": "^\\d+$", "minLength": 4}), "token 0-9 4..128"),
        (json!({"allOf": [{"type": "integer"}]}), "integer"),
        (json!({"anyOf": [{"type": "number"}, {"type": "null"}]}), "number"),
    ] {
        assert_eq!(kind(&schema).as_deref(), Ok(wanted), "{schema}");
    }
}

#[test]
fn schemas_that_could_hold_an_attack_have_no_type() {
    for (schema, why) in [
        (json!({"type": "string"}), "free text"),
        (json!({"type": "string", "maxLength": 5}), "free text of at most 5 characters"),
        (json!({"type": "string", "format": "email"}), "free text"),
        (json!({"type": "string", "pattern": "^[a-z ]+$"}), "its pattern lets more through"),
        (json!({"type": "string", "pattern": "^[a-z]+$"}), "letters alone could be a command"),
        (json!({"enum": ["a", "' or 1=1"]}), "could be an attack"),
        (json!({"enum": ["a", {}]}), "no single value"),
        (json!({"anyOf": [{"type": "number"}, {"type": "string"}]}), "several (`anyOf`)"),
        (json!({"type": ["integer", "string"]}), "says no type"),
        (json!({"type": "object"}), "`object` is no single value"),
        (json!({}), "says no type"),
        (json!({"$ref": "other.json#/a"}), "another document"),
        (json!({"$ref": "#/nowhere"}), "leads nowhere"),
        (json!({"$ref": "#"}), "refers to itself"),
    ] {
        let error = kind(&schema).unwrap_err();
        assert!(error.contains(why), "{schema}: {error}");
    }
}

fn members(root: &Value, naming: Naming) -> Vec<String> {
    let document = Document(root);
    let found = document.members(&root["schema"], naming).into_iter();
    found
        .map(|(name, kind)| {
            kind.map_or_else(|why| format!("{name}: {why}"), |own| format!("{name} {own}"))
        })
        .collect()
}

#[test]
fn members_of_objects_and_lists_have_names() {
    let order = json!({
        "schema": {"type": "object", "properties": {
            "id": {"type": "integer"},
            "items": {"type": "array", "items": {"$ref": "#/item"}},
            "place": {"allOf": [{"$ref": "#/item"}, {"properties": {"zip": {"type": "integer"}}}]},
            "days": {"type": "array", "items": {"type": "string", "format": "date"}},
        }},
        "item": {"type": "object", "properties": {"sku": {"type": "boolean"}}},
    });
    assert_eq!(
        members(&order, Naming::Json),
        [
            "days[] date",
            "id integer",
            "items[].sku boolean",
            "place.sku boolean",
            "place.zip integer"
        ]
    );
    let flat = members(&order, Naming::Flat);
    assert!(
        flat.contains(&"days date".to_owned()) && flat.contains(&"id integer".to_owned()),
        "{flat:?}"
    );
    assert!(flat.iter().all(|own| !own.starts_with("items.sku boolean")), "{flat:?}");
    let list = json!({"schema": {"type": "array", "items": {"type": "integer"}}});
    assert_eq!(members(&list, Naming::Json), ["[] integer"]);
}

/// A document may be written so that it would never end.
#[test]
fn schemas_within_themselves_end() {
    let tree = json!({"schema": {"$ref": "#/node"}, "node": {"properties": {
        "id": {"type": "integer"},
        "left": {"$ref": "#/node"},
    }}});
    assert_eq!(members(&tree, Naming::Json), ["id integer", "left: its schema is within itself"]);
    let wide: serde_json::Map<String, Value> =
        (0..MEMBERS_MAX * 2).map(|at| (format!("a{at}"), json!({"type": "integer"}))).collect();
    let wide = json!({"schema": {"properties": wide}});
    assert_eq!(members(&wide, Naming::Json).len(), MEMBERS_MAX);
    // Ten ways at each of many levels, and no value at the end of any.
    let mut root = serde_json::Map::new();
    for level in 0..DEPTH_MAX {
        let next = json!({"$ref": format!("#/l{}", level + 1)});
        let ways: serde_json::Map<String, Value> =
            (0..10).map(|way| (way.to_string(), next.clone())).collect();
        root.insert(format!("l{level}"), json!({"properties": ways}));
    }
    root.insert(format!("l{DEPTH_MAX}"), json!({"properties": {}}));
    root.insert("schema".to_owned(), json!({"$ref": "#/l0"}));
    assert!(members(&Value::Object(root), Naming::Json).len() <= MEMBERS_MAX);
}

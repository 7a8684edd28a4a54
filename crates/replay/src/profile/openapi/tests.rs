//! Documents of both kinds, and what is none.

use super::*;
use burgrave_seclang::application::read;
use std::path::Path;

const SHOP: &str = r##"{
  "openapi": "3.0.3",
  "servers": [{"url": "https://api.example.com/v1/"}],
  "paths": {
    "/orders/{id}": {
      "parameters": [
        {"name": "id", "in": "path", "schema": {"type": "string", "format": "uuid"}},
        {"name": "fields", "in": "query", "schema": {"type": "string"}}
      ],
      "get": {"parameters": [
        {"$ref": "#/components/parameters/limit"},
        {"name": "fields", "in": "query", "schema": {"enum": ["all", "few"]}},
        {"name": "days", "in": "query", "schema": {"type": "array", "items": {"format": "date", "type": "string"}}},
        {"name": "ids", "in": "query", "explode": false, "schema": {"type": "array", "items": {"type": "integer"}}},
        {"name": "filter", "in": "query", "style": "deepObject", "schema": {"properties": {"open": {"type": "boolean"}}}},
        {"name": "page", "in": "query", "schema": {"properties": {"from": {"type": "integer"}}}},
        {"name": "where", "in": "query", "content": {"application/json": {}}},
        {"name": "x-id", "in": "header", "schema": {"type": "integer"}},
        {"name": "session", "in": "cookie", "schema": {"type": "integer"}}
      ]}
    },
    "/orders": {"post": {"requestBody": {"content": {
      "application/json": {"schema": {"properties": {"items": {"type": "array", "items": {"properties": {"sku": {"type": "string", "pattern": "^[A-Z0-9]{8}$"}}}}}}},
      "multipart/form-data": {"schema": {"properties": {"day": {"type": "string", "format": "date"}, "file": {"type": "string", "format": "binary"}}}},
      "text/csv": {"schema": {"type": "string"}}
    }}}},
    "/files/{name}.pdf": {"get": {"parameters": [{"name": "page", "in": "query", "schema": {"type": "integer"}}]}}
  },
  "components": {"parameters": {"limit": {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}}}}
}"##;

fn text(document: &str, base: Option<&str>) -> String {
    openapi("shop.json", document.as_bytes(), base).unwrap().text()
}

#[test]
fn a_document_becomes_a_profile() {
    let drafted = text(SHOP, None);
    assert_eq!(
        drafted,
        "# Drafted from shop.json.\n\
         # Arguments with a type: 7; without one, and looked at as ever: 3.\n\
         # Read it, take out what is wrong, and name the file as `application` in [rules].\n\
         # left out: the segment `{name}.pdf` of `/v1/files/{name}.pdf` is neither plain nor a member such as `{id}`.\n\
         \n\
         route POST /v1/orders\n\
         \x20 form day date\n\
         \x20 # form file: free text.\n\
         \x20 json items[].sku token A-Z0-9 8..8\n\
         \n\
         route GET /v1/orders/{id}\n\
         \x20 path id uuid\n\
         \x20 query days date\n\
         \x20 query fields one-of all few\n\
         \x20 query filter[open] boolean\n\
         \x20 query from integer\n\
         \x20 # query ids: its values stand in one, with marks between them.\n\
         \x20 query limit integer ..100\n\
         \x20 # query where: its value has a media type of its own.\n"
    );
    assert_eq!(read(Path::new("p"), drafted.as_bytes()).unwrap().count(), (2, 7));
    assert!(text(SHOP, Some("/")).contains("\nroute POST /orders\n"));
    assert!(text(SHOP, Some("/shop/")).contains("\nroute POST /shop/orders\n"));
}

#[test]
fn yaml_is_read_as_json_is() {
    let yaml = "openapi: 3.1.0\nservers:\n  - url: /v2\n  - url: /v3\npaths:\n  /a:\n    get:\n      parameters:\n        - {name: n, in: query, schema: {type: [integer, 'null'], minimum: 1}}\n        - {name: e, in: query, schema: {enum: [1, 2]}, explode: false}\n";
    let drafted = text(yaml, None);
    assert!(
        drafted.contains("\nroute GET /v2/a\n  query e one-of 1 2\n  query n integer 1..\n"),
        "{drafted}"
    );
    assert!(drafted.contains("# It names servers with other paths"), "{drafted}");
    let variable = yaml.replace("/v2", "'https://{host}/{base}'");
    let drafted = text(&variable, None);
    assert!(
        drafted.contains("\nroute GET /a\n") && drafted.contains("a variable in it"),
        "{drafted}"
    );
}

#[test]
fn what_is_no_document_of_version_3_is_said() {
    for (document, why) in [
        ("{", "cannot be read"),
        ("a: [", "cannot be read: not YAML"),
        ("a: &x 1\nb: *x\n", "aliases (`*name`) are not taken"),
        ("{\"swagger\": \"2.0\"}", "it is Swagger 2, convert it first"),
        ("{\"openapi\": \"4.0\\u001b\"}", "it says `4.0\\x1b`"),
        ("{}", "it has no `openapi`"),
    ] {
        let error = openapi("x", document.as_bytes(), None).unwrap_err().to_string();
        assert!(error.contains(why), "{document}: {error}");
    }
    assert!(openapi("x", b"\xff", None).unwrap_err().to_string().contains("not UTF-8"));
    let paths: serde_json::Map<String, Value> =
        (0..=OPERATIONS_MAX).map(|at| (format!("/{at}"), serde_json::json!({"get": {}}))).collect();
    let many = serde_json::json!({"openapi": "3.0.0", "paths": paths}).to_string();
    assert_eq!(openapi("x", many.as_bytes(), None), Err(OpenApiError::TooMany));
}

//! The message board: a list for programs and a page for people.

use crate::State as App;
use crate::accounts::{Visitor, body};
use crate::database::Comment;
use crate::failure::Failure;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Json, Redirect, Response};
use serde::Deserialize;
use std::fmt::Write;
use std::sync::Arc;

/// Most bytes of a comment.
const TEXT_BYTES_MAX: usize = 2_000;
const PAGE: &str = include_str!("board.html");

#[derive(Deserialize)]
pub(crate) struct NewComment {
    text: String,
}

/// `GET /api/comments`: newest first.
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<Vec<Comment>>, Failure> {
    let comments = app.database.comments();
    comments.map(Json).map_err(|error| app.fault("board::list", "listing comments", error))
}

/// `POST /api/comments`, as JSON or as a form.
pub(crate) async fn write(
    State(app): State<Arc<App>>,
    Visitor(user): Visitor,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Failure> {
    let (comment, is_form) = body::<NewComment>(&headers, &bytes)?;
    let text = comment.text.trim();
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return Err(Failure::bad("a comment has 1 to 2000 characters"));
    }
    let author = user.as_deref().unwrap_or("guest");
    let added = app.database.add_comment(author, text);
    let id = added.map_err(|error| app.fault("board::write", "adding a comment", error))?;
    Ok(if is_form {
        Redirect::to("/board").into_response()
    } else {
        (StatusCode::CREATED, Json(serde_json::json!({ "id": id }))).into_response()
    })
}

/// `GET /board`. With the holes open comments go into the page as they are: stored XSS (CWE-79).
pub(crate) async fn page(State(app): State<Arc<App>>) -> Result<Html<String>, Failure> {
    let comments = app.database.comments();
    let comments = comments.map_err(|error| app.fault("board::page", "listing comments", error))?;
    let mut list = String::new();
    for comment in &comments {
        let text = if app.vulnerable { comment.text.clone() } else { escape(&comment.text) };
        let (author, at) = (escape(&comment.author), comment.at);
        // Writing to a `String` does not fail.
        writeln!(
            list,
            "<li><p class=\"by\"><b>{author}</b> <time data-seconds=\"{at}\"></time></p>\
             <p class=\"text\">{text}</p></li>"
        )
        .ok();
    }
    Ok(Html(PAGE.replacen("<!-- comments -->", &list, 1)))
}

/// Text that is only text in HTML, in an element or a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_is_only_text() {
        assert_eq!(escape("<b a='1' c=\"2\">&"), "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;");
        assert_eq!(escape("spread under 4 ct"), "spread under 4 ct");
    }
}

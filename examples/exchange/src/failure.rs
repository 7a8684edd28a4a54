//! What a client is told when something does not work: one line, or with the holes open far more
//! than it should know.

use crate::{PRODUCT, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use std::fmt::Display;

/// An answer that is not the one that was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The client's own fault, in one line.
    Refused(StatusCode, &'static str),
    /// Ours, without a word about it.
    Hidden,
    /// Ours, with everything about it.
    Talkative(String),
}

impl Failure {
    pub(crate) const fn bad(message: &'static str) -> Self {
        Self::Refused(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) const SIGN_IN: Self = Self::Refused(StatusCode::UNAUTHORIZED, "sign in first");
}

impl State {
    /// An error of the application itself, at a place in its code.
    pub(crate) fn fault(&self, place: &str, doing: &str, error: impl Display) -> Failure {
        eprintln!("exchange: {place}: {doing}: {error}");
        if !self.vulnerable {
            return Failure::Hidden;
        }
        Failure::Talkative(format!(
            "<!doctype html><title>500 {PRODUCT}</title><h1>Internal Server Error</h1><pre>\
             {PRODUCT} (axum 0.8, SQLite {sqlite}) panicked while {doing}\n\nError: {error}\n\n\
             stack backtrace:\n   0: exchange::{place}\n             at /opt/exchange/src/{file}.rs\n   \
             1: axum::handler::Handler::call\n   2: tokio::runtime::task::core::Core::poll\n   3: \
             exchange::main\n             at /opt/exchange/src/main.rs\n</pre>",
            sqlite = rusqlite::version(),
            file = place.split("::").next().unwrap_or_default(),
        ))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Refused(status, message) => (status, message),
            Self::Hidden => (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong"),
            Self::Talkative(page) => {
                let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
                return (StatusCode::INTERNAL_SERVER_ERROR, kind, page).into_response();
            }
        };
        (status, Json(serde_json::json!({ "error": message }))).into_response()
    }
}

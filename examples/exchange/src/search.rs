//! Instruments by name.

use crate::State as App;
use crate::database::Found;
use crate::failure::Failure;
use axum::extract::{Query, State};
use axum::response::Json;
use serde::Deserialize;
use std::sync::Arc;

/// Most bytes of a search text.
const TEXT_BYTES_MAX: usize = 2_000;

#[derive(Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    q: String,
}

/// `GET /api/search?q=`. With the holes open the text becomes part of the query: SQL injection
/// (CWE-89).
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    Query(search): Query<Search>,
) -> Result<Json<Vec<Found>>, Failure> {
    if search.q.len() > TEXT_BYTES_MAX {
        return Err(Failure::bad("this text is too long to search for"));
    }
    let found = if app.vulnerable {
        app.database.search_unsafely(&search.q)
    } else {
        app.database.search(&search.q)
    };
    found.map(Json).map_err(|error| app.fault("search::search", "searching instruments", error))
}

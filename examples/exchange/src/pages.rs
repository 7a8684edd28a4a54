//! The front end: files of one directory, held in memory from the start.

use crate::{OpenError, State as App};
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Most files of the front end.
const FILES_MAX: usize = 100;
/// Most bytes of one of them.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Each file by its path, with its type.
pub(crate) struct Pages {
    files: BTreeMap<String, (&'static str, Vec<u8>)>,
}

impl Pages {
    /// Loads what the directory holds of known types, not what stands below it.
    pub(crate) fn load(directory: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Directory { path: directory.to_owned(), source };
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(directory).map_err(failed)?.take(FILES_MAX) {
            let entry = entry.map_err(failed)?;
            let file = entry.metadata().map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(kind) = kind(&name) else { continue };
            if file.is_file() && file.len() <= FILE_BYTES_MAX {
                files.insert(name, (kind, std::fs::read(entry.path()).map_err(failed)?));
            }
        }
        Ok(Self { files })
    }
}

fn kind(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    match extension {
        "html" => Some("text/html; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

/// What no other route takes.
pub(crate) async fn page(State(app): State<Arc<App>>, method: Method, uri: Uri) -> Response {
    let name = uri.path().trim_start_matches('/');
    let name = if name.is_empty() { "index.html" } else { name };
    let page = format!("{name}.html");
    let found = app.pages.files.get(name).or_else(|| app.pages.files.get(&page));
    let Some((kind, bytes)) = found else {
        return (StatusCode::NOT_FOUND, "not found\n").into_response();
    };
    if method != Method::GET && method != Method::HEAD {
        return (StatusCode::METHOD_NOT_ALLOWED, "read only\n").into_response();
    }
    let headers = [(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "no-cache")];
    (headers, bytes.clone()).into_response()
}

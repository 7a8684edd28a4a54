//! Files: statements to download, documents to upload.

use crate::accounts::Visitor;
use crate::failure::Failure;
use crate::{OpenError, State as App, now, random_hex};
use axum::extract::{Multipart, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::json;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most bytes of one upload with its frame.
pub(crate) const UPLOAD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most uploads that are kept.
const UPLOADS_MAX: usize = 200;
/// Most bytes of a file that is sent.
const STATEMENT_BYTES_MAX: u64 = 1024 * 1024;
/// The months that have a statement.
const MONTHS: [&str; 4] = ["2026-07", "2026-08", "2026-09", "2026-10"];

/// The directory of the files; a temporary one goes with the application.
pub(crate) struct Store {
    root: PathBuf,
    temporary: bool,
}

impl Store {
    /// Makes the directories and the statements.
    pub(crate) fn open(data: Option<&Path>) -> Result<Self, OpenError> {
        let random = random_hex::<8>();
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Directory { path, source }
        };
        let temporary = std::env::temp_dir();
        let own = random.map_err(failed(&temporary))?;
        let root = data.map_or_else(|| temporary.join(format!("exchange-{own}")), Path::to_owned);
        for directory in ["statements", "uploads"] {
            let path = root.join(directory);
            std::fs::create_dir_all(&path).map_err(failed(&path))?;
        }
        let store = Self { root, temporary: data.is_none() };
        for (index, month) in MONTHS.iter().enumerate() {
            let path = store.statements().join(format!("{month}.csv"));
            std::fs::write(&path, content(index, month)).map_err(failed(&path))?;
        }
        let secret = store.root.join("secret");
        std::fs::write(&secret, "settlement-key = \"made-up-and-worthless\"\n")
            .map_err(failed(&secret))?;
        Ok(store)
    }

    fn statements(&self) -> PathBuf {
        self.root.join("statements")
    }

    fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.temporary {
            // Nobody is left to be told of a directory that stays behind.
            std::fs::remove_dir_all(&self.root).ok();
        }
    }
}

fn content(index: usize, month: &str) -> String {
    let rows =
        [("03", "NRTH", "buy", 400), ("11", "HLX", "buy", 60), ("24", "PRSM", "sell", 1_500)];
    let lines = rows.iter().enumerate().map(|(row, (day, symbol, side, quantity))| {
        format!("{month}-{day},{symbol},{side},{quantity},{}.50", 41 + index * 3 + row * 7)
    });
    let lines: Vec<String> = lines.collect();
    format!("date,symbol,side,quantity,price\n{}\n", lines.join("\n"))
}

#[derive(Deserialize)]
pub(crate) struct Statement {
    file: Option<String>,
}

/// `GET /api/statements`: their names; with `?file=` one of them. With the holes open nobody has to
/// sign in and the name is joined to the directory as it is: path traversal (CWE-22).
pub(crate) async fn statement(
    State(app): State<Arc<App>>,
    Visitor(user): Visitor,
    Query(statement): Query<Statement>,
) -> Result<Response, Failure> {
    if user.is_none() && !app.vulnerable {
        return Err(Failure::SIGN_IN);
    }
    let Some(name) = statement.file else {
        let names: Vec<String> = MONTHS.iter().rev().map(|month| format!("{month}.csv")).collect();
        return Ok(Json(names).into_response());
    };
    let known = MONTHS.iter().any(|month| name.strip_suffix(".csv") == Some(*month));
    if !known && !app.vulnerable {
        return Err(Failure::Refused(StatusCode::NOT_FOUND, "there is no such statement"));
    }
    let fault = |error| app.fault("files::statement", "reading a statement", error);
    let bytes = read(&app.files.statements().join(&name)).map_err(fault)?;
    let kind = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment"),
    ];
    Ok((kind, bytes).into_response())
}

/// A regular file, up to the bound.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = std::fs::metadata(path)?;
    if !file.is_file() {
        return Err(std::io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(STATEMENT_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `POST /api/upload`: the first file of a multipart form, kept under a name of our own.
pub(crate) async fn upload(
    State(app): State<Arc<App>>,
    mut form: Multipart,
) -> Result<(StatusCode, Json<serde_json::Value>), Failure> {
    let malformed = Failure::bad("send one file of at most 8 MiB as `multipart/form-data`");
    let Ok(Some(field)) = form.next_field().await else { return Err(malformed) };
    let Some(name) = field.file_name().map(str::to_owned) else { return Err(malformed) };
    let Ok(bytes) = field.bytes().await else { return Err(malformed) };
    let fault = |error| app.fault("files::upload", "keeping an upload", error);
    let kept = std::fs::read_dir(app.files.uploads()).map_err(fault)?.take(UPLOADS_MAX).count();
    if kept >= UPLOADS_MAX {
        return Err(Failure::Refused(StatusCode::INSUFFICIENT_STORAGE, "there is no room left"));
    }
    let own = random_hex::<8>().map_err(fault)?;
    let path = app.files.uploads().join(format!("{}-{own}", now()));
    std::fs::write(path, &bytes).map_err(fault)?;
    let answer = json!({ "id": own, "name": name, "bytes": bytes.len() });
    Ok((StatusCode::CREATED, Json(answer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_store_goes_with_the_application() {
        let store = Store::open(None).unwrap();
        let root = store.root.clone();
        assert!(root.join("secret").is_file());
        drop(store);
        assert!(!root.exists());
    }

    #[test]
    fn a_given_store_stays() {
        let directory = tempfile::tempdir().unwrap();
        drop(Store::open(Some(directory.path())).unwrap());
        for month in MONTHS {
            let statement = directory.path().join(format!("statements/{month}.csv"));
            assert!(std::fs::read_to_string(statement).unwrap().contains(month));
        }
        let taken = directory.path().join("secret");
        assert!(matches!(Store::open(Some(&taken)), Err(OpenError::Directory { .. })));
    }

    #[test]
    fn reading_is_bounded_and_only_of_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("long");
        std::fs::write(&path, vec![b'x'; 2 << 20]).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1 << 20);
        assert_eq!(read(directory.path()).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read(Path::new("/dev/zero")).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read(&directory.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}

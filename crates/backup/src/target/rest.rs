//! A server of restic's REST protocol (its document `doc/REST_backend.rst`), such as rest-server or `rclone serve restic`.
//! With its switch `--append-only` such a server refuses to remove and to overwrite: the place for a writer.

use super::{FileKind, IDLE_TIME, Listed, Target, fault, is_name};
use crate::error::BackupError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use burgrave_config::HttpAddress;
use burgrave_http::{Answer, Client, Request, words};
use serde::Deserialize;

/// The form of lists.
const LISTS: &str = "application/vnd.x.restic.rest.v2";
const LIST_BYTES_MAX: u64 = 256 * 1024 * 1024;

#[derive(Deserialize)]
struct Entry {
    name: String,
    size: u64,
}

/// A repository on such a server.
pub(crate) struct Rest {
    client: Client,
    path: String,
    name: String,
    authorization: Option<String>,
}

impl Rest {
    /// `credentials`: user and password with a colon between.
    pub(crate) fn new(
        address: &HttpAddress,
        name: String,
        credentials: Option<&str>,
    ) -> Result<Self, BackupError> {
        let authorization = credentials.map(|pair| format!("Basic {}", STANDARD.encode(pair)));
        let client = Client::new(address, None, IDLE_TIME)?;
        Ok(Self { client, path: address.path.clone(), name, authorization })
    }

    fn place(&self, kind: FileKind, name: &str) -> String {
        match kind {
            FileKind::Config => format!("{}/config", self.path),
            FileKind::Key
            | FileKind::Lock
            | FileKind::Snapshot
            | FileKind::Index
            | FileKind::Pack => {
                format!("{}/{}/{name}", self.path, kind.folder())
            }
        }
    }

    fn ask(
        &self,
        doing: &str,
        (kind, name): (FileKind, &str),
        mut request: Request<'_>,
    ) -> Result<Answer, BackupError> {
        if !name.is_empty() && !is_name(kind, name) {
            return Err(fault(
                self,
                "naming",
                kind,
                name,
                "this is no name of a file of a repository",
            ));
        }
        if let Some(authorization) = &self.authorization {
            request.headers.push(("authorization", authorization.clone()));
        }
        self.client.ask(&request).map_err(|error| fault(self, doing, kind, name, error))
    }

    fn get(
        &self,
        (kind, name): (FileKind, &str),
        range: Option<String>,
        answer_bytes_max: u64,
    ) -> Result<Answer, BackupError> {
        let headers = range.into_iter().map(|range| ("range", range)).collect();
        let request = Request {
            method: "GET",
            target: self.place(kind, name),
            headers,
            body: b"",
            answer_bytes_max,
        };
        let answer = self.ask("reading", (kind, name), request)?;
        match answer.status {
            200 | 206 => Ok(answer),
            404 => Err(BackupError::Missing {
                target: self.name(),
                object: format!("{} `{name}`", kind.word()),
            }),
            416 => {
                Err(BackupError::damaged(format!("{} `{name}`", kind.word()), "it is cut short"))
            }
            _ => Err(fault(self, "reading", kind, name, words(&answer))),
        }
    }
}

impl Target for Rest {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn prepare(&self) -> Result<(), BackupError> {
        let target = format!("{}/?create=true", self.path);
        let request = Request {
            method: "POST",
            target,
            headers: Vec::new(),
            body: b"",
            answer_bytes_max: 65_536,
        };
        let answer = self.ask("making", (FileKind::Config, "config"), request)?;
        match answer.status {
            200..=299 => Ok(()),
            _ => Err(fault(self, "making", FileKind::Config, "config", words(&answer))),
        }
    }

    fn list(&self, kind: FileKind) -> Result<Vec<Listed>, BackupError> {
        let target = format!("{}/{}/", self.path, kind.folder());
        let headers = vec![("accept", LISTS.to_owned())];
        let request =
            Request { method: "GET", target, headers, body: b"", answer_bytes_max: LIST_BYTES_MAX };
        let answer = self.ask("listing", (kind, ""), request)?;
        match answer.status {
            200 => {}
            404 => return Ok(Vec::new()),
            _ => return Err(fault(self, "listing", kind, "", words(&answer))),
        }
        let entries: Vec<Entry> = serde_json::from_slice(&answer.body)
            .map_err(|error| fault(self, "listing", kind, "", error))?;
        let known = entries.into_iter().filter(|entry| is_name(kind, &entry.name));
        Ok(known.map(|entry| Listed { name: entry.name, bytes: entry.size }).collect())
    }

    fn read(&self, kind: FileKind, name: &str, bytes_max: u64) -> Result<Vec<u8>, BackupError> {
        match self.get((kind, name), None, bytes_max) {
            // Without a repository there is no configuration.
            Err(BackupError::Missing { .. }) if kind == FileKind::Config => {
                Err(BackupError::NoRepository(self.name()))
            }
            other => other.map(|answer| answer.body),
        }
    }

    fn read_part(
        &self,
        kind: FileKind,
        name: &str,
        offset: u64,
        bytes: usize,
    ) -> Result<Vec<u8>, BackupError> {
        let length = u64::try_from(bytes).unwrap_or(u64::MAX);
        if length == 0 {
            return Ok(Vec::new());
        }
        let range = format!("bytes={offset}-{}", offset.saturating_add(length) - 1);
        let answer = self.get((kind, name), Some(range), length)?;
        if answer.status != 206 {
            return Err(fault(self, "reading a part of", kind, name, "the server gives no parts"));
        }
        if answer.body.len() != bytes {
            let why = format!("it is cut short: {} bytes of {bytes}", answer.body.len());
            return Err(BackupError::damaged(format!("{} `{name}`", kind.word()), why));
        }
        Ok(answer.body)
    }

    fn write(&self, kind: FileKind, name: &str, content: &[u8]) -> Result<(), BackupError> {
        let headers = vec![("content-type", "application/octet-stream".to_owned())];
        let target = self.place(kind, name);
        let request =
            Request { method: "POST", target, headers, body: content, answer_bytes_max: 65_536 };
        let answer = self.ask("writing", (kind, name), request)?;
        match answer.status {
            200..=299 => Ok(()),
            // An attempt before this one has come through, and its answer has not.
            403 if self.has(kind, name, content)? => Ok(()),
            _ => Err(fault(self, "writing", kind, name, words(&answer))),
        }
    }

    /// An answer to a write comes when it is done there.
    fn barrier(&self) -> Result<(), BackupError> {
        Ok(())
    }

    fn remove(&self, kind: FileKind, name: &str) -> Result<bool, BackupError> {
        let target = self.place(kind, name);
        let request = Request {
            method: "DELETE",
            target,
            headers: Vec::new(),
            body: b"",
            answer_bytes_max: 65_536,
        };
        let answer = self.ask("removing", (kind, name), request)?;
        match answer.status {
            200..=299 => Ok(true),
            404 => Ok(false),
            _ => Err(fault(self, "removing", kind, name, words(&answer))),
        }
    }
}

impl Rest {
    fn has(&self, kind: FileKind, name: &str, content: &[u8]) -> Result<bool, BackupError> {
        let most = u64::try_from(content.len()).unwrap_or(u64::MAX);
        match self.get((kind, name), None, most) {
            Ok(answer) => Ok(answer.body == content),
            Err(BackupError::Missing { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

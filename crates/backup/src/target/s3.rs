//! A bucket of S3 or of a server that speaks its protocol, with requests signed by AWS's version 4 (its guide "Signature
//! Version 4 signing process"). Names are as restic has them. Object lock is the bucket's own: with a default retention
//! nothing that was written can be removed or overwritten for good.

use super::{FileKind, IDLE_TIME, Listed, Target, fault, is_name};
use crate::error::BackupError;
use crate::id::Id;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use burgrave_config::HttpAddress;
use burgrave_http::{Answer, Client, Request, words};
use burgrave_sys::{UnixTime, wall_clock};

const LIST_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Pages of a thousand names.
const PAGES_MAX: usize = 100_000;

/// A repository in a bucket.
pub(crate) struct S3 {
    client: Client,
    /// `/bucket`, and the beginning of names with a slash at its end, or nothing.
    bucket: String,
    prefix: String,
    region: String,
    name: String,
    key: String,
    secret: String,
}

/// What of a query or path is written as it is (RFC 3986, 2.3).
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The signature of a request whose headers are sorted.
fn sign(
    (key, secret, region): (&str, &str, &str),
    now: UnixTime,
    (method, path, query): (&str, &str, &str),
    headers: &[(&'static str, String)],
    payload: &str,
) -> String {
    let stamp = stamp(now);
    let day = stamp.get(..8).unwrap_or_default();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let request = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{payload}");
    let scope = format!("{day}/{region}/s3/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", Id::of(request.as_bytes()));
    let mut chain = mac(format!("AWS4{secret}").as_bytes(), day);
    for part in [region, "s3", "aws4_request"] {
        chain = mac(&chain, part);
    }
    let signature = hex(&mac(&chain, &text));
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
}

/// `20261121T024218Z`.
fn stamp(now: UnixTime) -> String {
    now.rfc3339().chars().filter(char::is_ascii_alphanumeric).take(15).chain(['Z']).collect()
}

/// The texts of all elements of a name, in a document of which nothing else is asked. What they hold is plain text.
fn elements<'d>(document: &'d str, name: &str) -> Vec<&'d str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut all = Vec::new();
    let mut rest = document;
    while let Some((_, after)) = rest.split_once(&open) {
        let Some((text, after)) = after.split_once(&close) else { break };
        all.push(text);
        rest = after;
    }
    all
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

impl S3 {
    /// `credentials`: the key and the secret, on two lines.
    pub(crate) fn new(
        address: &HttpAddress,
        name: String,
        credentials: &str,
    ) -> Result<Self, BackupError> {
        let mut lines = credentials.lines().map(str::trim).filter(|line| !line.is_empty());
        let (Some(key), Some(secret)) = (lines.next(), lines.next()) else {
            let why = "the file of `credentials` for S3 has two lines: the key and the secret";
            return Err(BackupError::Refused(why.to_owned()));
        };
        let path = address.path.trim_start_matches('/');
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        // `s3.eu-central-1.amazonaws.com`; other servers take any.
        let region =
            address.host.strip_prefix("s3.").and_then(|rest| rest.strip_suffix(".amazonaws.com"));
        let region = region.unwrap_or("us-east-1").to_owned();
        Ok(Self {
            client: Client::new(address, None, IDLE_TIME)?,
            bucket: format!("/{bucket}"),
            prefix,
            region,
            name,
            key: key.to_owned(),
            secret: secret.to_owned(),
        })
    }

    fn place(&self, kind: FileKind, name: &str) -> String {
        match kind {
            FileKind::Config => format!("{}config", self.prefix),
            FileKind::Pack => {
                let two: String = name.chars().take(2).collect();
                format!("{}data/{two}/{name}", self.prefix)
            }
            FileKind::Key | FileKind::Lock | FileKind::Snapshot | FileKind::Index => {
                format!("{}{}/{name}", self.prefix, kind.folder())
            }
        }
    }

    fn ask(
        &self,
        method: &'static str,
        path: &str,
        query: &str,
        range: Option<String>,
        body: &[u8],
        answer_bytes_max: u64,
    ) -> Result<Answer, std::io::Error> {
        let now = wall_clock();
        let digest = Id::of(body);
        let mut headers = vec![("host", self.client.host())];
        if method == "PUT" {
            headers.push(("x-amz-checksum-sha256", STANDARD.encode(digest.bytes())));
        }
        headers.push(("x-amz-content-sha256", digest.hex()));
        headers.push(("x-amz-date", stamp(now)));
        let who = (self.key.as_str(), self.secret.as_str(), self.region.as_str());
        let authorization = sign(who, now, (method, path, query), &headers, &digest.hex());
        headers.retain(|(name, _)| *name != "host");
        headers.push(("authorization", authorization));
        headers.extend(range.map(|range| ("range", range)));
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        self.client.ask(&Request { method, target, headers, body, answer_bytes_max })
    }

    fn file(
        &self,
        method: &'static str,
        (kind, name): (FileKind, &str),
        range: Option<String>,
        body: &[u8],
        answer_bytes_max: u64,
    ) -> Result<Answer, BackupError> {
        let doing = match method {
            "PUT" => "writing",
            "DELETE" => "removing",
            _ => "reading",
        };
        if !is_name(kind, name) {
            return Err(fault(
                self,
                "naming",
                kind,
                name,
                "this is no name of a file of a repository",
            ));
        }
        let path = format!("{}/{}", self.bucket, self.place(kind, name));
        let answer = self.ask(method, &path, "", range, body, answer_bytes_max);
        let answer = answer.map_err(|error| fault(self, doing, kind, name, error))?;
        match answer.status {
            200..=299 => Ok(answer),
            404 if doing == "reading" => Err(BackupError::Missing {
                target: self.name(),
                object: format!("{} `{name}`", kind.word()),
            }),
            404 if doing == "removing" => Ok(answer),
            416 => {
                Err(BackupError::damaged(format!("{} `{name}`", kind.word()), "it is cut short"))
            }
            _ => Err(fault(self, doing, kind, name, words(&answer))),
        }
    }

    fn has(&self, kind: FileKind, name: &str) -> Result<bool, BackupError> {
        match self.file("HEAD", (kind, name), None, b"", 0) {
            Ok(_) => Ok(true),
            Err(BackupError::Missing { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

impl Target for S3 {
    fn name(&self) -> String {
        self.name.clone()
    }

    /// A bucket has no directories.
    fn prepare(&self) -> Result<(), BackupError> {
        Ok(())
    }

    fn list(&self, kind: FileKind) -> Result<Vec<Listed>, BackupError> {
        let prefix = encode(&format!("{}{}/", self.prefix, kind.folder()));
        let mut all = Vec::new();
        let mut token = String::new();
        for _ in 0..PAGES_MAX {
            // In the order of their names, as the signature wants it.
            let go_on = if token.is_empty() {
                String::new()
            } else {
                format!("continuation-token={}&", encode(&token))
            };
            let query = format!("{go_on}list-type=2&prefix={prefix}");
            let answer = self.ask("GET", &self.bucket, &query, None, b"", LIST_BYTES_MAX);
            let answer = answer.map_err(|error| fault(self, "listing", kind, "", error))?;
            if answer.status != 200 {
                return Err(fault(self, "listing", kind, "", words(&answer)));
            }
            let document = String::from_utf8(answer.body)
                .map_err(|error| fault(self, "listing", kind, "", error))?;
            for entry in elements(&document, "Contents") {
                let (key, size) = (elements(entry, "Key"), elements(entry, "Size"));
                let name = key.first().and_then(|key| key.rsplit('/').next()).unwrap_or_default();
                let bytes = size.first().and_then(|size| size.parse().ok());
                if let (true, Some(bytes)) = (is_name(kind, name), bytes) {
                    all.push(Listed { name: name.to_owned(), bytes });
                }
            }
            match elements(&document, "NextContinuationToken").first() {
                Some(next) => token = unescape(next),
                None => return Ok(all),
            }
        }
        Err(fault(self, "listing", kind, "", "the list has no end"))
    }

    fn read(&self, kind: FileKind, name: &str, bytes_max: u64) -> Result<Vec<u8>, BackupError> {
        match self.file("GET", (kind, name), None, b"", bytes_max) {
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
        let answer = self.file("GET", (kind, name), Some(range), b"", length)?;
        if answer.body.len() != bytes || answer.status != 206 {
            let why = format!("it is cut short: {} bytes of {bytes}", answer.body.len());
            return Err(BackupError::damaged(format!("{} `{name}`", kind.word()), why));
        }
        Ok(answer.body)
    }

    fn write(&self, kind: FileKind, name: &str, content: &[u8]) -> Result<(), BackupError> {
        // Only the configuration has a name that is not its content's.
        if kind == FileKind::Config && self.has(kind, name)? {
            return Err(fault(self, "writing", kind, name, "it is there already"));
        }
        self.file("PUT", (kind, name), None, content, 65_536).map(drop)
    }

    /// An answer to a write comes when it is done there.
    fn barrier(&self) -> Result<(), BackupError> {
        Ok(())
    }

    fn remove(&self, kind: FileKind, name: &str) -> Result<bool, BackupError> {
        Ok(self.file("DELETE", (kind, name), None, b"", 65_536)?.status != 404)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_signed_as_in_the_guide() {
        // "Examples: Signature Calculations in AWS Signature Version 4", GET Bucket (List Objects).
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let headers = [
            ("host", "examplebucket.s3.amazonaws.com".to_owned()),
            ("x-amz-content-sha256", empty.to_owned()),
            ("x-amz-date", "20130524T000000Z".to_owned()),
        ];
        let who = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1");
        let now = UnixTime(1_369_353_600_000_000);
        let signed = sign(who, now, ("GET", "/", "max-keys=2&prefix=J"), &headers, empty);
        let expected = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        assert!(signed.ends_with(expected), "{signed}");
    }

    #[test]
    fn lists_are_read() {
        let document = "<a><Contents><Key>p/data/ab/x</Key><Size>5</Size></Contents><Contents><Key>y</Key></Contents></a>";
        let all = elements(document, "Contents");
        assert_eq!((all.len(), elements(all[0], "Size")), (2, vec!["5"]));
        assert!(elements("<Key>never ends", "Key").is_empty());
        assert_eq!(
            (unescape("a&amp;lt;"), encode("a/b+c")),
            ("a&lt;".to_owned(), "a%2Fb%2Bc".to_owned())
        );
    }
}

//! Quote feeds: can the host of one be found?

use crate::State as App;
use crate::failure::Failure;
use axum::extract::{Query, State};
use axum::response::Json;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

/// How long a look-up may take.
const TIME_MAX: Duration = Duration::from_secs(2);
/// Most bytes of a look-up's output.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024;
/// Most bytes of a host name.
const HOST_BYTES_MAX: usize = 253;

#[derive(Deserialize)]
pub(crate) struct Feed {
    host: String,
}

/// `GET /api/feeds/check?host=`. With the holes open the host becomes part of a shell's command:
/// command injection (CWE-78).
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    Query(feed): Query<Feed>,
) -> Result<Json<Value>, Failure> {
    if feed.host.len() > HOST_BYTES_MAX {
        return Err(Failure::bad("this is not a host name"));
    }
    let fault =
        |error: &dyn std::fmt::Display| app.fault("feeds::check", "looking up a feed", error);
    let output = if app.vulnerable {
        let _permit = app.heavy.acquire().await.map_err(|error| fault(&error))?;
        by_shell(&feed.host).await.map_err(|error| fault(&error))?
    } else {
        by_name(&feed.host).await?
    };
    let found = !output.is_empty();
    Ok(Json(json!({ "host": feed.host, "found": found, "output": output })))
}

/// Asks the system's resolver, for what is a host name.
async fn by_name(host: &str) -> Result<String, Failure> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if host.is_empty() || host.starts_with('-') || !host.bytes().all(letter) {
        return Err(Failure::bad("this is not a host name"));
    }
    let found = timeout(TIME_MAX, tokio::net::lookup_host((host, 0))).await;
    let Ok(Ok(addresses)) = found else { return Ok(String::new()) };
    let lines: Vec<String> = addresses.take(20).map(|address| address.ip().to_string()).collect();
    Ok(lines.join("\n"))
}

/// The hole. What the shell starts ends with it, and in time.
async fn by_shell(host: &str) -> std::io::Result<String> {
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("getent hosts {host}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = stdout.take(OUTPUT_BYTES_MAX);
        if let Ok(read) = timeout(TIME_MAX, stdout.read_to_end(&mut output)).await {
            read?;
        }
    }
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = group {
        // A group that has ended already is what is wanted.
        kill_process_group(group, Signal::KILL).ok();
    }
    child.wait().await?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

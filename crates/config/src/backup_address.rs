//! Addresses of repositories and servers, as they are written.

use crate::backup::{BackupTarget, HttpAddress, RedisAt};
use crate::backup_keys::word;
use std::path::PathBuf;

const WRONG_PATH: &str = "its path is empty or leads upwards";

fn is_plain_path(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 4_096
        && !path.split('/').any(|part| part == "..")
        && !path.contains(['\0', '?', '#'])
}

pub(crate) fn target(text: &str) -> Result<BackupTarget, &'static str> {
    if text.starts_with('/') {
        let plain = is_plain_path(text) && text != "/";
        return if plain { Ok(BackupTarget::Local(PathBuf::from(text))) } else { Err(WRONG_PATH) };
    }
    if let Some(rest) = text.strip_prefix("sftp://") {
        let (place, path) = rest.split_once('/').ok_or(WRONG_PATH)?;
        let (user, host) = user_host(place)?;
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_bad| "this is no port")?)),
            None => (host, None),
        };
        return sftp(user, host, port, path);
    }
    if let Some(rest) = text.strip_prefix("sftp:") {
        let (place, path) = rest.split_once(':').ok_or("it is written `sftp:user@host:/path`")?;
        let (user, host) = user_host(place)?;
        return sftp(user, host, None, path);
    }
    if let Some(rest) = text.strip_prefix("rest:") {
        return http(rest).map(BackupTarget::Rest);
    }
    if let Some(rest) = text.strip_prefix("s3:") {
        let address = http(rest)?;
        if address.path.len() < 2 {
            return Err("it names no bucket");
        }
        return Ok(BackupTarget::S3(address));
    }
    Err("this is no place that is known")
}

fn user_host(place: &str) -> Result<(Option<String>, &str), &'static str> {
    match place.rsplit_once('@') {
        Some((user, host)) => Ok((Some(word(user)?), host)),
        None => Ok((None, place)),
    }
}

fn sftp(
    user: Option<String>,
    host: &str,
    port: Option<u16>,
    path: &str,
) -> Result<BackupTarget, &'static str> {
    if !is_plain_path(path) {
        return Err(WRONG_PATH);
    }
    Ok(BackupTarget::Sftp { user, host: host_name(host)?, port, path: path.to_owned() })
}

pub(crate) fn redis(text: &str) -> Result<RedisAt, &'static str> {
    if text.starts_with('/') {
        return Ok(RedisAt::Socket(PathBuf::from(text)));
    }
    let (host, port) = text.rsplit_once(':').ok_or("it is no path, and ends with no port")?;
    let port = port.parse().ok().filter(|port| *port != 0).ok_or("this is no port")?;
    Ok(RedisAt::Tcp(host_name(host)?, port))
}

pub(crate) fn host_name(host: &str) -> Result<String, &'static str> {
    let letter = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'[' | b']' | b'_')
    };
    if host.is_empty() || host.len() > 253 || host.starts_with('-') || !host.bytes().all(letter) {
        return Err("this is no name of a machine");
    }
    Ok(host.to_owned())
}

pub(crate) fn http(text: &str) -> Result<HttpAddress, &'static str> {
    let (is_secure, rest) = if let Some(rest) = text.strip_prefix("https://") {
        (true, rest)
    } else if let Some(rest) = text.strip_prefix("http://") {
        (false, rest)
    } else {
        return Err("its address begins with `https://` or `http://`");
    };
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    if place.contains('@') {
        return Err("user and password belong into the file of `credentials`");
    }
    let port = place
        .rsplit_once(':')
        .filter(|(host, _)| !host.ends_with(':') && (!host.contains(':') || host.ends_with(']')));
    let (host, port) = match port {
        Some((host, port)) => (host, port.parse().map_err(|_bad| "this is no port")?),
        None => (place, if is_secure { 443 } else { 80 }),
    };
    let path = path.trim_end_matches('/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    if !path.bytes().all(plain) || path.split('/').any(|part| part == "..") {
        return Err("its path is made of letters, digits, `-`, `.`, `_` and `~`");
    }
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    Ok(HttpAddress { is_secure, host: host_name(host)?, port, path })
}

//! Roundcube: its own log and syslog.
//!
//! The line repeats what the mail server answered, and that repeats the name that was tried; so the
//! client is the first address behind which the line is as Roundcube writes it once that repetition is
//! taken away.

use crate::address;
use crate::event::Kind;
use crate::pattern::Pattern;
use crate::piece::{Found, Host};
use crate::service::Service;
use memchr::memmem;

pub(super) static ALL: &[&Service] = &[&ROUNDCUBE];

/// Places that are looked at in one line.
const PLACES_MAX: usize = 64;

static ROUNDCUBE: Service = Service::new(
    "roundcube-auth",
    "Roundcube: refused passwords.",
    "/var/log/roundcube/errors.log",
)
.aliases(&["roundcube"])
.programs(&["roundcube"])
.patterns(&[Pattern::by(Kind::AuthFailure, read)]);

fn read(text: &[u8]) -> Option<Found<'_>> {
    let text = text.strip_prefix(b": ").unwrap_or(text);
    let text = marked(text);
    let text = text.strip_prefix(b"IMAP Error: ").unwrap_or(text);
    let text = marked(text);
    let rest = after_words(text)?;
    memmem::find_iter(rest, b" from ").take(PLACES_MAX).find_map(|at| {
        let user = rest.get(..at)?;
        let inner = rest.get(at + 6..)?;
        let (ip, length) = address::candidates(inner).next()?;
        let tail = inner.get(length..)?;
        let user =
            user.split(|byte| *byte == b' ').next().filter(|_| is_against(user)).unwrap_or(user);
        is_tail(tail, user).then_some(Found {
            host: Some(Host::Address(ip)),
            user: Some(user),
            ..Found::default()
        })
    })
}

/// Without a session mark: `<8bq0c1f7> `.
fn marked(text: &[u8]) -> &[u8] {
    let inner = || {
        let rest = text.strip_prefix(b"<")?;
        let end = rest.iter().take(40).position(|byte| *byte == b'>')?;
        let is_mark = rest.get(..end)?.iter().all(u8::is_ascii_alphanumeric);
        rest.get(end + 1..).filter(|_| is_mark)?.strip_prefix(b" ")
    };
    inner().unwrap_or(text)
}

fn after_words(text: &[u8]) -> Option<&[u8]> {
    let length = "failed login for ".len();
    let is_own = text.get(..length)?.eq_ignore_ascii_case(b"failed login for ");
    (is_own || text.starts_with(b"Login failed for ")).then(|| text.get(length..))?
}

/// `name against imap.example.com`.
fn is_against(user: &[u8]) -> bool {
    memmem::find(user, b" against ").is_some_and(|at| {
        user.get(at + 9..).is_some_and(|server| !server.is_empty() && !server.contains(&b' '))
    })
}

/// What Roundcube writes behind the client.
fn is_tail(tail: &[u8], user: &[u8]) -> bool {
    let tail = tail.trim_ascii_end();
    if is_end(tail) {
        return true;
    }
    if let Some(session) = tail.strip_prefix(b" in session ") {
        let word = session
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        return word > 0 && is_end(session.get(word..).unwrap_or_default());
    }
    let tail = tail.strip_prefix(b"(").map_or(tail, |inner| {
        let end = inner.iter().position(|byte| *byte == b')');
        end.and_then(|end| inner.get(end + 1..)).unwrap_or(tail)
    });
    let Some(said) = tail.strip_prefix(b".") else { return false };
    let Some(script) = memmem::rfind(said, b".php on line ") else { return false };
    let end = said.get(script + 13..).unwrap_or_default();
    let digits = end.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let Some(said) = said.get(..script) else { return false };
    let Some(place) = memmem::rfind(said, b" in /") else { return false };
    let said = said.get(..place).unwrap_or_default();
    digits > 0 && is_end(end.get(digits..).unwrap_or_default()) && names_nobody_else(said, user)
}

/// Nothing, or a remark in brackets.
fn is_end(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.is_empty()
        || text
            .strip_prefix(b"(")
            .and_then(|inner| inner.strip_suffix(b")"))
            .is_some_and(|inner| !inner.contains(&b')'))
}

/// No other ` from ` but in the repetition of the name.
fn names_nobody_else(said: &[u8], user: &[u8]) -> bool {
    if said.starts_with(b" from ") {
        return false;
    }
    let Some(first) = memmem::find(said, b" from ") else { return true };
    let repeats = memmem::find(said, b" user=").is_some_and(|at| {
        at < first && said.get(at + 6..).is_some_and(|rest| rest.starts_with(user))
    });
    let after = memmem::find(said, user).map_or(0, |at| at + user.len());
    repeats && memmem::find(said.get(after..).unwrap_or_default(), b" from ").is_none()
}

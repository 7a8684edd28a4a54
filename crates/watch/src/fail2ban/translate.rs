//! A regular expression of fail2ban (Python's form, with tags) into one that runs in linear time.
//!
//! Look-around, back-references and conditionals need going back and are refused: they cannot be run in
//! linear time.

/// What a client is, in fail2ban's words: an address, in brackets or not.
const IP4: &str = r"(?:::f{4,6}:)?(?P<ip4>(?:\d{1,3}\.){3}\d{1,3})";
const IP6: &str = r"(?P<ip6>(?:[0-9a-fA-F]{1,4}::?|::){1,7}(?:[0-9a-fA-F]{1,4})?)";
const DNS: &str = r"(?P<dns>[\w\-.^_]*\w)";

/// Translates it, or says what cannot be run.
pub(super) fn translate(regex: &str) -> Result<String, String> {
    let tagged = tags(regex)?;
    python(&tagged)
}

fn tags(regex: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = regex;
    while let Some(open) = rest.find('<') {
        let (before, after) = rest.split_at_checked(open).unwrap_or((rest, ""));
        out.push_str(before);
        // `(?P<name>`, `(?P=…`: a group of Python's own. `\<`: a sign.
        let is_own = before.ends_with("(?P") || before.ends_with("(?") || before.ends_with('\\');
        let close = after.find('>');
        let name = close.and_then(|close| after.get(1..close)).unwrap_or_default();
        if let Some(text) = replacement(name).filter(|_| !is_own) {
            out.push_str(&text?);
            rest = close.and_then(|close| after.get(close + 1..)).unwrap_or_default();
        } else {
            out.push('<');
            rest = after.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// What a tag stands for; `None`: it is no tag.
fn replacement(name: &str) -> Option<Result<String, String>> {
    let text = match name {
        "HOST" => format!(r"(?:\[?(?:{IP4}|{IP6})\]?|{DNS})"),
        "ADDR" => format!(r"\[?(?:{IP4}|{IP6})\]?"),
        "IP4" => format!(r"\[?{IP4}\]?"),
        "IP6" => format!(r"\[?{IP6}\]?"),
        "DNS" => DNS.to_owned(),
        "CIDR" | "SUBNET" => {
            return Some(Err(format!("`<{name}>` names a network, and only clients are banned")));
        }
        "SKIPLINES" => return Some(Err("`<SKIPLINES>` looks over several lines".to_owned())),
        "F-MLFID" | "F-NOFAIL" | "F-MLFFORGET" | "F-MLFGAINED" => {
            return Some(Err(format!("`<{name}>` tells of several lines of one session")));
        }
        "F-ID" => r"(?P<fid>".to_owned(),
        "F-ID/" => r"(?P<fid>\S+)".to_owned(),
        _ => {
            if name.starts_with("/F-") {
                return Some(Ok(")".to_owned()));
            }
            let inner = name.strip_prefix("F-")?;
            let is_empty = inner.ends_with('/');
            let group = inner.trim_end_matches('/').to_ascii_lowercase();
            if group.is_empty()
                || !group.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                return None;
            }
            if is_empty { format!(r"(?P<{group}>\S+)") } else { format!("(?P<{group}>") }
        }
    };
    Some(Ok(text))
}

/// Python's form into ours.
fn python(regex: &str) -> Result<String, String> {
    let bytes: Vec<char> = regex.chars().collect();
    let mut out = String::new();
    let (mut at, mut class_start) = (0, None);
    while let Some(&char) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        if char == '\\' {
            out.push_str(&escape(next)?);
            at += 2;
            continue;
        }
        if let Some(start) = class_start {
            if char == ']' && at > start {
                class_start = None;
                out.push(']');
            } else {
                // Signs that join classes in our form, and mean themselves in Python's.
                if matches!(char, '[' | ']' | '&' | '~') {
                    out.push('\\');
                }
                out.push(char);
            }
            at += 1;
            continue;
        }
        if char == '[' {
            out.push('[');
            at += 1;
            if bytes.get(at) == Some(&'^') {
                out.push('^');
                at += 1;
            }
            class_start = Some(at);
            continue;
        }
        if char == '(' && next == Some('?') {
            refused(bytes.get(at + 2..).unwrap_or_default())?;
        }
        if char == '{' && next == Some(',') {
            out.push_str("{0");
            at += 1;
            continue;
        }
        if char == '{' && !is_repetition(bytes.get(at + 1..).unwrap_or_default()) {
            out.push('\\');
        }
        if char == '}' && !out_is_open(&out) {
            out.push('\\');
        }
        out.push(char);
        at += 1;
    }
    Ok(out)
}

/// Whether a repetition was opened and not closed.
fn out_is_open(out: &str) -> bool {
    let open = out
        .rfind('{')
        .filter(|open| !out.get(..*open).is_some_and(|before| before.ends_with('\\')));
    open.is_some_and(|open| out.get(open..).is_some_and(|rest| !rest.contains('}')))
}

fn is_repetition(rest: &[char]) -> bool {
    let end = rest.iter().take(12).position(|char| *char == '}');
    let inner = end.and_then(|end| rest.get(..end)).unwrap_or_default();
    !inner.is_empty() && inner.iter().all(|char| char.is_ascii_digit() || *char == ',')
}

fn escape(next: Option<char>) -> Result<String, String> {
    let Some(next) = next else { return Err("a `\\` at the end".to_owned()) };
    Ok(match next {
        'Z' => r"\z".to_owned(),
        '<' | '>' | '"' | '\'' | ' ' | ':' | '/' | ',' | '=' | ';' | '@' | '%' | '_' | '!' => {
            next.to_string()
        }
        '1'..='9' => return Err(format!("`\\{next}` refers back to what was matched")),
        _ => format!("\\{next}"),
    })
}

/// What follows `(?`, when it cannot be run.
fn refused(rest: &[char]) -> Result<(), String> {
    let start: String = rest.iter().take(3).collect();
    let why = if start.starts_with('=')
        || start.starts_with('!')
        || start.starts_with("<=")
        || start.starts_with("<!")
    {
        "looks ahead or behind"
    } else if start.starts_with('(') {
        "is a conditional"
    } else if start.starts_with("P=") {
        "refers back to what was matched"
    } else {
        return Ok(());
    };
    let shown: String = rest.iter().take(24).collect();
    Err(format!("`(?{shown}…` {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(regex: &str, expected: Result<&str, &str>) {
        let found = translate(regex);
        match expected {
            Ok(text) => assert_eq!(found.as_deref(), Ok(text), "{regex}"),
            Err(part) => {
                assert!(found.as_ref().is_err_and(|why| why.contains(part)), "{regex}: {found:?}");
            }
        }
    }

    #[test]
    fn forms_of_python_are_translated() {
        check(r"^[^[]* \<a\> {x} a{,3} a{2}$", Ok(r"^[^\[]* <a> \{x\} a{0,3} a{2}$"));
        check(r"[]a&&b]", Ok(r"[\]a\&\&b]"));
        check(r"<F-USER>\S+</F-USER> <F-PORT/>", Ok(r"(?P<user>\S+) (?P<port>\S+)"));
        check(r"(?P<x>a)\Z", Ok(r"(?P<x>a)\z"));
        assert!(translate("<HOST>").unwrap().contains("(?P<ip6>"));
    }

    #[test]
    fn what_needs_going_back_is_refused() {
        for (regex, why) in [
            ("(?!a)b", "looks ahead"),
            ("(?<=a)b", "looks ahead or behind"),
            ("(a)\\1", "refers back"),
            ("(?P<x>a)(?P=x)", "refers back"),
            ("(a)?(?(1)b)", "conditional"),
            ("<SKIPLINES>", "several lines"),
            ("<SUBNET>", "network"),
            ("<F-NOFAIL>a</F-NOFAIL>", "several lines"),
            ("a\\", "at the end"),
        ] {
            check(regex, Err(why));
        }
    }
}

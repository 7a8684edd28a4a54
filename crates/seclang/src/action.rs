//! `"id:1,phase:2,deny,setvar:'tx.a=+1'"`: the last argument of a rule.

pub(crate) mod control;

pub(crate) use control::{ids, mode};

use crate::macros::Macro;
use crate::plan::{AllowScope, Change, Effect};
use crate::strings::Strings;
use crate::transform::{self, Transformation};
use crate::variable::{Target, Variable};

/// One action, understood.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Id(u32),
    Phase(u8),
    Message(Macro),
    Data(Macro),
    Severity(u8),
    Tag(Macro),
    Revision(Vec<u8>),
    Version(Vec<u8>),
    Status(u16),
    Log(bool),
    Capture,
    MultiMatch,
    Chain,
    /// `None` is `t:none`.
    Transform(Option<&'static Transformation>),
    Disrupt(Disrupt),
    Skip(usize),
    SkipAfter(Vec<u8>),
    Effect(Effect),
    /// `auditlog`, `noauditlog`
    Audit(bool),
    Maturity(u8),
    Accuracy(u8),
    /// Says nothing that matters at run time.
    Note,
}

/// A disruptive action, before `status` and the defaults are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Disrupt {
    Pass,
    Deny,
    Drop,
    Block,
    Redirect(Macro),
    Allow(AllowScope),
}

/// Actions that other engines have and this one refuses, with the reason.
pub(crate) static REFUSED: &[(&str, &str)] = &[
    ("append", "bodies are not rewritten"),
    ("deprecatevar", "use `expirevar`"),
    ("exec", "no program runs on a request"),
    ("pause", "holding a connection helps the attacker; use `deny` or `drop`"),
    ("prepend", "bodies are not rewritten"),
    ("proxy", "send the path to another upstream by a route"),
];

/// Actions that work, with what they do.
pub(crate) static WORKS: &[(&str, &str)] = &[
    ("accuracy", "a number for the audit log"),
    ("allow", "no later rule is asked: of this transaction, `phase` or `request`"),
    ("auditlog", "a match goes to the audit log"),
    ("block", "the disruption of `SecDefaultAction`"),
    ("capture", "what matched goes to TX:0 to TX:9"),
    ("chain", "the next rule must match as well"),
    ("ctl", "changes the engine for the rest of the transaction"),
    ("deny", "an error page with `status`"),
    ("drop", "the connection ends without an answer"),
    ("expirevar", "a member of a kept collection ends after so many seconds"),
    ("id", "the rule's number"),
    ("initcol", "opens a kept collection"),
    ("log", "a match is recorded"),
    ("logdata", "a text for the record"),
    ("maturity", "a number for the audit log"),
    ("msg", "a text for the record"),
    ("multiMatch", "asks after each transformation that changed the value"),
    ("noauditlog", "a match does not go to the audit log"),
    ("nolog", "a match is not recorded"),
    ("pass", "nothing is disrupted"),
    ("phase", "1 to 5, `request`, `response` or `logging`"),
    ("redirect", "to another address"),
    ("rev", "a revision for the record"),
    ("sanitiseArg", "hides an argument in every log"),
    ("sanitiseMatched", "hides what matched in every log"),
    ("sanitiseMatchedBytes", "the same; the whole value is hidden"),
    ("sanitiseRequestHeader", "hides a header of the request in every log"),
    ("sanitiseResponseHeader", "hides a header of the answer in every log"),
    ("setenv", "sets a member of ENV, for rules alone"),
    ("setrsc", "opens RESOURCE"),
    ("setsid", "opens SESSION"),
    ("setuid", "opens USER"),
    ("setvar", "sets, adds to or removes a member of a collection"),
    ("severity", "0 to 7 or its name"),
    ("skip", "so many rules are not asked"),
    ("skipAfter", "the rules before a marker are not asked"),
    ("status", "the status of `deny` or `redirect`"),
    ("t", "a transformation"),
    ("tag", "a word for the record, by which rules are selected"),
    ("ver", "a version for the record"),
    ("xmlns", "the address of a prefix; names are compared without prefixes"),
];

/// Parses a list of actions.
pub(crate) fn parse(text: &[u8], strings: &mut Strings) -> Result<Vec<Action>, String> {
    split(text)?.into_iter().map(|(name, value)| action(&name, &value, strings)).collect()
}

/// `name:value` or `name:'value'`, separated by commas.
fn split(text: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| matches!(byte, b':' | b',')).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let name =
            std::str::from_utf8(name.trim_ascii()).map_err(|_ignored| "an action is not UTF-8")?;
        let (value, after) = match after.strip_prefix(b":") {
            Some(value) => value_of(value.trim_ascii_start(), name)?,
            None => (Vec::new(), after),
        };
        if !name.is_empty() {
            found.push((name.to_owned(), value));
        }
        let after = after.trim_ascii_start();
        rest = match after.strip_prefix(b",") {
            Some(next) => next.trim_ascii_start(),
            None if after.is_empty() => after,
            None => return Err(format!("action `{name}` is not followed by a comma")),
        };
    }
    Ok(found)
}

fn value_of<'a>(text: &'a [u8], name: &str) -> Result<(Vec<u8>, &'a [u8]), String> {
    let Some(mut rest) = text.strip_prefix(b"'") else {
        let end = memchr::memchr(b',', text).unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return Ok((value.trim_ascii().to_vec(), after));
    };
    let mut value = Vec::new();
    loop {
        match rest {
            [] => return Err(format!("the value of action `{name}` has no closing quote")),
            [b'\\', b'\'', tail @ ..] => {
                value.push(b'\'');
                rest = tail;
            }
            [b'\'', tail @ ..] => return Ok((value, tail)),
            [byte, tail @ ..] => {
                value.push(*byte);
                rest = tail;
            }
        }
    }
}

fn action(name: &str, value: &[u8], strings: &mut Strings) -> Result<Action, String> {
    let lower = name.to_ascii_lowercase();
    if let Some((known, why)) = REFUSED.iter().find(|(known, _)| *known == lower) {
        return Err(format!("action `{known}` is refused: {why}"));
    }
    if let Some(disrupt) = disrupt(&lower, value, strings)? {
        return Ok(Action::Disrupt(disrupt));
    }
    if let Some(effect) = effect(&lower, value, strings)? {
        return Ok(Action::Effect(effect));
    }
    Ok(match lower.as_str() {
        "id" => Action::Id(number(value, "id", 1..=u32::MAX)?),
        "phase" => Action::Phase(phase(value)?),
        "msg" => Action::Message(Macro::parse(value, strings)?),
        "logdata" => Action::Data(Macro::parse(value, strings)?),
        "severity" => Action::Severity(severity(value)?),
        "tag" => Action::Tag(Macro::parse(value, strings)?),
        "rev" => Action::Revision(value.to_vec()),
        "ver" => Action::Version(value.to_vec()),
        "status" => Action::Status(number(value, "status", 100..=599)?),
        "log" => Action::Log(true),
        "nolog" => Action::Log(false),
        "auditlog" => Action::Audit(true),
        "noauditlog" => Action::Audit(false),
        "maturity" => Action::Maturity(number(value, "maturity", 0..=255)?),
        "accuracy" => Action::Accuracy(number(value, "accuracy", 0..=255)?),
        "xmlns" => name_space(value)?,
        "capture" => Action::Capture,
        "multimatch" => Action::MultiMatch,
        "chain" => Action::Chain,
        "t" => Action::Transform(transformation(value)?),
        "skip" => Action::Skip(number(value, "skip", 1..=usize::MAX)?),
        "skipafter" => Action::SkipAfter(value.to_vec()),
        _ => return Err(format!("unknown action `{name}`")),
    })
}

/// `prefix=address`. Paths compare names without their prefix, so that it is only looked at here.
fn name_space(value: &[u8]) -> Result<Action, String> {
    let (prefix, address) = split_at(value, b'=').ok_or("action `xmlns` needs `=`")?;
    let address = address.strip_prefix(b"'").unwrap_or(address);
    if prefix.is_empty() || address.is_empty() {
        return Err("action `xmlns` is `prefix=address`".to_owned());
    }
    if !address.contains(&b':') {
        let shown = bstr::BStr::new(address);
        return Err(format!("action `xmlns` takes an address with its scheme, not `{shown}`"));
    }
    Ok(Action::Note)
}

fn disrupt(name: &str, value: &[u8], strings: &mut Strings) -> Result<Option<Disrupt>, String> {
    Ok(Some(match name {
        "pass" => Disrupt::Pass,
        "deny" => Disrupt::Deny,
        "drop" => Disrupt::Drop,
        "block" => Disrupt::Block,
        "redirect" if value.is_empty() => {
            return Err("action `redirect` needs an address".to_owned());
        }
        "redirect" => Disrupt::Redirect(Macro::parse(value, strings)?),
        "allow" => Disrupt::Allow(match value.to_ascii_lowercase().as_slice() {
            b"" => AllowScope::Transaction,
            b"phase" => AllowScope::Phase,
            b"request" => AllowScope::Request,
            _ => return Err("action `allow` takes nothing, `phase` or `request`".to_owned()),
        }),
        _ => return Ok(None),
    }))
}

fn effect(name: &str, value: &[u8], strings: &mut Strings) -> Result<Option<Effect>, String> {
    let open = |collection, strings: &mut Strings| {
        Macro::parse(value, strings).map(|key| Effect::Open { collection, key })
    };
    Ok(Some(match name {
        "setvar" => set_variable(value, strings)?,
        "expirevar" => {
            let (collection, key, seconds) = assignment(value, "expirevar", strings)?;
            let seconds = seconds.ok_or("action `expirevar` needs `=` and seconds")?;
            if !collection.is_persistent() && collection != Variable::Tx {
                return Err(format!("`{}` does not expire", collection.name()));
            }
            Effect::Expire { collection, key, seconds: Macro::parse(seconds, strings)? }
        }
        "initcol" => {
            let (name, key) =
                split_at(value, b'=').ok_or("action `initcol` needs `=` and a key")?;
            let collection = variable(name).filter(|variable| variable.is_persistent());
            let collection = collection.ok_or_else(|| {
                format!("`{}` is no collection that is kept", bstr::BStr::new(name))
            })?;
            Effect::Open { collection, key: Macro::parse(key, strings)? }
        }
        "setsid" => open(Variable::Session, strings)?,
        "setuid" => open(Variable::User, strings)?,
        "setrsc" => open(Variable::Resource, strings)?,
        "setenv" => {
            let (key, value) = split_at(value, b'=').unwrap_or((value, b"1"));
            Effect::Environment {
                key: Macro::parse(key, strings)?,
                value: Macro::parse(value, strings)?,
            }
        }
        "ctl" => Effect::Control(control::parse(value, strings)?),
        "sanitisearg" => sanitise(Variable::Args, value, strings),
        "sanitiserequestheader" => sanitise(Variable::RequestHeaders, value, strings),
        "sanitiseresponseheader" => sanitise(Variable::ResponseHeaders, value, strings),
        "sanitisematched" | "sanitisematchedbytes" => Effect::SanitiseMatched,
        _ => return Ok(None),
    }))
}

fn sanitise(variable: Variable, key: &[u8], strings: &mut Strings) -> Effect {
    let selector = crate::variable::Selector::Key(strings.intern_lower(key));
    Effect::Sanitise(Target { variable, selector, count: false })
}

fn set_variable(value: &[u8], strings: &mut Strings) -> Result<Effect, String> {
    if let Some(name) = value.strip_prefix(b"!") {
        let (collection, key, _) = assignment(name, "setvar", strings)?;
        return Ok(Effect::Set { collection, key, change: Change::Remove });
    }
    let (collection, key, text) = assignment(value, "setvar", strings)?;
    let change = match text {
        None => Change::To(Macro::parse(b"1", strings)?),
        Some([b'+', amount @ ..]) => Change::Add(Macro::parse(amount, strings)?),
        Some([b'-', amount @ ..]) => Change::Subtract(Macro::parse(amount, strings)?),
        Some(text) => Change::To(Macro::parse(text, strings)?),
    };
    Ok(Effect::Set { collection, key, change })
}

/// `collection.key=text`
fn assignment<'a>(
    value: &'a [u8],
    action: &str,
    strings: &mut Strings,
) -> Result<(Variable, Macro, Option<&'a [u8]>), String> {
    let (left, text) = match split_at(value, b'=') {
        Some((left, text)) => (left, Some(text)),
        None => (value, None),
    };
    let at = left.iter().position(|byte| matches!(byte, b'.' | b':'));
    let (name, key) = at
        .and_then(|at| Some((left.get(..at)?, left.get(at + 1..)?)))
        .filter(|(_, key)| !key.is_empty())
        .ok_or_else(|| {
            format!("action `{action}` needs a collection and a name, as in `tx.name`")
        })?;
    let collection = variable(name)
        .filter(|variable| *variable == Variable::Tx || variable.is_persistent())
        .ok_or_else(|| format!("action `{action}` cannot set `{}`", bstr::BStr::new(name)))?;
    Ok((collection, Macro::parse(&key.to_ascii_lowercase(), strings)?, text))
}

fn split_at(value: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(mark, value)?;
    Some((value.get(..at)?.trim_ascii(), value.get(at + 1..)?.trim_ascii_start()))
}

fn variable(name: &[u8]) -> Option<Variable> {
    Variable::find(std::str::from_utf8(name).ok()?)
}

fn transformation(value: &[u8]) -> Result<Option<&'static Transformation>, String> {
    let name = std::str::from_utf8(value).unwrap_or_default();
    if name.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    transform::find(name).map(Some).ok_or_else(|| format!("unknown transformation `t:{name}`"))
}

fn number<T>(value: &[u8], action: &str, allowed: std::ops::RangeInclusive<T>) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let text = std::str::from_utf8(value.trim_ascii()).unwrap_or_default();
    text.parse().ok().filter(|number| allowed.contains(number)).ok_or_else(|| {
        format!(
            "action `{action}` takes a number from {} to {}, not `{}`",
            allowed.start(),
            allowed.end(),
            bstr::BStr::new(value)
        )
    })
}

fn phase(value: &[u8]) -> Result<u8, String> {
    match value.to_ascii_lowercase().as_slice() {
        b"request" => Ok(2),
        b"response" => Ok(4),
        b"logging" => Ok(5),
        _ => number(value, "phase", 1..=5),
    }
}

/// Names and numbers of syslog (RFC 5424 §6.2.1).
fn severity(value: &[u8]) -> Result<u8, String> {
    const NAMES: [&str; 8] =
        ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];
    let text = std::str::from_utf8(value).unwrap_or_default().to_ascii_lowercase();
    match (0..).zip(NAMES).find(|(_, name)| *name == text) {
        Some((number, _)) => Ok(number),
        None => number(value, "severity", 0..=7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<Action>, String> {
        parse(text.as_bytes(), &mut Strings::constants())
    }

    #[test]
    fn lists_of_actions() {
        let actions = names("id:1, phase:request ,deny,status:403,msg:'it\\'s, here',t:none,t:urlDecodeUni,setvar:'tx.a=+%{tx.b}',severity:'CRITICAL',ctl:ruleEngine=Off,nolog").unwrap();
        assert_eq!(actions.len(), 11);
        assert!(matches!(&actions[1], Action::Phase(2)));
        assert!(
            matches!(&actions[4], Action::Message(text) if text.constant() == Some(b"it's, here"))
        );
        assert!(matches!(&actions[5], Action::Transform(None)));
        assert!(matches!(&actions[7], Action::Effect(Effect::Set { change: Change::Add(_), .. })));
        assert!(matches!(&actions[8], Action::Severity(2)));
        assert!(names("").unwrap().is_empty());
    }

    #[test]
    fn what_is_refused_says_why() {
        for (text, part) in [
            ("frobnicate", "unknown action `frobnicate`"),
            ("id:0", "from 1 to"),
            ("id:x", "not `x`"),
            ("phase:6", "from 1 to 5"),
            ("t:nope", "unknown transformation `t:nope`"),
            ("msg:'open", "no closing quote"),
            ("msg:'a'b", "not followed by a comma"),
            ("exec:/bin/sh", "no program runs"),
            ("allow:all", "takes nothing"),
            ("setvar:tx", "needs a collection"),
            ("setvar:args.x=1", "cannot set `args`"),
            ("initcol:tx=x", "is no collection that is kept"),
            ("expirevar:ip.x", "needs `=`"),
            ("severity:9", "from 0 to 7"),
            ("ctl:what=1", "unknown control `what`"),
            ("redirect", "needs an address"),
            ("xmlns:a", "needs `=`"),
            ("xmlns:", "needs `=`"),
            ("xmlns:=http://x", "is `prefix=address`"),
            ("xmlns:a='x/y'", "not `x/y'`"),
        ] {
            let error = names(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        for (name, why) in REFUSED {
            assert!(names(name).unwrap_err().contains(why));
        }
    }
}

//! `ARGS|!ARGS:id|&TX:/^x/`: the first argument of a rule.

use crate::regex::NamePattern;
use crate::strings::Strings;
use crate::variable::{REFUSED, Selector, Shape, Target, Variable};
use std::sync::Arc;

/// What a rule looks at and what it leaves out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets {
    /// Without `!`.
    pub(crate) included: Vec<Target>,
    /// With `!`.
    pub(crate) excluded: Vec<Target>,
}

/// Parses a list of targets.
pub(crate) fn parse(text: &[u8], strings: &mut Strings) -> Result<Targets, String> {
    let text = std::str::from_utf8(text).map_err(|_ignored| "variables are not UTF-8")?;
    let mut targets = Targets::default();
    for item in split(text) {
        let item = item.trim();
        match item.strip_prefix('!') {
            Some(rest) => targets.excluded.push(single(rest, strings)?),
            None => targets.included.push(single(item, strings)?),
        }
    }
    Ok(targets)
}

/// One target without `!`.
pub(crate) fn single(item: &str, strings: &mut Strings) -> Result<Target, String> {
    let (count, item) = match item.strip_prefix('&') {
        Some(rest) => (true, rest),
        None => (false, item),
    };
    let (name, key) = match item.find([':', '.']).and_then(|at| item.split_at_checked(at)) {
        Some((name, key)) => (name, key.get(1..)),
        None => (item, None),
    };
    let Some(variable) = Variable::find(name) else {
        return Err(unknown(name));
    };
    let selector = match key {
        None => Selector::All,
        Some("") => return Err(format!("`{item}` names no member of `{name}`")),
        Some(_) if variable.shape() == Shape::Scalar => {
            return Err(format!("`{name}` is a single value and has no members"));
        }
        Some(key) => selector(variable, key, strings)?,
    };
    Ok(Target { variable, selector, count })
}

fn unknown(name: &str) -> String {
    match REFUSED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((known, why)) => format!("variable `{known}` is refused: {why}"),
        None => format!("unknown variable `{name}`"),
    }
}

fn selector(variable: Variable, key: &str, strings: &mut Strings) -> Result<Selector, String> {
    if variable == Variable::Xml {
        return burgrave_parse::xml::XPath::parse(key).map(|path| Selector::XPath(Arc::new(path)));
    }
    let unquoted = key.strip_prefix('\'').and_then(|key| key.strip_suffix('\'')).unwrap_or(key);
    let pattern = unquoted.strip_prefix('/').and_then(|key| key.strip_suffix('/'));
    match pattern {
        Some(pattern) => NamePattern::new(pattern.as_bytes())
            .map(|regex| Selector::Pattern(Arc::new(regex)))
            .map_err(|why| format!("selector `{key}` does not compile: {why}")),
        None => Ok(Selector::Key(strings.intern_lower(unquoted.as_bytes()))),
    }
}

/// Splits at `|` and `,` outside `/…/` selectors and quotes.
fn split(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut start = 0;
    let mut until: Option<char> = None;
    let mut before = ' ';
    let mut is_xml = false;
    // Brackets of a path that are open.
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match until {
            Some(end) if character == end && before != '\\' => until = None,
            None if is_xml && matches!(character, '[' | '(') => depth += 1,
            None if is_xml && matches!(character, ']' | ')') => depth = depth.saturating_sub(1),
            None if matches!(character, '|' | ',') && depth == 0 => {
                items.extend(text.get(start..at));
                start = at + 1;
                is_xml = false;
            }
            None if matches!(before, ':' | '.') && character == '\'' => until = Some('\''),
            None if before == ':' && character == '/' => {
                let name = text.get(start..at).unwrap_or_default();
                is_xml = is_xml || name.trim_start_matches(['!', '&']).eq_ignore_ascii_case("XML:");
                until = (!is_xml).then_some('/');
            }
            Some(_) | None => {}
        }
        before = character;
    }
    items.extend(text.get(start..));
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, String> {
        let mut strings = Strings::constants();
        let targets = parse(text.as_bytes(), &mut strings)?;
        let one = |mark: &str, target: &Target| {
            let selector = match &target.selector {
                Selector::All => String::new(),
                Selector::Key(key) => format!(":{}", bstr::BStr::new(strings.get(*key))),
                Selector::Pattern(regex) => format!(":~{}", regex.pattern()),
                Selector::XPath(_) => ":path".to_owned(),
            };
            let count = if target.count { "&" } else { "" };
            format!("{mark}{count}{}{selector}", target.variable.name())
        };
        let included = targets.included.iter().map(|target| one("", target));
        let excluded = targets.excluded.iter().map(|target| one("!", target));
        Ok(included.chain(excluded).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn targets() {
        for (text, expected) in [
            ("ARGS", "ARGS"),
            ("args:Foo|!ARGS:bar", "ARGS:foo !ARGS:bar"),
            ("&REQUEST_HEADERS:Host", "&REQUEST_HEADERS:host"),
            (
                "REQUEST_COOKIES|!REQUEST_COOKIES:/__utm|x/|ARGS_NAMES",
                "REQUEST_COOKIES ARGS_NAMES !REQUEST_COOKIES:~__utm|x",
            ),
            ("ARGS:'/^a, b/'", "ARGS:~^a, b"),
            ("XML:/*|XML://@*|ARGS", "XML:path XML:path ARGS"),
            ("XML:/a[contains(.,'x')]|XML://@*|ARGS", "XML:path XML:path ARGS"),
            ("TX.a.b", "TX:a.b"),
            ("TX:a:b", "TX:a:b"),
            ("ARGS,FILES", "ARGS FILES"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        for (text, part) in [
            ("ARGUMENTS", "unknown variable `ARGUMENTS`"),
            ("SCRIPT_UID", "a gateway runs no scripts"),
            ("REQUEST_URI:x", "has no members"),
            ("ARGS:/(/", "does not compile"),
            ("XML:a", "begin with `/`"),
            ("XML:count(/a)", "not supported"),
            ("ARGS|", "unknown variable ``"),
        ] {
            let error = shown(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}

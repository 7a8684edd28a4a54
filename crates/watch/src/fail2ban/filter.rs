//! One filter: its file, what it includes and its options, into expressions that run.

use super::Files;
use super::custom::{Custom, compile};
use super::date;
use super::expand::{Names, Unknown};
use super::ini::{self, Entry, Ini};
use super::translate::translate;
use std::collections::BTreeMap;

/// Most expressions of one filter.
const EXPRESSIONS_MAX: usize = 500;

/// Why a filter cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {why}")]
pub struct FilterError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What cannot be run, and why.
    pub why: String,
}

/// Loads `filter.d/NAME.conf` with `NAME.local` over it. All that is wrong with it is told at once.
pub fn load_filter(
    files: Files<'_>,
    name: &str,
    options: &BTreeMap<String, String>,
) -> Result<Custom, Vec<FilterError>> {
    let path = format!("filter.d/{name}.conf");
    let mut whole = ini::read(files, &path).unwrap_or_default();
    if let Some(own) = ini::read(files, &format!("filter.d/{name}.local")) {
        whole.entries.extend(own.entries);
    }
    if whole.entries.is_empty() {
        return Err(vec![FilterError {
            file: path,
            line: 1,
            why: "this filter is not there".to_owned(),
        }]);
    }
    let names = Names { ini: &whole, section: "Definition", options };
    let mut wrong = Vec::new();
    refuse_lines(&whole, &names, &mut wrong);
    let before = expressions(&whole, &names, "prefregex", &mut wrong);
    let failures = expressions(&whole, &names, "failregex", &mut wrong);
    let ignored = expressions(&whole, &names, "ignoreregex", &mut wrong);
    let dates = dates(&whole, &names, &mut wrong);
    if failures.is_empty() && wrong.is_empty() {
        wrong.push(FilterError { file: path, line: 1, why: "it has no `failregex`".to_owned() });
    }
    if wrong.is_empty() {
        Ok(Custom::new(before.into_iter().next(), failures, ignored).with_dates(dates))
    } else {
        Err(wrong)
    }
}

/// Places of the time of the filter's own.
fn dates(
    whole: &Ini,
    names: &Names<'_>,
    wrong: &mut Vec<FilterError>,
) -> Vec<regex_automata::meta::Regex> {
    let mut found = Vec::new();
    let entry = whole.get("Definition", "datepattern").or_else(|| whole.get("Init", "datepattern"));
    let Some(entry) = entry else { return found };
    for (index, (_, line)) in entry.lines.iter().enumerate() {
        let expanded =
            names.expand(line).map_err(|Unknown(what)| format!("`{what}` stands for nothing"));
        for one in expanded.as_deref().unwrap_or_default().lines() {
            match date::expression(one) {
                Ok(None) => {}
                Ok(Some(regex)) => match compile(&regex) {
                    Ok(regex) => found.push(regex),
                    Err(why) => wrong.push(at(entry, index, chain(&why))),
                },
                Err(why) => wrong.push(at(entry, index, why)),
            }
        }
        if let Err(why) = expanded {
            wrong.push(at(entry, index, why));
        }
    }
    found
}

/// What tells of several lines.
fn refuse_lines(whole: &Ini, names: &Names<'_>, wrong: &mut Vec<FilterError>) {
    let entry = whole.get("Definition", "maxlines").or_else(|| whole.get("Init", "maxlines"));
    let Some(entry) = entry else { return };
    let value = names.expand(&entry.value()).unwrap_or_default();
    if value.trim() != "1" {
        wrong.push(at(
            entry,
            0,
            format!("`maxlines = {}`: an expression over several lines", value.trim()),
        ));
    }
}

fn at(entry: &Entry, index: usize, why: String) -> FilterError {
    let line = entry.lines.get(index).or_else(|| entry.lines.first()).map_or(1, |(line, _)| *line);
    FilterError { file: entry.file.clone(), line, why }
}

/// The expressions of a key, each line one.
fn expressions(
    whole: &Ini,
    names: &Names<'_>,
    key: &str,
    wrong: &mut Vec<FilterError>,
) -> Vec<regex_automata::meta::Regex> {
    let mut found = Vec::new();
    let Some(entry) = whole.get("Definition", key) else { return found };
    for (index, (_, line)) in entry.lines.iter().enumerate() {
        match names.expand(line) {
            Err(Unknown(what)) => {
                wrong.push(at(entry, index, format!("`{what}` stands for nothing")));
            }
            Ok(expanded) => {
                for one in expanded.lines().map(str::trim).filter(|one| !one.is_empty()) {
                    if found.len() >= EXPRESSIONS_MAX {
                        wrong.push(at(
                            entry,
                            index,
                            format!("more than {EXPRESSIONS_MAX} expressions"),
                        ));
                        return found;
                    }
                    match translate(one).and_then(|ours| compile(&ours).map_err(|why| chain(&why)))
                    {
                        Ok(regex) => found.push(regex),
                        Err(why) => wrong.push(at(entry, index, why)),
                    }
                }
            }
        }
    }
    found
}

/// An error with its sources, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMON: &str =
        "[DEFAULT]\n_daemon = \\S*\n__prefix_line = \\s*\\S+ %(_daemon)s(?:\\[\\d+\\])?:\\s+\n";
    const SHOP: &str = "[INCLUDES]\nbefore = common.conf\n[Definition]\n_daemon = shop\n\
        prefregex = ^%(__prefix_line)s<F-CONTENT>.+</F-CONTENT>$\n\
        failregex = ^login failed for <F-USER>.*</F-USER> from <HOST>$\n            <mdre-<mode>>\n\
        mdre-normal =\nmdre-aggressive = ^probe from <ADDR>$\nmode = normal\nignoreregex = from 192\\.0\\.2\\.7$\n";

    fn files(path: &str) -> Option<String> {
        match path {
            "filter.d/common.conf" => Some(COMMON.to_owned()),
            "filter.d/shop.conf" => Some(SHOP.to_owned()),
            "filter.d/bad.conf" => Some(
                "[Definition]\nfailregex = ^ok <HOST>$\n    ^(?!x)a <HOST>\n    ^(a\n".to_owned(),
            ),
            "filter.d/multi.conf" => {
                Some("[Init]\nmaxlines = 10\n[Definition]\nfailregex = a <HOST>\n".to_owned())
            }
            _ => None,
        }
    }

    fn check(mode: &str, line: &str, expected: Option<(&str, &str)>) {
        let options = BTreeMap::from([("mode".to_owned(), mode.to_owned())]);
        let mut filter = load_filter(&files, "shop", &options).unwrap();
        let found = filter.line(line.as_bytes()).map(|event| {
            let user = event.user.unwrap_or_default().escape_ascii().to_string();
            (event.ip.map(|ip| ip.to_string()).unwrap_or_default(), user)
        });
        assert_eq!(found, expected.map(|(ip, user)| (ip.to_owned(), user.to_owned())), "{line}");
    }

    #[test]
    fn a_filter_runs_as_it_is_written() {
        let line = |text: &str| format!("Nov 26 01:02:03 host shop[7]: {text}");
        check(
            "normal",
            &line("login failed for a from 6.6.6.6 from 192.0.2.1"),
            Some(("192.0.2.1", "a from 6.6.6.6")),
        );
        check("normal", &line("login failed for a from 2001:db8::1"), Some(("2001:db8::1", "a")));
        check("normal", &line("login failed for a from 192.0.2.7"), None);
        check("normal", &line("probe from 192.0.2.1"), None);
        check("aggressive", &line("probe from 192.0.2.1"), Some(("192.0.2.1", "")));
        check("normal", "Nov 26 01:02:03 host cart[7]: login failed for a from 192.0.2.1", None);
    }

    #[test]
    fn a_place_of_the_time_of_its_own_is_heeded() {
        let files = |path: &str| {
            let text = "[Definition]\nfailregex = ^ Relay attempt from <HOST>$\ndatepattern = ^\\[%%d/%%b/%%Y %%H:%%M:%%S\\]\n";
            (path == "filter.d/kerio.conf").then(|| text.to_owned())
        };
        let mut filter = load_filter(&files, "kerio", &BTreeMap::new()).unwrap();
        let event = filter.line(b"[30/Dec/2013 05:27:59] Relay attempt from 192.0.2.1").unwrap();
        assert_eq!(event.ip.unwrap().to_string(), "192.0.2.1");
        assert_eq!(event.stamp.unwrap().seconds(0, 0), Some(1_388_381_279));
    }

    #[test]
    fn all_that_cannot_be_run_is_told_with_its_line() {
        let wrong = load_filter(&files, "bad", &BTreeMap::new()).unwrap_err();
        let lines: Vec<usize> = wrong.iter().map(|wrong| wrong.line).collect();
        assert_eq!(lines, [3, 4], "{wrong:?}");
        assert!(wrong[0].to_string().starts_with("filter.d/bad.conf:3: `(?!x)a"), "{}", wrong[0]);
        assert!(
            load_filter(&files, "multi", &BTreeMap::new()).unwrap_err()[0]
                .why
                .contains("several lines")
        );
        assert!(load_filter(&files, "none", &BTreeMap::new()).is_err());
    }
}

//! Regular expressions of other servers that choose scripts: those whose meaning is beyond doubt.
//!
//! Invariant: what is not understood to the last letter is no such pattern.

/// Most folders of one pattern.
const FOLDERS_MAX: usize = 32;

/// Which scripts a pattern chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    /// All.
    All,
    /// None that is run, but what may be their source, such as `.phtml`.
    Sources,
    /// One, by its path.
    One(String),
    /// Those below folders: `/a/b` that one, `a/b` all that are called so.
    Below(Vec<String>),
}

/// What may stand before the dot of the ending, when all are meant.
const ANY: [&str; 15] = [
    "", ".+", "^.+", "(.+", "^(.+", "(.+?", "^(.+?", ".*", "^.*", "(.*", "^(.*", "[^/]", "^/.+",
    "^/.*", "^/(.+",
];
/// What may follow the ending.
const REST: [&str; 16] = [
    "",
    "$",
    "(/|$)",
    "($|/)",
    "(?:/|$)",
    "(?:$|/)",
    "(/.*)?$",
    "(/.+)?$",
    "(?:/.*)?$",
    ")$",
    ")(/.*)?$",
    ")(/.+)?$",
    ")(/.*)$",
    ")(.*)$",
    ")(/|$)",
    ")(?:/.*)?$",
];
/// The endings that are run or, with us, neither run nor handed out.
const ENDINGS: [&str; 17] = [
    "php",
    "php3",
    "php4",
    "php5",
    "php7",
    "php8",
    "phps",
    "phtml",
    "phar",
    "pht",
    "inc",
    "php[0-9]?",
    "php[0-9]*",
    "php\\d?",
    "php\\d*",
    "php[3457]?",
    "php[345]?",
];

/// What of the scripts a pattern chooses; `None` where it chooses something else or is not understood.
pub(crate) fn runs(pattern: &str) -> Option<Runs> {
    if let Some(one) = one(pattern) {
        return Some(Runs::One(one));
    }
    let at = pattern.find("\\.ph").or_else(|| pattern.find("\\.("))?;
    let (before, after) = pattern.split_at_checked(at)?;
    let (are_run, rest) = ending(after.strip_prefix("\\.")?)?;
    // A parenthesis that opens before the ending closes after it, and no other does.
    let is_open = before.contains('(') && !before.contains(')');
    if !REST.contains(&rest) || is_open != rest.starts_with(')') {
        return None;
    }
    if ANY.contains(&before) {
        return Some(if are_run { Runs::All } else { Runs::Sources });
    }
    folders(before).filter(|_| are_run).map(Runs::Below)
}

/// The script of `^/index\.php(/|$)`.
fn one(pattern: &str) -> Option<String> {
    let (name, rest) = pattern.strip_prefix("^/")?.split_once("\\.php")?;
    let is_plain = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let is_whole =
        ["$", "(/|$)", "($|/)", "(?:/|$)", "(?:$|/)", "(/.*)?$", "(?:/.*)?$"].contains(&rest);
    (is_plain && is_whole).then(|| format!("/{name}.php"))
}

/// Whether files with this ending are run, and what follows it; `None` where it is no script's.
fn ending(text: &str) -> Option<(bool, &str)> {
    let is_run = |word: &str| word == "php" || word.ends_with(['?', '*']);
    let group = text.strip_prefix("ph").filter(|rest| rest.starts_with('('));
    let (start, group) = match group {
        Some(rest) => ("ph", rest),
        None => ("", text),
    };
    if let Some(rest) = group.strip_prefix("(?:").or_else(|| group.strip_prefix('(')) {
        let (inner, rest) = rest.split_once(')')?;
        let all: Vec<String> = inner.split('|').map(|word| format!("{start}{word}")).collect();
        let known = all.iter().all(|word| ENDINGS.contains(&word.as_str()));
        return known.then(|| (all.iter().any(|word| is_run(word)), rest));
    }
    let named = ENDINGS.iter().filter(|own| text.starts_with(**own));
    let longest = named.max_by_key(|own| own.len())?;
    text.strip_prefix(*longest).map(|rest| (is_run(longest), rest))
}

/// The folders of `^/a/(b|c)/.*`.
fn folders(before: &str) -> Option<Vec<String>> {
    let (start, text) = match before.strip_prefix('^') {
        Some(rest) => ("/", rest),
        None => ("", before),
    };
    let text = text.strip_prefix('/')?;
    let text = ["/.*", "/.+", "/.*?"].iter().find_map(|end| text.strip_suffix(end))?;
    let mut all = vec![String::new()];
    let mut text = text;
    loop {
        let (words, rest) = segment(text)?;
        all = all
            .iter()
            .flat_map(|path| words.iter().map(move |word| (path, word)))
            .map(
                |(path, word)| {
                    if path.is_empty() { word.clone() } else { format!("{path}/{word}") }
                },
            )
            .take(FOLDERS_MAX + 1)
            .collect();
        if all.len() > FOLDERS_MAX {
            return None;
        }
        match rest.strip_prefix('/') {
            Some(next) => text = next,
            None if rest.is_empty() => break,
            None => return None,
        }
    }
    Some(all.into_iter().map(|path| format!("{start}{path}")).collect())
}

/// The names that a segment may have, and what follows it.
fn segment(text: &str) -> Option<(Vec<String>, &str)> {
    let word = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (!text.is_empty() && text.bytes().all(plain)).then(|| text.to_owned())
    };
    if let Some(rest) = text.strip_prefix("(?:").or_else(|| text.strip_prefix('(')) {
        let (inner, rest) = rest.split_once(')')?;
        return Some((inner.split('|').map(word).collect::<Option<Vec<_>>>()?, rest));
    }
    let end = text.find('/').unwrap_or(text.len());
    let (own, rest) = text.split_at_checked(end)?;
    Some((vec![word(own)?], rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_all_scripts_are_those() {
        for pattern in [
            "\\.php$",
            "\\.php(/|$)",
            "\\.php(?:$|/)",
            "[^/]\\.php(/|$)",
            "^(.+\\.php)(.*)$",
            "^.+\\.php$",
            "^(.+?\\.php)(/.*)?$",
            "\\.(php|phtml)$",
            "\\.(?:php|phar)(/.*)?$",
            "\\.php",
            "\\.php5?$",
            ".+\\.ph(ar|p|tml)$",
            ".+\\.ph(?:ar|p|tml)$",
            "\\.php[0-9]?$",
            "^/.+\\.php(/|$)",
        ] {
            let wanted = (pattern != "\\.php5?$").then_some(Runs::All);
            assert_eq!(runs(pattern), wanted, "{pattern}");
        }
    }

    #[test]
    fn patterns_of_one_script_name_it() {
        assert_eq!(runs("^/index\\.php(/|$)"), Some(Runs::One("/index.php".to_owned())));
        assert_eq!(runs("^/app_dev\\.php$"), Some(Runs::One("/app_dev.php".to_owned())));
        for pattern in ["^/(app|dev)\\.php(/|$)", "^/a/b\\.php$", "^/index\\.php", "/index\\.php$"]
        {
            assert_eq!(runs(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn patterns_of_sources_run_nothing() {
        for pattern in [".+\\.phps$", "\\.phtml$", "\\.(inc|phar)$", "\\.php5$"] {
            assert_eq!(runs(pattern), Some(Runs::Sources), "{pattern}");
        }
    }

    #[test]
    fn patterns_of_scripts_in_folders_name_them() {
        for (pattern, wanted) in [
            ("/(?:uploads|files)/.*\\.php$", &["uploads", "files"][..]),
            ("^/wp-content/uploads/.*\\.php$", &["/wp-content/uploads"]),
            ("/wp-content/uploads/.+\\.(php|phtml)$", &["wp-content/uploads"]),
            ("^/(a|b)/(c|d)/.*\\.php", &["/a/c", "/a/d", "/b/c", "/b/d"]),
        ] {
            let wanted = wanted.iter().map(|folder| (*folder).to_owned()).collect();
            assert_eq!(runs(pattern), Some(Runs::Below(wanted)), "{pattern}");
        }
    }

    #[test]
    fn what_is_not_understood_is_none() {
        for pattern in [
            "",
            ".php$",
            "\\.html$",
            "\\.(html|php)$",
            "\\.(php|pl)$",
            "^/app/.+\\.php$x",
            "/a.b/.*\\.php$",
            "/a/[^/]+\\.php$",
            "(/a/.*\\.php$",
            "/a/.*\\.php)$",
            "\\.phpx$",
            "\\.ph$",
            "a\\.php$",
            "^/\\.php|/x$",
            "\\.php$|/admin",
            "/(a|b/.*\\.php$",
            "/a//.*\\.php$",
            "\\.(php",
        ] {
            assert_eq!(runs(pattern), None, "{pattern}");
        }
    }
}

//! Lines of shell scripts that run at a log-in or a start: comments left out, statements apart.

use super::text::{Line, Place, joined, uncommented};

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Without the spacing around it.
    pub text: String,
    /// Where.
    pub place: Place,
}

impl Statement {
    /// The value that is given to a variable here, `export` or `readonly` in front or not.
    pub fn assigned(&self, name: &str) -> Option<&str> {
        let mut text = self.text.as_str();
        for word in [
            "export ",
            "readonly ",
            "declare -x ",
            "declare -r ",
            "typeset -r ",
            "typeset -x ",
            "set ",
        ] {
            text = text.strip_prefix(word).unwrap_or(text).trim_start();
        }
        text.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// The words of a command, when it is this one.
    pub fn command(&self, name: &str) -> Option<&str> {
        let rest = self.text.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim())
    }
}

/// The statements of a script. Here documents and quotes over lines are not told apart.
pub fn statements(lines: &[Line]) -> Vec<Statement> {
    let mut out = Vec::new();
    for line in joined(lines.to_vec()) {
        let text = uncommented(&line.text, "#");
        let (mut part, mut quote) = (String::new(), None);
        for letter in text.chars() {
            match quote {
                Some(open) => quote = (letter != open).then_some(open),
                None if matches!(letter, '"' | '\'') => quote = Some(letter),
                None if letter == ';' => {
                    push(&mut out, &std::mem::take(&mut part), &line.place);
                    continue;
                }
                None => {}
            }
            part.push(letter);
        }
        push(&mut out, &part, &line.place);
    }
    out
}

fn push(out: &mut Vec<Statement>, text: &str, place: &Place) {
    let text = text.trim();
    if !text.is_empty() {
        out.push(Statement { text: text.to_owned(), place: place.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::lines;
    use super::*;
    use std::path::Path;

    #[test]
    fn statements_are_told_apart() {
        let found = statements(&lines(
            Path::new("/x"),
            "# umask 000\nreadonly TMOUT=900; export TMOUT; umask 027 # x\necho 'a;b'\n",
        ));
        let texts: Vec<_> = found.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(texts, ["readonly TMOUT=900", "export TMOUT", "umask 027", "echo 'a;b'"]);
        assert_eq!(found[0].assigned("TMOUT"), Some("900"));
        assert_eq!((found[2].command("umask"), found[2].command("uma")), (Some("027"), None));
    }
}

//! Changing nginx's configuration in its place: one directive is replaced, or one is put at the
//! beginning of a block, and nothing else of the file moves.
//!
//! Invariants: comments, quotes and nested blocks are told apart as nginx tells them; a file that
//! cannot be told apart to its end is not changed.

/// A directive in a text, by bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Its name.
    pub(super) name: String,
    /// Its first line, from 1.
    pub(super) line: u32,
    /// Where it begins.
    pub(super) start: usize,
    /// Behind its `;`, or behind the `{` of a block.
    pub(super) end: usize,
    /// Whether it opens a block.
    pub(super) is_block: bool,
}

/// Directives of one file.
const SPANS_MAX: usize = 100_000;

/// Every directive of a text; `None`: the text is not whole.
pub(super) fn spans(text: &str) -> Option<Vec<Span>> {
    let mut out = Vec::new();
    let (mut line, mut depth) = (1_u32, 0_usize);
    let mut open: Option<(usize, u32)> = None;
    let mut letters = text.char_indices().peekable();
    let mut quote: Option<char> = None;
    let mut before = ' ';
    while let Some((at, letter)) = letters.next() {
        if letter == '\n' {
            line += 1;
        }
        if letter == '\\' {
            open.get_or_insert((at, line));
            if letters.next().is_some_and(|(_, next)| next == '\n') {
                line += 1;
            }
            before = 'x';
            continue;
        }
        if let Some(mark) = quote {
            quote = (letter != mark).then_some(mark);
            before = letter;
            continue;
        }
        let starts = before.is_whitespace() || matches!(before, ';' | '{' | '}');
        match letter {
            '#' if starts => {
                while letters.next_if(|(_, next)| *next != '\n').is_some() {}
                continue;
            }
            '"' | '\'' if starts => {
                quote = Some(letter);
                open.get_or_insert((at, line));
            }
            // `${name}` is no block.
            '{' if before == '$' => {
                while letters.next_if(|(_, next)| *next != '}' && *next != '\n').is_some() {}
                letters.next_if(|(_, next)| *next == '}')?;
                before = 'x';
                continue;
            }
            ';' | '{' => {
                let (start, first) = open.take()?;
                let name = text.get(start..at)?.split_whitespace().next()?.to_owned();
                let is_block = letter == '{';
                depth += usize::from(is_block);
                out.push(Span { name, line: first, start, end: at + 1, is_block });
                if out.len() > SPANS_MAX {
                    return None;
                }
            }
            '}' => {
                if open.is_some() {
                    return None;
                }
                depth = depth.checked_sub(1)?;
            }
            _ if letter.is_whitespace() => {}
            _ => {
                open.get_or_insert((at, line));
            }
        }
        before = letter;
    }
    (quote.is_none() && depth == 0 && open.is_none()).then_some(out)
}

/// The text with the directives of a name on a line replaced by `new`, which has its `;`.
pub(super) fn replaced(text: &str, line: u32, name: &str, new: &str) -> Option<String> {
    let found: Vec<Span> = spans(text)?
        .into_iter()
        .filter(|span| span.line == line && span.name == name && !span.is_block)
        .collect();
    let mut out = text.to_owned();
    for span in found.iter().rev() {
        out.replace_range(span.start..span.end, new);
    }
    (!found.is_empty()).then_some(out)
}

/// The text with a directive as the first of a block on a line.
pub(super) fn inserted(text: &str, line: u32, name: &str, new: &str) -> Option<String> {
    let span = spans(text)?.into_iter().find(|s| s.line == line && s.name == name && s.is_block)?;
    let (head, tail) = text.split_at_checked(span.end)?;
    let indent: String = text
        .lines()
        .nth(usize::try_from(line).ok()?.checked_sub(1)?)?
        .chars()
        .take_while(|letter| letter.is_whitespace())
        .collect();
    // Where the block goes on in its own line, the new directive stays in it.
    if tail.starts_with(['\n', '\r']) {
        return Some(format!("{head}\n{indent}    {new}{tail}"));
    }
    Some(format!("{head} {new}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONF: &str = "# server_tokens on;\nhttp {\n    log_format x 'a; {';\n    server_tokens on; # on;\n    server { listen 80; location ~ \\.php$ { return 200 \"}\"; } set $a ${b}c; }\n}\n";

    #[test]
    fn directives_are_found_where_nginx_finds_them() {
        let names: Vec<_> =
            spans(CONF).unwrap().into_iter().map(|span| (span.name, span.line)).collect();
        let wanted = [
            ("http", 2),
            ("log_format", 3),
            ("server_tokens", 4),
            ("server", 5),
            ("listen", 5),
            ("location", 5),
            ("return", 5),
            ("set", 5),
        ];
        assert_eq!(names, wanted.map(|(name, line)| (name.to_owned(), line)));
    }

    #[test]
    fn what_is_not_whole_is_not_changed() {
        for text in ["http {", "a;}", "a 'b;", "a b", "; a;", "{ }", "a } ;", "a ${b;"] {
            assert_eq!(spans(text), None, "{text}");
        }
        assert_eq!(spans("").unwrap(), []);
    }

    #[test]
    fn one_directive_is_replaced_and_one_put_in() {
        let new = replaced(CONF, 4, "server_tokens", "server_tokens off;").unwrap();
        assert_eq!(new, CONF.replace("    server_tokens on;", "    server_tokens off;"));
        let new = inserted(CONF, 2, "http", "x y;").unwrap();
        assert_eq!(new, CONF.replace("http {\n", "http {\n    x y;\n"));
        let new = inserted(CONF, 5, "server", "x y;").unwrap();
        assert_eq!(new, CONF.replace("server {", "server { x y;"));
        assert_eq!(replaced(CONF, 1, "server_tokens", "x;"), None);
        assert_eq!(inserted(CONF, 4, "server_tokens", "x;"), None);
    }
}

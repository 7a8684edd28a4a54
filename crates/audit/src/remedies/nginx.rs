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
    let mut scanner = Scanner {
        text,
        letters: text.char_indices().peekable(),
        line: 1,
        depth: 0,
        open: None,
        before: ' ',
        found: Vec::new(),
    };
    while let Some((at, letter)) = scanner.next() {
        scanner.take(at, letter)?;
    }
    (scanner.depth == 0 && scanner.open.is_none()).then_some(scanner.found)
}

struct Scanner<'t> {
    text: &'t str,
    letters: std::iter::Peekable<std::str::CharIndices<'t>>,
    line: u32,
    depth: usize,
    /// Where the directive that is being read began, and on which line.
    open: Option<(usize, u32)>,
    before: char,
    found: Vec<Span>,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<(usize, char)> {
        let next = self.letters.next()?;
        self.line += u32::from(next.1 == '\n');
        Some(next)
    }

    fn take(&mut self, at: usize, letter: char) -> Option<()> {
        let starts = self.before.is_whitespace() || matches!(self.before, ';' | '{' | '}');
        match letter {
            '\\' => {
                self.begin(at);
                self.next();
            }
            '#' if starts => {
                while self.letters.next_if(|(_, next)| *next != '\n').is_some() {}
                return Some(());
            }
            '"' | '\'' if starts => {
                self.begin(at);
                self.quoted(letter)?;
            }
            // `${name}` is no block.
            '{' if self.before == '$' => {
                while self.letters.next_if(|(_, next)| *next != '}' && *next != '\n').is_some() {}
                self.letters.next_if(|(_, next)| *next == '}')?;
            }
            ';' | '{' => {
                self.end(at, letter == '{')?;
                self.before = letter;
                return Some(());
            }
            '}' => {
                self.depth = self.depth.checked_sub(1).filter(|_| self.open.is_none())?;
                self.before = letter;
                return Some(());
            }
            _ if letter.is_whitespace() || letter == '$' => {
                if letter == '$' {
                    self.begin(at);
                }
                self.before = letter;
                return Some(());
            }
            _ => self.begin(at),
        }
        self.before = 'x';
        Some(())
    }

    fn begin(&mut self, at: usize) {
        self.open.get_or_insert((at, self.line));
    }

    /// To the end of a quoted word.
    fn quoted(&mut self, mark: char) -> Option<()> {
        loop {
            match self.next()?.1 {
                '\\' => {
                    self.next()?;
                }
                letter if letter == mark => return Some(()),
                _ => {}
            }
        }
    }

    fn end(&mut self, at: usize, is_block: bool) -> Option<()> {
        let (start, line) = self.open.take()?;
        let name = self.text.get(start..at)?.split_whitespace().next()?.to_owned();
        self.depth += usize::from(is_block);
        self.found.push(Span { name, line, start, end: at + 1, is_block });
        (self.found.len() <= SPANS_MAX).then_some(())
    }
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
    // Where the block goes on in its own line, the new directive stays in it.
    if let Some(inner) = tail.strip_prefix("\r\n").or_else(|| tail.strip_prefix('\n')) {
        let indent_of = |line: &str| -> String {
            line.chars().take_while(|letter| letter.is_whitespace()).collect()
        };
        let first = inner.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let outer = text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
        let indent = match indent_of(first) {
            inner if inner.len() > indent_of(outer).len() => inner,
            _ => format!("{}    ", indent_of(outer)),
        };
        return Some(format!("{head}\n{indent}{new}{tail}"));
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
        let new = inserted("a {\n\tb;\n}\n", 1, "a", "x y;").unwrap();
        assert_eq!(new, "a {\n\tx y;\n\tb;\n}\n");
        let new = inserted("  a {\n  }\n", 1, "a", "x y;").unwrap();
        assert_eq!(new, "  a {\n      x y;\n  }\n");
        let new = inserted(CONF, 5, "server", "x y;").unwrap();
        assert_eq!(new, CONF.replace("server {", "server { x y;"));
        assert_eq!(replaced(CONF, 1, "server_tokens", "x;"), None);
        assert_eq!(inserted(CONF, 4, "server_tokens", "x;"), None);
    }
}

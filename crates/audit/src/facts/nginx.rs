//! nginx's configuration as nginx reads it: words, quotes, blocks and includes; what a location
//! inherits.
//!
//! Invariants: the number of files, directives and the depth of blocks are bounded; a file that
//! cannot be read makes the whole unknown.

use super::text::Place;
use super::{Facts, Seen};
use std::path::{Path, PathBuf};

const FILES_MAX: usize = 1_000;
const DIRECTIVES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 32;

/// One directive, with what its block holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// As written.
    pub name: String,
    /// Its words.
    pub arguments: Vec<String>,
    /// Where.
    pub place: Place,
    /// Empty without a block.
    pub block: Vec<Directive>,
}

impl Directive {
    /// The line as written, without its spacing.
    pub fn line(&self) -> String {
        let mut line = self.name.clone();
        for argument in &self.arguments {
            line.push(' ');
            line.push_str(argument);
        }
        line
    }

    /// The first word.
    pub fn first(&self) -> &str {
        self.arguments.first().map_or("", String::as_str)
    }

    /// Directives of a name in this block itself.
    pub fn own<'d>(&'d self, name: &'d str) -> impl Iterator<Item = &'d Directive> {
        self.block.iter().filter(move |directive| directive.name == name)
    }
}

/// One `server` block with the `http` block around it.
#[derive(Clone, Copy, Debug)]
pub struct Server<'d> {
    /// The surrounding block.
    pub http: &'d Directive,
    /// The block itself.
    pub server: &'d Directive,
}

impl<'d> Server<'d> {
    /// What counts on the level of the server: its own, else the one around it.
    pub fn inherited(&self, name: &str) -> Option<&'d Directive> {
        let own =
            |block: &'d Directive| block.block.iter().find(|directive| directive.name == name);
        own(self.server).or_else(|| own(self.http))
    }

    /// The server itself and every location in it (also nested, also `if`), outermost first, with
    /// the blocks around each.
    pub fn scopes(&self) -> Vec<Vec<&'d Directive>> {
        let mut out = Vec::new();
        let mut todo = vec![vec![self.http, self.server]];
        while let Some(chain) = todo.pop() {
            if let Some(last) = chain.last() {
                for inner in &last.block {
                    if matches!(inner.name.as_str(), "location" | "if" | "limit_except") {
                        let mut longer = chain.clone();
                        longer.push(inner);
                        todo.push(longer);
                    }
                }
            }
            out.push(chain);
        }
        out
    }

    /// What counts in the innermost of these blocks, for directives that are inherited as a whole.
    pub fn effective<'e>(chain: &[&'e Directive], name: &str) -> Vec<&'e Directive> {
        effective(chain, name)
    }

    /// Names that it answers to.
    pub fn names(&self) -> Vec<&'d str> {
        let names = self.server.own_named("server_name");
        names.flat_map(|directive| directive.arguments.iter().map(String::as_str)).collect()
    }

    /// Its `listen` directives.
    pub fn listens(&self) -> impl Iterator<Item = &'d Directive> {
        self.server.own_named("listen")
    }

    /// Whether one of its listeners speaks TLS.
    pub fn is_tls(&self) -> bool {
        let by_listen = |listen: &Directive| {
            listen.arguments.iter().any(|word| word == "ssl" || word == "quic")
        };
        self.listens().any(by_listen)
            || self.inherited("ssl").is_some_and(|directive| directive.first() == "on")
    }
}

impl Directive {
    fn own_named(&self, name: &'static str) -> impl Iterator<Item = &Directive> {
        self.block.iter().filter(move |directive| directive.name == name)
    }
}

/// What counts in the innermost of these blocks, for directives that are inherited as a whole.
pub(crate) fn effective<'d>(chain: &[&'d Directive], name: &str) -> Vec<&'d Directive> {
    for block in chain.iter().rev() {
        let found: Vec<_> = block.block.iter().filter(|directive| directive.name == name).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

impl Facts<'_> {
    /// The configuration; `None` where there is none.
    pub fn nginx(&self) -> &Seen<Option<Vec<Directive>>> {
        self.cells.nginx.get_or_init(|| {
            let path = Path::new("/etc/nginx/nginx.conf");
            if !self.exists(path) {
                return Ok(None);
            }
            let mut reader = Reader { facts: self, files: 0, directives: 0 };
            let mut tokens = Vec::new();
            reader.tokens(path, &mut tokens)?;
            let mut tokens = tokens.into_iter();
            reader.block(&mut tokens, 0).map(Some)
        })
    }

    /// Every server of it.
    pub fn nginx_servers(&self) -> Seen<Vec<Server<'_>>> {
        let all = self.nginx().as_ref().map_err(Clone::clone)?;
        let blocks = all.iter().flatten().filter(|directive| directive.name == "http");
        let servers = blocks.flat_map(|http| {
            http.block
                .iter()
                .filter(|d| d.name == "server")
                .map(move |server| Server { http, server })
        });
        Ok(servers.collect())
    }
}

enum Token {
    Word(String, Place),
    Open,
    Close,
    End,
}

struct Reader<'f, 's> {
    facts: &'f Facts<'s>,
    files: usize,
    directives: usize,
}

impl Reader<'_, '_> {
    fn tokens(&mut self, path: &Path, out: &mut Vec<Token>) -> Seen<()> {
        self.files += 1;
        if self.files > FILES_MAX {
            return Ok(());
        }
        let Some(lines) = self.facts.lines(path)? else { return Ok(()) };
        let mut lexer = Lexer { word: String::new(), some: false, quote: None, place: None };
        for line in lines.iter() {
            lexer.line(&line.text, &line.place, out);
        }
        Ok(())
    }

    fn block(
        &mut self,
        tokens: &mut std::vec::IntoIter<Token>,
        depth: usize,
    ) -> Seen<Vec<Directive>> {
        let mut out = Vec::new();
        let mut words: Vec<(String, Place)> = Vec::new();
        while let Some(token) = tokens.next() {
            match token {
                Token::Word(word, place) => words.push((word, place)),
                Token::Close => break,
                Token::End => {
                    if let Some(directive) = self.directive(&mut words) {
                        if directive.name == "include" && depth < DEPTH_MAX {
                            self.include(directive.first(), depth, &mut out)?;
                        } else {
                            out.push(directive);
                        }
                    }
                }
                Token::Open => {
                    let directive = self.directive(&mut words);
                    let inner =
                        if depth < DEPTH_MAX { self.block(tokens, depth + 1)? } else { Vec::new() };
                    out.extend(directive.map(|directive| Directive { block: inner, ..directive }));
                }
            }
        }
        Ok(out)
    }

    fn directive(&mut self, words: &mut Vec<(String, Place)>) -> Option<Directive> {
        self.directives += 1;
        let mut words = std::mem::take(words).into_iter();
        let (name, place) = words.next()?;
        let arguments = words.map(|(word, _)| word).collect();
        (self.directives <= DIRECTIVES_MAX).then_some(Directive {
            name,
            arguments,
            place,
            block: Vec::new(),
        })
    }

    /// Relative names begin where `nginx.conf` lies.
    fn include(&mut self, pattern: &str, depth: usize, out: &mut Vec<Directive>) -> Seen<()> {
        let mut files: Vec<PathBuf> = self.facts.glob(Path::new("/etc/nginx").join(pattern))?;
        files.sort();
        for file in files {
            let mut tokens = Vec::new();
            self.tokens(&file, &mut tokens)?;
            let mut tokens = tokens.into_iter();
            out.extend(self.block(&mut tokens, depth + 1)?);
        }
        Ok(())
    }
}

struct Lexer {
    word: String,
    some: bool,
    quote: Option<char>,
    place: Option<Place>,
}

impl Lexer {
    fn line(&mut self, text: &str, place: &Place, out: &mut Vec<Token>) {
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            if letter == '\\' {
                self.put(letter, place);
                if let Some(next) = letters.next() {
                    self.word.push(next);
                }
            } else if let Some(open) = self.quote {
                if letter == open { self.quote = None } else { self.word.push(letter) }
            } else if letter == '#' && !self.some {
                break;
            } else if matches!(letter, '"' | '\'') && !self.some {
                self.quote = Some(letter);
                self.begin(place);
            } else if letter == '$' && letters.peek() == Some(&'{') {
                self.put(letter, place);
                for inner in letters.by_ref() {
                    self.word.push(inner);
                    if inner == '}' {
                        break;
                    }
                }
            } else if letter.is_whitespace() {
                self.end(out);
            } else if let Some(token) = mark(letter) {
                self.end(out);
                out.push(token);
            } else {
                self.put(letter, place);
            }
        }
        if self.quote.is_some() {
            self.word.push('\n');
        } else {
            self.end(out);
        }
    }

    fn begin(&mut self, place: &Place) {
        self.some = true;
        self.place.get_or_insert_with(|| place.clone());
    }

    fn put(&mut self, letter: char, place: &Place) {
        self.begin(place);
        self.word.push(letter);
    }

    fn end(&mut self, out: &mut Vec<Token>) {
        if self.some
            && let Some(place) = self.place.take()
        {
            out.push(Token::Word(std::mem::take(&mut self.word), place));
        }
        self.some = false;
    }
}

const fn mark(letter: char) -> Option<Token> {
    match letter {
        '{' => Some(Token::Open),
        '}' => Some(Token::Close),
        ';' => Some(Token::End),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    const MAIN: &str = "# server_tokens on;\nhttp {\n server_tokens off;\n include sites/*;\n log_format x 'a \"$b\" { ; # c';\n}\n";
    const SITE: &str = "server {\n listen 443 ssl; # x\n server_name a.example \"b.example\";\n location ~ \\.php$ { return 200 \"a;b\"; }\n location /x { location /x/y { autoindex on; } }\n if ($a = ${b}) { return 1; }\n}\n";

    #[test]
    fn blocks_quotes_and_includes_are_read() {
        let fake = Fake::new();
        fake.file("/etc/nginx/nginx.conf", MAIN).file("/etc/nginx/sites/a", SITE);
        let facts = Facts::new(&fake, Ground::Tree);
        let servers = facts.nginx_servers().unwrap();
        assert_eq!(servers.len(), 1);
        let server = servers[0];
        assert_eq!(server.names(), ["a.example", "b.example"]);
        assert!(server.is_tls());
        let tokens = server.inherited("server_tokens").unwrap();
        assert_eq!((tokens.first(), tokens.place.line), ("off", 3));
        let scopes = server.scopes();
        let listing =
            scopes.iter().find(|chain| !effective(chain, "autoindex").is_empty()).unwrap();
        assert_eq!(listing.last().unwrap().line(), "location /x/y");
        assert_eq!(scopes.len(), 5);
    }

    #[test]
    fn what_includes_itself_or_nests_without_end_ends() {
        let fake = Fake::new();
        fake.file(
            "/etc/nginx/nginx.conf",
            format!("include nginx.conf;\n{}", "a {\n".repeat(5_000)),
        );
        let facts = Facts::new(&fake, Ground::Tree);
        assert!(facts.nginx().is_ok());
    }
}

//! Apache's configuration as `apache2` reads it: sections, continuation lines, `Include`, `Define`.

use super::text::{Place, joined, words};
use super::{Facts, Seen};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const FILES_MAX: usize = 1_000;
const LINES_MAX: usize = 200_000;
const DEPTH_MAX: usize = 16;

/// One directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// In lower case.
    pub name: String,
    /// Its words, variables put in.
    pub arguments: Vec<String>,
    /// Where.
    pub place: Place,
}

impl Directive {
    /// The line as written, without its spacing.
    pub fn line(&self) -> String {
        format!("{} {}", self.name, self.arguments.join(" "))
    }

    /// The first word.
    pub fn first(&self) -> &str {
        self.arguments.first().map_or("", String::as_str)
    }
}

/// The directives that stand in the same sections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The sections around them, as `virtualhost *:80`, outermost first; tests like `ifmodule` left out.
    pub sections: Vec<String>,
    /// A number that two blocks of the same sections have different; blocks are numbered as they open.
    pub number: usize,
    /// Where the innermost section begins; `None` outside of all.
    pub place: Option<Place>,
    /// In order.
    pub directives: Vec<Directive>,
}

impl Block {
    /// The last directive of a name, which is the one that counts.
    pub fn last(&self, name: &str) -> Option<&Directive> {
        self.directives.iter().rev().find(|directive| directive.name == name)
    }

    /// Whether it stands in a virtual host.
    pub fn host(&self) -> Option<&str> {
        self.sections.iter().find_map(|section| section.strip_prefix("virtualhost"))
    }
}

impl Facts<'_> {
    /// The configuration; `None` where there is none.
    pub fn apache(&self) -> &Seen<Option<Vec<Block>>> {
        self.cells.apache.get_or_init(|| {
            let main = ["/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf"];
            let Some(main) = main.into_iter().find(|path| self.exists(path)) else {
                return Ok(None);
            };
            let mut reader = Reader::new(self, Path::new(main));
            reader.variables()?;
            reader.file(Path::new(main), 0)?;
            Ok(Some(reader.blocks))
        })
    }
}

struct Reader<'f, 's> {
    facts: &'f Facts<'s>,
    base: PathBuf,
    blocks: Vec<Block>,
    open: Vec<usize>,
    names: HashMap<String, String>,
    files: usize,
    lines: usize,
}

impl<'f, 's> Reader<'f, 's> {
    fn new(facts: &'f Facts<'s>, main: &Path) -> Self {
        let base = main.parent().unwrap_or(Path::new("/")).to_owned();
        let blocks = vec![Block::default()];
        Self { facts, base, blocks, open: vec![0], names: HashMap::new(), files: 0, lines: 0 }
    }

    /// Debian's `envvars` names the log directory and the user.
    fn variables(&mut self) -> Seen<()> {
        let lines = self.facts.lines("/etc/apache2/envvars")?;
        for line in lines.iter().flat_map(|lines| lines.iter()) {
            if let Some((name, value)) =
                line.text.trim().strip_prefix("export ").and_then(|rest| rest.split_once('='))
            {
                self.names.insert(name.trim().to_owned(), value.replace("$SUFFIX", ""));
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, depth: usize) -> Seen<()> {
        self.files += 1;
        if self.files > FILES_MAX || depth > DEPTH_MAX {
            return Ok(());
        }
        let Some(lines) = self.facts.lines(path)? else { return Ok(()) };
        for line in joined(lines.to_vec()) {
            self.lines += 1;
            let text = line.text.trim();
            if text.is_empty() || text.starts_with('#') || self.lines > LINES_MAX {
                continue;
            }
            self.line(text, &line.place, depth)?;
        }
        Ok(())
    }

    fn line(&mut self, text: &str, place: &Place, depth: usize) -> Seen<()> {
        if text.starts_with("</") {
            if self.open.len() > 1 {
                self.open.pop();
            }
            return Ok(());
        }
        if let Some(section) = text.strip_prefix('<') {
            self.section(section.trim_end_matches('>'), place);
            return Ok(());
        }
        let mut parts = words(text).into_iter();
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let arguments: Vec<String> = parts.map(|word| self.filled(&word)).collect();
        match name.as_str() {
            "include" | "includeoptional" => {
                for pattern in &arguments {
                    self.include(pattern, depth)?;
                }
            }
            "define" => {
                if let [name, value] = arguments.as_slice() {
                    self.names.insert(name.clone(), value.clone());
                }
            }
            _ => {
                let directive = Directive { name, arguments, place: place.clone() };
                let block = self.open.last().and_then(|&number| self.blocks.get_mut(number));
                if let Some(block) = block {
                    block.directives.push(directive);
                }
            }
        }
        Ok(())
    }

    /// A test (`IfModule` and the like) is taken as true: a weakness behind one is a weakness.
    fn section(&mut self, section: &str, place: &Place) {
        let mut parts = words(section).into_iter();
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let current = self.open.last().copied().unwrap_or_default();
        if name.starts_with("if") || name.starts_with("require") {
            self.open.push(current);
            // How its rules go together is not the same as without it: those that ask may know.
            let directive = Directive {
                name: format!("<{name}>"),
                arguments: Vec::new(),
                place: place.clone(),
            };
            if let Some(block) = self.blocks.get_mut(current) {
                block.directives.push(directive);
            }
            return;
        }
        let mut sections =
            self.blocks.get(current).map(|block| block.sections.clone()).unwrap_or_default();
        let rest: Vec<String> = parts.map(|word| self.filled(&word)).collect();
        sections.push(format!("{name} {}", rest.join(" ")));
        let number = self.blocks.len();
        self.blocks.push(Block {
            sections,
            number,
            place: Some(place.clone()),
            directives: Vec::new(),
        });
        self.open.push(number);
    }

    fn include(&mut self, pattern: &str, depth: usize) -> Seen<()> {
        let path = self.base.join(pattern);
        let path =
            if self.facts.metadata(&path)?.is_some_and(|m| m.kind == burgrave_sys::Kind::Directory)
            {
                path.join("*")
            } else {
                path
            };
        for file in self.facts.glob(path)? {
            self.file(&file, depth + 1)?;
        }
        Ok(())
    }

    /// `${NAME}` replaced where the name is known.
    fn filled(&self, word: &str) -> String {
        let mut out = String::new();
        let mut rest = word;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                out.push_str("${");
                rest = after;
                continue;
            };
            out.push_str(self.names.get(name).map_or("", String::as_str));
            rest = behind;
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn sections_includes_and_variables_are_read() {
        let fake = Fake::new();
        fake.file(
            "/etc/apache2/apache2.conf",
            "Define ROOT /srv/www\nServerTokens Prod\n# ServerTokens Full\nIncludeOptional sites-enabled/*.conf\n<Directory /srv>\n Options \\\n  Indexes\n</Directory>\n",
        );
        fake.file(
            "/etc/apache2/sites-enabled/a.conf",
            "<VirtualHost *:80>\n<IfModule x>\nDocumentRoot ${ROOT}/a\n</IfModule>\n<Location /s>\nRequire all granted\n</Location>\n</VirtualHost>\n",
        );
        let facts = Facts::new(&fake, Ground::Tree);
        let blocks = facts.apache().as_ref().unwrap().as_ref().unwrap();
        assert_eq!(blocks[0].last("servertokens").unwrap().first(), "Prod");
        let host = blocks.iter().find(|block| block.host().is_some()).unwrap();
        assert_eq!(host.last("documentroot").unwrap().first(), "/srv/www/a");
        let inner = blocks.iter().find(|block| block.sections.len() == 2).unwrap();
        assert_eq!(inner.sections, ["virtualhost *:80", "location /s"]);
        let folder = blocks.iter().find(|block| block.sections == ["directory /srv"]).unwrap();
        assert_eq!(
            (folder.directives[0].line().as_str(), folder.directives[0].place.line),
            ("options Indexes", 6)
        );
    }
}

//! What running database servers have said of themselves, when they were asked.
//!
//! A row is a list in JSON, its first member the row's name: no letter of a name can end it or begin another. The row `asked`
//! says that a question was answered to its end.
//!
//! Invariants: all of it is a stranger's text, bounded here and escaped where it is shown; a question without its `asked` is
//! unknown, whatever rows came; a line that is no row makes all of a server's answer unknown.

use super::{Blind, Reach};
use crate::evidence::{Evidence, shown};
use serde_json::Value;

/// Rows of one server.
const ROWS_MAX: usize = 100_000;
/// Bytes of all that one server says.
const BYTES_MAX: usize = 16 * 1024 * 1024;
const CELLS_MAX: usize = 32;

/// Which program a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// `PostgreSQL`.
    Postgresql,
    /// `MySQL` or `MariaDB`.
    Mysql,
    /// Redis or Valkey.
    Redis,
    /// `MongoDB`.
    Mongodb,
}

impl Engine {
    pub(crate) const ALL: [Self; 4] = [Self::Postgresql, Self::Mysql, Self::Redis, Self::Mongodb];

    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Postgresql => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Redis => "Redis",
            Self::Mongodb => "MongoDB",
        }
    }
}

/// One row of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it tells of, as `role`.
    pub name: String,
    cells: Vec<String>,
}

impl Row {
    /// A row from its line.
    fn parse(line: &str) -> Option<Self> {
        let Ok(Value::Array(values)) = serde_json::from_str(line) else { return None };
        if values.len() > CELLS_MAX {
            return None;
        }
        let mut cells = values.into_iter().map(|value| match value {
            Value::Null => Some(String::new()),
            Value::Bool(is) => Some(is.to_string()),
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => Some(text),
            Value::Array(_) | Value::Object(_) => None,
        });
        let name = cells.next()??;
        Some(Self { name, cells: cells.collect::<Option<_>>()? })
    }

    /// A row of our own.
    pub(crate) fn new(name: &str, cells: &[&str]) -> Self {
        let cells = cells.iter().map(|&cell| cell.to_owned()).collect();
        Self { name: name.to_owned(), cells }
    }

    /// A cell as it is; empty where there is none.
    pub fn raw(&self, at: usize) -> &str {
        self.cells.get(at).map(String::as_str).unwrap_or_default()
    }

    /// A cell for people: bounded and escaped.
    pub fn text(&self, at: usize) -> String {
        shown(self.raw(at))
    }

    /// Whether a cell says yes.
    pub fn is(&self, at: usize) -> bool {
        matches!(self.raw(at), "true" | "1")
    }
}

/// One server and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which program.
    pub engine: Engine,
    /// Where it was asked: its socket or address.
    pub place: String,
    /// From where it can be reached.
    pub reach: Reach,
    rows: Vec<Row>,
    bytes: usize,
    blind: Option<String>,
}

impl Asked {
    /// One that has said nothing yet.
    pub(crate) const fn new(engine: Engine, place: String, reach: Reach) -> Self {
        Self { engine, place, reach, rows: Vec::new(), bytes: 0, blind: None }
    }

    /// Takes what it printed.
    pub(crate) fn hear(&mut self, printed: &str) {
        self.bytes = self.bytes.saturating_add(printed.len());
        if self.bytes > BYTES_MAX {
            self.fail(&format!("its answer has more than {BYTES_MAX} bytes"));
            return;
        }
        for line in printed.lines().filter(|line| !line.trim().is_empty()) {
            match Row::parse(line) {
                Some(_) if self.rows.len() >= ROWS_MAX => {
                    self.fail(&format!("its answer has more than {ROWS_MAX} rows"));
                }
                Some(row) => self.rows.push(row),
                None => self.fail("its answer is not in the form that was asked for"),
            }
        }
    }

    /// Takes rows of our own.
    pub(crate) fn take(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.rows.extend(rows);
    }

    /// It did not answer, or not well. The first reason counts.
    pub(crate) fn fail(&mut self, why: &str) {
        self.blind.get_or_insert_with(|| shown(why));
    }

    /// The rows of a question that was answered to its end.
    pub fn rows(&self, question: &str, name: &str) -> Result<Vec<&Row>, Blind> {
        let is_answered = self.rows.iter().any(|row| row.name == "asked" && row.raw(0) == question);
        match &self.blind {
            Some(why) => Err(self.blinded(why)),
            None if !is_answered => {
                Err(self.blinded(&format!("it does not answer about its {question}")))
            }
            None => Ok(self.rows.iter().filter(|row| row.name == name).collect()),
        }
    }

    /// Why something of it is not known.
    fn blinded(&self, why: &str) -> Blind {
        Blind::new(shown(&self.place), format!("{}: {}", self.engine.words(), shown(why)))
    }

    /// A fact about it.
    pub fn evidence(&self, text: impl AsRef<str>) -> Evidence {
        Evidence {
            path: Some(shown(&self.place)),
            text: shown(text.as_ref()),
            ..Evidence::default()
        }
    }
}

/// What all servers of a machine have said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Every server that was found.
    pub servers: Vec<Asked>,
}

impl Answers {
    /// From a text of rows: `server` begins one, `blind` says why it could not be asked.
    pub fn parse(text: &str) -> Self {
        let mut out = Self::default();
        for line in text.lines() {
            let row = Row::parse(line);
            let named = |name: &str| row.as_ref().filter(|row| row.name == name);
            if let Some(row) = named("server") {
                let engine = Engine::ALL
                    .into_iter()
                    .find(|engine| engine.words().eq_ignore_ascii_case(row.raw(0)))
                    .unwrap_or(Engine::Mongodb);
                let reach = if row.raw(2) == "outside" { Reach::Outside } else { Reach::Local };
                out.servers.push(Asked::new(engine, row.raw(1).to_owned(), reach));
                continue;
            }
            let Some(server) = out.servers.last_mut() else { continue };
            match named("blind") {
                Some(row) => server.fail(row.raw(0)),
                None => server.hear(line),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Asked {
        let mut server = Asked::new(Engine::Postgresql, "/run/s".to_owned(), Reach::Local);
        server.hear(text);
        server
    }

    #[test]
    fn a_row_counts_when_its_question_was_answered_to_the_end() {
        let said = server("[\"role\",\"a\",true,null,7]\n[\"asked\",\"roles\"]\n");
        let rows = said.rows("roles", "role").unwrap();
        assert_eq!(
            (rows[0].raw(0), rows[0].is(1), rows[0].raw(2), rows[0].raw(3)),
            ("a", true, "", "7")
        );
        assert!(said.rows("settings", "setting").unwrap_err().why.contains("settings"));
        assert!(server("[\"role\",\"a\"]\n").rows("roles", "role").is_err());
    }

    #[test]
    fn a_name_is_only_a_text() {
        let said = server("[\"role\",\"x\\n[\\\"asked\\\",\\\"roles\\\"]\\u001b[2J\"]\n");
        assert!(said.rows("roles", "role").is_err(), "the name has not answered");
        let mut said = said;
        said.hear("[\"asked\",\"roles\"]");
        let name = said.rows("roles", "role").unwrap()[0].text(0);
        assert!(!name.contains('\u{1b}') && !name.contains('\n'), "{name}");
    }

    #[test]
    fn what_is_no_row_makes_all_of_it_unknown() {
        for wrong in ["role a", "{}", "[]", "[[\"role\"]]", "[\"role\",{}]", "[\"a\""] {
            let said = server(&format!("[\"asked\",\"roles\"]\n{wrong}\n"));
            assert!(said.rows("roles", "role").is_err(), "{wrong}");
        }
        let long = "[\"role\"]\n".repeat(ROWS_MAX + 1);
        assert!(server(&format!("[\"asked\",\"roles\"]\n{long}")).rows("roles", "role").is_err());
        let mut said = server("[\"asked\",\"roles\"]\n");
        said.hear(&format!("[\"role\",\"{}\"]", "x".repeat(BYTES_MAX)));
        assert!(said.rows("roles", "role").unwrap_err().why.contains("bytes"));
    }

    #[test]
    fn a_server_does_not_speak_for_another() {
        let said =
            server("[\"server\",\"redis\",\"x\"]\n[\"blind\",\"no\"]\n[\"asked\",\"roles\"]");
        assert!(said.rows("roles", "role").unwrap().is_empty());
    }
}

//! Records of own domains as `dig` has printed them: what was asked, and what was answered.
//!
//! Invariants: nothing is looked up; a record that was not asked for is unknown and not absent; a question that the server
//! could not answer counts as not asked.

use std::collections::{BTreeMap, BTreeSet};

const LINES_MAX: usize = 200_000;
const RECORDS_MAX: usize = 50_000;

/// A name and a type, as `_dmarc.example.com` and `TXT`.
type Question = (String, String);

/// What is known of domains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    asked: BTreeSet<Question>,
    answers: BTreeMap<Question, Vec<String>>,
    /// Policies of MTA-STS by domain, as their pages say.
    policies: BTreeMap<String, String>,
    /// Names that certificates are out for; `None`: no list was given.
    certificates: Option<BTreeSet<String>>,
}

/// What is being read.
enum Part {
    Records,
    Policy(String),
    Certificates,
}

impl Records {
    /// The printed answers of any number of questions.
    pub fn parse(text: &str) -> Self {
        let mut out = Self::default();
        let (mut was_answered, mut count) = (true, 0_usize);
        let mut part = Part::Records;
        for line in text.lines().take(LINES_MAX) {
            let line = line.trim();
            if let Some(domain) = line.strip_prefix(";; policy of ") {
                part = Part::Policy(plain(domain.trim()));
                continue;
            }
            if line == ";; certificates" {
                part = Part::Certificates;
                out.certificates.get_or_insert_default();
                continue;
            }
            // A page or a list ends where `dig` begins.
            if line.starts_with(';') {
                part = Part::Records;
            }
            match &part {
                Part::Records => {}
                Part::Policy(domain) => {
                    let page = out.policies.entry(domain.clone()).or_default();
                    page.push_str(line);
                    page.push('\n');
                    continue;
                }
                Part::Certificates => {
                    let list = out.certificates.get_or_insert_default();
                    list.extend(names(line).take(RECORDS_MAX.saturating_sub(list.len())));
                    continue;
                }
            }
            if let Some(header) = line.strip_prefix(";; ->>HEADER<<-") {
                was_answered =
                    ["status: NOERROR", "status: NXDOMAIN"].iter().any(|ok| header.contains(ok));
            } else if let Some(rest) = line.strip_prefix(';') {
                if let [name, "IN", kind] = rest.split_whitespace().collect::<Vec<_>>().as_slice()
                    && was_answered
                {
                    out.asked.insert((plain(name), kind.to_ascii_uppercase()));
                }
            } else if let Some((question, data)) = record(line)
                && count < RECORDS_MAX
            {
                count += 1;
                out.asked.insert(question.clone());
                out.answers.entry(question).or_default().push(data);
            }
        }
        out
    }

    /// The records of a name; `None` where nobody has asked.
    pub fn of(&self, name: &str, kind: &str) -> Option<&[String]> {
        let question = (name.to_owned(), kind.to_owned());
        if !self.asked.contains(&question) {
            return None;
        }
        Some(self.answers.get(&question).map_or(&[], Vec::as_slice))
    }

    /// The policy of MTA-STS of a domain, where it was given.
    pub fn policy(&self, domain: &str) -> Option<&str> {
        self.policies.get(domain).map(|page| page.trim())
    }

    /// Names that certificates are out for; `None` where no list was given.
    pub const fn certificates(&self) -> Option<&BTreeSet<String>> {
        self.certificates.as_ref()
    }

    /// Every name with records of one kind.
    pub fn answered(&self, kind: &str) -> impl Iterator<Item = (&str, &[String])> {
        let own = self.answers.iter().filter(move |((_, own), _)| own == kind);
        own.map(|((name, _), data)| (name.as_str(), data.as_slice()))
    }

    /// The domains that the questions are about.
    pub fn domains(&self) -> Vec<String> {
        let mut out = BTreeSet::new();
        for (name, kind) in &self.asked {
            let base = ["_dmarc.", "_mta-sts."].iter().find_map(|start| name.strip_prefix(start));
            let of_key = name.split_once("._domainkey.").map(|(_, domain)| domain);
            let own = matches!(kind.as_str(), "TXT" | "MX" | "CAA") && !name.contains('_');
            out.extend(base.or(of_key).or(own.then_some(name.as_str())).map(str::to_owned));
        }
        out.into_iter().collect()
    }

    /// Keys of a domain that were asked for: the selector and its records.
    pub fn keys(&self, domain: &str) -> Vec<(String, Vec<String>)> {
        let end = format!("._domainkey.{domain}");
        let own = self.asked.iter().filter(|(_, kind)| kind == "TXT");
        own.filter_map(|(name, _)| {
            let selector = name.strip_suffix(&end)?;
            Some((selector.to_owned(), self.of(name, "TXT")?.to_vec()))
        })
        .collect()
    }
}

/// `NAME [TTL] [IN] TYPE DATA`.
fn record(line: &str) -> Option<(Question, String)> {
    let mut rest = line;
    let mut word = || {
        rest = rest.trim_start();
        let at = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(at)?;
        rest = after;
        (!word.is_empty()).then_some(word)
    };
    let name = plain(word()?);
    let mut kind = word()?;
    if kind.bytes().all(|byte| byte.is_ascii_digit()) {
        kind = word()?;
    }
    if kind.eq_ignore_ascii_case("IN") {
        kind = word()?;
    }
    let kind = kind.to_ascii_uppercase();
    let data = rest.trim();
    let data = if kind == "TXT" { strings(data) } else { data.to_owned() };
    Some(((name, kind), data))
}

/// The names in a line of a list, plain or in JSON, in which `\n` stands between them.
fn names(line: &str) -> impl Iterator<Item = String> {
    let line = line.replace("\\n", " ");
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "-._*".contains(letter);
    let words: Vec<String> = line
        .split(|letter| !is_of_name(letter))
        .map(|word| plain(word.trim_start_matches("*.")))
        .filter(|word| word.contains('.') && !word.starts_with('.'))
        .collect();
    words.into_iter()
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Quoted strings put together (RFC 7208, 3.3).
fn strings(data: &str) -> String {
    let (mut out, mut is_open) = (String::new(), false);
    let mut letters = data.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => is_open = !is_open,
            '\\' => out.extend(letters.next()),
            letter if is_open || !data.starts_with('"') => out.push(letter),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIG: &str = "; <<>> DiG 9.18 <<>> example.com TXT\n;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\n; EDNS: version: 0, flags:; udp: 1232\n;; QUESTION SECTION:\n;Example.com.\t\tIN\tTXT\n\n;; ANSWER SECTION:\nexample.com.\t300\tIN\tTXT\t\"v=spf1 \" \"-all\"\n\n;; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 2\n;_dmarc.example.com. IN TXT\n;; ->>HEADER<<- opcode: QUERY, status: SERVFAIL, id: 3\n;example.com. IN CAA\nb.example CAA 0 issue \"ca.example\"\n";

    #[test]
    fn asked_and_answered_are_told_apart() {
        let records = Records::parse(DIG);
        assert_eq!(records.of("example.com", "TXT").unwrap(), ["v=spf1 -all"]);
        assert_eq!(records.of("_dmarc.example.com", "TXT").map(<[String]>::len), Some(0));
        assert_eq!(records.of("example.com", "CAA"), None, "the server failed");
        assert_eq!(records.of("example.com", "MX"), None);
        assert_eq!(records.of("b.example", "CAA").unwrap(), ["0 issue \"ca.example\""]);
        assert_eq!(records.domains(), ["b.example", "example.com"]);
    }

    #[test]
    fn a_page_is_no_record_and_ends_where_dig_begins() {
        let records = Records::parse(
            ";; policy of A.example.\nversion: STSv1\nmode: enforce\n\nx IN A 1\n; <<>> DiG\nb.example. IN A 192.0.2.1\n",
        );
        assert_eq!(
            records.policy("a.example").unwrap(),
            "version: STSv1\nmode: enforce\n\nx IN A 1"
        );
        assert_eq!(records.policy("b.example"), None);
        assert_eq!(records.of("x", "A"), None);
        let names: Vec<_> = records.answered("A").map(|(name, _)| name).collect();
        assert_eq!(names, ["b.example"]);
    }

    #[test]
    fn keys_are_found_by_their_selectors() {
        let records =
            Records::parse("s1._domainkey.a.example. 1 IN TXT \"v=DKIM1; p=\"\nx y\n\nonly\n");
        assert_eq!(records.keys("a.example"), [("s1".to_owned(), vec!["v=DKIM1; p=".to_owned()])]);
        assert_eq!(records.domains(), ["a.example"]);
        assert!(Records::parse("").domains().is_empty());
    }
}

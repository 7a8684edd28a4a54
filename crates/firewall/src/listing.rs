//! What the kernel has, out of what `nft -nn -s -t list table inet burgrave` prints.
//!
//! A rule is known again by its comment: how nft writes a rule changes with its version, and the comment
//! does not. A rule without one is somebody else's.

/// Lines that are looked at.
const LINES_MAX: usize = 100_000;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its chain.
    pub chain: String,
    /// Its comment. `None`: it was not made here.
    pub words: Option<String>,
    /// As nft writes it, without the comment.
    pub rule: String,
}

/// The rules of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In order.
    pub rules: Vec<Listed>,
    /// The chains, with rules or without.
    pub chains: Vec<String>,
}

impl Listing {
    /// The rules of one chain.
    pub fn of<'a>(&'a self, chain: &'a str) -> impl Iterator<Item = &'a Listed> {
        self.rules.iter().filter(move |rule| rule.chain == chain)
    }
}

/// Reads a listing.
pub fn listing(text: &str) -> Listing {
    let mut listing = Listing::default();
    let mut chain: Option<String> = None;
    for line in text.lines().take(LINES_MAX).map(str::trim) {
        if let Some(name) = line.strip_prefix("chain ").and_then(|rest| rest.strip_suffix(" {")) {
            listing.chains.push(name.to_owned());
            chain = Some(name.to_owned());
        } else if line == "}" {
            chain = None;
        } else if let Some(name) = &chain
            && !line.is_empty()
            && !line.starts_with("type ")
        {
            let (rule, words) = match line.rsplit_once(" comment \"") {
                Some((rule, words)) => (rule, words.strip_suffix('"')),
                None => (line, None),
            };
            let words = words.map(str::to_owned);
            listing.rules.push(Listed { chain: name.clone(), words, rule: rule.to_owned() });
        }
    }
    listing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_known_by_their_words() {
        let text = "table inet burgrave {\n\tset bans4 {\n\t\ttype ipv4_addr\n\t\tflags timeout\n\t}\n\n\tchain bans {\n\t\t\
                    type filter hook prerouting priority -300; policy accept;\n\t\tiif \"lo\" accept comment \"loopback is never \
                    banned\"\n\t\ttcp dport 1 accept\n\t}\n\n\tchain trial {\n\t}\n}\n";
        let found = listing(text);
        assert_eq!(found.chains, ["bans", "trial"]);
        assert_eq!(found.of("bans").count(), 2);
        assert_eq!(found.rules[0].words.as_deref(), Some("loopback is never banned"));
        assert_eq!(found.rules[0].rule, "iif \"lo\" accept");
        assert_eq!(
            (found.rules[1].words.as_deref(), &*found.rules[1].rule),
            (None, "tcp dport 1 accept")
        );
    }

    #[test]
    fn what_is_no_listing_has_no_rules() {
        for text in
            ["", "}", "chain", "chain x {", "rule comment \"x", "table inet burgrave {\n}\n"]
        {
            assert!(listing(text).rules.is_empty(), "{text}");
        }
    }
}

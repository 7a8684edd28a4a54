//! The narrowest exception that lets a benign request pass: this rule, on this path, without this argument.
//!
//! Invariants: nothing is proposed that was not tried: with the exception every benign request given passes,
//! and every attack given that was blocked before still is. What comes from a request is written into a rule
//! only where it holds nothing that the language could read otherwise.

use crate::message::Request;
use crate::recorded::NamedRequest;
use crate::run::{Circumstances, Seen, run};
use crate::show::{cut, escaped};
use crate::story::{self, LinkStory, Story, ValueStory};
use burgrave_seclang::{Focus, LoadError, RuleSet};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Times that a proposal is mended because other values match once the first are out of sight.
const ROUNDS_MAX: usize = 4;
/// Targets of one proposal.
const CUTS_MAX: usize = 32;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Requests that have to pass.
    pub benign: &'a [NamedRequest],
    /// Requests that have to stay blocked.
    pub attacks: &'a [NamedRequest],
    /// Only this rule may be excepted.
    pub rule: Option<u32>,
    /// Paths that begin so, in place of the requests' own paths.
    pub prefix: Option<&'a str>,
    /// The first id of the rules to be made.
    pub id: u32,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// Every benign request passes as it is.
    NotNeeded,
    /// It was tried and holds.
    Found(Exception),
    /// Why nothing is proposed, one line each.
    Refused(Vec<String>),
}

/// An exception that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Rules in `SecLang`.
    pub text: String,
    /// In words: `rule 942100 does not look at ARGS:note on /orders`.
    pub words: Vec<String>,
    /// Attacks that were blocked before and still are.
    pub attacks_blocked: usize,
    /// Attacks that were not blocked before either.
    pub attacks_unblocked: usize,
}

/// One cut: this rule does not look at this target on this path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cut {
    path: String,
    rule: u32,
    /// `None`: the whole rule, where it looks at nothing that can be taken out of its sight.
    target: Option<String>,
}

/// How rules are compiled with an exception before them; the empty text is none.
pub type Compile<'a> = &'a dyn Fn(&str) -> Result<Arc<RuleSet>, Vec<LoadError>>;

/// Looks for an exception, and tries it.
pub fn propose(
    wish: &Wish<'_>,
    circumstances: &Circumstances,
    compile: Compile<'_>,
) -> Result<Proposal, Vec<LoadError>> {
    let search = Search { wish, circumstances, compile };
    let now = compile("")?;
    if search.blocked(&now).is_empty() {
        return Ok(Proposal::NotNeeded);
    }
    let found = match search.cuts(&now) {
        Ok(cuts) => search.narrowed(cuts),
        Err(Stop::Why(why)) => return Ok(Proposal::Refused(vec![why])),
        Err(Stop::Load(errors)) => return Err(errors),
    };
    let text = search.text(&found);
    let then = compile(&text)?;
    let mut refused: Vec<String> = Vec::new();
    for (name, seen) in search.blocked(&then) {
        let by = seen.record.interruption.and_then(|own| own.rule);
        let by = by.map_or_else(|| "the engine itself".to_owned(), |id| format!("rule {id}"));
        refused.push(format!("`{name}` would still be blocked, by {by}"));
    }
    let (mut blocked, mut unblocked) = (0, 0);
    for (name, attack) in wish.attacks {
        match (is_blocked(&search.run(&now, attack)), is_blocked(&search.run(&then, attack))) {
            (false, _) => unblocked += 1,
            (true, true) => blocked += 1,
            (true, false) => refused.push(format!("the attack `{name}` would pass")),
        }
    }
    if !refused.is_empty() {
        return Ok(Proposal::Refused(refused));
    }
    let words = found.iter().map(|own| own.words(wish.prefix)).collect();
    let (attacks_blocked, attacks_unblocked) = (blocked, unblocked);
    Ok(Proposal::Found(Exception { text, words, attacks_blocked, attacks_unblocked }))
}

/// The first id from 10,000 that no rule has, nor the 50 behind it.
pub fn free_id(rules: &RuleSet) -> u32 {
    const ROOM: u32 = 50;
    let mut free = 10_000;
    let mut ids: Vec<u32> = rules.facts().iter().map(|facts| facts.id).collect();
    ids.sort_unstable();
    for id in ids {
        if id >= free && id - free <= ROOM {
            free = id.saturating_add(1);
        }
    }
    free
}

impl Proposal {
    /// For a terminal.
    pub fn text(&self, wish: &Wish<'_>) -> String {
        match self {
            Self::NotNeeded => format!("NOT NEEDED: {} as it is\n", passes(wish.benign.len())),
            Self::Refused(why) => {
                let lines: Vec<String> =
                    why.iter().map(|why| format!("  {}\n", cut(why.as_bytes(), 200))).collect();
                format!("NOT PROPOSED: no exception holds\n{}", lines.concat())
            }
            Self::Found(own) => {
                let mut text = "PROPOSED\n".to_owned();
                for words in &own.words {
                    text.push_str(&format!("  {words}\n"));
                }
                text.push_str(&format!("\n{}\n", own.text));
                text.push_str(&format!("tried: {} with it\n", passes(wish.benign.len())));
                if wish.attacks.is_empty() {
                    text.push_str("not tried: whether attacks stay blocked (`--attacks FILE`)\n");
                } else {
                    let (blocked, before) = (own.attacks_blocked, own.attacks_unblocked);
                    let given = wish.attacks.len();
                    text.push_str(&format!(
                        "tried: still blocked are {blocked} of {given} attacks"
                    ));
                    if before > 0 {
                        text.push_str(&format!("; {before} were not blocked before either"));
                    }
                    text.push('\n');
                }
                text
            }
        }
    }

    /// For a program.
    pub fn json(&self, wish: &Wish<'_>) -> Value {
        let (word, found, why) = match self {
            Self::NotNeeded => ("not needed", None, &[][..]),
            Self::Refused(why) => ("refused", None, why.as_slice()),
            Self::Found(own) => ("proposed", Some(own), &[][..]),
        };
        json!({
            "version": 1,
            "proposal": word,
            "why": why.iter().map(|why| escaped(why.as_bytes())).collect::<Vec<_>>(),
            "rules": found.map(|own| &own.text),
            "words": found.map(|own| &own.words),
            "benign": wish.benign.len(),
            "attacks": {
                "given": wish.attacks.len(),
                "blocked": found.map(|own| own.attacks_blocked),
                "unblocked.before": found.map(|own| own.attacks_unblocked),
            },
        })
    }
}

fn passes(count: usize) -> String {
    if count == 1 {
        "the benign request passes".to_owned()
    } else {
        format!("all {count} benign requests pass")
    }
}

/// In detection mode what would have ended the request counts.
fn is_blocked(seen: &Seen) -> bool {
    seen.record.interruption.is_some()
}

/// Why the search ends without a proposal.
enum Stop {
    /// There is none.
    Why(String),
    /// The rules do not load with it.
    Load(Vec<LoadError>),
}

struct Search<'a> {
    wish: &'a Wish<'a>,
    circumstances: &'a Circumstances,
    compile: Compile<'a>,
}

impl Search<'_> {
    fn run(&self, rules: &Arc<RuleSet>, request: &Request) -> Seen {
        run(rules, request, None, self.circumstances, None)
    }

    fn blocked(&self, rules: &Arc<RuleSet>) -> Vec<(&str, Seen)> {
        let all = self.wish.benign.iter();
        let seen = all.map(|(name, request)| (name.as_str(), self.run(rules, request)));
        seen.filter(|(_, seen)| is_blocked(seen)).collect()
    }

    /// Cuts until the requests pass, or no more are found.
    fn cuts(&self, now: &Arc<RuleSet>) -> Result<Vec<Cut>, Stop> {
        let mut rules = Arc::clone(now);
        let mut cuts: Vec<Cut> = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let before = cuts.len();
            for (_, request) in self.wish.benign {
                for cut in self.cuts_of(&rules, request).map_err(Stop::Why)? {
                    if !cuts.contains(&cut) {
                        cuts.push(cut);
                    }
                }
            }
            if cuts.len() > CUTS_MAX {
                let why = format!("it would take more than {CUTS_MAX} targets");
                return Err(Stop::Why(format!("{why}: except rules one by one")));
            }
            if cuts.is_empty() {
                let why = "no rule that may be excepted matched these requests";
                return Err(Stop::Why(why.to_owned()));
            }
            if cuts.len() == before {
                break;
            }
            rules = (self.compile)(&self.text(&cuts)).map_err(Stop::Load)?;
            if self.blocked(&rules).is_empty() {
                break;
            }
        }
        Ok(cuts)
    }

    fn cuts_of(&self, rules: &Arc<RuleSet>, request: &Request) -> Result<Vec<Cut>, String> {
        let seen = run(rules, request, None, self.circumstances, Some(Focus::Matches));
        if !is_blocked(&seen) {
            return Ok(Vec::new());
        }
        let path = self.path(request)?;
        let reading = story::read(seen.record.trace.unwrap_or_default());
        let logged = |id: u32| seen.record.matches.iter().any(|own| own.id == id);
        let wanted = |story: &&Story| {
            story.matched
                && logged(story.id)
                && self.wish.rule.is_none_or(|rule| rule == story.id)
                && !story.adds_up()
        };
        let mut cuts = Vec::new();
        for story in reading.stories.iter().filter(wanted) {
            for target in targets(story) {
                cuts.push(Cut { path: path.clone(), rule: story.id, target });
            }
        }
        Ok(cuts)
    }

    fn path(&self, request: &Request) -> Result<String, String> {
        let path = request.path();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_.~%:@!$&()*+;=-".contains(byte);
        if !path.iter().all(plain) {
            return Err(format!("the path `{}` cannot be written into a rule", cut(path, 80)));
        }
        match self.wish.prefix {
            None => Ok(escaped(path)),
            Some(prefix) if !prefix.as_bytes().iter().all(plain) => Err(format!(
                "the prefix `{}` cannot be written into a rule",
                cut(prefix.as_bytes(), 80)
            )),
            Some(prefix) if path.starts_with(prefix.as_bytes()) => Ok(prefix.to_owned()),
            Some(prefix) => {
                Err(format!("the path `{}` does not begin with `{prefix}`", escaped(path)))
            }
        }
    }

    /// Without the cuts that are not needed: those of a rule, all together.
    fn narrowed(&self, mut cuts: Vec<Cut>) -> Vec<Cut> {
        let mut groups: Vec<(String, u32)> =
            cuts.iter().map(|own| (own.path.clone(), own.rule)).collect();
        groups.sort();
        groups.dedup();
        for (path, rule) in groups {
            let fewer: Vec<Cut> =
                cuts.iter().filter(|own| own.path != path || own.rule != rule).cloned().collect();
            let passes = (self.compile)(&self.text(&fewer));
            if !fewer.is_empty() && passes.is_ok_and(|rules| self.blocked(&rules).is_empty()) {
                cuts = fewer;
            }
        }
        cuts
    }

    /// The cuts as rules, one for each path.
    fn text(&self, cuts: &[Cut]) -> String {
        let mut paths: BTreeMap<&str, Vec<&Cut>> = BTreeMap::new();
        for own in cuts {
            paths.entry(&own.path).or_default().push(own);
        }
        let operator = if self.wish.prefix.is_some() { "beginsWith" } else { "streq" };
        let mut text = String::new();
        for (id, (path, cuts)) in (self.wish.id..).zip(paths) {
            for own in &cuts {
                text.push_str(&format!("# {}\n", own.words(self.wish.prefix)));
            }
            let controls: Vec<String> = cuts.iter().map(|own| own.control()).collect();
            text.push_str(&format!(
                "SecRule REQUEST_FILENAME \"@{operator} {path}\" \"id:{id},phase:1,pass,nolog,t:none,{}\"\n",
                controls.join(",")
            ));
        }
        text
    }
}

impl Cut {
    fn control(&self) -> String {
        match &self.target {
            Some(target) => format!("ctl:ruleRemoveTargetById={};{target}", self.rule),
            None => format!("ctl:ruleRemoveById={}", self.rule),
        }
    }

    fn words(&self, prefix: Option<&str>) -> String {
        let below = if prefix.is_some() { "paths that begin with " } else { "" };
        let Self { path, rule, target } = self;
        match target {
            Some(target) => format!("rule {rule} does not look at {target} on {below}{path}"),
            None => format!("rule {rule} is not asked at all on {below}{path}"),
        }
    }
}

/// What has to be out of sight for the rule not to match: the values of the line of its chain that has the
/// narrowest; `None` where it looks at nothing of the kind.
fn targets(story: &Story) -> Vec<Option<String>> {
    let hits = |link: &LinkStory| -> Vec<Option<String>> {
        link.values.iter().filter(|own| own.matched).map(target).collect()
    };
    let lines: Vec<Vec<Option<String>>> = story.links.iter().map(hits).collect();
    let whole = |line: &&Vec<Option<String>>| !line.is_empty() && line.iter().all(Option::is_some);
    let named =
        |line: &&Vec<Option<String>>| line.iter().flatten().all(|target| target.contains(':'));
    let usable = || lines.iter().filter(whole);
    let mut best = usable().find(named).or_else(|| usable().next()).cloned().unwrap_or(vec![None]);
    best.sort();
    best.dedup();
    best
}

/// A value's variable as a target: members of lists by a pattern that takes any number.
fn target(value: &ValueStory) -> Option<String> {
    let name = value.name.as_slice();
    if name.starts_with(b"TX") || name.starts_with(b"MATCHED_VAR") {
        return None;
    }
    let at = name.iter().position(|&byte| byte == b':');
    let (variable, key) = match at {
        None => return std::str::from_utf8(name).ok().map(str::to_owned),
        Some(at) => (name.get(..at)?, name.get(at + 1..)?),
    };
    let variable = std::str::from_utf8(variable).ok()?;
    if variable == "XML" {
        return Some(format!("XML:{}", std::str::from_utf8(key).ok()?));
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-[]".contains(byte);
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let has_number = key.split(|&byte| byte == b'.').skip(1).any(is_number);
    if key.iter().all(is_plain) && !key.is_empty() && !has_number {
        return Some(format!("{variable}:{}", escaped(key)));
    }
    let part = |part: &[u8]| -> String {
        if is_number(part) {
            return "[0-9]+".to_owned();
        }
        let one = |byte: &u8| match byte {
            byte if byte.is_ascii_alphanumeric() || *byte == b'_' => char::from(*byte).to_string(),
            byte => format!("\\x{byte:02x}"),
        };
        part.iter().map(one).collect()
    };
    let parts: Vec<String> = key.split(|&byte| byte == b'.').map(part).collect();
    Some(format!("{variable}:/^{}$/", parts.join("\\x2e")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::request;
    use burgrave_seclang::{Options, RuleFiles};
    use std::path::{Path, PathBuf};

    const RULES: &str = "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.inbound_anomaly_score_pl1=0\"\n\
        SecRule ARGS|ARGS_NAMES \"@rx (?i)union\" \"id:2,phase:2,pass,msg:'sql',setvar:tx.inbound_anomaly_score_pl1=+5\"\n\
        SecRule ARGS \"@rx (?i)select\" \"id:3,phase:2,pass,msg:'sql',setvar:tx.inbound_anomaly_score_pl1=+2\"\n\
        SecRule REQUEST_METHOD \"@streq PUT\" \"id:4,phase:1,deny,msg:'method'\"\n\
        SecRule REQUEST_METHOD \"!@streq DELETE\" \"id:6,phase:1,pass,nolog,skip:1\"\n\
        SecAction \"id:5,phase:1,deny,msg:'all'\"\n\
        SecRule TX:inbound_anomaly_score_pl1 \"@ge 5\" \"id:9,phase:2,deny,msg:'score'\"";

    struct Two<'a>(&'a str);

    impl RuleFiles for Two<'_> {
        fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
            let text = if path == Path::new("own") { self.0 } else { RULES };
            Ok(text.as_bytes().to_vec())
        }

        fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
            Ok(vec![pattern.to_path_buf()])
        }
    }

    fn compile(text: &str) -> Result<Arc<RuleSet>, Vec<LoadError>> {
        let include = ["own".into(), "rules".into()];
        RuleSet::compile(&include, &Two(text), Options::default()).map(Arc::new)
    }

    fn named(raw: &[&str]) -> Vec<NamedRequest> {
        raw.iter().map(|raw| ((*raw).to_owned(), request(&format!("{raw} HTTP/1.1\n")))).collect()
    }

    fn proposal(
        benign: &[&str],
        attacks: &[&str],
        rule: Option<u32>,
        prefix: Option<&str>,
    ) -> Proposal {
        let (benign, attacks) = (named(benign), named(attacks));
        let wish = Wish { benign: &benign, attacks: &attacks, rule, prefix, id: 100 };
        propose(&wish, &Circumstances::at(0), &compile).unwrap()
    }

    fn found(proposal: Proposal) -> Exception {
        let Proposal::Found(exception) = proposal else { panic!("{proposal:?}") };
        exception
    }

    #[test]
    fn the_exception_is_the_rule_the_path_and_the_argument() {
        let attacks = ["GET /x?note=union", "GET /orders?q=union", "GET /?a=b"];
        let own = found(proposal(&["GET /orders?note=Credit+Union&a=b"], &attacks, None, None));
        assert_eq!(
            own.text,
            "# rule 2 does not look at ARGS:note on /orders\n\
             SecRule REQUEST_FILENAME \"@streq /orders\" \"id:100,phase:1,pass,nolog,t:none,ctl:ruleRemoveTargetById=2;ARGS:note\"\n"
        );
        assert_eq!((own.attacks_blocked, own.attacks_unblocked), (2, 1));
    }

    #[test]
    fn ids_that_are_free() {
        let free = |ids: &str| free_id(&compile(ids).unwrap());
        assert_eq!(free(""), 10_000);
        let text = "SecAction \"id:10000,phase:1,pass\"\nSecAction \"id:10040,phase:1,pass\"\nSecAction \"id:11000,phase:1,pass\"";
        assert_eq!(free(text), 10_041);
    }

    #[test]
    fn a_proposal_is_told() {
        let (benign, attacks) = (named(&["GET /o?n=union"]), named(&["GET /?a=union", "GET /"]));
        let wish = Wish { benign: &benign, attacks: &attacks, rule: None, prefix: None, id: 1_000 };
        let proposal = propose(&wish, &Circumstances::at(0), &compile).unwrap();
        let text = proposal.text(&wish);
        assert!(text.starts_with("PROPOSED\n  rule 2 does not look at ARGS:n on /o\n"), "{text}");
        assert!(
            text.ends_with("still blocked are 1 of 2 attacks; 1 were not blocked before either\n")
        );
        assert_eq!(proposal.json(&wish)["attacks"]["blocked"], 1);
        let refused = Proposal::Refused(vec!["\u{1b}x".to_owned()]);
        assert_eq!(refused.text(&wish), "NOT PROPOSED: no exception holds\n  \\x1bx\n");
        assert!(Proposal::NotNeeded.text(&wish).contains("the benign request passes as it is"));
        let taken = Wish { id: 2, ..wish };
        let errors = propose(&taken, &Circumstances::at(0), &compile).unwrap_err();
        assert!(errors[0].to_string().contains("rule id 2 is taken"), "{errors:?}");
    }

    #[test]
    fn what_is_not_needed_is_not_excepted() {
        assert_eq!(proposal(&["GET /orders?note=1"], &[], None, None), Proposal::NotNeeded);
        let own = found(proposal(&["GET /a?b=select+union"], &[], None, None));
        assert!(own.text.contains("=2;ARGS:b") && !own.text.contains("=3;"), "{}", own.text);
    }

    #[test]
    fn an_attack_that_would_pass_is_named_and_nothing_is_proposed() {
        let refused = proposal(&["GET /o?note=Union"], &["GET /o?note=1+union+2"], None, None);
        let wanted = vec!["the attack `GET /o?note=1+union+2` would pass".to_owned()];
        assert_eq!(refused, Proposal::Refused(wanted));
    }

    #[test]
    fn several_requests_prefixes_and_lists() {
        let own = found(proposal(&["GET /a?n=union", "GET /b?n=union"], &[], None, None));
        assert!(own.text.contains("id:100,") && own.text.contains("id:101,"), "{}", own.text);
        let below = ["GET /o/1?n=union", "GET /o/2?n=union"];
        let own = found(proposal(&below, &[], None, Some("/o/")));
        assert!(own.text.contains("\"@beginsWith /o/\"") && own.words.len() == 1, "{}", own.text);
        let list = found(proposal(&["GET /a?n.0.x=union&n.1.x=union"], &[], None, None));
        assert!(list.text.contains("ARGS:/^n\\x2e[0-9]+\\x2ex$/"), "{}", list.text);
        let odd = found(proposal(&["GET /a?n%2c%22x=union"], &[], None, None));
        assert!(odd.text.contains("ARGS:/^n\\x2c\\x22x$/"), "{}", odd.text);
        let name = found(proposal(&["GET /a?union=1"], &[], None, None));
        assert!(name.text.contains("ARGS_NAMES:union"), "{}", name.text);
    }

    #[test]
    fn what_has_no_name_is_cut_as_a_whole() {
        let own = found(proposal(&["PUT /a"], &["PUT /b"], None, None));
        assert!(own.text.contains("ctl:ruleRemoveTargetById=4;REQUEST_METHOD"), "{}", own.text);
        let own = found(proposal(&["DELETE /a?b=1"], &["DELETE /b?b=1"], None, None));
        assert!(own.text.contains("ctl:ruleRemoveById=5\""), "{}", own.text);
    }

    #[test]
    fn one_rule_alone_may_not_be_enough() {
        let refused = proposal(&["GET /a?b=union"], &[], Some(3), None);
        assert!(matches!(refused, Proposal::Refused(why) if why[0].contains("no rule")));
        let refused = proposal(&["GET /a'b?b=union"], &[], None, None);
        assert!(matches!(refused, Proposal::Refused(why) if why[0].contains("cannot be written")));
        let refused = proposal(&["GET /a?b=union"], &[], None, Some("/o"));
        assert!(matches!(refused, Proposal::Refused(why) if why[0].contains("does not begin")));
    }
}

//! A second evaluator: the language's meaning in the plainest words, with text where the engine has
//! interned numbers, and with matchers written out by hand where it has automata.
//!
//! What it means: rules in file order, phase by phase; the values of a rule's targets are taken before any
//! of them acts; every value that matches acts in turn; a chain matches when all its links do, and
//! what earlier links did stays done.

use std::fmt::Write as _;

/// Collections that random rules look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collection {
    Args,
    ArgsNames,
    Headers,
    Cookies,
    Tx,
}

impl Collection {
    pub(crate) const ALL: &'static [Self] =
        &[Self::Args, Self::ArgsNames, Self::Headers, Self::Cookies, Self::Tx];

    fn name(self) -> &'static str {
        match self {
            Self::Args => "ARGS",
            Self::ArgsNames => "ARGS_NAMES",
            Self::Headers => "REQUEST_HEADERS",
            Self::Cookies => "REQUEST_COOKIES",
            Self::Tx => "TX",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Select {
    All,
    Key(&'static str),
    /// `/^x/`
    Beginning(&'static str),
}

impl Select {
    fn takes(&self, name: &[u8]) -> bool {
        let lower = name.to_ascii_lowercase();
        match self {
            Self::All => true,
            Self::Key(key) => lower == key.to_ascii_lowercase().as_bytes(),
            Self::Beginning(start) => lower.starts_with(start.to_ascii_lowercase().as_bytes()),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) collection: Collection,
    pub(crate) select: Select,
    pub(crate) count: bool,
}

impl Target {
    fn shown(&self) -> String {
        let name = self.collection.name();
        let count = if self.count { "&" } else { "" };
        match &self.select {
            Select::All => format!("{count}{name}"),
            Select::Key(key) => format!("{count}{name}:{key}"),
            Select::Beginning(start) => format!("{count}{name}:/^{start}/"),
        }
    }
}

/// A text with at most one hole.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) before: &'static str,
    pub(crate) hole: Option<Hole>,
    pub(crate) after: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Hole {
    Tx(&'static str),
    Arg(&'static str),
    MatchedVar,
    MatchedVarName,
}

impl Text {
    fn shown(&self) -> String {
        let hole = match self.hole {
            None => String::new(),
            Some(Hole::Tx(name)) => format!("%{{tx.{name}}}"),
            Some(Hole::Arg(name)) => format!("%{{ARGS.{name}}}"),
            Some(Hole::MatchedVar) => "%{MATCHED_VAR}".to_owned(),
            Some(Hole::MatchedVarName) => "%{MATCHED_VAR_NAME}".to_owned(),
        };
        format!("{}{hole}{}", self.before, self.after)
    }
}

/// Patterns with what they find, written out by hand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pattern {
    /// `a`
    Letter,
    /// `^a`
    AtStart,
    /// `b$`
    AtEnd,
    /// `(a)(b)?`
    Optional,
    /// `(a+)b`
    Run,
    /// `([ab])(1)`
    Pair,
    /// `^$`
    Empty,
}

type Groups = Vec<Option<(usize, usize)>>;

impl Pattern {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Letter,
        Self::AtStart,
        Self::AtEnd,
        Self::Optional,
        Self::Run,
        Self::Pair,
        Self::Empty,
    ];

    fn shown(self) -> &'static str {
        match self {
            Self::Letter => "a",
            Self::AtStart => "^a",
            Self::AtEnd => "b$",
            Self::Optional => "(a)(b)?",
            Self::Run => "(a+)b",
            Self::Pair => "([ab])(1)",
            Self::Empty => "^$",
        }
    }

    fn find(self, value: &[u8]) -> Option<Groups> {
        let first = |byte: u8| value.iter().position(|&other| other == byte);
        match self {
            Self::Letter => first(b'a').map(|at| vec![Some((at, at + 1))]),
            Self::AtStart => value.starts_with(b"a").then(|| vec![Some((0, 1))]),
            Self::AtEnd => {
                let end = value.len();
                value.ends_with(b"b").then(|| vec![Some((end - 1, end))])
            }
            Self::Optional => first(b'a').map(|at| {
                let second = (value.get(at + 1) == Some(&b'b')).then_some((at + 1, at + 2));
                vec![Some((at, at + 1 + usize::from(second.is_some()))), Some((at, at + 1)), second]
            }),
            Self::Run => (0..value.len()).find_map(|at| {
                let length = value[at..].iter().take_while(|&&byte| byte == b'a').count();
                let end = at + length;
                (length > 0 && value.get(end) == Some(&b'b'))
                    .then(|| vec![Some((at, end + 1)), Some((at, end))])
            }),
            Self::Pair => (1..value.len()).find_map(|at| {
                (matches!(value[at - 1], b'a' | b'b') && value[at] == b'1')
                    .then(|| vec![Some((at - 1, at + 1)), Some((at - 1, at)), Some((at, at + 1))])
            }),
            Self::Empty => value.is_empty().then(|| vec![Some((0, 0))]),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Operator {
    Rx(Pattern),
    Contains(Text),
    Equal(Text),
    BeginsWith(Text),
    EndsWith(Text),
    Within(Text),
    Phrases(&'static str, &'static str),
    Eq(Text),
    Ge(Text),
    Gt(Text),
}

impl Operator {
    fn shown(&self) -> String {
        match self {
            Self::Rx(pattern) => format!("@rx {}", pattern.shown()),
            Self::Contains(text) => format!("@contains {}", text.shown()),
            Self::Equal(text) => format!("@streq {}", text.shown()),
            Self::BeginsWith(text) => format!("@beginsWith {}", text.shown()),
            Self::EndsWith(text) => format!("@endsWith {}", text.shown()),
            Self::Within(text) => format!("@within {}", text.shown()),
            Self::Phrases(one, two) => format!("@pm {one} {two}"),
            Self::Eq(text) => format!("@eq {}", text.shown()),
            Self::Ge(text) => format!("@ge {}", text.shown()),
            Self::Gt(text) => format!("@gt {}", text.shown()),
        }
    }

    fn find(&self, value: &[u8], expand: &dyn Fn(&Text) -> Vec<u8>) -> Option<Groups> {
        let bare = |holds: bool| holds.then(Vec::new);
        let number = |text: &Text| integer(&expand(text));
        match self {
            Self::Rx(pattern) => pattern.find(value),
            Self::Contains(text) => bare(holds_within(value, &expand(text))),
            Self::Equal(text) => bare(value == expand(text)),
            Self::BeginsWith(text) => bare(value.starts_with(&expand(text))),
            Self::EndsWith(text) => bare(value.ends_with(&expand(text))),
            Self::Within(text) => bare(holds_within(&expand(text), value)),
            Self::Phrases(one, two) => {
                // The phrase that ends first; of two that end there, the longer.
                let lower = value.to_ascii_lowercase();
                (0..=lower.len()).find_map(|end| {
                    let ends = |phrase: &&&str| lower[..end].ends_with(phrase.as_bytes());
                    let found = [one, two].into_iter().filter(ends).max_by_key(|one| one.len())?;
                    Some(vec![Some((end - found.len(), end))])
                })
            }
            Self::Eq(text) => bare(integer(value) == number(text)),
            Self::Ge(text) => bare(integer(value) >= number(text)),
            Self::Gt(text) => bare(integer(value) > number(text)),
        }
    }
}

fn holds_within(whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}

/// As C reads a number.
fn integer(text: &[u8]) -> i64 {
    let text: String = text.iter().map(|&byte| char::from(byte)).collect();
    let text = text.trim_start_matches([' ', '\t']);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    // More digits than fit are the greatest number.
    let number = if end == 0 { 0 } else { digits[..end].parse().unwrap_or(i64::MAX) };
    sign * number
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Lowercase,
    UrlDecodeUni,
    RemoveNulls,
    HtmlEntityDecode,
    Trim,
    CompressWhitespace,
}

impl Step {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Lowercase,
        Self::UrlDecodeUni,
        Self::RemoveNulls,
        Self::HtmlEntityDecode,
        Self::Trim,
        Self::CompressWhitespace,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Lowercase => "lowercase",
            Self::UrlDecodeUni => "urlDecodeUni",
            Self::RemoveNulls => "removeNulls",
            Self::HtmlEntityDecode => "htmlEntityDecode",
            Self::Trim => "trim",
            Self::CompressWhitespace => "compressWhitespace",
        }
    }

    fn apply(self, value: &[u8]) -> Vec<u8> {
        let text: String = value.iter().map(|&byte| char::from(byte)).collect();
        let out: String = match self {
            Self::Lowercase => text.to_ascii_lowercase(),
            Self::RemoveNulls => text.replace('\0', ""),
            Self::Trim => text.trim_matches([' ', '\t']).to_owned(),
            Self::CompressWhitespace => {
                let mut out = text.replace('\t', " ");
                while out.contains("  ") {
                    out = out.replace("  ", " ");
                }
                out
            }
            Self::UrlDecodeUni => url_decoded(&text),
            Self::HtmlEntityDecode => html_decoded(&text),
        };
        out.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
    }
}

fn hex(text: &str) -> Option<char> {
    let plain = text.chars().all(|c| c.is_ascii_hexdigit());
    let number = plain.then(|| u32::from_str_radix(text, 16).ok()).flatten()?;
    char::from_u32(number & 0xff)
}

fn url_decoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (character, used) = match rest {
            _ if first == '+' => (' ', 1),
            _ if (rest.starts_with("%u") || rest.starts_with("%U"))
                && rest.get(2..6).and_then(hex).is_some() =>
            {
                (hex(&rest[2..6]).unwrap(), 6)
            }
            _ if first == '%' && rest.get(1..3).and_then(hex).is_some() => {
                (hex(&rest[1..3]).unwrap(), 3)
            }
            _ => (first, first.len_utf8()),
        };
        out.push(character);
        rest = &rest[used..];
    }
    out
}

fn html_decoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word: String =
            rest[first.len_utf8()..].chars().take_while(char::is_ascii_alphanumeric).collect();
        let digits: String = rest.chars().skip(2).take_while(char::is_ascii_digit).collect();
        let named = [("lt", '<'), ("gt", '>'), ("amp", '&'), ("quot", '"'), ("nbsp", '\u{a0}')];
        let found = named.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        let (character, used) = match (first, found) {
            ('&', Some((_, character))) => (*character, 1 + word.len()),
            ('&', None) if rest.starts_with("&#") && !digits.is_empty() => {
                let number: u32 = digits.parse().unwrap();
                (char::from_u32(number & 0xff).unwrap(), 2 + digits.len())
            }
            _ => (first, first.len_utf8()),
        };
        out.push(character);
        rest = &rest[used..];
        if used > first.len_utf8() {
            rest = rest.strip_prefix(';').unwrap_or(rest);
        }
    }
    out
}

#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Set(&'static str, Text),
    /// The name has a hole as well.
    SetNamed(Text, Text),
    Add(&'static str, Text),
    Subtract(&'static str, Text),
    Remove(&'static str),
    RemoveRules(u32, u32),
    RemoveTarget(u32, u32, Target),
}

impl Effect {
    fn shown(&self) -> String {
        match self {
            Self::Set(name, text) => format!("setvar:'tx.{name}={}'", text.shown()),
            Self::SetNamed(name, text) => format!("setvar:'tx.{}={}'", name.shown(), text.shown()),
            Self::Add(name, text) => format!("setvar:'tx.{name}=+{}'", text.shown()),
            Self::Subtract(name, text) => format!("setvar:'tx.{name}=-{}'", text.shown()),
            Self::Remove(name) => format!("setvar:!tx.{name}"),
            Self::RemoveRules(first, last) => format!("ctl:ruleRemoveById={first}-{last}"),
            Self::RemoveTarget(first, last, target) => {
                format!("ctl:ruleRemoveTargetById={first}-{last};{}", target.shown())
            }
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) targets: Vec<Target>,
    pub(crate) exclusions: Vec<Target>,
    pub(crate) operator: Operator,
    pub(crate) negated: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) multi_match: bool,
    pub(crate) capture: bool,
    pub(crate) effects: Vec<Effect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disruption {
    Pass,
    Deny,
    Allow,
    AllowPhase,
    AllowRequest,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Flow {
    Next,
    Skip(usize),
    /// To the marker that stands so many places behind, or to the last one.
    SkipAfter(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) phase: u8,
    pub(crate) links: Vec<Link>,
    pub(crate) disruption: Disruption,
    pub(crate) flow: Flow,
    /// Its matches are not recorded.
    pub(crate) quiet: bool,
    /// A marker stands behind it.
    pub(crate) marked: bool,
}

/// The marker that a `skipAfter` at this place goes to: the number of a rule.
fn marker(rules: &[Rule], at: usize, ahead: usize) -> usize {
    let mut behind = (at..rules.len()).filter(|&place| rules[place].marked);
    behind.nth(ahead).unwrap_or(rules.len())
}

/// The file: rules have the ids 1, 2, 3…
pub(crate) fn written(rules: &[Rule]) -> String {
    let mut out = String::new();
    for (at, rule) in rules.iter().enumerate() {
        for (place, link) in rule.links.iter().enumerate() {
            let mut actions = Vec::new();
            if place == 0 {
                actions.push(format!("id:{},phase:{}", at + 1, rule.phase));
                actions.push(match rule.disruption {
                    Disruption::Pass => "pass".to_owned(),
                    Disruption::Deny => "deny,status:403".to_owned(),
                    Disruption::Allow => "allow".to_owned(),
                    Disruption::AllowPhase => "allow:phase".to_owned(),
                    Disruption::AllowRequest => "allow:request".to_owned(),
                });
                actions.extend(rule.quiet.then(|| "nolog".to_owned()));
                match rule.flow {
                    Flow::Next => {}
                    Flow::Skip(count) => actions.push(format!("skip:{count}")),
                    Flow::SkipAfter(ahead) => {
                        actions.push(format!("skipAfter:M{}", marker(rules, at, ahead)));
                    }
                }
            }
            let targets = link.targets.iter().map(Target::shown);
            let targets =
                targets.chain(link.exclusions.iter().map(|one| format!("!{}", one.shown())));
            actions.extend(link.steps.iter().map(|step| format!("t:{}", step.name())));
            actions.extend(link.multi_match.then(|| "multiMatch".to_owned()));
            actions.extend(link.capture.then(|| "capture".to_owned()));
            actions.extend(link.effects.iter().map(Effect::shown));
            actions.extend((place + 1 < rule.links.len()).then(|| "chain".to_owned()));
            let not = if link.negated { "!" } else { "" };
            let targets = targets.collect::<Vec<_>>().join("|");
            let question = link.operator.shown();
            writeln!(out, "SecRule {targets} \"{not}{question}\" \"{}\"", actions.join(","))
                .unwrap();
        }
        if rule.marked {
            writeln!(out, "SecMarker M{at}").unwrap();
        }
    }
    writeln!(out, "SecMarker M{}", rules.len()).unwrap();
    out
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A request, already read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Input {
    pub(crate) query: Pairs,
    pub(crate) form: Pairs,
    pub(crate) headers: Pairs,
    pub(crate) cookies: Pairs,
}

/// A rule that matched: its id, and name and value of what matched last.
pub(crate) type Match = (u32, Vec<u8>, Vec<u8>);

#[derive(Clone)]
struct Value {
    collection: Collection,
    name: Option<Vec<u8>>,
    bytes: Vec<u8>,
}

impl Value {
    fn full_name(&self) -> Vec<u8> {
        let mut name = self.collection.name().as_bytes().to_vec();
        if let Some(key) = &self.name {
            name.push(b':');
            name.extend_from_slice(key);
        }
        name
    }
}

/// The evaluator.
#[derive(Default)]
pub(crate) struct Naive {
    input: Input,
    args: Pairs,
    /// Names in lower case, in the order in which they came to be.
    pub(crate) tx: Pairs,
    matched: Vec<(Vec<u8>, Vec<u8>)>,
    removed: Vec<(u32, u32)>,
    removed_targets: Vec<(u32, u32, Target)>,
    allowed: Option<Disruption>,
    pub(crate) matches: Vec<Match>,
    pub(crate) denied_by: Option<u32>,
}

impl Naive {
    /// Phases 1 and 2.
    pub(crate) fn evaluate(rules: &[Rule], input: &Input) -> Self {
        let mut own = Self { input: input.clone(), args: input.query.clone(), ..Self::default() };
        own.phase(rules, 1);
        if own.denied_by.is_none() {
            own.args.extend(input.form.iter().cloned());
            own.phase(rules, 2);
        }
        own
    }

    fn phase(&mut self, rules: &[Rule], phase: u8) {
        if matches!(self.allowed, Some(Disruption::Allow | Disruption::AllowRequest)) {
            return;
        }
        let mut at = 0;
        let mut to_skip = 0;
        while at < rules.len() {
            let rule = &rules[at];
            let id = u32::try_from(at + 1).unwrap();
            at += 1;
            if rule.phase != phase {
                continue;
            }
            if to_skip > 0 {
                to_skip -= 1;
                continue;
            }
            if !self.matches_whole(id, rule) {
                continue;
            }
            let (name, value) = self.matched.last().cloned().unwrap_or_default();
            if !rule.quiet {
                self.matches.push((id, name, value));
            }
            match rule.disruption {
                Disruption::Pass => {}
                Disruption::Deny => {
                    self.denied_by = Some(id);
                    return;
                }
                Disruption::Allow | Disruption::AllowPhase | Disruption::AllowRequest => {
                    self.allowed = Some(rule.disruption);
                    return;
                }
            }
            match rule.flow {
                Flow::Next => {}
                Flow::Skip(count) => to_skip = count,
                Flow::SkipAfter(ahead) => at = marker(rules, at - 1, ahead).saturating_add(1),
            }
        }
    }

    fn matches_whole(&mut self, id: u32, rule: &Rule) -> bool {
        if self.removed.iter().any(|(first, last)| (*first..=*last).contains(&id)) {
            return false;
        }
        self.matched.clear();
        rule.links.iter().all(|link| self.link(id, link))
    }

    fn link(&mut self, id: u32, link: &Link) -> bool {
        let mut values: Vec<Value> = link.targets.iter().flat_map(|one| self.select(one)).collect();
        let ctl =
            self.removed_targets.iter().filter(|(first, last, _)| (*first..=*last).contains(&id));
        let excluded: Vec<Target> = link
            .exclusions
            .iter()
            .cloned()
            .chain(ctl.map(|(_, _, target)| target.clone()))
            .collect();
        values.retain(|value| {
            !excluded.iter().any(|one| {
                one.collection == value.collection
                    && match (&one.select, &value.name) {
                        (Select::All, _) => true,
                        (_, Some(name)) => one.select.takes(name),
                        (_, None) => false,
                    }
            })
        });
        let mut any = false;
        for value in values {
            let mut stages = vec![value.bytes.clone()];
            for step in &link.steps {
                let next = step.apply(stages.last().unwrap());
                stages.push(next);
            }
            if link.multi_match {
                stages.dedup();
            } else {
                stages.drain(..stages.len() - 1);
            }
            for stage in stages {
                any |= self.ask(link, &value, &stage);
            }
        }
        any
    }

    fn ask(&mut self, link: &Link, value: &Value, stage: &[u8]) -> bool {
        let found = link.operator.find(stage, &|text| self.expand(text));
        if found.is_some() == link.negated {
            return false;
        }
        self.matched.push((value.full_name(), stage.to_vec()));
        if link.capture {
            let groups = if link.negated { Vec::new() } else { found.unwrap_or_default() };
            for number in 0..10 {
                let text = groups.get(number).copied().flatten();
                let name = number.to_string();
                match text {
                    Some((from, to)) => self.set(name.as_bytes(), stage[from..to].to_vec()),
                    None => self.unset(name.as_bytes()),
                }
            }
        }
        for effect in &link.effects {
            self.act(effect);
        }
        true
    }

    fn act(&mut self, effect: &Effect) {
        match effect {
            Effect::Set(name, text) => self.set(name.as_bytes(), self.expand(text)),
            Effect::SetNamed(name, text) => self.set(&self.expand(name), self.expand(text)),
            Effect::Add(name, text) => self.add(name, integer(&self.expand(text))),
            Effect::Subtract(name, text) => self.add(name, -integer(&self.expand(text))),
            Effect::Remove(name) => self.unset(name.as_bytes()),
            Effect::RemoveRules(first, last) => self.removed.push((*first, *last)),
            Effect::RemoveTarget(first, last, target) => {
                self.removed_targets.push((*first, *last, target.clone()));
            }
        }
    }

    fn add(&mut self, name: &str, amount: i64) {
        let sum = integer(&self.tx(name).unwrap_or_default()).saturating_add(amount);
        self.set(name.as_bytes(), sum.to_string().into_bytes());
    }

    fn tx(&self, name: &str) -> Option<Vec<u8>> {
        let lower = name.to_ascii_lowercase().into_bytes();
        self.tx.iter().find(|(key, _)| *key == lower).map(|(_, value)| value.clone())
    }

    fn set(&mut self, name: &[u8], value: Vec<u8>) {
        let lower = name.to_ascii_lowercase();
        match self.tx.iter_mut().find(|(key, _)| *key == lower) {
            Some(entry) => entry.1 = value,
            None => self.tx.push((lower, value)),
        }
    }

    fn unset(&mut self, name: &[u8]) {
        let lower = name.to_ascii_lowercase();
        self.tx.retain(|(key, _)| *key != lower);
    }

    fn expand(&self, text: &Text) -> Vec<u8> {
        let hole = match text.hole {
            None => None,
            Some(Hole::Tx(name)) => self.tx(name),
            Some(Hole::Arg(name)) => self
                .args
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
                .map(|(_, value)| value.clone()),
            Some(Hole::MatchedVar) => self.matched.last().map(|(_, value)| value.clone()),
            Some(Hole::MatchedVarName) => self.matched.last().map(|(name, _)| name.clone()),
        };
        [text.before.as_bytes(), &hole.unwrap_or_default(), text.after.as_bytes()].concat()
    }

    fn select(&self, target: &Target) -> Vec<Value> {
        let members = match target.collection {
            Collection::Args | Collection::ArgsNames => &self.args,
            Collection::Headers => &self.input.headers,
            Collection::Cookies => &self.input.cookies,
            Collection::Tx => &self.tx,
        };
        let taken = members.iter().filter(|(name, _)| target.select.takes(name));
        let collection = target.collection;
        if target.count {
            let name = match target.select {
                Select::Key(key) => Some(key.to_ascii_lowercase().into_bytes()),
                Select::All | Select::Beginning(_) => None,
            };
            let value = taken.count().to_string().into_bytes();
            return vec![Value { collection, name, bytes: value }];
        }
        taken
            .map(|(name, value)| Value {
                collection,
                name: Some(name.clone()),
                bytes: if collection == Collection::ArgsNames {
                    name.clone()
                } else {
                    value.clone()
                },
            })
            .collect()
    }
}

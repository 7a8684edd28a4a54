//! The engine and the naive evaluator agree on random rules and requests, made of so few words that
//! matches are common.

use crate::naive::{
    Collection, Disruption, Effect, Flow, Hole, Input, Link, Naive, Operator, Pattern, Rule,
    Select, Step, Target, Text, written,
};
use crate::{Request, rules, run};
use burgrave_seclang::Disruption as Answer;
use proptest::prelude::*;

const NAMES: &[&str] = &["a", "b", "B", "ab", "1"];
const WORDS: &[&str] = &["", "a", "b", "ab", "A", "1", "2", "aab", "b1"];
const PIECES: &[&str] = &[
    "a", "b", "A", "B", "1", "-2", " ", "\t", "\0", "%61", "%u0041", "+", "&#98;", "&lt", "&", ";",
    "%",
];
/// Members of `TX` whose values are compared.
const SHOWN: &[&str] = &["a", "b", "ab", "1", "0", "2", "k", "ka", "kb", "k1", "kab", "kargs:a"];

fn one_of<T: Clone + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}

fn target(counts: bool) -> impl Strategy<Value = Target> {
    let select = prop_oneof![
        2 => Just(Select::All),
        2 => one_of(NAMES).prop_map(Select::Key),
        1 => one_of(&["a", "B"]).prop_map(Select::Beginning),
    ];
    let count = if counts { prop::bool::weighted(0.2).boxed() } else { Just(false).boxed() };
    (one_of(Collection::ALL), select, count).prop_map(|(collection, select, count)| Target {
        collection,
        select,
        count,
    })
}

fn text() -> impl Strategy<Value = Text> {
    let hole = prop_oneof![
        one_of(NAMES).prop_map(Hole::Tx),
        one_of(NAMES).prop_map(Hole::Arg),
        Just(Hole::MatchedVar),
        Just(Hole::MatchedVarName),
    ];
    (one_of(WORDS), prop::option::weighted(0.4, hole), one_of(&["", "", "a", "1"]))
        .prop_map(|(before, hole, after)| Text { before, hole, after })
}

fn operator() -> impl Strategy<Value = Operator> {
    prop_oneof![
        4 => one_of(Pattern::ALL).prop_map(Operator::Rx),
        1 => text().prop_map(Operator::Contains),
        1 => text().prop_map(Operator::Equal),
        1 => text().prop_map(Operator::BeginsWith),
        1 => text().prop_map(Operator::EndsWith),
        1 => text().prop_map(Operator::Within),
        1 => one_of(&[("a", "b"), ("ab", "b"), ("b1", "aa"), ("aab", "ab")])
            .prop_map(|(one, two)| Operator::Phrases(one, two)),
        1 => text().prop_map(Operator::Eq),
        1 => text().prop_map(Operator::Ge),
        1 => text().prop_map(Operator::Gt),
    ]
}

fn effect() -> impl Strategy<Value = Effect> {
    let range = (1..9_u32, 0..3_u32);
    prop_oneof![
        3 => (one_of(NAMES), text()).prop_map(|(name, text)| Effect::Set(name, text)),
        1 => (text(), text()).prop_map(|(mut name, text)| {
            (name.before, name.after) = ("k", "");
            Effect::SetNamed(name, text)
        }),
        2 => (one_of(NAMES), text()).prop_map(|(name, text)| Effect::Add(name, text)),
        1 => (one_of(NAMES), text()).prop_map(|(name, text)| Effect::Subtract(name, text)),
        1 => one_of(NAMES).prop_map(Effect::Remove),
        1 => range.clone().prop_map(|(first, more)| Effect::RemoveRules(first, first + more)),
        1 => (range, target(false))
            .prop_map(|((first, more), target)| Effect::RemoveTarget(first, first + more, target)),
    ]
}

fn link() -> impl Strategy<Value = Link> {
    let several =
        |strategy: BoxedStrategy<Target>, range| proptest::collection::vec(strategy, range);
    (
        several(target(true).boxed(), 1..4),
        prop_oneof![2 => Just(Vec::new()), 1 => several(target(false).boxed(), 1..3)],
        operator(),
        prop::bool::weighted(0.2),
        proptest::collection::vec(one_of(Step::ALL), 0..4),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.3),
        proptest::collection::vec(effect(), 0..3),
    )
        .prop_map(
            |(targets, exclusions, operator, negated, steps, multi_match, capture, effects)| Link {
                targets,
                exclusions,
                operator,
                negated,
                steps,
                multi_match,
                capture,
                effects,
            },
        )
}

fn rule() -> impl Strategy<Value = Rule> {
    let links = prop_oneof![
        3 => proptest::collection::vec(link(), 1..2),
        1 => proptest::collection::vec(link(), 2..4),
    ];
    let disruption = prop_oneof![
        12 => Just(Disruption::Pass),
        1 => Just(Disruption::Deny),
        1 => one_of(&[Disruption::Allow, Disruption::AllowPhase, Disruption::AllowRequest]),
    ];
    let flow = prop_oneof![
        6 => Just(Flow::Next),
        1 => (1..3_usize).prop_map(Flow::Skip),
        1 => (0..2_usize).prop_map(Flow::SkipAfter),
    ];
    let switches = (prop::bool::weighted(0.3), prop::bool::weighted(0.2));
    (1..3_u8, links, disruption, flow, switches).prop_map(
        |(phase, links, disruption, flow, (quiet, marked))| Rule {
            phase,
            links,
            disruption,
            flow,
            quiet,
            marked,
        },
    )
}

fn number() -> impl Strategy<Value = Text> {
    one_of(&["0", "1", "2"]).prop_map(|before| Text { before, hole: None, after: "" })
}

/// A rule that asks for one member of `TX`, as those do with which rule sets read their own settings.
fn of_settings(
    phase: u8,
    count: bool,
    operator: Operator,
    flow: Flow,
    effects: Vec<Effect>,
) -> impl Strategy<Value = Rule> {
    (one_of(NAMES), prop::bool::weighted(0.3)).prop_map(move |(name, marked)| {
        let target = Target { collection: Collection::Tx, select: Select::Key(name), count };
        let link = Link {
            targets: vec![target],
            exclusions: Vec::new(),
            operator: operator.clone(),
            negated: false,
            steps: Vec::new(),
            multi_match: false,
            capture: false,
            effects: effects.clone(),
        };
        let disruption = Disruption::Pass;
        Rule { phase, links: vec![link], disruption, flow, quiet: true, marked }
    })
}

/// "If it is not set, set it", and "if it is that high, go on behind".
fn setting() -> impl Strategy<Value = Rule> {
    let sets = (1..3_u8, one_of(NAMES), number()).prop_flat_map(|(phase, name, text)| {
        let zero = Operator::Eq(Text { before: "0", hole: None, after: "" });
        of_settings(phase, true, zero, Flow::Next, vec![Effect::Set(name, text)])
    });
    let asks = prop_oneof![
        number().prop_map(Operator::Eq),
        number().prop_map(Operator::Ge),
        number().prop_map(Operator::Gt),
    ];
    let jumps = (1..3_u8, prop::bool::ANY, asks, 0..2_usize).prop_flat_map(
        |(phase, count, operator, ahead)| {
            of_settings(phase, count, operator, Flow::SkipAfter(ahead), Vec::new())
        },
    );
    prop_oneof![1 => sets, 1 => jumps]
}

/// A rule that notes what it meets under a name made of it, and looks at what it has noted.
fn noting() -> impl Strategy<Value = Rule> {
    let group = || {
        let hole = one_of(&["0", "0", "1"]).prop_map(|group| Some(Hole::Tx(group)));
        (hole, one_of(&["", "a", "1"])).prop_map(|(hole, after)| Text { before: "", hole, after })
    };
    let note = (group(), group()).prop_map(|(name, text)| {
        Effect::SetNamed(Text { before: "note_", after: "", ..name }, text)
    });
    let constant = || one_of(WORDS).prop_map(|before| Text { before, hole: None, after: "" });
    let looks = prop_oneof![
        one_of(Pattern::ALL).prop_map(Operator::Rx),
        constant().prop_map(Operator::Contains),
        constant().prop_map(Operator::Within),
        constant().prop_map(Operator::EndsWith),
    ];
    let plain = |target: &Target| target.collection != Collection::Tx;
    let targets = target(false).prop_filter("of the request", plain);
    let first = (
        proptest::collection::vec(targets, 1..3),
        one_of(Pattern::ALL),
        proptest::collection::vec(one_of(Step::ALL), 0..2),
        proptest::collection::vec(note, 1..3),
    );
    let both = (1..3_u8, first, looks, prop::bool::ANY, proptest::collection::vec(effect(), 0..2));
    both.prop_map(|(phase, (targets, pattern, steps, notes), operator, negated, effects)| {
        let link = |targets, operator, effects| Link {
            targets,
            exclusions: Vec::new(),
            operator,
            negated: false,
            steps: Vec::new(),
            multi_match: false,
            capture: false,
            effects,
        };
        let first = link(targets, Operator::Rx(pattern), notes);
        let select = Select::Beginning("note_");
        let notes = Target { collection: Collection::Tx, select, count: false };
        let links = vec![
            Link { steps, capture: true, ..first },
            Link { negated, ..link(vec![notes], operator, effects) },
        ];
        let (disruption, flow) = (Disruption::Pass, Flow::Next);
        Rule { phase, links, disruption, flow, quiet: false, marked: false }
    })
}

/// Several of these among others.
fn noting_set() -> impl Strategy<Value = Vec<Rule>> {
    let all = prop_oneof![2 => noting(), 1 => rule()];
    proptest::collection::vec(all, 1..4)
}

/// Some settings, then rules and jumps.
fn rule_set() -> impl Strategy<Value = Vec<Rule>> {
    let first = proptest::collection::vec(setting(), 0..4);
    let rest = proptest::collection::vec(prop_oneof![3 => rule(), 1 => setting()], 1..9);
    (first, rest).prop_map(|(first, rest)| [first, rest].concat())
}

fn pairs(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let value =
        proptest::collection::vec(one_of(pieces), 0..4).prop_map(|all| all.concat().into_bytes());
    let name = one_of(NAMES).prop_map(|name| name.as_bytes().to_vec());
    proptest::collection::vec((name, value), 0..4)
}

fn input() -> impl Strategy<Value = Input> {
    /// A semicolon ends a cookie.
    const COOKIE: &[&str] = &["a", "b", "A", "1", " ", "\0", "%61", "&#98", "+"];
    (pairs(PIECES), pairs(PIECES), pairs(PIECES), pairs(COOKIE)).prop_map(
        |(query, form, headers, mut cookies)| {
            // White space at the end of the header is no part of the last cookie.
            if let Some((_, value)) = cookies.last_mut() {
                *value = value.trim_ascii_end().to_vec();
            }
            Input { query, form, headers, cookies }
        },
    )
}

/// Every byte escaped, so that values may hold anything.
fn encoded(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let escaped = |text: &[u8]| text.iter().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let all: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    all.join("&").into_bytes()
}

/// The request that says what the input says.
fn request(input: &mut Input) -> Request {
    let mut request = Request::get("/?");
    request.target.extend(encoded(&input.query));
    request.body = encoded(&input.form);
    request.method = b"POST".to_vec();
    let form = (b"Content-Type".to_vec(), b"application/x-www-form-urlencoded".to_vec());
    input.headers.push(form);
    if !input.cookies.is_empty() {
        let jar = input.cookies.iter().map(|(name, value)| [&name[..], b"=", value].concat());
        let jar = jar.collect::<Vec<_>>().join(&b"; "[..]);
        input.headers.push((b"Cookie".to_vec(), jar));
    }
    request.headers.clone_from(&input.headers);
    request
}

/// Rules of phase 5 that show `TX` when all is done, or of it what has a known name.
fn shows(all_of_it: bool) -> String {
    let one = |(at, name): (usize, &&str)| {
        format!(
            "SecRule &TX:{name} \"@eq 1\" \"id:{},phase:5,pass,msg:'%{{tx.{name}}}'\"\n",
            9_000 + at
        )
    };
    let all = "SecRule &TX \"@ge 0\" \"id:9900,phase:5,pass,msg:'%{MATCHED_VAR}'\"\n";
    SHOWN.iter().enumerate().map(one).collect::<String>() + if all_of_it { all } else { "" }
}

fn cut(text: &[u8], most: usize) -> Vec<u8> {
    text[..text.len().min(most)].to_vec()
}

fn expected_shows(naive: &Naive, all_of_it: bool) -> Vec<(u32, Vec<u8>)> {
    let find = |name: &str| naive.tx.iter().find(|(key, _)| key == name.as_bytes());
    let mut all: Vec<(u32, Vec<u8>)> = SHOWN
        .iter()
        .zip(9_000..)
        .filter_map(|(name, id)| find(name).map(|(_, value)| (id, cut(value, 1024))))
        .collect();
    if all_of_it {
        all.push((9_900, naive.tx.len().to_string().into_bytes()));
    }
    all
}

fn agree(all: &[Rule], inputs: Vec<Input>, all_of_it: bool) -> Result<usize, TestCaseError> {
    let text = written(all) + &shows(all_of_it);
    let compiled = rules(&text);
    let mut matched = 0;
    // The second time much is remembered of each string, and the third what came of its matches.
    let again = [inputs.clone(), inputs.clone()].concat();
    for mut input in inputs.into_iter().chain(again) {
        let request = request(&mut input);
        let naive = Naive::evaluate(all, &input);
        let (interruption, record) = run(&compiled, &request);
        let (own, shown): (Vec<_>, Vec<_>) =
            record.matches.into_iter().partition(|found| found.phase < 5);
        let own: Vec<_> =
            own.into_iter().map(|found| (found.id, found.variable, found.matched)).collect();
        let expected: Vec<_> = naive
            .matches
            .iter()
            .map(|(id, name, value)| (*id, cut(name, 256), cut(value, 256)))
            .collect();
        prop_assert_eq!(own, expected, "what matched: {:#?}\n{}", input, text);
        let shown: Vec<_> = shown.into_iter().map(|found| (found.id, found.message)).collect();
        prop_assert_eq!(
            shown,
            expected_shows(&naive, all_of_it),
            "what TX holds: {:#?}\n{}",
            input,
            text
        );
        let denied = interruption.as_ref().map(|why| (why.rule, why.action.clone()));
        let expected = naive.denied_by.map(|id| (Some(id), Answer::Deny(403)));
        prop_assert_eq!(denied, expected, "what is refused: {:#?}\n{}", input, text);
        prop_assert_eq!(record.interruption, interruption);
        matched += naive.matches.len();
    }
    Ok(matched)
}

/// Rule sets, and requests against each.
const RULE_SETS: u32 = 4_000;
const REQUESTS: usize = 5;

/// Whether they agree on rule sets of a kind; were there hardly any matches, that would say nothing.
fn agree_on(sets: impl Strategy<Value = Vec<Rule>>, all_of_it: bool) {
    let config = ProptestConfig {
        cases: RULE_SETS,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..ProptestConfig::default()
    };
    let matched = std::cell::Cell::new(0);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let all = (sets, proptest::collection::vec(input(), REQUESTS..=REQUESTS));
    let outcome = runner.run(&all, |(all, inputs)| {
        matched.set(matched.get() + agree(&all, inputs, all_of_it)?);
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
    assert!(matched.get() > 10_000, "{} matches", matched.get());
}

#[test]
fn the_engine_and_the_naive_evaluator_agree() {
    agree_on(rule_set(), true);
}

#[test]
fn they_agree_on_rules_that_look_at_what_they_have_noted() {
    agree_on(noting_set(), false);
}

//! What happened within a transaction, step by step, for whoever wants a rule explained.
//!
//! A trace is asked for, one transaction at a time ([`crate::Transaction::trace`]), costs nothing where it
//! is not, and changes no answer. It is bounded in events and bytes; what is beyond is counted, not kept.
//! Rules that the first stage rules out do not appear, unless the rule set was compiled with
//! [`crate::Options::plain`].

use crate::interface::Disruption;
use burgrave_model::Mode;

/// Events that are kept.
const EVENTS_MAX: usize = 200_000;
/// Bytes of texts that are kept.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of one value that are kept.
const VALUE_BYTES_MAX: usize = 8 * 1024;

/// What of a transaction is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// Everything.
    #[default]
    All,
    /// Of values and rules only those of which an operator said yes; all others are counted.
    Matches,
    /// The same, and everything about one rule.
    Rule(u32),
}

/// A variable with what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// `ARGS:id`
    pub name: Vec<u8>,
    /// The value, cut to 8,192 bytes.
    pub value: Vec<u8>,
}

/// Where an argument stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The query string.
    Query,
    /// A body of form data.
    Form,
    /// A part of a multipart body.
    Multipart,
    /// A value of a JSON body.
    Json,
}

/// Why a rule was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// This directive removed it, such as `SecRuleRemoveById`.
    Directive(&'static str),
    /// `ctl:ruleRemoveById`, `…ByTag` or `…ByMsg`; the word is `ById`, `ByTag` or `ByMsg`.
    Control(&'static str),
    /// `skip` or `skipAfter` of an earlier rule.
    Skip,
    /// `allow` of an earlier rule.
    Allow,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A phase began; with the engine off nothing else happens in it.
    Phase(u8, Mode),
    /// An argument was read.
    Argument(Source, Named),
    /// A multipart body has this boundary; whether other parameters stand behind it.
    Boundary(Vec<u8>, bool),
    /// Something is odd about the body: the variable that says so.
    Odd(&'static str),
    /// The body could not be read as what it says it is.
    BodyError(String),
    /// A rule, or a link of a chain, is asked.
    Asks {
        /// The rule.
        id: u32,
        /// Position in the chain, from 0.
        link: usize,
        /// As written, such as `rx`; empty for `SecAction`.
        operator: String,
        /// `!@`
        negated: bool,
        /// Macros expanded.
        parameter: Vec<u8>,
        /// As written.
        targets: Vec<u8>,
    },
    /// A rule is not asked.
    Leaves(u32, LeftOut),
    /// A value is looked at.
    Value(Named),
    /// What a transformation made of it; the number counts the forms that `multiMatch` asks about.
    Step(usize, &'static str, Vec<u8>),
    /// The operator's answer about a value, after transformations.
    Answer {
        /// What was asked about.
        value: Named,
        /// Whether the rule takes it for a match: `!` is already applied.
        matched: bool,
        /// A text of the operator's own: the fingerprint of an injection.
        text: Option<Vec<u8>>,
        /// Where in the value the operator found something, and how many bytes each.
        places: Vec<(usize, usize)>,
    },
    /// The value that matched is not what the rule's confirmations (`SecRuleConfirmById`) want: it counts
    /// as not matching.
    Unconfirmed,
    /// The argument that matched is of the type that the application's profile declares: it counts as not
    /// matching. The type, and where it is declared.
    OfItsType(String),
    /// A part of the value was kept as `TX:n`.
    Captured(usize, Vec<u8>),
    /// A member of a collection was set, by its name with its collection; `None`: removed.
    Set(Vec<u8>, Option<Vec<u8>>),
    /// A kept collection was opened under this key.
    Opened(&'static str, Vec<u8>),
    /// A member ends after so many seconds.
    Expires(Vec<u8>, i64),
    /// A body is longer than its limit: whose, and whether it is refused for that.
    OverLimit(&'static str, bool),
    /// A control changed the transaction, as `ruleEngine=Off`.
    Control(String),
    /// The link's answer.
    Returned(u32, bool),
    /// The whole rule matched.
    Matched {
        /// The rule.
        id: u32,
        /// Whether that is recorded.
        logged: bool,
        /// Its message, expanded.
        message: Vec<u8>,
        /// Its `logdata`, expanded.
        data: Vec<u8>,
        /// Its severity.
        severity: Option<u8>,
        /// Its revision and version.
        made: [Vec<u8>; 2],
        /// Its tags, expanded.
        tags: Vec<Vec<u8>>,
    },
    /// The rule ended the request this way.
    Ended(u32, Disruption),
    /// The rule would have ended the request this way, were the engine not in detection mode.
    WouldEnd(u32, Disruption),
    /// The rule let the rest pass: of the transaction, request or phase.
    Allowed(u32, &'static str),
    /// A body is not inspected: whose, and why.
    NotInspected(&'static str, String),
}

/// The events of one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// In order.
    pub events: Vec<Event>,
    /// Events beyond the bound.
    pub missing: usize,
    /// Rules that were asked, whatever was kept of them.
    pub asked: usize,
    /// Values that they were asked about.
    pub values: usize,
    bytes: usize,
    focus: Focus,
    /// Everything about the rule that is asked is kept.
    keeps: bool,
    /// Where the events of the rule that is asked begin, while no value of it has matched.
    rule_from: Option<usize>,
    /// The same for the value.
    value_from: Option<usize>,
    /// Values of the line that is asked that were kept.
    kept: usize,
    /// Enough of them are.
    passes_over: bool,
}

impl Trace {
    /// Values of one line of a rule that are kept where not everything is in focus, so that a request with many
    /// cannot push out what is to be told of other rules.
    pub const VALUES_MAX: usize = 50;

    pub(crate) fn new(focus: Focus) -> Self {
        Self { focus, ..Self::default() }
    }

    pub(crate) fn push(&mut self, event: Event) {
        if self.is_dropped(&event) {
            return;
        }
        let bytes = event.bytes();
        if self.events.len() >= EVENTS_MAX || self.bytes + bytes > BYTES_MAX {
            self.missing += 1;
            return;
        }
        self.bytes += bytes;
        self.events.push(event);
    }

    /// Counts, and lets go of what the focus does not want, once that is known.
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not about values is kept")]
    fn is_dropped(&mut self, event: &Event) -> bool {
        match event {
            Event::Asks { link, id, .. } => {
                self.settle_value();
                (self.kept, self.passes_over) = (0, false);
                if *link == 0 {
                    self.asked += 1;
                    self.keeps = self.focus == Focus::All || self.focus == Focus::Rule(*id);
                    self.rule_from = (!self.keeps).then_some(self.events.len());
                }
            }
            Event::Value(_) => {
                self.settle_value();
                self.values += 1;
                self.passes_over = self.focus != Focus::All && self.kept >= Self::VALUES_MAX;
                self.kept += usize::from(self.keeps);
                self.value_from = (!self.keeps).then_some(self.events.len());
                return self.passes_over;
            }
            Event::Answer { matched, .. } => {
                if *matched {
                    self.rule_from = None;
                    self.kept += usize::from(self.value_from.take().is_some());
                }
                return self.passes_over;
            }
            Event::Step(..) | Event::Captured(..) | Event::Unconfirmed | Event::OfItsType(_) => {
                return self.passes_over;
            }
            Event::Returned(_, matched) => {
                self.settle_value();
                if let Some(from) = self.rule_from.take().filter(|_| !matched) {
                    self.forget(from);
                    return true;
                }
            }
            _ => {}
        }
        false
    }

    fn settle_value(&mut self) {
        if let Some(from) = self.value_from.take() {
            self.forget(from);
        }
    }

    fn forget(&mut self, from: usize) {
        let gone = self.events.get(from..).unwrap_or_default();
        self.bytes -= gone.iter().map(Event::bytes).sum::<usize>();
        self.events.truncate(from);
    }
}

impl Event {
    fn bytes(&self) -> usize {
        match self {
            Self::Phase(..)
            | Self::Odd(_)
            | Self::Unconfirmed
            | Self::Leaves(..)
            | Self::Returned(..)
            | Self::OverLimit(..)
            | Self::Allowed(..)
            | Self::WouldEnd(..)
            | Self::Ended(..) => 0,
            Self::Argument(_, named) | Self::Value(named) | Self::Answer { value: named, .. } => {
                named.name.len() + named.value.len()
            }
            Self::BodyError(text)
            | Self::Control(text)
            | Self::OfItsType(text)
            | Self::NotInspected(_, text) => text.len(),
            Self::Asks { operator, parameter, targets, .. } => {
                operator.len() + parameter.len() + targets.len()
            }
            Self::Step(_, _, text)
            | Self::Captured(_, text)
            | Self::Boundary(text, _)
            | Self::Opened(_, text)
            | Self::Expires(text, _) => text.len(),
            Self::Matched { message, data, tags, .. } => {
                message.len() + data.len() + tags.iter().map(Vec::len).sum::<usize>()
            }
            Self::Set(name, value) => name.len() + value.as_ref().map_or(0, Vec::len),
        }
    }
}

/// A value as a trace keeps it.
pub(crate) fn shown(value: &[u8]) -> Vec<u8> {
    value.get(..value.len().min(VALUE_BYTES_MAX)).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(id: u32) -> Event {
        let (operator, parameter, targets) = (String::new(), Vec::new(), Vec::new());
        Event::Asks { id, link: 0, operator, negated: false, parameter, targets }
    }

    fn answer(matched: bool) -> Event {
        Event::Answer { value: Named::default(), matched, places: Vec::new(), text: None }
    }

    #[test]
    fn a_focus_keeps_what_matched_and_counts_the_rest() {
        let kept = |focus| {
            let mut trace = Trace::new(focus);
            for (id, answers) in
                [(1, &[false, false][..]), (2, &[false, true, false]), (3, &[false])]
            {
                trace.push(asks(id));
                for matched in answers {
                    trace.push(Event::Value(Named { name: b"x".to_vec(), value: vec![b'v'; 9] }));
                    trace.push(answer(*matched));
                }
                trace.push(Event::Returned(id, id == 2));
            }
            assert_eq!((trace.asked, trace.values), (3, 6), "{focus:?}");
            assert_eq!(trace.bytes, trace.events.iter().map(Event::bytes).sum::<usize>());
            trace.events.len()
        };
        assert_eq!(kept(Focus::All), 18);
        assert_eq!(kept(Focus::Matches), 4, "rule, value, answer, end");
        assert_eq!(kept(Focus::Rule(3)), 8, "and all four of rule 3");
        let mut action = Trace::new(Focus::Matches);
        action.push(asks(4));
        action.push(Event::Returned(4, true));
        assert_eq!(action.events.len(), 2, "a rule without a question");
    }

    #[test]
    fn a_rule_with_many_values_leaves_room_for_others() {
        for (focus, wanted) in [(Focus::All, 1_000), (Focus::Matches, 50), (Focus::Rule(1), 50)] {
            let mut trace = Trace::new(focus);
            for id in [1, 2] {
                trace.push(asks(id));
                for _ in 0..1_000 {
                    trace.push(Event::Value(Named::default()));
                    trace.push(answer(true));
                    trace.push(Event::Set(Vec::new(), None));
                }
                trace.push(Event::Returned(id, true));
            }
            let count = |own: &dyn Fn(&Event) -> bool| {
                trace.events.iter().filter(|event| own(event)).count()
            };
            assert_eq!(count(&|event| matches!(event, Event::Value(_))), 2 * wanted, "{focus:?}");
            assert_eq!(count(&|event| matches!(event, Event::Answer { .. })), 2 * wanted);
            assert_eq!(
                count(&|event| matches!(event, Event::Set(..))),
                2_000,
                "what it did is kept"
            );
            assert_eq!(trace.values, 2_000);
        }
    }

    #[test]
    fn a_trace_is_bounded_and_counts_what_it_leaves_out() {
        let mut trace = Trace::default();
        for _ in 0..3 {
            trace.push(Event::Captured(0, vec![0; BYTES_MAX / 2]));
        }
        assert_eq!((trace.events.len(), trace.missing), (2, 1));
        for _ in 0..EVENTS_MAX {
            trace.push(Event::Returned(1, true));
        }
        assert_eq!((trace.events.len(), trace.missing), (EVENTS_MAX, 3));
        assert_eq!(shown(&[b'a'; VALUE_BYTES_MAX + 1]).len(), VALUE_BYTES_MAX);
    }
}

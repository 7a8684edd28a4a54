//! Telling a trace what happens. Nothing is made for it where nobody asked.

use super::Transaction;
use super::values::Value;
use crate::macros::Macro;
use crate::operator::Hit;
use crate::plan::{Control, Link, Rule};
use crate::ruleset::RuleSet;
use crate::stage::Step;
use crate::strings::StrId;
use crate::trace::{Event, Focus, LeftOut, Named, Source, Trace, shown};
use crate::transaction::state::Entry;
use crate::variable::Variable;

impl Transaction {
    /// Keeps what happens from now on in [`crate::Record::trace`].
    pub fn trace(&mut self) {
        self.trace_only(Focus::All);
    }

    /// The same, of what is in focus only: the bound lies much further off then.
    pub fn trace_only(&mut self, focus: Focus) {
        self.trace = Some(Box::new(Trace::new(focus)));
    }

    #[inline]
    pub(super) fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    #[inline]
    pub(super) fn tell(&mut self, make: impl FnOnce(&Self) -> Event) {
        if self.trace.is_some() {
            self.tell_now(make);
        }
    }

    /// Out of the way of those whom nobody asked.
    #[cold]
    #[inline(never)]
    fn tell_now(&mut self, make: impl FnOnce(&Self) -> Event) {
        let event = make(self);
        self.trace.get_or_insert_with(Box::<Trace>::default).push(event);
    }

    #[inline]
    pub(super) fn tell_argument(&mut self, source: Source, made: Entry) {
        self.tell(|own| {
            let [name, value] = [made.key, made.value].map(|id| shown(own.strings.get(id)));
            Event::Argument(source, Named { name, value })
        });
    }

    /// A link is asked.
    #[inline]
    pub(super) fn tell_asks(&mut self, rule: &Rule, position: usize, link: &Link) {
        self.tell(|own| {
            let written = &link.written;
            let parameter = link.operator.parameter().map(|text| shown(&own.expand(text)));
            Event::Asks {
                id: rule.id,
                link: position,
                operator: written.operator.clone(),
                negated: link.negated,
                parameter: parameter.unwrap_or_else(|| shown(&written.parameter)),
                targets: shown(&written.targets),
            }
        });
    }

    /// A rule that was taken out is not asked.
    #[inline]
    pub(super) fn tell_removed(&mut self, rule: &Rule) {
        self.tell(|own| {
            let removed = own.removed.iter().find(|selector| selector.selects(rule));
            let why = match (rule.removed, removed) {
                (Some(directive), _) => LeftOut::Directive(directive),
                (None, removed) => {
                    let directive = removed.map_or("", |selector| selector.removal());
                    LeftOut::Control(directive.strip_prefix("SecRuleRemove").unwrap_or_default())
                }
            };
            Event::Leaves(rule.id, why)
        });
    }

    /// Rules between two places of a phase are not asked.
    #[inline]
    pub(super) fn tell_skipped(&mut self, rules: &RuleSet, steps: &[Step], why: LeftOut) {
        if self.is_traced() {
            self.tell_each(rules, steps, why);
        }
    }

    #[cold]
    fn tell_each(&mut self, rules: &RuleSet, steps: &[Step], why: LeftOut) {
        for rule in steps.iter().filter_map(|step| rules.rules.get(step.rule)) {
            self.tell(|_| Event::Leaves(rule.id, why));
        }
    }

    /// A value, and what each transformation makes of it.
    #[inline]
    pub(super) fn tell_value(&mut self, rules: &RuleSet, link: &Link, value: &Value) {
        if self.is_traced() {
            self.tell_steps(rules, link, value);
        }
    }

    #[cold]
    fn tell_steps(&mut self, rules: &RuleSet, link: &Link, value: &Value) {
        self.tell(|own| Event::Value(own.named(value, value.value)));
        let mut last = value.value;
        let mut forms = 0;
        for &chain in rules.chains.prefixes(link.chain).iter().skip(1) {
            let Some(step) = rules.chains.node(chain).and_then(|node| node.steps.last()) else {
                continue;
            };
            let name = step.transformation.name();
            let after = self.transform(rules, chain, value.value);
            forms += usize::from(link.multi_match && after != last);
            last = after;
            self.tell(|own| Event::Step(forms, name, shown(own.strings.get(after))));
        }
    }

    /// The operator's answer.
    #[inline]
    pub(super) fn tell_answer(
        &mut self,
        link: &Link,
        value: &Value,
        transformed: StrId,
        found: Option<&Hit>,
    ) {
        self.tell(|own| {
            let groups = found.into_iter().flat_map(|hit| hit.groups.iter().chain([&hit.place]));
            let places = groups.flatten().filter(|_| !link.negated);
            Event::Answer {
                value: own.named(value, transformed),
                matched: found.is_some() != link.negated,
                text: found.and_then(|hit| hit.text.clone()),
                places: places.map(|place| (place.start, place.len())).collect(),
            }
        });
    }

    /// A whole rule matched.
    #[inline]
    pub(super) fn tell_matched(&mut self, rule: &Rule) {
        self.tell(|own| {
            let text = |text: &Option<Macro>| {
                text.as_ref().map(|text| shown(&own.expand(text))).unwrap_or_default()
            };
            let later = |pick: fn(&Link) -> Option<&Macro>| {
                let found = rule.links.iter().skip(1).find_map(pick);
                found.map(|text| shown(&own.expand(text))).unwrap_or_default()
            };
            let meta = &rule.meta;
            Event::Matched {
                id: rule.id,
                logged: rule.log,
                message: match &meta.message {
                    None => later(|link| link.message.as_ref()),
                    own => text(own),
                },
                data: match &meta.data {
                    None => later(|link| link.data.as_ref()),
                    own => text(own),
                },
                severity: meta.severity,
                made: [&meta.revision, &meta.version].map(|text| text.clone().unwrap_or_default()),
                tags: meta.tags.iter().map(|tag| shown(&own.expand(tag))).collect(),
            }
        });
    }

    /// A member of a collection has a new value, or none any more.
    #[inline]
    pub(super) fn tell_set(&mut self, collection: Variable, name: &[u8], value: Option<&[u8]>) {
        self.tell(|_| {
            let name = [collection.name().as_bytes(), name].join(&b':');
            Event::Set(shown(&name), value.map(shown))
        });
    }

    #[inline]
    pub(super) fn tell_control(&mut self, control: &Control) {
        self.tell(|_| Event::Control(control.to_string()));
    }

    fn named(&self, value: &Value, text: StrId) -> Named {
        let name = self.full_name(value.variable, value.key);
        Named { name: shown(&name), value: shown(self.strings.get(text)) }
    }
}

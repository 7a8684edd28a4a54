//! Values whose matches come to nothing, see [`crate::stage::Sequel`]: they are found out once, and no more asked.

use super::memo::Tables;
use super::values::Value;
use super::{Fault, Transaction};
use crate::plan::Link;
use crate::ruleset::RuleSet;

impl Transaction {
    /// Whether each of these values says no to a line, or its yes comes to nothing, as is known of all of them. Then
    /// what the last match captures is all that is left of the line.
    ///
    /// # Errors
    ///
    /// As the line's own question.
    pub(super) fn comes_to_nothing(
        &mut self,
        rules: &RuleSet,
        link: &Link,
        values: &[Value],
    ) -> Result<bool, Fault> {
        let plainly = !self.is_traced() && self.derived.is_empty() && !link.spares_types;
        let (Some(sequel), Some(question)) = (link.sequel.filter(|_| plainly), link.question)
        else {
            return Ok(false);
        };
        // The second line would look at what others have noted as well.
        if self.state.has_made_names() {
            return Ok(false);
        }
        let tables = Tables { chains: &rules.chains, stage: &rules.stage };
        let mut last = None;
        for Value { value, .. } in values {
            let Self { desk, strings, .. } = self;
            if desk.memo.is_idle(tables, sequel, *value, strings) {
                last = Some(*value);
            } else if !desk.memo.says_no(tables, question, *value, strings) {
                return Ok(false);
            }
        }
        let Some(last) = last else { return Ok(false) };
        let transformed = self.transform(rules, link.chain, last);
        self.spend(self.strings.get(transformed).len())?;
        let hit = link.operator.evaluate(self.strings.get(transformed), true, self);
        let Some(hit) = hit.map_err(|_ignored| Fault::Regex)? else { return Ok(false) };
        self.capture(rules, &hit, transformed);
        Ok(true)
    }

    /// Finds out whether the match of a value, whose effects are done, comes to nothing.
    pub(super) fn learn_whether_idle(&mut self, rules: &RuleSet, link: &Link, value: &Value) {
        let Some(sequel) = link.sequel.filter(|_| !self.is_traced()) else { return };
        let tables = Tables { chains: &rules.chains, stage: &rules.stage };
        if self.desk.memo.is_idle(tables, sequel, value.value, &self.strings) {
            return;
        }
        let rule = self.current_rule.unwrap_or(usize::MAX);
        for effect in &link.effects {
            let Some((key, change)) = effect.change_of_tx() else { return };
            let Some(text) = change.text() else { return };
            let (name, noted) = (self.expanded(key), self.expanded(text));
            let name = self.lower_id(name);
            let is_known = name.index() < rules.constants.len();
            let Self { desk, strings, .. } = self;
            if is_known
                || rules.stage.readers.read(rule, strings.get(name))
                || !desk.memo.says_no(tables, sequel.question, noted, strings)
            {
                return;
            }
        }
        self.desk.memo.note_idle(value.value, sequel);
    }
}

#[cfg(test)]
mod tests {
    use crate::interface::Options;
    use crate::transaction::tests::{GET, Request, rules_with, run};

    const NOTES: &str = "SecRule ARGS \"@rx ^.*$\" \"id:1,phase:2,pass,capture,msg:'%{tx.0}',setvar:'tx.seen_%{tx.0}=/%{tx.0}/',chain\"\n\
        SecRule TX:/^seen_/ \"@contains bad\" \"t:none\"\n";

    /// Of what each request matches nothing changes, however often it comes.
    #[test]
    fn what_comes_to_nothing_captures_all_the_same() {
        for (more, last) in [
            ("", None),
            (
                "SecRule TX:/een_b/ \"@rx .\" \"id:3,phase:2,pass,msg:'%{MATCHED_VAR}'\"",
                Some("/b/"),
            ),
        ] {
            let text = format!(
                "{NOTES}SecRule TX:0 \"@rx .\" \"id:2,phase:2,pass,msg:'%{{MATCHED_VAR}}'\"\n{more}\n"
            );
            let rules = rules_with(&text, Options::default());
            for (target, first) in
                [("/?x=a&y=b", None), ("/?x=bad&y=b", Some("b")), ("/?x=a&y=b", None)]
            {
                for _ in 0..3 {
                    let (record, _) = run(&rules, &Request { target, ..GET });
                    let said: Vec<_> = record
                        .matches
                        .iter()
                        .map(|found| bstr::BStr::new(&found.message).to_string())
                        .collect();
                    let expected: Vec<&str> = first.into_iter().chain(["b"]).chain(last).collect();
                    assert_eq!(said, expected, "{target} {text}");
                }
            }
        }
    }
}

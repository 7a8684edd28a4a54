//! Why one rule did or did not match.

use crate::explain::{Told, paranoia};
use crate::story::Reading;
use burgrave_seclang::{LeftOut, RuleFacts};
use std::collections::HashMap;

/// What became of the rule that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleAnswer {
    /// No rule has this id.
    Unknown(u32),
    /// It was asked: once, or in a chain line by line.
    Asked(Box<Told>),
    /// It was not asked: why, and which rule of the request's way did that.
    LeftOut(Box<RuleFacts>, LeftOut, Option<u32>),
    /// The same, because the paranoia level in force is lower than the rule's.
    Paranoia(Box<RuleFacts>, i64, Option<u32>),
    /// Its phase did not come, or the request ended before it.
    NotReached(Box<RuleFacts>),
}

/// Looks the rule up in what was read.
pub(crate) fn answer(id: u32, reading: &Reading, facts: &HashMap<u32, RuleFacts>) -> RuleAnswer {
    let Some(own) = facts.get(&id) else { return RuleAnswer::Unknown(id) };
    let own = own.clone();
    if let Some(story) = reading.stories.iter().find(|story| story.id == id) {
        // Of controls only those count whose rule matched this time.
        let matched = |id| reading.stories.iter().any(|story| story.id == id && story.matched);
        let mut own = own;
        own.changes.retain(|change| change.by.is_none_or(matched));
        let told = Told { facts: own, story: story.clone(), decoded: None };
        return RuleAnswer::Asked(Box::new(told));
    }
    let left = reading.left.iter().find(|(left, ..)| *left == id);
    let Some((_, why, by)) = left else { return RuleAnswer::NotReached(Box::new(own)) };
    let level = reading
        .tx_number("detection_paranoia_level")
        .or_else(|| reading.tx_number("executing_paranoia_level"));
    match (why, paranoia(&own), level) {
        (LeftOut::Skip, Some(wanted), Some(level)) if wanted > level => {
            RuleAnswer::Paranoia(Box::new(own), level, *by)
        }
        (LeftOut::Control(_), ..) => {
            let matched =
                |id: u32| reading.stories.iter().any(|story| story.id == id && story.matched);
            let by = own.changes.iter().filter_map(|change| change.by).find(|id| matched(*id));
            RuleAnswer::LeftOut(Box::new(own), *why, by)
        }
        (LeftOut::Directive(_), ..) => RuleAnswer::LeftOut(Box::new(own), *why, None),
        (LeftOut::Skip | LeftOut::Allow, ..) => RuleAnswer::LeftOut(Box::new(own), *why, *by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Circumstances;
    use crate::run::tests::{request, rules};

    #[test]
    fn every_reason_is_told() {
        let rules = rules(
            "SecAction \"id:1,phase:1,pass,nolog,setvar:tx.detection_paranoia_level=1,ctl:ruleRemoveById=3\"\n\
             SecRule ARGS:a \"@streq 1\" \"id:2,phase:1,pass\"\n\
             SecAction \"id:3,phase:1,pass\"\n\
             SecAction \"id:4,phase:1,pass\"\nSecRuleRemoveById 4\n\
             SecAction \"id:5,phase:1,pass,nolog,skipAfter:END\"\n\
             SecAction \"id:6,phase:1,pass,tag:paranoia-level/2\"\n\
             SecAction \"id:7,phase:1,pass,tag:paranoia-level/1\"\nSecMarker END\n\
             SecAction \"id:8,phase:3,pass\"\n\
             SecAction \"id:9,phase:2,allow,nolog\"\n\
             SecAction \"id:10,phase:2,pass\"",
        );
        let answer = |id| {
            let at = Circumstances::at(0);
            crate::explain(&rules, &request("GET /?a=2 HTTP/1.1\n"), None, &at, Some(id))
                .rule
                .unwrap()
        };
        for (id, wanted) in [
            (2, "asked, no"),
            (3, "Control(\"ById\") Some(1)"),
            (4, "Directive(\"SecRuleRemoveById\") None"),
            (6, "paranoia 1 Some(5)"),
            (7, "Skip Some(5)"),
            (8, "not reached"),
            (10, "Allow Some(9)"),
            (99, "unknown 99"),
        ] {
            let told = match answer(id) {
                RuleAnswer::Unknown(id) => format!("unknown {id}"),
                RuleAnswer::Asked(told) if told.story.matched => "asked, yes".to_owned(),
                RuleAnswer::Asked(_) => "asked, no".to_owned(),
                RuleAnswer::LeftOut(_, why, by) => format!("{why:?} {by:?}"),
                RuleAnswer::Paranoia(_, level, by) => format!("paranoia {level} {by:?}"),
                RuleAnswer::NotReached(_) => "not reached".to_owned(),
            };
            assert_eq!(told, wanted, "rule {id}");
        }
    }
}

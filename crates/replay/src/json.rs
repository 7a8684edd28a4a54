//! The same for programs: versioned JSON. Bytes of a request stand in it as [`crate::show::escaped`] writes
//! them, because JSON has text only; places are offsets into the unescaped value.

use crate::answer::RuleAnswer;
use crate::explain::{Explanation, Told, Verdict, paranoia};
use crate::show::escaped;
use crate::story::{LinkStory, Story, ValueStory};
use crate::text::severity;
use burgrave_seclang::{Disruption, Interruption, LeftOut, RuleFacts};
use serde_json::{Value, json};

/// A list of rules: `{"version": 1, "rules": […]}`.
pub fn rules_as_json(rules: &[RuleFacts]) -> Value {
    json!({ "version": 1, "rules": rules.iter().map(facts).collect::<Vec<_>>() })
}

fn facts(own: &RuleFacts) -> Value {
    let links = own.links.iter().map(|link| {
        json!({
            "targets": escaped(&link.targets),
            "operator": link.operator,
            "negated": link.negated,
            "parameter": escaped(&link.parameter),
            "transformations": link.transformations,
        })
    });
    let changes = own.changes.iter().map(|change| {
        json!({
            "what": escaped(&change.what),
            "by": change.by,
            "file": change.file.display().to_string(),
            "line": change.line,
        })
    });
    json!({
        "id": own.id,
        "phase": own.phase,
        "paranoia": paranoia(own),
        "severity": severity(own),
        "message": escaped(&own.message),
        "tags": own.tags.iter().map(|tag| escaped(tag)).collect::<Vec<_>>(),
        "logged": own.is_logged,
        "file": own.file.display().to_string(),
        "line": own.line,
        "links": links.collect::<Vec<_>>(),
        "changes": changes.collect::<Vec<_>>(),
    })
}

impl Explanation {
    /// For a program.
    pub fn json(&self) -> Value {
        let request = &self.request;
        let [(score_in, from_in), (score_out, from_out)] = self.scores;
        let looked = &self.looked;
        json!({
            "version": 1,
            "request": {
                "method": escaped(&request.method),
                "target": escaped(&request.target),
                "protocol": escaped(&request.protocol),
                "host": request.field("host").map(escaped),
                "fields": request.fields.len(),
                "body.bytes": self.body_bytes,
            },
            "notes": self.notes.iter().map(|note| escaped(note.as_bytes())).collect::<Vec<_>>(),
            "verdict": self.verdict.json(),
            "score.in": score_in,
            "threshold.in": from_in,
            "score.out": score_out,
            "threshold.out": from_out,
            "matches": self.matches.iter().map(Told::json).collect::<Vec<_>>(),
            "near": self.near.iter().map(Told::json).collect::<Vec<_>>(),
            "looked": {
                "rules": looked.rules,
                "values": looked.values,
                "arguments": looked.arguments,
                "bookkeeping": looked.bookkeeping,
                "paranoia.level": looked.level,
                "left.paranoia": looked.paranoia,
                "left.skipped": looked.skipped,
                "left.removed": looked.removed,
                "left.later": looked.later,
                "missing": looked.missing,
            },
            "rule": self.rule.as_ref().map(RuleAnswer::json),
        })
    }
}

impl Verdict {
    fn json(&self) -> Value {
        match self {
            Self::Passed => json!({ "decision": "pass" }),
            Self::Off => json!({ "decision": "off" }),
            Self::Blocked(ended, rule) => ended_json("block", ended, rule.as_ref()),
            Self::WouldBlock(ended, rule) => ended_json("detect", ended, rule.as_ref()),
        }
    }
}

fn ended_json(word: &str, ended: &Interruption, rule: Option<&RuleFacts>) -> Value {
    let (action, status, location) = match &ended.action {
        Disruption::Deny(status) => ("deny", Some(*status), None),
        Disruption::Drop => ("drop", None, None),
        Disruption::Redirect { status, location } => {
            ("redirect", Some(*status), Some(escaped(location)))
        }
    };
    json!({
        "decision": word,
        "action": action,
        "status": status,
        "location": location,
        "rule": ended.rule,
        "phase": rule.map(|facts| facts.phase),
        "reason": escaped(ended.reason.as_bytes()),
    })
}

impl Told {
    fn json(&self) -> Value {
        let mut told = self.story.json();
        if let Value::Object(fields) = &mut told {
            fields.insert("rule".to_owned(), facts(&self.facts));
            fields.insert("decoded".to_owned(), json!(self.decoded.as_deref().map(escaped)));
        }
        told
    }
}

impl Story {
    fn json(&self) -> Value {
        let set = |(name, value): &(Vec<u8>, Option<Vec<u8>>)| json!({ "name": escaped(name), "value": value.as_deref().map(escaped) });
        let added =
            |(name, added): &(Vec<u8>, i64)| json!({ "name": escaped(name), "added": added });
        json!({
            "matched": self.matched,
            "message": escaped(&self.message),
            "score": self.score.iter().map(added).collect::<Vec<_>>(),
            "sets": self.sets.iter().map(set).collect::<Vec<_>>(),
            "controls": self.controls,
            "lines": self.links.iter().map(LinkStory::json).collect::<Vec<_>>(),
        })
    }
}

impl LinkStory {
    fn json(&self) -> Value {
        json!({
            "operator": self.operator,
            "negated": self.negated,
            "parameter": escaped(&self.parameter),
            "targets": escaped(&self.targets),
            "matched": self.matched,
            "values": self.values.iter().map(ValueStory::json).collect::<Vec<_>>(),
        })
    }
}

impl ValueStory {
    fn json(&self) -> Value {
        let steps = self
            .steps
            .iter()
            .map(|(name, text)| json!({ "transformation": name, "value": escaped(text) }));
        let place = self.place.map(|(start, len)| json!({ "start": start, "bytes": len }));
        let found =
            self.place.and_then(|(start, len)| self.asked.get(start..start.checked_add(len)?));
        json!({
            "variable": escaped(&self.name),
            "received": escaped(&self.received),
            "steps": steps.collect::<Vec<_>>(),
            "asked": escaped(&self.asked),
            "matched": self.matched,
            "confirmed": self.matched.then_some(!self.unconfirmed),
            "declared.type": self.of_its_type.as_ref().map(|kind| escaped(kind.as_bytes())),
            "place": place,
            "found": found.map(escaped),
            "fingerprint": self.fingerprint.as_deref().map(escaped),
            "captured": self.captured.as_deref().map(escaped),
        })
    }
}

impl RuleAnswer {
    fn json(&self) -> Value {
        match self {
            Self::Unknown(id) => json!({ "id": id, "answer": "unknown" }),
            Self::Asked(told) => {
                let word = if told.story.matched { "matched" } else { "no match" };
                json!({ "id": told.facts.id, "answer": word, "told": told.json() })
            }
            Self::LeftOut(own, why, by) => {
                let why = match why {
                    LeftOut::Directive(directive) => (*directive).to_owned(),
                    LeftOut::Control(word) => format!("ctl:ruleRemove{word}"),
                    LeftOut::Skip => "skip".to_owned(),
                    LeftOut::Allow => "allow".to_owned(),
                };
                json!({ "id": own.id, "answer": "left out", "why": why, "by": by, "rule": facts(own) })
            }
            Self::Paranoia(own, level, by) => json!({
                "id": own.id, "answer": "left out", "why": "paranoia", "level": level, "by": by,
                "rule": facts(own),
            }),
            Self::NotReached(own) => {
                json!({ "id": own.id, "answer": "not reached", "rule": facts(own) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::{request, rules};
    use crate::{Circumstances, explain};

    #[test]
    fn what_matched_is_in_it() {
        let rules = rules("SecRule ARGS \"@rx <b\" \"id:2,phase:1,deny,t:urlDecode,msg:'m'\"");
        let json = |raw: &str, rule| {
            explain(&rules, &request(raw), None, &Circumstances::at(0), rule).json()
        };
        let told = json("GET /?a=x%253Cb%00 HTTP/1.1\n", None);
        assert_eq!(told["verdict"]["decision"], "block");
        assert_eq!(told["verdict"]["rule"], 2);
        let value = &told["matches"][0]["lines"][0]["values"][0];
        assert_eq!(value["asked"], "x<b\\x00");
        assert_eq!((&value["place"]["start"], &value["found"]), (&json!(1), &json!("<b")));
        assert_eq!(json("GET / HTTP/1.1\n", None)["verdict"]["decision"], "pass");
        assert_eq!(json("GET /?a=1 HTTP/1.1\n", Some(2))["rule"]["answer"], "no match");
        assert_eq!(json("GET / HTTP/1.1\n", Some(9))["rule"]["answer"], "unknown");
    }

    #[test]
    fn a_list_has_every_key() {
        let rules =
            rules("SecRule ARGS|!ARGS:b \"!@rx <b\" \"id:2,phase:1,deny,t:lowercase,msg:'m'\"");
        let list = rules_as_json(&rules.facts());
        let own = list["rules"].as_array().unwrap().iter().find(|own| own["id"] == 2).unwrap();
        assert_eq!(own["links"][0]["negated"], true);
        assert_eq!(own["links"][0]["transformations"], json!(["lowercase"]));
        assert_eq!(own["links"][0]["targets"], "ARGS|!ARGS:b");
    }
}

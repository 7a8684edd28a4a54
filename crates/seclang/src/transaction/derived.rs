//! Decoded forms of what arrived, offered to rules beside the values themselves.
//!
//! A form belongs to a string, so to every member that has this value, under the member's own name:
//! exclusions by name hold for it as well. It is asked only where the value itself did not match, so a
//! match never counts twice; it is in no collection, so counts and sizes do not know it.

use super::memo::{Memo, Tables};
use super::values::Value;
use super::{Fault, Transaction};
use crate::decode::{self, Form, Limits, Taken};
use crate::plan::{Confirmation, Link};
use crate::ruleset::RuleSet;
use crate::strings::StrId;
use crate::transaction::state::{Entry, State};
use crate::variable::Variable;
use foldhash::HashMap;
use std::sync::Arc;

/// Bounds of the forms of one value. The length is past what a request body may have by default. What is
/// past a bound is not passed unseen.
const LIMITS: Limits = Limits { depth_max: 3, forms_max: 4_096, bytes_max: 16 * 1024 * 1024 };

/// The forms that the strings of a transaction have.
#[derive(Debug, Default)]
pub(super) struct Derived {
    forms: HashMap<StrId, Vec<(Taken, StrId)>>,
    /// Of the match that was pushed last.
    matched: Taken,
    /// Beside the records of matches, one each.
    recorded: Vec<Taken>,
}

impl Derived {
    /// Whether no string has forms.
    pub(super) fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// Whether a string has forms.
    pub(super) fn has(&self, id: StrId) -> bool {
        !self.forms.is_empty() && self.forms.contains_key(&id)
    }

    /// Whether values of a variable may have forms.
    pub(super) fn may_have(&self, variable: Variable) -> bool {
        !self.forms.is_empty() && is_received(variable)
    }

    /// The forms of a string.
    pub(super) fn of(&self, id: StrId) -> impl Iterator<Item = StrId> {
        self.forms.get(&id).into_iter().flatten().map(|(_, id)| *id)
    }

    /// Gives a string the forms of another.
    pub(super) fn share(&mut self, from: StrId, to: StrId) {
        if let Some(forms) = self.forms.get(&from).cloned() {
            self.forms.entry(to).or_insert(forms);
        }
    }

    /// Before a rule.
    pub(super) fn forget_match(&mut self) {
        self.matched = Taken::default();
    }
}

impl Transaction {
    /// Before phase 1: the forms of the path, the query's arguments, cookies and headers.
    pub(super) fn derive_from_header(&mut self) -> Result<(), Fault> {
        if !self.rules.settings.decode {
            return Ok(());
        }
        for variable in [Variable::RequestFilename, Variable::RequestUri, Variable::RequestBasename]
        {
            if let Some(id) = self.state.scalar(variable) {
                self.derive(id, decode::path_forms)?;
            }
        }
        self.derive_all(&[
            |state| &state.args_get,
            |state| &state.cookies,
            |state| &state.request_headers,
        ])
    }

    /// Before phase 2: those of the body.
    pub(super) fn derive_from_body(&mut self) -> Result<(), Fault> {
        if !self.rules.settings.decode {
            return Ok(());
        }
        self.derive_all(&[
            |state| &state.args_post,
            |state| &state.files,
            |state| &state.multipart_names,
            |state| &state.multipart_filenames,
            |state| &state.part_headers,
        ])?;
        self.derive_from_xml()
    }

    /// Of each text and attribute by itself; `XML:/*`, all texts in a row, has the forms of every one.
    fn derive_from_xml(&mut self) -> Result<(), Fault> {
        let Some(document) = self.state.xml.take() else { return Ok(()) };
        let mut all = Vec::new();
        let mut result = Ok(());
        for text in document.texts() {
            let forms = decode::forms(text, LIMITS).ok_or(Fault::Memory);
            match forms.and_then(|forms| self.keep(text, &forms)) {
                Ok(kept) => all.extend(kept),
                Err(fault) => {
                    result = Err(fault);
                    break;
                }
            }
        }
        if !all.is_empty() {
            let whole: Vec<u8> = document.root_text();
            let whole = self.strings.intern(&whole);
            self.derived.forms.insert(whole, all);
        }
        self.state.xml = Some(document);
        result
    }

    /// Of the names and values of collections. That a short string has none is remembered, as most have none.
    fn derive_all(&mut self, collections: &[fn(&State) -> &[Entry]]) -> Result<(), Fault> {
        let rules = Arc::clone(&self.rules);
        let mut desk = self.sit_down(&rules);
        let result = collections
            .iter()
            .try_for_each(|members| self.derive_members(&rules, &mut desk.memo, *members));
        desk.leave();
        result
    }

    fn derive_members(
        &mut self,
        rules: &RuleSet,
        memo: &mut Memo,
        members: fn(&State) -> &[Entry],
    ) -> Result<(), Fault> {
        let tables = Tables { chains: &rules.chains, stage: &rules.stage };
        let mut index = 0;
        while let Some(&Entry { key, value, .. }) = members(&self.state).get(index) {
            for id in [key, value] {
                if memo.has_no_forms(tables, id, &self.strings) {
                    continue;
                }
                self.derive(id, decode::forms)?;
                if !self.derived.has(id) {
                    memo.note_no_forms(id);
                }
            }
            index += 1;
        }
        Ok(())
    }

    fn derive(
        &mut self,
        id: StrId,
        forms: fn(&[u8], Limits) -> Option<Vec<Form>>,
    ) -> Result<(), Fault> {
        let found = forms(self.strings.get(id), LIMITS).ok_or(Fault::Memory)?;
        if found.is_empty() || self.derived.forms.contains_key(&id) {
            return Ok(());
        }
        let ids = self.intern_forms(&found);
        self.derived.forms.insert(id, ids);
        self.check_memory()
    }

    /// Keeps the forms of a text, which is interned only where it has some.
    fn keep(&mut self, text: &[u8], forms: &[Form]) -> Result<Vec<(Taken, StrId)>, Fault> {
        if forms.is_empty() {
            return Ok(Vec::new());
        }
        let ids = self.intern_forms(forms);
        let id = self.strings.intern(text);
        self.derived.forms.insert(id, ids.clone());
        self.check_memory()?;
        Ok(ids)
    }

    fn intern_forms(&mut self, forms: &[Form]) -> Vec<(Taken, StrId)> {
        forms.iter().map(|form| (form.taken, self.strings.intern(&form.text))).collect()
    }

    /// Asks a value, and where it does not match its forms, until one does.
    pub(super) fn ask_value(
        &mut self,
        rules: &RuleSet,
        link: &Link,
        value: &Value,
    ) -> Result<bool, Fault> {
        if self.ask_as_it_is(rules, link, value)? {
            if !is_match_of_before(value.variable) {
                self.derived.matched = Taken::default();
            }
            return Ok(true);
        }
        if !link.takes_forms || self.derived.forms.is_empty() || !is_received(value.variable) {
            return Ok(false);
        }
        let count = self.derived.forms.get(&value.value).map_or(0, Vec::len);
        for index in 0..count {
            let form = self.derived.forms.get(&value.value).and_then(|forms| forms.get(index));
            let Some(&(taken, id)) = form else { break };
            self.typed.asks_form = true;
            let matched = self.ask_as_it_is(rules, link, &Value { value: id, ..*value });
            self.typed.asks_form = false;
            if matched? {
                self.derived.matched = taken;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a value that matched is what the rule's confirmations want, too.
    pub(super) fn is_confirmed(&self, link: &Link, value: &Value) -> Result<bool, Fault> {
        let text = self.strings.get(value.value);
        for Confirmation { operator, negated } in &link.confirmations {
            let hit = operator.evaluate(text, false, self);
            if hit.map_err(|_ignored| Fault::Regex)?.is_some() == *negated {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Notes with a record what was taken off.
    pub(super) fn record_taken(&mut self) {
        let taken = std::mem::take(&mut self.derived.matched);
        self.derived.recorded.push(taken);
    }

    /// ` (base64)` behind the variable of a match on a decoded form.
    pub(super) fn note_taken(&self, record: usize, variable: &mut Vec<u8>) {
        if let Some(taken) = self.derived.recorded.get(record).filter(|taken| !taken.is_none()) {
            variable.extend_from_slice(format!(" ({taken})").as_bytes());
        }
    }
}

/// Variables that hold what a client sent, member by member.
fn is_received(variable: Variable) -> bool {
    matches!(
        variable,
        Variable::Args
            | Variable::ArgsGet
            | Variable::ArgsGetNames
            | Variable::ArgsNames
            | Variable::ArgsPost
            | Variable::ArgsPostNames
            | Variable::Files
            | Variable::FilesNames
            | Variable::MultipartFilename
            | Variable::MultipartName
            | Variable::MultipartPartHeaders
            | Variable::PathInfo
            | Variable::RequestBasename
            | Variable::RequestCookies
            | Variable::RequestCookiesNames
            | Variable::RequestFilename
            | Variable::RequestHeaders
            | Variable::RequestOther
            | Variable::RequestUri
            | Variable::Xml
    )
}

/// Variables through which a later rule of a chain looks at what an earlier one matched.
fn is_match_of_before(variable: Variable) -> bool {
    matches!(
        variable,
        Variable::MatchedVar
            | Variable::MatchedVarName
            | Variable::MatchedVars
            | Variable::MatchedVarsNames
            | Variable::Tx
    )
}

#[cfg(test)]
mod tests {
    use crate::interface::{Layer, Options, Record};
    use crate::transaction::tests::{GET, Request, rules_with, run};

    const SCRIPT: &str = "PHNjcmlwdD4";

    fn look(text: &str, decode: bool, request: &Request<'_>) -> Record {
        let layer = Layer { decode, ..Layer::default() };
        run(&rules_with(text, Options { layer, ..Options::default() }), request).0
    }

    fn variables(text: &str, request: &Request<'_>) -> Vec<String> {
        let record = look(text, true, request);
        let name = |variable: &[u8]| String::from_utf8(variable.to_vec()).unwrap();
        record.matches.iter().map(|found| name(&found.variable)).collect()
    }

    #[test]
    fn forms_are_found_wherever_a_client_writes() {
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        let json = [("Content-Type", "application/json")];
        let xml = [("Content-Type", "text/xml")];
        let parts = [("Content-Type", "multipart/form-data; boundary=B")];
        let cookie = [("Cookie", "c=PHNjcmlwdD4")];
        let other = [("X-A", SCRIPT)];
        let multipart = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nPHNjcmlwdD4\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"%3Cscript%3E\"\r\n\r\nx\r\n--B--\r\n";
        for (variable, target, headers, body, expected) in [
            ("ARGS", "/?a=PHNjcmlwdD4", &[][..], "", "ARGS:a (base64)"),
            ("ARGS", "/?a=%253Cscript%253E", &[], "", "ARGS:a (url)"),
            ("ARGS", "/?a=JTNDc2NyaXB0JTNF", &[], "", "ARGS:a (base64+url)"),
            ("ARGS_NAMES", "/?PHNjcmlwdD4=1", &[], "", "ARGS_NAMES:PHNjcmlwdD4 (base64)"),
            ("ARGS", "/", &form[..], "a=3c7363726970743e", "ARGS:a (hex)"),
            ("ARGS", "/", &json[..], "{\"a\":\"&lt;script&gt;\"}", "ARGS:json.a (html)"),
            ("ARGS", "/", &parts[..], multipart, "ARGS:a (base64)"),
            ("FILES", "/", &parts[..], multipart, "FILES:f (url)"),
            ("XML:/*", "/", &xml[..], "<a><b>PHNjcmlwdD4</b><c>x</c></a>", "XML:/* (base64)"),
            ("XML://@*", "/", &xml[..], "<a b='\\x3cscript>'/>", "XML://@* (js)"),
            ("REQUEST_COOKIES", "/", &cookie[..], "", "REQUEST_COOKIES:c (base64)"),
            ("REQUEST_HEADERS", "/", &other[..], "", "REQUEST_HEADERS:X-A (base64)"),
            ("REQUEST_FILENAME", "/a/PHNjcmlwdD4", &[], "", "REQUEST_FILENAME (base64)"),
            ("REQUEST_BASENAME", "/a/PHNjcmlwdD4", &[], "", "REQUEST_BASENAME (base64)"),
            ("REQUEST_OTHER", "/a/PHNjcmlwdD4", &[], "", "REQUEST_OTHER:path (base64)"),
        ] {
            let choose = "SecRule REQUEST_HEADERS:Content-Type \"@contains json\" \"id:8,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\nSecRule REQUEST_HEADERS:Content-Type \"@contains xml\" \"id:9,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\n";
            let rule = format!("{choose}SecRule {variable} \"@rx <script>\" \"id:1,phase:2,pass\"");
            let request = Request { target, headers, body, ..GET };
            assert_eq!(variables(&rule, &request), [expected], "{variable}");
            assert!(look(&rule, false, &request).matches.is_empty(), "switched off: {variable}");
        }
    }

    #[test]
    fn only_questions_about_the_content_are_asked_of_forms() {
        let request = Request { target: "/?a=PHNjcmlwdD4&b=x", ..GET };
        for (rule, matches) in [
            ("ARGS \"@rx <script>\"", 1),
            ("ARGS \"@pm <script>\"", 1),
            ("ARGS \"@contains <script>\"", 1),
            ("ARGS \"@detectXSS\"", 1),
            ("ARGS \"!@rx ^[a-zA-Z0-9]+$\"", 0),
            ("ARGS \"!@contains x\"", 1),
            ("ARGS \"@streq <script>\"", 0),
            ("ARGS \"@validateByteRange 48-122\"", 0),
            ("&ARGS \"@eq 2\"", 1),
            ("ARGS_COMBINED_SIZE \"@eq 14\"", 1),
            ("ARGS|!ARGS:a \"@rx <script>\"", 0),
            ("QUERY_STRING \"@rx <script>\"", 0),
        ] {
            let text = format!("SecRule {rule} \"id:1,phase:2,pass,t:none\"");
            assert_eq!(look(&text, true, &request).matches.len(), matches, "{rule}");
        }
        let of_form =
            "SecRule ARGS \"@rx <script>\" \"id:1,phase:2,pass,t:none,tag:'attack-protocol'\"";
        assert!(look(of_form, true, &request).matches.is_empty());
        let later = "SecRule ARGS \"@rx <script>\" \"id:1,phase:4,pass,t:none\"";
        assert!(look(later, true, &request).matches.is_empty());
        let removed = "SecAction \"id:2,phase:1,pass,nolog,ctl:ruleRemoveTargetById=1;ARGS:a\"\nSecRule ARGS \"@rx <script>\" \"id:1,phase:2,pass,t:none\"";
        assert!(look(removed, true, &request).matches.is_empty());
    }

    /// A value and its form are one member: it counts once.
    #[test]
    fn a_member_matches_once() {
        let count = "SecRule ARGS \"@rx (?:script|c2NyaXB0)\" \"id:1,phase:2,pass,nolog,setvar:tx.n=+1\"\nSecRule TX:n \"@rx ^(\\d)\" \"id:2,phase:2,pass,capture,msg:'%{tx.1}'\"";
        for (target, expected) in [
            ("/?a=%253Cscript%253E", "1"),
            ("/?a=JTNDc2NyaXB0JTNF", "1"),
            ("/?a=%253Cscript%253E&b=PHNjcmlwdD4", "2"),
        ] {
            let record = look(count, true, &Request { target, ..GET });
            assert_eq!(record.matches[0].message, expected.as_bytes(), "{target}");
        }
    }

    #[test]
    fn a_record_names_what_the_chain_looked_through() {
        let request = Request { target: "/?a=PHNjcmlwdD4&b=x", ..GET };
        for (rule, expected) in [
            (
                "SecRule ARGS \"@rx <script>\" \"id:1,phase:2,pass,chain\"\nSecRule MATCHED_VAR \"@rx script\"",
                "MATCHED_VAR (base64)",
            ),
            (
                "SecRule ARGS \"@rx <script>\" \"id:1,phase:2,pass,chain\"\nSecRule ARGS:b \"@rx x\"",
                "ARGS:b",
            ),
            (
                "SecRule ARGS:a \"@rx <script>\" \"id:2,phase:2,pass,nolog,chain\"\nSecRule ARGS:a \"@rx nothing\"\nSecAction \"id:1,phase:2,pass,log\"",
                "",
            ),
        ] {
            assert_eq!(variables(rule, &request), [expected], "{rule}");
        }
        let names =
            "SecRule ARGS \"@rx <script>\" \"id:1,phase:2,pass,logdata:'%{MATCHED_VAR_NAME}'\"";
        assert_eq!(
            look(names, true, &request).matches[0].data,
            b"ARGS:a",
            "rules know the member's name"
        );
    }

    #[test]
    fn secrets_stay_hidden_in_forms() {
        let request = Request { target: "/?a=PHNjcmlwdD4", ..GET };
        for hide in ["sanitiseArg:a", "sanitiseMatched"] {
            let rule = format!("SecRule ARGS \"@rx <script>\" \"id:1,phase:2,pass,{hide}\"");
            let record = look(&rule, true, &request);
            assert_eq!(record.matches[0].matched, b"********", "{hide}");
            assert_eq!(record.matches[0].variable, b"ARGS:a (base64)", "{hide}");
        }
    }

    #[test]
    fn confirmations_decide_by_the_value_as_it_came() {
        let rule = "SecRule ARGS \"@rx b\" \"id:5,phase:2,pass,t:lowercase,setvar:tx.n=+1\"\nSecRuleConfirmById \"5 99\" \"@rx A\"\nSecRuleConfirmById 4-6 \"!@contains C\"\nSecRule TX:n \"@ge 1\" \"id:6,phase:2,pass\"";
        for (target, expected) in [
            ("/?a=AB", &[5, 6][..]),
            ("/?a=ab", &[]),
            ("/?a=ABC", &[]),
            ("/?a=ab&b=AB", &[5, 6]),
            ("/?a=QUIgYmJiIGJi", &[5, 6]),
            ("/?a=YSBiIQ", &[]),
        ] {
            let record = look(rule, true, &Request { target, ..GET });
            let ids: Vec<u32> = record.matches.iter().map(|found| found.id).collect();
            assert_eq!(ids, expected, "{target}");
        }
    }
}

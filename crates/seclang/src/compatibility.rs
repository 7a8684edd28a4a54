//! The manual of what rule files may say, made from the lists that the compiler itself goes by.

use crate::compile::known;
use crate::transform::{self, Transformation};
use crate::variable::{self, Shape, Variable};
use crate::{action, operator};
use std::fmt::Write as _;

/// A list of names, each with a sentence.
type Names = &'static [(&'static str, &'static str)];

/// `docs/rules/compatibility.md`
pub fn compatibility() -> String {
    let mut out = String::from(HEAD);
    section(&mut out, "Directives", "Those that work:", known::WORKS);
    out.push_str("\nMet by how the engine is built, whatever value they have:\n\n");
    let met: Vec<String> = known::MET.iter().map(|name| format!("`{name}`")).collect();
    let _infallible = writeln!(out, "{}", met.join(", "));
    table(&mut out, "Refused, unless they say `Off` or `0`:", known::REFUSED);
    variables(&mut out);
    let names = |one: &Transformation| {
        one.names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
    };
    let all: Vec<String> = transform::ALL.iter().map(names).collect();
    let _infallible = write!(out, "\n## Transformations\n\n{}, `none`\n", all.join(", "));
    section(&mut out, "Operators", "Those that work:", operator::WORKS);
    let unavailable: Vec<_> = operator::UNAVAILABLE
        .iter()
        .filter(|name| !operator::WORKS.iter().any(|(works, _)| works == *name))
        .map(|name| format!("`{name}`"))
        .collect();
    let _infallible = write!(
        out,
        "\nLoads with a warning, and a request that reaches it is refused: {}\n",
        unavailable.join(", ")
    );
    table(&mut out, "Refused:", operator::REFUSED);
    section(&mut out, "Actions", "Those that work:", action::WORKS);
    table(&mut out, "Refused:", action::REFUSED);
    table(&mut out, "What `ctl` takes:", action::control::WORKS);
    out
}

const HEAD: &str = "\
# What rule files may say

Made from the engine's own lists (`BURGRAVE_BLESS=1 cargo test -p burgrave-seclang --test engine` writes it anew). The measure is version 3 of ModSecurity
and its manual. What is not named here is an error at load, with file and line; so is what is refused, with the reason that stands here.
";

fn section(out: &mut String, title: &str, lead: &str, names: Names) {
    let _infallible = write!(out, "\n## {title}\n");
    table(out, lead, names);
}

fn table(out: &mut String, lead: &str, names: Names) {
    let _infallible = write!(out, "\n{lead}\n\n| name | |\n|---|---|\n");
    for (name, text) in names {
        let _infallible = writeln!(out, "| `{name}` | {text} |");
    }
}

fn variables(out: &mut String) {
    let of = |shape: Shape| {
        let names = Variable::ALL.iter().filter(|one| one.shape() == shape);
        names.map(|one| format!("`{}`", one.name())).collect::<Vec<_>>().join(", ")
    };
    let _infallible = write!(
        out,
        "\n## Variables\n\nSingle values: {}\n\nCollections, with members by name or by pattern (`ARGS:/^x/`): {}\n",
        of(Shape::Scalar),
        of(Shape::Collection)
    );
    table(out, "Other names:", variable::ALIASES);
    table(out, "Refused:", variable::REFUSED);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, RuleFiles, RuleSet};
    use std::path::{Path, PathBuf};

    struct Text(String);

    impl RuleFiles for Text {
        fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
            let own = path == Path::new("t.conf");
            if own { Ok(self.0.clone().into_bytes()) } else { Err("no such file".to_owned()) }
        }

        fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
            Ok(vec![pattern.to_path_buf()])
        }
    }

    fn errors(text: String) -> String {
        let options = Options { bare: true, ..Options::default() };
        let compiled = RuleSet::compile(&[PathBuf::from("t.conf")], &Text(text), options);
        let errors = compiled.err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    /// A name that stands in a list and that the compiler does not know would be a promise not kept.
    #[test]
    fn what_the_lists_say_works_is_known_and_the_rest_is_not() {
        let names = |list: Names| list.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        for name in names(known::WORKS).into_iter().chain(known::MET.iter().copied()) {
            let found = errors(format!("{name} 1 2"));
            assert!(!found.contains("unknown directive"), "{name}: {found}");
            assert!(!found.contains(&format!("`{name}` is refused")), "{name}: {found}");
        }
        for name in names(operator::WORKS) {
            let found = errors(format!("SecRule ARGS \"@{name} 1\" \"id:1\""));
            assert!(!found.contains("unknown") && !found.contains("refused"), "{name}: {found}");
        }
        for name in names(action::WORKS) {
            let found = errors(format!("SecAction \"id:1,{name}:x\""));
            assert!(!found.contains("unknown action"), "{name}: {found}");
        }
        for name in names(action::control::WORKS) {
            let found = errors(format!("SecAction \"id:1,ctl:{name}=x\""));
            assert!(!found.contains("unknown control"), "{name}: {found}");
        }
        for name in names(known::REFUSED) {
            assert!(
                errors(format!("{name} x")).contains(&format!("`{name}` is refused")),
                "{name}"
            );
            assert_eq!(errors(format!("{name} Off")), "", "{name}");
        }
        for text in ["SecFrob x", "SecRule ARGS \"@frob\" \"id:1\"", "SecAction \"id:1,frob\""] {
            assert!(errors(text.to_owned()).contains("unknown"), "{text}");
        }
    }

    /// The names that version 3's own reader knows (its scanner's word list): each has its place here.
    #[test]
    fn every_name_of_the_language_works_or_is_refused() {
        for name in "SecAction SecArgumentSeparator SecArgumentsLimit SecAuditEngine SecAuditLog SecAuditLog2 SecAuditLogDirMode SecAuditLogFileMode SecAuditLogFormat SecAuditLogParts SecAuditLogRelevantStatus SecAuditLogStorageDir SecAuditLogType SecCacheTransformations SecChrootDir SecCollectionTimeout SecComponentSignature SecConnEngine SecConnReadStateLimit SecConnWriteStateLimit SecContentInjection SecCookieFormat SecCookieV0Separator SecDataDir SecDebugLog SecDebugLogLevel SecDefaultAction SecDisableBackendCompression SecGeoLookupDb SecGsbLookupDb SecGuardianLog SecHashEngine SecHashKey SecHashMethodPm SecHashMethodRx SecHashParam SecHttpBlKey SecInterceptOnError SecMarker SecPcreMatchLimit SecPcreMatchLimitRecursion SecRemoteRules SecRemoteRulesFailAction SecRequestBodyAccess SecRequestBodyInMemoryLimit SecRequestBodyJsonDepthLimit SecRequestBodyLimit SecRequestBodyLimitAction SecRequestBodyNoFilesLimit SecResponseBodyAccess SecResponseBodyLimit SecResponseBodyLimitAction SecResponseBodyMimeType SecResponseBodyMimeTypesClear SecRule SecRuleEngine SecRuleInheritance SecRulePerfTime SecRuleRemoveById SecRuleRemoveByMsg SecRuleRemoveByTag SecRuleScript SecRuleUpdateActionById SecRuleUpdateTargetById SecRuleUpdateTargetByMsg SecRuleUpdateTargetByTag SecSensorId SecServerSignature SecStatusEngine SecStreamInBodyInspection SecStreamOutBodyInspection SecTmpDir SecTmpSaveUploadedFiles SecUnicodeMapFile SecUploadDir SecUploadFileLimit SecUploadFileMode SecUploadKeepFiles SecWebAppId SecXmlExternalEntity".split(' ') {
            let known = known::WORKS.iter().chain(known::REFUSED).any(|(known, _)| *known == name);
            assert!(known || known::MET.contains(&name), "{name}");
        }
        for name in "beginsWith contains containsWord detectSQLi detectXSS endsWith eq fuzzyHash ge geoLookup gsbLookup gt inspectFile ipMatch ipMatchFromFile le lt pm pmFromFile rbl rsub rx rxGlobal streq strmatch unconditionalMatch validateByteRange validateDTD validateHash validateSchema validateUrlEncoding validateUtf8Encoding verifyCC verifyCPF verifySSN verifySVNR within".split(' ') {
            let known = operator::WORKS.iter().chain(operator::REFUSED).any(|(known, _)| *known == name);
            assert!(known || operator::UNAVAILABLE.contains(&name), "{name}");
        }
        for name in "accuracy allow append auditlog block capture chain ctl deny deprecatevar drop exec expirevar id initcol log logdata maturity msg multiMatch noauditlog nolog pass pause phase prepend proxy redirect rev sanitiseArg sanitiseMatched sanitiseMatchedBytes sanitiseRequestHeader sanitiseResponseHeader setenv setrsc setsid setuid setvar severity skip skipAfter status t tag ver xmlns".split(' ') {
            let known = action::WORKS.iter().chain(action::REFUSED).any(|(known, _)| *known == name);
            assert!(known, "{name}");
        }
        for name in
            "FILES_TMPNAMES MSC_PCRE_ERROR MSC_PCRE_LIMITS_EXCEEDED STATUS WEBSERVER_ERROR_LOG"
                .split(' ')
        {
            let refused = variable::REFUSED.iter().any(|(known, _)| *known == name);
            assert!(refused || Variable::find(name).is_some(), "{name}");
        }
    }
}

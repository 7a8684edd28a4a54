//! `ctl:`: what a rule may change for the rest of its transaction.

use crate::audit;
use crate::plan::{Control, Processor, RuleSelector};
use crate::strings::Strings;
use crate::target;
use burgrave_model::Mode;

/// Controls that work, with what they take.
pub(crate) static WORKS: &[(&str, &str)] = &[
    ("auditEngine", "On, Off or RelevantOnly"),
    ("auditLogParts", "letters, or `+` or `-` and letters"),
    ("debugLogLevel", "any number: there is no debug log"),
    ("forceRequestBodyVariable", "On or Off"),
    ("requestBodyAccess", "On or Off"),
    ("requestBodyLimit", "bytes"),
    ("requestBodyProcessor", "URLENCODED, MULTIPART, JSON or XML"),
    ("responseBodyAccess", "On or Off"),
    ("responseBodyLimit", "bytes"),
    ("ruleEngine", "On, Off or DetectionOnly"),
    ("ruleRemoveById", "an id or a range"),
    ("ruleRemoveByMsg", "a message"),
    ("ruleRemoveByTag", "a tag"),
    ("ruleRemoveTargetById", "an id or a range, `;`, a target"),
    ("ruleRemoveTargetByMsg", "a message, `;`, a target"),
    ("ruleRemoveTargetByTag", "a tag, `;`, a target"),
];

/// Parses `name=value`.
pub(super) fn parse(value: &[u8], strings: &mut Strings) -> Result<Control, String> {
    let text = std::str::from_utf8(value).map_err(|_ignored| "a control is not UTF-8")?;
    let (name, value) = text.split_once('=').ok_or("action `ctl` needs `=` and a value")?;
    let (name, value) = (name.trim(), value.trim());
    let switch = || match value.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("control `{name}` takes On or Off, not `{value}`")),
    };
    let limit =
        || value.parse().map_err(|_ignored| format!("control `{name}` takes bytes, not `{value}`"));
    Ok(match name.to_ascii_lowercase().as_str() {
        "ruleengine" => Control::Engine(mode(value)?),
        "requestbodyaccess" => Control::RequestBody(switch()?),
        "responsebodyaccess" => Control::ResponseBody(switch()?),
        "requestbodylimit" => Control::RequestBodyLimit(limit()?),
        "responsebodylimit" => Control::ResponseBodyLimit(limit()?),
        "requestbodyprocessor" => Control::Processor(
            Processor::find(value)
                .ok_or_else(|| format!("there is no body processor `{value}`"))?,
        ),
        "forcerequestbodyvariable" => Control::ForceRequestBody(switch()?),
        "ruleremovebyid" => Control::Remove(ids(value)?),
        "ruleremovebytag" => Control::Remove(RuleSelector::Tag(value.as_bytes().to_vec())),
        "ruleremovebymsg" => Control::Remove(RuleSelector::Message(value.as_bytes().to_vec())),
        "ruleremovetargetbyid" => targeted(value, strings, ids)?,
        "ruleremovetargetbytag" => {
            targeted(value, strings, |tag| Ok(RuleSelector::Tag(tag.as_bytes().to_vec())))?
        }
        "ruleremovetargetbymsg" => {
            targeted(value, strings, |text| Ok(RuleSelector::Message(text.as_bytes().to_vec())))?
        }
        "auditengine" => Control::AuditEngine(audit::engine(value)?),
        "auditlogparts" => {
            audit::Parts::default().change(value)?;
            Control::AuditParts(value.to_owned())
        }
        "debugloglevel" => Control::Logging,
        _ => return Err(format!("unknown control `{name}`")),
    })
}

/// The words of `SecRuleEngine`.
pub(crate) fn mode(value: &str) -> Result<Mode, String> {
    match value.to_ascii_lowercase().as_str() {
        "on" => Ok(Mode::Block),
        "off" => Ok(Mode::Off),
        "detectiononly" => Ok(Mode::Detect),
        _ => Err(format!("the rule engine is On, Off or DetectionOnly, not `{value}`")),
    }
}

/// `942100` or `942000-942999`.
pub(crate) fn ids(value: &str) -> Result<RuleSelector, String> {
    let bad = || format!("`{value}` is no rule id or range of ids");
    let (first, last) = value.split_once('-').unwrap_or((value, value));
    let parse = |text: &str| text.trim().trim_matches('"').parse::<u32>().map_err(|_ignored| bad());
    let (first, last) = (parse(first)?, parse(last)?);
    if first > last { Err(bad()) } else { Ok(RuleSelector::Ids(first, last)) }
}

fn targeted(
    value: &str,
    strings: &mut Strings,
    select: impl Fn(&str) -> Result<RuleSelector, String>,
) -> Result<Control, String> {
    let (rules, item) = value
        .split_once(';')
        .ok_or_else(|| format!("`{value}` needs rules and a target, as in `1234;ARGS:name`"))?;
    let target = target::single(item.trim().trim_start_matches('!'), strings)?;
    Ok(Control::RemoveTarget(select(rules.trim())?, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(text: &str) -> Result<Control, String> {
        parse(text.as_bytes(), &mut Strings::constants())
    }

    #[test]
    fn controls() {
        assert!(matches!(control("ruleEngine=DetectionOnly"), Ok(Control::Engine(Mode::Detect))));
        assert!(matches!(
            control("requestBodyProcessor=xml"),
            Ok(Control::Processor(Processor::Xml))
        ));
        assert!(matches!(
            control("ruleRemoveById=9-12"),
            Ok(Control::Remove(RuleSelector::Ids(9, 12)))
        ));
        assert!(matches!(
            control("ruleRemoveTargetById=942100;ARGS:password"),
            Ok(Control::RemoveTarget(RuleSelector::Ids(942_100, 942_100), _))
        ));
        assert!(matches!(
            control("ruleRemoveTargetByTag=attack-sqli;REQUEST_COOKIES:/^x/"),
            Ok(Control::RemoveTarget(RuleSelector::Tag(_), _))
        ));
    }

    #[test]
    fn refused_controls() {
        for text in [
            "ruleEngine",
            "ruleEngine=Maybe",
            "ruleRemoveById=x",
            "ruleRemoveById=12-9",
            "ruleRemoveTargetById=1",
            "ruleRemoveTargetById=1;NOPE",
            "requestBodyProcessor=YAML",
            "requestBodyAccess=Yes",
            "requestBodyLimit=-1",
            "auditEngine=Maybe",
            "auditLogParts=+X",
        ] {
            assert!(control(text).is_err(), "{text}");
        }
    }
}

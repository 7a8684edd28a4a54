//! The keys of `[rules]`.

use crate::keys::MODES;
use crate::kinds::{AbsolutePath, Choice, Flag, List, Span};
use crate::table::{Key, Section};
use burgrave_model::{Mode, Profile};

pub(crate) static RULES_SECTION: Section = Section {
    title: "[rules]",
    about: "SecLang rules, such as the OWASP Core Rule Set. SecLang's own directives in the files \
            count too; a key that is set here has the last word.",
    keys: &[
        &INCLUDE,
        &RULES_MODE,
        &REQUEST_BODY,
        &RESPONSE_BODY,
        &BUDGET,
        &DECODE,
        &PROFILE,
        &EXTRA,
        &APPLICATION,
        &ENFORCE,
        &BLOCK_LISTS,
    ],
    refused: &[],
};
pub(crate) static INCLUDE: Key<List<AbsolutePath>> = Key {
    name: "include",
    kind: List { of: AbsolutePath, min: 1, max: 1_000 },
    default: "",
    about: "Rule files and patterns (`*`, `?`, `[…]`), read in this order.",
};
pub(crate) static RULES_MODE: Key<Choice<Mode>> = Key {
    name: "mode",
    kind: MODES,
    default: "what `SecRuleEngine` says, else `\"block\"`",
    about: "Refuse attacks, only record them, or do not look.",
};
pub(crate) static REQUEST_BODY: Key<Flag> = Key {
    name: "request_body",
    kind: Flag,
    default: "what `SecRequestBodyAccess` says, else `true`",
    about: "Inspect the bodies of requests.",
};
pub(crate) static RESPONSE_BODY: Key<Flag> = Key {
    name: "response_body",
    kind: Flag,
    default: "what `SecResponseBodyAccess` says, else `false`",
    about: "Inspect the bodies of answers. Costs memory and time.",
};
pub(crate) static BUDGET: Key<Span> = Key {
    name: "budget",
    kind: Span { millis_min: 1, millis_max: 60_000 },
    default: "\"500ms\"",
    about: "Most time that the rules may take for one request. Past it the request is refused, never \
            passed.",
};
pub(crate) static DECODE: Key<Flag> = Key {
    name: "decode",
    kind: Flag,
    default: "true",
    about: "Inspect decoded forms of a value as well, such as what a text in base64 says.",
};
pub(crate) static PROFILE: Key<Choice<Profile>> = Key {
    name: "profile",
    kind: Choice { options: &[("trading", Profile::Trading), ("none", Profile::None)] },
    default: "\"trading\"",
    about: "Exclusions for a kind of application: REST interfaces and trading. `\"none\"` leaves the \
            rule set as it is.",
};
pub(crate) static EXTRA: Key<Flag> = Key {
    name: "extra",
    kind: Flag,
    default: "true",
    about: "Burgrave's own rules beside the included ones, for attacks that rule sets miss.",
};
pub(crate) static APPLICATION: Key<AbsolutePath> = Key {
    name: "application",
    kind: AbsolutePath,
    default: "none",
    about: "A file with what the application takes: a match on an argument that is of its type there, \
            such as an integer, does not count. `burgrave rules profile` drafts one.",
};
pub(crate) static BLOCK_LISTS: Key<Flag> = Key {
    name: "block_lists",
    kind: Flag,
    default: "false",
    about: "Ask the lists of `@rbl` rules by DNS about each client, before its first request is looked at. Who reaches \
            such a rule while the list does not answer is refused, as everybody is without this.",
};
pub(crate) static ENFORCE: Key<Flag> = Key {
    name: "enforce",
    kind: Flag,
    default: "false",
    about: "An argument that is not of its type in `application` adds to the score as an attack does \
            (rule 7211001).",
};

//! The compiler of rules, and transformations.

use crate::hold;
use burgrave_seclang::{Options, RuleFiles, RuleSet, probe};
use std::path::{Path, PathBuf};

struct Text(Vec<u8>);

impl RuleFiles for Text {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        if path == Path::new("t.conf") {
            Ok(self.0.clone())
        } else {
            Err("no such file".to_owned())
        }
    }

    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(vec![pattern.to_path_buf()])
    }
}

/// A text compiles, or every error names a line that it has; twice the same.
pub fn rules(input: &[u8]) {
    let compile = || {
        let options = Options { bare: true, ..Options::default() };
        RuleSet::compile(&[PathBuf::from("t.conf")], &Text(input.to_vec()), options)
    };
    let lines = input.split(|byte| *byte == b'\n').count();
    match (compile(), compile()) {
        (Ok(one), Ok(other)) => hold(one.facts() == other.facts(), "two readings differ", input),
        (Err(one), Err(other)) => {
            hold(!one.is_empty(), "refused without an error", input);
            hold(one.iter().all(|error| error.line <= lines), "an error in no line", input);
            let told = |all: &[burgrave_seclang::LoadError]| {
                all.iter().map(ToString::to_string).collect::<Vec<_>>()
            };
            hold(told(&one) == told(&other), "two readings differ", input);
        }
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => hold(false, "compiles only sometimes", input),
    }
}

/// Transformations that change nothing the second time.
const SETTLED: &[&str] = &[
    "compressWhitespace",
    "lowercase",
    "parityZero7bit",
    "removeNulls",
    "removeWhitespace",
    "replaceNulls",
    "trim",
    "trimLeft",
    "trimRight",
    "uppercase",
];
/// A transformation and the one that undoes it.
const UNDONE: &[(&str, &str)] =
    &[("base64Encode", "base64Decode"), ("hexEncode", "hexDecode"), ("urlEncode", "urlDecode")];

/// None makes much out of little; the settled ones settle; what is encoded can be decoded.
pub fn transformations(input: &[u8]) {
    let apply = |name: &str, text: &[u8]| probe::transformation(name, text).unwrap_or_default();
    for name in probe::transformations() {
        let bound = input.len() * 8 + 64;
        hold(apply(name, input).len() <= bound, "a transformation explodes", input);
    }
    for name in SETTLED {
        let once = apply(name, input);
        hold(apply(name, &once) == once, name, input);
    }
    for (there, back) in UNDONE {
        hold(apply(back, &apply(there, input)) == input, there, input);
    }
}

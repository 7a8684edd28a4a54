//! Single transformations and operators by name, for conformance suites and for explaining a match.

use crate::operator::{self, DataFiles};
use crate::strings::Strings;
use crate::transform;
use std::path::Path;

/// What a transformation makes of a value; `None` when there is none of this name.
pub fn transformation(name: &str, value: &[u8]) -> Option<Vec<u8>> {
    let transformation = transform::find(name)?;
    let mut out = Vec::new();
    if (transformation.trigger)(value) {
        (transformation.apply)(value, &mut out);
    } else {
        out.extend_from_slice(value);
    }
    Some(out)
}

/// Whether an operator matches a value. `read` gives the content of data files. The error says why the
/// operator is refused, or that its step budget ran out.
pub fn operator(
    name: &str,
    parameter: &[u8],
    value: &[u8],
    read: &dyn Fn(&Path) -> Result<Vec<u8>, String>,
) -> Result<bool, String> {
    let mut strings = Strings::constants();
    let compiled = operator::compile(name, parameter, &mut strings, &Files(read))?;
    match compiled.evaluate(value, false, &()) {
        Ok(hit) => Ok(hit.is_some()),
        Err(operator_exhausted) => Err(format!("{operator_exhausted:?}")),
    }
}

/// Every transformation's canonical name.
pub fn transformations() -> impl Iterator<Item = &'static str> {
    transform::ALL.iter().map(transform::Transformation::name)
}

struct Files<'a>(&'a dyn Fn(&Path) -> Result<Vec<u8>, String>);

impl DataFiles for Files<'_> {
    fn data(&self, path: &Path) -> Result<Vec<u8>, String> {
        (self.0)(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name() {
        assert_eq!(transformation("lowercase", b"AB").as_deref(), Some(&b"ab"[..]));
        assert_eq!(transformation("lowercase", b"ab").as_deref(), Some(&b"ab"[..]));
        assert_eq!(transformation("nope", b""), None);
        assert!(transformations().count() > 30);
        let none = |_: &Path| Err("absent".to_owned());
        assert_eq!(operator("contains", b"b", b"abc", &none), Ok(true));
        assert!(operator("pmFromFile", b"x", b"", &none).unwrap_err().contains("absent"));
    }
}

//! `ModSecurity`'s vectors for single transformations and operators.

use crate::Tally;
use anyhow::{Context as _, Result};
use burgrave_seclang::probe;
use serde::Deserialize;
use std::path::Path;

#[derive(Debug, Deserialize)]
struct Vector {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    input: String,
    #[serde(default)]
    param: String,
    #[serde(default)]
    output: String,
    ret: i64,
}

/// The suites write bytes as `\xHH` and `\uHHHH` within their JSON strings.
fn bytes(text: &str) -> Vec<u8> {
    // The suites' own runner reads C strings.
    let text = text.split('\0').next().unwrap_or_default();
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some(&byte) = rest.first() {
        let digits = match rest {
            [b'\\', b'x', hex @ ..] => hex.get(..2).map(|hex| (hex, 4)),
            [b'\\', b'u', hex @ ..] => hex.get(..4).map(|hex| (hex, 6)),
            _ => None,
        };
        let code = digits.and_then(|(hex, used)| {
            let hex = std::str::from_utf8(hex)
                .ok()
                .filter(|hex| hex.chars().all(char::is_alphanumeric))?;
            // Like `sscanf`: as many digits as there are.
            let end = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
            let value = u32::from_str_radix(hex.get(..end)?, 16).unwrap_or(0);
            Some((u8::try_from(value & 0xff).ok()?, used))
        });
        if let Some((byte, used)) = code {
            out.push(byte);
            rest = rest.get(used..).unwrap_or_default();
        } else {
            out.push(byte);
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    out
}

/// Runs every file of a folder of vectors. Data files that it has not are those of `given`.
pub fn run(folder: &Path, given: &Path) -> Result<Tally> {
    let mut tally = Tally::default();
    for path in crate::json_files(folder)? {
        let text = std::fs::read(&path)?;
        let vectors: Vec<Vector> =
            serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        for (index, vector) in vectors.iter().enumerate() {
            let name = format!("{}/{}", path.file_stem().unwrap_or_default().display(), index + 1);
            tally.case(name, one(&[folder, given], vector));
        }
    }
    Ok(tally)
}

fn one(folders: &[&Path], vector: &Vector) -> Result<(), String> {
    let input = bytes(&vector.input);
    if vector.kind == "tfn" {
        let out = probe::transformation(&vector.name, &input).ok_or("unknown transformation")?;
        let expected = bytes(&vector.output);
        return if out == expected {
            Ok(())
        } else {
            Err(format!(
                "{:?} gave {:?}, expected {:?}",
                bstr::BStr::new(&input),
                bstr::BStr::new(&out),
                bstr::BStr::new(&expected)
            ))
        };
    }
    let read = |name: &Path| {
        let name =
            name.strip_prefix("test-cases/secrules-language-tests/operators").unwrap_or(name);
        let mut found = folders.iter().map(|folder| std::fs::read(folder.join(name)));
        let found = found.find(Result::is_ok).and_then(Result::ok);
        found.ok_or_else(|| format!("{}: there is no such file", name.display()))
    };
    let found = probe::operator(&vector.name, vector.param.as_bytes(), &input, &read)?;
    if found == (vector.ret == 1) {
        Ok(())
    } else {
        Err(format!(
            "@{} {:?} on {:?} gave {found}",
            vector.name,
            vector.param,
            bstr::BStr::new(&input)
        ))
    }
}

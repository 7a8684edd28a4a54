//! The manual of the checks, made from their own words.

use crate::{ALL, Check};
use burgrave_model::Safeguard;

/// `docs/checks.md`.
pub fn manual() -> String {
    let mut text = format!(
        "# Checks\n\nWhat `burgrave audit` asks, {} questions by safeguard. `burgrave explain ID` shows one of them. This page is made from the checks\nthemselves; see [the audit](audit/run.md) for how they are run.\n\nControls: CIS is the benchmark for Debian 12 (1.1.0), PCI is PCI DSS 4.0.1, ISO is annex A of ISO/IEC 27001:2022, ASVS is OWASP's standard 5.0.\n",
        ALL.len()
    );
    for safeguard in Safeguard::ALL {
        let mut own: Vec<&&Check> =
            ALL.iter().filter(|check| check.safeguard == *safeguard).collect();
        own.sort_by_key(|check| check.id);
        if own.is_empty() {
            continue;
        }
        text.push_str(&format!("\n## {safeguard}\n\n{}.\n", capital(safeguard.gives())));
        for check in own {
            text.push_str(&format!(
                "\n### {}\n\n{} ({}).\n\n{}\n\n**What to do:** {}\n",
                check.id,
                capital(check.title),
                check.severity,
                check.why,
                check.remedy
            ));
            if !check.controls.is_empty() {
                text.push_str(&format!("\nControls: {}.\n", check.controls.join(", ")));
            }
        }
    }
    text
}

/// The text of one check, for a terminal.
pub fn about(id: &str) -> Option<String> {
    let check = ALL.iter().find(|check| check.id == id)?;
    let controls = if check.controls.is_empty() {
        String::new()
    } else {
        format!("\ncontrols: {}\n", check.controls.join(", "))
    };
    let remedy = crate::remedy(id).map_or_else(
        || "\nremedy: none; it is for you to do\n".to_owned(),
        |remedy| {
            format!("\nremedy: `burgrave apply {id}` {}\nrisk: {}\n", remedy.does(), remedy.risk)
        },
    );
    Some(format!(
        "{} (check of `{}`, {})\n{}\n\n{}\n\nwhat to do: {}\n{remedy}{controls}",
        check.id, check.safeguard, check.severity, check.title, check.why, check.remedy
    ))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_its_chapter_and_its_text() {
        let text = manual();
        for check in ALL {
            assert_eq!(text.matches(&format!("\n### {}\n", check.id)).count(), 1, "{}", check.id);
            assert!(about(check.id).unwrap().contains(check.remedy));
        }
        assert_eq!(about("nothing"), None);
    }
}

//! The weight of a CVSS vector, versions 3.0 and 3.1 (FIRST, Common Vulnerability Scoring System, section 7.1).

use burgrave_model::Severity;

/// What floating point may be wrong by.
const TINY: f64 = 1e-9;

/// The qualitative weight of a vector's base score; `None` where it is not of version 3 or not whole.
pub(crate) fn severity(vector: &str) -> Option<Severity> {
    let score = base(vector)?;
    // The score is rounded up to one decimal: above 8.9 it is 9.0.
    Some(match score {
        score if score > 8.9 + TINY => Severity::Critical,
        score if score > 6.9 + TINY => Severity::High,
        score if score > 3.9 + TINY => Severity::Medium,
        score if score > 0.0 => Severity::Low,
        _ => Severity::Info,
    })
}

fn base(vector: &str) -> Option<f64> {
    let rest = vector.strip_prefix("CVSS:3.1/").or_else(|| vector.strip_prefix("CVSS:3.0/"))?;
    let value = |name: &str| {
        rest.split('/')
            .take(40)
            .filter_map(|part| part.split_once(':'))
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value)
    };
    let is_changed = match value("S")? {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let reach = match value("AV")? {
        "N" => 0.85,
        "A" => 0.62,
        "L" => 0.55,
        "P" => 0.2,
        _ => return None,
    };
    let effort = match value("AC")? {
        "L" => 0.77,
        "H" => 0.44,
        _ => return None,
    };
    let rights = match (value("PR")?, is_changed) {
        ("N", _) => 0.85,
        ("L", true) => 0.68,
        ("L", false) => 0.62,
        ("H", true) => 0.5,
        ("H", false) => 0.27,
        _ => return None,
    };
    let help = match value("UI")? {
        "N" => 0.85,
        "R" => 0.62,
        _ => return None,
    };
    let loss = |name| {
        Some(match value(name)? {
            "H" => 0.56_f64,
            "L" => 0.22,
            "N" => 0.0,
            _ => return None,
        })
    };
    let kept = (1.0 - loss("C")?) * (1.0 - loss("I")?) * (1.0 - loss("A")?);
    let harm = 1.0 - kept;
    let impact = if is_changed {
        7.52 * (harm - 0.029) - 3.25 * (harm - 0.02).powi(15)
    } else {
        6.42 * harm
    };
    if impact <= 0.0 {
        return Some(0.0);
    }
    let ease = 8.22 * reach * effort * rights * help;
    let sum = if is_changed { 1.08 * (impact + ease) } else { impact + ease };
    Some(sum.min(10.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_weigh_what_their_published_scores_say() {
        for (vector, wanted) in [
            // 10.0, 9.8, 8.1, 7.8, 7.0, 6.1, 4.0, 3.7, 0.0
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", Some(Severity::Critical)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(Severity::Critical)),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(Severity::High)),
            ("CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", Some(Severity::High)),
            ("CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:H/I:H/A:H", Some(Severity::High)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", Some(Severity::Medium)),
            ("CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L", Some(Severity::Medium)),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:L", Some(Severity::Low)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Some(Severity::Info)),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None),
            ("CVSS:3.1/AV:N", None),
            ("", None),
        ] {
            assert_eq!(severity(vector), wanted, "{vector}");
        }
    }
}

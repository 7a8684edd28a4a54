//! A report for a terminal: grouped by safeguard, the heaviest first, short.

use crate::{Finding, Report};
use burgrave_model::{Safeguard, Severity, Verdict};

/// The report; `verbose` shows evidence of everything and what to do, `coloured` paints severities.
pub fn text(report: &Report, all: bool, verbose: bool, coloured: bool) -> String {
    let mut out = String::new();
    for safeguard in Safeguard::ALL {
        let own: Vec<&Finding> =
            super::shown(report, all).filter(|finding| finding.safeguard == *safeguard).collect();
        if own.is_empty() {
            continue;
        }
        out.push_str(&format!("{}\n", bold(safeguard.id(), coloured)));
        for finding in own {
            one(finding, verbose, coloured, &mut out);
        }
        out.push('\n');
    }
    let count = |severity| {
        report
            .findings
            .iter()
            .filter(|f| f.verdict == Verdict::Fail && f.severity == severity)
            .count()
    };
    let weights =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let counts: Vec<String> =
        weights.iter().map(|weight| format!("{} {weight}", count(*weight))).collect();
    out.push_str(&format!(
        "{}: {} found ({}), {} not seen, {} in order\n",
        if report.host.is_empty() { "this host" } else { &report.host },
        report.count(Verdict::Fail),
        counts.join(", "),
        report.count(Verdict::Unknown),
        report.count(Verdict::Pass)
    ));
    out
}

fn one(finding: &Finding, verbose: bool, coloured: bool, out: &mut String) {
    let word = match finding.verdict {
        Verdict::Fail => finding.severity.id(),
        Verdict::Unknown => "unknown",
        Verdict::Pass => "ok",
    };
    out.push_str(&format!(
        "  {}  {}  [{}]\n",
        painted(word, coloured),
        crate::evidence::shown(&finding.title),
        finding.id
    ));
    let most = if verbose { usize::MAX } else { 2 };
    for evidence in finding.evidence.iter().take(most) {
        out.push_str(&format!("            {}\n", evidence.line()));
    }
    if finding.evidence.len() > most {
        out.push_str(&format!("            … {} more (-v)\n", finding.evidence.len() - most));
    }
    if verbose && finding.verdict == Verdict::Fail {
        out.push_str(&format!("            what to do: {}\n", finding.remedy));
    }
}

fn bold(text: &str, coloured: bool) -> String {
    if coloured { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn painted(word: &str, coloured: bool) -> String {
    let padded = format!("{word:<8}");
    let colour = match word {
        "critical" => "1;31",
        "high" => "31",
        "medium" => "33",
        "ok" => "32",
        _ => "36",
    };
    if coloured { format!("\u{1b}[{colour}m{padded}\u{1b}[0m") } else { padded }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_fault_is_one_line_with_its_ground() {
        let short = text(&sample(), false, false, false);
        assert!(short.contains("  critical  a </script> fault  [ssh-root-login]\n            /etc/a<b>\\n\"c  line & text\n"), "{short}");
        assert!(
            !short.contains("what to do")
                && !short.contains("[ssh-idle]")
                && !short.contains('\u{1b}')
        );
        assert!(short.ends_with(
            "h<1>: 2 found (1 critical, 0 high, 0 medium, 1 low, 0 info), 1 not seen, 1 in order\n"
        ));
        let long = text(&sample(), true, true, true);
        assert!(
            long.contains("what to do: do `this` & that")
                && long.contains("[ssh-idle]")
                && long.contains("\u{1b}[1;31m")
        );
    }
}

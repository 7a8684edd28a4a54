//! A report as one page of HTML that needs nothing else: no script, no font, no network.

use crate::{Finding, Report};
use burgrave_model::{Safeguard, Severity, Verdict};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1b1f24;background:#fff}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid #d8dee4}\
details{border-left:4px solid #999;margin:.4rem 0;padding:.2rem .8rem;background:#f6f8fa}\
summary{cursor:pointer}code{background:#eaeef2;padding:0 .2rem;overflow-wrap:anywhere}\
.critical{border-color:#a40e26}.high{border-color:#d1242f}.medium{border-color:#bf8700}.low{border-color:#57606a}.unknown{border-color:#8250df}.ok{border-color:#1a7f37}\
.badge{display:inline-block;min-width:4.5rem;font-weight:600}table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:left}\
div.picture{overflow-x:auto}@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}details{background:#161b22}code{background:#30363d}h2{border-color:#30363d}}";

/// The page, with the picture of what listens where there is one.
pub fn html(report: &Report, all: bool, picture: Option<&str>) -> String {
    let host = escaped(if report.host.is_empty() { "this host" } else { &report.host });
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
<title>Audit of {host}</title><style>{STYLE}</style></head><body>\n<h1>Audit of {host}</h1>\n<p>{}</p>\n",
        report.time.rfc3339()
    );
    out.push_str(&overview(report));
    if let Some(picture) = picture {
        out.push_str(&format!(
            "<h2>Who reaches what</h2>\n<div class=\"picture\">\n{picture}</div>\n"
        ));
    }
    for safeguard in Safeguard::ALL {
        let own: Vec<&Finding> =
            super::shown(report, all).filter(|finding| finding.safeguard == *safeguard).collect();
        if !own.is_empty() {
            out.push_str(&format!(
                "<h2>{}</h2>\n<p>{}</p>\n",
                safeguard.id(),
                escaped(safeguard.gives())
            ));
            for finding in own {
                out.push_str(&one(finding));
            }
        }
    }
    out.push_str("</body></html>\n");
    out
}

/// How many of each weight, as bars.
fn overview(report: &Report) -> String {
    let mut out = String::from("<table>\n");
    let weights =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let count = |weight| {
        report
            .findings
            .iter()
            .filter(|f| f.verdict == Verdict::Fail && f.severity == weight)
            .count()
    };
    let most = weights.iter().map(|weight| count(*weight)).max().unwrap_or(1).max(1);
    for weight in weights {
        let number = count(weight);
        let width = number * 300 / most;
        out.push_str(&format!(
            "<tr><th>{weight}</th><td>{number}</td><td><svg width=\"300\" height=\"12\" role=\"img\" aria-label=\"{number}\"><rect width=\"{width}\" height=\"12\" fill=\"currentColor\"/></svg></td></tr>\n"
        ));
    }
    out.push_str(&format!("<tr><th>not seen</th><td>{}</td><td></td></tr>\n<tr><th>in order</th><td>{}</td><td></td></tr>\n</table>\n", report.count(Verdict::Unknown), report.count(Verdict::Pass)));
    out
}

fn one(finding: &Finding) -> String {
    let word = match finding.verdict {
        Verdict::Fail => finding.severity.id(),
        Verdict::Unknown => "unknown",
        Verdict::Pass => "ok",
    };
    let mut out = format!(
        "<details class=\"{word}\"><summary><span class=\"badge\">{word}</span> {} <code>{}</code></summary>\n<ul>\n",
        escaped(&finding.title),
        finding.id
    );
    for evidence in &finding.evidence {
        out.push_str(&format!("<li><code>{}</code></li>\n", escaped(&evidence.line())));
    }
    out.push_str("</ul>\n");
    if finding.verdict == Verdict::Fail {
        out.push_str(&format!("<p><strong>What to do:</strong> {}</p>\n", escaped(finding.remedy)));
    }
    if !finding.controls.is_empty() {
        out.push_str(&format!("<p>{}</p>\n", escaped(&finding.controls.join(", "))));
    }
    out.push_str("</details>\n");
    out
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_page_is_whole_and_nothing_of_the_host_is_markup() {
        let page = html(&sample(), false, None);
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
        assert!(!page.contains("</script>") && page.contains("a &lt;/script&gt; fault"));
        assert!(page.contains("/etc/a&lt;b&gt;\\n&quot;c") && !page.contains("h<1>"));
        assert_eq!(page.matches("<details").count(), 3);
        let picture = super::super::services_svg("h", &[]);
        let with = html(&sample(), false, Some(&picture));
        assert!(
            with.contains("<h2>Who reaches what</h2>") && with.contains("nothing listens here")
        );
        assert!(!page.contains("Who reaches what"));
        assert_eq!(html(&sample(), true, None).matches("<details").count(), 4);
        assert!(!page.contains("src=") && !page.contains("href="));
    }
}

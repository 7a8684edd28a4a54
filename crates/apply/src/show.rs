//! A plan for people and for programs.

use crate::diff::{diff, visible};
use burgrave_model::{Change, MASK, Plan, Program, Step, UnitName};
use serde_json::{Value, json};

/// A plan in words and as differences.
pub fn text(plan: &Plan, is_tree: bool) -> String {
    let mut out = String::new();
    for mend in &plan.mends {
        out.push_str(&format!("{}  {}\n", mend.id, visible(mend.fault.as_bytes())));
        out.push_str(&format!("    risk: {}\n", mend.risk));
    }
    if !plan.steps.is_empty() {
        out.push('\n');
    }
    for step in &plan.steps {
        out.push_str(&words(step));
        out.push_str(&format!("  ({})\n", step.checks.join(", ")));
        if let Change::Write { old, content, .. } = &step.change {
            for line in diff(old.as_deref().unwrap_or_default(), content) {
                out.push_str(&format!("    {line}\n"));
            }
        }
    }
    for program in &plan.programs {
        out.push_str(&format!("{}\n", about(*program, is_tree)));
    }
    for unit in &plan.stops {
        out.push_str(&stopped(unit, is_tree));
    }
    if !plan.refused.is_empty() {
        out.push_str("\nleft for you:\n");
    }
    for (id, why) in &plan.refused {
        out.push_str(&format!("  {id}: {}\n", visible(why.as_bytes())));
    }
    let steps = plan.steps.len();
    out.push_str(&format!(
        "{}{} check(s) mended by {steps} change(s), {} left for you\n",
        if out.is_empty() { "" } else { "\n" },
        plan.mends.len(),
        plan.refused.len()
    ));
    out
}

fn words(step: &Step) -> String {
    let target = &step.target;
    match &step.change {
        Change::Write { old: Some(_), .. } => format!("change  {target}"),
        Change::Write { old: None, new_mode, .. } => {
            format!("create  {target}, mode {new_mode:04o}")
        }
        Change::Folder { mode } => format!("create  {target}/, mode {mode:04o}"),
        Change::Mode { old, mode } => format!("mode    {target}: {old:04o} → {mode:04o}"),
        Change::Owner { old, uid, gid } => {
            format!("owner   {target}: {}:{} → {uid}:{gid}", old.0, old.1)
        }
        Change::Remove => format!("remove  {target} (kept in quarantine)"),
        Change::Mask => format!("mask    {target} → {MASK}"),
        Change::Unlink { to } => format!("unlink  {target} → {}", visible(to.as_bytes())),
    }
}

fn about(program: Program, is_tree: bool) -> String {
    let commands = |all: &[&[&str]]| all.first().map(|command| command.join(" "));
    let mut parts = Vec::new();
    parts.extend(commands(program.validator()).map(|command| format!("check with `{command}`")));
    parts.extend(commands(program.reload()).map(|command| format!("then `{command}`")));
    let parts = parts.join(", ");
    if is_tree {
        format!("skip    {}: {parts} (nothing runs in a tree)", program.id())
    } else {
        format!("run     {}: {parts}", program.id())
    }
}

fn stopped(unit: &UnitName, is_tree: bool) -> String {
    if is_tree {
        format!("skip    stop {}: nothing runs in a tree\n", unit.text())
    } else {
        format!("run     stop {} where it runs\n", unit.text())
    }
}

/// A plan by contract, versioned.
pub fn json(plan: &Plan) -> String {
    let steps: Vec<Value> = plan.steps.iter().map(step).collect();
    let mends: Vec<Value> = plan
        .mends
        .iter()
        .map(|mend| json!({"id": mend.id, "fault": mend.fault, "risk": mend.risk}))
        .collect();
    let refused: Vec<Value> =
        plan.refused.iter().map(|(id, why)| json!({"id": id, "why": why})).collect();
    let programs: Vec<&str> = plan.programs.iter().map(|program| program.id()).collect();
    let all = json!({
        "version": 1,
        "mends": mends,
        "steps": steps,
        "programs": programs,
        "stops": plan.stops.iter().map(UnitName::text).collect::<Vec<_>>(),
        "refused": refused,
    });
    format!("{all:#}\n")
}

fn step(step: &Step) -> Value {
    let (change, more) = match &step.change {
        Change::Write { old, content, new_mode } => (
            "write",
            json!({
                "new": old.is_none(),
                "mode": old.is_none().then(|| format!("{new_mode:04o}")),
                "diff": diff(old.as_deref().unwrap_or_default(), content),
            }),
        ),
        Change::Folder { mode } => ("folder", json!({"mode": format!("{mode:04o}")})),
        Change::Mode { old, mode } => {
            ("mode", json!({"from": format!("{old:04o}"), "to": format!("{mode:04o}")}))
        }
        Change::Owner { old, uid, gid } => {
            ("owner", json!({"from": format!("{}:{}", old.0, old.1), "to": format!("{uid}:{gid}")}))
        }
        Change::Remove => ("remove", json!({})),
        Change::Mask => ("mask", json!({})),
        Change::Unlink { to } => ("unlink", json!({"to": to})),
    };
    json!({"path": step.target.text(), "change": change, "how": more, "checks": step.checks})
}

#[cfg(test)]
mod tests {
    use super::*;
    use burgrave_model::{Mend, Target};
    use std::path::Path;

    fn plan() -> Plan {
        let target = |path: &str| Target::try_from(Path::new(path)).unwrap();
        let step = |path: &str, change| Step { target: target(path), change, checks: vec!["a-b"] };
        Plan {
            steps: vec![
                step(
                    "/etc/x",
                    Change::Write {
                        old: Some(b"a 1\n".to_vec()),
                        content: b"a 2\n".to_vec(),
                        new_mode: 0o644,
                    },
                ),
                step("/etc/d", Change::Folder { mode: 0o755 }),
                step("/etc/y", Change::Mode { old: 0o666, mode: 0o640 }),
                step("/etc/y", Change::Owner { old: (1, 2), uid: 0, gid: 0 }),
                step("/srv/z", Change::Remove),
                step("/etc/w/a.service", Change::Unlink { to: "/lib/a\n".to_owned() }),
                step("/etc/a.service", Change::Mask),
            ],
            programs: vec![Program::Sshd],
            stops: vec![UnitName::try_from("a.service").unwrap()],
            mends: vec![Mend { id: "a-b", fault: "it is\nwrong".to_owned(), risk: "none" }],
            refused: vec![("c-d", "it cannot be".to_owned())],
        }
    }

    #[test]
    fn a_plan_is_shown_with_its_differences_and_risks() {
        let wanted = "a-b  it is\\nwrong\n    risk: none\n\nchange  /etc/x  (a-b)\n    - a 1\n    + a 2\ncreate  /etc/d/, mode 0755  (a-b)\nmode    /etc/y: 0666 → 0640  (a-b)\nowner   /etc/y: 1:2 → 0:0  (a-b)\nremove  /srv/z (kept in quarantine)  (a-b)\nunlink  /etc/w/a.service → /lib/a\\n  (a-b)\nmask    /etc/a.service → /dev/null  (a-b)\nskip    sshd: check with `/usr/sbin/sshd -t`, then `/usr/bin/systemctl try-reload-or-restart ssh.service` (nothing runs in a tree)\nskip    stop a.service: nothing runs in a tree\n\nleft for you:\n  c-d: it cannot be\n\n1 check(s) mended by 7 change(s), 1 left for you\n";
        assert_eq!(text(&plan(), true), wanted);
        assert!(text(&plan(), false).contains("run     sshd: check with"));
        assert!(text(&plan(), false).contains("run     stop a.service where it runs\n"));
        assert_eq!(
            text(&Plan::default(), true),
            "0 check(s) mended by 0 change(s), 0 left for you\n"
        );
    }

    #[test]
    fn a_plan_is_data_of_a_version() {
        let value: Value = serde_json::from_str(&json(&plan())).unwrap();
        assert_eq!(value["version"], 1);
        assert_eq!(value["steps"][0]["how"]["diff"], json!(["- a 1", "+ a 2"]));
        assert_eq!(value["steps"][2]["how"]["to"], "0640");
        assert_eq!(value["steps"][4]["change"], "remove");
        assert_eq!(value["steps"][5]["how"]["to"], "/lib/a\n");
        assert_eq!(value["steps"][6]["change"], "mask");
        assert_eq!(value["stops"], json!(["a.service"]));
        assert_eq!(value["refused"][0]["id"], "c-d");
    }
}

//! The layer over a rule set: what it stops of a public corpus of attacks, and what of a trading
//! application's requests. Sets that hold code on purpose are told apart.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use burgrave_conformance::detection::{Count, run};
use burgrave_conformance::{rules, shared};
use burgrave_seclang::{Layer, Options, RuleSet};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CODE_LIKE: &[&str] = &["strategy-code", "html-notes", "support-chat"];

fn compile(setup: &Path, folder: &Path, layer: Layer) -> Arc<RuleSet> {
    let include: Vec<PathBuf> = vec![setup.to_path_buf(), folder.join("*.conf")];
    Arc::new(rules::compile(&include, Options { layer, ..Options::default() }).unwrap())
}

/// Stopped and sent, of attacks and of benign requests.
fn counted(data: &Path, rules: &Arc<RuleSet>) -> [(usize, usize); 2] {
    let mut counts: BTreeMap<(bool, String), Count> = BTreeMap::new();
    for name in ["attacks.ndjson", "benign.ndjson"] {
        run(&data.join(name), rules, &mut counts, |wrong| println!("{wrong}")).unwrap();
    }
    [false, true].map(|legitimate| {
        let rows = counts
            .iter()
            .filter(|((own, set), _)| *own == legitimate && !CODE_LIKE.contains(&set.as_str()));
        rows.fold((0, 0), |(stopped, sent), (_, count)| {
            (stopped + count.stopped, sent + count.sent)
        })
    })
}

#[test]
fn attacks_are_stopped_and_traders_are_not() {
    let Some(shared) = shared().filter(|shared| shared.join("data/waf").is_dir()) else {
        burgrave_conformance::say("detection: the corpus is not here; nothing ran").unwrap();
        return;
    };
    let (setup, folder) = (shared.join("crs/crs-setup.conf.example"), shared.join("crs/rules"));
    let data = shared.join("data/waf");
    let [attacks, benign] = counted(&data, &compile(&setup, &folder, Layer::ON));
    let counts = format!("detection: attacks {attacks:?}, benign {benign:?} (stopped, sent)");
    burgrave_conformance::say(&counts).unwrap();
    assert!(attacks.0 * 100 >= attacks.1 * 92, "{attacks:?}");
    assert!(benign.0 * 200 <= benign.1, "{benign:?}");
    let [alone, _] = counted(&data, &compile(&setup, &folder, Layer::default()));
    assert!(alone.0 < attacks.0, "the layer adds to the rules: {alone:?} {attacks:?}");
}

/// Ids that a rule set lacks are no error.
#[test]
fn the_layer_lies_over_debians_rule_set_as_well() {
    let (setup, folder) =
        ("/etc/modsecurity/crs/crs-setup.conf", "/usr/share/modsecurity-crs/rules");
    if !Path::new(setup).is_file() {
        burgrave_conformance::say("detection: Debian's modsecurity-crs is not here").unwrap();
        return;
    }
    let rules = compile(Path::new(setup), Path::new(folder), Layer::ON);
    let Some(data) = shared().map(|shared| shared.join("data/waf")).filter(|data| data.is_dir())
    else {
        return;
    };
    let [attacks, benign] = counted(&data, &rules);
    assert!(attacks.0 * 100 >= attacks.1 * 85, "{attacks:?}");
    assert!(benign.0 * 100 <= benign.1, "{benign:?}");
}

//! `burgrave prove`: the attacks on one's own deployment.

use super::Exit;
use super::record::{event, record};
use crate::cli::Format;
use crate::error::Error;
use crate::{load, output};
use burgrave_backup::Job;
use burgrave_config::{Backup, Challenge, Identity, Settings};
use burgrave_ledger::{Event, Kind};
use burgrave_model::{Evidence, Outcome, Proof, Safeguard};
use burgrave_prove::{Rehearsal, Rehearsals, Target, TargetBackup};
use burgrave_sys::Live;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// Of a proof that did not hold, for its row.
const EVIDENCE_MAX: usize = 5;

/// Makes the attacks and shows how they ended.
pub(super) fn run(
    config: &Path,
    safeguards: &[Safeguard],
    format: Format,
    verbose: bool,
) -> Result<Exit, Error> {
    let settings = load::settings(&Live, config)?;
    let mut target = Target::from_settings(&settings);
    target.backups = backups(&settings);
    target.rehearsals = rehearsals(&settings)?;
    let proofs = burgrave_prove::prove(&target, safeguards);
    let rows: Vec<Event> = proofs.iter().map(row).collect();
    record(&settings.state, &rows);
    output::text(&match format {
        Format::Json => format!("{:#}\n", json!({ "version": 1, "proofs": proofs })),
        Format::Text => table(&proofs, verbose),
    })?;
    let unasked = burgrave_prove::unasked(&target);
    if safeguards.is_empty() && !unasked.is_empty() {
        output::notice(&format!("nothing is configured for {}", unasked.join(", ")));
    }
    Ok(exit(&proofs))
}

/// The jobs that only add, each with the way to try whether it could do more.
fn backups(settings: &Settings) -> Vec<TargetBackup> {
    let settings = Arc::new(settings.clone());
    let writers = settings.backups.iter().filter(|job| job.identity == Identity::Writer);
    let target = |job: &Backup| {
        let (own, name) = (Arc::clone(&settings), job.name.clone());
        let assault = move || match Job::new(&own, &name) {
            Ok(job) => job.assault(),
            // It was there when the settings were read.
            Err(_) => Vec::new(),
        };
        TargetBackup { name: job.name.clone(), assault: Arc::new(assault) }
    };
    writers.map(target).collect()
}

/// What is played beside the front door, of what is configured.
fn rehearsals(settings: &Settings) -> Result<Rehearsals, Error> {
    let program =
        std::env::current_exe().map_err(|error| Error::Runtime("this program's path", error))?;
    let is_closed = settings.firewall.as_ref().is_some_and(|firewall| firewall.enabled);
    let is_watched = !settings.watch.is_empty();
    let has_routes = settings.sites.iter().any(|site| !site.routes.is_empty());
    let asks_for_work = settings.sites.iter().any(|site| site.challenge != Challenge::Off);
    let has_sites = !settings.sites.is_empty();
    let own = Arc::new((settings.clone(), program));
    let play = |is_configured: bool, play: fn(&Settings, &Path) -> Vec<Evidence>| {
        let own = Arc::clone(&own);
        is_configured.then(|| Rehearsal(Arc::new(move || play(&own.0, &own.1))))
    };
    Ok(Rehearsals {
        firewall: play(is_closed, |settings, _| burgrave_rehearsal::firewall_drops(settings)),
        trial: play(is_closed, |_, _| burgrave_rehearsal::trial_ends()),
        brute_force: play(is_watched, burgrave_rehearsal::brute_force),
        lost_log: play(is_watched, burgrave_rehearsal::lost_log),
        sign_in: play(signs_in(settings), |_, _| burgrave_rehearsal::sign_in()),
        streams: play(!settings.streams.is_empty(), |settings, _| {
            burgrave_rehearsal::streams(settings)
        }),
        upstreams: play(has_routes, |settings, _| burgrave_rehearsal::upstreams(settings)),
        request_ids: play(has_sites, |settings, _| burgrave_rehearsal::request_ids(settings)),
        challenge: play(asks_for_work, |settings, _| burgrave_rehearsal::challenge(settings)),
        connections: play(has_sites, |settings, _| burgrave_rehearsal::connections(settings)),
    })
}

/// Whether anybody has a password.
fn signs_in(settings: &Settings) -> bool {
    let routes = settings.sites.iter().flat_map(|site| &site.routes).map(|route| &route.access);
    let mut all = settings.sites.iter().map(|site| &site.access).chain(routes);
    all.any(|access| access.users.is_some())
}

/// How a proof ended, with what was seen where it did not hold.
fn row(proof: &Proof) -> Event {
    let fell = proof.evidence.iter().filter(|evidence| evidence.outcome != Outcome::Held);
    let saw: Vec<String> = fell
        .take(EVIDENCE_MAX)
        .map(|evidence| format!("{}: {}", evidence.did, evidence.saw).chars().take(300).collect())
        .collect();
    let detail = json!({
        "outcome": proof.outcome.words(), "safeguard": proof.safeguard.id(),
        "attempts": proof.evidence.len(), "saw": saw,
    });
    event(Kind::ProofEnded, proof.id, detail)
}

fn exit(proofs: &[Proof]) -> Exit {
    match Outcome::of_all(proofs.iter().map(|proof| proof.outcome)) {
        Outcome::Held => Exit::Clean,
        Outcome::Fell => Exit::Findings,
        Outcome::NotProven => Exit::Unproven,
    }
}

fn table(proofs: &[Proof], verbose: bool) -> String {
    let mut text = String::new();
    for proof in proofs {
        text.push_str(&format!(
            "{:<10}  {:<22}  {:<18}  {}\n",
            proof.outcome.words(),
            proof.id,
            proof.safeguard.id(),
            proof.title
        ));
        for evidence in &proof.evidence {
            if verbose || evidence.outcome != Outcome::Held {
                text.push_str(&format!(
                    "            {}: {}\n              {}\n",
                    evidence.outcome, evidence.did, evidence.saw
                ));
            }
        }
    }
    let count = |outcome| proofs.iter().filter(|proof| proof.outcome == outcome).count();
    text.push_str(&format!(
        "{} held, {} fell, {} not proven\n",
        count(Outcome::Held),
        count(Outcome::Fell),
        count(Outcome::NotProven)
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(outcome: Outcome) -> Proof {
        let evidence = Evidence { did: "GET /".to_owned(), saw: "403".to_owned(), outcome };
        Proof {
            id: "sql-injection",
            safeguard: Safeguard::Injection,
            title: "SQL injection is refused",
            outcome,
            evidence: vec![evidence],
        }
    }

    #[test]
    fn what_held_is_one_line_and_what_fell_shows_why() {
        let text = table(&[proof(Outcome::Held), proof(Outcome::Fell)], false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert!(lines[0].starts_with("held        sql-injection"));
        assert!(lines[2].contains("fell: GET /"));
        assert_eq!(lines[4], "1 held, 1 fell, 0 not proven");
        assert_eq!(table(&[proof(Outcome::Held)], true).lines().count(), 4);
    }

    #[test]
    fn only_what_is_configured_is_rehearsed() {
        let rehearsed = |site: &str| {
            let listen = "[[listen]]\naddress = \"127.0.0.1:443\"\ntls = true\n";
            let text = format!("{listen}[[site]]\nhosts = [\"a\"]\ntls = \"self-signed\"\n{site}");
            let all = rehearsals(&burgrave_config::parse(&text).unwrap()).unwrap();
            assert!(all.request_ids.is_some() && all.connections.is_some(), "there is a site");
            assert_eq!(all.challenge.is_some(), site.contains("challenge"));
            let is_there = [all.streams, all.upstreams, all.sign_in, all.brute_force, all.firewall];
            is_there.map(|rehearsal| rehearsal.is_some())
        };
        let files = "files = { root = \"/srv\" }\n";
        assert_eq!(rehearsed(files), [false; 5]);
        for when in ["on", "load"] {
            assert_eq!(rehearsed(&format!("challenge = \"{when}\"\n{files}")), [false; 5]);
        }
        let stream =
            "[[stream]]\nname = \"s\"\naddress = \"127.0.0.1:1\"\nupstream = [\"tcp://a:1\"]\n";
        assert_eq!(rehearsed(&format!("{files}{stream}")), [true, false, false, false, false]);
        let route = "[[site.route]]\npath = \"/\"\nupstream = [\"http://a:1\"]\n";
        assert_eq!(rehearsed(route), [false, true, false, false, false]);
        let users = "access = { users = \"/srv/users\" }\n";
        assert_eq!(rehearsed(&format!("{route}{users}")), [false, true, true, false, false]);
        assert_eq!(rehearsed(&format!("{files}{users}")), [false, false, true, false, false]);
    }

    #[test]
    fn exit_codes_never_call_unproven_clean() {
        use Outcome::{Fell, Held, NotProven};
        for (outcomes, code) in [
            (&[Held, Held][..], 0),
            (&[Held, Fell, NotProven], 1),
            (&[Held, NotProven], 2),
            (&[], 2),
        ] {
            let proofs: Vec<Proof> = outcomes.iter().map(|outcome| proof(*outcome)).collect();
            assert_eq!(exit(&proofs).code(), code, "{outcomes:?}");
        }
    }
}

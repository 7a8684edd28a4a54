//! All proofs, one file each.

mod backups;
mod brute_force;
mod certificate_chain;
mod certificates;
mod challenge;
mod closed_door;
mod command_injection;
mod connection_limits;
mod cross_site_scripting;
mod environments;
mod firewall_drops;
mod fix_sessions;
mod floods;
mod hostile_frames;
mod http3;
mod injected;
mod leftovers;
mod lost_log;
mod named_client;
mod oversized;
mod oversized_and_slow;
mod path_traversal;
mod rehearsed;
mod request_ids;
mod request_rate;
mod request_smuggling;
mod sign_in;
mod slow;
mod sql_injection;
mod streams;
mod tls;
mod trial_ends;
mod unknown_host;
mod uploads;
mod upstreams;
mod version_hiding;

use crate::Attack;

/// Every proof, in the order in which they are run and shown.
pub static ALL: &[&dyn Attack] = &[
    &sql_injection::SqlInjection,
    &cross_site_scripting::CrossSiteScripting,
    &path_traversal::PathTraversal,
    &command_injection::CommandInjection,
    &request_smuggling::RequestSmuggling,
    &leftovers::Leftovers,
    &version_hiding::VersionHiding,
    &tls::Tls,
    &certificates::Certificates,
    &unknown_host::UnknownHost,
    &named_client::NamedClient,
    &oversized_and_slow::OversizedAndSlow,
    &floods::Floods,
    &http3::OverQuic,
    &challenge::Challenge,
    &connection_limits::ConnectionLimits,
    &request_rate::Rate,
    &closed_door::ClosedDoor,
    &environments::Environments,
    &uploads::Uploads,
    &streams::Streams,
    &upstreams::Upstreams,
    &backups::Backups,
    &firewall_drops::FirewallDrops,
    &trial_ends::TrialEnds,
    &sign_in::SignIn,
    &brute_force::BruteForce,
    &lost_log::LostLog,
    &request_ids::RequestIds,
];

#[cfg(test)]
mod tests {
    use super::ALL;
    use std::collections::BTreeSet;

    #[test]
    fn proofs_are_unique_and_documented() {
        let ids: BTreeSet<_> = ALL.iter().map(|attack| attack.id()).collect();
        assert_eq!(ids.len(), ALL.len());
        for attack in ALL {
            let id = attack.id();
            assert!(
                id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')),
                "{id}"
            );
            let title = attack.title();
            assert!(title.len() > 20 && !title.ends_with('.') && !title.contains('\n'), "{id}");
            let about = attack.about();
            assert!(about.len() > 200, "{id} says too little of itself");
            assert!(about.contains("CWE-") || about.contains("RFC "), "{id} names no source");
            assert!(about.contains("If it fell"), "{id} does not say what to do");
        }
    }
}

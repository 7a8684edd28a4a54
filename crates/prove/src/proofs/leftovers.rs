//! Files that were never meant to be served (CWE-530, CWE-538).

use crate::Attack;
use crate::request::Request;
use crate::target::{Door, Place, Target, TargetSite};
use crate::trial::{Trial, each_site, nothing_served};
use crate::wire::Wire;
use burgrave_model::{Evidence, Safeguard};

pub(super) struct Leftovers;

/// After a place's path and a slash.
const NAMES: &[&str] = &[
    ".git/config",
    ".GIT/HEAD",
    "%2e%67it/config",
    "%252egit/config",
    ".svn/entries",
    ".hg/hgrc",
    ".env",
    ".env.production",
    ".htpasswd",
    ".htaccess",
    ".ssh/id_rsa",
    ".DS_Store",
    ".index.html.swp",
    "backup.zip",
    "BACKUP.ZIP",
    "backup.tar.gz",
    "www.7z",
    "db.sql",
    "dump.sql.gz",
    "database.sqlite",
    "index.php~",
    "index.php.bak",
    "index.html.old",
    "config.php.save",
    "web.config",
    "wp-config.php.bak",
    "docker-compose.yml",
    "id_rsa",
    "server.key",
    "install.php",
    "phpinfo.php",
    "backup.zip.",
    "backup.zip%20",
    "backup%2ezip",
];

impl Attack for Leftovers {
    fn id(&self) -> &'static str {
        "leftovers"
    }

    fn safeguard(&self) -> Safeguard {
        Safeguard::Cleanup
    }

    fn title(&self) -> &'static str {
        "hidden files, version control, backups, dumps, keys and installers are not served"
    }

    fn about(&self) -> &'static str {
        "Asks every route and the static content of every site for the names that such files usually \
         have: `.git/config`, `.env`,\n`backup.zip`, `db.sql`, `index.php~`, installers and keys, also \
         in other case, encoded once and twice, and with a\ntrailing dot or space (CWE-530, CWE-538). \
         Any content at all counts as fell, and none of it is kept as evidence.\nHeld says that none of \
         these names gives anything; names that nobody guesses are the audit's to find.\n\nIf it \
         fell: move the file out of the web root. Where an application answers every path with its \
         front page, let it\nanswer 404 to paths that it does not know."
    }

    fn run(&self, target: &Target, wire: &mut Wire) -> Vec<Evidence> {
        each_site(target, |site, door| {
            site.places.iter().flat_map(|place| at_place(wire, site, door, place)).collect()
        })
    }
}

fn at_place(wire: &mut Wire, site: &TargetSite, door: Door, place: &Place) -> Vec<Evidence> {
    let base = format!("{}/", place.path.trim_end_matches('/'));
    let ask = |path: &str| Request::new("GET", path, &site.host).bytes();
    let trial = match Trial::begin(wire, door, site, ask(&place.path)) {
        Ok(trial) => trial,
        Err(evidence) => return vec![evidence],
    };
    let one = |name: &&str| {
        let path = format!("{base}{name}");
        let did = format!("GET {path} of {}", site.host);
        trial.attack(wire, &did, &ask(&path), nothing_served)
    };
    NAMES.iter().map(one).collect()
}

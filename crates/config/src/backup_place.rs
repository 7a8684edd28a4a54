//! Where a job's snapshots go, and who may do what there; copies of a job at other places; and the state that goes along.

use crate::backup::{Backup, BackupTarget, Identity, Keep};
use crate::backup_keys::{
    BANDWIDTH, CREDENTIALS, IDENTITY, KEEP, KEEP_KEYS, KEY, REPOSITORY, job_name,
};
use crate::kinds::Flag;
use crate::names::Parsed;
use crate::sink::{Located, Sink, Spot};
use crate::table::{Key, ManyTables, Section, Table};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) static COPY: Key<ManyTables> = Key {
    name: "copy",
    kind: ManyTables(&COPY_SECTION),
    default: "no copies",
    about: "The same at other places: each is a job of its own, called by both names, such as `ledger-offsite`.",
};
static COPY_SECTION: Section = Section {
    title: "[[backup.copy]]",
    about: "The source, schedule, drill and hooks are those of the job; it is read anew for each, so that one place that is \
            away or damaged is not felt by the others.",
    keys: &[&COPY_NAME, &REPOSITORY, &KEY, &CREDENTIALS, &IDENTITY, &KEEP, &BANDWIDTH],
    refused: &[],
};
static COPY_NAME: Key<Parsed<String>> = Key {
    name: "name",
    kind: Parsed { parse: job_name, words: "1 to 64 letters, digits, `-`, `_` or `.`" },
    default: "",
    about: "What the copy is called, behind the job's name.",
};
pub(crate) static OWN_STATE: Key<Flag> = Key {
    name: "own_state",
    kind: Flag,
    default: "true",
    about: "Whether what Burgrave keeps in `state` goes along with `paths`: bans, certificates, the undo of changes. What jobs \
            keep for themselves stays.",
};

/// Where snapshots go.
pub(crate) struct Place {
    pub(crate) repository: BackupTarget,
    pub(crate) key: PathBuf,
    pub(crate) credentials: Option<PathBuf>,
    pub(crate) identity: Identity,
    pub(crate) keep: Option<Keep>,
    pub(crate) bandwidth: Option<u64>,
}

/// Reads it; `every`: of the job.
pub(crate) fn place(
    table: &Table<'_, '_>,
    every: Option<&Located<Duration>>,
    sink: &mut Sink<'_>,
) -> Option<Place> {
    let repository = table.needed(&REPOSITORY, sink);
    let key = table.needed(&KEY, sink);
    let credentials = table.located(&CREDENTIALS, sink);
    let identity = table.get(&IDENTITY, sink).unwrap_or(Identity::Sole);
    let keep = table.table(&KEEP, sink).map(|table| (table.spot.clone(), keep(&table, sink)));
    let bandwidth = table.get(&BANDWIDTH, sink);
    rights(identity, every, keep.as_ref().map(|(spot, _)| spot), table, sink);
    if let (Some(repository), Some(credentials)) = (&repository, &credentials)
        && matches!(repository.value, BackupTarget::Local(_))
    {
        sink.wrong(&credentials.spot, "a directory of this machine wants no `credentials`", None);
    }
    let repository = repository?.value;
    if matches!(repository, BackupTarget::S3(_)) && credentials.is_none() {
        let words = "a file with key and secret".to_owned();
        sink.missing(&table.spot, "S3 wants `credentials`", words);
    }
    let (key, credentials) = (key?.value, credentials.map(|file| file.value));
    let keep = keep.map(|(_, keep)| keep);
    Some(Place { repository, key, credentials, identity, keep, bandwidth })
}

/// The job at its other places.
pub(crate) fn copies(table: &Table<'_, '_>, job: &Backup, sink: &mut Sink<'_>) -> Vec<Backup> {
    let mut all: Vec<Backup> = Vec::new();
    for own in table.tables(&COPY, sink) {
        let name = own.needed(&COPY_NAME, sink);
        let Some((place, name)) = place(&own, None, sink).zip(name) else { continue };
        let others = all.iter().map(|other| &other.repository).chain([&job.repository]);
        if others.into_iter().any(|other| *other == place.repository) {
            let message = "a copy at the same place is none".to_owned();
            sink.wrong(&own.spot, message, None);
        }
        all.push(Backup {
            name: format!("{}-{}", job.name, name.value),
            repository: place.repository,
            key: place.key,
            credentials: place.credentials,
            identity: place.identity,
            keep: place.keep,
            bandwidth: place.bandwidth,
            ..job.clone()
        });
    }
    all
}

/// Adds the state to what is backed up, unless it is there already. What jobs keep for themselves is of this machine alone.
pub(crate) fn with_state(paths: &mut Vec<PathBuf>, exclude: &mut Vec<String>, state: &Path) {
    if !paths.iter().any(|path| state.starts_with(path)) {
        paths.push(state.to_path_buf());
        exclude.push(state.join("backup").display().to_string());
    }
}

/// What an identity may not, refused where it is asked for.
fn rights(
    identity: Identity,
    every: Option<&Located<Duration>>,
    keep: Option<&Spot>,
    table: &Table<'_, '_>,
    sink: &mut Sink<'_>,
) {
    match identity {
        Identity::Sole => {}
        Identity::Writer | Identity::Reader => {
            if let Some(keep) = keep {
                let message = "only a keeper forgets: `keep` belongs into the keeper's configuration, on another machine";
                sink.wrong(keep, message, None);
            }
        }
        Identity::Keeper => {
            if keep.is_none() {
                let message = "a keeper without `keep` has nothing to do";
                sink.missing(&table.spot, message, "`keep = { daily = 14, … }`".to_owned());
            }
        }
    }
    if let (Identity::Reader, Some(every)) = (identity, every) {
        sink.wrong(&every.spot, "a reader makes no backups: remove `every`", None);
    }
}

fn keep(table: &Table<'_, '_>, sink: &mut Sink<'_>) -> Keep {
    let mut keep = Keep::default();
    let into = [
        &mut keep.last,
        &mut keep.hourly,
        &mut keep.daily,
        &mut keep.weekly,
        &mut keep.monthly,
        &mut keep.yearly,
    ];
    for (into, key) in into.into_iter().zip(KEEP_KEYS) {
        *into = table.get(key, sink).unwrap_or(0);
    }
    if keep == Keep::default() {
        let message = "`keep` keeps nothing: everything would be forgotten";
        sink.wrong(&table.spot, message, "such as `{ daily = 14, weekly = 8 }`".to_owned());
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::BackupSource;

    fn read(rest: &str) -> Result<Vec<Backup>, String> {
        let text = format!(
            "state = \"/var/lib/b\"\n[[backup]]\nname = \"web\"\nrepository = \"/mnt/r\"\nkey = \"/k\"\nevery = \"1d\"\n{rest}"
        );
        match crate::parse(&text) {
            Ok(settings) => Ok(settings.backups),
            Err(errors) => Err(errors.render("burgrave.toml")),
        }
    }

    const SOURCE: &str = "source = { paths = [\"/srv\"] }\n";

    #[test]
    fn a_copy_is_the_job_at_another_place() {
        let copy = "[[backup.copy]]\nname = \"offsite\"\nrepository = \"rest:https://h.example/r\"\nkey = \"/k2\"\n\
                    identity = \"writer\"\n";
        let jobs = read(&format!("keep = {{ last = 1 }}\n{SOURCE}{copy}")).unwrap();
        let [own, copy] = jobs.as_slice() else { panic!("{jobs:?}") };
        assert_eq!((own.name.as_str(), copy.name.as_str()), ("web", "web-offsite"));
        assert_eq!((&own.source, own.every, own.jitter), (&copy.source, copy.every, copy.jitter));
        assert_eq!((copy.key.to_str(), copy.identity), (Some("/k2"), Identity::Writer));
        assert!(own.keep.is_some() && copy.keep.is_none());
    }

    #[test]
    fn what_is_no_copy_is_refused() {
        let copy = |name: &str, place: &str| {
            format!("[[backup.copy]]\n{name}repository = \"{place}\"\nkey = \"/k\"\n")
        };
        let named = "name = \"a\"\n";
        let other = "[[backup]]\nname = \"web-a\"\nrepository = \"/mnt/z\"\nkey = \"/k\"\nsource = { sqlite = \"/a\" }\n";
        for (rest, message) in [
            (copy("", "/mnt/b"), "has no `name`"),
            (copy(named, "/mnt/r"), "same place"),
            (copy(named, "/mnt/b") + &copy(named, "/mnt/c"), "another job `web-a`"),
            (copy(named, "/mnt/b") + &copy("name = \"b\"\n", "/mnt/b"), "same place"),
            (copy(named, "s3:https://h/b"), "S3 wants `credentials`"),
            (copy(named, "/mnt/b") + "every = \"1d\"\n", "unknown key `every`"),
        ] {
            let said = read(&format!("{SOURCE}{rest}")).unwrap_err();
            assert!(said.contains(message), "{rest}: {said}");
        }
        // Whichever of both comes first.
        let said = crate::parse(&format!(
            "{other}[[backup]]\nname = \"web\"\nrepository = \"/mnt/r\"\nkey = \"/k\"\n{SOURCE}{}",
            copy(named, "/mnt/b")
        ));
        assert!(said.unwrap_err().render("t").contains("another job `web-a`"));
    }

    #[test]
    fn the_state_goes_along_unless_it_is_there() {
        let paths = |rest: &str| {
            let jobs = read(rest).unwrap();
            let BackupSource::Paths { paths, exclude, .. } = &jobs[0].source else {
                panic!("{jobs:?}")
            };
            (paths.clone(), exclude.clone())
        };
        let (own, exclude) = paths(SOURCE);
        assert_eq!(own, [PathBuf::from("/srv"), PathBuf::from("/var/lib/b")]);
        assert_eq!(exclude, ["/var/lib/b/backup"]);
        for without in
            ["{ paths = [\"/srv\"], own_state = false }", "{ paths = [\"/srv\", \"/var\"] }"]
        {
            let (own, exclude) = paths(&format!("source = {without}\n"));
            assert!(!own.contains(&PathBuf::from("/var/lib/b")) && exclude.is_empty(), "{without}");
        }
        assert!(
            read("source = { sqlite = \"/a\", own_state = true }\n")
                .unwrap_err()
                .contains("own_state")
        );
    }
}

//! Watches certificate files that somebody else writes: when a pair has changed, and fits, whoever serves is to
//! read it anew; when it does not fit, the one that is served stays, and that is said.

use crate::error::CertificateError;
use crate::pair::Pair;
use crate::schedule::warning;
use burgrave_config::{Settings, Site, StreamTls, Tls};
use burgrave_sys::{Live, System as _, read_own};
use sha2::Digest as _;
use std::path::{Path, PathBuf};

/// What a look has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// As before, or not settled yet.
    None,
    /// Another pair that fits.
    Changed,
    /// Something that cannot be served, said once.
    Unusable(String),
}

/// A pair of files.
#[derive(Debug)]
pub(crate) struct Watched {
    /// Whose it is, as people know it.
    pub(crate) name: String,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// What is served, as far as we know.
    served: Option<Digest>,
    /// What was seen last: a change counts when it is seen twice, so that a half-written file does not.
    seen: Option<Digest>,
    /// What was complained of.
    told: Option<Digest>,
    /// The last number of days that was told before the end.
    days: Option<i64>,
}

type Digest = [u8; 32];

/// A file of PEM is no larger.
const FILE_BYTES_MAX: u64 = crate::pair::PEM_BYTES_MAX;

impl Watched {
    pub(crate) fn new(name: &str, certificate: PathBuf, key: PathBuf) -> Self {
        let mut own = Self {
            name: name.to_owned(),
            certificate,
            key,
            served: None,
            seen: None,
            told: None,
            days: None,
        };
        own.served = own.digest().ok();
        own.seen = own.served;
        own
    }

    fn digest(&self) -> Result<Digest, CertificateError> {
        let mut digest = sha2::Sha256::new();
        for file in [&self.certificate, &self.key] {
            let bytes = read_own(file, FILE_BYTES_MAX)?;
            digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(bytes);
        }
        Ok(digest.finalize().into())
    }

    /// Looks once. Files are small, and reading them is surer than their times.
    pub(crate) fn look(&mut self) -> News {
        let now = match self.digest() {
            Ok(now) => now,
            Err(error) => return self.unusable([0; 32], &error),
        };
        let settled = self.seen.replace(now) == Some(now);
        if !settled || self.served == Some(now) {
            if self.served == Some(now) {
                self.told = None;
            }
            return News::None;
        }
        match Pair::read(&self.certificate, &self.key) {
            Ok(_) => {
                (self.served, self.told, self.days) = (Some(now), None, None);
                News::Changed
            }
            Err(error) => self.unusable(now, &error),
        }
    }

    fn unusable(&mut self, what: Digest, error: &CertificateError) -> News {
        if self.told.replace(what) == Some(what) {
            return News::None;
        }
        News::Unusable(format!(
            "warning: the certificate of `{}` has changed and cannot be used, the one before stays in force: {}",
            self.name,
            error.chain()
        ))
    }

    /// What is to be said of its end at this time, in seconds since 1970.
    pub(crate) fn ending(&mut self, now: i64) -> Option<String> {
        let pair = Pair::read(&self.certificate, &self.key).ok()?;
        let left = pair.leaf.ends.saturating_sub(now);
        let told = warning(left, pair.leaf.ends.saturating_sub(pair.leaf.begins));
        let before = std::mem::replace(&mut self.days, told);
        let days = told.filter(|days| before.is_none_or(|before| *days < before))?;
        let file = self.certificate.display();
        Some(match days {
            0 => format!("warning: the certificate of `{}` (`{file}`) has ended", self.name),
            1 => {
                format!("warning: the certificate of `{}` (`{file}`) ends within a day", self.name)
            }
            days => {
                format!(
                    "warning: the certificate of `{}` (`{file}`) ends within {days} days",
                    self.name
                )
            }
        })
    }
}

/// The pairs that operators write.
pub(crate) fn given(settings: &Settings) -> Vec<Watched> {
    let sites = settings.sites.iter().map(|site| (site.name.as_str(), site.tls.as_ref()));
    let streams = settings.streams.iter().map(|stream| {
        let ended = match &stream.tls {
            Some(StreamTls::Ended(tls)) => Some(tls),
            Some(StreamTls::Passed) | None => None,
        };
        (stream.name.as_str(), ended)
    });
    let files = sites.chain(streams).filter_map(|(name, tls)| match tls? {
        Tls::Files { certificate, key } => {
            Some(Watched::new(name, certificate.clone(), key.clone()))
        }
        Tls::SelfSigned | Tls::Acme => None,
    });
    files.collect()
}

/// What all pairs that operators write look like now, as a text. To be asked before they are read to be served: a
/// change in between then counts as one.
pub fn fingerprint(settings: &Settings) -> String {
    of_all(&given(settings))
}

fn of_all(pairs: &[Watched]) -> String {
    let mut digest = sha2::Sha256::new();
    for pair in pairs {
        digest.update(pair.seen.unwrap_or_default());
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same pairs, compared with those that are served, by their fingerprint.
pub(crate) fn given_beside(settings: &Settings, served: Option<&str>) -> Vec<Watched> {
    let mut pairs = given(settings);
    if served.is_some_and(|served| served != of_all(&pairs)) {
        for pair in &mut pairs {
            pair.served = None;
        }
    }
    pairs
}

/// The pairs of our own whose end is told.
pub(crate) fn own(settings: &Settings) -> Vec<Watched> {
    let sites = settings.sites.iter().filter_map(|site| {
        let (certificate, key) = match site.tls.as_ref()? {
            Tls::SelfSigned => settings.self_signed_files(site),
            Tls::Acme => (settings.acme_file(site), settings.acme_file(site)),
            Tls::Files { .. } => return None,
        };
        Some(Watched::new(&site.name, certificate, key))
    });
    let streams = settings.streams.iter().filter_map(|stream| {
        // As the gateway names them.
        let site = Site::new(&format!("stream-{}", stream.name));
        let (certificate, key) = settings.self_signed_files(&site);
        let is_own = matches!(&stream.tls, Some(StreamTls::Ended(Tls::SelfSigned)));
        is_own.then(|| Watched::new(&stream.name, certificate, key))
    });
    sites.chain(streams).collect()
}

/// Folders in which files of operators are, also by the links that lead to them.
pub(crate) fn folders(settings: &Settings) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for pair in given(settings) {
        for file in [pair.certificate, pair.key] {
            let target = follow(&file);
            all.extend(
                [file, target].iter().filter_map(|file| file.parent().map(Path::to_path_buf)),
            );
        }
    }
    all.sort();
    all.dedup();
    all
}

fn follow(file: &Path) -> PathBuf {
    const LINKS_MAX: usize = 16;
    let mut place = file.to_path_buf();
    for _ in 0..LINKS_MAX {
        let Ok(target) = Live.link(&place) else { break };
        place = place.parent().map_or_else(|| target.clone(), |parent| parent.join(&target));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::tests::made;

    struct Files {
        folder: tempfile::TempDir,
    }

    impl Files {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap() }
        }

        fn write(&self, certificate: &str, key: &str) {
            std::fs::write(self.folder.path().join("c.pem"), certificate).unwrap();
            std::fs::write(self.folder.path().join("k.pem"), key).unwrap();
        }

        fn watched(&self) -> Watched {
            let path = |name| self.folder.path().join(name);
            Watched::new("shop", path("c.pem"), path("k.pem"))
        }
    }

    #[test]
    fn a_change_counts_when_it_has_settled_and_fits() {
        let files = Files::new();
        let pairs = [(); 3].map(|()| made(&["a"], (2026, 1, 1), (2027, 1, 1)));
        files.write(&pairs[0].0, &pairs[0].1);
        let mut watched = files.watched();
        assert_eq!(watched.look(), News::None);
        files.write(&pairs[1].0, &pairs[1].1);
        assert_eq!(
            [watched.look(), watched.look(), watched.look()],
            [News::None, News::Changed, News::None]
        );
        // The certificate comes first, its key later.
        files.write(&pairs[2].0, &pairs[1].1);
        assert_eq!(watched.look(), News::None);
        let News::Unusable(said) = watched.look() else { panic!("it does not fit") };
        assert!(said.contains("`shop`") && said.contains("no pair"), "{said}");
        assert_eq!(watched.look(), News::None, "said once");
        files.write(&pairs[2].0, &pairs[2].1);
        assert_eq!([watched.look(), watched.look()], [News::None, News::Changed]);
        std::fs::remove_file(files.folder.path().join("k.pem")).unwrap();
        assert!(matches!(watched.look(), News::Unusable(_)));
        assert_eq!(watched.look(), News::None);
        files.write(&pairs[2].0, &pairs[2].1);
        assert_eq!([watched.look(), watched.look()], [News::None, News::None], "as it is served");
    }

    #[test]
    fn the_end_of_a_certificate_is_told_in_steps() {
        let files = Files::new();
        let (certificate, key) = made(&["a"], (2026, 1, 1), (2026, 4, 1));
        files.write(&certificate, &key);
        let mut watched = files.watched();
        let end = 1_775_001_600;
        let days = |days: i64| end - days * 86_400;
        let mut said = |at: i64| watched.ending(at).unwrap_or_default();
        assert_eq!(said(days(30)), "");
        assert!(said(days(10)).ends_with("ends within 14 days"));
        assert_eq!(said(days(9)), "", "told already");
        assert!(said(days(6)).ends_with("ends within 7 days"));
        assert!(said(days(0) - 5).ends_with("ends within a day"));
        assert!(said(end).ends_with("has ended"));
        assert_eq!(said(end + 5), "");
    }

    #[test]
    fn a_change_before_the_first_look_counts_as_well() {
        let files = Files::new();
        let pairs = [(); 2].map(|()| made(&["a"], (2026, 1, 1), (2027, 1, 1)));
        files.write(&pairs[0].0, &pairs[0].1);
        let path = |name: &str| files.folder.path().join(name).display().to_string();
        let text = format!(
            "[[listen]]\naddress = \"127.0.0.1:443\"\ntls = true\n[[site]]\nhosts = [\"a\"]\nfiles = {{ root = \"/srv\" }}\n\
             tls = {{ certificate = \"{}\", key = \"{}\" }}\n",
            path("c.pem"),
            path("k.pem")
        );
        let settings = burgrave_config::parse(&text).unwrap();
        let served = fingerprint(&settings);
        let first = |served: &str| given_beside(&settings, Some(served)).remove(0).look();
        assert_eq!(first(&served), News::None);
        files.write(&pairs[1].0, &pairs[1].1);
        assert_ne!(fingerprint(&settings), served);
        assert_eq!(first(&served), News::Changed);
        assert_eq!(given_beside(&settings, None).remove(0).look(), News::None);
        assert!(folders(&settings).contains(&files.folder.path().to_path_buf()));
    }

    #[test]
    fn every_certificate_of_our_own_has_its_end_told() {
        let text = "state = \"/s\"\n[[listen]]\naddress = \"127.0.0.1:443\"\ntls = true\n[acme]\ndirectory = \"letsencrypt\"\n\
                    challenge = \"tls-alpn-01\"\n[[site]]\nhosts = [\"a.example\"]\ntls = \"acme\"\nfiles = { root = \"/srv\" }\n\
                    [[site]]\nhosts = [\"*\"]\ntls = \"self-signed\"\nfiles = { root = \"/srv\" }\n\
                    [[stream]]\nname = \"fix\"\naddress = \"127.0.0.1:9878\"\nupstream = [\"tcp://127.0.0.1:1\"]\ntls = \"self-signed\"\n";
        let settings = burgrave_config::parse(text)
            .unwrap_or_else(|errors| panic!("{}", errors.render("test")));
        let files: Vec<_> = own(&settings).into_iter().map(|own| own.certificate).collect();
        let wanted = ["/s/acme/a.example.pem", "/s/tls/any.crt", "/s/tls/stream-fix.crt"];
        assert_eq!(files, wanted.map(PathBuf::from));
        assert!(given(&settings).is_empty());
    }

    #[test]
    fn links_are_followed_to_their_folders() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["live", "archive"] {
            std::fs::create_dir(path(name)).unwrap();
        }
        std::fs::write(path("archive/c1.pem"), "x").unwrap();
        std::os::unix::fs::symlink("../archive/c1.pem", path("live/c.pem")).unwrap();
        assert_eq!(
            follow(&path("live/c.pem")).canonicalize().unwrap(),
            path("archive/c1.pem").canonicalize().unwrap()
        );
        assert_eq!(follow(Path::new("/none")), Path::new("/none"));
    }
}

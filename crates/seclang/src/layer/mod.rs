//! The rules that come with Burgrave: the base that every rule set stands on, the profile that fits it to
//! a kind of application, and rules of our own for what rule sets miss. They are read as files before all
//! others, so that a rule file can change or remove any of them like a rule of its own.

use crate::interface::{Layer, RuleFiles};
use burgrave_model::Profile;
use std::path::{Path, PathBuf};

/// A file of ours: its name, and its text.
type File = (&'static str, &'static str);

const BASE: File = ("burgrave/base.conf", include_str!("../base.conf"));
const TRADING: File = ("burgrave/trading.conf", include_str!("trading.conf"));
const EXTRA: &[File] = &[
    ("burgrave/extra/begin.conf", include_str!("extra/begin.conf")),
    ("burgrave/extra/sql.conf", include_str!("extra/sql.conf")),
    ("burgrave/extra/nosql.conf", include_str!("extra/nosql.conf")),
    ("burgrave/extra/directory.conf", include_str!("extra/directory.conf")),
    ("burgrave/extra/mail.conf", include_str!("extra/mail.conf")),
    ("burgrave/extra/template.conf", include_str!("extra/template.conf")),
    ("burgrave/extra/xml.conf", include_str!("extra/xml.conf")),
    ("burgrave/extra/path.conf", include_str!("extra/path.conf")),
    ("burgrave/extra/shell.conf", include_str!("extra/shell.conf")),
    ("burgrave/extra/script.conf", include_str!("extra/script.conf")),
    ("burgrave/extra/scan.conf", include_str!("extra/scan.conf")),
    ("burgrave/extra/end.conf", include_str!("extra/end.conf")),
];

const APPLICATION: File =
    ("burgrave/extra/application.conf", include_str!("extra/application.conf"));

fn files(layer: Layer) -> impl Iterator<Item = &'static File> {
    let profile = match layer.profile {
        Profile::None => None,
        Profile::Trading => Some(&TRADING),
    };
    let extra = if layer.extra { EXTRA } else { &[] };
    // The last of them adds up, so it stays the last.
    let (end, extra) = extra.split_last().map_or((None, extra), |(end, all)| (Some(end), all));
    let enforce = (layer.enforce && layer.extra).then_some(&APPLICATION);
    std::iter::once(&BASE).chain(profile).chain(extra).chain(enforce).chain(end)
}

/// The names of those that a layer has, in order.
pub(crate) fn names(layer: Layer) -> impl Iterator<Item = PathBuf> {
    files(layer).map(|(name, _)| PathBuf::from(name))
}

fn find(path: &Path) -> Option<&'static File> {
    files(Layer { enforce: true, ..Layer::ON }).find(|(name, _)| path == Path::new(name))
}

/// Ids of the rules of [`Layer::extra`].
#[cfg(test)]
const EXTRA_IDS: std::ops::Range<u32> = 7_201_000..7_290_000;

/// Ours among the files of the caller.
pub(crate) struct WithOurs<'a>(pub(crate) &'a dyn RuleFiles);

impl RuleFiles for WithOurs<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        match find(path) {
            Some((_, text)) => Ok(text.as_bytes().to_vec()),
            None => self.0.read(path),
        }
    }

    fn glob(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        match find(pattern) {
            Some((name, _)) => Ok(vec![PathBuf::from(name)]),
            None => self.0.glob(pattern),
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod trading_tests;

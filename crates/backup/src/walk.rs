//! Through the trees of a snapshot, directory by directory, without recursion.

use crate::compress::Zstd;
use crate::error::BackupError;
use crate::id::Id;
use crate::pack::BlobKind;
use crate::repository::Repository;
use crate::tree::{Node, Tree};

/// Directories within one another.
const DEPTH_MAX: usize = 4_096;

/// What is come by. Paths begin without a slash.
pub(crate) enum Step<'s> {
    /// Something that is no directory.
    Leaf(&'s [u8], &'s Node),
    /// A directory, before what is in it.
    Enter(&'s [u8], &'s Node),
    /// The same, after what is in it.
    Leave(&'s [u8], &'s Node),
    /// A directory whose list cannot be read. The path is empty for the top.
    Broken(&'s [u8], BackupError),
}

/// Whether to look into a directory; of no account for other steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Go {
    Into,
    Over,
}

/// Reads the list of a directory.
pub(crate) fn tree(repository: &Repository, id: &Id, zstd: &mut Zstd) -> Result<Tree, BackupError> {
    let blob = repository.read_blob(BlobKind::Tree, id, zstd)?;
    Tree::from_blob(id, &blob)
}

struct Level {
    nodes: std::vec::IntoIter<Node>,
    /// The directory itself, and its path.
    own: Option<(Vec<u8>, Node)>,
    path: Vec<u8>,
}

/// Walks below a tree.
pub(crate) fn walk(
    repository: &Repository,
    top: &Id,
    visit: &mut dyn FnMut(Step<'_>) -> Result<Go, BackupError>,
) -> Result<(), BackupError> {
    let mut zstd = Zstd::new()?;
    let nodes = match tree(repository, top, &mut zstd) {
        Ok(tree) => tree.nodes,
        Err(error) => {
            visit(Step::Broken(b"", error))?;
            return Ok(());
        }
    };
    let mut stack = vec![Level { nodes: nodes.into_iter(), own: None, path: Vec::new() }];
    while let Some(level) = stack.last_mut() {
        let Some(node) = level.nodes.next() else {
            if let Some((path, node)) = stack.pop().and_then(|level| level.own) {
                visit(Step::Leave(&path, &node))?;
            }
            continue;
        };
        let path = if level.path.is_empty() {
            node.name.0.clone()
        } else {
            [&level.path, &b"/"[..], &node.name.0].concat()
        };
        if node.kind != burgrave_sys::NodeKind::Directory {
            visit(Step::Leaf(&path, &node))?;
            continue;
        }
        if visit(Step::Enter(&path, &node))? == Go::Over {
            continue;
        }
        let list = match &node.subtree {
            Some(id) if stack.len() < DEPTH_MAX => tree(repository, id, &mut zstd),
            Some(id) => Err(BackupError::damaged(format!("the tree `{id}`"), "it is too deep")),
            None => Ok(Tree::default()),
        };
        let nodes = match list {
            Ok(list) => list.nodes,
            Err(error) => {
                visit(Step::Broken(&path, error))?;
                Vec::new()
            }
        };
        stack.push(Level { nodes: nodes.into_iter(), own: Some((path.clone(), node)), path });
    }
    Ok(())
}

/// What of a tree is meant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    paths: Vec<Vec<u8>>,
}

/// How a path stands to a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// It is meant.
    Inside,
    /// Something below it is.
    Above,
    /// Neither.
    Outside,
}

impl Selection {
    /// Of paths as they are written; none is everything.
    pub(crate) fn new(paths: &[Vec<u8>]) -> Self {
        let plain = |path: &Vec<u8>| {
            let parts = path.split(|byte| *byte == b'/');
            let parts: Vec<&[u8]> =
                parts.filter(|part| !part.is_empty() && *part != b".").collect();
            parts.join(&b'/')
        };
        Self { paths: paths.iter().map(plain).collect() }
    }

    pub(crate) fn relation(&self, path: &[u8]) -> Relation {
        if self.paths.is_empty() {
            return Relation::Inside;
        }
        let below = |path: &[u8], above: &[u8]| {
            above.is_empty()
                || path
                    .strip_prefix(above)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        if self.paths.iter().any(|wanted| below(path, wanted)) {
            Relation::Inside
        } else if self.paths.iter().any(|wanted| below(wanted, path)) {
            Relation::Above
        } else {
            Relation::Outside
        }
    }

    /// The paths that are no one's of these.
    pub(crate) fn unmet(
        &self,
        mut is_there: impl FnMut(&[u8]) -> bool,
    ) -> impl Iterator<Item = &[u8]> {
        self.paths.iter().map(Vec::as_slice).filter(move |path| !path.is_empty() && !is_there(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_of_whole_parts() {
        let selection = Selection::new(&[b"/srv/www/".to_vec(), b"etc//./hosts".to_vec()]);
        for (path, expected) in [
            (&b"srv"[..], Relation::Above),
            (b"srv/www", Relation::Inside),
            (b"srv/www/a/b", Relation::Inside),
            (b"srv/www2", Relation::Outside),
            (b"etc", Relation::Above),
            (b"etc/hosts", Relation::Inside),
            (b"et", Relation::Outside),
        ] {
            assert_eq!(selection.relation(path), expected, "{path:?}");
        }
        assert_eq!(Selection::default().relation(b"x"), Relation::Inside);
        assert_eq!(Selection::new(&[b"/".to_vec()]).relation(b"x"), Relation::Inside);
        let unmet: Vec<_> = selection.unmet(|path| path == b"etc/hosts").collect();
        assert_eq!(unmet, [b"srv/www"]);
    }
}

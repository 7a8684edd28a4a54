//! `burgrave init`: a configuration drafted from what is here; nothing is applied.

use super::Exit;
use crate::error::Error;
use crate::{load, output};
use burgrave_audit::Facts;
use burgrave_draft::{Draft, draft};
use burgrave_sys::{Access, create_own};
use std::path::Path;

/// Looks, drafts, and writes a file that was not there.
pub(super) fn run(config: &Path, root: Option<&Path>) -> Result<Exit, Error> {
    let (system, ground) = load::host(root)?;
    let draft = draft(&Facts::new(system.as_ref(), ground));
    if config == Path::new("-") {
        output::text(&draft.text)?;
    } else {
        let wrong = |error| Error::Write(config.to_path_buf(), error);
        create_own(config, draft.text.as_bytes(), Access::Owner).map_err(wrong)?;
        output::text(&said(&draft, config))?;
    }
    Ok(exit(&draft))
}

fn said(draft: &Draft, config: &Path) -> String {
    let config = config.display();
    let left_out = match draft.left_out {
        0 => String::new(),
        count => format!(", {count} left out for the reasons that stand there"),
    };
    format!(
        "`{config}` is drafted: {} site(s){left_out}. Nothing is in force. Read it, then `burgrave check --config {config}`\n",
        draft.sites
    )
}

fn exit(draft: &Draft) -> Exit {
    if draft.left_out > 0 { Exit::Findings } else { Exit::Clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_told_and_is_a_finding() {
        let draft = |left_out| Draft { text: String::new(), sites: 2, left_out };
        assert_eq!((exit(&draft(0)).code(), exit(&draft(1)).code()), (0, 1));
        assert!(said(&draft(3), Path::new("/c")).contains("2 site(s), 3 left out"));
        assert!(!said(&draft(0), Path::new("/c")).contains("left out"));
    }
}

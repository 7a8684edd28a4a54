//! PAM's stacks (pam.conf(5)), with `@include` put in its place.

use super::text::{Place, joined, uncommented};
use super::{Facts, Seen};
use std::path::{Path, PathBuf};

const DEPTH_MAX: usize = 8;

/// One line of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PamLine {
    /// The service's file name.
    pub service: String,
    /// `auth`, `account`, `password` or `session`.
    pub kind: String,
    /// As `required` or `[success=1 default=ignore]`.
    pub control: String,
    /// As `pam_unix.so`.
    pub module: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it really stands.
    pub place: Place,
}

impl PamLine {
    /// The line as written, without its spacing.
    pub fn line(&self) -> String {
        format!("{} {} {} {}", self.kind, self.control, self.module, self.arguments.join(" "))
    }

    /// The value of `name=value`.
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }
}

impl Facts<'_> {
    /// The lines of every service's stack. A line of a common file is there once for each service.
    pub fn pam(&self) -> &Seen<Vec<PamLine>> {
        self.cells.pam.get_or_init(|| {
            let mut out = Vec::new();
            for path in self.files_in("/etc/pam.d", "")? {
                let service =
                    path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
                if !service.ends_with('~') && !service.contains(".dpkg-") {
                    self.pam_file(&path, &service, &mut out, 0)?;
                }
            }
            Ok(out)
        })
    }

    fn pam_file(
        &self,
        path: &Path,
        service: &str,
        out: &mut Vec<PamLine>,
        depth: usize,
    ) -> Seen<()> {
        let Some(lines) = self.lines(path)? else { return Ok(()) };
        for line in joined(lines.to_vec()) {
            let text = uncommented(&line.text, "#").trim();
            if let Some(name) = text.strip_prefix("@include") {
                if depth < DEPTH_MAX && out.len() < 20_000 {
                    let file: PathBuf = Path::new("/etc/pam.d").join(name.trim());
                    self.pam_file(&file, service, out, depth + 1)?;
                }
            } else if let Some(parsed) = parse(text, service, &line.place) {
                out.push(parsed);
            }
        }
        Ok(())
    }
}

fn parse(text: &str, service: &str, place: &Place) -> Option<PamLine> {
    let (kind, rest) = text.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let (control, rest) = if rest.starts_with('[') {
        rest.split_once(']').map(|(inside, rest)| (format!("{inside}]"), rest))?
    } else {
        rest.split_once(char::is_whitespace).map(|(word, rest)| (word.to_owned(), rest))?
    };
    let mut parts = rest.split_whitespace().map(str::to_owned);
    let module = parts.next()?;
    let module = module.rsplit('/').next().map_or_else(
        || module.clone(),
        |name| {
            if module.starts_with("/lib") || module.starts_with("/usr/lib") {
                name.to_owned()
            } else {
                module.clone()
            }
        },
    );
    Some(PamLine {
        service: service.to_owned(),
        kind: kind.trim_start_matches('-').to_ascii_lowercase(),
        control,
        module,
        arguments: parts.collect(),
        place: place.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn stacks_are_read_with_what_they_include() {
        let fake = Fake::new();
        fake.file(
            "/etc/pam.d/login",
            "# auth x pam_permit.so\n@include common-auth\nsession optional pam_exec.so /tmp/x\n",
        );
        fake.file(
            "/etc/pam.d/common-auth",
            "auth [success=1 default=ignore] pam_unix.so nullok try=3\n",
        );
        let facts = Facts::new(&fake, Ground::Tree);
        let all = facts.pam().as_ref().unwrap();
        let login: Vec<_> = all.iter().filter(|line| line.service == "login").collect();
        assert_eq!(login.len(), 2);
        assert_eq!(
            (login[0].module.as_str(), login[0].argument("try")),
            ("pam_unix.so", Some("3"))
        );
        assert_eq!(login[0].place.path.as_ref(), Path::new("/etc/pam.d/common-auth"));
        assert_eq!(login[0].control, "[success=1 default=ignore]");
    }
}

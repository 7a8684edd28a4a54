//! Accounts: `passwd`, `group`, `shadow` (passwd(5), group(5), shadow(5)).

use super::text::Place;
use super::{Facts, Seen};
use std::path::{Path, PathBuf};

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// The second field, `x` where the hash is in `shadow`.
    pub password: String,
    /// Its number.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its home.
    pub home: PathBuf,
    /// Its shell, empty for `/bin/sh`.
    pub shell: String,
    /// Where.
    pub place: Place,
}

impl User {
    /// Whether somebody can work as this account on a terminal.
    pub fn can_log_in(&self) -> bool {
        !["nologin", "false", "sync", "shutdown", "halt"]
            .iter()
            .any(|shell| self.shell.rsplit('/').next() == Some(shell))
    }

    /// Whether it is for a person rather than for a service, by Debian's ranges.
    pub const fn is_person(&self) -> bool {
        self.uid >= 1000 && self.uid < 60_000
    }
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// Members beside those whose own group it is.
    pub members: Vec<String>,
    /// Where.
    pub place: Place,
}

/// One line of `shadow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// The account.
    pub name: String,
    /// The hash, `*` or `!…` where no password opens it.
    pub hash: String,
    /// Day of the last change since 1970.
    pub changed: Option<i64>,
    /// Days after which the password must be changed.
    pub max_days: Option<i64>,
    /// Where.
    pub place: Place,
}

impl Shadow {
    /// Whether a password opens the account.
    pub fn is_open(&self) -> bool {
        !self.hash.starts_with('!') && !self.hash.starts_with('*') && self.hash != "x"
    }
}

/// All accounts and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// In the order of the file.
    pub users: Vec<User>,
    /// In the order of the file.
    pub groups: Vec<Group>,
}

impl Accounts {
    /// An account by its number.
    pub fn by_uid(&self, uid: u32) -> Option<&User> {
        self.users.iter().find(|user| user.uid == uid)
    }

    /// An account by its name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// A group by its name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// A name for an owner, the number where there is none.
    pub fn owner(&self, uid: u32) -> String {
        self.by_uid(uid).map_or_else(|| uid.to_string(), |user| user.name.clone())
    }

    /// A name for a group, the number where there is none.
    pub fn group_name(&self, gid: u32) -> String {
        let found = self.groups.iter().find(|group| group.gid == gid);
        found.map_or_else(|| gid.to_string(), |group| group.name.clone())
    }
}

impl Facts<'_> {
    /// Accounts and groups.
    pub fn accounts(&self) -> &Seen<Accounts> {
        self.cells.accounts.get_or_init(|| {
            let users = self.lines("/etc/passwd")?;
            let groups = self.lines("/etc/group")?;
            let users = users.iter().flat_map(|lines| lines.iter());
            let groups = groups.iter().flat_map(|lines| lines.iter());
            Ok(Accounts {
                users: users.filter_map(|line| user(&line.text, &line.place)).collect(),
                groups: groups.filter_map(|line| group(&line.text, &line.place)).collect(),
            })
        })
    }

    /// The lines of `shadow`.
    pub fn shadow(&self) -> &Seen<Vec<Shadow>> {
        self.cells.shadow.get_or_init(|| {
            let lines = self.lines("/etc/shadow")?;
            let lines = lines.iter().flat_map(|lines| lines.iter());
            Ok(lines.filter_map(|line| shadow(&line.text, &line.place)).collect())
        })
    }

    /// The homes of accounts that somebody can work as, root's among them.
    pub fn homes(&self) -> Seen<Vec<(&User, &Path)>> {
        let accounts = self.accounts().as_ref().map_err(Clone::clone)?;
        let people = accounts.users.iter().filter(|user| user.can_log_in() || user.is_person());
        let with_home = people
            .filter(|user| user.home.parent().is_some() && user.home != Path::new("/nonexistent"));
        Ok(with_home.map(|user| (user, user.home.as_path())).collect())
    }
}

fn user(line: &str, place: &Place) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?.trim();
    if name.is_empty() || name.starts_with('#') || name.starts_with('+') {
        return None;
    }
    let password = fields.next()?;
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let (_, home) = (fields.next()?, fields.next()?);
    let shell = fields.next().unwrap_or_default().trim();
    Some(User {
        name: name.to_owned(),
        password: password.to_owned(),
        uid,
        gid,
        home: PathBuf::from(home),
        shell: shell.to_owned(),
        place: place.clone(),
    })
}

fn group(line: &str, place: &Place) -> Option<Group> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with('#'))?;
    let (_, gid) = (fields.next()?, fields.next()?.parse().ok()?);
    let members = fields.next().unwrap_or_default().split(',').map(str::trim);
    let members = members.filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Some(Group { name: name.to_owned(), gid, members, place: place.clone() })
}

fn shadow(line: &str, place: &Place) -> Option<Shadow> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with('#'))?;
    let hash = fields.next()?;
    let changed = fields.next().and_then(|days| days.parse().ok());
    let max_days = fields.nth(1).and_then(|days| days.parse().ok());
    Some(Shadow {
        name: name.to_owned(),
        hash: hash.to_owned(),
        changed,
        max_days,
        place: place.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Ground;
    use burgrave_sys::Fake;

    #[test]
    fn accounts_are_read_with_their_groups() {
        let fake = Fake::new();
        fake.file(
            "/etc/passwd",
            "root:x:0:0:r:/root:/bin/bash\nbad\nsrv:x:100:33::/srv:/usr/sbin/nologin\n",
        );
        fake.file("/etc/group", "adm:x:4:a,b\nweb:x:33:\n");
        fake.file("/etc/shadow", "root:$y$x:19800:0:365:7:::\nsrv:!:1::::::\n");
        let facts = Facts::new(&fake, Ground::Tree);
        let accounts = facts.accounts().as_ref().unwrap();
        assert_eq!(accounts.users.len(), 2);
        assert!(accounts.users[0].can_log_in() && !accounts.users[1].can_log_in());
        assert_eq!(accounts.group("adm").unwrap().members, ["a", "b"]);
        assert_eq!(
            (accounts.owner(100), accounts.owner(7), accounts.group_name(33)),
            ("srv".into(), "7".into(), "web".into())
        );
        let shadow = facts.shadow().as_ref().unwrap();
        assert_eq!(
            (shadow[0].max_days, shadow[0].is_open(), shadow[1].is_open()),
            (Some(365), true, false)
        );
    }
}

//! What each service writes, one family a file. A service is data: its patterns, told in pieces.
//!
//! What counts follows the messages of the programs themselves; which of them count in which mode is
//! that of fail2ban's filters, so that a user who comes from there sees the same failures.

mod access;
mod apache;
mod apps;
mod asterisk;
mod audit;
mod cyrus;
mod database;
mod directory;
mod dns;
mod dovecot;
mod exim;
mod exim_spam;
mod firewall;
mod ftp;
mod gateway;
mod json;
mod mail;
mod network;
mod nginx;
mod pam;
mod phone;
mod postfix;
mod proxy;
mod remote;
mod roundcube;
mod sendmail;
mod sendmail_reject;
mod ssh;
mod sshd;
mod vpn;
mod webmail;

use crate::service::Service;

/// Every service, by family.
pub(crate) static ALL: &[&[&Service]] = &[
    gateway::ALL,
    ssh::ALL,
    sshd::ALL,
    pam::ALL,
    audit::ALL,
    remote::ALL,
    nginx::ALL,
    apache::ALL,
    access::ALL,
    proxy::ALL,
    postfix::ALL,
    dovecot::ALL,
    exim::ALL,
    exim_spam::ALL,
    sendmail::ALL,
    sendmail_reject::ALL,
    cyrus::ALL,
    mail::ALL,
    roundcube::ALL,
    webmail::ALL,
    ftp::ALL,
    database::ALL,
    directory::ALL,
    dns::ALL,
    vpn::ALL,
    asterisk::ALL,
    phone::ALL,
    apps::ALL,
    network::ALL,
    firewall::ALL,
];

#[cfg(test)]
mod tests {
    use crate::pattern::Pattern;
    use crate::piece::Piece;
    use std::collections::BTreeSet;

    /// Every list of pieces in a pattern, with what follows each piece.
    fn walk(pieces: &'static [Piece], seen: &mut dyn FnMut(&'static Piece, &'static [Piece])) {
        for (index, piece) in pieces.iter().enumerate() {
            seen(piece, &pieces[index + 1..]);
            if let Piece::Opt(inner) | Piece::Rep(inner) | Piece::Sub(inner) = piece {
                walk(inner, seen);
            }
            if let Piece::Alt(lists) = piece {
                lists.iter().for_each(|inner| walk(inner, seen));
            }
        }
    }

    #[test]
    fn every_service_is_documented_and_has_its_own_name() {
        let mut names = BTreeSet::new();
        for service in crate::all() {
            assert!(!service.about.is_empty() && service.about.ends_with('.'), "{}", service.name);
            assert!(!service.file.is_empty(), "{}", service.name);
            assert!(!service.patterns.is_empty(), "{}", service.name);
            for name in service.aliases.iter().chain([&service.name]) {
                assert!(names.insert(*name), "`{name}` is there twice");
                assert_eq!(crate::by_name(name).map(|service| service.name), Some(service.name));
            }
        }
        assert!(names.len() >= 90, "{} services", names.len());
    }

    #[test]
    fn free_text_is_followed_by_something_fixed() {
        let check = |pattern: &'static Pattern| {
            walk(pattern.pieces, &mut |piece, rest| {
                if matches!(piece, Piece::Any | Piece::Few) {
                    let next =
                        rest.iter().find(|next| !matches!(next, Piece::E | Piece::S | Piece::Q));
                    let fixed =
                        matches!(next, Some(Piece::L(_) | Piece::End | Piece::Sub(_)) | None);
                    assert!(fixed, "{:?}", pattern.pieces);
                }
            });
        };
        crate::all().flat_map(|service| service.patterns).for_each(check);
    }
}

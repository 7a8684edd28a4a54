//! What an alert can be about. The words stand in the configuration, in messages and in the ledger.

use crate::Severity;
use std::fmt;

macro_rules! topics {
    ($($variant:ident, $word:literal, $severity:ident, $lasting:literal, $says:literal;)*) => {
        /// What an alert is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Topic {
            $(#[doc = $says] $variant,)*
        }

        impl Topic {
            /// Every topic.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its word, which never changes.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// How much it matters, unless whoever raises it knows better.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// Whether it lasts until it is over, and is not a moment.
            pub const fn is_lasting(self) -> bool {
                match self { $(Self::$variant => $lasting,)* }
            }

            /// What it says, in one line.
            pub const fn says(self) -> &'static str {
                match self { $(Self::$variant => $says,)* }
            }
        }
    };
}

topics! {
    BanAdded, "ban.added", Medium, false, "somebody was banned";
    BanRestored, "ban.restored", High, false, "somebody took rules or bans out of the kernel; they are there again";
    AttackSeen, "attack.seen", High, false, "a detector saw what a ban does not end, such as a sign-in after many failures";
    SourceUnreadable, "source.unreadable", High, true, "a watched log cannot be read";
    SourceSilent, "source.silent", High, true, "a watched log has been silent for longer than it may be";
    AgentTrouble, "agent.trouble", High, false, "the agent could not do something, such as writing a ban";
    LedgerTrouble, "ledger.trouble", High, true, "the ledger takes no rows";
    BackupFailed, "backup.failed", High, true, "a backup, its verification or its retention failed";
    BackupOverdue, "backup.overdue", High, true, "a backup is older than it may be";
    BackupOdd, "backup.odd", Medium, false, "a backup is there, but not as it should be, or unlike those before";
    DrillFailed, "drill.failed", Critical, true, "what was backed up could not be restored";
    CertificateEnding, "certificate.ending", High, true, "a certificate is near its end, or past it";
    CertificateFailed, "certificate.failed", Medium, true, "a certificate could not be fetched";
    GatewayRestarted, "gateway.restarted", High, false, "the gateway ended by itself and was started again";
    AuditFinding, "audit.finding", Medium, false, "an audit found what it did not find before, or cannot see what it saw";
    FilesChanged, "files.changed", High, false, "a file of a web root or of the configuration is not as it was accepted";
    ListenerNew, "listener.new", High, false, "a program listens that did not before";
    SetuidNew, "setuid.new", Critical, false, "a file runs with its owner's rights that did not before";
    AuditTrouble, "audit.trouble", High, false, "an audit or the watch over files could not do its work";
    LogsUnshipped, "logs.unshipped", High, true, "a collector does not take the lines of the access log";
    AlertLost, "alert.lost", Critical, false, "alerts were dropped, because there were too many";
    AlertTest, "alert.test", Critical, false, "a test by hand";
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A text that is no topic's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTopic(pub String);

impl fmt::Display for UnknownTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no topic of alerts", self.0.escape_debug())
    }
}

impl std::error::Error for UnknownTopic {}

impl std::str::FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(text: &str) -> Result<Self, UnknownTopic> {
        let found = Self::ALL.iter().copied().find(|topic| topic.word() == text);
        found.ok_or_else(|| UnknownTopic(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unlike_and_read_back() {
        for (index, topic) in Topic::ALL.iter().enumerate() {
            assert_eq!(topic.word().parse(), Ok(*topic));
            assert!(topic.word().contains('.') && !topic.says().is_empty());
            let others = Topic::ALL.iter().skip(index + 1);
            assert!(others.clone().all(|other| other.word() != topic.word()), "{topic}");
        }
        let error = "ban.\u{1b}".parse::<Topic>().unwrap_err().to_string();
        assert_eq!(error, "`ban.\\u{1b}` is no topic of alerts");
    }
}

//! Answers to an authority's questions: a page, a digest for a handshake, or a DNS record. All of them are
//! public, and none stays longer than the question.

use crate::error::{CertificateError, shown};
use burgrave_config::{Acme, AcmeChallenge, Settings};
use burgrave_sys::{
    Access, Ended, Invocation, Live, System, make_own_directory, make_shared_directory, remove_own,
    replace_own,
};
use instant_acme::{ChallengeType, KeyAuthorization};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Most characters of a token. RFC 8555 (8.3) asks for 128 bits of entropy; the known authorities use 43.
const TOKEN_MAX: usize = 128;
/// Answers that may lie about at once.
const ANSWERS_MAX: usize = 4_096;
/// How long a hook may take, and what it may say.
const HOOK_TIME: Duration = Duration::from_mins(5);
const HOOK_BYTES_MAX: usize = 64 * 1024;

/// What a hook is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A record is to be there, beside others of its name.
    Set,
    /// It is to be gone.
    Remove,
}

impl Action {
    /// As the program gets it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Remove => "remove",
        }
    }
}

/// Runs the hook: action, name of the record, value. Blocks until it has ended.
pub type Hook = Arc<dyn Fn(Action, &str, &str) -> Result<(), String> + Send + Sync>;

/// Runs the program of a hook.
pub fn run_hook(command: &[String], action: Action, name: &str, value: &str) -> Result<(), String> {
    let (program, arguments) = command.split_first().ok_or("there is no hook")?;
    let invocation = Invocation::new(program, HOOK_TIME, HOOK_BYTES_MAX)
        .map_err(|error| error.to_string())?
        .args(arguments)
        .args([action.word(), name, value])
        .variable("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let output = Live.run(&invocation).map_err(|error| error.to_string())?;
    if output.ended == Ended::Exit(0) {
        return Ok(());
    }
    let said: String = output.stderr.iter().take(400).map(|byte| char::from(*byte)).collect();
    Err(shown(&format!("{:?} {}", output.ended, said.trim())))
}

/// One answer that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A file in the folder that the gateway reads.
    File(PathBuf, String),
    /// Name and value of a record.
    Record(String, String),
}

/// Gives answers and takes them back.
#[derive(Clone)]
pub(crate) struct Answers {
    folder: PathBuf,
    challenge: AcmeChallenge,
    pub(crate) settle: Duration,
    hook: Option<Hook>,
}

impl Answers {
    pub(crate) fn new(settings: &Settings, acme: &Acme, hook: Option<Hook>) -> Self {
        Self {
            folder: settings.acme_challenges(),
            challenge: acme.challenge,
            settle: if acme.challenge == AcmeChallenge::Dns { acme.settle } else { Duration::ZERO },
            hook,
        }
    }

    /// The kind that is answered, for the protocol and for people.
    pub(crate) const fn kind(&self) -> (ChallengeType, &'static str) {
        match self.challenge {
            AcmeChallenge::Http => (ChallengeType::Http01, "http-01"),
            AcmeChallenge::TlsAlpn => (ChallengeType::TlsAlpn01, "tls-alpn-01"),
            AcmeChallenge::Dns => (ChallengeType::Dns01, "dns-01"),
        }
    }

    /// The answer to a question about a name.
    pub(crate) fn of(
        &self,
        name: &str,
        token: &str,
        key: &KeyAuthorization,
    ) -> Result<Answer, CertificateError> {
        match self.challenge {
            AcmeChallenge::Http => {
                if !is_token(token) {
                    return Err(CertificateError::Token);
                }
                Ok(Answer::File(self.folder.join(token), key.as_str().to_owned()))
            }
            AcmeChallenge::TlsAlpn => {
                let digest = key.digest();
                let text: String =
                    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
                Ok(Answer::File(self.folder.join(format!("{name}.alpn")), text))
            }
            AcmeChallenge::Dns => {
                let name = name.strip_prefix("*.").unwrap_or(name);
                Ok(Answer::Record(format!("_acme-challenge.{name}"), key.dns_value()))
            }
        }
    }

    /// Gives an answer.
    pub(crate) async fn give(&self, answer: &Answer) -> Result<(), CertificateError> {
        match answer {
            Answer::File(path, text) => Ok(replace_own(path, text.as_bytes(), Access::All)?),
            Answer::Record(name, value) => self.ask_hook(Action::Set, name, value).await,
        }
    }

    /// Takes an answer back.
    pub(crate) async fn take_back(&self, answer: &Answer) -> Result<(), CertificateError> {
        match answer {
            Answer::File(path, _) => Ok(remove_own(path)?),
            Answer::Record(name, value) => self.ask_hook(Action::Remove, name, value).await,
        }
    }

    async fn ask_hook(
        &self,
        action: Action,
        name: &str,
        value: &str,
    ) -> Result<(), CertificateError> {
        let hook = self.hook.clone().ok_or(CertificateError::Hook("there is none".to_owned()))?;
        let (name, value) = (name.to_owned(), value.to_owned());
        tokio::task::spawn_blocking(move || hook(action, &name, &value))
            .await
            .map_err(|error| CertificateError::Hook(error.to_string()))?
            .map_err(CertificateError::Hook)
    }

    /// Removes what an earlier run has left.
    pub(crate) fn sweep(&self) -> Result<(), CertificateError> {
        for entry in Live.list(&self.folder, ANSWERS_MAX)? {
            remove_own(&entry.path)?;
        }
        Ok(())
    }
}

/// Base64url, and short.
fn is_token(token: &str) -> bool {
    let of_it = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !token.is_empty() && token.len() <= TOKEN_MAX && token.bytes().all(of_it)
}

/// Makes the folders that are written to, and the one that the gateway reads.
pub(crate) fn make_folders(settings: &Settings) -> Result<(), CertificateError> {
    make_own_directory(&settings.acme_folder())?;
    Ok(make_shared_directory(&settings.acme_challenges())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_lead_nowhere_else() {
        for good in ["a", "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0", "a-b_c"] {
            assert!(is_token(good), "{good}");
        }
        for bad in
            ["", ".", "..", "../../etc/passwd", "a/b", "a.alpn", "a=", "ä", "a\0", &"x".repeat(129)]
        {
            assert!(!is_token(bad), "{bad}");
        }
    }

    #[test]
    fn a_hook_gets_three_words_and_its_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let script = format!("echo \"$@\" >> {}", out.display());
        let words =
            |script: &str| ["/bin/sh", "-c", script, "x", "own"].map(str::to_owned).to_vec();
        let name = "_acme-challenge.a.example";
        run_hook(&words(&script), Action::Set, name, "v-1").unwrap();
        run_hook(&words(&script), Action::Remove, name, "$(id)").unwrap();
        let said = std::fs::read_to_string(out).unwrap();
        assert_eq!(
            said,
            format!("own set {name} v-1\nown remove {name} $(id)\n"),
            "no shell reads them"
        );
        let failed =
            run_hook(&words("echo no such zone >&2; exit 3"), Action::Set, name, "v").unwrap_err();
        assert_eq!(failed, "Exit(3) no such zone");
        assert!(run_hook(&["/none/hook".to_owned()], Action::Set, name, "v").is_err());
        assert!(run_hook(&[], Action::Set, name, "v").is_err());
    }
}

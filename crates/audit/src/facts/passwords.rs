//! What a password's hash tells: its scheme, and whether one of the first guesses opens it.
//!
//! The hashing is others'; guesses are few and bounded, and no guess leaves this place.

use sha_crypt::{Sha256Params, Sha512Params};

/// How well a hash keeps its password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// No password at all.
    Empty,
    /// Broken: DES, MD5, NTLM, plain text.
    Broken(&'static str),
    /// Sound: SHA-512, bcrypt, yescrypt and the like.
    Sound(&'static str),
    /// Locked.
    Locked,
}

/// The scheme of a hash in `crypt`'s form.
pub fn strength(hash: &str) -> Strength {
    let known = [
        ("$y$", true, "yescrypt"),
        ("$gy$", true, "gost-yescrypt"),
        ("$7$", true, "scrypt"),
        ("$2", true, "bcrypt"),
        ("$6$", true, "SHA-512"),
        ("$5$", true, "SHA-256"),
        ("$argon2", true, "Argon2"),
        ("$1$", false, "MD5"),
        ("$apr1$", false, "MD5"),
        ("$3$", false, "NTLM"),
        ("$md5", false, "MD5"),
        ("$sha1", false, "SHA-1"),
        ("{SHA}", false, "SHA-1 without salt"),
        ("{SSHA}", false, "SHA-1"),
        ("_", false, "DES"),
    ];
    if hash.is_empty() {
        return Strength::Empty;
    }
    if hash.starts_with(['!', '*']) || hash == "x" {
        return Strength::Locked;
    }
    match known.iter().find(|(start, ..)| hash.starts_with(start)) {
        Some((_, true, name)) => Strength::Sound(name),
        Some((_, false, name)) => Strength::Broken(name),
        None if hash.len() == 13
            && hash.chars().all(|c| c.is_ascii_alphanumeric() || "./".contains(c)) =>
        {
            Strength::Broken("DES")
        }
        None => Strength::Broken("unknown or plain text"),
    }
}

/// What is tried first against any account, beside its own name.
const COMMON: [&str; 8] =
    ["password", "123456", "12345678", "admin", "changeme", "letmein", "welcome", "secret"];
/// Rounds above which a guess is not made, so that a made-up hash cannot hold the audit up.
const ROUNDS_MAX: usize = 200_000;

/// Whether the account's own name or one of the most common passwords opens it. `None`: the scheme
/// cannot be tried here.
pub fn is_guessable(name: &str, hash: &str) -> Option<bool> {
    let mut fields = hash.split('$').skip(1);
    let scheme = fields.next().filter(|scheme| matches!(*scheme, "5" | "6"))?;
    let mut salt = fields.next()?;
    let mut rounds = 5_000;
    if let Some(own) = salt.strip_prefix("rounds=") {
        rounds = own.parse().ok().filter(|rounds| *rounds <= ROUNDS_MAX)?;
        salt = fields.next()?;
    }
    let wanted = fields.next()?;
    let opens = |guess: &str| hashed(scheme, guess, salt, rounds).is_some_and(|own| own == wanted);
    let own =
        [name.to_owned(), format!("{name}123"), format!("{name}1"), name.chars().rev().collect()];
    Some(own.iter().map(String::as_str).chain(COMMON).any(opens))
}

fn hashed(scheme: &str, guess: &str, salt: &str, rounds: usize) -> Option<String> {
    let (guess, salt) = (guess.as_bytes(), salt.as_bytes());
    if scheme == "6" {
        let params = Sha512Params::new(rounds).ok()?;
        return sha_crypt::sha512_crypt_b64(guess, salt, &params).ok();
    }
    let params = Sha256Params::new(rounds).ok()?;
    sha_crypt::sha256_crypt_b64(guess, salt, &params).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_known() {
        for (hash, wanted) in [
            ("", Strength::Empty),
            ("!", Strength::Locked),
            ("*", Strength::Locked),
            ("$y$j9T$x", Strength::Sound("yescrypt")),
            ("$6$a$b", Strength::Sound("SHA-512")),
            ("$1$a$b", Strength::Broken("MD5")),
            ("rl1dLLrCMTYPY", Strength::Broken("DES")),
            ("hunter2", Strength::Broken("unknown or plain text")),
            ("{SHA}x", Strength::Broken("SHA-1 without salt")),
        ] {
            assert_eq!(strength(hash), wanted, "{hash}");
        }
    }

    #[test]
    fn the_first_guesses_are_made() {
        // `openssl passwd -6 -salt h3Kq tester`, and of another word.
        let hash = "$6$h3Kq$Amkt5iWBIlb8Vb9.2z9wsIXNfr587p1JsfX5T5JOSu0ZtNJdjMhZwEEkJVPjJEpw81yUlBwLuggeRdt7sJ/hJ.";
        assert_eq!(is_guessable("tester", hash), Some(true));
        assert_eq!(is_guessable("other", hash), Some(false));
        assert_eq!(is_guessable("x", "$y$j9T$abc$def"), None);
        assert_eq!(is_guessable("x", "$6$rounds=999999999$a$b"), None);
    }
}

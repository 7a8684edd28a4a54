//! HTTP basic sign-in (RFC 7617) with argon2id hashes (RFC 9106).
//!
//! A wrong name costs as much as a wrong password. A right pair is remembered for a while, by a keyed
//! digest, so that each request of a page does not cost a hash; nothing wrong is remembered.

use argon2::password_hash::{PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use burgrave_sys::read_own;
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Most bytes of a file of users.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Most bytes of a name and of a password.
const PART_BYTES_MAX: usize = 256;
/// Hashes that are computed at once: each takes its memory for tens of milliseconds.
const AT_ONCE: usize = 2;
/// Sign-ins that may wait for their turn.
const WAITING_MAX: usize = 64;
/// How long a right pair is remembered.
const REMEMBERED: Duration = Duration::from_mins(5);
/// How many are remembered on each event loop.
const REMEMBERED_MAX: usize = 4096;
/// Most memory of a hash, in KiB, and most passes: what one line of the file may cost.
const MEMORY_MAX: u32 = 256 * 1024;
const PASSES_MAX: u32 = 16;
/// Compared with when the name is unknown; matches nothing that can be typed.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static NEXT: AtomicU64 = AtomicU64::new(1);

/// The users of one file, as it was when it was read.
#[derive(Debug)]
pub(crate) struct Users {
    /// Unlike that of any other reading.
    reading: u64,
    hashes: HashMap<String, String>,
}

impl Users {
    /// Reads a file; the error names the line.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = read_own(path, FILE_BYTES_MAX).map_err(|error| error.to_string())?;
        Self::parse(&String::from_utf8(text).map_err(|_binary| "it is not UTF-8".to_owned())?)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut hashes = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |why: &str| format!("line {}: {why}", index + 1);
            let (name, hash) = line.split_once(':').ok_or_else(|| wrong("no `NAME:HASH`"))?;
            if name.is_empty() || name.len() > PART_BYTES_MAX || name.chars().any(char::is_control)
            {
                return Err(wrong("the name is empty, too long or not printable"));
            }
            usable(hash).map_err(|why| wrong(&why))?;
            if hashes.insert(name.to_owned(), hash.to_owned()).is_some() {
                return Err(wrong("the name stands there twice"));
            }
        }
        if hashes.is_empty() {
            return Err("it names nobody".to_owned());
        }
        Ok(Self { reading: NEXT.fetch_add(1, Ordering::Relaxed), hashes })
    }

    /// Takes its time: tens of milliseconds.
    fn verify(&self, given: &Given) -> bool {
        let known = self.hashes.get(&given.name);
        let hash = PasswordHash::new(known.map_or(NOBODY, String::as_str));
        let right = hash.is_ok_and(|hash| {
            Argon2::default().verify_password(given.password.as_bytes(), &hash).is_ok()
        });
        right && known.is_some()
    }
}

/// Whether a hash is of the kind that is asked for, and not a trap for the machine's memory.
fn usable(hash: &str) -> Result<(), String> {
    let parsed = PasswordHash::new(hash).map_err(|error| format!("no argon2id hash: {error}"))?;
    if parsed.algorithm != Algorithm::Argon2id.ident() || parsed.hash.is_none() {
        return Err("no argon2id hash".to_owned());
    }
    let number = |name| parsed.params.get_decimal(name).unwrap_or(u32::MAX);
    if number("m") > MEMORY_MAX || number("t") > PASSES_MAX {
        return Err(format!("over {MEMORY_MAX} KiB or {PASSES_MAX} passes"));
    }
    Ok(())
}

/// A hash for a line of a file of users; takes as long and as much memory as a sign-in does.
pub fn password_hash(password: &str) -> Result<String, String> {
    if password.is_empty() || password.len() > PART_BYTES_MAX {
        return Err(format!("a password has 1 to {PART_BYTES_MAX} bytes"));
    }
    let seed = burgrave_sys::seed().map_err(|error| error.to_string())?;
    let salt = seed.get(..16).unwrap_or_default();
    let salt = SaltString::encode_b64(salt).map_err(|error| error.to_string())?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(|error| error.to_string())?.to_string())
}

/// A name and a password as a client gave them.
pub(crate) struct Given {
    name: String,
    password: String,
}

/// Reads the value of `Authorization`; `None` where it is no basic sign-in.
pub(crate) fn credentials(field: &[u8]) -> Option<Given> {
    let (scheme, rest) = field.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") || rest.len() > 4 * PART_BYTES_MAX {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(rest.trim_ascii()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    let fits = name.len() <= PART_BYTES_MAX && password.len() <= PART_BYTES_MAX;
    fits.then(|| Given { name: name.to_owned(), password: password.to_owned() })
}

/// What came of a sign-in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    Right(String),
    Wrong,
    /// Too many are waiting.
    Busy,
}

/// Those who compute hashes, for all event loops.
#[derive(Debug)]
pub(crate) struct Checkers {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Checkers {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { permits: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicUsize::new(0) })
    }

    /// Compares, in a thread of its own.
    pub(crate) async fn check(self: &Arc<Self>, users: &Arc<Users>, given: Given) -> Checked {
        let Some(place) = Place::take(self) else { return Checked::Busy };
        let permits = Arc::clone(&self.permits);
        let Ok(permit) = permits.acquire_owned().await else { return Checked::Busy };
        let users = Arc::clone(users);
        let work = move || {
            // Held until the work is done, also when the client has left meanwhile.
            let _held = (permit, place);
            if users.verify(&given) { Checked::Right(given.name) } else { Checked::Wrong }
        };
        let checked = tokio::task::spawn_blocking(work).await;
        checked.unwrap_or(Checked::Busy)
    }
}

/// A place among those who wait.
struct Place(Arc<Checkers>);

impl Place {
    fn take(checkers: &Arc<Checkers>) -> Option<Self> {
        let place = Self(Arc::clone(checkers));
        (checkers.waiting.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Right pairs of a little while ago.
pub(crate) struct SignedIn {
    key: [u8; 32],
    known: RefCell<HashMap<[u8; 32], Known>>,
}

/// The name, and since when.
type Known = (Rc<str>, Instant);

impl SignedIn {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key, known: RefCell::default() }
    }

    pub(crate) fn get(&self, users: &Users, field: &[u8]) -> Option<Rc<str>> {
        let known = self.known.borrow();
        let (name, since) = known.get(&self.digest(users, field))?;
        (since.elapsed() < REMEMBERED).then(|| Rc::clone(name))
    }

    pub(crate) fn keep(&self, users: &Users, field: &[u8], name: &Rc<str>) {
        let mut known = self.known.borrow_mut();
        if known.len() >= REMEMBERED_MAX {
            known.retain(|_, (_, since)| since.elapsed() < REMEMBERED);
        }
        if known.len() < REMEMBERED_MAX {
            known.insert(self.digest(users, field), (Rc::clone(name), Instant::now()));
        }
    }

    fn digest(&self, users: &Users, field: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.key);
        digest.update(users.reading.to_le_bytes());
        digest.update(field);
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `secret`, as cheap as can be.
    const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$";

    fn hash(password: &str) -> String {
        use argon2::password_hash::{PasswordHasher as _, SaltString};
        let params = argon2::Params::new(8, 1, 1, None).unwrap();
        let salt = SaltString::from_b64("c29tZXNhbHQ").unwrap();
        let argon = Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params);
        argon.hash_password(password.as_bytes(), &salt).unwrap().to_string()
    }

    fn given(name: &str, password: &str) -> Given {
        credentials(format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))).as_bytes())
            .unwrap()
    }

    #[test]
    fn a_file_names_users_or_says_which_line_is_wrong() {
        let good = format!("# staff\n\nalice:{}\nbob:{}\n", hash("secret"), hash("s:e"));
        let users = Users::parse(&good).unwrap();
        for (name, password, right) in [
            ("alice", "secret", true),
            ("alice", "Secret", false),
            ("alice", "", false),
            ("bob", "s:e", true),
            ("carol", "secret", false),
            ("", "", false),
        ] {
            assert_eq!(users.verify(&given(name, password)), right, "{name}:{password}");
        }
        assert!(hash("secret").starts_with(HASH));
        let bcrypt = "alice:$2y$05$abcdefghijklmnopqrstuu";
        let greedy = HASH.replace("m=8", "m=4194304") + "AAAAAAAAAAAAAAAAAAAAAA";
        for (text, wanted) in [
            (String::new(), "it names nobody".to_owned()),
            ("alice".to_owned(), "line 1: no `NAME:HASH`".to_owned()),
            (format!("\n:{}", hash("x")), "line 2: the name is empty".to_owned()),
            ("alice:secret".to_owned(), "line 1: no argon2id hash".to_owned()),
            (bcrypt.to_owned(), "line 1: no argon2id hash".to_owned()),
            (format!("a:{HASH}"), "line 1: no argon2id hash".to_owned()),
            (format!("a:{greedy}"), "line 1: over 262144 KiB".to_owned()),
            (format!("a:{0}\na:{0}", hash("x")), "line 2: the name stands there twice".to_owned()),
        ] {
            let said = Users::parse(&text).unwrap_err();
            assert!(said.starts_with(&wanted), "{text}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn made_hashes_can_be_used() {
        let (one, two) = (password_hash("secret").unwrap(), password_hash("secret").unwrap());
        assert_ne!(one, two, "each has a salt of its own");
        let users = Users::parse(&format!("a:{one}")).unwrap();
        assert!(users.verify(&given("a", "secret")) && !users.verify(&given("a", "other")));
        assert!(password_hash("").is_err() && password_hash(&"x".repeat(257)).is_err());
    }

    #[test]
    fn only_basic_credentials_are_read() {
        for field in
            ["", "Basic", "Basic ", "Bearer YTpi", "Basic !!!!", "Basic YQ==", "Basic /w=="]
        {
            assert!(credentials(field.as_bytes()).is_none(), "{field}");
        }
        assert!(credentials(b"bAsIc YTpi").is_some_and(|given| given.password == "b"));
        let long = format!("Basic {}", STANDARD.encode(format!("a:{}", "x".repeat(257))));
        assert!(credentials(long.as_bytes()).is_none());
    }

    #[test]
    fn right_pairs_are_remembered_for_their_file_only() {
        let (one, two) = (
            Users::parse(&format!("a:{}", hash("x"))).unwrap(),
            Users::parse(&format!("a:{}", hash("x"))).unwrap(),
        );
        let known = SignedIn::new([7; 32]);
        assert!(known.get(&one, b"f").is_none());
        known.keep(&one, b"f", &"a".into());
        assert_eq!(known.get(&one, b"f").as_deref(), Some("a"));
        assert!(known.get(&two, b"f").is_none(), "another reading of the file");
        assert!(known.get(&one, b"g").is_none());
    }

    #[test]
    fn a_client_that_leaves_frees_no_place_before_its_hash_is_done() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let users = Users::parse(&format!("a:{}", password_hash("x").unwrap())).unwrap();
            let (checkers, users) = (Checkers::new(), Arc::new(users));
            for _ in 0..AT_ONCE {
                let check = checkers.check(&users, given("a", "y"));
                // Begins the work and leaves.
                drop(tokio::time::timeout(Duration::ZERO, check).await);
            }
            assert_eq!(checkers.waiting.load(Ordering::Relaxed), AT_ONCE);
            assert_eq!(checkers.permits.available_permits(), 0);
            assert_eq!(checkers.check(&users, given("a", "x")).await, Checked::Right("a".into()));
        });
    }

    #[test]
    fn only_so_many_wait() {
        let checkers = Checkers::new();
        let places: Vec<_> = (0..WAITING_MAX).filter_map(|_| Place::take(&checkers)).collect();
        assert_eq!(places.len(), WAITING_MAX);
        assert!(Place::take(&checkers).is_none());
        drop(places);
        assert!(Place::take(&checkers).is_some());
    }
}

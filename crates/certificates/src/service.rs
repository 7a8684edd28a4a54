//! Keeps all certificates of a configuration fresh, until it is dropped.

use crate::answers::{Answers, Hook, make_folders};
use crate::error::CertificateError;
use crate::fetch::Attempt;
use crate::https::{Https, authorities};
use crate::pair::Pair;
use crate::schedule::{Window, ask_again, pause, renewal, roll};
use crate::store::Store;
use crate::watch::{self, News, Watched};
use burgrave_config::{Acme, Settings, Site, Tls};
use burgrave_sys::{Kind, Live, System as _, wall_clock};
use instant_acme::{Account, CertificateIdentifier};
use rustls::pki_types::{Der, PrivateKeyDer};
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How often files of operators are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How often the ends of certificates are looked at.
const ENDS: Duration = Duration::from_hours(1);
/// The longest rest of the fetcher: the wall clock may jump.
const REST: Duration = Duration::from_mins(1);
/// How long an attempt may take in all, beside what records need to be seen.
const ATTEMPT: Duration = Duration::from_mins(15);

/// What whoever runs the service is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Something for the operator.
    Notice(String),
    /// A certificate was fetched, for this site; in words.
    Fetched(String, String),
    /// One could not be fetched, for this site; in words.
    Failed(String, String),
    /// One of an operator's has changed, of this name; in words.
    Changed(String, String),
    /// One is near its end, or past it, of this name; in words.
    Ending(String, String),
    /// Certificates on the disk are not those that are served: serve them.
    Reload,
}

/// See the module.
pub struct Service {
    fetcher: Option<Fetcher>,
    given: Vec<Watched>,
    own: Vec<Watched>,
}

/// Looks at all that a start needs, and changes nothing.
pub fn check(settings: &Settings) -> Result<(), CertificateError> {
    let Some(acme) = &settings.acme else { return Ok(()) };
    authorities(acme.ca.as_deref())?;
    if let Some(program) = acme.hook.first() {
        let program = Path::new(program);
        let wrong = |why: String| CertificateError::Program { program: program.into(), why };
        let mut place = program.to_path_buf();
        // A link leads to the program.
        if let Ok(target) = Live.link(&place) {
            place = place.parent().map_or_else(|| target.clone(), |parent| parent.join(&target));
        }
        let facts = Live.metadata(&place).map_err(|error| wrong(error.to_string()))?;
        if facts.kind != Kind::File && facts.kind != Kind::Link || facts.mode & 0o111 == 0 {
            return Err(wrong("it is no program".to_owned()));
        }
    }
    Ok(())
}

/// Folders that the service reads once it is made, and those that it writes.
pub fn folders(settings: &Settings) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let mut read = watch::folders(settings);
    read.push(settings.state.join("tls"));
    (read, settings.acme.iter().map(|_| settings.acme_folder()).collect())
}

impl Service {
    /// Reads what is there. `hook` sets records, where the configuration wants that; `served` is the
    /// [`fingerprint`](crate::fingerprint) of what is served, where it is known.
    pub fn new(
        settings: &Settings,
        hook: Option<Hook>,
        served: Option<&str>,
    ) -> Result<Self, CertificateError> {
        let fetcher = match &settings.acme {
            Some(acme) => Some(Fetcher::new(settings, acme, hook)?),
            None => None,
        };
        Ok(Self {
            fetcher,
            given: watch::given_beside(settings, served),
            own: watch::own(settings),
        })
    }

    /// Whether there is anything to do for a configuration.
    pub fn is_wanted(settings: &Settings) -> bool {
        settings.acme.is_some()
            || !watch::given(settings).is_empty()
            || !watch::own(settings).is_empty()
    }

    /// Works for ever.
    pub async fn run(self, tell: &dyn Fn(Told)) {
        let Self { fetcher, mut given, mut own } = self;
        let fetch = async {
            if let Some(mut fetcher) = fetcher {
                fetcher.run(tell).await;
            }
        };
        let look = async {
            let mut next_ends = Instant::now();
            loop {
                if look_at(&mut given, tell) {
                    tell(Told::Reload);
                }
                if Instant::now() >= next_ends {
                    next_ends = Instant::now() + ENDS;
                    let now = wall_clock().seconds();
                    let all = given.iter_mut().chain(&mut own);
                    for pair in all {
                        if let Some(said) = pair.ending(now) {
                            tell(Told::Ending(pair.name.clone(), said));
                        }
                    }
                }
                sleep(LOOK).await;
            }
        };
        tokio::join!(fetch, look);
    }
}

/// Whether any pair has changed and fits.
fn look_at(given: &mut [Watched], tell: &dyn Fn(Told)) -> bool {
    let mut changed = false;
    for pair in given {
        match pair.look() {
            News::None => {}
            News::Changed => {
                let said = format!("the certificate of `{}` has changed: it is taken", pair.name);
                tell(Told::Changed(pair.name.clone(), said));
                changed = true;
            }
            News::Unusable(said) => tell(Told::Notice(said)),
        }
    }
    changed
}

/// Fetches and renews.
struct Fetcher {
    https: Https,
    acme: Acme,
    store: Store,
    answers: Answers,
    account: OnceCell<Account>,
    sites: Vec<Fetched>,
}

/// A site whose certificate is fetched.
struct Fetched {
    site: Site,
    file: PathBuf,
    window: Option<Window>,
    /// When the authority is asked for its window; `None`: it has none.
    ask: Option<Instant>,
    failures: u32,
    /// Not before.
    again: Instant,
}

impl Fetcher {
    fn new(settings: &Settings, acme: &Acme, hook: Option<Hook>) -> Result<Self, CertificateError> {
        make_folders(settings)?;
        let answers = Answers::new(settings, acme, hook);
        answers.sweep()?;
        let wanted = settings.sites.iter().filter(|site| site.tls == Some(Tls::Acme));
        let now = Instant::now();
        let sites = wanted.map(|site| Fetched {
            site: site.clone(),
            file: settings.acme_file(site),
            window: None,
            ask: Some(now),
            failures: 0,
            again: now,
        });
        Ok(Self {
            https: Https::new(authorities(acme.ca.as_deref())?, acme.directory.authority.port)?,
            acme: acme.clone(),
            store: Store::new(settings, acme),
            answers,
            account: OnceCell::new(),
            sites: sites.collect(),
        })
    }

    async fn run(&mut self, tell: &dyn Fn(Told)) {
        let mut sites = std::mem::take(&mut self.sites);
        loop {
            for one in &mut sites {
                if Instant::now() < one.again {
                    continue;
                }
                let limit = ATTEMPT.saturating_add(self.answers.settle);
                let done = timeout(limit, self.turn(one, tell)).await;
                let late = || CertificateError::Server {
                    doing: "fetching",
                    why: "it took too long".into(),
                };
                match done.unwrap_or_else(|_late| Err(late())) {
                    Ok(()) => one.failures = 0,
                    Err(error) => {
                        one.failures = one.failures.saturating_add(1);
                        let wait = pause(one.failures, roll(&one.failures.to_be_bytes()));
                        one.again = Instant::now() + wait;
                        let said = format!(
                            "warning: no certificate for `{}`, tried again in {} min: {}",
                            one.site.name,
                            (wait.as_secs() + 30) / 60,
                            error.chain()
                        );
                        tell(Told::Failed(one.site.name.clone(), said));
                    }
                }
            }
            let next = sites.iter().map(|one| one.again).min();
            let rest = next.map_or(REST, |next| next.saturating_duration_since(Instant::now()));
            sleep(rest.clamp(Duration::from_millis(200), REST)).await;
        }
    }

    /// Looks at one site, and fetches its certificate if it is time to.
    async fn turn(&self, one: &mut Fetched, tell: &dyn Fn(Told)) -> Result<(), CertificateError> {
        let pair =
            Pair::read(&one.file, &one.file).ok().filter(|pair| pair.covers(&one.site.hosts));
        if let Some(pair) = &pair
            && one.ask.is_some_and(|at| Instant::now() >= at)
        {
            self.ask_window(one, pair).await;
        }
        let renewed = pair.as_ref().map(|pair| {
            (renewal(pair.leaf.begins, pair.leaf.ends, one.window, roll(&pair.der)), pair)
        });
        let now = wall_clock().seconds();
        let unfinished = self.store.pending(&one.site).is_some();
        if let Some((at, _)) = renewed
            && now < at
            && !unfinished
        {
            let left = u64::try_from(at.saturating_sub(now)).unwrap_or(0);
            one.again =
                Instant::now() + Duration::from_secs(left).clamp(Duration::from_millis(200), REST);
            return Ok(());
        }
        let account = self.account().await?;
        let attempt = Attempt {
            account,
            store: &self.store,
            answers: &self.answers,
            site: &one.site,
            file: &one.file,
            replaces: one.window.and(pair.as_ref().and_then(identifier)),
        };
        attempt.run().await?;
        let ends = Pair::read(&one.file, &one.file)?.leaf.ends;
        let ends = burgrave_sys::UnixTime(ends.saturating_mul(1_000_000)).rfc3339();
        let said = format!("a certificate for `{}` was fetched, good until {ends}", one.site.name);
        tell(Told::Fetched(one.site.name.clone(), said));
        tell(Told::Reload);
        attempt.done()?;
        (one.window, one.ask) = (None, Some(Instant::now()));
        one.again = Instant::now();
        Ok(())
    }

    /// The account, registered if it is not yet. The same key is the same account (RFC 8555, 7.3).
    async fn account(&self) -> Result<&Account, CertificateError> {
        if let Some(account) = self.account.get() {
            return Ok(account);
        }
        let failed = |error: instant_acme::Error| {
            CertificateError::server("registering with the authority", &error)
        };
        let (key, der) = self.store.account_key()?;
        let builder = Account::builder_with_http(Box::new(self.https.clone()));
        let url = self.acme.directory.url.clone();
        let made = builder.create_from_key((key, PrivateKeyDer::Pkcs8(der)), url).await;
        let (account, _credentials) = made.map_err(failed)?;
        let contact: Vec<&str> = self.acme.contact.iter().map(String::as_str).collect();
        if !contact.is_empty() {
            account.update_contacts(&contact).await.map_err(failed)?;
        }
        Ok(self.account.get_or_init(|| account))
    }

    /// Asks the authority when it wants the certificate to be renewed. That it does not say is no failure.
    async fn ask_window(&self, one: &mut Fetched, pair: &Pair) {
        let Some(identifier) = identifier(pair) else {
            one.ask = None;
            return;
        };
        one.ask = Some(Instant::now() + ask_again(Duration::from_hours(6)));
        let Ok(account) = self.account().await else { return };
        match account.renewal_info(&identifier).await {
            Ok((info, after)) => {
                let window = info.suggested_window;
                one.window = Some((window.start.unix_timestamp(), window.end.unix_timestamp()));
                one.ask = Some(Instant::now() + ask_again(after));
            }
            Err(instant_acme::Error::Unsupported(_)) => (one.window, one.ask) = (None, None),
            Err(_) => {}
        }
    }
}

/// By what the authority knows a certificate (RFC 9773, 4.1).
fn identifier(pair: &Pair) -> Option<CertificateIdentifier<'static>> {
    let (authority, serial) = (&pair.leaf.authority, &pair.leaf.serial);
    if authority.is_empty() || serial.is_empty() {
        return None;
    }
    let authority = Der::from_slice(authority);
    Some(CertificateIdentifier::new(authority, Der::from_slice(serial)).into_owned())
}

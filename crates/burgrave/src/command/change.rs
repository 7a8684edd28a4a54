//! `burgrave plan`, `apply` and `undo`: what the audit finds is mended, and can be taken back.

mod programs;
mod units;

use super::{Exit, record};
use crate::cli::{Format, trial_time};
use crate::error::Error;
use crate::{load, output};
use burgrave_apply::{ApplyError, Force, Host, Id, Outcome, Session, Status, Witness};
use burgrave_audit::{Ground, Planned, Wanted, WaysIn};
use burgrave_ledger::Kind;
use burgrave_model::{Program, Safeguard, Target, UnitName};
use burgrave_sys::{Live, System};
use programs::{first_of, reload};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How often, and how long between, the end of a trial waits for another change to end.
const BUSY_MAX: usize = 3_000;
const BUSY_PAUSE: Duration = Duration::from_millis(100);
/// What is changed, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Scope {
    /// A directory with a system in it, such as an image. Default: this machine.
    #[arg(long)]
    root: Option<PathBuf>,
    /// A configuration whose folders are looked at as well, and whose state is used. Default: none.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// What is planned.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArguments {
    /// Only these safeguards, or checks by their ids. Default: all.
    #[arg(value_name = "SAFEGUARD")]
    topics: Vec<Topic>,
    #[command(flatten)]
    scope: Scope,
    /// How it is shown.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What is done.
#[derive(Debug, clap::Args)]
pub(crate) struct ApplyArguments {
    /// Only these safeguards, or checks by their ids. Default: all.
    #[arg(value_name = "SAFEGUARD")]
    topics: Vec<Topic>,
    #[command(flatten)]
    scope: Scope,
    /// Without asking.
    #[arg(long)]
    yes: bool,
    /// Takes everything back after this time, at most an hour, unless it is confirmed. Needed for sshd and sudo on
    /// this machine.
    #[arg(long, value_name = "TIME", value_parser = trial_time)]
    confirm_within: Option<Duration>,
    /// Keeps a change that is on trial. Exit 1: it is not on trial, or it is too late.
    #[arg(long, value_name = "ID", conflicts_with_all = ["topics", "yes", "confirm_within"])]
    confirm: Option<String>,
}

/// What is taken back.
#[derive(Debug, clap::Args)]
pub(crate) struct UndoArguments {
    /// The change, by its number. Default: the last one.
    id: Option<String>,
    #[command(flatten)]
    scope: Scope,
    /// Shows all changes instead.
    #[arg(long, conflicts_with_all = ["id", "force"])]
    list: bool,
    /// Also what somebody else has changed since.
    #[arg(long)]
    force: bool,
    /// Takes back what a restart has ended in the middle or on trial; for the start of the machine, before its services.
    #[arg(long, conflicts_with_all = ["id", "list", "force"])]
    after_restart: bool,
    /// Waits first, and takes it back only if it is still on trial.
    #[arg(long, value_parser = trial_time, hide = true, requires = "id")]
    settle_after: Option<Duration>,
}

/// A safeguard, or a check that has a remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Topic {
    Safeguard(Safeguard),
    Check(&'static str),
}

impl std::str::FromStr for Topic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(safeguard) = text.parse() {
            return Ok(Self::Safeguard(safeguard));
        }
        if let Some(remedy) = burgrave_audit::remedy(text) {
            return Ok(Self::Check(remedy.id));
        }
        let is_check = burgrave_audit::ALL.iter().any(|check| check.id == text);
        let text = text.escape_debug();
        Err(if is_check {
            format!("the check `{text}` has no remedy; `burgrave explain {text}` says what to do")
        } else {
            format!("`{text}` is neither a safeguard nor a check with a remedy")
        })
    }
}

/// A place that is looked at and changed.
struct Place {
    system: Box<dyn System>,
    ground: Ground,
    root: PathBuf,
    served: Vec<PathBuf>,
    state: Target,
    state_folder: PathBuf,
}

impl Place {
    fn of(scope: &Scope) -> Result<Self, Error> {
        let (system, ground) = load::host(scope.root.as_deref())?;
        let settings =
            scope.config.as_ref().map(|config| load::settings(&Live, config)).transpose()?;
        let state = settings.as_ref().map_or(Path::new(load::STATE_DEFAULT), |s| s.state.as_path());
        let state_folder = state.to_owned();
        let state = Target::try_from(state)
            .map_err(|bad| Error::State { path: state.to_owned(), why: bad.to_string() })?;
        let sites = settings.iter().flat_map(|settings| &settings.sites);
        let served = sites.filter_map(|site| site.files.as_ref()).map(|files| files.root.clone());
        let root = scope.root.clone().unwrap_or_else(|| PathBuf::from("/"));
        Ok(Self { system, ground, root, served: served.collect(), state, state_folder })
    }

    fn is_tree(&self) -> bool {
        self.ground == Ground::Tree
    }

    fn wanted<'w>(&'w self, topics: &'w Topics, ways_in: WaysIn) -> Wanted<'w> {
        Wanted {
            system: self.system.as_ref(),
            ground: self.ground,
            served: &self.served,
            safeguards: &topics.safeguards,
            checks: &topics.checks,
            ways_in: if self.is_tree() { WaysIn::Open } else { ways_in },
        }
    }

    fn host(&self) -> Result<Host, Error> {
        if !self.is_tree() && !burgrave_sys::is_root() {
            return Err(Error::NeedsRoot);
        }
        Ok(Host::open(&self.root)?)
    }

    /// Keeps a row of a change of this machine. One of an image is in the image's own journal alone: a ledger
    /// there would give its key to every copy.
    fn record(&self, kind: Kind, session: &Session<'_>, id: Id, mut detail: Value) {
        if self.is_tree() {
            return;
        }
        let about = session.about(id).ok().flatten();
        if let (Some(about), Some(detail)) = (about, detail.as_object_mut()) {
            detail.insert("checks".to_owned(), json!(about.checks));
            detail.insert("targets".to_owned(), json!(about.targets.len()));
        }
        if let Some(detail) = detail.as_object_mut() {
            detail.insert("by".to_owned(), record::by());
        }
        record::record(&self.state_folder, &[record::event(kind, id.to_string(), detail)]);
    }

    /// How the place is named in a hint.
    fn option(&self) -> String {
        if self.is_tree() { format!(" --root {}", self.root.display()) } else { String::new() }
    }
}

#[derive(Default)]
struct Topics {
    safeguards: Vec<Safeguard>,
    checks: Vec<&'static str>,
}

impl Topics {
    fn of(all: &[Topic]) -> Self {
        let mut topics = Self::default();
        for topic in all {
            match topic {
                Topic::Safeguard(safeguard) => topics.safeguards.push(*safeguard),
                Topic::Check(id) => topics.checks.push(id),
            }
        }
        topics
    }
}

/// Shows what would be changed.
pub(super) fn plan(arguments: &PlanArguments) -> Result<Exit, Error> {
    let place = Place::of(&arguments.scope)?;
    let topics = Topics::of(&arguments.topics);
    let planned = planned(&place, &topics, WaysIn::Kept)?;
    output::text(&match arguments.format {
        Format::Text => burgrave_apply::text(&planned.plan, place.is_tree()),
        Format::Json => burgrave_apply::json(&planned.plan),
    })?;
    Ok(if planned.plan.steps.is_empty() { Exit::Clean } else { Exit::Findings })
}

fn planned(place: &Place, topics: &Topics, ways_in: WaysIn) -> Result<Planned, Error> {
    let wanted = place.wanted(topics, ways_in);
    if !burgrave_audit::is_host(wanted.system, wanted.ground) {
        return Err(Error::NoHost(place.root.clone()));
    }
    Ok(burgrave_audit::plan(wanted))
}

/// Shows what would be changed, asks, and does it.
pub(super) fn apply(arguments: &ApplyArguments) -> Result<Exit, Error> {
    let place = Place::of(&arguments.scope)?;
    let topics = Topics::of(&arguments.topics);
    // Asked for before anything is made where no system lies.
    if !burgrave_audit::is_host(place.system.as_ref(), place.ground) {
        return Err(Error::NoHost(place.root.clone()));
    }
    let host = place.host()?;
    let session = Session::open(&host, &place.state)?;
    if let Some(id) = &arguments.confirm {
        return confirm(&place, &session, id);
    }
    for id in session.recover()? {
        place.record(Kind::HostUndone, &session, id, json!({ "because": "it was interrupted" }));
        output::notice(&format!("change {id} was interrupted: it was taken back first"));
        if reload_after(&session, &place, id)? != Exit::Clean {
            return Ok(Exit::Unproven);
        }
    }
    let ways_in = if arguments.confirm_within.is_some() { WaysIn::Open } else { WaysIn::Kept };
    let mut planned = planned(&place, &topics, ways_in)?;
    output::text(&burgrave_apply::text(&planned.plan, place.is_tree()))?;
    if planned.plan.steps.is_empty() {
        output::text("nothing is changed\n")?;
        return Ok(Exit::Clean);
    }
    if !arguments.yes && !output::asked("do it? [y/N] ")? {
        output::notice("nothing was changed: say `y`, or `--yes` where nobody can be asked");
        return Ok(Exit::Unproven);
    }
    // Only what runs now is stopped, and so only that is started again.
    planned.plan.stops = match units::running(&place, std::mem::take(&mut planned.plan.stops)) {
        Ok(running) => running,
        Err(why) => {
            output::notice(&format!("nothing was changed: {why}"));
            return Ok(Exit::Unproven);
        }
    };
    let (programs, stops) = (planned.plan.programs.clone(), planned.plan.stops.clone());
    let mut asked = Asked { place: &place, topics: &topics, planned: &planned, programs, stops };
    let now = place.system.now().seconds();
    let outcome = match arguments.confirm_within {
        None => session.apply(&planned.plan, now, &mut asked)?,
        Some(time) => {
            let deadline = now.saturating_add(i64::try_from(time.as_secs()).unwrap_or(0));
            session.apply_on_trial(&planned.plan, now, deadline, &mut asked)?
        }
    };
    match (outcome, arguments.confirm_within) {
        (Outcome::Applied(id), Some(time)) => {
            let trial = json!({ "trial_secs": time.as_secs() });
            place.record(Kind::HostApplied, &session, id, trial);
            on_trial(&session, &place, &arguments.scope, id, time)
        }
        (Outcome::Applied(id), None) => {
            place.record(Kind::HostApplied, &session, id, json!({}));
            let option = place.option();
            output::text(&format!(
                "done and verified: change {id}; `burgrave undo {id}{option}` takes it back\n"
            ))?;
            Ok(Exit::Clean)
        }
        (Outcome::RolledBack(id, why), _) => {
            place.record(Kind::HostUndone, &session, id, json!({ "because": why }));
            output::notice(&format!("change {id} was taken back, everything is as it was: {why}"));
            Ok(Exit::Findings)
        }
    }
}

/// Has a trial ended by another process, which outlives this one and its terminal.
fn on_trial(
    session: &Session<'_>,
    place: &Place,
    scope: &Scope,
    id: Id,
    time: Duration,
) -> Result<Exit, Error> {
    if let Err(error) = settle_later(scope, id, time) {
        session.settle(id)?;
        place.record(
            Kind::HostUndone,
            session,
            id,
            json!({ "because": "nobody would end its trial" }),
        );
        reload_after(session, place, id)?;
        output::notice(&format!("change {id} was taken back: nobody would end its trial"));
        return Err(error);
    }
    output::text(&format!(
        "done and verified: change {id} is on trial for {} s; over a new connection, say `burgrave apply --confirm {id}{}` to keep it\n",
        time.as_secs(),
        place.option()
    ))?;
    Ok(Exit::Clean)
}

#[expect(clippy::disallowed_methods, reason = "this program again, not a tool of the machine")]
fn settle_later(scope: &Scope, id: Id, time: Duration) -> Result<(), Error> {
    let wrong = |error| Error::Runtime("the process that ends the trial", error);
    let mut command = Command::new(std::env::current_exe().map_err(wrong)?);
    command.args(["undo", &id.to_string(), "--settle-after", &format!("{}s", time.as_secs())]);
    for (option, path) in [("--root", &scope.root), ("--config", &scope.config)] {
        if let Some(path) = path {
            command.arg(option).arg(path.canonicalize().map_err(wrong)?);
        }
    }
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.current_dir("/").spawn().map(drop).map_err(wrong)
}

fn confirm(place: &Place, session: &Session<'_>, id: &str) -> Result<Exit, Error> {
    let id: Id = id.parse()?;
    if session.confirm(id)? {
        place.record(Kind::HostConfirmed, session, id, json!({}));
        output::text(&format!("change {id} is kept\n"))?;
        return Ok(Exit::Clean);
    }
    output::notice(&format!("change {id} is not on trial, or it is too late"));
    Ok(Exit::Findings)
}

/// Waits for the end of a trial in a session of its own; takes the change back if nobody has kept it.
fn settle(host: &Host, place: &Place, id: Id, after: Duration) -> Result<Exit, Error> {
    burgrave_sys::detach().map_err(Error::Sockets)?;
    std::thread::sleep(after);
    for _ in 0..BUSY_MAX {
        match Session::open(host, &place.state) {
            Ok(session) => {
                if session.settle(id)? {
                    let because = json!({ "because": "the trial ended unconfirmed" });
                    place.record(Kind::HostUndone, &session, id, because);
                    reload_after(&session, place, id)?;
                }
                return Ok(Exit::Clean);
            }
            Err(ApplyError::Busy) => std::thread::sleep(BUSY_PAUSE),
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApplyError::Busy.into())
}

/// Takes a change back, or shows all of them.
pub(super) fn undo(arguments: &UndoArguments) -> Result<Exit, Error> {
    let place = Place::of(&arguments.scope)?;
    let host = place.host()?;
    if arguments.list {
        return list(&host, &place);
    }
    let known = burgrave_apply::runs(&host, &place.state)?;
    if arguments.after_restart {
        return if known.is_empty() { Ok(Exit::Clean) } else { after_restart(&host, &place) };
    }
    if known.is_empty() {
        return Err(ApplyError::NothingToUndo.into());
    }
    let id = arguments.id.as_deref().map(str::parse::<Id>).transpose()?;
    if let (Some(id), Some(after)) = (id, arguments.settle_after) {
        return settle(&host, &place, id, after);
    }
    let session = Session::open(&host, &place.state)?;
    let force = if arguments.force { Force::Yes } else { Force::No };
    let id = session.undo(id, force)?;
    place.record(Kind::HostUndone, &session, id, json!({ "is_forced": arguments.force }));
    output::text(&format!("change {id} was taken back: everything is as it was\n"))?;
    reload_after(&session, &place, id)
}

/// What a restart has ended. Services are not reloaded: they begin after this, with what is there.
fn after_restart(host: &Host, place: &Place) -> Result<Exit, Error> {
    let session = Session::open(host, &place.state)?;
    for id in session.recover_after_restart()? {
        let because =
            json!({ "because": "the machine was restarted in the middle, or during a trial" });
        place.record(Kind::HostUndone, &session, id, because);
        output::notice(&format!("change {id} had not ended before the restart: it was taken back"));
    }
    Ok(Exit::Clean)
}

/// Makes the programs of a change take that it was taken back.
fn reload_after(session: &Session<'_>, place: &Place, id: Id) -> Result<Exit, Error> {
    let (names, stopped) =
        session.about(id)?.map(|about| (about.programs, about.stopped)).unwrap_or_default();
    let programs: Vec<Program> =
        Program::ALL.into_iter().filter(|p| names.iter().any(|name| name == p.id())).collect();
    let started = || units::named(&stopped).and_then(|units| units::follow(place, &units));
    if let Err(why) = reload(place, &programs).and_then(|()| started()) {
        output::notice(&why);
        return Ok(Exit::Findings);
    }
    Ok(Exit::Clean)
}

fn list(host: &Host, place: &Place) -> Result<Exit, Error> {
    let mut text = String::new();
    for run in burgrave_apply::runs(host, &place.state)? {
        let (time, what) = match &run.about {
            Some(about) => {
                let micros = about.time.saturating_mul(1_000_000);
                let (year, month, day, hour, minute, second) =
                    burgrave_sys::UnixTime(micros).civil();
                let time =
                    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC");
                (time, format!("{} ({} changes)", about.checks.join(" "), about.targets.len()))
            }
            None => ("?".to_owned(), String::new()),
        };
        let hint = if run.status == Status::Interrupted { "  (undo completes it)" } else { "" };
        text.push_str(&format!("{}  {time}  {:<11}  {what}{hint}\n", run.id, run.status.id()));
    }
    output::text(if text.is_empty() { "nothing was changed yet\n" } else { &text })?;
    Ok(Exit::Clean)
}

/// What is asked while a plan is done: the programs on a machine, and the checks everywhere.
struct Asked<'p> {
    place: &'p Place,
    topics: &'p Topics,
    planned: &'p Planned,
    programs: Vec<Program>,
    stops: Vec<UnitName>,
}

impl Witness for Asked<'_> {
    fn validate(&mut self) -> Result<(), String> {
        if self.place.is_tree() {
            return Ok(());
        }
        self.programs.iter().try_for_each(|program| first_of(program.validator()))
    }

    fn reload(&mut self) -> Result<(), String> {
        reload(self.place, &self.programs)?;
        units::follow(self.place, &self.stops)
    }

    fn verify(&mut self) -> Result<(), String> {
        burgrave_audit::as_planned(self.planned, self.place.wanted(self.topics, WaysIn::Open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_safeguards_or_checks_with_a_remedy() {
        for (text, wanted) in [
            ("permissions", Ok(Topic::Safeguard(Safeguard::Permissions))),
            ("ssh-root-login", Ok(Topic::Check("ssh-root-login"))),
            ("malware-web-shell", Err("has no remedy")),
            ("permission", Err("neither a safeguard nor")),
        ] {
            match (text.parse::<Topic>(), wanted) {
                (Ok(found), Ok(wanted)) => assert_eq!(found, wanted),
                (Err(why), Err(wanted)) => assert!(why.contains(wanted), "{why}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }
}

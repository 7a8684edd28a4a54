//! The programs whose configurations a change touches: asked, and made to take it.

use super::Place;
use burgrave_model::Program;
use burgrave_sys::{Ended, Invocation, Live, System};
use std::path::Path;
use std::time::Duration;

/// How long a program may take to look at its configuration, or to take it.
pub(super) const PROGRAM_TIME: Duration = Duration::from_mins(1);
/// Bytes of what it may say.
pub(super) const PROGRAM_BYTES_MAX: usize = 64 * 1024;

/// Makes programs take what was changed. In a tree nothing runs.
pub(super) fn reload(place: &Place, programs: &[Program]) -> Result<(), String> {
    if place.is_tree() {
        return Ok(());
    }
    programs.iter().try_for_each(|program| first_of(program.reload()))
}

/// Runs the first of these commands whose program is there. Without systemd nothing is asked of it.
pub(super) fn first_of(commands: &[&[&str]]) -> Result<(), String> {
    for command in commands {
        let Some((program, arguments)) = command.split_first() else { continue };
        let runs_systemd = Live.metadata(Path::new("/run/systemd/system")).is_ok();
        if program.ends_with("systemctl") && !runs_systemd {
            continue;
        }
        if Live.metadata(Path::new(program)).is_err() {
            continue;
        }
        return ran(program, arguments);
    }
    Ok(())
}

pub(super) fn ran(program: &str, arguments: &[&str]) -> Result<(), String> {
    let name = format!("{program} {}", arguments.join(" "));
    let invocation = Invocation::new(program, PROGRAM_TIME, PROGRAM_BYTES_MAX)
        .map_err(|error| error.to_string())?
        .args(arguments.iter().copied());
    let done = Live.run(&invocation).map_err(|error| format!("`{name}`: {error}"))?;
    if done.ended == Ended::Exit(0) {
        return Ok(());
    }
    let said = bstr::BStr::new(&done.stderr).to_string();
    let first: String = said.lines().next().unwrap_or_default().chars().take(200).collect();
    Err(format!("`{name}` says no: {}", first.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_say_why_they_fail_and_missing_ones_are_passed_over() {
        assert_eq!(first_of(&[]), Ok(()));
        assert_eq!(first_of(&[&["/nonexistent/x", "-t"]]), Ok(()));
        assert_eq!(first_of(&[&["/nonexistent/x", "-t"], &["/bin/true", "-t"]]), Ok(()));
        let why = first_of(&[&["/bin/false", "-t"]]).unwrap_err();
        assert!(why.starts_with("`/bin/false -t` says no"), "{why}");
    }
}

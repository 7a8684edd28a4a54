//! Operators that are read and whose automaton is not built yet. Of a large rule set building takes nearly all of the
//! time of loading, and none needs another for it: all processors do it at once.

use super::Operator;
use super::phrases::Phrases;
use super::verify;
use crate::regex::Regex;
use std::sync::{Arc, Mutex, PoisonError};

/// Threads that build, at most.
const THREADS_MAX: usize = 4;
/// Bytes of patterns and phrases that are worth a second thread.
const BYTES_OF_A_THREAD: usize = 8 * 1024;

/// An operator that is read.
#[derive(Debug)]
pub(crate) enum Unbuilt {
    /// A regular expression.
    Pattern(Asks, Vec<u8>),
    /// Phrases.
    Phrases(Vec<Vec<u8>>),
    /// It is built.
    Built(Operator),
    /// It cannot be built, and why.
    Failed(String),
}

/// What is asked of a pattern.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asks {
    /// `@rx`
    First,
    /// `@rxGlobal`
    Each,
    /// `@verifyCC` and its kin.
    Number(verify::Number),
}

impl Unbuilt {
    /// Builds it, where that is not done yet. The error says why it cannot be done.
    pub(crate) fn build(self) -> Result<Operator, String> {
        match self {
            Self::Pattern(asks, text) => {
                let regex = Regex::of_operator(&text)
                    .map_err(|why| format!("regular expression does not compile: {why}"))?;
                let regex = Arc::new(regex);
                Ok(match asks {
                    Asks::First => Operator::Regex(regex),
                    Asks::Each => Operator::RegexGlobal(regex),
                    Asks::Number(number) => Operator::Verify(number, regex),
                })
            }
            Self::Phrases(phrases) => Ok(Operator::Phrases(Phrases::new(phrases)?)),
            Self::Built(operator) => Ok(operator),
            Self::Failed(why) => Err(why),
        }
    }

    fn build_in_place(&mut self) {
        let own = std::mem::replace(self, Self::Built(Operator::Never));
        *self = own.build().map_or_else(Self::Failed, Self::Built);
    }

    /// Bytes from which something is still to be built.
    fn len(&self) -> usize {
        match self {
            Self::Pattern(_, text) => text.len(),
            Self::Phrases(phrases) => phrases.iter().map(Vec::len).sum(),
            Self::Built(_) | Self::Failed(_) => 0,
        }
    }
}

/// Builds all of them, those that cannot be built to their reasons.
pub(crate) fn build_all(mut all: Vec<&mut Unbuilt>) {
    let bytes: usize = all.iter().map(|one| one.len()).sum();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.min(THREADS_MAX).min(bytes / BYTES_OF_A_THREAD);
    // The longest first, so that no thread is left with it at the end.
    all.sort_by_key(|one| std::cmp::Reverse(one.len()));
    let left = Mutex::new(all.into_iter());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(one) = next() {
            one.build_in_place();
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // Where no thread is to be had, this one does it all.
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_built_each_to_its_own_operator_whoever_builds_it() {
        for count in [0_usize, 3, 500] {
            let pattern = |number: usize| format!("x{number}{}", "y?".repeat(50)).into_bytes();
            let mut all: Vec<Unbuilt> =
                (0..count).map(|number| Unbuilt::Pattern(Asks::First, pattern(number))).collect();
            all.push(Unbuilt::Pattern(Asks::First, b"(".to_vec()));
            all.push(Unbuilt::Phrases(vec![b"phrase".to_vec()]));
            all.push(Unbuilt::Built(Operator::Always));
            build_all(all.iter_mut().collect());
            let mut all = all.into_iter();
            for number in 0..count {
                let built = all.next().unwrap().build().unwrap();
                let hit = |text: &str| built.evaluate(text.as_bytes(), true, &()).unwrap();
                assert!(hit(&format!("x{number}")).is_some() && hit("y").is_none());
            }
            let why = all.next().unwrap().build().unwrap_err();
            assert!(why.starts_with("regular expression does not compile"), "{why}");
            assert!(matches!(all.next(), Some(Unbuilt::Built(Operator::Phrases(_)))));
            assert!(matches!(all.next(), Some(Unbuilt::Built(Operator::Always))));
        }
    }
}

//! Where ways lead a text, step by step, by what the text may react to: all ways that take the same step next take it
//! together. Worked out once for each stop that comes up, as most texts react to the same few transformations.
//!
//! It is of one thread and one rule set, and bounded: what texts may come up with beyond that is worked out again.

use super::WaySet;
use super::questions::{WAYS_MAX, Way};
use crate::plan::{ChainNode, ChainStep, Chains};
use foldhash::HashMap;

/// Forks that are kept from one text to the next.
const FORKS_MAX: usize = 1024;

/// All ways of a rule set, by number, and their chains.
#[derive(Clone, Copy)]
pub(crate) struct Map<'a> {
    pub(crate) ways: &'a [Way],
    pub(crate) chains: &'a Chains,
}

impl<'a> Map<'a> {
    /// The steps of a way that are left after so many, and whether it leads to each stop.
    fn left(self, walker: Walker) -> (&'a [ChainStep], bool) {
        let Some(way) = self.ways.get(usize::from(walker.way)) else { return (&[], false) };
        let steps = self.chains.node(way.chain).map_or(&[][..], |node: &ChainNode| &node.steps);
        let done = usize::try_from(walker.done).unwrap_or(usize::MAX);
        (steps.get(done..).unwrap_or_default(), way.every_step)
    }
}

/// Ways that are at the same text, by the number of their crowd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Crowd(usize);

/// A way by its number, with how many of its steps are behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Walker {
    way: u8,
    done: u32,
}

/// Where the ways of a crowd go on.
#[derive(Debug)]
pub(crate) struct Fork {
    /// Those that lead to the text as it is.
    pub(crate) here: WaySet,
    /// The next steps of the others, each with those that take it.
    pub(crate) next: Vec<(ChainStep, Crowd)>,
}

/// All crowds and forks that came up.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// The rule set whose ways these are.
    rules: u64,
    /// By number, each with the bits of all steps that are left.
    crowds: Vec<(Vec<Walker>, u64)>,
    numbers: HashMap<Vec<Walker>, Crowd>,
    starts: HashMap<WaySet, Crowd>,
    places: HashMap<(Crowd, u64), usize>,
    forks: Vec<Fork>,
}

impl Paths {
    /// Serves the rule set with this number from now on.
    pub(crate) fn serve(&mut self, rules: u64) {
        if self.rules != rules {
            *self = Self { rules, ..Self::default() };
        }
    }

    /// These ways at their start. Crowds of earlier starts are not valid any more.
    pub(crate) fn start(&mut self, map: Map<'_>, ways: WaySet) -> Crowd {
        if self.forks.len() > FORKS_MAX {
            *self = Self { rules: self.rules, ..Self::default() };
        }
        if let Some(crowd) = self.starts.get(&ways) {
            return *crowd;
        }
        let walkers = (0..).take(map.ways.len().min(WAYS_MAX)).filter(|way| ways >> way & 1 == 1);
        let walkers = walkers.map(|way| Walker { way, done: 0 }).collect();
        let crowd = self.crowd(map, walkers);
        self.starts.insert(ways, crowd);
        crowd
    }

    fn crowd(&mut self, map: Map<'_>, walkers: Vec<Walker>) -> Crowd {
        if let Some(crowd) = self.numbers.get(&walkers) {
            return *crowd;
        }
        let left = walkers.iter().flat_map(|walker| map.left(*walker).0);
        let bits = left.fold(0, |bits, step| bits | step.bit);
        let crowd = Crowd(self.crowds.len());
        self.crowds.push((walkers.clone(), bits));
        self.numbers.insert(walkers, crowd);
        crowd
    }

    /// Where a crowd goes on from a text that may react to the transformations with these bits.
    pub(crate) fn fork(&mut self, map: Map<'_>, crowd: Crowd, reacts: u64) -> Option<&Fork> {
        let reacts = reacts & self.crowds.get(crowd.0)?.1;
        let at = match self.places.get(&(crowd, reacts)) {
            Some(at) => *at,
            None => self.new_fork(map, crowd, reacts)?,
        };
        self.forks.get(at)
    }

    #[cold]
    fn new_fork(&mut self, map: Map<'_>, crowd: Crowd, reacts: u64) -> Option<usize> {
        let mut here = 0;
        let mut next: Vec<(ChainStep, Vec<Walker>)> = Vec::new();
        for walker in &self.crowds.get(crowd.0)?.0 {
            let (left, every_step) = map.left(*walker);
            let step = (1..).zip(left).find(|(_, step)| step.bit & reacts != 0);
            if every_step || step.is_none() {
                here |= 1 << walker.way;
            }
            let Some((steps, step)) = step else { continue };
            let walker = Walker { way: walker.way, done: walker.done.saturating_add(steps) };
            match next.iter_mut().find(|(own, _)| own.place == step.place) {
                Some((_, walkers)) => walkers.push(walker),
                None => next.push((step.clone(), vec![walker])),
            }
        }
        let next = next.into_iter().map(|(step, walkers)| (step, self.crowd(map, walkers)));
        let fork = Fork { here, next: next.collect() };
        self.forks.push(fork);
        self.places.insert((crowd, reacts), self.forks.len() - 1);
        Some(self.forks.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ChainId;
    use crate::transform;

    fn chain(chains: &mut Chains, names: &[&str]) -> ChainId {
        let step = |before, name: &&str| chains.extend(before, transform::find(name).unwrap());
        names.iter().fold(ChainId::NONE, step)
    }

    #[test]
    fn ways_part_where_their_steps_do() {
        let mut chains = Chains::default();
        let way =
            |chain, every_step| Way { chain, every_step, questions: Vec::new(), bytes_min: 0 };
        let ways = [
            way(ChainId::NONE, false),
            way(chain(&mut chains, &["lowercase", "trim"]), false),
            way(chain(&mut chains, &["trim", "lowercase"]), false),
            way(chain(&mut chains, &["lowercase", "base64Decode"]), true),
        ];
        let map = Map { ways: &ways, chains: &chains };
        let bit = |name| 1 << transform::place(transform::find(name).unwrap());
        let (lower, trim) = (bit("lowercase"), bit("trim"));
        let mut paths = Paths::default();
        for _ in 0..2 {
            let all = paths.start(map, 0b1111);
            assert_eq!(paths.fork(map, all, 0).map(|fork| fork.here), Some(0b1111));
            let fork = paths.fork(map, all, lower | trim).unwrap();
            let next: Vec<(u64, Crowd)> =
                fork.next.iter().map(|(step, crowd)| (step.bit, *crowd)).collect();
            assert_eq!((fork.here, next[0].0, next[1].0), (0b1001, lower, trim));
            let after = paths.fork(map, next[0].1, trim).unwrap();
            assert_eq!((after.here, after.next.len(), after.next[0].0.bit), (0b1000, 1, trim));
            let after = paths.fork(map, next[1].1, trim).unwrap();
            assert_eq!((after.here, after.next.len()), (0b0100, 0), "once behind it, no more");
            let one = paths.start(map, 1);
            assert_eq!(paths.fork(map, one, u64::MAX).map(|fork| fork.here), Some(1));
        }
        assert_eq!((paths.starts.len(), paths.places.len()), (2, 5));
    }

    #[test]
    fn a_long_chain_is_walked_to_its_end() {
        let mut chains = Chains::default();
        let names: Vec<&str> = ["trim", "lowercase"].into_iter().cycle().take(600).collect();
        let chain = chain(&mut chains, &names);
        let ways = [Way { chain, every_step: false, questions: Vec::new(), bytes_min: 0 }];
        let (map, mut paths) = (Map { ways: &ways, chains: &chains }, Paths::default());
        let (mut crowd, mut steps) = (paths.start(map, 1), 0);
        while let Some((_, next)) = paths.fork(map, crowd, u64::MAX).unwrap().next.first() {
            (crowd, steps) = (*next, steps + 1);
        }
        assert_eq!((steps, paths.fork(map, crowd, u64::MAX).unwrap().here), (600, 1));
    }

    #[test]
    fn it_is_bounded() {
        let mut chains = Chains::default();
        let names: Vec<&str> =
            transform::ALL.iter().take(12).map(transform::Transformation::name).collect();
        let ways = [Way {
            chain: chain(&mut chains, &names),
            every_step: false,
            questions: Vec::new(),
            bytes_min: 0,
        }];
        let map = Map { ways: &ways, chains: &chains };
        let mut paths = Paths::default();
        let all = chains.node(ways[0].chain).unwrap().bits;
        for reacts in (0..=all).filter(|reacts| reacts & !all == 0) {
            let crowd = paths.start(map, 1);
            paths.fork(map, crowd, reacts).unwrap();
            assert!(paths.forks.len() <= FORKS_MAX + 1);
        }
    }
}

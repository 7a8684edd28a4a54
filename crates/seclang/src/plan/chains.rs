//! Chains of transformations: a tree, as many begin alike.

use crate::transform::{self, CodePage, Transformation};
use std::sync::Arc;

/// A place in the tree of transformation chains; chains that begin alike share their beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChainId(pub(crate) usize);

impl ChainId {
    /// No transformation.
    pub(crate) const NONE: Self = Self(0);
}

/// A transformation with its place among all.
#[derive(Clone, Debug)]
pub(crate) struct ChainStep {
    /// The transformation itself.
    pub(crate) transformation: &'static Transformation,
    /// Its place in the list of all.
    pub(crate) place: usize,
    /// The bit of this place.
    pub(crate) bit: u64,
    /// The code page by which it decodes, where the rules name one.
    pub(crate) page: Option<Arc<CodePage>>,
}

impl ChainStep {
    /// Appends what it makes of a value.
    pub(crate) fn apply(&self, input: &[u8], out: &mut Vec<u8>) {
        match &self.page {
            Some(page) => page.url_decode(input, out),
            None => (self.transformation.apply)(input, out),
        }
    }
}

/// A chain.
#[derive(Debug)]
pub(crate) struct ChainNode {
    /// The chain without its last step.
    pub(crate) parent: ChainId,
    /// All steps in order.
    pub(crate) steps: Vec<ChainStep>,
    /// The chain and all that it begins with, shortest first.
    prefixes: Vec<ChainId>,
    /// The bits of all steps.
    pub(crate) bits: u64,
}

/// All transformation chains of a rule set. Node 0 is the empty chain and holds nothing.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    nodes: Vec<ChainNode>,
}

impl Chains {
    /// The chain that is `parent` with one more step.
    pub(crate) fn extend(&mut self, parent: ChainId, step: &'static Transformation) -> ChainId {
        let place = transform::place(step);
        let is_last = |node: &ChainNode| node.steps.last().is_some_and(|last| last.place == place);
        let same = |node: &ChainNode| node.parent == parent && is_last(node);
        if let Some(found) = self.nodes.iter().position(same) {
            return ChainId(found + 1);
        }
        let bit = 1 << place;
        let before = self.node(parent);
        let bits = before.map_or(0, |node| node.bits) | bit;
        let mut steps = before.map(|node| node.steps.clone()).unwrap_or_default();
        steps.push(ChainStep { transformation: step, place, bit, page: None });
        let mut prefixes = self.prefixes(parent).to_vec();
        prefixes.push(ChainId(self.nodes.len() + 1));
        self.nodes.push(ChainNode { parent, steps, prefixes, bits });
        ChainId(self.nodes.len())
    }

    /// `t:urlDecodeUni` decodes by this code page.
    pub(crate) fn set_page(&mut self, page: &Arc<CodePage>) {
        for step in self.nodes.iter_mut().flat_map(|node| &mut node.steps) {
            if step.transformation.name() == "urlDecodeUni" {
                step.page = Some(Arc::clone(page));
            }
        }
    }

    /// A chain by its number; `None` for the empty one.
    pub(crate) fn node(&self, chain: ChainId) -> Option<&ChainNode> {
        self.nodes.get(chain.0.checked_sub(1)?)
    }

    /// The chain and all that it begins with, shortest (the empty one) first.
    pub(crate) fn prefixes(&self, chain: ChainId) -> &[ChainId] {
        self.node(chain).map_or(&[ChainId::NONE], |node| node.prefixes.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_share_their_beginnings() {
        let step = |name| crate::transform::find(name).unwrap();
        let mut chains = Chains::default();
        let lower = chains.extend(ChainId::NONE, step("lowercase"));
        let both = chains.extend(lower, step("trim"));
        assert_eq!(chains.extend(ChainId::NONE, step("lowercase")), lower);
        assert_eq!(chains.extend(lower, step("trim")), both);
        assert_ne!(chains.extend(ChainId::NONE, step("trim")), both);
        assert_eq!(chains.prefixes(both), [ChainId::NONE, lower, both]);
        assert!(chains.node(ChainId::NONE).is_none());
        let steps = &chains.node(both).unwrap().steps;
        assert_eq!(
            steps.iter().map(|step| step.transformation.name()).collect::<Vec<_>>(),
            ["lowercase", "trim"]
        );
    }
}

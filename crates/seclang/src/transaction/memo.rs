//! What is already known of each distinct string of a transaction: which bytes it holds, and what each
//! chain of transformations makes of it. So each is computed once, however many rules ask.

use crate::plan::{ChainId, Chains};
use crate::stage::{Gate, Stage, is_set};
use crate::strings::{StrId, Strings};
use crate::transform::ByteSet;

/// Rows of cells, one row a string that was asked about.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// String → row, counted from 1; 0 is none.
    rows: Vec<usize>,
    /// Row × chain → string.
    cells: Vec<Option<StrId>>,
    /// Row → bytes that occur.
    bytes: Vec<ByteSet>,
    /// Row × word: gates that are open, once the row was scanned.
    open: Vec<u64>,
    scanned: Vec<bool>,
    width: usize,
}

impl Memo {
    /// For rule sets with so many chains.
    pub(super) fn new(chains: &Chains) -> Self {
        Self { width: chains.len() + 1, ..Self::default() }
    }

    /// The value after a chain of transformations.
    pub(super) fn transform(
        &mut self,
        chains: &Chains,
        chain: ChainId,
        value: StrId,
        strings: &mut Strings,
    ) -> StrId {
        let Some(node) = chains.node(chain) else { return value };
        let cell = self.row(value, strings) * self.width + chain.0;
        if let Some(Some(done)) = self.cells.get(cell) {
            return *done;
        }
        // A chain is as deep as its rule has transformations.
        let before = self.transform(chains, node.parent, value, strings);
        let row = self.row(before, strings);
        let bytes = self.bytes.get(row).copied().unwrap_or_default();
        let result = if node.touches.meets(&bytes) {
            let input = strings.get(before);
            let mut out = Vec::with_capacity(input.len());
            (node.transformation.apply)(input, &mut out);
            strings.intern(&out)
        } else {
            before
        };
        if let Some(cell) = self.cells.get_mut(cell) {
            *cell = Some(result);
        }
        result
    }

    /// Whether a gate is open to a string.
    pub(super) fn may_match(
        &mut self,
        stage: &Stage,
        gate: Gate,
        value: StrId,
        strings: &Strings,
    ) -> bool {
        let row = self.row(value, strings);
        let bit = match gate {
            Gate::Bytes(bytes) => return self.bytes.get(row).is_some_and(|own| own.meets(&bytes)),
            Gate::Literals(bit) => bit,
        };
        let words = stage.words();
        let range = row * words..(row + 1) * words;
        if self.scanned.get(row) != Some(&true) {
            self.scanned.resize(self.bytes.len(), false);
            self.open.resize(self.bytes.len() * words, 0);
            if let (Some(open), Some(scanned)) =
                (self.open.get_mut(range.clone()), self.scanned.get_mut(row))
            {
                stage.scan(strings.get(value), open);
                *scanned = true;
            }
        }
        is_set(self.open.get(range).unwrap_or_default(), bit)
    }

    /// The row of a string, which is made when it is first asked about.
    fn row(&mut self, value: StrId, strings: &Strings) -> usize {
        let index = value.index();
        if self.rows.len() <= index {
            self.rows.resize(index.max(strings.len()) + 1, 0);
        }
        let Some(place) = self.rows.get_mut(index) else { return 0 };
        if *place == 0 {
            self.bytes.push(ByteSet::of(strings.get(value)));
            *place = self.bytes.len();
            self.cells.resize(self.bytes.len() * self.width, None);
        }
        *place - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::find;
    use std::sync::Arc;

    #[test]
    fn chains_are_applied_in_order_and_once() {
        let mut chains = Chains::default();
        let lower = chains.extend(ChainId::NONE, find("lowercase").unwrap());
        let length = chains.extend(lower, find("length").unwrap());
        let trim = chains.extend(ChainId::NONE, find("trim").unwrap());
        let mut strings = Strings::over(&Arc::new(Strings::constants()));
        let mut memo = Memo::new(&chains);
        for (input, chain, output) in [
            (" Ab ", ChainId::NONE, " Ab "),
            (" Ab ", lower, " ab "),
            (" Ab ", trim, "Ab"),
            (" Ab ", length, "4"),
            ("", length, "0"),
            ("ab", lower, "ab"),
        ] {
            for _ in 0..2 {
                let value = strings.intern(input.as_bytes());
                let found = memo.transform(&chains, chain, value, &mut strings);
                assert_eq!(strings.get(found), output.as_bytes(), "{input:?}");
            }
        }
        let known = strings.len();
        let value = strings.intern(b" Ab ");
        memo.transform(&chains, length, value, &mut strings);
        assert_eq!(strings.len(), known, "nothing is made twice");
    }
}

//! Which blob is where: the repository's indexes in memory, and as files.
//!
//! A million blobs take some 50 MB: sorted tables, with a small map of what is new in front of them.

use crate::error::BackupError;
use crate::id::Id;
use crate::pack::{Blob, BlobKind, pack_bytes};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// New entries that are kept apart before they are sorted in.
const FRESH_MAX: usize = 64 * 1024;

/// Where a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Which of [`Index::packs`].
    pub(crate) pack: u32,
    pub(crate) offset: u32,
    pub(crate) length: u32,
    /// 0: not compressed.
    pub(crate) unpacked: u32,
}

impl Place {
    /// Bytes of the blob as it was.
    pub(crate) fn plain_bytes(&self) -> u64 {
        match self.unpacked {
            0 => u64::from(self.length)
                .saturating_sub(u64::try_from(crate::crypto::OVERHEAD).unwrap_or(0)),
            unpacked => u64::from(unpacked),
        }
    }
}

#[derive(Default)]
struct Table {
    sorted: Vec<(Id, Place)>,
    fresh: HashMap<Id, Place>,
    /// Further places of blobs that are in `fresh`.
    twice: Vec<(Id, Place)>,
}

impl Table {
    fn add(&mut self, id: Id, place: Place) {
        if let Some(other) = self.fresh.insert(id, place).filter(|other| *other != place) {
            self.twice.push((id, other));
        }
        if self.fresh.len() >= FRESH_MAX {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.sorted.append(&mut self.twice);
        self.sorted.extend(self.fresh.drain());
        // Stable: an older entry stays before a newer one of the same blob.
        self.sorted.sort_by_key(|(id, _)| *id);
    }

    fn find(&self, id: &Id) -> Option<Place> {
        if let Some(place) = self.fresh.get(id) {
            return Some(*place);
        }
        let at = self.sorted.partition_point(|(other, _)| other < id);
        self.sorted.get(at).filter(|(other, _)| other == id).map(|(_, place)| *place)
    }

    fn places(&self, id: &Id) -> Vec<Place> {
        let at = self.sorted.partition_point(|(other, _)| other < id);
        let same = self.sorted.iter().skip(at).take_while(|(other, _)| other == id);
        let twice = self.twice.iter().filter(|(other, _)| other == id);
        let mut places: Vec<Place> = same.chain(twice).map(|(_, place)| *place).collect();
        places.extend(self.fresh.get(id));
        places.sort_unstable();
        places.dedup();
        places
    }

    fn all(&self) -> impl Iterator<Item = (&Id, &Place)> {
        self.sorted
            .iter()
            .map(|(id, place)| (id, place))
            .chain(&self.fresh)
            .chain(self.twice.iter().map(|(id, place)| (id, place)))
    }
}

/// All that the repository's indexes say.
#[derive(Default)]
pub(crate) struct Index {
    packs: Vec<Id>,
    numbers: HashMap<Id, u32>,
    /// By pack: whether its blobs may be used.
    gone: HashSet<u32>,
    data: Table,
    trees: Table,
}

impl Index {
    fn table(&self, kind: BlobKind) -> &Table {
        match kind {
            BlobKind::Data => &self.data,
            BlobKind::Tree => &self.trees,
        }
    }

    /// A pack's number, given once.
    pub(crate) fn number(&mut self, pack: Id) -> Result<u32, BackupError> {
        if let Some(number) = self.numbers.get(&pack) {
            return Ok(*number);
        }
        let number = u32::try_from(self.packs.len()).map_err(|_many| {
            BackupError::Refused("the repository has too many packs".to_owned())
        })?;
        self.packs.push(pack);
        self.numbers.insert(pack, number);
        Ok(number)
    }

    /// A pack's name.
    pub(crate) fn pack(&self, number: u32) -> Option<Id> {
        usize::try_from(number).ok().and_then(|number| self.packs.get(number)).copied()
    }

    /// All packs that were ever added, by number.
    pub(crate) fn packs(&self) -> &[Id] {
        &self.packs
    }

    /// Adds a pack's blobs.
    pub(crate) fn add(&mut self, pack: Id, blobs: &[Blob]) -> Result<(), BackupError> {
        let pack = self.number(pack)?;
        for blob in blobs {
            let Blob { kind, id, offset, length, unpacked } = *blob;
            let place = Place { pack, offset, length, unpacked };
            match kind {
                BlobKind::Data => self.data.add(id, place),
                BlobKind::Tree => self.trees.add(id, place),
            }
        }
        Ok(())
    }

    /// A pack that is not there or not whole: what is in it counts as not there.
    pub(crate) fn lose(&mut self, number: u32) {
        self.gone.insert(number);
    }

    /// Makes the look-ups fast after everything was read.
    pub(crate) fn settle(&mut self) {
        self.data.settle();
        self.trees.settle();
        self.data.sorted.shrink_to_fit();
    }

    /// Whether a pack was found to be missing or not whole.
    pub(crate) fn is_lost(&self, number: u32) -> bool {
        self.gone.contains(&number)
    }

    /// Where a blob is, if it is.
    pub(crate) fn find(&self, kind: BlobKind, id: &Id) -> Option<Place> {
        let place = self.table(kind).find(id)?;
        if !self.gone.contains(&place.pack) {
            return Some(place);
        }
        // It may be in another pack as well.
        self.places(kind, id).first().copied()
    }

    /// Everywhere it is, but in packs that are lost.
    pub(crate) fn places(&self, kind: BlobKind, id: &Id) -> Vec<Place> {
        let mut places = self.table(kind).places(id);
        places.retain(|place| !self.gone.contains(&place.pack));
        places
    }

    /// Every blob that is said to be somewhere; one may be in several packs.
    pub(crate) fn all(&self) -> impl Iterator<Item = (BlobKind, &Id, &Place)> {
        let data = self.data.all().map(|(id, place)| (BlobKind::Data, id, place));
        data.chain(self.trees.all().map(|(id, place)| (BlobKind::Tree, id, place)))
    }

    /// The blobs of each pack, by its number, in the order in which they lie.
    pub(crate) fn by_pack(&self) -> BTreeMap<u32, Vec<Blob>> {
        let mut packs: BTreeMap<u32, Vec<Blob>> = BTreeMap::new();
        for (kind, id, place) in self.all() {
            let Place { pack, offset, length, unpacked } = *place;
            let blob = Blob { kind, id: *id, offset, length, unpacked };
            packs.entry(pack).or_default().push(blob);
        }
        for blobs in packs.values_mut() {
            blobs.sort_unstable_by_key(|blob| blob.offset);
            blobs.dedup();
        }
        packs
    }

    /// How long each pack has to be, by its number.
    pub(crate) fn pack_lengths(&self) -> HashMap<u32, u64> {
        self.by_pack().iter().map(|(pack, blobs)| (*pack, pack_bytes(blobs.iter()))).collect()
    }
}

/// An index as it is written.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct IndexFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    supersedes: Option<Vec<Id>>,
    #[serde(default)]
    packs: Vec<PackEntry>,
}

#[derive(Serialize, Deserialize)]
struct PackEntry {
    id: Id,
    blobs: Vec<BlobEntry>,
}

#[derive(Serialize, Deserialize)]
struct BlobEntry {
    id: Id,
    #[serde(rename = "type")]
    kind: std::borrow::Cow<'static, str>,
    offset: u32,
    length: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    uncompressed_length: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl IndexFile {
    /// Adds a pack.
    pub(crate) fn push(&mut self, pack: Id, blobs: &[Blob]) {
        let blobs = blobs.iter().map(|blob| BlobEntry {
            id: blob.id,
            kind: blob.kind.word().into(),
            offset: blob.offset,
            length: blob.length,
            uncompressed_length: blob.unpacked,
        });
        self.packs.push(PackEntry { id: pack, blobs: blobs.collect() });
    }

    /// Blobs in it.
    pub(crate) fn len(&self) -> usize {
        self.packs.iter().map(|pack| pack.blobs.len()).sum()
    }

    /// Adds all of it to the index in memory.
    pub(crate) fn load(self, index: &mut Index, name: &str) -> Result<(), BackupError> {
        for pack in self.packs {
            let mut blobs = Vec::with_capacity(pack.blobs.len());
            for blob in pack.blobs {
                let kind = match &*blob.kind {
                    "data" => BlobKind::Data,
                    "tree" => BlobKind::Tree,
                    other => {
                        let why = format!("it names a blob of the unknown type `{other}`");
                        return Err(BackupError::damaged(format!("index `{name}`"), why));
                    }
                };
                let BlobEntry { id, offset, length, uncompressed_length: unpacked, .. } = blob;
                blobs.push(Blob { kind, id, offset, length, unpacked });
            }
            index.add(pack.id, &blobs)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(number: u8, kind: BlobKind) -> Blob {
        Blob { kind, id: Id::of(&[number]), offset: 10, length: 40, unpacked: 100 }
    }

    #[test]
    fn blobs_are_found_by_kind_and_name() {
        let mut index = Index::default();
        let pack = Id::of(b"pack");
        index.add(pack, &[blob(1, BlobKind::Data), blob(2, BlobKind::Tree)]).unwrap();
        for settled in [false, true] {
            if settled {
                index.settle();
            }
            let place = index.find(BlobKind::Data, &Id::of(&[1])).unwrap();
            assert_eq!((index.pack(place.pack), place.plain_bytes()), (Some(pack), 100));
            assert_eq!(index.find(BlobKind::Tree, &Id::of(&[1])), None);
            assert_eq!(index.find(BlobKind::Data, &Id::of(&[3])), None);
        }
    }

    #[test]
    fn what_a_lost_pack_had_is_found_in_another() {
        let mut index = Index::default();
        index.add(Id::of(b"a"), &[blob(1, BlobKind::Data), blob(2, BlobKind::Data)]).unwrap();
        index.settle();
        index.add(Id::of(b"b"), &[blob(1, BlobKind::Data)]).unwrap();
        index.settle();
        index.lose(0);
        assert_eq!(index.find(BlobKind::Data, &Id::of(&[1])).map(|place| place.pack), Some(1));
        assert_eq!(index.find(BlobKind::Data, &Id::of(&[2])), None);
        index.lose(1);
        assert_eq!(index.find(BlobKind::Data, &Id::of(&[1])), None);
    }

    #[test]
    fn a_blob_in_two_packs_counts_for_both() {
        let mut index = Index::default();
        index.add(Id::of(b"a"), &[blob(1, BlobKind::Data)]).unwrap();
        index.add(Id::of(b"b"), &[blob(1, BlobKind::Data)]).unwrap();
        for _ in 0..2 {
            assert_eq!(index.pack_lengths().len(), 2);
            index.settle();
        }
    }

    #[test]
    fn an_index_is_read_as_it_was_written() {
        let mut file = IndexFile::default();
        file.push(Id::of(b"pack"), &[blob(1, BlobKind::Data), blob(2, BlobKind::Tree)]);
        assert_eq!(file.len(), 2);
        let json = serde_json::to_string(&file).unwrap();
        let mut index = Index::default();
        serde_json::from_str::<IndexFile>(&json).unwrap().load(&mut index, "x").unwrap();
        assert_eq!(index.by_pack()[&0].len(), 2);
        let strange = json.replace("\"tree\"", "\"leaf\"");
        let strange = serde_json::from_str::<IndexFile>(&strange).unwrap();
        let error = strange.load(&mut index, "x").unwrap_err().to_string();
        assert!(error.contains("index `x`") && error.contains("leaf"), "{error}");
    }

    #[test]
    fn many_blobs_stay_sorted() {
        let mut index = Index::default();
        let id = |number: u32| Id::of(&number.to_le_bytes());
        for number in 0..150_000_u32 {
            let blob = Blob {
                kind: BlobKind::Data,
                id: id(number),
                offset: number,
                length: 40,
                unpacked: 0,
            };
            index.add(Id::of(b"pack"), &[blob]).unwrap();
        }
        for number in (0..150_000).step_by(997) {
            let place = index.find(BlobKind::Data, &id(number)).unwrap();
            assert_eq!((place.offset, place.plain_bytes()), (number, 8));
        }
    }
}

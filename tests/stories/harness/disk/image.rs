//! What a power cut may leave: everything that was synced, and of the rest any part.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// What a disk writes at once.
const SECTOR: usize = 512;

/// What was done to the files of a directory, in order.
pub(crate) struct Journal(Vec<Record>);

struct Record {
    /// How long the journal was when this was in it.
    end: u64,
    operation: Operation,
}

#[derive(Clone)]
enum Operation {
    Create { file: u64, name: String },
    Write { file: u64, offset: usize, data: Vec<u8> },
    Truncate { file: u64, length: usize },
    Sync { file: u64 },
    SyncFailed { file: u64 },
    Rename { from: String, to: String },
    Unlink { name: String },
    SyncDirectory,
}

/// A file: what is on the disk for certain, and what may be.
#[derive(Default)]
struct File {
    synced: Vec<u8>,
    /// What was done since, and whether a sync of it failed: it may or may not be there, for ever.
    pending: Vec<(Operation, bool)>,
}

impl Journal {
    pub(super) fn read(mut bytes: &[u8]) -> Self {
        let (all, mut records) = (bytes.len(), Vec::new());
        while bytes.len() >= 21 {
            let number =
                |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
            let (kind, file, offset) = (bytes[0], number(1), number(9));
            let length = u32::from_le_bytes(bytes[17..21].try_into().expect("four bytes")) as usize;
            if bytes.len() < 21 + length {
                break;
            }
            let data = &bytes[21..21 + length];
            let text = |data: &[u8]| String::from_utf8(data.to_vec()).expect("a name");
            let size = usize::try_from(offset).expect("a size");
            let operation = match kind {
                1 => Operation::Create { file, name: text(data) },
                2 => Operation::Write { file, offset: size, data: data.to_vec() },
                3 => Operation::Truncate { file, length: size },
                4 => Operation::Sync { file },
                5 => {
                    let (from, to) = data.split_at(data.iter().position(|b| *b == 0).expect("two"));
                    Operation::Rename { from: text(from), to: text(&to[1..]) }
                }
                6 => Operation::Unlink { name: text(data) },
                7 => Operation::SyncDirectory,
                8 => Operation::SyncFailed { file },
                kind => panic!("a record of kind {kind}"),
            };
            bytes = &bytes[21 + length..];
            records.push(Record { end: (all - bytes.len()) as u64, operation });
        }
        Self(records)
    }

    /// Writes into `dir` what a power cut may leave that comes when the journal is as long as `cut`.
    pub(crate) fn image(&self, cut: u64, dir: &Path, rng: &mut StdRng) {
        let mut files: BTreeMap<u64, File> = BTreeMap::new();
        let (mut names, mut renamed) = (BTreeMap::<String, u64>::new(), Vec::new());
        for Record { operation, .. } in self.0.iter().take_while(|record| record.end <= cut) {
            match operation {
                Operation::Create { file, .. } => {
                    files.insert(*file, File::default());
                    renamed.push(operation);
                }
                Operation::Write { file, .. } | Operation::Truncate { file, .. } => {
                    let pending = &mut files.entry(*file).or_default().pending;
                    pending.push((operation.clone(), false));
                }
                Operation::Sync { file } => files.entry(*file).or_default().sync(rng),
                Operation::SyncFailed { file } => {
                    let pending = &mut files.entry(*file).or_default().pending;
                    for (_, is_lost) in pending.iter_mut() {
                        *is_lost = true;
                    }
                }
                Operation::Rename { .. } | Operation::Unlink { .. } => renamed.push(operation),
                Operation::SyncDirectory => {
                    renamed.drain(..).for_each(|operation| name(&mut names, operation));
                }
            }
        }
        // A directory keeps its order.
        let kept = rng.random_range(0..=renamed.len());
        renamed.into_iter().take(kept).for_each(|operation| name(&mut names, operation));
        let share = [0.0, 0.5, 1.0][rng.random_range(0..3)];
        for (name, file) in names {
            let content = files.remove(&file).unwrap_or_default().after_cut(share, rng);
            fs::write(dir.join(name), content).expect("a file of the image");
        }
    }

    /// How many syncs failed.
    pub(crate) fn failed_syncs(&self) -> usize {
        let is_failed = |r: &&Record| matches!(r.operation, Operation::SyncFailed { .. });
        self.0.iter().filter(is_failed).count()
    }

    /// How long the journal is.
    pub(crate) fn length(&self) -> u64 {
        self.0.last().map_or(0, |record| record.end)
    }
}

/// Does to names what was done to them.
fn name(names: &mut BTreeMap<String, u64>, operation: &Operation) {
    match operation {
        Operation::Create { file, name } => drop(names.insert(name.clone(), *file)),
        Operation::Rename { from, to } => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
        Operation::Unlink { name } => drop(names.remove(name)),
        _ => {}
    }
}

impl File {
    /// What is pending is on the disk now, but for what an earlier sync lost.
    fn sync(&mut self, rng: &mut StdRng) {
        for (operation, is_lost) in std::mem::take(&mut self.pending) {
            let share = if is_lost { 0.5 } else { 1.0 };
            apply(&mut self.synced, &operation, share, rng);
        }
    }

    /// What a cut leaves when about this share of what is pending had reached the disk.
    fn after_cut(mut self, share: f64, rng: &mut StdRng) -> Vec<u8> {
        for (operation, is_lost) in std::mem::take(&mut self.pending) {
            apply(&mut self.synced, &operation, if is_lost { 0.5 } else { share }, rng);
        }
        self.synced
    }
}

/// Does a part of what was done: each sector is written or is not.
fn apply(content: &mut Vec<u8>, operation: &Operation, share: f64, rng: &mut impl Rng) {
    match operation {
        Operation::Truncate { length, .. } if rng.random_bool(share) => content.resize(*length, 0),
        Operation::Write { offset, data, .. } => {
            let mut at = *offset;
            let mut rest = data.as_slice();
            while !rest.is_empty() {
                let (sector, behind) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
                if rng.random_bool(share) {
                    content.resize(content.len().max(at + sector.len()), 0);
                    content[at..at + sector.len()].copy_from_slice(sector);
                }
                (at, rest) = (at + sector.len(), behind);
            }
        }
        _ => {}
    }
}

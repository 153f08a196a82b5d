//! Comes in: a seed. Goes out: a directory tree with everything in it that a file transfer may stumble over.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::compare::Digests;
use crate::args;
use crate::files::Hasher;

/// Makes the tree, and says what is in it.
pub(crate) fn make(directory: &Path, args: &args::Demo) -> io::Result<Digests> {
    let mut random = Random(args.seed);
    let mut digests = Digests::default();
    let mut write = |name: &str, bytes: u64| -> io::Result<()> {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut hasher = Hasher::default();
        let mut file = BufWriter::with_capacity(BLOCK, File::create(path)?);
        let mut block = vec![0; BLOCK];
        let mut left = bytes;
        while left > 0 {
            let now = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
            let part = block.get_mut(..now).unwrap_or_default();
            random.fill(part);
            hasher.update(part);
            file.write_all(part)?;
            left = left.saturating_sub(now as u64);
        }
        file.flush()?;
        digests.add(name.to_owned(), hasher.digest());
        Ok(())
    };
    write("large.bin", args.mib << 20)?;
    write("empty", 0)?;
    for (bytes, name) in (1..).zip(ODD_NAMES) {
        write(name, bytes * 1000)?;
    }
    for number in 0..args.files {
        // Every size from 0 to 16 KiB, in an order without a pattern.
        let bytes = u64::from(number).wrapping_mul(0x9e37_79b9) % 16_385;
        write(
            &format!("small/{:02}/file {number:04}.dat", number % 20),
            bytes,
        )?;
    }
    Ok(digests)
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014): no secret, but the same
/// everywhere.
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn fill(&mut self, out: &mut [u8]) {
        for eight in out.chunks_mut(8) {
            for (to, from) in eight.iter_mut().zip(self.next().to_le_bytes()) {
                *to = from;
            }
        }
    }
}

/// One write.
const BLOCK: usize = 256 * 1024;
/// Names that programs get wrong.
const ODD_NAMES: [&str; 6] = [
    "odd names/with several  spaces .txt",
    "odd names/ünïcödé 日本語 🦀.txt",
    "odd names/-rf",
    "odd names/percent%20sign?#&.txt",
    "odd names/quote'\"$(x).txt",
    "odd names/.hidden",
];

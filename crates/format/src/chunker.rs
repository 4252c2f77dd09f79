//! Content-defined chunking: a gear hash with a keyed table and normalised cutting (`docs/format/chunks.md`).

/// Cuts data of one chunk class.
#[derive(Clone)]
pub struct Chunker {
    gear: std::sync::Arc<[u64; 256]>,
    min: usize,
    average: usize,
    max: usize,
    /// Top bits that must be zero before the average is reached.
    strict: u64,
    /// Top bits that must be zero after it.
    loose: u64,
}

impl Chunker {
    /// A chunker for chunks of `average` bytes, a power of two from 1 KiB to 1 MiB.
    pub fn new(gear: std::sync::Arc<[u64; 256]>, average: u32) -> Self {
        let average = average as usize;
        let bits = average.trailing_zeros();
        let top = |count: u32| !0u64 << (64 - count);
        Self {
            gear,
            min: average / 4,
            average,
            max: average * 4,
            strict: top(bits + 2),
            loose: top(bits - 2),
        }
    }

    /// The largest chunk in bytes: `cut` needs as many bytes unless the data ends before.
    pub const fn max(&self) -> usize {
        self.max
    }

    /// The smallest chunk in bytes, but for the last of a file.
    pub const fn min(&self) -> usize {
        self.min
    }

    /// Length of the first chunk of `data`, which holds at least `max` bytes or all that is left.
    /// 0 only for empty data.
    pub fn cut(&self, data: &[u8]) -> usize {
        let end = data.len().min(self.max);
        if end <= self.min {
            return end;
        }
        let border = end.min(self.average);
        match self.first_cut(0, &data[self.min..border], self.strict) {
            Ok(length) => self.min + length,
            Err(hash) => match self.first_cut(hash, &data[border..end], self.loose) {
                Ok(length) => border + length,
                Err(_) => end,
            },
        }
    }

    /// How many bytes of `data` there are up to the first after which the hash has only zeros under `mask`; else the
    /// hash after all of them. It goes by four bytes: what they add together is known before the hash is, which then
    /// waits for one addition and not for four.
    fn first_cut(&self, mut hash: u64, data: &[u8], mask: u64) -> Result<usize, u64> {
        let after = |hash: u64, bits: u32, added: u64| (hash << bits).wrapping_add(added);
        let (fours, rest) = data.as_chunks::<4>();
        for (at, four) in fours.iter().enumerate() {
            let [a, b, c, d] = four.map(|byte| self.gear[usize::from(byte)]);
            let two = after(a, 1, b);
            let three = after(two, 1, c);
            let hashes = [after(hash, 1, a), after(hash, 2, two), after(hash, 3, three)];
            if let Some(place) = hashes.iter().position(|hash| hash & mask == 0) {
                return Ok(4 * at + place + 1);
            }
            hash = after(hash, 4, after(three, 1, d));
            if hash & mask == 0 {
                return Ok(4 * at + 4);
            }
        }
        for (at, byte) in rest.iter().enumerate() {
            hash = after(hash, 1, self.gear[usize::from(*byte)]);
            if hash & mask == 0 {
                return Ok(4 * fours.len() + at + 1);
            }
        }
        Err(hash)
    }
}

impl std::fmt::Debug for Chunker {
    /// The table is secret and stays out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunker").field("average", &self.average).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::sync::Arc;

    fn chunker(average: u32) -> Chunker {
        let mut gear = [0u64; 256];
        let mut table = vec![0u8; 2048];
        blake3::Hasher::new().update(b"test").finalize_xof().fill(&mut table);
        for (slot, bytes) in gear.iter_mut().zip(table.chunks_exact(8)) {
            *slot = u64::from_le_bytes(bytes.try_into().unwrap());
        }
        Chunker::new(Arc::new(gear), average)
    }

    fn random(length: usize, seed: u8) -> Vec<u8> {
        let mut data = vec![0u8; length];
        blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut data);
        data
    }

    fn cut_all<'a>(chunker: &Chunker, mut data: &'a [u8]) -> Vec<&'a [u8]> {
        let mut chunks = Vec::new();
        while !data.is_empty() {
            let (chunk, rest) = data.split_at(chunker.cut(data));
            chunks.push(chunk);
            data = rest;
        }
        chunks
    }

    #[test]
    fn sizes_stay_in_bounds_and_near_the_average() {
        let data = random(8 << 20, 1);
        let chunks = cut_all(&chunker(8 << 10), &data);
        assert_eq!(chunks.concat(), data);
        assert!(chunks[..chunks.len() - 1].iter().all(|chunk| (2049..=32 << 10).contains(&chunk.len())));
        let average = data.len() / chunks.len();
        assert!((7 << 10..12 << 10).contains(&average), "average is {average}");
    }

    #[test]
    fn an_insertion_changes_few_chunks() {
        let data = random(4 << 20, 2);
        let mut changed = data.clone();
        changed.splice(1_000_000..1_000_000, *b"a few new bytes");
        let chunker = chunker(8 << 10);
        let before: HashSet<_> = cut_all(&chunker, &data).into_iter().collect();
        let new = cut_all(&chunker, &changed).into_iter().filter(|chunk| !before.contains(chunk)).count();
        assert!(new <= 8, "{new} chunks are new");
    }

    /// Cut points are part of the format: a change would store every file again.
    #[test]
    fn cut_points_never_change() {
        let data = random(300_000, 3);
        let lengths: Vec<_> = cut_all(&chunker(8 << 10), &data).iter().map(|chunk| chunk.len()).collect();
        let hash = blake3::hash(
            &lengths.iter().flat_map(|length| (*length as u32).to_le_bytes()).collect::<Vec<_>>(),
        );
        assert_eq!(hash.to_hex()[..16], *GOLDEN, "{lengths:?}");
    }

    const GOLDEN: &str = "278bf2de272490b6";

    proptest! {
        #[test]
        fn cutting_ahead_of_the_data_gives_the_same_chunks(length in 0usize..200_000, seed: u8) {
            let data = random(length, seed);
            let chunker = chunker(4 << 10);
            let whole = cut_all(&chunker, &data);
            let mut position = 0;
            for chunk in whole {
                let window = &data[position..data.len().min(position + chunker.max())];
                prop_assert_eq!(chunker.cut(window), chunk.len());
                position += chunk.len();
            }
        }
    }
}

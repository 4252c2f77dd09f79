//! Repeatable randomness: the seed is printed, and `HOLDFAST_TEST_SEED` sets it.

/// A small generator (splitmix64), good enough to draw moments and contents.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// From `HOLDFAST_TEST_SEED`, else from the clock; prints the seed.
    pub fn new() -> Self {
        let given = std::env::var("HOLDFAST_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| u64::from_le_bytes(model::ids::random_bytes()));
        println!("HOLDFAST_TEST_SEED={seed}");
        Self(seed)
    }

    /// With this seed.
    pub const fn with_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Bytes that do not compress.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// Text that compresses about as well as source code.
    pub fn text(&mut self, length: usize) -> Vec<u8> {
        const WORDS: [&str; 16] = [
            "let ", "the ", "if ", "return ", "self.", "Ok(", ")?;\n", "    ", "match ", "frame", "pack",
            " = ", "{\n", "}\n", "// ", "None",
        ];
        let mut text = Vec::with_capacity(length + 16);
        while text.len() < length {
            text.extend_from_slice(WORDS[self.below(16) as usize].as_bytes());
            if self.below(8) == 0 {
                text.extend_from_slice(format!("{:x}", self.below(1 << 20)).as_bytes());
            }
        }
        text.truncate(length);
        text
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

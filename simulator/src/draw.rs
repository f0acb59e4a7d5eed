//! What is drawn by lot, from a seed alone: the same seed sends the same bytes in every version.

/// A source of numbers (`SplitMix64`). Nothing secret comes out of it.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// The draw of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut drawn = self.0;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        drawn ^ (drawn >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    /// One of several, of which there is at least one.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// The same things in another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }

    /// 32 hex digits, as Entra ID puts them before the name of whom it deletes softly.
    pub fn hex(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    /// A text that looks like a UUID, as Entra ID looks for one to test a connection.
    pub fn guid(&mut self) -> String {
        let hex = self.hex();
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_for_ever() {
        assert_eq!(Draw::new(1).hex(), "910a2dec89025cc1beeb8da1658eec67");
        let mut order = [1, 2, 3, 4, 5, 6];
        Draw::new(7).shuffle(&mut order);
        assert_ne!(order, [1, 2, 3, 4, 5, 6]);
        order.sort_unstable();
        assert_eq!(order, [1, 2, 3, 4, 5, 6]);
        let guid = Draw::new(3).guid();
        assert_eq!((guid.len(), guid.matches('-').count()), (36, 4), "{guid}");
    }
}

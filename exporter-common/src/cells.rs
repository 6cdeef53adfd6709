//! Cells: a table in a flat array, in which every key has a few places and looking one up is no call.
//!
//! A key's home follows from its bits. Whoever needs a place for a key takes a free cell by its `tickets`:
//! add one, then read. Who reads 1 was alone and has the cell; of those who come at the same moment, all may
//! read more, and then nobody has it until user space frees it. So no two keys ever share a cell, without an
//! addition that returns its result (Linux 5.12). A cell that is nobody's costs a place and nothing else.
//!
//! Only user space frees cells: first the key goes, then the tickets.

/// One place for a value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Cell<V> {
    /// Whose value this is; zero is no key.
    pub key: u64,
    /// How many have tried to take the cell; zero when it is free.
    pub tickets: u64,
    /// The value.
    pub value: V,
}

// SAFETY: `repr(C)`; the sizes of all values are multiples of eight bytes.
unsafe impl<V: crate::Plain> crate::Plain for Cell<V> {}

/// The first place of a key, given 32 of its bits, among `cells`.
#[inline(always)]
pub fn home(bits: u32, cells: u32) -> u32 {
    // Addresses and device numbers come at even distances. One multiplication spreads most of these better
    // than chance would, and heaps up some; a second one makes all of them as good as chance.
    let spread = bits.wrapping_mul(0x9e37_79b1);
    let spread = (spread ^ spread >> 15).wrapping_mul(0x85eb_ca6b);
    ((spread as u64 * cells as u64) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::home;

    #[test]
    fn homes_are_cells() {
        for cells in [1, 2, 1_000, 4_096, 65_536] {
            for bits in [0, 1, 0x9e37_79b1, u32::MAX / 2, u32::MAX] {
                assert!(home(bits, cells) < cells);
            }
        }
    }

    /// By chance, 37 % (1/e) of as many keys as there are cells find theirs taken.
    #[test]
    fn what_comes_at_even_distances_is_spread() {
        const CELLS: u32 = 4_096;
        // Requests in memory by cache lines, disks, partitions, what multiplication likes least.
        for stride in (1..=64).chain([256, 320, 448, 987, 1 << 16, 1 << 20]) {
            let mut taken = [false; CELLS as usize];
            let find =
                |n: &u32| core::mem::replace(&mut taken[home(n.wrapping_mul(stride), CELLS) as usize], true);
            let crowded = (0..CELLS).filter(find).count();
            assert!(crowded < CELLS as usize * 2 / 5, "{crowded} of {CELLS} at stride {stride}");
        }
    }
}

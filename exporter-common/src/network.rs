//! What the programs and the user's side of the collector `network` agree on.

/// Series, by their numbers in [`RowKey`](crate::rows::RowKey).
pub mod series {
    /// Packets that were dropped; the attribute is the fixed row's number.
    pub const DROP: u32 = 1;
}

/// Programs, by their numbers in [`RowsCpu`](crate::rows::RowsCpu).
pub mod program {
    /// `kfree_skb`
    pub const FREE: u32 = 0;
}

/// The networking core's own reasons that are told apart, by number.
pub const REASONS: u32 = 256;

/// Subsystems with reasons of their own that are told apart; number 0 is the core, whose row takes the reasons beyond
/// [`REASONS`].
pub const SUBSYSTEMS: u32 = 16;

/// The fixed counters: by the core's reasons, then by subsystem.
pub const FIXED_COUNTERS: u32 = REASONS + SUBSYSTEMS;

/// The fixed row of a reason. A subsystem's number is in the upper half (`SKB_DROP_REASON_SUBSYS_MASK`,
/// include/net/dropreason.h).
#[inline(always)]
pub const fn row_of(reason: u32) -> u32 {
    if reason < REASONS {
        return reason;
    }
    let subsystem = reason >> 16;
    if subsystem < SUBSYSTEMS { REASONS + subsystem } else { REASONS }
}

/// The values of reasons that are none.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct NetworkFields {
    /// `SKB_NOT_DROPPED_YET`; [`ABSENT`](crate::ABSENT) where there is none.
    pub not_dropped: u32,
    /// `SKB_CONSUMED`; [`ABSENT`](crate::ABSENT) where there is none.
    pub consumed: u32,
}

// SAFETY: `u32`s.
unsafe impl crate::Plain for NetworkFields {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_row() {
        assert_eq!([2, 255, 256, 0xffff].map(row_of), [2, 255, REASONS, REASONS]);
        assert_eq!([0x3_0005, 0xf_0000].map(row_of), [REASONS + 3, REASONS + 15]);
        assert_eq!(
            [0x10_0000, u32::MAX].map(row_of),
            [REASONS, REASONS],
            "of a subsystem beyond the last one"
        );
        assert!(row_of(u32::MAX) < FIXED_COUNTERS);
    }
}

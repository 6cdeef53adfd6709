//! The selftest object: proves in the kernel what the host's tests prove in user space.

/// Values per run of the selftest program.
pub const SELFTEST_VALUES: usize = 512;

/// One value and what the kernel made of it.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct SelftestRow {
    /// The value to sort into a bucket.
    pub value: u64,
    /// `index::<Nanoseconds>(value)`
    pub nanoseconds: i32,
    /// `index::<Bytes>(value)`
    pub bytes: i32,
}

// SAFETY: a `u64` and two `i32`s.
unsafe impl crate::Plain for SelftestRow {}

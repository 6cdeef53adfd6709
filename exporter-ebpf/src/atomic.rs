//! Additions to memory that other CPUs add to as well.
//!
//! `core::sync::atomic` does not exist for this target, and an addition whose result is used needs Linux
//! 5.12. The plain `lock` addition has been there from the start.

use core::arch::asm;

/// Adds to a counter in a map.
///
/// # Safety
///
/// `counter` points into a map's value.
#[inline(always)]
pub unsafe fn add_u64(counter: *mut u64, by: u64) {
    // SAFETY: the caller's promise.
    unsafe { asm!("lock *(u64 *)({p} + 0) += {v}", p = in(reg) counter, v = in(reg) by, options(nostack)) }
}

/// Adds to a counter in a map.
///
/// # Safety
///
/// `counter` points into a map's value.
#[inline(always)]
pub unsafe fn add_u32(counter: *mut u32, by: u64) {
    // SAFETY: the caller's promise.
    unsafe { asm!("lock *(u32 *)({p} + 0) += {v}", p = in(reg) counter, v = in(reg) by, options(nostack)) }
}

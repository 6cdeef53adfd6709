//! Slots: a fixed number of places for the values of a changing set of tenants (cgroups, devices).
//!
//! A hash maps a tenant's key to its slot number, flat arrays hold the values. The BPF side takes a slot
//! from a queue of free ones when it first sees a tenant. A slot's values only grow and are never zeroed:
//! user space remembers where each tenancy began.
//!
//! ```text
//!   free ──(BPF: first sight; owner := key)──► taken ──(user: tenant gone; key removed, owner := none)──► closing
//!     ▲                                                                                        │ next read: the last
//!     └────────(next read: what still arrived goes to the fold; slot queued)──── resting ◄─────┘ increments are the tenant's
//! ```
//!
//! Slot 0 has no tenant. It takes what can't be placed (no free slot, tenant already gone), so that totals
//! stay exact.

/// The slot for what has no slot of its own.
pub const OVERFLOW_SLOT: u32 = 0;

/// An owner that is no tenant: the slot is free or at rest. No cgroup has the id 0.
pub const NO_OWNER: u64 = 0;

/// How often the slot table could not do what it should; per CPU.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct SlotFailures {
    /// No free slot: counted in the overflow slot.
    pub exhausted: u64,
    /// The key could not be inserted (a full or locked hash): counted in the overflow slot.
    pub insert_failed: u64,
    /// The tenant was already gone: counted in the overflow slot.
    pub tenant_gone: u64,
}

// SAFETY: three `u64`s.
unsafe impl crate::Plain for SlotFailures {}

impl core::ops::AddAssign for SlotFailures {
    fn add_assign(&mut self, other: Self) {
        self.exhausted += other.exhausted;
        self.insert_failed += other.insert_failed;
        self.tenant_gone += other.tenant_gone;
    }
}

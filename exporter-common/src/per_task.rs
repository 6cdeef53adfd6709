//! Something that is remembered of each task between two programs, the first of which begins it and the second ends it.

/// Entries that are found without a lookup; a power of two. Of several tasks that have one in common, one at a time has
/// it.
pub const NEARBY: u32 = 32_768;

/// Entries for the others, where the kernel has no task storage.
pub const FAR: u32 = 32_768;

/// An entry has a field `since`, when it began or 0 when there is none, and a field `task`, whose it is. With this size
/// none shares a line of the cache with another one.
pub const ENTRY_SIZE: usize = 64;

//! What the programs and the user's side of the collector `syscalls` agree on.

/// System calls have numbers below this, on every architecture.
pub const NUMBERS: u32 = 512;

/// Places: a system call's number, or one of these.
pub mod place {
    use super::NUMBERS;

    /// Calls by the numbers of another architecture, such as those of 32-bit programs on 64-bit kernels.
    pub const COMPAT: u32 = NUMBERS;
    /// Calls by numbers that this exporter has no name for.
    pub const UNKNOWN: u32 = NUMBERS + 1;
}

/// How many places there are.
pub const PLACES: usize = NUMBERS as usize + 2;

/// What is known about a place: 0 when its calls are left out.
pub mod about {
    /// One more than the place's number among those that are counted, which is its fixed row's.
    pub const ROW: u32 = 0x3ff;
    /// Its calls wait for something to happen, as long as that takes.
    pub const WAITS: u32 = 0x400;
    /// Its calls do not come back to where they were made.
    pub const NEVER_RETURNS: u32 = 0x800;
    /// Its calls come back twice, to the new task with 0.
    pub const MAKES_TASK: u32 = 0x1000;
}

const _: () = assert!(PLACES < about::ROW as usize && PLACES <= TABLE);

/// Entries of tables by place and by error. A power of two, so that an index is easily seen to be in range; errors that are
/// the kernel's internal ones are in range, too.
pub const TABLE: usize = 1024;

/// Bits of an error's attribute that are its class; the others are its place.
pub const CLASS_BITS: u32 = 8;

/// Series, by their numbers in [`RowKey`](crate::rows::RowKey).
pub mod series {
    /// Calls without a duration; the attribute is the place.
    pub const CALLS: u32 = 1;
    /// Durations; the attribute is the place.
    pub const DURATION: u32 = 2;
    /// Durations of calls that wait; the attribute is the place.
    pub const WAIT: u32 = 3;
    /// Calls that failed; the attribute is the place, shifted by [`CLASS_BITS`](super::CLASS_BITS), and the class.
    pub const ERRORS: u32 = 4;
}

/// Notes.
pub mod note {
    /// A call ended whose start was not seen.
    pub const START_MISSED: u32 = 0;
    /// Nothing could be remembered of a call.
    pub const TASK_ENTRY_MISSING: u32 = 1;
}

/// Programs, by their numbers in [`RowsCpu`](crate::rows::RowsCpu).
pub mod program {
    /// `sys_enter`
    pub const ENTER: u32 = 0;
    /// `sys_exit`
    pub const EXIT: u32 = 1;
}

/// Rows that are remembered of a task.
pub const ROWS: usize = 8;

/// What is remembered of a task.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Caller {
    /// When the call began that it is in; 0 when it is in none.
    pub since: u64,
    /// Whose it is.
    pub task: u64,
    /// The call's number.
    pub number: u32,
    /// The call's place.
    pub place: u32,
    /// What is known about the place.
    pub about: u32,
    /// Padding.
    pub reserved: u32,
    /// The rows of histograms that its calls were in last, by the place's lowest bits.
    pub rows: [u32; ROWS],
}

// SAFETY: `repr(C)`, no padding.
unsafe impl crate::Plain for Caller {}

const _: () = assert!(size_of::<Caller>() == crate::per_task::ENTRY_SIZE);

/// Offsets and tables.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SyscallsFields {
    /// `pt_regs`: the number with which the call was made.
    pub regs_number: u32,
    /// `task_struct`: the word in which a bit says that the call is another architecture's;
    /// [`ABSENT`](crate::ABSENT) where there is no such thing.
    pub task_compat: u32,
    /// That bit.
    pub compat: u32,
    /// `pt_regs`: a register that is equal to another one when the call was surely made in this architecture's own way;
    /// [`ABSENT`](crate::ABSENT) where there are no such two.
    pub regs_native_one: u32,
    /// `pt_regs`: that other one.
    pub regs_native_other: u32,
    /// 1 when not all places are counted.
    pub some_left_out: u32,
    /// What is known about places.
    pub about: [u16; TABLE],
    /// Class of an error, by its number.
    pub classes: [u8; TABLE],
}

// SAFETY: `repr(C)` integers, and no padding: the arrays take multiples of eight bytes.
unsafe impl crate::Plain for SyscallsFields {}

const _: () = assert!(size_of::<SyscallsFields>() == 24 + 3 * TABLE);

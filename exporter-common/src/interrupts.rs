//! What the programs and the user's side of the collector `interrupts` agree on.

/// Vectors of soft interrupts (`NR_SOFTIRQS`, include/linux/interrupt.h).
pub const SOFTIRQS: u32 = 10;

/// Series, by their numbers in [`RowKey`](crate::rows::RowKey).
pub mod series {
    /// Durations of hard interrupts' handlers; the attribute is the interrupt's number.
    pub const HARD: u32 = 1;
    /// Durations of soft interrupts; the attribute is the vector.
    pub const SOFT: u32 = 2;
    /// From raising a soft interrupt to its start; the attribute is the vector.
    pub const SOFT_LATENCY: u32 = 3;
    /// Time in interrupts; the attribute is the CPU, times two, plus one for soft ones.
    pub const PER_CPU: u32 = 4;
}

/// The fixed histograms: durations of soft interrupts by vector, then latencies by vector.
pub const FIXED_HISTOGRAMS: u32 = 2 * SOFTIRQS;

/// Notes.
pub mod note {
    /// An interrupt ended whose start was not seen.
    pub const START_MISSED: u32 = 0;
    /// A soft interrupt began that nobody was seen to raise.
    pub const RAISE_MISSED: u32 = 1;
}

/// Programs, by their numbers in [`RowsCpu`](crate::rows::RowsCpu).
pub mod program {
    /// `irq_handler_entry`
    pub const HARD_ENTRY: u32 = 0;
    /// `irq_handler_exit`
    pub const HARD_EXIT: u32 = 1;
    /// `softirq_raise`
    pub const SOFT_RAISE: u32 = 2;
    /// `softirq_entry`
    pub const SOFT_ENTRY: u32 = 3;
    /// `softirq_exit`
    pub const SOFT_EXIT: u32 = 4;
}

/// Words of a CPU's memory.
pub mod memory {
    use super::SOFTIRQS;

    /// When the handler began that runs now.
    pub const HARD: u32 = 0;
    /// When the soft interrupt of a vector began.
    pub const SOFT: u32 = 1;
    /// When that of a vector was raised.
    pub const RAISED: u32 = SOFT + SOFTIRQS;
}

const _: () = assert!(memory::RAISED + SOFTIRQS <= crate::rows::ROWS_MEMORY as u32);

/// Switches of the collector.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct InterruptsFields {
    /// 1 when time is also counted by CPU.
    pub per_cpu: u32,
}

// SAFETY: one `u32`.
unsafe impl crate::Plain for InterruptsFields {}

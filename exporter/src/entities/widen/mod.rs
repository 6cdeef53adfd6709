//! From wrapping kernel values to increments.
//!
//! Values in maps only grow and wrap around, so the difference of two readings, wrapping as well, is what
//! has come in between, as long as that is less than half the range: read more often than 2^31 samples can
//! fall into one 32-bit cell (three minutes at ten million a second).
//!
//! A reading may be *behind* the last one. A value moves from a CPU's cache to the slot while user space
//! reads first the one and then the other, so that it is in neither copy. Then the difference is negative
//! as a signed integer. Nothing is taken from such a reading and the last one stays the base, so that the
//! next reading catches up: no increment is lost, none is counted twice. A race is over by the next reading;
//! what stays behind for longer is a defect, which is told to the caller and never clamped silently.

mod histogram;

pub use histogram::HistogramCursor;

/// How many readings in a row may be behind before it is called a defect.
pub const PATIENCE: u8 = 3;

/// The reading is behind the last one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Behind {
    /// Not for long: the next reading is expected to catch up.
    Race,
    /// For more than [`PATIENCE`] readings in a row: the value went back, or more than half its range has
    /// passed between two readings. Returned for every such reading, for a metric to count.
    Defect,
}

/// Counts readings in a row that were behind.
#[derive(Clone, Copy, Default, Debug)]
struct Patience(u8);

impl Patience {
    fn one_more(&mut self) -> Behind {
        self.0 = self.0.saturating_add(1);
        if self.0 > PATIENCE { Behind::Defect } else { Behind::Race }
    }

    fn restore(&mut self) {
        self.0 = 0;
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident, $raw:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, Debug)]
        pub struct $name {
            last: $raw,
            patience: Patience,
        }

        impl $name {
            /// A counter whose increments begin at this reading; `default()` begins at zero.
            pub const fn starting_at(raw: $raw) -> Self {
                Self { last: raw, patience: Patience(0) }
            }

            /// Whether a reading is the same as the last one.
            pub const fn is_at(&self, raw: $raw) -> bool {
                self.last == raw
            }

            /// What has come since the last reading.
            ///
            /// # Errors
            ///
            /// When the reading is behind the last one; nothing has come then.
            pub fn advance(&mut self, raw: $raw) -> Result<u64, Behind> {
                let by = raw.wrapping_sub(self.last);
                if by.cast_signed() < 0 {
                    return Err(self.patience.one_more());
                }
                self.last = raw;
                self.patience.restore();
                Ok(u64::from(by))
            }
        }
    };
}

counter! {
    /// A 32-bit value that wraps around.
    Counter32, u32
}

counter! {
    /// A 64-bit value that wraps around.
    Counter64, u64
}

#[cfg(test)]
mod tests;

//! Counters that go on over a restart and an upgrade.
//!
//! An exporter that ends in good order leaves its series in a file, with the values that were shown and pushed last;
//! the next one goes on from there, with the same start times. So no counter is reset, whichever maps and programs
//! either of them has, and nothing stays behind in the kernel while no exporter runs. What happens in between is
//! counted by neither, and what was under way has lost its beginning, as at any start.
//!
//! The file is taken away as it is read. After a crash there is none, so everything begins anew with new start times:
//! to go on from older values would make counters go back, which is taken for a reset and counts what was before twice.
//! The same holds after a reboot, and when the buckets of histograms are others.

mod file;
mod state;

pub use file::{keep, prove_writable, take};
pub use state::{Kept, State};

#[cfg(test)]
mod tests;

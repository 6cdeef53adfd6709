//! Histograms from wrapping buckets.

use super::{Behind, Patience};
use crate::snapshot::HistogramDelta;

/// Buckets that are looked at together; when all are zero they cost one comparison.
const CHUNK: u16 = 8;

/// The last reading of a histogram in a map. Takes memory for buckets that have ever held samples only.
#[derive(Clone, Default, Debug)]
pub struct HistogramCursor {
    /// (number of the bucket, last reading), ascending.
    buckets: Vec<(u16, u32)>,
    sum: u64,
    patience: Patience,
    /// The last reading brought nothing.
    at_rest: bool,
}

impl HistogramCursor {
    /// A cursor whose increments begin at this reading; `default()` begins at zero.
    pub fn starting_at(buckets: &[u32], sum: u64) -> Self {
        let filled = (0..).zip(buckets.iter().copied()).filter(|(_, samples)| *samples != 0);
        Self { buckets: filled.collect(), sum, ..Self::default() }
    }

    /// Whether a reading is the same as the last one.
    pub fn is_at(&self, buckets: &[u32], sum: u64) -> bool {
        let filled = (0..).zip(buckets.iter().copied()).filter(|(_, samples)| *samples != 0);
        self.sum == sum && filled.eq(self.buckets.iter().copied().filter(|(_, samples)| *samples != 0))
    }

    /// The same, which the next look at the [head](Self::rests_at) may then go by.
    pub fn stays_at(&mut self, buckets: &[u32], sum: u64) -> bool {
        self.at_rest = self.is_at(buckets, sum);
        self.at_rest
    }

    /// Whether nothing has come since a reading that brought nothing, by the first bucket and the sum alone. Every sample
    /// changes the sum, but those of zero, which change the first bucket. A sample of which only one half was there at a
    /// reading is why that reading has to be the second one.
    pub fn rests_at(&self, first: u32, sum: u64) -> bool {
        let known = match self.buckets.first() {
            Some((0, samples)) => *samples,
            _ => 0,
        };
        self.at_rest && self.sum == sum && known == first
    }

    /// Writes to `out`, whatever it held before, what has come since the last reading.
    ///
    /// Buckets and sum belong together: when one of them is behind, the whole reading waits for the next
    /// one, so that what is exported is always one that was read, and averages stay true. Only when that
    /// lasts too long, the parts that can go on do.
    ///
    /// # Errors
    ///
    /// When a bucket or the sum is behind the last reading. After [`Behind::Race`] nothing has come; after
    /// [`Behind::Defect`], `out` has the parts that were not behind.
    pub fn advance(&mut self, buckets: &[u32], sum: u64, out: &mut HistogramDelta) -> Result<(), Behind> {
        let behind = self.compare(buckets, sum, out);
        let result = if behind {
            Err(self.patience.one_more())
        } else {
            self.patience.restore();
            Ok(())
        };
        if result == Err(Behind::Race) {
            out.buckets.clear();
            out.sum = 0;
        } else {
            self.accept(out);
        }
        self.at_rest = result.is_ok() && out.is_empty();
        result
    }

    /// Writes the differences to `out`, without what is behind. Returns whether anything is.
    fn compare(&self, buckets: &[u32], sum: u64, out: &mut HistogramDelta) -> bool {
        out.buckets.clear();
        let mut behind = false;
        let mut known = self.buckets.as_slice();
        for (first, chunk) in (0u16..).step_by(CHUNK.into()).zip(buckets.chunks(CHUNK.into())) {
            let any = chunk.iter().fold(0, |any, raw| any | raw);
            if any == 0 && known.first().is_none_or(|(number, _)| *number >= first + CHUNK) {
                continue;
            }
            for (number, raw) in (first..).zip(chunk) {
                let last = match known {
                    [(known_number, last), rest @ ..] if *known_number == number => {
                        known = rest;
                        *last
                    }
                    _ => 0,
                };
                let by = raw.wrapping_sub(last);
                if by.cast_signed() < 0 {
                    behind = true;
                } else if by != 0 {
                    out.buckets.push((number, u64::from(by)));
                }
            }
        }
        let by = sum.wrapping_sub(self.sum);
        let sum_behind = by.cast_signed() < 0;
        out.sum = if sum_behind { 0 } else { by };
        behind || sum_behind
    }

    /// Goes on to where `delta` has come.
    fn accept(&mut self, delta: &HistogramDelta) {
        self.sum = self.sum.wrapping_add(delta.sum);
        for &(number, by) in &delta.buckets {
            // Differences of 32-bit readings: they fit, and adding them wraps as the readings do.
            let by = by as u32;
            match self.buckets.binary_search_by_key(&number, |(number, _)| *number) {
                Ok(at) => self.buckets[at].1 = self.buckets[at].1.wrapping_add(by),
                Err(at) => self.buckets.insert(at, (number, by)),
            }
        }
    }
}

//! Base-2 exponential buckets of scale 3, exact, without floating point.
//!
//! Bucket `i` holds the values `v` with `2^((i-1)/8) < v ≤ 2^(i/8)` in the *exported* unit, which is how
//! Prometheus' native histograms and OpenTelemetry's exponential histograms define it (OpenTelemetry's
//! index is one lower). Durations are measured in nanoseconds and exported in seconds, and 10^9 is no power
//! of two, so the boundaries in nanoseconds are `floor(10^9 · 2^(i/8))`: not powers of two either.
//!
//! Within one octave there are eight boundaries, the same for all octaves once the value is shifted until
//! its highest bit is bit 63. Cut into sixteen equal segments, no segment of an octave holds more than one
//! boundary, so one table look-up and one comparison give the bucket, whatever the value. The comparison is
//! a borrow bit, because a mispredicted branch costs more than the rest of the calculation.

/// Buckets per power of two, as a power of two (Prometheus' `schema`, OpenTelemetry's `scale`).
pub const SCALE: u32 = 3;

/// Buckets per power of two.
pub const PER_OCTAVE: i32 = 1 << SCALE;

/// A unit of measurement with the range of its buckets.
///
/// In memory, bucket 0 is the *zero bucket*, which holds everything up to 2^[`ZERO_EXPONENT`], and bucket
/// `n > 0` has the Prometheus index `8 · ZERO_EXPONENT + n`.
///
/// [`ZERO_EXPONENT`]: Self::ZERO_EXPONENT
pub trait Unit {
    /// The upper bound of the zero bucket is two to this power, in the exported unit.
    const ZERO_EXPONENT: i32;
    /// The upper bound of the last bucket is two to this power, in the exported unit.
    const LAST_EXPONENT: i32;
    /// Prometheus index of the lowest boundary at or above 1 in the measured unit.
    const INDEX_OF_ONE: i32;
    /// How many measured units make one exported unit.
    const PER_EXPORTED: u64;
    /// Where the boundaries lie in an octave; see [`Segments`].
    const SEGMENTS: &'static Segments;
    /// Number of buckets, the zero bucket included.
    const BUCKETS: usize = (1 + PER_OCTAVE * (Self::LAST_EXPONENT - Self::ZERO_EXPONENT)) as usize;
}

/// Durations, measured in nanoseconds, exported in seconds: 2^-24 s (60 ns) to 2^27 s (4 years).
pub struct Nanoseconds;

impl Unit for Nanoseconds {
    const ZERO_EXPONENT: i32 = -24;
    const LAST_EXPONENT: i32 = 27;
    const INDEX_OF_ONE: i32 = -239; // ceil(-8 · log2(10^9))
    const PER_EXPORTED: u64 = 1_000_000_000;
    const SEGMENTS: &'static Segments = &Segments::of([
        0x81ff_a7a9_549c_a6e3,
        0x8dc3_b896_0164_a7d9,
        0x9a98_6705_4d51_2391,
        0xa896_5f74_bf06_5071,
        0xb7d8_8a12_d0dd_9ea0,
        0xc87c_3e7d_03cd_bec3,
        0xdaa1_7c2c_d195_55db,
        0xee6b_2800_0000_0000,
    ]);
}

/// Sizes in bytes, from 1 byte to 2^32, more than one block request can carry (its length is a `u32`).
pub struct Bytes;

impl Unit for Bytes {
    const ZERO_EXPONENT: i32 = 0;
    const LAST_EXPONENT: i32 = 32;
    const INDEX_OF_ONE: i32 = 0;
    const PER_EXPORTED: u64 = 1;
    const SEGMENTS: &'static Segments = &Segments::of([
        0x8000_0000_0000_0000,
        0x8b95_c1e3_ea8b_d6e6,
        0x9837_f051_8db8_a96f,
        0xa5fe_d6a9_b151_38ea,
        0xb504_f333_f9de_6484,
        0xc567_2a11_5506_dadd,
        0xd744_fcca_d69d_6af4,
        0xeac0_c6e7_dd24_392e,
    ]);
}

const SEGMENTS: usize = 16;

/// The boundaries of one octave, cut into sixteen segments of equal width.
pub struct Segments([Segment; SEGMENTS]);

/// One of them, in one piece so that it is in one line of the cache.
#[derive(Clone, Copy)]
struct Segment {
    /// The boundary in this segment, or the segment's last value when it has none.
    boundary: u64,
    /// How many boundaries lie in the segments before this one.
    before: u64,
}

impl Segments {
    /// Sorts eight ascending boundaries, given with bit 63 set, into their segments.
    ///
    /// # Panics
    ///
    /// At compile time, when two boundaries fall into one segment.
    const fn of(boundaries: [u64; PER_OCTAVE as usize]) -> Self {
        let mut table = [Segment { boundary: 0, before: 0 }; SEGMENTS];
        let (mut segment, mut next) = (0, 0);
        while segment < SEGMENTS {
            table[segment].before = next as u64;
            table[segment].boundary = (1 << 63) | ((segment as u64) << 59) | ((1 << 59) - 1);
            if next < boundaries.len() && segment_of(boundaries[next]) == segment {
                table[segment].boundary = boundaries[next];
                next += 1;
            }
            segment += 1;
        }
        assert!(next == boundaries.len(), "two boundaries fall into one segment");
        Self(table)
    }
}

#[inline(always)]
const fn segment_of(normalised: u64) -> usize {
    (normalised >> 59) as usize & (SEGMENTS - 1)
}

/// Prometheus index of `value`, given in the measured unit of `U`: the lowest `i` with
/// `value ≤ 2^(i/8)` in the exported unit. Zero is treated as 1.
#[inline(always)]
pub fn index<U: Unit>(value: u64) -> i32 {
    let value = if value == 0 { 1 } else { value };
    let exponent = exponent(value);
    let normalised = value << (63 - exponent);
    // SAFETY: a segment's number is below 16, the length of the table; a bounds check would leave a panic path,
    // which the BPF verifier refuses.
    let segment = unsafe { U::SEGMENTS.0.get_unchecked(segment_of(normalised)) };
    let above = segment.boundary.wrapping_sub(normalised) >> 63;
    U::INDEX_OF_ONE + (exponent << SCALE) as i32 + segment.before as i32 + above as i32
}

/// The position of the highest bit of a value that is not zero.
#[cfg(not(target_arch = "bpf"))]
#[inline(always)]
fn exponent(value: u64) -> u32 {
    63 - value.leading_zeros()
}

/// The position of the highest bit of a value that is not zero.
///
/// BPF has no instruction for it, and what the compiler makes of `leading_zeros` takes 45. The magnitude of
/// durations changes rarely enough for these branches to be predicted. One range after the other would be fewer branches,
/// but before Linux 6.12 the verifier does not come to an end with them in a loop.
#[cfg(target_arch = "bpf")]
#[inline(always)]
fn exponent(value: u64) -> u32 {
    const HIGHEST_BIT: [u8; 256] = {
        let mut table = [0; 256];
        let mut byte = 1;
        while byte < 256 {
            table[byte] = (31 - (byte as u32).leading_zeros()) as u8;
            byte += 1;
        }
        table
    };
    static TABLE: [u8; 256] = HIGHEST_BIT;
    let (mut rest, mut exponent) = (value, 0);
    if rest >> 32 != 0 {
        (rest, exponent) = (rest >> 32, 32);
    }
    if rest >> 16 != 0 {
        (rest, exponent) = (rest >> 16, exponent + 16);
    }
    if rest >> 8 != 0 {
        (rest, exponent) = (rest >> 8, exponent + 8);
    }
    // SAFETY: the mask keeps the index below the table's length.
    exponent + u32::from(unsafe { *TABLE.get_unchecked(rest as usize & 255) })
}

/// Where a value belongs in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Number of the bucket, below [`Unit::BUCKETS`].
    pub number: u32,
    /// The value lies beyond the last bucket, which counts it nevertheless.
    pub clamped: bool,
}

/// The bucket in memory for `value`, given in the measured unit of `U`.
#[inline(always)]
pub fn bucket<U: Unit>(value: u64) -> Bucket {
    let above_zero = index::<U>(value) - PER_OCTAVE * U::ZERO_EXPONENT;
    let number = if above_zero < 0 { 0 } else { above_zero as u32 };
    let last = U::BUCKETS as u32 - 1;
    if number > last { Bucket { number: last, clamped: true } } else { Bucket { number, clamped: false } }
}

/// One histogram in a map.
///
/// All fields wrap around: user space reads often enough to widen them by differences. `sum` counts in the
/// measured unit. The number of samples is the sum of the buckets and nothing else, so that the two cannot
/// disagree.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Histogram<const BUCKETS: usize> {
    /// Sum of all values, in the measured unit.
    pub sum: u64,
    /// Samples per bucket.
    pub buckets: [u32; BUCKETS],
    /// Keeps the size a multiple of eight (the number of buckets is odd).
    pub padding: u32,
}

/// A histogram of durations.
pub type Durations = Histogram<{ Nanoseconds::BUCKETS }>;

/// A histogram of sizes.
pub type Sizes = Histogram<{ Bytes::BUCKETS }>;

// SAFETY: `repr(C)` integers; the assertion below shows that there is no padding.
unsafe impl<const BUCKETS: usize> crate::Plain for Histogram<BUCKETS> {}

const _: () = assert!(size_of::<Durations>() == 8 + 4 * Nanoseconds::BUCKETS + 4);
const _: () = assert!(size_of::<Sizes>() == 8 + 4 * Bytes::BUCKETS + 4);

#[cfg(test)]
#[path = "histogram_tests.rs"]
mod tests;

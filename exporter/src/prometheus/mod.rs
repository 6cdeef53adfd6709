//! The exposition: a [`Snapshot`] and the exporter's own metrics, as Prometheus wants to read them.
//!
//! Three formats carry the same values: text 0.0.4, OpenMetrics 1.0.0, and delimited protobuf, which alone
//! can carry native histograms. [`negotiation`] picks one. Bounds and numbers are computed once and written
//! by one function, so `le` is the same bytes in every format and a change of format changes no series.
//!
//! Text is written straight from the snapshot. Going through the messages of the `prometheus` crate first
//! would be one path less, but it copies every label of every series: the benchmark `exposition` shows both.
//! For protobuf those messages are the point, and they are made and dropped one family at a time.
//!
//! This module is `crate::prometheus`; the crate of that name is `::prometheus`.

mod bounds;
mod lines;
mod native;
pub mod negotiation;
mod number;
mod protobuf;
mod text;
mod told;

pub use negotiation::Format;
pub use protobuf::FamilyCollector;
pub use told::{Own, Told, ToldLabels};

use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicUsize, Ordering},
};

use exporter_common::histogram::SCALE;

use crate::{catalogue::Kind, config::Histograms, snapshot::Snapshot};
use bounds::{Bound, bounds};
use lines::Dialect;

/// What histograms look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpositionOptions {
    /// Buckets of native histograms per power of two, as a power of two: 0 to 3.
    pub scale: u8,
    /// Classic histograms of durations have a bound at each of these powers of two, in seconds.
    pub duration_exponents: RangeInclusive<i32>,
    /// Classic histograms of sizes have a bound at each of these powers of two, in bytes.
    pub size_exponents: RangeInclusive<i32>,
    /// Whether there are classic buckets. Without them text still has `+Inf`, sum and count.
    pub classic: bool,
}

impl Default for ExpositionOptions {
    /// Scale 3; 2^-20 s (1 µs) to 2^6 s (64 s); 2^9 to 2^26 bytes (512 B to 64 MiB); classic buckets too.
    fn default() -> Self {
        Self { scale: SCALE as u8, duration_exponents: -20..=6, size_exponents: 9..=26, classic: true }
    }
}

impl From<&Histograms> for ExpositionOptions {
    fn from(histograms: &Histograms) -> Self {
        Self {
            scale: histograms.scale as u8,
            duration_exponents: (&histograms.duration_bounds).into(),
            size_exponents: (&histograms.size_bounds).into(),
            classic: histograms.classic,
        }
    }
}

/// Writes snapshots in every format, always with the same bounds.
#[derive(Debug)]
pub struct Exposition {
    options: ExpositionOptions,
    durations: Vec<Bound>,
    sizes: Vec<Bound>,
    /// Bytes that the next body will need, by format: as many as the last one, and a few more. A body that
    /// has to grow is copied many times over.
    room: [AtomicUsize; Format::ALL.len()],
}

impl Exposition {
    /// An exposition with these options.
    pub fn new(options: &ExpositionOptions) -> Self {
        let classic = |kind, exponents: &RangeInclusive<i32>| {
            if options.classic { bounds(kind, exponents.clone()) } else { Vec::new() }
        };
        Self {
            options: options.clone(),
            durations: classic(Kind::Durations, &options.duration_exponents),
            sizes: classic(Kind::Sizes, &options.size_exponents),
            room: Default::default(),
        }
    }

    /// What histograms look like.
    pub fn options(&self) -> &ExpositionOptions {
        &self.options
    }

    /// All series of the snapshot, then the exporter's own metrics, as the body of a response.
    ///
    /// Families without series are left out.
    ///
    /// # Errors
    ///
    /// When a family of `own` cannot be encoded as protobuf because it has no name.
    pub fn encode(
        &self,
        format: Format,
        snapshot: &Snapshot,
        own: &Own<'_>,
    ) -> Result<Vec<u8>, ::prometheus::Error> {
        let room = &self.room[format as usize];
        let capacity = room.load(Ordering::Relaxed);
        let body = match format {
            Format::Text => text::encode(self, Dialect::Text, snapshot, own, capacity),
            Format::OpenMetrics => text::encode(self, Dialect::OpenMetrics, snapshot, own, capacity),
            Format::Protobuf => protobuf::encode(self, snapshot, own, capacity)?,
        };
        room.store(body.len() + body.len() / 16, Ordering::Relaxed);
        Ok(body)
    }

    /// The bounds of classic histograms of this kind.
    fn bounds(&self, kind: Kind) -> &[Bound] {
        match kind {
            Kind::Durations => &self.durations,
            Kind::Sizes => &self.sizes,
            Kind::Counter | Kind::Gauge => &[],
        }
    }
}

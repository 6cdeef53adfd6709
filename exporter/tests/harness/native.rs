//! Native histograms, from the protobuf exposition: the kernel's own buckets, 9 % wide.

use std::{collections::BTreeMap, time::Duration};

use exporter_common::histogram::{self, Nanoseconds, PER_OCTAVE, Unit};
use prometheus::proto::{self, MetricFamily};
use protobuf::{CodedInputStream, UnknownValueRef};

/// The zero bucket's place in the order of buckets.
const ZERO: i32 = PER_OCTAVE * Nanoseconds::ZERO_EXPONENT;

/// Prometheus index of the bucket of a duration; what the zero bucket holds gets the index of its bound.
pub(crate) fn index(nanoseconds: u64) -> i32 {
    histogram::index::<Nanoseconds>(nanoseconds).max(ZERO)
}

/// Samples by bucket.
#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct Histogram(BTreeMap<i32, u64>);

impl Histogram {
    /// The sum over all series of this name that have these labels.
    pub(crate) fn parse(body: &[u8], name: &str, labels: &[(&str, &str)]) -> Self {
        let mut sum = Self::default();
        let mut input = CodedInputStream::from_bytes(body);
        while !input.eof().expect("complete") {
            let family: MetricFamily = input.read_message().expect("a metric family");
            if family.name() != name {
                continue;
            }
            for metric in family.get_metric() {
                let has = |(name, value): &(&str, &str)| {
                    metric.get_label().iter().any(|pair| pair.name() == *name && pair.value() == *value)
                };
                if labels.iter().all(has) {
                    sum.add(metric.get_histogram());
                }
            }
        }
        sum
    }

    /// Numbers of fields: io.prometheus.client.Histogram in metrics.proto.
    fn add(&mut self, histogram: &proto::Histogram) {
        const SCHEMA: u32 = 5;
        const ZERO_COUNT: u32 = 7;
        const SPAN: u32 = 12;
        const DELTA: u32 = 13;
        let (mut spans, mut deltas) = (Vec::new(), Vec::new());
        for (field, value) in histogram.special_fields.unknown_fields().iter() {
            match (field, value) {
                (SCHEMA, UnknownValueRef::Varint(schema)) => {
                    assert_eq!(zigzag(schema), i64::from(histogram::SCALE), "schema");
                }
                (ZERO_COUNT, UnknownValueRef::Varint(count)) => *self.0.entry(ZERO).or_default() += count,
                (SPAN, UnknownValueRef::LengthDelimited(bytes)) => spans.push(span(bytes)),
                (DELTA, UnknownValueRef::Varint(delta)) => deltas.push(zigzag(delta)),
                (DELTA, UnknownValueRef::LengthDelimited(bytes)) => {
                    let mut packed = CodedInputStream::from_bytes(bytes);
                    while !packed.eof().expect("complete") {
                        deltas.push(packed.read_sint64().expect("a delta"));
                    }
                }
                _ => {}
            }
        }
        let (mut index, mut count, mut deltas) = (0, 0, deltas.into_iter());
        for (gap, length) in spans {
            index += gap;
            for _ in 0..length {
                count += deltas.next().expect("as many deltas as spans say");
                *self.0.entry(index).or_default() += u64::try_from(count).expect("not negative");
                index += 1;
            }
        }
        assert_eq!(deltas.next(), None, "as many deltas as spans say");
    }

    /// What has come since `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let grown = self.0.iter().filter_map(|(index, after)| {
            let by = after.checked_sub(before.0.get(index).copied().unwrap_or(0)).expect("never goes back");
            (by > 0).then_some((*index, by))
        });
        Self(grown.collect())
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The buckets of the `n` largest samples, largest first.
    pub(crate) fn largest(&self, n: usize) -> Vec<i32> {
        let samples = self.0.iter().rev().flat_map(|(index, count)| (0..*count).map(|_| *index));
        samples.take(n).collect()
    }

    /// Asserts that the largest samples are in the same buckets as these durations, or in neighbouring ones.
    #[track_caller]
    pub(crate) fn assert_largest_are(&self, mut nanoseconds: Vec<u64>) {
        nanoseconds.sort_unstable_by(|a, b| b.cmp(a));
        let found = self.largest(nanoseconds.len());
        let truth: Vec<_> = nanoseconds.iter().map(|duration| index(*duration)).collect();
        let near = found.len() == truth.len() && found.iter().zip(&truth).all(|(a, b)| a.abs_diff(*b) <= 1);
        assert!(near, "buckets {found:?}, in truth {truth:?}, which is {nanoseconds:?} ns");
    }

    /// Asserts that no sample is longer than the duration of the same rank, by more than its bucket's width.
    #[track_caller]
    pub(crate) fn assert_none_longer_than(&self, mut nanoseconds: Vec<u64>) {
        nanoseconds.sort_unstable_by(|a, b| b.cmp(a));
        let found = self.largest(nanoseconds.len());
        let bounds: Vec<_> = nanoseconds.iter().map(|duration| index(*duration)).collect();
        let holds = found.len() == bounds.len() && found.iter().zip(&bounds).all(|(a, b)| a <= b);
        assert!(holds, "buckets {found:?}, bounds {bounds:?}, which are {nanoseconds:?} ns");
    }

    /// How many samples are at least as long, or in the bucket below.
    pub(crate) fn at_least(&self, duration: Duration) -> usize {
        let least = index(duration.as_nanos() as u64) - 1;
        self.0.range(least..).map(|(_, count)| *count as usize).sum()
    }
}

fn span(bytes: &[u8]) -> (i32, u32) {
    let mut input = CodedInputStream::from_bytes(bytes);
    let (mut offset, mut length) = (0, 0);
    while let Some(tag) = input.read_raw_tag_or_eof().expect("complete") {
        match tag >> 3 {
            1 => offset = input.read_sint32().expect("an offset"),
            2 => length = input.read_uint32().expect("a length"),
            other => panic!("field {other} in a span"),
        }
    }
    (offset, length)
}

fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

//! The fields of `io.prometheus.client.Histogram` and `Counter` that the `prometheus` crate does not know.
//!
//! Its messages are older than native histograms, but they keep and encode fields whose numbers they have
//! no name for. The numbers are those of `metrics.proto` in `prometheus/client_model`.

use std::time::SystemTime;

use ::protobuf::{
    CodedOutputStream, Message as _, UnknownFields, UnknownValue, well_known_types::timestamp::Timestamp,
};

use crate::snapshot::Exponential;

const SCHEMA: u32 = 5;
const ZERO_THRESHOLD: u32 = 6;
const ZERO_COUNT: u32 = 7;
const POSITIVE_SPAN: u32 = 12;
const POSITIVE_DELTA: u32 = 13;
const HISTOGRAM_START: u32 = 15;
const COUNTER_START: u32 = 3;

const SPAN_OFFSET: u32 = 1;
const SPAN_LENGTH: u32 = 2;

/// Since when a counter has counted.
pub(super) fn add_counter_start(fields: &mut UnknownFields, start: SystemTime) {
    add_timestamp(fields, COUNTER_START, start);
}

/// Makes a histogram a native one too. An empty one is recognised by its zero threshold.
pub(super) fn add_native(fields: &mut UnknownFields, histogram: &Exponential, start: SystemTime) {
    add_timestamp(fields, HISTOGRAM_START, start);
    fields.add_value(SCHEMA, UnknownValue::sint32(i32::from(histogram.scale)));
    fields.add_value(ZERO_THRESHOLD, UnknownValue::double(histogram.zero_threshold));
    fields.add_varint(ZERO_COUNT, histogram.zero_count);
    for (offset, length) in spans(&histogram.buckets) {
        fields.add_length_delimited(POSITIVE_SPAN, span(offset, length));
    }
    let mut previous = 0;
    for (_, samples) in &histogram.buckets {
        fields.add_value(POSITIVE_DELTA, UnknownValue::sint64(samples.wrapping_sub(previous).cast_signed()));
        previous = *samples;
    }
}

/// Runs of neighbouring buckets: (distance from the end of the previous run, length). The first distance is
/// the first index.
fn spans(buckets: &[(i32, u64)]) -> impl Iterator<Item = (i32, u32)> {
    let mut end = 0;
    buckets.chunk_by(|a, b| a.0 + 1 == b.0).map(move |run| {
        let (first, length) = (run[0].0, run.len());
        let offset = first - end;
        end = first + length as i32;
        (offset, length as u32)
    })
}

/// A message `BucketSpan`.
fn span(offset: i32, length: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8);
    let mut stream = CodedOutputStream::vec(&mut bytes);
    stream
        .write_sint32(SPAN_OFFSET, offset)
        .and_then(|()| stream.write_uint32(SPAN_LENGTH, length))
        .and_then(|()| stream.flush())
        .expect("a vector takes every byte");
    drop(stream);
    bytes
}

fn add_timestamp(fields: &mut UnknownFields, number: u32, time: SystemTime) {
    let timestamp = Timestamp::from(time).write_to_bytes().expect("a timestamp has no required fields");
    fields.add_length_delimited(number, timestamp);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_count_from_the_end_of_the_one_before() {
        let buckets = [(-5, 1), (-4, 1), (-1, 1), (0, 1), (1, 1), (9, 1)];
        assert_eq!(spans(&buckets).collect::<Vec<_>>(), [(-5, 2), (2, 3), (7, 1)]);
        assert_eq!(spans(&[]).count(), 0);
    }

    #[test]
    fn a_span_is_encoded_with_a_zigzag_offset() {
        assert_eq!(span(-5, 2), [0x08, 9, 0x10, 2]);
    }
}

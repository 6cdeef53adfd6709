//! The wire, decoded again by somebody else's rules: those of `metrics.proto` in `prometheus/client_model`.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use ::protobuf::{
    CodedInputStream, Message as _, UnknownFields, UnknownValueRef,
    well_known_types::{empty::Empty, timestamp::Timestamp},
};
use exporter_common::histogram::{Nanoseconds, Unit as _};
use proptest::prelude::*;

use super::*;
use crate::{
    catalogue::{Kind, Metric as Declared, Unit, keys},
    prometheus::ExpositionOptions,
};

static DURATION: Declared = Declared {
    name: "test.duration",
    kind: Kind::Durations,
    unit: Unit::Seconds,
    help: "A test",
    identity: &[],
    attributes: &[&keys::DEVICE],
    source: "nowhere",
};

static TIME: Declared = Declared {
    name: "test.time",
    kind: Kind::Counter,
    unit: Unit::Seconds,
    help: "A test",
    identity: &[],
    attributes: &[&keys::DEVICE],
    source: "nowhere",
};

const START: Duration = Duration::new(1_700_000_000, 123_456_789);

/// The only series of the only family, after a way over the wire.
fn decoded(metric: &'static Declared, value: Value, options: &ExpositionOptions) -> Metric {
    let series = Series {
        labels: Labels::new([(&keys::DEVICE, "sda")]),
        start: SystemTime::UNIX_EPOCH + START,
        value,
    };
    let snapshot = Snapshot {
        taken: SystemTime::now(),
        edition: crate::snapshot::Edition::default(),
        families: vec![Family { metric, series: vec![series] }],
    };
    let body = encode(&Exposition::new(options), &snapshot, &Own::default(), 0).expect("families have names");
    let mut stream = CodedInputStream::from_bytes(&body);
    let mut family: MetricFamily = stream.read_message().expect("a delimited message");
    assert!(stream.eof().expect("readable"), "one family only");
    family.take_metric().remove(0)
}

/// All values of one field, in order.
fn field(fields: &UnknownFields, number: u32) -> Vec<UnknownValueRef<'_>> {
    fields.iter().filter(|(n, _)| *n == number).map(|(_, value)| value).collect()
}

fn zigzag(value: &UnknownValueRef) -> i64 {
    let UnknownValueRef::Varint(value) = value else { panic!("not a varint") };
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn bytes<'a>(value: &UnknownValueRef<'a>) -> &'a [u8] {
    let UnknownValueRef::LengthDelimited(bytes) = value else { panic!("not length-delimited") };
    bytes
}

/// Index to samples, from spans and deltas.
fn buckets(fields: &UnknownFields) -> BTreeMap<i64, i64> {
    let mut deltas = field(fields, 13).into_iter();
    let (mut index, mut samples) = (0, 0);
    let mut buckets = BTreeMap::new();
    for span in field(fields, 12) {
        let span = Empty::parse_from_bytes(bytes(&span)).expect("a message");
        let span = span.special_fields.unknown_fields();
        index += zigzag(&field(span, 1)[0]);
        let UnknownValueRef::Varint(length) = field(span, 2)[0] else { panic!("not a varint") };
        for _ in 0..length {
            samples += zigzag(&deltas.next().expect("a delta for every bucket"));
            buckets.insert(index, samples);
            index += 1;
        }
    }
    assert!(deltas.next().is_none(), "no delta without a bucket");
    buckets
}

fn start(fields: &UnknownFields, number: u32) -> Duration {
    let start = Timestamp::parse_from_bytes(bytes(&field(fields, number)[0])).expect("a timestamp");
    Duration::new(start.seconds.cast_unsigned(), start.nanos.cast_unsigned())
}

fn histograms() -> impl Strategy<Value = HistogramValue> {
    let buckets = proptest::collection::btree_map(0..Nanoseconds::BUCKETS as u16, 1..1u64 << 40, 0..80);
    (buckets, any::<u64>()).prop_map(|(buckets, sum): (BTreeMap<u16, u64>, u64)| HistogramValue {
        buckets: buckets.into_iter().collect(),
        sum: u128::from(sum),
    })
}

proptest! {
    #[test]
    fn native_histograms_survive_the_wire(value in histograms(), scale in 0u8..=3) {
        let options = ExpositionOptions { scale, ..ExpositionOptions::default() };
        let metric = decoded(&DURATION, Value::Histogram(Arc::new(value.clone())), &options);
        let histogram = metric.get_histogram();
        let fields = histogram.special_fields.unknown_fields();
        let native = value.exponential(Kind::Durations, scale);

        let sent = buckets(fields);
        let expected: BTreeMap<i64, i64> =
            native.buckets.iter().map(|(index, n)| (i64::from(*index), n.cast_signed())).collect();
        prop_assert_eq!(&sent, &expected);

        prop_assert_eq!(zigzag(&field(fields, 5)[0]), i64::from(scale));
        prop_assert_eq!(&field(fields, 6)[0], &UnknownValueRef::Fixed64(f64::exp2(-24.0).to_bits()));
        prop_assert_eq!(&field(fields, 7)[0], &UnknownValueRef::Varint(native.zero_count));
        let count = native.zero_count + sent.values().sum::<i64>().cast_unsigned();
        prop_assert_eq!(histogram.get_sample_count(), count, "buckets sum to the count");
        prop_assert_eq!(start(fields, 15), START);

        // Classic buckets beside it: the same samples, below the same bounds.
        prop_assert_eq!(histogram.get_bucket().len(), 27);
        for bucket in histogram.get_bucket() {
            let below = native.zero_count.cast_signed() + sent.iter()
                .filter(|(index, _)| f64::exp2(**index as f64 / f64::from(1 << scale)) <= bucket.upper_bound())
                .map(|(_, n)| n).sum::<i64>();
            prop_assert_eq!(bucket.cumulative_count(), below.cast_unsigned());
        }
    }
}

#[test]
fn an_empty_histogram_is_still_native() {
    let metric = decoded(&DURATION, Value::Histogram(Arc::default()), &ExpositionOptions::default());
    let fields = metric.get_histogram().special_fields.unknown_fields();
    assert!(buckets(fields).is_empty());
    assert_eq!(field(fields, 6).len(), 1, "a zero threshold above 0 tells it from a classic histogram");
}

#[test]
fn without_classic_buckets_the_native_histogram_stays() {
    let options = ExpositionOptions { classic: false, ..ExpositionOptions::default() };
    let value = HistogramValue { buckets: vec![(40, 3)], sum: 1 };
    let metric = decoded(&DURATION, Value::Histogram(Arc::new(value)), &options);
    assert!(metric.get_histogram().get_bucket().is_empty());
    assert_eq!(
        buckets(metric.get_histogram().special_fields.unknown_fields()),
        BTreeMap::from([(-192 + 40, 3)])
    );
}

#[test]
fn counters_say_since_when() {
    let metric = decoded(&TIME, Value::Counter(1_500_000_000), &ExpositionOptions::default());
    assert_eq!(metric.get_counter().value(), 1.5);
    assert_eq!(start(metric.get_counter().special_fields.unknown_fields(), 3), START);
    assert_eq!((metric.get_label()[0].name(), metric.get_label()[0].value()), ("device", "sda"));
}

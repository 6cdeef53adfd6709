//! Wraps and races, by example and at random.

use proptest::prelude::*;

use super::*;
use crate::snapshot::{HistogramDelta, HistogramValue};

#[test]
fn a_counter_goes_on_over_the_end_of_its_range() {
    let mut counter = Counter32::starting_at(u32::MAX - 1);
    assert_eq!(counter.advance(u32::MAX), Ok(1));
    assert_eq!(counter.advance(9), Ok(10));
    assert_eq!(counter.advance(9), Ok(0));
    let mut counter = Counter64::starting_at(u64::MAX);
    assert_eq!(counter.advance(0), Ok(1));
}

#[test]
fn a_counter_that_is_behind_catches_up_and_loses_nothing() {
    let mut counter = Counter32::default();
    assert_eq!(counter.advance(100), Ok(100));
    assert_eq!(counter.advance(90), Err(Behind::Race));
    assert_eq!(counter.advance(105), Ok(5));
}

#[test]
fn staying_behind_is_a_defect_until_the_value_catches_up() {
    let mut counter = Counter64::starting_at(100);
    for _ in 0..PATIENCE {
        assert_eq!(counter.advance(50), Err(Behind::Race));
    }
    assert_eq!(counter.advance(51), Err(Behind::Defect));
    assert_eq!(counter.advance(52), Err(Behind::Defect));
    assert_eq!(counter.advance(103), Ok(3));
    assert_eq!(counter.advance(102), Err(Behind::Race), "patience begins anew");
}

#[test]
fn a_counter_takes_no_more_than_half_its_range_at_once() {
    assert_eq!(Counter32::default().advance(u32::MAX / 2), Ok(u64::from(u32::MAX / 2)));
    assert_eq!(Counter32::default().advance(u32::MAX / 2 + 1), Err(Behind::Race));
}

#[test]
fn a_histogram_gives_what_has_come_and_remembers_it() {
    let mut cursor = HistogramCursor::default();
    let mut out = HistogramDelta { buckets: vec![(1, 1)], sum: 99 };
    let mut buckets = [0; 21];
    (buckets[0], buckets[7], buckets[8], buckets[20]) = (1, 2, 3, 4);
    assert_eq!(cursor.advance(&buckets, 50, &mut out), Ok(()));
    assert_eq!(out, HistogramDelta { buckets: vec![(0, 1), (7, 2), (8, 3), (20, 4)], sum: 50 });
    assert_eq!(cursor.advance(&buckets, 50, &mut out), Ok(()));
    assert!(out.is_empty());
    buckets[15] = 1;
    buckets[20] = 5;
    assert_eq!(cursor.advance(&buckets, 51, &mut out), Ok(()));
    assert_eq!(out, HistogramDelta { buckets: vec![(15, 1), (20, 1)], sum: 1 });
}

#[test]
fn a_reading_that_is_the_last_one_is_told() {
    let mut cursor = HistogramCursor::default();
    assert!(cursor.is_at(&[0, 0, 0], 0));
    assert!(!cursor.is_at(&[0, 1, 0], 0));
    let mut out = HistogramDelta::default();
    assert_eq!(cursor.advance(&[0, 1, 0], 5, &mut out), Ok(()));
    assert!(cursor.is_at(&[0, 1, 0], 5));
    assert!(!cursor.is_at(&[0, 1, 0], 6), "the sum has moved");
    assert!(!cursor.is_at(&[1, 1, 0], 5) && !cursor.is_at(&[0, 2, 0], 5), "a bucket has moved");
    assert!(Counter32::starting_at(3).is_at(3) && !Counter32::starting_at(3).is_at(4));
}

#[test]
fn the_head_alone_is_believed_only_after_a_reading_that_brought_nothing() {
    let (mut cursor, mut out) = (HistogramCursor::default(), HistogramDelta::default());
    assert!(!cursor.rests_at(0, 0), "nothing is known yet");
    assert!(cursor.stays_at(&[0, 0, 0], 0) && cursor.rests_at(0, 0));
    // The sum of a sample is there, its bucket not yet.
    assert_eq!(cursor.advance(&[0, 0, 0], 5, &mut out), Ok(()));
    assert!(!cursor.rests_at(0, 5), "something may still come");
    assert_eq!(cursor.advance(&[0, 1, 0], 5, &mut out), Ok(()));
    assert_eq!(out.buckets, [(1, 1)]);
    assert_eq!(cursor.advance(&[0, 1, 0], 5, &mut out), Ok(()));
    assert!(cursor.rests_at(0, 5));
    assert!(!cursor.rests_at(0, 6) && !cursor.rests_at(1, 5), "a sample of more than zero, and one of zero");
    assert_eq!(cursor.advance(&[1, 1, 0], 5, &mut out), Ok(()));
    assert_eq!(cursor.advance(&[1, 1, 0], 5, &mut out), Ok(()));
    assert!(cursor.rests_at(1, 5) && !cursor.rests_at(2, 5));
    // A reading that is behind brings nothing either, but is not the last one.
    assert_eq!(cursor.advance(&[1, 0, 0], 5, &mut out), Err(Behind::Race));
    assert!(!cursor.rests_at(1, 5));
}

#[test]
fn a_bucket_that_wraps_to_zero_among_zeros_is_seen() {
    let mut buckets = [0; 16];
    buckets[12] = u32::MAX;
    let mut cursor = HistogramCursor::starting_at(&buckets, 0);
    let mut out = HistogramDelta::default();
    assert_eq!(cursor.advance(&[0; 16], 3, &mut out), Ok(()));
    assert_eq!(out, HistogramDelta { buckets: vec![(12, 1)], sum: 3 });
}

#[test]
fn buckets_and_sum_wait_for_each_other() {
    let mut cursor = HistogramCursor::starting_at(&[5, 5], 100);
    let mut out = HistogramDelta::default();
    assert_eq!(cursor.advance(&[4, 9], 140, &mut out), Err(Behind::Race), "bucket behind");
    assert!(out.is_empty());
    assert_eq!(cursor.advance(&[6, 9], 99, &mut out), Err(Behind::Race), "sum behind");
    assert!(out.is_empty());
    assert_eq!(cursor.advance(&[6, 9], 150, &mut out), Ok(()));
    assert_eq!(out, HistogramDelta { buckets: vec![(0, 1), (1, 4)], sum: 50 });
}

#[test]
fn what_is_not_behind_goes_on_after_a_defect() {
    let mut cursor = HistogramCursor::starting_at(&[5, 5], 100);
    let mut out = HistogramDelta::default();
    for _ in 0..PATIENCE {
        assert_eq!(cursor.advance(&[4, 9], 140, &mut out), Err(Behind::Race));
    }
    assert_eq!(cursor.advance(&[4, 9], 140, &mut out), Err(Behind::Defect));
    assert_eq!(out, HistogramDelta { buckets: vec![(1, 4)], sum: 40 });
    assert_eq!(cursor.advance(&[6, 9], 150, &mut out), Ok(()));
    assert_eq!(out, HistogramDelta { buckets: vec![(0, 1)], sum: 10 });
}

/// Bucket, samples, and whether the next reading misses them, and as many again, because they are on their way.
type Arrival = (u16, u32, bool);

const BUCKETS: usize = 19;

fn arrivals() -> impl Strategy<Value = Vec<Vec<Arrival>>> {
    // At least one: nobody sees a bucket into which nothing has come.
    let samples = prop_oneof![4 => 1..5u32, 1 => 1..u32::MAX / 1024];
    let arrival = (0..BUCKETS as u16, samples, prop::bool::weighted(0.2));
    prop::collection::vec(prop::collection::vec(arrival, 0..4), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Whatever wraps and whichever readings miss what is on its way: what has come never exceeds the truth,
    /// and the first reading without a race brings all of it.
    #[test]
    fn a_histogram_loses_nothing(
        base in prop::collection::vec(any::<u32>(), BUCKETS),
        base_sum in any::<u64>(),
        readings in arrivals(),
    ) {
        let mut cursor = HistogramCursor::starting_at(&base, base_sum);
        let (mut raw, mut raw_sum) = (base, base_sum);
        let mut truth = HistogramValue::default();
        let mut seen = HistogramValue::default();
        let mut out = HistogramDelta::default();
        let mut missed: Vec<(u16, u32, u64)> = Vec::new();
        // The last reading misses nothing.
        for arrivals in readings.into_iter().chain([Vec::new()]) {
            for (number, samples, sum) in missed.drain(..) {
                raw[usize::from(number)] = raw[usize::from(number)].wrapping_add(samples);
                raw_sum = raw_sum.wrapping_add(sum);
            }
            for (number, samples, on_its_way) in arrivals {
                let sum = u64::from(samples) * (1 << number);
                truth.add(&HistogramDelta { buckets: vec![(number, u64::from(samples))], sum });
                let (raw, raw_sum) = (&mut raw[usize::from(number)], &mut raw_sum);
                if on_its_way {
                    // What moves may have been seen where it was.
                    let moving = samples * 2;
                    *raw = raw.wrapping_add(samples).wrapping_sub(moving);
                    let moving_sum = u64::from(moving) * (1 << number);
                    *raw_sum = raw_sum.wrapping_add(sum).wrapping_sub(moving_sum);
                    missed.push((number, moving, moving_sum));
                } else {
                    *raw = raw.wrapping_add(samples);
                    *raw_sum = raw_sum.wrapping_add(sum);
                }
            }
            let in_order = cursor.advance(&raw, raw_sum, &mut out);
            seen.add(&out);
            prop_assert!(seen.sum <= truth.sum);
            for (number, samples) in &seen.buckets {
                let true_samples = truth.buckets.iter().find(|(n, _)| n == number).map_or(0, |(_, s)| *s);
                prop_assert!(*samples <= true_samples, "bucket {number}: {samples} of {true_samples}");
            }
            if missed.is_empty() {
                prop_assert_eq!(in_order, Ok(()));
                prop_assert_eq!(&seen, &truth);
            }
            if in_order == Ok(()) {
                let sum: u128 = seen.buckets.iter().map(|(n, s)| u128::from(*s) << n).sum();
                prop_assert_eq!(sum, seen.sum, "buckets and sum are of one reading");
            }
        }
    }

    #[test]
    fn a_counter_loses_nothing(base in any::<u32>(), steps in prop::collection::vec((0..u32::MAX / 4, 0..u32::MAX / 4), 1..100)) {
        let mut counter = Counter32::starting_at(base);
        let (mut truth, mut seen) = (0, 0);
        for (by, missing) in steps {
            truth += u64::from(by);
            let raw = base.wrapping_add(truth as u32);
            seen += counter.advance(raw.wrapping_sub(missing)).unwrap_or(0);
            prop_assert!(seen <= truth);
            seen += counter.advance(raw).expect("this reading misses nothing");
            prop_assert_eq!(seen, truth);
        }
    }
}

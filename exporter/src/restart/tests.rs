use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use super::*;
use crate::{
    catalogue::{Kind, Metric, keys},
    snapshot::{Edition, Family, HistogramValue, Labels, Series, Snapshot, Value},
};

static COUNTER: Metric = Metric::of_tests("test.counter", Kind::Counter);
static SIZES: Metric = Metric::of_tests("test.sizes", Kind::Sizes);
static GAUGE: Metric = Metric::of_tests("test.gauge", Kind::Gauge);

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("restart-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for temporary files");
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("state.json")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789)
}

fn labels() -> Labels {
    Labels::new([(&keys::COMMAND, "a \"b\"\n\\c"), (&keys::CGROUP, "/é")])
}

fn snapshot() -> Snapshot {
    let family =
        |metric, value| Family { metric, series: vec![Series { labels: labels(), start: start(), value }] };
    let sizes = HistogramValue { buckets: vec![(0, 1), (250, u64::MAX)], sum: u128::MAX };
    Snapshot {
        taken: SystemTime::now(),
        edition: Edition::default(),
        families: vec![
            family(&COUNTER, Value::Counter(u64::MAX)),
            family(&SIZES, Value::Histogram(sizes.into())),
            family(&GAUGE, Value::Gauge(-1)),
        ],
    }
}

fn kept() -> State {
    State::of(&snapshot(), &HashMap::from([((&COUNTER, labels()), vec![7, u64::MAX])])).expect("a boot")
}

#[test]
fn counters_and_histograms_come_back_as_they_were() {
    let scratch = Scratch::new("back");
    keep(&kept(), &scratch.file()).expect("a folder of its own");
    let state = take(&scratch.file()).expect("just written").expect("just written");
    let (series, unknown) = state.series([&COUNTER, &SIZES, &GAUGE]);
    let Snapshot { families, .. } = snapshot();
    let expected = [(&COUNTER, vec![7, u64::MAX]), (&SIZES, vec![])].map(|(metric, cgroups)| {
        let family = families.iter().find(|family| family.metric == metric).expect("both are there");
        let value = family.series[0].value.clone();
        Kept { metric, labels: labels(), start: start(), value, cgroups }
    });
    assert_eq!((series, unknown), (expected.to_vec(), 0));
    assert!(take(&scratch.file()).expect("it is gone").is_none(), "nobody goes on from it twice");
    assert_eq!(fs::read_dir(&scratch.0).expect("its own").count(), 0, "nothing is left over");
}

#[test]
fn what_has_another_meaning_is_left_out() {
    static GAUGE_NOW: Metric = Metric::of_tests("test.counter", Kind::Gauge);
    let (series, unknown) = kept().series([&GAUGE_NOW]);
    assert_eq!((series.len(), unknown), (0, 2), "one is a gauge now, the other is gone");
    let text = serde_json::to_string(&kept()).expect("plain").replace("process.command", "process.comm");
    let state: State = serde_json::from_str(&text).expect("plain");
    assert_eq!(state.series([&COUNTER, &SIZES]).1, 2, "nobody knows the label");
}

#[test]
fn what_does_not_fit_is_refused_and_taken_away() {
    let scratch = Scratch::new("refused");
    let text = serde_json::to_string(&kept()).expect("plain");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("Linux");
    for (text, why) in [
        (text.replace(boot.trim(), "another"), "the machine has been started since"),
        (text.replace("8 per octave", "4 per octave"), "it has other buckets"),
        (text[..text.len() - 9].to_owned(), "is no state of this exporter's"),
        ("{}".to_owned(), "is no state of this exporter's"),
    ] {
        fs::write(scratch.file(), text).expect("its own");
        let error = take(&scratch.file()).expect_err(why);
        assert!(format!("{error:#}").contains(why), "{error:#}");
        assert!(!scratch.file().exists());
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let file = "/proc/nowhere/state.json".as_ref();
    for result in [keep(&kept(), file), prove_writable(file)] {
        let error = format!("{:#}", result.expect_err("no such folder"));
        assert!(error.starts_with("restart.state_file: cannot write /proc/nowhere/state.json"), "{error}");
    }
    let scratch = Scratch::new("proof");
    prove_writable(&scratch.file()).expect("its own");
    assert_eq!(fs::read_dir(&scratch.0).expect("its own").count(), 0, "nothing is left over");
}

//! The ranges in the schema are those that the loader keeps: both ends are taken, their neighbours outside are not.

use std::time::Duration;

use kernel_exporter::config::{Config, duration, json_schema};
use serde_json::{Value, json};

use crate::schema::{at, leaves};

#[test]
fn ranges_of_numbers_are_the_loader_s() {
    let mut ranges = 0;
    for (path, key) in leaves(&json_schema()) {
        let (Some(min), Some(max)) = (key["minimum"].as_i64(), key["maximum"].as_i64()) else { continue };
        let expected = format!("a whole number from {min} to {max}");
        holds(&path, [min - 1, min, max, max + 1].map(Value::from), &expected);
        ranges += 1;
    }
    assert!(ranges >= 9, "only {ranges} ranges");
}

#[test]
fn ranges_of_durations_are_the_loader_s() {
    let mut ranges = 0;
    for (path, key) in leaves(&json_schema()) {
        let end = |name: &str| duration::parse(key[name].as_str()?).ok();
        let (Some(min), Some(max)) = (end("x-minimum"), end("x-maximum")) else { continue };
        let expected = format!("a duration from {} to {}", duration::show(min), duration::show(max));
        let millisecond = Duration::from_millis(1);
        // Nothing is shorter than 0s; a negative duration is none.
        let below = min.checked_sub(millisecond).map_or_else(|| "-1ms".to_owned(), duration::show);
        let [min, max, above] = [min, max, max + millisecond].map(duration::show);
        holds(&path, [below, min, max, above].map(Value::from), &expected);
        ranges += 1;
    }
    assert!(ranges >= 6, "only {ranges} ranges");
}

/// The two values in the middle are taken at this key, the two others refused with this text.
fn holds(path: &str, [below, min, max, above]: [Value; 4], expected: &str) {
    for value in [min, max] {
        let read = read(path, &value);
        assert!(read.is_ok(), "{path}: {value}: {read:?}");
    }
    for value in [below, above] {
        let error = read(path, &value).expect_err(path);
        assert!(error.contains(expected), "{path}: {value}: {error}");
    }
}

/// A config with nothing but this value, and what it takes to have it.
fn read(path: &str, value: &Value) -> Result<Config, String> {
    let mut config = json!({});
    *at(&mut config, path) = value.clone();
    if path.starts_with("/otlp/endpoints/0/") {
        config["otlp"]["endpoints"][0]["url"] = "http://127.0.0.1:4318".into();
    }
    // The first bound may not be above the last: give both the same.
    for (one, other) in [("min_exponent", "max_exponent"), ("max_exponent", "min_exponent")] {
        if let Some(section) = path.strip_suffix(one) {
            *at(&mut config, &format!("{section}{other}")) = value.clone();
        }
    }
    Config::from_yaml("config", config.to_string().as_bytes()).map_err(|error| error.to_string())
}

//! What `config.yaml` promises, and that no input, however broken, does worse than being refused.

use std::time::{Duration, Instant};

use kernel_exporter::config::{Config, Error, ProcessesBy};
use proptest::prelude::*;

const DOCUMENTED: &str = include_str!("../../config.yaml");

fn parse(text: &str) -> Result<Config, Error> {
    Config::from_yaml("config.yaml", text.as_bytes())
}

fn message(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

#[test]
fn the_documented_config_is_the_default() {
    assert_eq!(parse(DOCUMENTED).expect("valid"), Config::default());
}

/// Puts an unknown key into every mapping of `config.yaml`; the error lists the keys that the program
/// knows there, which must be those that the file documents.
#[test]
fn every_key_is_documented() {
    let document: serde_yaml::Value = serde_yaml::from_str(DOCUMENTED).expect("valid");
    let mut mappings = vec![Vec::<String>::new()];
    let mut checked = 0;
    while let Some(path) = mappings.pop() {
        let mut changed = document.clone();
        let mapping = path.iter().fold(&mut changed, |value, key| &mut value[key.as_str()]);
        let mapping = mapping.as_mapping_mut().expect("only mappings are visited");
        let documented: Vec<_> =
            mapping.keys().map(|key| key.as_str().expect("keys are text").to_owned()).collect();
        for key in &documented {
            if mapping[key.as_str()].is_mapping() {
                mappings.push(path.iter().chain([key]).cloned().collect());
            }
        }
        mapping.insert("0".into(), "unknown".into());
        let error = message(&serde_yaml::to_string(&changed).expect("it was YAML"));
        let (_, known) = error.split_once("unknown key, expected one of: ").expect(&error);
        assert_eq!(known, documented.join(", "), "below {path:?}");
        checked += documented.len();
    }
    assert_eq!(checked, 76, "the number of keys in config.yaml");
}

#[test]
fn what_is_not_given_is_the_default() {
    for text in
        ["", "# nothing but a comment\n", "---\n", "\u{feff}", "limits:\n  # slots: 64\nlog: ~\n", "{}"]
    {
        assert_eq!(parse(text).expect(text), Config::default());
    }
    let changed =
        parse("limits: {slots: 64}\r\ncollectors: {process: {processes_by: pid}}\r\n").expect("valid");
    assert_eq!(changed.limits.slots, 64);
    assert_eq!(changed.limits.processes, Config::default().limits.processes);
    assert!(changed.collectors.process.enabled);
    assert_eq!(changed.collectors.process.processes_by, ProcessesBy::Pid);
}

/// The keys of a list's elements stand in a comment, because the list is empty by default.
#[test]
fn the_documented_endpoint_is_the_default() {
    let shown: String = DOCUMENTED
        .lines()
        .skip_while(|line| !line.contains("- url:"))
        .take_while(|line| line.starts_with("  # "))
        .map(|line| line.replacen("  #", "", 1) + "\n")
        .collect();
    let keys =
        ["url", "protocol", "headers", "timeout", "compression", "tls", "ca_file", "cert_file", "key_file"];
    for key in keys {
        assert!(
            shown.contains(&format!("{key}: ")) || shown.contains(&format!("{key}:\n")),
            "{key} in {shown}"
        );
    }
    let config = parse(&format!("otlp:\n  endpoints:\n{shown}")).expect(&shown);
    let default = parse("otlp: {endpoints: [url: http://127.0.0.1:4318]}").expect("valid");
    assert_eq!(config.otlp, default.otlp);
    let error = message("otlp: {endpoints: [{\"0\": 1}]}");
    assert!(error.ends_with("one of: url, protocol, headers, timeout, compression, tls"), "{error}");
}

/// Both ends of every range are accepted, their neighbours outside are not.
#[test]
fn ranges_are_as_documented() {
    let numbers: [(&str, i64, i64); 9] = [
        ("histograms: {scale: %}", 0, 3),
        ("histograms: {duration_bounds: {min_exponent: %, max_exponent: 27}}", -24, 27),
        ("histograms: {duration_bounds: {min_exponent: -24, max_exponent: %}}", -24, 27),
        ("histograms: {size_bounds: {min_exponent: %, max_exponent: 32}}", 0, 32),
        ("histograms: {size_bounds: {min_exponent: 0, max_exponent: %}}", 0, 32),
        ("limits: {slots: %}", 16, 65_535),
        ("limits: {processes: %}", 64, 1_048_576),
        ("limits: {label_sets_per_metric: %}", 1, 1_000_000),
        ("limits: {label_sets: %}", 1, 10_000_000),
    ];
    for (text, min, max) in numbers {
        let neighbours = [min - 1, max + 1].map(|number| number.to_string());
        let expected = format!("a whole number from {min} to {max}");
        accepts_only(text, [min.to_string(), max.to_string()], neighbours, &expected);
    }
    let durations = [
        (
            "kubernetes: {kubelet: {interval: %}}",
            ["1s", "5m"],
            ["999ms", "5m1ms"],
            "a duration from 1s to 5m",
        ),
        ("kubernetes: {patience: %}", ["0s", "1m"], ["1m1ms", "2m"], "a duration from 0s to 1m"),
        ("read_interval: %", ["1s", "5m"], ["999ms", "5m1ms"], "a duration from 1s to 5m"),
        ("otlp: {interval: %}", ["1s", "1h"], ["999ms", "1h1ms"], "a duration from 1s to 1h"),
        (
            "otlp: {endpoints: [{url: http://a, timeout: %}]}",
            ["100ms", "5m"],
            ["99ms", "5m1ms"],
            "a duration from 100ms to 5m",
        ),
        ("limits: {linger: %}", ["10s", "1h"], ["9s999ms", "1h1ms"], "a duration from 10s to 1h"),
    ];
    for (text, ends, neighbours, expected) in durations {
        accepts_only(text, ends, neighbours, expected);
    }
}

fn accepts_only<T: AsRef<str>>(text: &str, ends: [T; 2], neighbours: [T; 2], expected: &str) {
    for end in ends {
        let text = text.replace('%', end.as_ref());
        assert!(parse(&text).is_ok(), "{text}");
    }
    for neighbour in neighbours {
        let message = message(&text.replace('%', neighbour.as_ref()));
        assert!(message.contains(neighbour.as_ref()) && message.ends_with(expected), "{message}");
    }
}

/// The YAML library scans nested lists in quadratic time; the limit on the file's size is what bounds it.
#[test]
fn the_worst_file_is_refused_soon() {
    let started = Instant::now();
    assert!(parse(&"[".repeat(64 * 1024)).is_err());
    assert!(parse(&"{a: ".repeat(16 * 1024)).is_err());
    assert!(parse(&"- ".repeat(32 * 1024)).is_err());
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(message(&" ".repeat(64 * 1024 + 1)), "config.yaml: larger than 64 KiB, which no config is");
}

/// Whatever is wrong, it is said on one line that begins with the file's name.
fn is_one_line(result: &Result<Config, Error>) -> bool {
    result
        .as_ref()
        .err()
        .map(ToString::to_string)
        .is_none_or(|message| message.starts_with("config.yaml:") && !message.contains(char::is_control))
}

proptest! {
    #[test]
    fn any_bytes_are_accepted_or_explained(bytes: Vec<u8>) {
        prop_assert!(is_one_line(&Config::from_yaml("config.yaml", &bytes)));
    }

    #[test]
    fn any_yaml_is_accepted_or_explained(text in "[a-c:,\\[\\]{}&*!|>'\"%@ \t\n#?~0-9.<-]{0,60}") {
        prop_assert!(is_one_line(&parse(&text)));
    }

    /// Near misses come further than random bytes: the documented config with a few bytes replaced.
    #[test]
    fn any_damage_is_accepted_or_explained(
        at: prop::sample::Index,
        length in 0..20_usize,
        damage in prop_oneof![any::<Vec<u8>>(), "[a-z:,\\[\\]{}&*! \n0-9-]{0,8}".prop_map(String::into_bytes)],
    ) {
        let mut bytes = DOCUMENTED.as_bytes().to_vec();
        let start = at.index(bytes.len());
        let end = (start + length).min(bytes.len());
        bytes.splice(start..end, damage);
        prop_assert!(is_one_line(&Config::from_yaml("config.yaml", &bytes)));
    }
}

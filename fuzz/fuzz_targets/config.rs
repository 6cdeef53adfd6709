//! Any bytes as a config: they are refused soon, in one line, with a position that is in the file; or they are
//! accepted, and what they mean can be written down and read again.

#![no_main]

use std::time::Duration;

use kernel_exporter::config::{Config, Error, Position};
use libfuzzer_sys::fuzz_target;
use rustix::time::{ClockId, clock_gettime};

/// Longer than any config may take to read, even when every branch of it is counted.
const TOO_LONG: Duration = Duration::from_secs(1);

fuzz_target!(|bytes: &[u8]| {
    let begin = cpu_time();
    let outcome = Config::from_yaml("config.yaml", bytes);
    let taken = cpu_time().saturating_sub(begin);
    assert!(taken < TOO_LONG, "it took {taken:?}");
    match outcome {
        Ok(config) => is_read_again(config),
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("config.yaml:"), "{message:?}");
            assert!(!message.contains(char::is_control), "{message:?}");
            if let Error::Invalid { position: Some(position), .. } = error {
                lies_within(position, &String::from_utf8_lossy(bytes));
            }
        }
    }
});

/// Of this thread: others may keep the machine busy.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn is_read_again(config: Config) {
    let shown = serde_yaml::to_string(&config).expect("a config can be written");
    let again = Config::from_yaml("shown.yaml", shown.as_bytes());
    let again = again.unwrap_or_else(|error| panic!("{error}\n{shown}"));
    assert_eq!(without_secrets(again), without_secrets(config), "{shown}");
}

/// Values of headers are credentials, and not shown.
fn without_secrets(mut config: Config) -> Config {
    for endpoint in &mut config.otlp.endpoints {
        endpoint.headers = None;
    }
    config
}

/// Lines end as editors have it, or as YAML has it.
fn lies_within(Position { line, column }: Position, text: &str) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A text that does not end with a line's end is given one by the YAML library: what is missing is behind it.
    let text = &format!("{text}\n");
    let by_editors: Vec<&str> = text.split('\n').collect();
    let by_yaml = text.replace("\r\n", "\n");
    let by_yaml: Vec<&str> = by_yaml.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).collect();
    // One column behind the last character is where something is missing.
    let within = |lines: &[&str]| {
        line.checked_sub(1)
            .and_then(|line| lines.get(line))
            .is_some_and(|text| (1..=text.chars().count() + 1).contains(&column))
    };
    assert!(within(&by_editors) || within(&by_yaml), "{line}:{column} is not in the file");
}
